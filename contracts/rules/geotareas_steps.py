"""What GeoTareas' checks do all the time: log in, move a task, write a comment, list. No rule is judged here."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from contracts.expecting import (
    expect,
    expect_status,
    known,
    stand_in,
)
from contracts.findings import Broken, NotJudged
from contracts.laws.terms import Record, brief, record_of, short
from contracts.tenant import Answer, Tenant

ROOT = "/apidev/v1"
LISTS = ("listWorkspaces", "listBoardCards", "listCardComments")
OTHER_DRIVER = "1200000000000002"
FOREIGN_DRIVER = "1200000000000091"
OTHER_BOARD = "8391728491728492"
FOREIGN_BOARD = "8391728491728591"
_PATIENCE = 20  # seconds that a tenant's caches may take
Seen = TypeVar("Seen")


class Page(NamedTuple):
    """A list as an answer shows it."""

    items: list[Record]
    meta: Record
    answer: Answer

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.items]


def expect_refusal(answer: Answer, what: str, status: int, code: str) -> None:
    expect_status(answer, what, status)
    given = answer.error_code()
    expect(given == code, f"{what}: expected the code {code!r}, got {given!r}", answer)


def data_of(answer: Answer, what: str, *statuses: int) -> Record:
    """What a success holds."""
    expect_status(answer, what, *(statuses or (200,)))
    body = answer.json()
    return record_of(body.get("data") if isinstance(body, dict) else None, what, answer)


def page_of(answer: Answer, what: str) -> Page:
    expect_status(answer, what, 200)
    body = answer.json()
    items, meta = (body.get(name) if isinstance(body, dict) else None for name in ("data", "meta"))
    if not isinstance(items, list):
        raise Broken(f"{what}: expected a list, got {brief(answer)}", answer)
    return Page([record_of(item, what, answer) for item in items], record_of(meta, what, answer), answer)


def total(page: Page) -> int:
    found = page.meta["total"]
    if type(found) is not int:
        raise Broken(f"expected meta.total to be a whole number, got {short(found)}", page.answer)
    return found


def now(tenant: Tenant) -> str:
    """The moment as the stand-in prints it; its clock has to stand still."""
    return f"{tenant.needs_clock().now():%Y-%m-%dT%H:%M:%S}"


def still(tenant: Tenant) -> Tenant:
    """A fresh world whose clock stands still, at a whole second, and whose limits are not waited for."""
    world = tenant.fresh_world()
    world.is_patient = False
    clock = world.needs_clock()
    clock.set(f"{clock.freeze():%Y-%m-%dT%H:%M:%SZ}")
    return world


def eventually(tenant: Tenant, look: Callable[[], Seen], is_there: Callable[[Seen], bool]) -> Seen:
    """What is seen once it is there, or in the end; a tenant is asked again until its caches are old."""
    seen = look()
    watch = tenant.target.guard.watch
    began = watch.monotonic()
    while not tenant.is_mock and not is_there(seen) and watch.monotonic() - began < _PATIENCE:
        watch.sleep(4)
        seen = look()
    return seen


# Comments


def comments(tenant: Tenant, card: str | None = None, *, caller: str = "owner", **query: Any) -> Page:
    card = card or known(tenant, "card_id")
    answer = tenant.call("listCardComments", path={"id": card}, query=query, caller=caller)
    return page_of(answer, f"the comments of {card}")


def text(tenant: Tenant, words: str) -> str:
    """A text that no other comment has."""
    return f"{words} {tenant.chance.randrange(10**9)} [{tenant.target.mark}]"


def send_comment(tenant: Tenant, body: Mapping[str, Any], card: str | None = None, *, caller: str = "owner") -> Answer:
    path = {"id": card or known(tenant, "card_id")}
    return tenant.call("addCardComment", path=path, json=dict(body), caller=caller)


def comment(tenant: Tenant, words: str = "Contract check", **more: Any) -> Record:
    """A new comment on the known card."""
    return data_of(send_comment(tenant, {"text": text(tenant, words), **more}), "addCardComment", 201)


def listed(tenant: Tenant, identity: str, card: str | None = None) -> Record:
    """A comment as the list shows it; Broken when it is not there."""
    page = eventually(tenant, lambda: comments(tenant, card, limit=100), lambda seen: identity in seen.ids)
    expect(identity in page.ids, f"expected the comment {identity} in the list, got {short(page.ids[:5])}", page.answer)
    return next(item for item in page.items if item["id"] == identity)


# Tasks


def state(world: Tenant, body: Mapping[str, Any], task: str | None = None, *, caller: str = "owner") -> Answer:
    path = {"taskId": task or known(world, "task_id")}
    sent = {"board_id": known(world, "board_id"), **body}
    return world.call("setTaskState", path=path, json=sent, caller=caller)


def moved(world: Tenant, target: str, task: str | None = None, **more: Any) -> Record:
    """A move that the workflow has."""
    return data_of(state(world, {"target_status": target, **more}, task), f"setTaskState to {target}")


def movable(tenant: Tenant) -> Tenant:
    """A fresh world, in which tasks may be moved: no operation makes one that would be ours."""
    stand_in(tenant, "no task that a run may change can be made")
    return tenant.fresh_world()


def stored(world: Tenant, task: str) -> dict[str, Any]:
    """A task as the world keeps it: no operation reads one."""
    control = world.target.control
    if control is None or world.world is None:
        raise NotJudged("no operation reads a task")
    records = control.records(world.world, world.vendor.name, "tasks")
    return next(record for record in records if record["id"] == task)


# Cards


def cards(tenant: Tenant, board: str | None = None, *, limit: int = 100, **query: Any) -> list[Record]:
    """All cards that fit, page by page."""
    found: list[Record] = []
    path = {"id": board or known(tenant, "board_id")}
    for _ in range(50):
        asked = {**query, "limit": limit, "offset": len(found)}
        page = page_of(tenant.call("listBoardCards", path=path, query=asked), f"the cards with {short(query)}")
        found += page.items
        if not page.items or len(found) >= total(page):
            break
    return found


def card_ids(records: list[Record]) -> list[str]:
    return [record["id"] for record in records]


# Login


def login(world: Tenant, caller: str = "owner", **changed: Any) -> Answer:
    """Log in as a caller of the stand-in's, with another e-mail address or password if they are given."""
    stand_in(world, "on a tenant only the callers of the run log in")
    credentials = world.vendor.callers[caller].login
    if credentials is None:
        raise NotJudged(f"{caller} cannot log in")
    return send_login(world, {**credentials, **changed}, caller)


def send_login(world: Tenant, body: Any, caller: str = "owner") -> Answer:
    headers: dict[str, str | None] = {"tenant": world.headers(caller)["tenant"]}
    return world.call("login", caller=None, headers=headers, json=body)


def token_of(answer: Answer) -> str:
    token = data_of(answer, "login")["authorization"]
    if not isinstance(token, str):
        raise Broken(f"login: expected a token, got {short(token)}", answer)
    return token


def call_with(world: Tenant, token: str, operation: str = "listWorkspaces") -> Answer:
    """A call with a token of its own, and the owner's other headers."""
    return world.call(operation, headers={"Authorization": f"Bearer {token}"})
