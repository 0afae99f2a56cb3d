"""What every answer of a run owes: a status that the document has, the error envelope, the headers of a quota."""

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.envelopes import Unlike, fit, words
from contracts.findings import Broken, Exchange, media_type
from contracts.laws.aspects import Skips, of_rule
from contracts.laws.bench import Bench
from contracts.laws.places import METHODS
from contracts.laws.terms import (
    accepts,
    addressed,
    body_schema,
    declared,
    has_refusal,
    judged,
    missing,
    refusal,
    refused,
    short,
)
from contracts.tenant import Answer, Tenant
from mockserver.vendor import Operation, Rule, Vendor


def status_codes(tenant: Tenant, rule: Rule) -> None:
    """An operation answers only what the document declares, and nothing that a client sends is the server's fault."""
    chosen = {operation.id: operation for operation in judged(tenant, rule)}
    _spread_all(tenant, list(chosen.values()))
    catalogue = {entry["status"] for entry in tenant.vendor.behaviour["errors"]["catalogue"].values()}
    outage = {refusal(tenant.vendor, "outage").status} if has_refusal(tenant.vendor, "outage") else set()
    wrong_method = _only_for_methods(tenant.vendor)
    for exchange in tenant.exchanges:
        if exchange.operation not in chosen:
            continue
        operation = chosen[exchange.operation]
        allowed = (declared(operation) | catalogue) - wrong_method
        allowed = {status for status in allowed if status < 500} | (set() if tenant.is_mock else outage)
        if not tenant.is_mock and _kind(exchange.request_headers) != _JSON:
            allowed.add(415)
        if exchange.status not in allowed:
            expected = ", ".join(map(str, sorted(allowed)))
            what = f"{exchange.method} {exchange.path}: expected one of {expected}, got {exchange.status}"
            raise Broken(what, Answer(exchange, tenant))


def _only_for_methods(vendor: Vendor) -> set[int]:
    """The status that tells a wrong method and nothing else, as 405 does."""
    error = vendor.behaviour["refusals"]["method_unknown"]["error"]
    catalogue = vendor.behaviour["errors"]["catalogue"]
    status: int = catalogue[error]["status"]
    others = {entry["status"] for name, entry in catalogue.items() if name != error}
    absent = {missing(vendor, name).status for name, each in vendor.behaviour["resources"].items() if "missing" in each}
    return {status} - others - absent


def error_envelope(tenant: Tenant, rule: Rule) -> None:
    """Every refusal is in the form that the vendor has for it, with a code that the catalogue has for that status."""
    _spread_all(tenant, judged(tenant, rule))
    _name_the_absent(tenant, rule)
    names = of_rule(tenant.vendor, "error-envelope", rule)
    for exchange in tenant.exchanges:
        is_offered = exchange.operation is not None or tenant.is_mock  # a tenant's gateway may answer the rest
        if exchange.status >= 400 and exchange.method in METHODS and is_offered:
            try:
                if not names or _FORM in names:
                    _check_envelope(tenant, exchange)
                for code in names:
                    _check_pair(tenant, exchange, code)
            except Broken as broken:
                raise Broken(broken.what, Answer(exchange, tenant)) from None


def _name_the_absent(tenant: Tenant, rule: Rule) -> None:
    """Where the refusal of an unknown record stands on this rule, no other judges that it comes at all."""
    bench = Bench(tenant)
    for operation in judged(tenant, rule):
        resource = addressed(operation)
        table = tenant.vendor.behaviour["resources"][resource] if resource else {}
        if resource and table.get("missing", {}).get("rule") == rule.id:
            identity = tenant.unknown_id(resource)
            answer = bench.call(operation, path=bench.path(operation, identity))
            refused(tenant, answer, missing(tenant.vendor, resource), f"{operation.id} of the unknown {identity}")


def _code(tenant: Tenant, exchange: Exchange) -> Any:
    try:
        return Answer(exchange, tenant).error_code()
    except Broken:  # no JSON, which is another aspect
        return None


_FORM = "form"  # of the aspects of the law; the others are codes


def _check_pair(tenant: Tenant, exchange: Exchange, code: str) -> None:
    """The code comes with its statuses alone; and where a status has but that code, with no other."""
    entries = tenant.vendor.behaviour["errors"]["catalogue"].items()
    pairs = {(entry["status"], entry.get("code", name)) for name, entry in entries}
    statuses = {status for status, known in pairs if known == code}
    given = _code(tenant, exchange)
    what = f"{exchange.method} {exchange.path} answered {exchange.status}"
    if given == code and exchange.status not in statuses:
        raise Broken(f"{what}: expected the code {code!r} only with {sorted(statuses)}")
    is_alone = {known for status, known in pairs if status == exchange.status} == {code}
    if is_alone and given != code and isinstance(given, str):
        raise Broken(f"{what}: expected the code {code!r}, got {given!r}")


def _check_envelope(tenant: Tenant, exchange: Exchange) -> None:
    what = f"{exchange.method} {exchange.path} answered {exchange.status}"
    if _kind(exchange.headers) != _JSON:
        raise Broken(f"{what}: expected the content type {_JSON}, got {_kind(exchange.headers) or 'none'}")
    try:
        body = exchange.json()
    except ValueError:
        raise Broken(f"{what}: expected JSON, got {short(exchange.body.decode('utf-8', 'replace'))}") from None
    found = _fitted(tenant, exchange.status, body, what)
    for name in ("code", "message"):
        for value in found.get(name, []):
            if not (isinstance(value, str) and value):
                raise Broken(f"{what}: expected a {name}, got {short(value)} in {short(body)}")
    for details in found.get("details", []):
        if not isinstance(details, dict):
            raise Broken(f"{what}: expected the details to be an object, got {short(details)}")
    for code in found.get("code", []):
        _check_code(tenant, exchange, code, what)


def _fitted(tenant: Tenant, status: int, body: Any, what: str) -> dict[str, list[Any]]:
    """Word -> what stands there, each time, in the form that fits: of those of this status, else of all.

    Broken where none does. A form without its code or its message does not fit.
    """
    refusals = tenant.target.model.refusals
    catalogue = tenant.vendor.behaviour["errors"]["catalogue"]
    of_status = [name for name, entry in catalogue.items() if entry["status"] == status]
    templates = [refusals.template(name) for name in of_status or catalogue]
    trouble = ""
    for template in templates:
        found: dict[str, list[Any]] = {word: [] for word in ("code", "message") if word in words(template)}
        try:
            for word, value in fit(template, body, exact=tenant.is_mock):
                found.setdefault(word, []).append(value)
        except Unlike as unlike:
            trouble = trouble or f"{what}: expected {unlike}, got {short(body)}"
            continue
        if empty := [word for word, values in found.items() if not values]:
            trouble = trouble or f"{what}: expected a {empty[0]}, got none in {short(body)}"
            continue
        return found
    raise Broken(trouble)


def _kind(headers: Mapping[str, str]) -> str:
    return media_type(headers.get("content-type"))


_JSON = "application/json"


def _check_code(tenant: Tenant, exchange: Exchange, code: Any, what: str) -> None:
    catalogue = tenant.vendor.behaviour["errors"]["catalogue"]
    of_code = [entry for name, entry in catalogue.items() if entry.get("code", name) == code]
    statuses = {entry["status"] for entry in of_code}
    if not tenant.is_mock:
        statuses |= {status for entry in of_code for status in entry.get("instead", ())}
    elsewhere = exchange.status not in {entry["status"] for entry in catalogue.values()}
    if code is None or ((elsewhere or not statuses) and not tenant.is_mock):
        return
    if exchange.status not in statuses:
        expected = f"the code {code!r} only with {sorted(statuses)}" if statuses else "a code of the catalogue"
        raise Broken(f"{what}: expected {expected}, got {code!r}")


def _spread_all(tenant: Tenant, operations: list[Operation]) -> None:
    """Bring about answers of all kinds; an operation that has nothing to work on is passed over."""
    skips = Skips()
    for operation in operations:
        with skips.one():
            _spread(tenant, operation)
    skips.settle()


def _spread(tenant: Tenant, operation: Operation) -> None:
    """Bring about what an operation can answer, but for what the run has already seen of it."""
    seen = {exchange.status for exchange in tenant.exchanges if exchange.operation == operation.id}
    bench = Bench(tenant)
    if not any(200 <= status < 300 for status in seen):
        bench.call(operation)
    if refusal(tenant.vendor, "credential_missing").status not in seen:
        bench.call(operation, caller=None)
    if refusal(tenant.vendor, "credential_expired").status not in seen and "expired" in tenant.callers:
        bench.call(operation, caller="expired")
    scope = refusal(tenant.vendor, "scope_missing").status if has_refusal(tenant.vendor, "scope_missing") else 0
    if scope and scope not in seen and "reader" in tenant.callers:
        bench.call(operation, caller="reader")
    resource = addressed(operation) if "resource" in operation.table else None
    if resource and missing(tenant.vendor, resource).status not in seen:
        bench.call(operation, path=bench.path(operation, tenant.unknown_id(resource)))
    if resource and refusal(tenant.vendor, "parameter_malformed").status not in seen:
        bench.call(operation, path=bench.path(operation, "not-an-id"))
    if body_schema(tenant.vendor, operation) is not None:
        for body in _odd_bodies(bench, operation):
            bench.call(operation, json=body)


def _odd_bodies(bench: Bench, operation: Operation) -> Iterator[Any]:
    """Bodies that servers stumble over. The large ones are kept from a tenant, where they might be taken."""
    good = bench.body(operation)
    good = good if isinstance(good, dict) else {}
    yield from ([], "text", {"no_such_field": [None] * 9}, {name: {} for name in good})
    deep: Any = "deep"
    for _ in range(90):
        deep = [deep]
    values = ["long " * 20, deep, 10**400, -0.0, "\0", "\ud800", "long " * 20_000, "\u202e\ufeff\U0001f600"]
    for value in values if bench.tenant.is_mock else values[:1]:
        for name in accepts(operation):
            yield good | {name: value}
