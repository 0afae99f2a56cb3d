"""The courier: carries what worlds have to tell their subscribers, over HTTP, after the request was answered.

For each subscription there is one task as long as something is due, and for each world at most one timer. What is due
is a matter of the world's clock; how long a receiver may take is a matter of real seconds.
"""

import asyncio
import logging
import ssl
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mockserver.engine.outbox import Delivery, Outbox
from mockserver.engine.world import World

if TYPE_CHECKING:
    import httpx

_LONGEST_SLEEP = 3600.0  # seconds
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})

log = logging.getLogger(__name__)


class Courier:
    """Belongs to one event loop: that of the app. With `stays_here` it goes to receivers on this machine only."""

    def __init__(self, *, stays_here: bool = False) -> None:
        self._stays_here = stays_here
        self._tasks: dict[tuple[World, Any], asyncio.Task[None]] = {}
        self._timers: dict[World, asyncio.TimerHandle] = {}
        self._is_closed = False

    def wake(self, world: World) -> None:
        """See to it that what is due in a world is delivered, now and whenever else is."""
        outbox = world.outbox
        if outbox is None or outbox.is_idle or self._is_closed:
            return
        for subscription in outbox.due():
            if (world, subscription) not in self._tasks:
                task = asyncio.create_task(self._carry(world, outbox, subscription))
                self._tasks[world, subscription] = task
        self._set_timer(world, outbox)

    async def deliver(self, world: World) -> None:
        """Deliver what is due in a world, and return when that is done."""
        self.wake(world)
        while tasks := [task for (place, _), task in self._tasks.items() if place is world]:
            await asyncio.wait(tasks)

    async def forget(self, world: World) -> None:
        """Deliver nothing more of a world; what was under way counts as not tried."""
        if (timer := self._timers.pop(world, None)) is not None:
            timer.cancel()
        tasks = [task for (place, _), task in self._tasks.items() if place is world]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Stop at once; what was under way counts as not tried."""
        self._is_closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _set_timer(self, world: World, outbox: Outbox) -> None:
        """Come back when something becomes due of itself, which it does only while the clock runs."""
        if (timer := self._timers.pop(world, None)) is not None:
            timer.cancel()
        due = None if world.clock.frozen else outbox.next_due()
        if due is not None:
            seconds = min(max(due - world.clock.now(), 0.0) + 0.001, _LONGEST_SLEEP)
            self._timers[world] = asyncio.get_running_loop().call_later(seconds, self.wake, world)

    async def _carry(self, world: World, outbox: Outbox, subscription: Any) -> None:
        """Deliver to one subscription as long as something is due and the world has not been reset."""
        try:
            while world.outbox is outbox and (delivery := outbox.take(subscription)) is not None:
                status, problem = await self._post(outbox, delivery)
                outbox.settle(delivery, status, problem)
                world.save()
        except Exception:
            log.exception("delivering to the subscription %s went wrong", subscription)
            return
        finally:
            del self._tasks[world, subscription]
        self.wake(world)

    async def _post(self, outbox: Outbox, delivery: Delivery) -> tuple[int | None, str | None]:
        """One try: the status of the answer, and what is wrong where it is no success."""
        import httpx  # here: it takes a tenth of a start, and few have subscribers

        timeout = outbox.profile.timeout
        try:
            async with asyncio.timeout(timeout), self._client() as client:
                request = client.build_request(
                    "POST", delivery.url, headers=outbox.headers(delivery), content=delivery.body
                )
                if self._stays_here and request.url.host not in _HERE:
                    return None, "only receivers on this machine are told"
                answer = await client.send(request, stream=True)  # its body is of no interest
                await answer.aclose()
        except TimeoutError:
            return None, f"no answer within {timeout:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return None, (str(error) or type(error).__name__).splitlines()[0]
        return answer.status_code, f"the answer was {answer.status_code}"

    def _client(self) -> "httpx.AsyncClient":
        """Proxies of the environment are not used: a receiver is where its URL says."""
        import httpx

        return httpx.AsyncClient(
            verify=self._tls,
            timeout=None,
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "Proofboard"},
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import httpx

        return httpx.create_ssl_context()
