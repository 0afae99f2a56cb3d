"""What Schemathesis would do to others' records it does to ours, and what it makes bears the run's mark.

Only on a tenant; nothing is sent from here but the creates of the records that are needed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from contracts.document import Document
from contracts.findings import Broken, NotJudged, media_type, parsed
from contracts.model import SAFE_METHODS, Route, fill
from contracts.safety import bodies
from contracts.safety.bounds import is_reserved
from contracts.safety.records import identity_of
from contracts.schemathesis_adapter import Withheld
from contracts.target import Target
from contracts.tenant import Tenant
from contracts.wire import Outgoing
from mockserver.spec import resolve

_PUT_RIGHT = "what is wrong with it would be put right"
_ADDRESS = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]*)*")


class Diversion:
    """Makes of each request one that may be sent to a tenant; Withheld where it cannot be made one."""

    def __init__(self, target: Target, tenant: Tenant) -> None:
        self._target = target
        self._tenant = tenant
        self._model = target.model
        self._document = Document(target.vendor.document)

    def divert(self, request: Outgoing) -> Outgoing:
        """The request as it may be sent."""
        if self._target.is_mock or request.method.upper() in SAFE_METHODS:
            return request
        route = self._model.route(request.method, request.target)
        if route is None or self._model.table(route.operation.id).get("lasting"):
            raise Withheld("what it does could not be undone")
        request = self._marked(request, route)
        if self._target.guard.find_trouble(request) is None:
            return request
        diverted = self._within_bounds(request, route)
        if trouble := self._target.guard.find_trouble(diverted):
            raise Withheld(trouble.why)
        return diverted

    def _within_bounds(self, request: Outgoing, route: Route) -> Outgoing:
        subject = self._model.subject(route)
        values = dict(route.parameters)
        for name, resource in self._model.owners(route.operation).items():
            is_subject = subject is not None and (resource, values[name]) == subject
            values[name] = self._own(resource, values[name]) if is_subject else self._usable(resource, values[name])
        changed = {name for name, value in route.parameters.items() if values[name] != value}
        for place in self._document.parameters(route.operation):
            is_changed = place.node["in"] == "path" and place.node["name"] in changed
            if is_changed and not self._document.parameter(place.node, route.parameters[place.node["name"]]):
                raise Withheld(_PUT_RIGHT)
        query = request.target.partition("?")[2]
        path = fill(route.operation.path, values)
        body = self._exchanged(request, route)
        return _with(request, f"{path}?{query}" if query else path, body)

    def _own(self, resource: str, identity: str) -> str:
        """An id that may be changed: the same where it may, else that of a record of ours."""
        if not self._is_somebodys(resource, identity):
            return identity
        ours = [held for of, held in self._target.guard.holdings if of == resource]
        return ours[-1] if ours else self._made(resource)

    def _usable(self, resource: str, identity: str) -> str:
        """An id that may be referred to: the same where it may, else a known one or that of a record of ours."""
        if self._target.guard.ownership.is_known(resource, identity) or not self._is_somebodys(resource, identity):
            return identity
        known = self._model.known_of(resource, self._target.known)
        return known[0] if known else self._own(resource, identity)

    def _is_somebodys(self, resource: str, identity: str) -> bool:
        guard = self._target.guard
        is_free = (resource, identity) in guard.holdings or self._model.name(resource, identity) in guard.void
        return not is_free and self._model.is_formed(resource, identity)

    def _made(self, resource: str) -> str:
        try:
            return str(self._tenant.create(resource)[self._model.resource(resource)["key"]])
        except (Broken, NotJudged, LookupError) as error:
            raise Withheld(f"no record of our own: {error}") from None

    def _exchanged(self, request: Outgoing, route: Route) -> bytes | None:
        """The body with references to what may be used, and the address of a subscription where nobody listens."""
        table = self._model.table(route.operation.id)
        references = self._model.references(route.operation.id)
        told = self._target.vendor.behaviour.get("webhooks", {}).get("subscription", {})
        url = told.get("url") if told.get("resource") == table.get("resource") else None
        harmless = self._model.hint(table.get("resource"), "body").get(url) if url else None

        def exchange(name: str, node: Any) -> Any:
            if isinstance(node, dict):
                return {key: exchange(key, value) for key, value in node.items()}
            if isinstance(node, list):
                return [exchange(name, value) for value in node]
            if name == url and isinstance(node, str) and harmless and not is_reserved(node):
                if not self._is_good(route, url, node):
                    raise Withheld("nobody knows where it would send the tenant's data")
                return harmless
            identity = identity_of(node)
            if name not in references or identity is None:
                return node
            usable = self._usable(references[name], identity)
            if usable != identity and not self._is_sound(route, name, node):
                raise Withheld(_PUT_RIGHT)
            return int(usable) if isinstance(node, int) and usable.isdecimal() else usable

        try:
            body = parsed(request.body or b"null")
        except ValueError:
            return request.body
        changed = exchange("", body)
        return request.body if changed == body else json.dumps(changed).encode()

    def _marked(self, request: Outgoing, route: Route) -> Outgoing:
        """The request with the run's mark in the text that bears it, where it is a good one and stays so."""
        table = self._model.table(route.operation.id)
        name = self._model.hint(table.get("resource"), "mark")
        if not isinstance(name, str) or table.get("verb") not in ("create", "update") or not request.body:
            return request
        plain = media_type(bodies.content_type(request))
        schema = self._schema(route, plain, name)
        if schema is None:
            return request
        if plain == bodies.FORM:
            pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            marked = [
                (key, self._text(schema, text) if bodies.field_name(key) == name else text) for key, text in pairs
            ]
            body = request.body if marked == pairs else urlencode(marked).encode()
        elif plain == bodies.MULTIPART:
            body = self._in_parts(request.body, schema, name)
        else:
            body = self._in_json(request.body, schema, name, table.get("wrapper"))
        return _with(request, request.target, body)

    def _in_json(self, body: bytes, schema: Any, name: str, wrapper: str | None) -> bytes:
        try:
            told = parsed(body)
        except ValueError:
            return body
        fields = told.get(wrapper) if wrapper is not None and isinstance(told, dict) else told
        if not isinstance(fields, dict) or not isinstance(fields.get(name), str):
            return body
        text = self._text(schema, fields[name])
        if text == fields[name]:
            return body
        fields[name] = text
        return json.dumps(told).encode()

    def _in_parts(self, body: bytes, schema: Any, name: str) -> bytes:
        part = re.compile(
            rb'(name="(?:[^"]*\[)?' + re.escape(name).encode() + rb'\]?"\r\n\r\n)(.*?)(?=\r\n--)', re.DOTALL
        )
        return part.sub(lambda found: found[1] + self._text(schema, found[2].decode("utf-8", "replace")).encode(), body)

    def _schema(self, route: Route, plain: str, name: str) -> Mapping[str, Any] | None:
        media = self._document.body(route.operation, plain) if plain else None
        fields = self._document.properties(media[1]) if media else {}
        wrapper = self._model.table(route.operation.id).get("wrapper")
        if wrapper is not None and wrapper in fields:
            fields = self._document.properties(fields[wrapper])
        found = next((each for key, each in fields.items() if bodies.field_name(key) == name), None)
        told = resolve(self._target.vendor.document, found)
        return told if isinstance(told, Mapping) else None

    def _is_good(self, route: Route, name: str, value: Any) -> bool:
        """Whether an address is a good one beyond doubt, so that another good one may stand for it."""
        schema = self._schema(route, "application/json", name)
        is_plain = isinstance(value, str) and _ADDRESS.fullmatch(value) is not None
        return is_plain and schema is not None and self._document.validator(schema).is_valid(value)

    def _is_sound(self, route: Route, name: str, value: Any) -> bool:
        """Whether a value, or an item of a list, is one that the document allows."""
        schema = self._schema(route, "application/json", name)
        if schema is None:
            return True
        items = resolve(self._target.vendor.document, schema.get("items", schema))
        return any(self._document.validator(each).is_valid(value) for each in (schema, items))

    def _text(self, schema: Mapping[str, Any], text: str) -> str:
        """The text with the mark at its end, cut before it where there is no room."""
        mark = f" [{self._target.mark}]"
        most = schema.get("maxLength", len(text) + len(mark))
        marked = text[: max(0, most - len(mark))] + mark
        validator = self._document.validator(schema)
        return marked if text.strip() and validator.is_valid(text) and validator.is_valid(marked) else text


def _with(request: Outgoing, target: str, body: bytes | None) -> Outgoing:
    """The request with another target and body, whose length is another one too."""
    headers = [(name, value) for name, value in request.headers if name.lower() != "content-length"]
    return Outgoing(request.method, target, headers, body)
