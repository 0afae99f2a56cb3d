"""Webhooks end to end: a mock, a receiver of our own, and a clock that is moved."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.receiver import Inbox, Reaction, Receiver, receiving
from mockserver.app import create_app
from mockserver.settings import Settings
from mockserver.vendor import Vendor
from mockserver.webhooks import Courier
from tests.conftest import InProcess, Tenant
from tests.tools.hooked_toy import hooked_toy
from tests.tools.serving import end, serve

PATIENCE = 20.0  # real seconds, for a loaded machine
FAILS = Reaction(500)
EVERYTHING = ["note.made", "note.changed", "note.gone"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def toy(tmp_path: Path) -> Vendor:
    return hooked_toy(tmp_path / "toy")


@pytest.fixture
def world(toy: Vendor, open_tenant: Callable[..., Tenant]) -> Tenant:
    """A world whose clock stands still. Its mock only moves while it is asked something."""
    return open_tenant(toy)


def subscribe(tenant: Tenant, to: str, **fields: Any) -> dict[str, Any]:
    body = {"to": to, "wanted": EVERYTHING, "shelf": "here", **fields}
    return dict(tenant.call("POST", "/hooks", json=body).raise_for_status().json())


def write(tenant: Tenant, text: str = "Tea") -> str:
    """A new note; its id."""
    answer = tenant.call("POST", "/notes", json={"text": text, "shelf": "here"}).raise_for_status()
    return str(answer.json()["note"]["id"])


def rewrite(tenant: Tenant, note: str, text: str) -> None:
    tenant.call("PATCH", f"/notes/{note}", json={"text": text}).raise_for_status()


def deliver(tenant: Tenant) -> list[dict[str, Any]]:
    answer = tenant.control("POST", "/deliveries").raise_for_status()
    return list(answer.json()["deliveries"])


def shown(tenant: Tenant) -> list[dict[str, Any]]:
    return list(tenant.control("GET", "/deliveries").raise_for_status().json()["deliveries"])


def advance(tenant: Tenant, seconds: float) -> None:
    tenant.control("POST", "/clock", json={"advance": seconds}).raise_for_status()


def heard(inbox: Inbox) -> list[tuple[str, str]]:
    """Event and text of what has arrived."""
    payloads = [json.loads(one.body) for one in inbox.received]
    return [(one["event"], one["data"]["text"]) for one in payloads]


def wait_for(inbox: Inbox, number: int) -> None:
    """Until so much has arrived of itself."""
    ends = time.monotonic() + PATIENCE
    while len(inbox.received) < number:
        assert time.monotonic() < ends, f"{len(inbox.received)} of {number} have arrived"
        time.sleep(0.01)


# Delivering


def test_delivery__tells_of_each_change_in_order(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox()
    subscribe(world, inbox.url)
    note = write(world)
    rewrite(world, note, "Coffee")
    world.call("DELETE", f"/notes/{note}").raise_for_status()
    deliver(world)
    assert heard(inbox) == [("note.made", "Tea"), ("note.changed", "Coffee"), ("note.gone", "Coffee")]


def test_delivery__is_a_signed_post_without_credentials(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox()
    hook = subscribe(world, inbox.url)
    write(world, "a/é")
    (told,) = deliver(world)
    (received,) = inbox.received
    assert received.method == "POST"
    assert received.body.decode() == told["payload"]
    assert rb'"text":"a\/\u00e9"' in received.body
    assert received.headers["x-toy-signature"] == told["headers"]["X-Toy-Signature"]
    assert len(hook["secret"]) == 40
    assert sorted(received.headers) == [
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-toy-signature",
    ]


def test_delivery__of_many_keeps_the_order_of_the_changes(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox()
    subscribe(world, inbox.url)
    texts = [f"Note {number}" for number in range(30)]
    for text in texts:
        write(world, text)
    deliver(world)
    assert heard(inbox) == [("note.made", text) for text in texts]


def test_delivery__of_a_refused_request_is_none(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox()
    subscribe(world, inbox.url)
    note = write(world)
    deliver(world)
    world.call("POST", "/notes", json={"text": ""})
    world.call("PATCH", f"/notes/{note}", caller=None, json={"text": "Coffee"})
    rewrite(world, note, "Tea")  # as it is
    assert [one["tries"] for one in deliver(world)] == [1]
    assert len(inbox.received) == 1


def test_worlds__tell_only_their_own_subscribers(toy: Vendor, open_tenant: Callable[..., Tenant]) -> None:
    one = open_tenant(toy)
    other = Tenant(one.client, toy, "another")
    subscribe(other, "http://127.0.0.1:9/")
    write(one)
    assert deliver(one) == []


# Trying again


def test_retry__comes_when_the_clock_is_moved(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox(FAILS, FAILS, Reaction())
    subscribe(world, inbox.url)
    write(world)
    deliver(world)
    advance(world, 9)
    assert len(inbox.received) == 1
    advance(world, 1)
    assert len(inbox.received) == 2
    advance(world, 100)
    assert [(one["state"], one["tries"], one["status"]) for one in shown(world)] == [("delivered", 3, 200)]


def test_retry__ends_after_the_last_one(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox(FAILS)
    subscribe(world, inbox.url)
    write(world)
    for _ in range(5):
        advance(world, 1000)
    assert len(inbox.received) == 3
    assert [(one["state"], one["due"]) for one in shown(world)] == [("dropped", None)]


@pytest.mark.parametrize("reaction", [Reaction(204), Reaction(302), Reaction(breaks=True), Reaction(after=1.3)])
def test_retry__follows_whatever_is_no_success(world: Tenant, receiver: Receiver, reaction: Reaction) -> None:
    elsewhere = receiver.inbox()
    inbox = receiver.inbox(reaction._replace(headers={"Location": elsewhere.url}), Reaction())
    subscribe(world, inbox.url)
    write(world)
    advance(world, 10)
    advance(world, 10)
    assert len(inbox.received) == 2
    assert elsewhere.received == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://127.0.0.1:1/",
        "http://",
        "ftp://127.0.0.1/",
        "http://[::1",
        "nowhere",
        "http://a b/",
    ],
)
def test_retry__follows_what_cannot_be_reached(world: Tenant, url: str) -> None:
    subscribe(world, url)
    write(world)
    (told,) = deliver(world)
    assert (told["state"], told["tries"], told["status"]) == ("waiting", 1, None)
    assert told["problem"]


def test_retry__of_tls_that_is_none(world: Tenant, receiver: Receiver) -> None:
    subscribe(world, receiver.inbox().url.replace("http:", "https:"))
    write(world)
    assert [one["status"] for one in deliver(world)] == [None]


def test_courier__that_stays_here_calls_no_strangers(toy: Vendor, receiver: Receiver) -> None:
    app = create_app(Settings(clock="2024-01-21T10:00:00Z"), [toy], Courier(stays_here=True))
    inbox = receiver.inbox()
    with httpx.Client(transport=InProcess(app), base_url="http://mock") as client:
        tenant = Tenant(client, toy, "w", app)
        subscribe(tenant, inbox.url)
        subscribe(tenant, "http://hooks.example.com/")
        write(tenant)
        assert [(one["state"], one["problem"]) for one in deliver(tenant)] == [
            ("delivered", None),
            ("waiting", "only receivers on this machine are told"),
        ]
        tenant.close()


def test_proxies__of_the_environment_are_not_asked(
    world: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    inbox = receiver.inbox()
    subscribe(world, inbox.url)
    write(world)
    deliver(world)
    assert len(inbox.received) == 1


def test_subscription__that_has_ended_is_told_no_more(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox(FAILS)
    hook = subscribe(world, inbox.url)
    write(world)
    deliver(world)
    world.call("DELETE", f"/hooks/{hook['id']}").raise_for_status()
    advance(world, 10)
    assert len(inbox.received) == 1
    assert [one["problem"] for one in shown(world)] == ["the subscription has ended"]


# The control plane


def test_deliveries__show_what_waits_and_what_has_been(world: Tenant, receiver: Receiver) -> None:
    hook = subscribe(world, receiver.inbox(FAILS).url)
    note = write(world)
    (told,) = deliver(world)
    payload = json.loads(told.pop("payload"))
    assert payload == {
        "event": "note.made",
        "about": {"kind": "note", "id": note},
        "by": "ada",
        "data": {"id": note, "text": "Tea", "due": None, "shelf": "here"},
    }
    assert told.pop("headers").keys() == {"Content-Type", "X-Toy-Signature"}
    assert told == {
        "vendor": "toy",
        "number": 1,
        "at": "2024-01-21T10:00:00Z",
        "event": "note.made",
        "resource": "notes",
        "id": note,
        "subscription": hook["id"],
        "url": hook["to"],
        "state": "waiting",
        "tries": 1,
        "due": "2024-01-21T10:00:10Z",
        "status": 500,
        "problem": "the answer was 500",
    }


def test_deliveries__of_a_vendor_without_webhooks_are_none(open_tenant: Callable[..., Tenant]) -> None:
    tenant = open_tenant()
    tenant.create()
    assert tenant.world.outbox is None
    assert deliver(tenant) == shown(tenant) == []


def test_reset__drops_what_waits(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox(FAILS)
    subscribe(world, inbox.url)
    write(world)
    deliver(world)
    world.control("POST", "/reset").raise_for_status()
    advance(world, 1000)
    assert (len(inbox.received), shown(world)) == (1, [])


def test_switch__chooses_the_profile(world: Tenant, receiver: Receiver) -> None:
    inbox = receiver.inbox(Reaction(204))
    subscribe(world, inbox.url)
    world.control("POST", "/switches", json={"vendor": "toy", "manners": "lenient"}).raise_for_status()
    note = write(world)
    rewrite(world, note, "Coffee")
    deliver(world)
    assert inbox.received == []
    advance(world, 2)
    advance(world, 1000)
    assert heard(inbox) == [("note.made", "Coffee")]


# On a server, with a clock that runs


@pytest.fixture
def hasty(tmp_path: Path) -> Vendor:
    """A toy that tries again soon, and is patient with receivers."""
    profile = {"waits": [0.3, 0.3], "timeout": 20}
    return hooked_toy(tmp_path / "hasty", change=lambda table: table["webhooks"]["profiles"]["strict"].update(profile))


def test_server__delivers_of_itself_and_tries_again(hasty: Vendor, receiver: Receiver) -> None:
    inbox = receiver.inbox(FAILS, FAILS, Reaction())
    with serve(str(hasty.folder)) as served, httpx.Client(base_url=served.origin) as client:
        tenant = Tenant(client, hasty, "w")
        subscribe(tenant, inbox.url)
        write(tenant)
        wait_for(inbox, 3)
        assert [one["state"] for one in deliver(tenant)] == ["delivered"]
    assert len({one.body for one in inbox.received}) == 1


def test_server__answers_before_a_slow_receiver_does(hasty: Vendor, receiver: Receiver) -> None:
    slow, fast = receiver.inbox(Reaction(after=2)), receiver.inbox()
    with serve(str(hasty.folder)) as served, httpx.Client(base_url=served.origin) as client:
        tenant = Tenant(client, hasty, "w")
        subscribe(tenant, slow.url)
        subscribe(tenant, fast.url)
        write(tenant)
        wait_for(slow, 1)
        wait_for(fast, 1)
        assert shown(tenant)[0]["state"] == "waiting"
        assert [one["state"] for one in deliver(tenant)] == ["delivered", "delivered"]


def test_server__goes_on_when_the_clock_is_thawed(hasty: Vendor, receiver: Receiver) -> None:
    inbox = receiver.inbox(FAILS, Reaction())
    with serve(str(hasty.folder)) as served, httpx.Client(base_url=served.origin) as client:
        tenant = Tenant(client, hasty, "w")
        tenant.control("POST", "/clock", json={"freeze": True}).raise_for_status()
        subscribe(tenant, inbox.url)
        write(tenant)
        deliver(tenant)
        time.sleep(0.5)
        assert len(inbox.received) == 1
        tenant.control("POST", "/clock", json={"freeze": False}).raise_for_status()
        wait_for(inbox, 2)


def test_server__ends_at_once_and_without_a_word(hasty: Vendor, receiver: Receiver) -> None:
    inbox = receiver.inbox(Reaction(after=30))
    with serve(str(hasty.folder)) as served, httpx.Client(base_url=served.origin) as client:
        tenant = Tenant(client, hasty, "w")
        subscribe(tenant, inbox.url)
        subscribe(tenant, "http://127.0.0.1:1/")  # something waits, something is under way
        write(tenant)
        wait_for(inbox, 1)
        begun = time.monotonic()
        end(served.process)
        assert time.monotonic() - begun < 5
        assert served.process.stdout is not None
        assert served.process.stdout.read() == ""


def test_state__in_a_file_is_delivered_after_a_restart(toy: Vendor, receiver: Receiver, tmp_path: Path) -> None:
    inbox = receiver.inbox(FAILS, Reaction())
    words = [str(toy.folder), "--state", str(tmp_path / "state.db")]
    with serve(*words) as served, httpx.Client(base_url=served.origin) as client:
        tenant = Tenant(client, toy, "w")
        subscribe(tenant, inbox.url)
        write(tenant)
        deliver(tenant)
    with serve(*words) as served, httpx.Client(base_url=served.origin) as client:
        tenant = Tenant(client, toy, "w")
        assert [(one["state"], one["tries"]) for one in shown(tenant)] == [("waiting", 1)]
        advance(tenant, 10)
        assert [(one["state"], one["tries"]) for one in shown(tenant)] == [("delivered", 2)]
    assert inbox.received[0].body == inbox.received[1].body
