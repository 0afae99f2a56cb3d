"""To whom an event is delivered, in which order, how often and when. Each public function is a case."""

from collections.abc import Iterator

from contracts.findings import Broken, NotJudged
from contracts.laws.terms import short
from contracts.laws.webhook_payloads import is_of, is_signed, play, shows
from contracts.laws.webhook_scene import ODD_TEXT, PATIENCE, Scene, payload_of
from contracts.receiver import Reaction

_FAILS = Reaction(500)
_SOON, _LATE = 0.7, 1.3  # times the time-out
_ATTEMPTS = 3

# To whom, and in which order


def inactive(scene: Scene) -> None:
    heard, paused = scene.subscribe(), scene.subscribe(active=False)
    play(scene)
    scene.advance(PATIENCE)
    scene.expect(heard, 3, "a record was created, changed and deleted")
    scene.expect(paused, 0, "a record was created, changed and deleted, for a subscription that is not active")


def order(scene: Scene) -> None:
    """What waits for a further try holds back what came after it, but nothing of other records."""
    heard, wait = scene.subscribe(_FAILS, Reaction()), scene.profile["waits"][0]
    created, updated, deleted = (scene.event(change) for change in ("create", "update", "delete"))
    record = scene.create()
    scene.settle()
    states = [scene.read(record)]
    for _ in range(2):
        scene.update(record)
        states.append(scene.read(record))
        scene.settle()
    other = scene.create()
    scene.delete(record)
    scene.settle()
    told = scene.told(heard, [created, created], "a delivery failed, then its record and another one changed")
    is_of(scene, told[1], other)
    scene.advance(wait)
    told = scene.told(heard, [created, created, created, updated, updated, deleted], "the delivery was tried again")
    for received, state in zip(heard.heard[2:5], states, strict=True):
        shows(scene, received, state)


# Whether it was received


def success(scene: Scene) -> None:
    """Each status at a subscription of its own: one try where it is a success, a second one where it is none."""
    success, spare = scene.profile["success"], scene.receiver.inbox()
    there = {"Location": spare.url}
    statuses = [200, 201, 202, 204, 302, 307, 400, 404, 410, 500, 503]
    tried = {
        status: scene.subscribe(Reaction(status, headers=there if 300 <= status < 400 else {})) for status in statuses
    }
    broken = scene.subscribe(Reaction(breaks=True), Reaction())
    scene.create()
    scene.settle()
    scene.advance(scene.profile["waits"][0])
    for status, subscription in tried.items():
        received = 200 <= status < 300 if success == "2xx" else status in success
        what = f"a delivery was answered {status}, which is {'a' if received else 'no'} success"
        scene.expect(subscription, 1 if received else 2, what)
    scene.expect(broken, 2, "a delivery was not answered: the connection was closed")
    if spare.received:
        raise Broken("expected a redirect not to be followed")


def timeout(scene: Scene) -> Iterator[None]:
    """This takes its time: how long a receiver may take is no matter of the world's clock. Others go on meanwhile."""
    timeout = scene.profile["timeout"]
    for _ in range(_ATTEMPTS):
        fast = scene.subscribe(Reaction(after=_SOON * timeout))
        slow = scene.subscribe(Reaction(after=_LATE * timeout), Reaction())
        scene.create(delivers=False)
        settled = scene.meanwhile(scene.settle)
        yield
        settled.result()
        scene.advance(scene.profile["waits"][0])
        if fast.inbox.longest < (1 + _SOON) / 2 * timeout:
            break
    else:
        raise NotJudged("this machine was too busy to answer a delivery in time")
    scene.expect(fast, 1, f"a delivery was answered after {_SOON * timeout:g} seconds")
    scene.expect(slow, 2, f"a delivery was answered after {_LATE * timeout:g} seconds, which is too late")


def tries(scene: Scene) -> None:
    waits = scene.profile["waits"]
    failing = [scene.subscribe(_FAILS), scene.subscribe(Reaction(breaks=True))]
    scene.create()
    scene.settle()
    for wait in waits:
        scene.advance(wait)
    for subscription in failing:
        scene.expect(subscription, 1 + len(waits), "a delivery was never received")


def waits(scene: Scene) -> None:
    heard = scene.subscribe(_FAILS)
    scene.create()
    scene.settle()
    for number, wait in enumerate(scene.profile["waits"], start=1):
        scene.expect(heard, number, f"try {number} failed")
        scene.advance(wait - 1)
        scene.expect(heard, number, f"{wait - 1} seconds had passed after try {number}")
        scene.advance(1)
        scene.expect(heard, number + 1, f"{wait} seconds had passed after try {number}")


def done(scene: Scene) -> None:
    at_once, later = scene.subscribe(), scene.subscribe(_FAILS, Reaction())
    scene.create()
    scene.settle()
    for _ in range(3):
        scene.advance(PATIENCE)
    scene.expect(at_once, 1, "a delivery was received")
    scene.expect(later, 2, "a delivery was received at the second try")


def dropped(scene: Scene) -> None:
    most = 1 + len(scene.profile["waits"])
    heard, record = scene.subscribe(*[_FAILS] * most, Reaction()), scene.create()
    for _ in range(most + 2):
        scene.advance(PATIENCE)
    scene.expect(heard, most, "a delivery was never received")
    scene.update(record)
    scene.settle()
    last = scene.expect(heard, most + 1, "the record changed after its first delivery was given up")[-1]
    if (got := scene.value(payload_of(last), "event")) != scene.event("update"):
        raise Broken(f"expected {scene.event('update')} after a delivery was given up, got {short(got)}")


def same_bytes(scene: Scene) -> None:
    heard, record = scene.subscribe(_FAILS), scene.create(ODD_TEXT)
    scene.settle()
    for number, wait in enumerate(scene.profile["waits"], start=1):
        tried = scene.expect(heard, number, f"the record changed while its delivery waited for try {number + 1}")
        scene.update(record)
        scene.advance(wait)
        if len(tried) == number:
            raise Broken(f"expected try {number + 1} after {wait} seconds")
    first, *others = heard.heard[: 1 + len(scene.profile["waits"])]
    for other in others:
        if other.body != first.body:
            raise Broken("expected a further try to have the same body, byte by byte, as the first one")
        if other.headers.get("content-type") != first.headers.get("content-type"):
            raise Broken("expected a further try to have the content type of the first one")
        is_signed(other, heard)


# Bursts, where changes in quick succession are told as one


def latest(scene: Scene) -> None:
    pause, heard, record = scene.profile["debounce"], scene.subscribe(), scene.create()
    scene.advance(pause)
    before = scene.expect(heard, 1, f"{pause} seconds had passed after a record was created")
    for _ in range(2):
        scene.update(record)
        scene.advance(pause / 2)
        scene.expect(heard, len(before), f"less than {pause} seconds had passed after a record was last changed")
    scene.advance(pause / 2)
    scene.told(
        heard, [scene.event("create"), scene.event("update")], f"a record was changed twice within {pause} seconds"
    )
    shows(scene, heard.heard[-1], scene.read(record))


def create_then_update(scene: Scene) -> None:
    pause, heard, record = scene.profile["debounce"], scene.subscribe(), scene.create()
    scene.advance(pause / 2)
    scene.update(record)
    scene.update(record)
    scene.advance(PATIENCE)
    scene.told(heard, [scene.event("create")], f"a record was created and changed within {pause} seconds")
    shows(scene, heard.heard[0], scene.read(record))


def create_then_delete(scene: Scene) -> None:
    heard, record = scene.subscribe(), scene.create()
    scene.advance(scene.profile["debounce"] / 2)
    scene.delete(record)
    scene.advance(PATIENCE)
    scene.expect(heard, 0, "a record was created and soon deleted")


def update_then_delete(scene: Scene) -> None:
    heard, record = scene.subscribe(), scene.create()
    scene.settle()
    scene.update(record)
    scene.delete(record)
    scene.advance(PATIENCE)
    wanted = [scene.event(change) for change in ("create", "update", "delete")]
    scene.told(heard, wanted, "a record was changed and soon deleted")
