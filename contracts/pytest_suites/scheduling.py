"""Which process of a session with `-n` gets which tests. Imported only where pytest-xdist is at work."""

from collections.abc import Callable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from contracts.pytest_suites.cases import EVIDENCE
from contracts.pytest_suites.order import PREFIX


class Spread(LoadScopeScheduling):
    """Tests of one scope go to one process: those of a check, or all that talk to a tenant.

    `scope_of` names the scope of a test of ours, and None for others', which are spread as `--dist` says. `finish` is
    called when all have told what they have seen, so that what the whole run has shown can be judged.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Any,
        scope_of: Callable[[str], str | None],
        finish: Callable[[], None],
    ) -> None:
        super().__init__(config, log)
        self._scope_of = scope_of
        self._finish = finish
        self._left: set[str] = set()

    def _split_scope(self, nodeid: str) -> str:
        ours = self._scope_of(nodeid)
        return _scope_of_others(nodeid, self.config.getoption("dist")) if ours is None else ours

    def add_node_collection(self, node: WorkerController, collection: Any) -> None:
        """The tests that others wait for are known with the first collection."""
        super().add_node_collection(node, collection)
        if not self._left:
            scopes = {nodeid: self._scope_of(nodeid) for nodeid in collection}
            self._left = {nodeid for nodeid, scope in scopes.items() if scope not in (None, f"{PREFIX}::{EVIDENCE}")}

    def schedule(self) -> None:
        """In the order of the collection: what looks at the whole run is last there, and shall not come first."""
        self.config.option.loadscopereorder = False
        super().schedule()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        self._left.discard(self.registered_collections[node][item_index])
        if not self._left:
            self._finish()
        super().mark_test_complete(node, item_index, duration)

    def remove_node(self, node: WorkerController) -> str | None:
        """After a crash nobody waits for what was lost."""
        crashed: str | None = super().remove_node(node)
        if crashed is not None:
            self._finish()
        return crashed


def _scope_of_others(nodeid: str, dist: str) -> str:
    """As the schedulers of pytest-xdist do; by `load` and `worksteal` each test is by itself."""
    if dist == "loadfile":
        return nodeid.split("::", 1)[0]
    if dist == "loadscope":
        return nodeid.rsplit("::", 1)[0]
    if dist == "loadgroup" and nodeid.rfind("@") > nodeid.rfind("]"):
        return nodeid.split("@")[-1]
    return nodeid
