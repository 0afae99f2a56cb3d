"""Without good credentials nothing is answered and nothing happens: each missing, each wrong, all of them together."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import combinations, product

from contracts.findings import Broken, NotJudged
from contracts.laws import aspects
from contracts.laws.bench import Bench
from contracts.laws.terms import Expected, has_refusal, judged, refusal, refused
from contracts.tenant import Answer, Tenant
from mockserver.spec import resolve
from mockserver.vendor import Operation, Rule, Vendor

Bend = Callable[[str], str]
Attempts = Iterator[tuple[str, "Attempt"]]

WHEREVER = frozenset({400, 401, 403, 404})  # where gateways turn away who calls another host's tenant


@dataclass(frozen=True)
class Attempt:
    """One way not to be let in. A tenant has to answer the exact code, or where it is not `exact` the status."""

    situation: str
    what: str
    headers: Mapping[str, str]
    exact: bool = True
    room: frozenset[int] = frozenset()


def credentials(tenant: Tenant, rule: Rule) -> None:
    """Every operation of the rule, with every credential that is missing or wrong."""
    cases: dict[str, list[tuple[Operation, list[Attempt]]]] = {}
    for operation in judged(tenant, rule):
        for aspect, attempt in _attempts(tenant, operation):
            told = cases.setdefault(aspect, [])
            if not told or told[-1][0] is not operation:
                told.append((operation, []))
            told[-1][1].append(attempt)
    if not cases:
        raise NotJudged("no operation of the rule asks for a credential")
    bench = Bench(tenant)
    judges: dict[str, aspects.Case] = {name: partial(_try, bench, tried) for name, tried in cases.items()}
    judges.setdefault("expired", lambda: _needs(tenant, "expired"))
    for caller in tenant.vendor.callers.values():
        if caller.is_revoked:
            judges.setdefault("revoked", partial(_needs, tenant, caller.name))
    aspects.judge(tenant, "credentials", rule, judges)


def _needs(tenant: Tenant, caller: str) -> None:
    """NotJudged where the run has no such caller."""
    tenant.headers(caller)


def _try(bench: Bench, tried: list[tuple[Operation, list[Attempt]]]) -> None:
    skips = aspects.Skips()
    for number, (operation, attempts) in enumerate(tried):
        # Every operation meets the plain cases; elsewhere than on the stand-in the others take turns after the first.
        plain, odd = attempts[:2], attempts[2:]
        if number and odd and not bench.tenant.is_mock:
            odd = odd[number % len(odd) :][:1]
        with skips.one(), bench.unchanged(operation, f"{operation.id} without a good credential"):
            for attempt in plain + odd:
                _turned_away(bench, operation, attempt)
    skips.settle()


def _turned_away(bench: Bench, operation: Operation, attempt: Attempt) -> None:
    tenant = bench.tenant
    answer = bench.call(operation, caller=None, headers=dict(attempt.headers), path=bench.somewhere(operation))
    expected = refusal(tenant.vendor, attempt.situation)
    what = f"{operation.id} {attempt.what}"
    known = {}
    if attempt.situation == "credential_expired":
        expires_at = tenant.vendor.callers["expired"].expires_at
        known = {"expired_at": expires_at} if tenant.is_mock else {}
        _tells_when(tenant, answer, expected, what)
    room = attempt.room | (frozenset() if attempt.exact else {expected.status})
    refused(tenant, answer, expected, what, values=known, room=room)


def _tells_when(tenant: Tenant, answer: Answer, expected: Expected, what: str) -> None:
    """Where the catalogue promises the moment of expiry, it is a time in the past."""
    details = answer.error("details")
    for name, template in expected.details.items():
        given = details.get(name) if isinstance(details, dict) else None
        if template != "$expired_at" or answer.status != expected.status:
            continue
        try:
            when = datetime.fromisoformat(str(given))
        except ValueError:
            raise Broken(f"{what}: expected a time in {name!r} of the details, got {given!r}", answer) from None
        if tenant.clock is not None and when > tenant.clock.now():
            raise Broken(f"{what}: {name!r} is {given!r}, which is still to come", answer)


def headers_of(vendor: Vendor, operation: Operation) -> list[str]:
    """The headers that an operation's security asks for, in the order in which a missing one is told."""
    schemes = vendor.document["components"]["securitySchemes"]
    found = []
    for scheme in (resolve(vendor.document, schemes[name]) for need in operation.security[:1] for name in need):
        if scheme["type"] != "apiKey":
            found.append("Authorization")
        elif scheme["in"] == "header":
            found.append(scheme["name"])
    order = [name.lower() for name in vendor.behaviour.get("required_headers", [])]
    return sorted(found, key=lambda name: order.index(name.lower()) if name.lower() in order else len(order))


def _attempts(tenant: Tenant, operation: Operation) -> Attempts:
    """Pairs of an aspect and an attempt. An operation that asks for no token is asked only what it needs besides."""
    vendor = tenant.vendor
    owner = {name.lower(): value for name, value in tenant.headers("owner").items()}
    names = [name for name in headers_of(vendor, operation) if name.lower() in owner]
    good = {name: owner[name.lower()] for name in names}
    if has_refusal(vendor, "header_missing"):
        yield from _missing(good)
    if not operation.is_protected:
        return
    if not has_refusal(vendor, "header_missing"):
        # Documents seldom tell a missing credential from an unknown one, so a tenant may use any code for it.
        yield "missing", Attempt("credential_missing", "without a credential", {}, exact=False)
    for name in names:
        yield from _wrong(good, name, room_of(vendor, name))
    yield from _of_callers(tenant, good)
    yield from _of_no_form(good)
    if len(names) > 1:
        yield from _together(tenant, good)


def _missing(good: Mapping[str, str]) -> Attempts:
    names = list(good)
    for count in range(1, len(names) + 1):
        for lacking in combinations(names, count):
            rest = {name: value for name, value in good.items() if name not in lacking}
            attempt = Attempt("header_missing", f"without {' and '.join(lacking)}", rest)
            yield "missing", attempt
            if count == 1:
                yield f"missing_{_slug(lacking[0])}", attempt
    for name in names:
        yield "empty", Attempt("header_missing", f"with an empty {name}", {**good, name: ""})


def room_of(vendor: Vendor, name: str) -> frozenset[int]:
    """What a tenant may answer besides where this header is wrong."""
    names_host = str(vendor.behaviour["credentials"].get("host_header", "")).lower() == name.lower()
    return WHEREVER if names_host else frozenset()


def _wrong(good: Mapping[str, str], name: str, room: frozenset[int]) -> Attempts:
    """One header wrong, the others right."""
    is_token = name.lower() == "authorization"
    for what, bend in _bends(good[name]) if is_token else _PLAIN_BENDS:
        word, space, token = good[name].rpartition(" ")
        headers = {**good, name: f"{word}{space}{bend(token)}"}
        yield f"unknown_{_slug(name)}", Attempt("credential_unknown", f"with {name} {what}", headers, room=room)


_PLAIN_BENDS: list[tuple[str, Bend]] = [
    ("with its last character changed", lambda text: text[:-1] + ("b" if text.endswith("a") else "a")),
    ("cut by one", lambda text: text[:-1]),
    ("longer by one", lambda text: text + "a"),
    ("with its first character changed", lambda text: ("b" if text.startswith("a") else "a") + text[1:]),
    ("of 'null'", lambda text: "null"),
]


def _bends(value: str) -> list[tuple[str, Bend]]:
    token = value.rpartition(" ")[2]
    other_case: tuple[str, Bend] = ("in the other case", str.swapcase)
    if token.count(".") != 2:
        return [*_PLAIN_BENDS, other_case]
    # The last character of a signature has bits that mean nothing: another one may be as good.
    changed: list[tuple[str, Bend]] = [
        ("with its signature changed", lambda text: text[:-4] + ("b" if text[-4] == "a" else "a") + text[-3:]),
        ("with its payload changed", _later),
        ("that says it needs no signature", _unsigned),
        ("without its signature", lambda text: text.rpartition(".")[0] + "."),
    ]
    return [*changed, *_PLAIN_BENDS[1:], other_case]


def _part(text: str) -> dict[str, object]:
    """What a part of a JWT says; nothing where it is none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _encoded(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _later(token: str) -> str:
    """The JWT with an hour more to live, under the signature that it had."""
    head, payload, signature = token.split(".")
    claims = _part(payload)
    end = claims.get("exp")
    return f"{head}.{_encoded({**claims, 'exp': (end if isinstance(end, int) else 0) + 3600})}.{signature}"


def _unsigned(token: str) -> str:
    head, payload, _ = token.split(".")
    return f"{_encoded({**_part(head), 'alg': 'none'})}.{payload}."


def _of_callers(tenant: Tenant, good: Mapping[str, str]) -> Attempts:
    for caller in tenant.vendor.callers.values():
        if caller.name not in tenant.callers or not (caller.name == "expired" or caller.is_revoked):
            continue
        given = {name.lower(): value for name, value in tenant.headers(caller.name).items()}
        headers = {name: given.get(name.lower(), value) for name, value in good.items()}
        if caller.is_revoked:
            yield "revoked", Attempt("credential_unknown", "with a revoked token", headers)
        else:
            yield "expired", Attempt("credential_expired", "with an expired token", headers)


def _of_no_form(good: Mapping[str, str]) -> Attempts:
    """The token without its scheme, or with another one."""
    for name, value in good.items():
        word, _, token = value.rpartition(" ")
        if word:
            for what, other in (("the token but no scheme", token), ("another scheme", f"Basic {token}")):
                yield "form", Attempt("credential_unknown", f"with {what}", {**good, name: other}, exact=False)


def _together(tenant: Tenant, good: Mapping[str, str]) -> Attempts:
    """Every combination of right, wrong and missing; and what is right each by itself, but for different accounts."""
    names = list(good)
    wrong = {name: _PLAIN_BENDS[0][1](value) for name, value in good.items()}
    wrong |= {name: _bends(value)[0][1](value) for name, value in good.items() if name.lower() == "authorization"}
    for states in product(("right", "wrong", "missing"), repeat=len(names)):
        if set(states) == {"right"}:
            continue
        given = dict(zip(names, states, strict=True))
        headers = {
            name: good[name] if state == "right" else wrong[name] for name, state in given.items() if state != "missing"
        }
        what = "with " + ", ".join(f"{name} {state}" for name, state in given.items())
        situation = "header_missing" if "missing" in states else "credential_unknown"
        is_mixed = len(set(states)) == len(states) or len(headers) < len(names)
        room = WHEREVER if is_mixed or given[names[0]] == "wrong" else frozenset()
        yield "together", Attempt(situation, what, headers, room=room)
    if "outsider" not in tenant.callers:
        return
    theirs = {name.lower(): value for name, value in tenant.headers("outsider").items()}
    for owners in product((True, False), repeat=len(names)):
        if len(set(owners)) == 2:
            headers = {
                name: good[name] if mine else theirs.get(name.lower(), "")
                for name, mine in zip(names, owners, strict=True)
            }
            foreign = " and ".join(name for name, mine in zip(names, owners, strict=True) if not mine)
            yield (
                "together",
                Attempt("credential_unknown", f"with {foreign} of another account", headers, room=WHEREVER),
            )


def _slug(name: str) -> str:
    return name.lower().replace("-", "_")
