"""What neither a schema nor a law can judge: functions marked with the ids of ledger rules, a module for each vendor.

A vendor may spread its functions over further modules, named `<vendor>_<part>`, which its own module imports.
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType

from contracts.tenant import Tenant

Check = Callable[[Tenant], Iterator[None] | None]

_MARK = "judges"


def rule(*ids: str) -> Callable[[Check], Check]:
    """Mark a function as the judge of these rules. It raises `Broken` or `NotJudged`, and returns when they hold."""

    def mark(check: Check) -> Check:
        check.__dict__[_MARK] = ids
        return check

    return mark


def load(vendor_name: str) -> Mapping[str, Check]:
    """Rule id -> its judge, for one vendor; empty where the vendor has no module. Two judges for a rule are refused."""
    name = f"{__name__}.{vendor_name}"
    if importlib.util.find_spec(name) is None:
        return {}
    judges: dict[str, Check] = {}
    for check in _checks(importlib.import_module(name), name):
        for id_ in check.__dict__[_MARK]:
            if judges.setdefault(id_, check) is not check:
                raise ValueError(f"{id_} has two judges: {_place(judges[id_])} and {_place(check)}")
    return judges


def _checks(module: ModuleType, name: str) -> Iterator[FunctionType]:
    """The marked functions of a module and of the parts that it imports."""
    for value in vars(module).values():
        if isinstance(value, ModuleType) and value.__name__.startswith(f"{name}_"):
            yield from _checks(value, name)
        elif isinstance(value, FunctionType) and _MARK in value.__dict__:
            yield value


def _place(check: Check) -> str:
    return f"{check.__module__}.{check.__qualname__}"
