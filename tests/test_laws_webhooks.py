"""The law about webhooks: every case holds on the clean stand-in, and each finds the defects that it is there for."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contracts.findings import Broken, NotJudged
from contracts.laws.webhooks import CASES, webhooks
from contracts.receiver import Reaction, receiving
from contracts.safety.guard import Budget
from contracts.target import Target, open_local, open_url
from mockserver.engine.outbox import Delivery, Outbox
from mockserver.engine.subscriptions import Profile, Webhooks
from mockserver.vendor import Vendor
from mockserver.webhooks import Courier
from tests.tools.hooked_toy import hooked_toy
from tests.tools.serving import serve

BURSTS = ("latest", "create_then_update", "create_then_delete", "update_then_delete")
RECEIPT = ("success", "timeout", "tries", "waits", "done", "dropped", "same_bytes")
KINDS = [(None, case) for case in CASES if case not in (*BURSTS, *RECEIPT)]
KINDS += [("strict", case) for case in RECEIPT] + [("lenient", case) for case in (*BURSTS, *RECEIPT)]
RULES = {f"TOY-{number}": kind for number, kind in enumerate(KINDS, start=100)}

Patch = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    return hooked_toy(tmp_path_factory.mktemp("vendors") / "toy", RULES)


@pytest.fixture
def target(vendor: Vendor) -> Iterator[Target]:
    opened = open_local(vendor, seed=5, budget=Budget())
    yield opened
    opened.close()


def judge(target: Target, case: str, profile: str | None = None) -> None:
    rule = next(name for name, kind in RULES.items() if kind == (profile, case))
    for _ in webhooks(target.tenant(rule), target.vendor.rules[rule]):
        """It waits for nobody here."""


@pytest.mark.parametrize(("profile", "case"), KINDS)
def test_case__holds_on_the_clean_stand_in(target: Target, profile: str | None, case: str) -> None:
    judge(target, case, profile)


def test_law__on_a_server_whose_clock_runs(vendor: Vendor) -> None:
    with serve(str(vendor.folder)) as served:
        opened = open_url(vendor, served.base_url("toy"), seed=5, budget=Budget())
        for case in ("created", "waits", "order"):
            judge(opened, case, "strict" if case == "waits" else None)
        opened.close()


def test_law__of_a_rule_without_a_case(target: Target) -> None:
    rule = replace(target.vendor.rules["TOY-100"], id="TOY-999")
    with pytest.raises(NotJudged, match="no case"):
        next(webhooks(target.tenant("law"), rule))


def test_law__on_a_tenant(vendor: Vendor) -> None:
    with receiving() as receiver:
        tenant = receiver.inbox(Reaction(404))
        opened = open_url(vendor, tenant.url, seed=5, budget=Budget())
        with pytest.raises(NotJudged, match="needs a receiver"):
            judge(opened, "created")
        opened.close()


# Defects: each changes one method of the stand-in


def in_payload(change: Callable[[dict[str, Any]], object]) -> Patch:
    """Another payload."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        render = Webhooks.render

        def changed(self: Webhooks, *arguments: Any) -> bytes:
            payload = json.loads(render(self, *arguments))
            change(payload)
            return json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode()

        monkeypatch.setattr(Webhooks, "render", changed)

    return patch


def in_bytes(change: Callable[[bytes], bytes]) -> Patch:
    """The same payload in other bytes."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        render = Webhooks.render
        monkeypatch.setattr(Webhooks, "render", lambda self, *arguments: change(render(self, *arguments)))

    return patch


def in_headers(change: Callable[[dict[str, str], Webhooks, bytes, str], dict[str, str]]) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        headers = Webhooks.headers

        def changed(self: Webhooks, body: bytes, secret: str) -> dict[str, str]:
            return change(headers(self, body, secret), self, body, secret)

        monkeypatch.setattr(Webhooks, "headers", changed)

    return patch


def in_profile(**changes: Any) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        profile = Webhooks.profile

        def changed(self: Webhooks, world: Any) -> Profile:
            return replace(profile(self, world), **changes)

        monkeypatch.setattr(Webhooks, "profile", changed)

    return patch


def in_events(names: dict[str, list[str]]) -> Patch:
    """Other events than those that happen: event -> what is emitted instead."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        emit = Outbox.emit

        def changed(self: Outbox, name: str, *arguments: Any) -> None:
            for other in names.get(name, [name]):
                emit(self, other, *arguments)

        monkeypatch.setattr(Outbox, "emit", changed)

    return patch


def in_subscriptions(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Patch:
    """Subscriptions are taken for something else than they are."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        fits = Webhooks._fits
        monkeypatch.setattr(Webhooks, "_fits", lambda self, one, *arguments: fits(self, change(one), *arguments))
        monkeypatch.setattr(Webhooks, "is_active", lambda self, one: bool(change(one)["live"]))

    return patch


def in_posts(change: Callable[[Courier, Any, Outbox, Delivery], Any]) -> Patch:
    """Another way to post: `change(courier, post, outbox, delivery)`."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        post = Courier._post

        async def changed(self: Courier, outbox: Outbox, delivery: Delivery) -> Any:
            return await change(self, post, outbox, delivery)

        monkeypatch.setattr(Courier, "_post", changed)

    return patch


async def post_twice(courier: Courier, post: Any, outbox: Outbox, delivery: Delivery) -> Any:
    await post(courier, outbox, delivery)
    return await post(courier, outbox, delivery)


async def post_other_bytes(courier: Courier, post: Any, outbox: Outbox, delivery: Delivery) -> Any:
    if delivery.tries:
        delivery.body = delivery.body.replace(b'":', b'": ')
    return await post(courier, outbox, delivery)


async def believe_any_answer(courier: Courier, post: Any, outbox: Outbox, delivery: Delivery) -> Any:
    status, problem = await post(courier, outbox, delivery)
    return (200 if status else None), problem


async def follow_redirects(courier: Courier, post: Any, outbox: Outbox, delivery: Delivery) -> Any:
    async with courier._client() as client:
        client.follow_redirects = True
        try:
            answer = await client.post(delivery.url, content=delivery.body)
        except httpx.HTTPError:
            return None, "no"
    return answer.status_code, "no"


async def never_believe(courier: Courier, post: Any, outbox: Outbox, delivery: Delivery) -> Any:
    await post(courier, outbox, delivery)
    return 500, "never"


async def put_instead(courier: Courier, post: Any, outbox: Outbox, delivery: Delivery) -> Any:
    async with courier._client() as client:
        answer = await client.put(delivery.url, content=delivery.body, headers=outbox.headers(delivery))
    return answer.status_code, "no"


def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens to a record is told at once, though something waits."""
    numbers = iter(range(10_000))
    monkeypatch.setattr(
        Delivery, "key", property(lambda self: (self.resource, self.__dict__.setdefault("k", next(numbers))))
    )


def no_collapse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "_collapse", lambda *arguments: False)


def stale_create(monkeypatch: pytest.MonkeyPatch) -> None:
    """A create that stands for its updates tells of the record as it was made."""
    render, collapse = Webhooks.render, Outbox._collapse

    def changed(self: Outbox, queue: list[Delivery], new: Delivery, data: Any) -> bool:
        body = queue[-1].body
        done = collapse(self, queue, new, data)
        if queue and queue[-1].event == "note.made":
            queue[-1] = replace(queue[-1], body=body, again=None)
        return done

    assert render
    monkeypatch.setattr(Outbox, "_collapse", changed)


def signed_otherwise(name: str, sign: Callable[[Webhooks, bytes, str], str]) -> Patch:
    return in_headers(
        lambda headers, hooks, body, secret: (
            {"Content-Type": "application/json"} | ({name: sign(hooks, body, secret)} if name else {})
        )
    )


def good_signature(hooks: Webhooks, body: bytes, secret: str) -> str:
    import hashlib
    import hmac

    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def over_other_bytes(hooks: Webhooks, body: bytes, secret: str) -> str:
    return good_signature(hooks, json.dumps(json.loads(body), separators=(",", ":")).encode(), secret)


MADE, CHANGED, GONE = "note.made", "note.changed", "note.gone"
NO_SIGNATURE = signed_otherwise("", good_signature)
DEFECTS: dict[str, tuple[str, str | None, Patch]] = {
    "a create is not told": ("created", None, in_events({MADE: []})),
    "a create is told twice": ("created", None, in_posts(post_twice)),
    "a create is told to all": ("created", None, in_subscriptions(lambda one: {**one, "wanted": [MADE]})),
    "limits are ignored": ("created", None, in_subscriptions(lambda one: {**one, "shelf": None})),
    "the wildcard is unknown": (
        "created",
        None,
        in_subscriptions(lambda one: {**one, "wanted": [name for name in one["wanted"] if "*" not in name]}),
    ),
    "an update is not told": ("updated", None, in_events({CHANGED: []})),
    "an update is told as a create": ("updated", None, in_events({CHANGED: [MADE]})),
    "an update is told twice": ("updated", None, in_events({CHANGED: [CHANGED, CHANGED]})),
    "a delete is not told": ("deleted", None, in_events({GONE: []})),
    "a delete is told as an update": ("deleted", None, in_events({GONE: [CHANGED, GONE]})),
    "a delivery is a PUT": ("method", None, in_posts(put_instead)),
    "a delivery is a form": (
        "content_type",
        None,
        in_headers(lambda headers, *others: {**headers, "Content-Type": "application/x-www-form-urlencoded"}),
    ),
    "a delivery is no JSON": ("content_type", None, in_bytes(lambda body: body[:-1])),
    "the body lacks the data": ("body", None, in_payload(lambda payload: payload.pop("data"))),
    "the body has more": ("body", None, in_payload(lambda payload: payload.update(time=1))),
    "the event has another name": ("event", None, in_payload(lambda payload: payload.update(event="note.created"))),
    "the resource is a text": ("resource", None, in_payload(lambda payload: payload.update(about="note"))),
    "the type is another": ("type", None, in_payload(lambda payload: payload["about"].update(kind="notes"))),
    "the id is another": ("identity", None, in_payload(lambda payload: payload["about"].update(id="n1"))),
    "the data is of another record": ("identity", None, in_payload(lambda payload: payload["data"].update(id="n1"))),
    "always the same caller": ("triggered_by", None, in_payload(lambda payload: payload.update(by="ada"))),
    "nobody has done it": ("triggered_by", None, in_payload(lambda payload: payload.pop("by"))),
    "the data lacks a field": ("data", None, in_payload(lambda payload: payload["data"].pop("due"))),
    "the data is stale": ("data", None, in_payload(lambda payload: payload["data"].update(text="Old"))),
    "a delete tells only the id": (
        "last_state",
        None,
        in_payload(lambda payload: payload.update(data={"id": payload["data"]["id"]})),
    ),
    "there is no signature": ("signed", None, NO_SIGNATURE),
    "the key is not the secret": (
        "signed",
        None,
        signed_otherwise("X-Toy-Signature", lambda hooks, body, secret: good_signature(hooks, body, secret + "x")),
    ),
    "the header has another name": ("signature_header", None, signed_otherwise("Signature", good_signature)),
    "the signature is in capitals": (
        "signature_header",
        None,
        signed_otherwise("X-Toy-Signature", lambda *arguments: good_signature(*arguments).upper()),
    ),
    "the signature has a prefix": (
        "signature_header",
        None,
        signed_otherwise("X-Toy-Signature", lambda *arguments: "sha256=" + good_signature(*arguments)),
    ),
    "the signature is over other bytes": (
        "signature_bytes",
        None,
        signed_otherwise("X-Toy-Signature", over_other_bytes),
    ),
    "slashes are plain": ("escapes", None, in_bytes(lambda body: body.replace(b"\\/", b"/"))),
    "letters are plain": (
        "escapes",
        None,
        in_bytes(lambda body: json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()),
    ),
    "there are blanks": ("escapes", None, in_bytes(lambda body: body.replace(b'":', b'": '))),
    "the caller's token is sent": (
        "no_credential",
        None,
        in_headers(lambda headers, *others: {**headers, "X-Toy-Key": "toy-owner"}),
    ),
    "a bearer token is sent": (
        "no_credential",
        None,
        in_headers(lambda headers, *others: {**headers, "Authorization": "Bearer x"}),
    ),
    "what is not active is told": ("inactive", None, in_subscriptions(lambda one: {**one, "live": True})),
    "nothing is held back": ("order", None, no_queue),
    "any answer is a success": ("success", "strict", in_posts(believe_any_answer)),
    "any 2xx is a success": ("success", "strict", in_profile(success=range(200, 300))),
    "only 200 is a success": ("success", "lenient", in_profile(success=frozenset({200}))),
    "redirects are followed": ("success", "strict", in_posts(follow_redirects)),
    "receivers have longer": ("timeout", "strict", in_profile(timeout=5)),
    "receivers have less": ("timeout", "strict", in_profile(timeout=0.3)),
    "receivers of the guide have longer": ("timeout", "lenient", in_profile(timeout=5)),
    "one try too few": ("tries", "strict", in_profile(waits=(10,))),
    "one try too many": ("dropped", "strict", in_profile(waits=(10, 100, 1000))),
    "it is tried at once": ("tries", "strict", in_profile(waits=(0, 0, 0))),
    "it is tried too soon": ("waits", "strict", in_profile(waits=(5, 100))),
    "it is tried too late": ("waits", "strict", in_profile(waits=(10, 200))),
    "waits of the guide are others": ("waits", "lenient", in_profile(waits=(6,))),
    "no success ends it": ("done", "strict", in_posts(never_believe)),
    "it is never given up": ("dropped", "strict", in_profile(waits=(10,) * 50)),
    "each try has other bytes": ("same_bytes", "strict", in_posts(post_other_bytes)),
    "each change is told": ("latest", "lenient", no_collapse),
    "a change is told at once": ("latest", "lenient", in_profile(debounce=0)),
    "a change is told too soon": ("latest", "lenient", in_profile(debounce=1)),
    "a change is told too late": ("latest", "lenient", in_profile(debounce=3)),
    "create and update are both told": ("create_then_update", "lenient", no_collapse),
    "a create is stale": ("create_then_update", "lenient", stale_create),
    "create and delete are both told": ("create_then_delete", "lenient", no_collapse),
    "update and delete are told as a delete": ("update_then_delete", "lenient", in_events({CHANGED: []})),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_case__finds_a_defect(vendor: Vendor, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case, profile, patch = DEFECTS[name]
    patch(monkeypatch)
    opened = open_local(vendor, seed=5, budget=Budget())
    try:
        with pytest.raises(Broken):
            judge(opened, case, profile)
    finally:
        opened.close()


def test_defects__there_is_one_for_each_case() -> None:
    assert {case for case, _, _ in DEFECTS.values()} == set(CASES)
