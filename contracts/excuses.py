"""Failed checks of the conformance suite that say nothing against a target: its vendor's model foresees the answer."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts.document import is_json, parse
from contracts.envelopes import Refusals
from contracts.findings import Exchange, media_type
from contracts.model import Model
from contracts.rejections import errors_of
from contracts.requests import Fault, Requests, page_parameters
from contracts.room import with_all_it_may_take
from contracts.schemathesis_adapter import Failure
from mockserver.vendor import Operation

_UNDECLARED, _ACCEPTED, _REFUSED, _HEADER_MISSED, _METHOD, _ALLOW, _GONE, _NO_CREDENTIAL = (
    "ST103",
    "ST201",
    "ST202",
    "ST203",
    "ST204",
    "ST205",
    "ST302",
    "ST401",
)
_INVALID = ("body_invalid", "parameter_malformed")
_WRONG_TYPE = 415


class Excuses:
    """What the model of one vendor excuses; of a tenant more, namely all that the documents leave open."""

    def __init__(self, model: Model, *, is_tenant: bool = False) -> None:
        vendor = model.vendor
        self._model = model
        self._is_tenant = is_tenant
        self._behaviour: Mapping[str, Any] = vendor.behaviour
        self._refusals = Refusals(vendor.behaviour.get("errors", {}))
        self._strict = Requests(vendor, is_strict=True)
        self._requests = Requests(with_all_it_may_take(vendor) if is_tenant else vendor)
        self._is_paging_open = is_tenant and "paging_errors" in vendor.behaviour.get("switches", {})

    def holds(self, failure: Failure, known: Mapping[str, str]) -> bool:
        """Whether the failure is foreseen."""
        exchange = failure.exchange
        if exchange is None:
            return False
        if failure.code in (_METHOD, _ALLOW):
            return exchange.status in self._statuses("method_unknown") - {405}
        if failure.code in (_HEADER_MISSED, _NO_CREDENTIAL):
            return exchange.status in self._statuses("header_missing", "credential_missing", "credential_unknown")
        operation = self._model.vendor.operations.get(exchange.operation or "")
        if operation is None:
            return False
        if failure.code == _UNDECLARED:
            return self._is_tenant and self._may_do_otherwise(operation, exchange)
        if failure.code == _ACCEPTED:
            is_open = self._is_tenant and self._may_do_otherwise(operation, exchange)
            return is_open or self._is_corrected(operation, exchange)
        if failure.code == _REFUSED:
            is_open = self._is_tenant and self._is_refused_at_will(operation, exchange)
            return is_open or self._is_checked_further(operation, exchange, known)
        return failure.code == _GONE and bool(self._unknown(operation, exchange, known))

    def _statuses(self, *situations: str) -> set[int]:
        refusals, catalogue = self._behaviour.get("refusals", {}), self._behaviour["errors"]["catalogue"]
        return {catalogue[refusals[each]["error"]]["status"] for each in situations if each in refusals}

    def _is_corrected(self, operation: Operation, exchange: Exchange) -> bool:
        """All that is wrong with an accepted request is what the vendor corrects or reads generously."""
        left = [each for each in self._requests.faults(operation, exchange) if not self._is_forgiven(operation, each)]
        return not left and bool(self._strict.faults(operation, exchange))

    def _is_forgiven(self, operation: Operation, fault: Fault) -> bool:
        is_open = self._is_paging_open and fault.field in page_parameters(operation.table)
        return fault.place == "query" and (is_open or self._requests.forgives(operation, fault.field))

    def _may_do_otherwise(self, operation: Operation, exchange: Exchange) -> bool:
        """A refusal of another kind, as of what is gone; or what a tenant may make of a body that cannot be read."""
        catalogue = self._behaviour["errors"]["catalogue"]
        told = self._refusals.entries(exchange.status, _read(exchange.body)) if exchange.status >= 400 else ()
        if any(exchange.status in catalogue[each].get("instead", ()) for each in told):
            return True
        kind = media_type(exchange.request_headers.get("content-type"))
        situation = "body_unreadable"
        if self._requests.document.body(operation, kind) is None:
            situation = "content_type_unknown"
            if exchange.status == _WRONG_TYPE:
                return True
        elif not is_json(kind) or isinstance(_read(exchange.request_body), dict):
            return False
        error = self._behaviour.get("refusals", {}).get(situation, {}).get("error")
        return exchange.status in catalogue.get(error, {}).get("instead", ())

    def _is_refused_at_will(self, operation: Operation, exchange: Exchange) -> bool:
        """What no document promises to be taken: a change of nothing, null, unknown fields, pages of odd sizes."""
        table = operation.table
        for place, texts in self._requests.sent(operation, exchange):
            if place.node["name"] in page_parameters(table) and not all(map(_is_usual(table), texts)):
                return True
        body = self._requests.body(operation, exchange)
        if body is None or not isinstance(body[2], Mapping):
            return False
        sent, schema = body[2], body[1]
        known = self._requests.document.properties(schema)
        if (wrapper := table.get("wrapper")) is not None and isinstance(sent.get(wrapper), Mapping):
            sent, known = sent[wrapper], self._requests.document.properties(known.get(wrapper, {}))
        return not sent or bool(sent.keys() - known.keys()) or any(value is None for value in sent.values())

    def _is_checked_further(self, operation: Operation, exchange: Exchange, known: Mapping[str, str]) -> bool:
        """A valid request was refused for what its schema cannot tell, by the refusal's own words."""
        try:
            answer = exchange.json()
        except ValueError:
            return False
        told = set(self._refusals.entries(exchange.status, answer))
        refusals = self._behaviour.get("refusals", {})
        invalid = {refusals[each]["error"] for each in _INVALID if each in refusals}
        if not told:
            return False
        paging = operation.table.get("paging", {})
        has_cursor = paging.get("style") == "cursor" and "cursor" in exchange.url  # it may be one of another order
        if not told & invalid or has_cursor:
            return True
        fields = self._refusals.fields(exchange.status, answer)
        unknown = self._unknown(operation, exchange, known)
        if unknown and told & errors_of(self._behaviour, operation) and (fields is None or fields & unknown):
            return True
        return bool(operation.table.get("checks"))

    def _unknown(self, operation: Operation, exchange: Exchange, known: Mapping[str, str]) -> set[str]:
        """The fields of the body that refer to a record which may not be there."""
        body = self._requests.body(operation, exchange)
        sent = body[2] if body else None
        wrapper = operation.table.get("wrapper")
        if wrapper is not None and isinstance(sent, Mapping) and isinstance(sent.get(wrapper), Mapping):
            sent = sent[wrapper]
        if not isinstance(sent, Mapping):
            return set()
        found = set()
        for name, reference in operation.table.get("references", {}).items():
            values = sent[name] if isinstance(sent.get(name), list) else [sent[name]] if name in sent else []
            there = self._model.known_of(reference["resource"], known)
            if any(value is not None and str(value) not in there for value in values):
                found.add(name)
        return found


def _read(body: bytes | None) -> Any:
    """The JSON of a body; None where it is none."""
    try:
        return parse(body or b"")
    except ValueError:
        return None


def _is_usual(table: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether a number of a page, or of how many records it has, is one that every client sends."""
    most = table.get("paging", {}).get("most", 1)
    return lambda text: text.isascii() and text.isdecimal() and 1 <= int(text) <= most
