"""The walls of the design, kept by tests: who imports whom, where time and chance come from, how large things grow.

Each test gathers every offender, so that one run tells all that is to be mended.
"""

import ast
import copy
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import contracts
import mockserver
from mockserver.vendor import FILES, load, shipped
from tests.conftest import Tenant

ROOT = Path(__file__).parents[1]
MODULE_LINES, FUNCTION_LINES = 400, 60
WEB = {"connexion", "flask", "starlette", "uvicorn", "a2wsgi", "httpx", "werkzeug", "asgiref", "requests", "h11"}
ROOMS = ("app", "cli", "control", "gate", "listing", "reception", "serve", "webhooks", "wire")
FRONT = {f"mockserver.{room}" for room in ROOMS}
CHANCE = {"random", "uuid", "secrets", "time", "faker"}
MAKERS = {
    "dict", "list", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray", "WeakValueDictionary",
    "count", "cycle", "iter", "ContextVar", "local",
}  # fmt: skip
CHANGERS = {
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "add", "discard", "update", "setdefault",
    "popitem", "appendleft", "popleft",
}  # fmt: skip
Offences = dict[str, list[str]]


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def offences(paths: Iterable[Path], find: Callable[[Path], Iterable[str]]) -> Offences:
    """File -> what is wrong there, for the files in which something is."""
    found = {str(path.relative_to(ROOT)): sorted(find(path)) for path in paths}
    assert found, "no file was looked at"
    return {path: wrong for path, wrong in found.items() if wrong}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file, by its full name and by those of its parents."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.rsplit(".", drop)[0] for name in names for drop in range(name.count(".") + 1)}


def calls(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}


# Who imports whom


def test_engine__imports_no_web_framework() -> None:
    assert offences(sources("mockserver/engine", "mockserver/vendors"), lambda path: imports(path) & WEB) == {}


def test_engine__brings_no_web_framework_with_it() -> None:
    names = [f"mockserver.engine.{module.name}" for module in pkgutil.iter_modules([str(ROOT / "mockserver/engine")])]
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "mockserver.engine.stage" in loaded.split()
    assert not set(loaded.split()) & WEB


def test_engine__does_not_know_the_rooms_in_front_of_it() -> None:
    assert offences(sources("mockserver/engine"), lambda path: imports(path) & FRONT) == {}


def test_mockserver__never_imports_contracts() -> None:
    assert offences(sources("mockserver"), lambda path: imports(path) & {"contracts"}) == {}


def test_connexion__is_imported_by_the_gate_only() -> None:
    found = offences(sources("mockserver", "contracts"), lambda path: imports(path) & {"connexion"})
    assert list(found) == ["mockserver/gate.py"]


# Time and chance


def test_time_and_chance__come_from_chance_only() -> None:
    def find(path: Path) -> set[str]:
        asked = {call for call in calls(path) if re.search(r"\bdate(time)?\.(utc)?(now|today)$|random$|\.time$", call)}
        return asked | (imports(path) & CHANCE)

    assert list(offences(sources("mockserver"), find)) == ["mockserver/engine/chance.py"]


# State


def is_mutable(node: ast.expr | None) -> bool:
    """Is it a container that can change, or a call that makes one?"""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] in MAKERS
    return isinstance(node, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


def mutables(body: list[ast.stmt]) -> set[str]:
    """The names of a module or class that stand for such a container."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_mutable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def changes(path: Path, in_modules: set[str], in_classes: set[str]) -> Iterator[str]:
    """Places that change what one of these names stands for, here or in another module, or rebind by `global`."""
    for node in ast.walk(tree(path)):
        touched: list[ast.expr] = []
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: global {', '.join(node.names)}"
        elif isinstance(node, ast.Assign | ast.Delete):
            touched = [target.value for target in node.targets if isinstance(target, ast.Subscript)]
        elif isinstance(node, ast.AugAssign):
            touched = [node.target.value if isinstance(node.target, ast.Subscript) else node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGERS:
            touched = [node.func.value]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "next":
            touched = node.args[:1]
        for part in touched:
            owner, _, name = ast.unparse(part).rpartition(".")
            if name in in_classes or (name in in_modules and owner != "self"):
                yield f"{node.lineno}: {ast.unparse(node)[:80]}"


def test_state__nobody_changes_what_stands_in_a_module_or_class() -> None:
    paths = sources("mockserver")
    in_modules = {name for path in paths for name in mutables(tree(path).body)}
    classes = [node for path in paths for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    in_classes = {name for one in classes for name in mutables(one.body)}
    assert offences(paths, lambda path: changes(path, in_modules, in_classes)) == {}


def test_state__no_function_of_a_module_remembers() -> None:
    def find(path: Path) -> set[str]:
        functions = [node for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        return {one.name for one in functions if any("cache" in ast.unparse(mark) for mark in one.decorator_list)}

    assert offences(sources("mockserver"), find) == {}


def containers() -> dict[str, Any]:
    """Everything mutable that stands in a module of the mock, as it is now."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.split(".")[0] == "mockserver"]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, dict | list | set | bytearray) and not name.startswith("__")
    }


def test_state__playing_changes_nothing_in_any_module(open_tenant: Callable[..., Tenant]) -> None:
    open_tenant()
    before = copy.deepcopy(containers())
    for tenant in (open_tenant(seed=2), open_tenant(limits="off", name="w")):
        task = tenant.create()
        tenant.call("PATCH", f"/tasks/{task['id']}", json={"label": 5})
        tenant.call("DELETE", f"/tasks/{task['id']}")
        tenant.call("GET", "/boards", headers={"Prefer": "code=429", "Origin": "http://x"})
        tenant.control("POST", "/reset")
    assert len(before) > 3
    assert containers() == before


# Sizes


def test_size__of_modules_and_functions() -> None:
    def find(path: Path) -> Iterator[str]:
        lines = len(path.read_text().splitlines())
        if lines > MODULE_LINES:
            yield f"{lines} lines"
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{node.name} has {length} lines"

    assert offences(sources("mockserver", "contracts"), find) == {}


def test_module__says_why_it_is_there() -> None:
    assert (
        offences(sources("mockserver", "contracts"), lambda path: [] if ast.get_docstring(tree(path)) else ["?"]) == {}
    )


def test_module__can_be_imported_by_itself() -> None:
    def names(package: ModuleType) -> list[str]:
        return [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]

    for name in [*names(mockserver), *names(contracts)]:
        assert importlib.import_module(name)


# Vendors


def test_vendor__is_named_by_no_room() -> None:
    words = {"kanman", "kanbert", "kantata", "geotareas"}
    for vendor in map(load, shipped()):
        words |= {vendor.name.lower(), vendor.title.lower(), vendor.base_url.split("/")[2].lower()}
    rooms = [path for path in sources("mockserver", "contracts") if not {"vendors", "rules"} & set(path.parts)]
    assert offences(rooms, lambda path: [word for word in words if word in path.read_text().lower()]) == {}


@pytest.mark.parametrize("folder", ["mockserver/vendors", "contracts/rules"])
def test_vendor__has_its_name_on_its_own_code(folder: str) -> None:
    names = {path.stem for path in sources(folder)} - {"__init__"}
    assert [name for name in names if not name.startswith(tuple(shipped()))] == []


@pytest.mark.parametrize("name", shipped())
def test_vendor__has_its_five_files_and_no_more(name: str) -> None:
    folder = ROOT / "openapi" / name
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert all(path.stat().st_size > 100 for path in folder.iterdir())


# What is shipped


def test_shipped__names_no_path_of_somebody_s_machine() -> None:
    places = [
        "mockserver",
        "contracts",
        "openapi",
        "fixtures",
        "Makefile",
        "pyproject.toml",
        "requirements.lock",
        ".ci",
    ]
    found = [path for place in places for path in [ROOT / place, *(ROOT / place).rglob("*")]] + [*ROOT.glob("*.md")]
    paths = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
    somewhere = re.compile(r"(?<![\w.~:{}])/(?:work|tmp|home|root|Users)/\S*")
    assert offences(paths, lambda path: somewhere.findall(path.read_text(errors="replace"))) == {}
