"""Judge the rules that say where they stand in the document: from every exchange of the run, whoever sent it.

A rule holds when at least one exchange reached a pointer of it and none broke it; what nothing reached is not judged.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts import pointers
from contracts.document import Document, escape, is_json, keys_of, parse
from contracts.findings import Exchange, Verdict, media_type, shorten
from contracts.pointers import Check
from contracts.rejections import Rejections
from contracts.requests import Requests, Touch
from mockserver.vendor import Operation, Rule, Vendor

GRADES = ("documented", "published", "observed", "inferred", "assumed")
_REFUSED = frozenset({400, 422})
_ENOUGH = 400  # distinct answers of one status of one operation that are looked at one by one


@dataclass(frozen=True)
class Breach:
    """The first exchange that broke a rule, and what it broke."""

    rule: str
    what: str
    exchange: Exchange


@dataclass
class _State:
    """What the run has shown of one rule."""

    reached: Counter[str] = field(default_factory=Counter)
    breach: Breach | None = None


class Ledger:
    """Watches exchanges and remembers, rule by rule, what they show.

    `spared` are pointers to what is demanded of requests, and this target need not demand.
    """

    def __init__(self, vendor: Vendor, rules: Iterable[Rule], *, spared: Iterable[str] = ()) -> None:
        self._vendor = vendor
        self._spared = frozenset(spared)
        self._document = Document(vendor.document, unseen="writeOnly")
        self._rules = {rule.id: rule for rule in rules if rule.judge == "schema"}
        self._states: dict[str, _State] = defaultdict(_State)
        checks = list(self._checks(self._document))
        self._on_schema = _by_place(check for check in checks if check.kind in ("schema", "keyword"))
        asked = Document(vendor.document, unseen="readOnly")
        kinds = ("schema", "keyword", "parameter")
        self._requests = Requests(vendor, _by_place(each for each in self._checks(asked) if each.kind in kinds))
        self._rejections = Rejections(vendor)
        self._on_response = _by_place(check for check in checks if check.kind == "response")
        self._on_header = _by_place(check for check in checks if check.kind == "header")
        self._on_operation = _by_place(check for check in checks if check.kind == "operation")
        self._unknown = {check.rule: check.pointer for check in checks if check.kind == "unknown"}
        self._seen: set[tuple[str, int, bytes]] = set()
        self._looked_at: Counter[tuple[str, int]] = Counter()
        self._walked: set[tuple[str, str, bytes]] = set()
        self._troubles: dict[tuple[object, str], str | None] = {}

    def _checks(self, document: Document) -> Iterator[Check]:
        claims = _claims(document, self._vendor.rules.values())
        keys = frozenset(pointer for pointer in claims if pointer.rpartition("/")[0].endswith("/required"))
        for rule in self._rules.values():
            grade = GRADES.index(rule.grade)
            spared = self._spared.union(pointer for pointer, claimed in claims.items() if claimed > grade)
            for pointer in (each for each in rule.detail if each not in self._spared):
                yield pointers.make(document, rule.id, frozenset(rule.operations), pointer, spared, keys)

    def watch(self, exchange: Exchange) -> None:
        """Look at one exchange as it passes."""
        self.observe(exchange)

    def observe(self, exchange: Exchange, *, again: bool = False) -> list[Breach]:
        """Look at one exchange; the breaches that it shows. Bodies already seen are passed over, unless `again`."""
        operation = self._vendor.operations.get(exchange.operation or "")
        if operation is None or exchange.method == "HEAD":
            return []
        breaches = [*self._status(operation, exchange), *self._headers(operation, exchange)]
        if again or self._is_new(exchange):
            breaches += self._answer(operation, exchange)
            breaches += self._request(operation, exchange)
        for breach in breaches:
            state = self._states[breach.rule]
            state.breach = state.breach or breach
        return breaches

    def breaches(self) -> list[Breach]:
        """The first breach of every broken rule."""
        self._settle_rejections()
        return self.shown()

    def shown(self) -> list[Breach]:
        """The breaches that are sure before the run is over: what was refused may still be accepted elsewhere."""
        return [state.breach for state in self._states.values() if state.breach]

    def reached(self) -> dict[str, int]:
        """Rule -> how often a place of it was reached so far."""
        return {rule: sum(state.reached.values()) for rule, state in self._states.items() if state.reached}

    def verdicts(self) -> list[Verdict]:
        """What became of each rule that the ledger judges by schema."""
        broken = {breach.rule: breach for breach in self.breaches()}
        return [self._verdict(rule, broken.get(rule.id)) for rule in self._rules.values()]

    def _verdict(self, rule: Rule, breach: Breach | None) -> Verdict:
        reached = self._states[rule.id].reached
        if breach:
            return Verdict(rule.id, "broken", breach.what, sum(reached.values()))
        if reached:
            return Verdict(rule.id, "holds", "", sum(reached.values()))
        why = "nothing exercised it"
        if rule.id in self._unknown:
            why = f"no exchange shows the place {self._unknown[rule.id]}"
        return Verdict(rule.id, "not judged", why)

    def _is_new(self, exchange: Exchange) -> bool:
        """Each distinct pair of bodies once, and no more of one kind than tell something new."""
        assert exchange.operation is not None
        body = hashlib.blake2b(exchange.body + b"\0" + (exchange.request_body or b""), digest_size=12).digest()
        kind = (exchange.operation, exchange.status)
        if (*kind, body) in self._seen or self._looked_at[kind] >= _ENOUGH:
            return False
        self._seen.add((*kind, body))
        self._looked_at[kind] += 1
        return True

    def _status(self, operation: Operation, exchange: Exchange) -> list[Breach]:
        """A response pointer is reached by its status and broken by a success that is not declared."""
        breaches: list[Breach] = []
        base = escape("paths", operation.path, operation.method.lower())
        declared = operation.document["responses"]
        place = self._document.response(operation, exchange.status)
        for pointer in place.pointers if place else ():
            for check in self._on_response.get(pointer, ()):
                if operation.id in check.operations:
                    self._states[check.rule].reached[pointer] += 1
        if 200 <= exchange.status < 300 and place is None:
            expected = " or ".join(status for status in declared if status.startswith("2"))
            for pointer, checks in self._on_response.items():
                if pointer.startswith(base + "/responses/"):
                    what = f"{operation.id}: expected {expected}, got {exchange.status}"
                    breaches += [Breach(check.rule, what, exchange) for check in checks]
        for check in self._on_operation.get(base, ()):
            if exchange.status in (405, 501):
                breaches.append(
                    Breach(
                        check.rule, f"{operation.id}: {operation.method} is refused with {exchange.status}", exchange
                    )
                )
            elif 200 <= exchange.status < 300:
                self._states[check.rule].reached[base] += 1
        return breaches

    def _headers(self, operation: Operation, exchange: Exchange) -> list[Breach]:
        place = self._document.response(operation, exchange.status)
        if place is None:
            return []
        breaches: list[Breach] = []
        for name in place.node.get("headers", {}):
            header = self._document.place(*keys_of(place.pointers[-1]), "headers", name)
            if header is None:
                continue
            checks = [check for pointer in header.pointers for check in self._on_header.get(pointer, ())]
            for check in checks:
                if operation.id in check.operations:
                    breaches += self._header(check, name, header.node, exchange)
        return breaches

    def _header(self, check: Check, name: str, header: Mapping[str, Any], exchange: Exchange) -> list[Breach]:
        value = exchange.headers.get(name)
        where = f"{exchange.operation} answered {exchange.status}"
        if value is None:
            missing = Breach(check.rule, f"{where}: expected the header {name}, there is none", exchange)
            return [missing] if header.get("required") else []
        key = (check.place, value)  # a header's place is no function, so keys of both kinds never meet
        if key not in self._troubles:
            self._troubles[key] = None if self._document.parameter(header, value) else f"{name}: {value!r}"
        if trouble := self._troubles[key]:
            expected = shorten(_without_words(header.get("schema", {})))
            return [
                Breach(check.rule, f"{where}: expected a header {name} that fits {expected}, got {trouble}", exchange)
            ]
        self._states[check.rule].reached[check.pointer] += 1
        return []

    def _answer(self, operation: Operation, exchange: Exchange) -> list[Breach]:
        """Walk the body of an answer through its schema."""
        place = self._document.response(operation, exchange.status)
        media = self._document.media(place, exchange.headers.get("content-type")) if place else None
        if media is None:
            return []
        pointer, schema = media
        kind = media_type(exchange.headers.get("content-type"))
        if exchange.body and not is_json(kind) and kind not in map(str.lower, place.node["content"] if place else ()):
            got = f"the content type {kind!r}" if kind else "no content type"
            return self._on_the_whole(operation, exchange, pointer, schema, got)
        try:
            instance = parse(exchange.body)
        except ValueError:
            got = shorten(exchange.body.decode(errors="backslashreplace"), 80)
            return self._on_the_whole(operation, exchange, pointer, schema, repr(got))
        breaches: list[Breach] = []

        def visit(reached: str, part: Any, path: tuple[str, ...]) -> bool:
            if self._is_walked(operation, reached, part):
                return True
            for check in self._on_schema.get(reached, ()):
                if operation.id in check.operations and check.applies(part):
                    self._states[check.rule].reached[reached] += 1
                    if trouble := self._trouble(check, part):
                        at = f" at {'.'.join(path)}" if path else ""
                        what = f"{operation.id} answered {exchange.status}{at}: {trouble}"
                        breaches.append(Breach(check.rule, what, exchange))
            return False

        self._document.walk(pointer, schema, instance, visit)
        return breaches

    def _is_walked(self, operation: Operation, pointer: str, part: Any) -> bool:
        """Whether a record of a list was looked at before, in this very state: lists show the same ones again."""
        if not isinstance(part, dict) or not pointer.endswith(("/items", "/additionalProperties")):
            return False
        key = (operation.id, pointer, hashlib.blake2b(json.dumps(part).encode(), digest_size=16).digest())
        if key in self._walked:
            return True
        self._walked.add(key)
        return False

    def _on_the_whole(
        self, operation: Operation, exchange: Exchange, pointer: str, schema: Any, got: str
    ) -> list[Breach]:
        """A body that is no JSON, or does not say so, breaks every rule about its outermost schema."""
        places = [pointer]
        if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
            places.append(schema["$ref"].removeprefix("#"))
        what = f"{operation.id} answered {exchange.status}: expected a JSON body, got {got}"
        return [
            Breach(check.rule, what, exchange)
            for place in places
            for check in self._on_schema.get(place, ())
            if operation.id in check.operations and check.kind == "schema"
        ]

    def _trouble(self, check: Check, part: Any) -> str | None:
        """What a check finds, remembered for the values that come again and again."""
        if isinstance(part, (dict, list)):
            return check.trouble(part)
        key = (check.trouble, repr(part))
        if key not in self._troubles:
            self._troubles[key] = check.trouble(part)
        return self._troubles[key]

    def _request(self, operation: Operation, exchange: Exchange) -> list[Breach]:
        """What a target accepts and refuses shows the rules about request bodies and parameters."""
        is_accepted = 200 <= exchange.status < 300
        if not is_accepted and exchange.status not in _REFUSED:
            return []
        touches = list(self._requests.walk(operation, exchange))
        troubles = {id(touch): self._request_trouble(touch) for touch in touches}
        if not is_accepted:
            for touch in touches:
                if troubles[id(touch)]:
                    self._states[touch.check.rule].reached[touch.check.pointer] += 1
            if not any(troubles.values()) and self._is_valid_request(operation, exchange):
                self._rejections.reject(operation, touches, exchange)
            return []
        breaches = []
        for touch in touches:
            trouble = troubles[id(touch)]
            is_forgiven = self._requests.forgives(operation, touch.field) and "/parameters/" in touch.check.pointer
            is_forgiven &= touch.check.kind != "parameter"
            if trouble and not is_forgiven:
                kind = "parameter" if "/parameters/" in touch.check.pointer else "body"
                what = f"{operation.id} accepted a {kind} that it should refuse: {trouble}"
                breaches.append(Breach(touch.check.rule, what, exchange))
            if trouble or touch.check.kind != "parameter" or touch.part is not None:
                self._states[touch.check.rule].reached[touch.check.pointer] += 1
        self._rejections.accept(operation, [touch for touch in touches if not troubles[id(touch)]], exchange)
        return breaches

    def _request_trouble(self, touch: Touch) -> str | None:
        if touch.check.kind != "parameter":
            return self._trouble(touch.check, touch.part)
        is_needed = self._document.at(touch.check.pointer).get("required")
        return f"the parameter {touch.field!r} is required" if is_needed and touch.part is None else None

    def _is_valid_request(self, operation: Operation, exchange: Exchange) -> bool:
        """Whether nothing is wrong with a request by its schemas, as far as the body tells why it was refused."""
        if exchange.caller is None or "?" in exchange.url or not exchange.request_body:
            return False
        return self._requests.body(operation, exchange) is not None and not self._requests.faults(operation, exchange)

    def _settle_rejections(self) -> None:
        """A valid body was refused for a part of it."""
        for check, exchange, what in self._rejections.settle():
            state = self._states[check.rule]
            state.breach = state.breach or Breach(check.rule, what, exchange)


def _claims(document: Document, rules: Iterable[Rule]) -> dict[str, int]:
    """Keyword -> the best grade of the rules that name it: none of a better grade answers for it as part of a whole."""
    claims: dict[str, int] = {}
    for rule in rules:
        for pointer in rule.detail if rule.judge == "schema" else ():
            schema, _, keyword = pointer.rpartition("/")
            required = _find(document, schema).get("required", ()) if keyword == "required" else ()
            names = [f"{pointer}/{number}" for number in range(len(required))] or [pointer]
            for name in names:
                claims[name] = min(claims.get(name, len(GRADES)), GRADES.index(rule.grade))
    return claims


def _find(document: Document, pointer: str) -> Mapping[str, Any]:
    try:
        found = document.at(pointer)
    except (LookupError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _by_place(checks: Iterable[Check]) -> dict[str, list[Check]]:
    places: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        places[check.place].append(check)
    return dict(places)


def _without_words(schema: Any) -> Any:
    return {key: value for key, value in schema.items() if key not in ("description", "title", "example", "examples")}
