#!/bin/sh
# Installs what tests/test_browser.py drives: Debian's chromium. Does nothing where there is one, or where it may not install;
# says which in one line. The exit code is 0 unless an installation was tried and failed.
set -eu

if command -v chromium >/dev/null 2>&1; then
    echo "chromium is installed: $(chromium --version 2>/dev/null || echo 'version unknown')"
elif ! command -v apt-get >/dev/null 2>&1; then
    echo "chromium is not installed, and there is no apt-get to install it with; tests/test_browser.py needs it"
elif [ "$(id -u)" -ne 0 ]; then
    echo "chromium is not installed, and only root may install it: run 'sudo $0'; tests/test_browser.py needs it"
else
    echo "installing chromium"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
    chromium --version
fi
