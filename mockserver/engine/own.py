"""The vendor's own functions, found by their names: what a table cannot say."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any


class Own:
    """The module `mockserver.vendors.<vendor>`, where there is one."""

    def __init__(self, vendor: str) -> None:
        self._name = f"mockserver.vendors.{vendor}"
        self._module = import_module(self._name) if find_spec(self._name) else None

    def find(self, name: str) -> Callable[..., Any] | None:
        found: Callable[..., Any] | None = getattr(self._module, name, None)
        return found

    def demand(self, name: str) -> Callable[..., Any]:
        """The function of that name; LookupError when behaviour.yaml needs one that nobody wrote."""
        found = self.find(name)
        if found is None:
            raise LookupError(f"{self._name} has no function {name}, which behaviour.yaml needs")
        return found
