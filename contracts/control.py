"""The control plane of a mock, seen from outside: what it lets the harness ask and set. A tenant has none."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.findings import NotJudged, parsed
from contracts.safety.guard import WORLD_HEADER
from contracts.wire import Outgoing, Reply, TargetLost, Wire

PREFIX = "/_mock"


class Control:
    """Asks the control plane behind a wire; `root` is the path below which it stands, `token` what it may ask for."""

    def __init__(self, wire: Wire, root: str = "", *, token: str | None = None) -> None:
        self._wire = wire
        self._root = root + PREFIX
        self._headers = [("Authorization", f"Bearer {token}")] if token else []
        self._moves: Counter[str] = Counter()

    @property
    def address(self) -> str:
        """The URL below which it stands."""
        return self._wire.origin + self._root

    @property
    def has_token(self) -> bool:
        """Whether it asks for a token."""
        return bool(self._headers)

    def moves(self, world: str) -> int:
        """How often the time of a world was changed from here: what was good at its old time may no longer be."""
        return self._moves[world]

    def find_credentials(self, world: str | None = None) -> Mapping[str, Any] | None:
        """What `/_mock/credentials` tells by vendor; None when no control plane of ours answers here."""
        if world is None and not self._is_there():  # before that nobody is told the token
            return None
        reply = self._ask("GET", "/credentials", world=world)
        try:
            told = parsed(reply.body)
        except ValueError:
            return None
        is_ours = (
            reply.status == 200 and isinstance(told, dict) and told and all(_is_entry(entry) for entry in told.values())
        )
        return told if is_ours else None

    def _is_there(self) -> bool:
        reply = self._ask("GET", "/health")
        try:
            return reply.status == 200 and parsed(reply.body) == {"status": "ok"}
        except ValueError:
            return False

    def shows(self, world: str, query: str) -> bool:
        """Whether a request with this query has arrived in a world: then what stands here is the target's own."""
        try:
            told = parsed(self._ask("GET", "/journal", world=world).body)
            return any(each["request"]["query"] == query for each in told["exchanges"])
        except (ValueError, KeyError, TypeError):
            return False

    def reset(self, world: str) -> None:
        """Give a world the records of the seed again."""
        self._moves[world] += 1
        reply = self._ask("POST", "/reset", world=world)
        if not 200 <= reply.status < 300:
            raise TargetLost(f"POST {self._root}/reset answered {reply.status}")

    def restore(self, world: str, vendor: str, resource: str, identity: str) -> int:
        """Take a record out of the trash, as the vendor's own interface would; the status of the answer."""
        wanted = {"vendor": vendor, "resource": resource, "id": identity}
        return self._ask("POST", "/restore", world=world, body=wanted).status

    def deliver(self, world: str) -> None:
        """Let a world deliver to its subscribers what is due, and wait until that is done."""
        status = self._ask("POST", "/deliveries", world=world).status
        if status != 200:
            raise NotJudged(f"the control plane's deliveries answered {status}")

    def find_sown(self, vendor: str) -> Mapping[str, Any] | None:
        """What a vendor's records are made from: `seed`, `records` and the time `at`; None where nobody tells."""
        try:
            told = parsed(self._ask("GET", "/seed").body)[vendor]
            return {"seed": int(told["seed"]), "records": told["records"], "at": str(told["at"])}
        except (ValueError, KeyError, TypeError):
            return None

    def switches(self, world: str, vendor: str) -> dict[str, str]:
        """How the switches of a vendor stand in a world; none where the vendor has none."""
        try:
            told = parsed(self._ask("GET", "/switches", world=world).body)
            return {name: entry["value"] for name, entry in told.get(vendor, {}).items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotJudged("the control plane's switches cannot be read") from None

    def switch(self, world: str, vendor: str, name: str, value: str) -> None:
        """Turn one of a vendor's switches in a world."""
        status = self._ask("POST", "/switches", world=world, body={"vendor": vendor, name: value}).status
        if status != 200:
            raise NotJudged(f"the control plane's switches answered {status}")

    def records(self, world: str, vendor: str, resource: str) -> list[dict[str, Any]]:
        """All records of a resource, also those that no operation of the vendor shows."""
        reply = self._ask("GET", f"/records?vendor={vendor}&resource={resource}", world=world)
        if reply.status != 200:
            raise NotJudged(f"the control plane's records answered {reply.status}")
        found: list[dict[str, Any]] = json.loads(reply.body)["records"]
        return found

    def clock(self, world: str) -> "Clock":
        return Clock(self, world)

    def turn(self, world: str, change: Mapping[str, Any] | None = None) -> datetime:
        """Read the clock of a world, or change it; what it says then."""
        self._moves[world] += change is not None
        reply = self._ask("GET" if change is None else "POST", "/clock", world=world, body=change)
        try:
            return datetime.fromisoformat(json.loads(reply.body)["now"])
        except (ValueError, KeyError, TypeError):
            raise NotJudged(f"the control plane's clock answered {reply.status}") from None

    def _ask(self, method: str, path: str, *, world: str | None = None, body: Any = None) -> Reply:
        headers = [] if path == "/health" else list(self._headers)
        if world is not None:
            headers.append((WORLD_HEADER, world))
        content = None
        if body is not None:
            headers.append(("Content-Type", "application/json"))
            content = json.dumps(body).encode()
        return self._wire.send(Outgoing(method, self._root + path, headers, content))


class Clock:
    """The virtual clock of one world."""

    def __init__(self, control: Control, world: str) -> None:
        self._control = control
        self._world = world

    def now(self) -> datetime:
        return self._control.turn(self._world)

    def advance(self, seconds: float) -> datetime:
        return self._control.turn(self._world, {"advance": seconds})

    def set(self, moment: str) -> datetime:
        return self._control.turn(self._world, {"set": moment})

    def freeze(self) -> datetime:
        return self._control.turn(self._world, {"freeze": True})


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("callers"), dict)
