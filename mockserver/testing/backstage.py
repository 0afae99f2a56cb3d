"""The thread behind the tests in which mocks are played: one event loop, so that nothing meets halfway."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from mockserver.app import App
from mockserver.testing.lookup import NotArranged, Unknown
from mockserver.vendor import Vendor
from mockserver.webhooks import Courier

T = TypeVar("T")
P = ParamSpec("P")


@dataclass
class Mock:
    """One mock: a vendor with settings. `names` are those of the worlds that tests have open."""

    vendor: Vendor
    app: App
    courier: Courier
    names: set[str] = field(default_factory=set)


class Backstage:
    """An event loop in a thread of its own. A test, its own loop if it has one, and its client are in front of it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proofboard", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        __tracebackhide__ = True
        try:
            return self.start(work).result()
        except (Unknown, NotArranged) as error:  # a word to whoever wrote the test, who need not see what is behind it
            raise error.with_traceback(None) from None

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function answers when the loop calls it, between two requests."""
        __tracebackhide__ = True

        async def work() -> T:
            __tracebackhide__ = True
            return function(*args, **kwargs)

        return self.run(work())

    def close(self) -> None:
        self.run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_tasks() -> None:
    """What is still under way, such as an answer that nobody waits for any more."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
