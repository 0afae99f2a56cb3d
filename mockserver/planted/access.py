"""Defects of who is let in and what they may do: credentials that are not checked, scopes that do not count."""

from collections.abc import Callable, Iterator, Sequence

from mockserver.engine.chance import parse_time
from mockserver.engine.defect import Around, Defect, Passage
from mockserver.engine.messages import Request, Response
from mockserver.planted.schema import Promises
from mockserver.planted.words import as_caller, caller_of, kebab, played, with_headers
from mockserver.vendor import Caller, Operation, Vendor

AUTHORIZATION = b"authorization"
_REFUSED = "the owner's own calls are refused, and a run says that it cannot judge by such credentials"


def defects(vendor: Vendor) -> Iterator[Defect]:
    promises = Promises(vendor)
    if promises.binds("credentials"):
        yield from _credentials(vendor)
        yield from _schemes(vendor)
        yield from _second_headers(vendor)
    if promises.binds("scopes"):
        yield from _scopes(vendor)
        yield from _wide_scopes(vendor)


# Who is there


def owner(vendor: Vendor, account: str | None = None) -> Caller | None:
    """The first caller of an account who may do most, and whose credential is good; of the default account else."""
    account = str(vendor.seed["default_account"]) if account is None else account
    good = [
        one
        for one in vendor.callers.values()
        if one.account == account and not one.is_revoked and one.expires_at is None and one.scopes
    ]
    includes = vendor.behaviour["credentials"].get("includes", {})
    return max(good, key=lambda one: len(_reach(one.scopes, includes)), default=None)


def _reach(scopes: Sequence[str], includes: dict[str, list[str]]) -> set[str]:
    return {included for scope in scopes for included in (scope, *includes.get(scope, ()))}


def _as_owner(passage: Passage) -> Response | None:
    """The answer to the owner of the account; None where the account has none."""
    known = passage.stage.identify(passage.world, passage.request)
    caller = known or passage.vendor.callers.get(caller_of(passage) or "")
    found = owner(passage.vendor, caller.account if caller is not None else None)
    return passage.proceed(as_caller(passage, found.name)) if found is not None else None


def letting_in(is_meant: Callable[[Passage, Response], bool]) -> Around:
    """Whom the mock refuses is answered as the owner of the account is, where it is meant so."""

    def around(passage: Passage) -> Response:
        response = passage.proceed()
        if response.status in (400, 401, 403) and is_meant(passage, response):
            return _as_owner(passage) or response
        return response

    return around


# Credentials


def _protected(vendor: Vendor) -> tuple[str, ...]:
    return tuple(one.id for one in vendor.operations.values() if one.is_protected)


def _header_of(vendor: Vendor) -> bytes:
    """The header that bears the token."""
    scheme = vendor.document["components"]["securitySchemes"][vendor.behaviour["credentials"]["scheme"]]
    return str(scheme["name"]).lower().encode() if scheme["type"] == "apiKey" else AUTHORIZATION


def _token(passage: Passage) -> str:
    return (passage.request.header(_header_of(passage.vendor)) or "").strip()


def _is_refused_for(passage: Passage, response: Response, *situations: str) -> bool:
    refusals = passage.vendor.behaviour["refusals"]
    return response.rule in {refusals[one]["rule"] for one in situations if one in refusals}


def _is_missing(passage: Passage, response: Response) -> bool:
    is_alone = not any(
        not (passage.request.header(name.lower().encode()) or "").strip()
        for name in passage.vendor.behaviour.get("required_headers", ())
        if name.lower().encode() != _header_of(passage.vendor)
    )
    return (
        not _token(passage) and is_alone and _is_refused_for(passage, response, "credential_missing", "header_missing")
    )


def _is_unknown(passage: Passage, response: Response) -> bool:
    if not _token(passage) or caller_of(passage) is not None:
        return False
    return _is_refused_for(passage, response, "credential_unknown")


def _is_expired(passage: Passage, response: Response) -> bool:
    refusals = passage.vendor.behaviour["refusals"]
    rule = refusals["credential_expired"]["rule"]
    if rule != refusals["credential_unknown"]["rule"]:
        return bool(response.rule == rule)
    caller = passage.vendor.callers.get(caller_of(passage) or "")
    now = passage.world.clock.now()
    return caller is not None and caller.expires_at is not None and parse_time(caller.expires_at) <= now


def _is_revoked(passage: Passage, response: Response) -> bool:
    caller = passage.vendor.callers.get(caller_of(passage) or "")
    return caller is not None and caller.is_revoked


def _credentials(vendor: Vendor) -> Iterator[Defect]:
    protected = _protected(vendor)
    reads = tuple(name for name in protected if vendor.operations[name].method == "GET")
    found: list[tuple[str, str, tuple[str, ...], Callable[[Passage, Response], bool]]] = [
        ("any-token-is-good", "A token that nobody was given is as good as the owner's.", protected, _is_unknown),
        ("no-token-is-needed", "Who sends no token is answered as the owner is.", protected, _is_missing),
        ("reads-need-no-token", "What only reads asks for no token.", reads, _is_missing),
    ]
    callers = vendor.callers.values()
    if any(one.expires_at is not None for one in callers):
        what = "A token that has expired is good for ever."
        found.append(("expired-token-is-good", what, protected, _is_expired))
    if any(one.is_revoked for one in callers):
        found.append(("revoked-token-is-good", "A token that was revoked is still good.", protected, _is_revoked))
    for name, what, operations, is_meant in found:
        if operations:
            yield Defect(name, "authentication", what, operations, letting_in(is_meant))
    cased = "" if vendor.behaviour["credentials"].get("minted") else "known"
    if cased:
        yield Defect(
            "token-is-cut-short",
            "authentication",
            "Of a token only the first characters are compared, so that one with another end is good too.",
            protected,
            _cut_short,
        )


def _cut_short(passage: Passage) -> Response:
    response = passage.proceed()
    begin = _token(passage)[:-4]
    for caller in passage.vendor.callers.values():
        is_good = caller.expires_at is None and not caller.is_revoked
        headers = {name.lower().encode(): value for name, value in caller.headers.items()}
        if is_good and response.status == 401 and len(begin) > 8 and headers[_header_of(passage.vendor)][:-4] == begin:
            return passage.proceed(as_caller(passage, caller.name))
    return response


def _schemes(vendor: Vendor) -> Iterator[Defect]:
    if _header_of(vendor) != AUTHORIZATION:
        return
    yield Defect(
        "any-word-before-the-token",
        "authentication",
        "The word before the token is not looked at: Token or Basic is as good as Bearer.",
        _protected(vendor),
        _any_word,
    )


def _any_word(passage: Passage) -> Response:
    word, blank, token = _token(passage).partition(" ")
    if not blank or word.lower() == "bearer":
        return passage.proceed()
    return passage.proceed(with_headers(passage.request, {"Authorization": f"Bearer {token.strip()}"}))


def _second_headers(vendor: Vendor) -> Iterator[Defect]:
    """Where a caller is known by more than a token: the other headers are not looked at."""
    found = owner(vendor)
    others = [name for name in vendor.behaviour.get("required_headers", ()) if name.lower() != "authorization"]
    for name in others if found is not None else ():
        yield Defect(
            f"any-{name.lower()}-is-good",
            "authentication",
            f"The header {name} is not looked at, and need not be there.",
            _protected(vendor),
            _overlooking(name),
        )


def _overlooking(name: str) -> Around:
    def around(passage: Passage) -> Response:
        response = passage.proceed()
        found = owner(passage.vendor)
        if response.status not in (400, 401) or found is None or name not in found.headers:
            return response
        again = passage.proceed(with_headers(passage.request, {name: found.headers[name]}))
        return again if again.status not in (400, 401) else response

    return around


# Scopes


def _is_out_of_scope(passage: Passage, response: Response) -> bool:
    own = passage.operation.table.get("rules", {}).get("scope_missing") if passage.operation is not None else None
    return response.status == 403 and (response.rule == own or _is_refused_for(passage, response, "scope_missing"))


def _scopes(vendor: Vendor) -> Iterator[Defect]:
    needing = [one for one in vendor.operations.values() if one.scopes]
    if not needing:
        return
    yield Defect(
        "scopes-do-not-count",
        "scope",
        "Whoever has a good token may do all that there is.",
        tuple(one.id for one in needing),
        letting_in(_is_out_of_scope),
    )
    for verbs in (("delete",), ("update", "transition"), ("list",), ("create",)):
        for operation in played(vendor, *verbs):
            if operation.scopes and _is_told_apart(vendor, operation):
                yield Defect(
                    f"{kebab(operation.id)}-needs-no-scope",
                    "scope",
                    f"{operation.id} asks for no scope: any good token will do.",
                    (operation.id,),
                    letting_in(_is_out_of_scope),
                )
                break


def _is_told_apart(vendor: Vendor, operation: Operation) -> bool:
    """Whether somebody may not do it who belongs to an account in which others may."""
    return any(_lacks(vendor, one, operation.scopes) and owner(vendor, one.account) for one in vendor.callers.values())


def _lacks(vendor: Vendor, caller: Caller, scopes: Sequence[str]) -> bool:
    includes = vendor.behaviour["credentials"].get("includes", {})
    is_good = caller.expires_at is None and not caller.is_revoked
    return is_good and not set(scopes) <= _reach(caller.scopes, includes)


def _wide_scopes(vendor: Vendor) -> Iterator[Defect]:
    """A scope that includes others by the documents does not include one of them."""
    for wide, narrow in vendor.behaviour["credentials"].get("includes", {}).items():
        for scope in reversed(narrow):
            operations = tuple(one.id for one in vendor.operations.values() if scope in one.scopes)
            callers = [name for name, one in vendor.callers.items() if _lacks(vendor, one, (scope,))]
            if operations and callers:
                yield Defect(
                    f"{kebab(wide)}-does-not-include-{kebab(scope)}",
                    "scope",
                    f"The scope {wide} is not enough where {scope} is asked for, which it includes by the documents.",
                    operations,
                    _refusing_wide(wide, scope, callers[0]),
                    unseen=_REFUSED,
                )
                break


def _refusing_wide(wide: str, scope: str, stranger: str) -> Around:
    def around(passage: Passage) -> Response:
        caller = passage.vendor.callers.get(caller_of(passage) or "")
        if caller is None or wide not in caller.scopes or scope in caller.scopes:
            return passage.proceed()
        return passage.proceed(_as(passage, stranger))

    return around


def _as(passage: Passage, name: str) -> Request:
    return as_caller(passage, name)
