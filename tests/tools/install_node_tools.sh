#!/bin/sh
# Installs what tests/test_redocly.py and tests/test_prism.py drive into .cache/npm: the packages of tests/tools/package.json.
# Does nothing where they are there, or where there is no node and npm; says which in one line. The exit code is 0 unless an
# installation was tried and failed.
set -eu
cd "$(dirname "$0")/../.."

wanted=tests/tools/package.json
cache=.cache/npm
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "node and npm are not installed; tests/test_redocly.py and tests/test_prism.py need them"
elif cmp -s "$wanted" "$cache/package.json" && [ -x "$cache/node_modules/.bin/redocly" ] && [ -x "$cache/node_modules/.bin/prism" ]; then
    echo "Redocly's linter and Prism are installed in $cache"
else
    echo "installing Redocly's linter and Prism into $cache"
    mkdir -p "$cache"
    cp "$wanted" "$cache/package.json"
    rm -f "$cache/package-lock.json"
    npm install --prefix "$cache" --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null
fi
