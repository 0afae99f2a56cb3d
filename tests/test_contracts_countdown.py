"""What a whole run on a tenant sees of its quotas, without a request of its own."""

from collections.abc import Iterable
from itertools import count

import pytest

from contracts.countdown import Countdown
from contracts.findings import Exchange, Headers
from mockserver.vendor import Rule, Vendor, load

_RESET = "2026-04-01T00:00:00Z"


def _exchange(left: int, *, number: int, reset: str = _RESET, method: str = "PATCH", **told: object) -> Exchange:
    headers = {"X-RateLimit-Limit": "12000", "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": reset}
    parts: dict[str, object] = {
        "url": f"http://tenant.example/v1/tasks/{number}",
        "path": f"/v1/tasks/{number}",
        "status": 200,
        "operation": "updateTask",
        "caller": "owner",
    }
    return Exchange(
        **{
            "method": method,
            "request_headers": Headers([]),
            "request_body": None,
            "headers": Headers(list(headers.items())),
            "body": b"{}",
            "elapsed": 0.01,
            **parts,
            **told,
        }  # type: ignore[arg-type]  # the parts differ in their types
    )


def _breaches(vendor: Vendor, exchanges: Iterable[Exchange], *, pause: float = 0.1) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    clock = count()

    def tell(rule: Rule, what: str, exchange: Exchange) -> None:
        found.append((rule.id, what))

    watching = Countdown(vendor, lambda: next(clock) * pause, tell)
    for exchange in exchanges:
        watching.watch(exchange)
    return found


@pytest.fixture(scope="module")
def kanman() -> Vendor:
    return load("kanman")


@pytest.fixture(scope="module")
def geotareas() -> Vendor:
    return load("geotareas")


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ([900] * 41, "X-RateLimit-Remaining stood still while 40 calls were made one after the other"),
        ([5, 6, 7, 8, 9], "X-RateLimit-Remaining grew by one with each of 4 calls"),
    ],
)
def test_countdown__a_month_that_does_not_count_the_calls_is_told_once(
    kanman: Vendor, told: Iterable[int], what: str
) -> None:
    exchanges = [_exchange(left, number=number) for number, left in enumerate(told)]
    assert _breaches(kanman, exchanges * 2) == [("KM-052", what)]


@pytest.mark.parametrize(
    "told",
    [
        range(900, 800, -1),
        range(900, 800, -2),  # somebody calls whenever we do
        [900, 898, 897, 895, 893, 892, 888] * 5,  # others are at work, and nodes that count apart
        [900] * 40,  # who adds up from time to time
        [5, 6, 7, 7, 8, 9],
        [12000] * 60,  # quotas are not counted on this tenant
    ],
)
def test_countdown__calls_of_others_and_loose_counting_are_no_breach(kanman: Vendor, told: Iterable[int]) -> None:
    assert _breaches(kanman, [_exchange(left, number=number) for number, left in enumerate(told)]) == []


def test_countdown__a_stored_answer_may_be_told_again(kanman: Vendor) -> None:
    assert _breaches(kanman, [_exchange(900, number=1, method="GET") for _ in range(60)]) == []


def test_countdown__another_month_begins_anew(kanman: Vendor) -> None:
    months = [_exchange(11999, number=number, reset=f"20{number:02}-01-01T00:00:00Z") for number in range(26, 90)]
    assert _breaches(kanman, months) == []


def test_countdown__what_is_not_counted_says_nothing(kanman: Vendor) -> None:
    refused = [_exchange(900, number=number, status=status) for status in (401, 429, 502) for number in range(60)]
    strangers = [_exchange(900, number=number, caller=None) for number in range(60)]
    assert _breaches(kanman, refused + strangers) == []


def _comment(left: int, number: int, operation: str = "addCardComment") -> Exchange:
    return _exchange(left, number=number, reset="1775037600", operation=operation, method="POST")


def test_countdown__a_window_stands_still_in_a_burst_only(geotareas: Vendor) -> None:
    """In a minute as many calls may have left as have come."""
    burst = [_comment(20, number) for number in range(9)]
    assert [rule for rule, _ in _breaches(geotareas, burst)] == ["GT-032"]
    assert _breaches(geotareas, burst, pause=8.0) == []


def test_countdown__calls_that_leave_a_window_make_room_for_those_that_come(geotareas: Vendor) -> None:
    """Who has waited for the first of thirty calls to leave sees each next one leave when a call is made."""
    early = [_comment(29 - number, number) for number in range(30)]
    found: list[str] = []
    moments = iter([number * 0.1 for number in range(30)] + [60 + number * 0.1 for number in range(30)])
    watching = Countdown(geotareas, lambda: next(moments), lambda rule, what, exchange: found.append(what))
    for exchange in [*early, *(_comment(0, number) for number in range(30, 60))]:
        watching.watch(exchange)
    assert found == []


def test_countdown__operations_may_share_a_window(geotareas: Vendor) -> None:
    calls = [
        _comment(29 - number, number, "addCardComment" if number % 2 else "listCardComments") for number in range(25)
    ]
    assert _breaches(geotareas, calls) == []
