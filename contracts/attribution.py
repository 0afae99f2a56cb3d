"""Which rule does a failed check of the conformance suite break? The ledger tells by schema, behaviour by situation.

A check that no rule answers for counts as the document's own.
"""

from collections.abc import Iterator
from typing import Any

from contracts.document import is_json, parse
from contracts.findings import Exchange, media_type
from contracts.ledger import Ledger
from contracts.model import Model
from contracts.requests import Requests, field_of
from contracts.schemathesis_adapter import Failure
from mockserver.vendor import Operation, Rule

# Failure codes of Schemathesis -> the law that asks the same.
_LAWS = {"ST103": "status-codes", "ST301": "delete-and-gone", "ST302": "create-and-read"}
_SITUATIONS = {"ST101": "fault", "ST102": "fault", "ST204": "method_unknown", "ST205": "method_unknown"}
# Generated values go beyond what documents promise to accept; their refusal proves less than a rule broken by name.
_ASSUMED = frozenset({"ST202"})
_GRADES = ("documented", "published", "observed", "inferred", "assumed")


class Attribution:
    """Finds the rules behind failures, for one vendor."""

    def __init__(self, model: Model, ledger: Ledger) -> None:
        self._model = model
        self._ledger = ledger
        self._requests = Requests(model.vendor)
        self._document = self._requests.document

    def blame(self, failure: Failure) -> list[tuple[Rule, str]]:
        """The rules that a failure breaks, and how; empty when none answers for it."""
        exchange = failure.exchange
        if exchange is None:
            return []
        rules = self._model.vendor.rules
        by_schema = {breach.rule: breach.what for breach in self._ledger.observe(exchange, again=True)}
        if by_schema:
            return [(rules[rule], what) for rule, what in by_schema.items()]
        found = [rules[rule] for rule in self._named(failure, exchange) if rule in rules]
        if not found:
            return []
        return [(min(found, key=lambda rule: _GRADES.index(rule.grade)), " ".join(failure.message.split()))]

    def grade(self, failure: Failure) -> str | None:
        """What a failure counts for when no rule answers for it; None is the document itself."""
        return "assumed" if failure.code in _ASSUMED else None

    def _named(self, failure: Failure, exchange: Exchange) -> Iterator[str]:
        refusals = self._model.vendor.behaviour.get("refusals", {})
        situation = _SITUATIONS.get(failure.code)
        if failure.code == "ST401":
            situation = "credential_unknown" if "invalid" in failure.message else "credential_missing"
        operation = self._model.vendor.operations.get(exchange.operation or "")
        if failure.code == "ST201" and operation:
            yield from self._accepted(operation, exchange)
        elif situation in refusals:
            yield refusals[situation]["rule"]
        elif law := _LAWS.get(failure.code):
            for rule in self._model.vendor.rules.values():
                if rule.judge == "law" and rule.detail == (law,) and operation and operation.id in rule.operations:
                    yield rule.id

    def _accepted(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        """The rule by which a request should have been refused: path first, then the body and its fields."""
        refusals = self._model.vendor.behaviour.get("refusals", {})
        own: dict[str, Any] = self._model.table(operation.id).get("rules", {})
        for situation in self._situations(operation, exchange):
            if situation.startswith("body_invalid."):
                fields = own.get("body_invalid", {})
                name = situation.partition(".")[2]
                if isinstance(fields, dict) and name in fields:
                    yield fields[name]
                    return
                situation = "body_invalid"
            rule = own.get(situation)
            if isinstance(rule, str):
                yield rule
                return
            if situation in refusals:
                yield refusals[situation]["rule"]
                return

    def _situations(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        route = self._model.route(exchange.method, exchange.path)
        for parameter in operation.parameters:
            value = route.parameters.get(parameter["name"]) if route and parameter["in"] == "path" else None
            if value is not None and not self._document.parameter(parameter, value):
                yield "parameter_malformed"
        if "requestBody" not in operation.document:
            return
        kind = media_type(exchange.request_headers.get("content-type"))
        if self._requests.document.body(operation, kind) is None:
            yield "content_type_unknown"
            return
        if is_json(kind):
            try:
                sent = parse(exchange.request_body or b"")
            except ValueError:
                sent = None
            if not isinstance(sent, dict):
                yield "body_unreadable"
                return
        pointer, _, body = self._requests.body(operation, exchange) or ("", None, None)
        for error in sorted(self._document.errors(pointer, body), key=lambda each: len(each.absolute_path)):
            field = field_of(operation, tuple(map(str, error.absolute_path)))
            yield f"body_invalid.{field or error.validator}"
