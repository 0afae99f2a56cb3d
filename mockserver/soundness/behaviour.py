"""Does behaviour.yaml name only what it, the document and the rules have, and say all that the engine asks of it?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver import spec
from mockserver.document import nearest
from mockserver.engine.bodies import media_type
from mockserver.engine.forms import FORM, MULTIPART
from mockserver.soundness import filters
from mockserver.soundness.folder import Folder, Table, fields_of, properties_of, schema_of
from mockserver.yamlfile import Mistake, Source


def check(folder: Folder, source: Source) -> Iterator[Mistake]:
    yield from _top(folder, source)
    yield from _errors(folder, source)
    yield from _resources(folder, source)
    yield from _operations(folder, source)
    yield from _indexes(folder, source)
    yield from _samples(folder, source)


def _top(folder: Folder, source: Source) -> Iterator[Mistake]:
    behaviour, document = folder.behaviour, folder.document
    url, path = behaviour.get("base_url"), behaviour.get("base_path")
    if url is not None and path is not None and re.sub(r"^https?://[^/]+", "", url) != path:
        yield source.mistake(("base_path",), f"base_path is {path!r}, but base_url is {url!r}; they must agree")
    servers = [_address(server).rstrip("/") for server in document.get("servers", [])]
    if url is not None and servers and url not in servers:
        yield source.mistake(("base_url",), f"base_url is {url!r}, which is none of the servers of openapi.yaml")
    credentials = behaviour.get("credentials", {})
    if document:
        schemes = document.get("components", {}).get("securitySchemes", {})
        at = ("credentials", "scheme")
        yield from folder.named(source, at, "security scheme", credentials.get("scheme"), schemes)
        scheme = schemes.get(credentials.get("scheme"), {})
        if scheme.get("type") == "apiKey" and scheme.get("in") == "query":
            yield source.mistake(at, "credentials.scheme: a key in the query is no header that a caller could send")
    resources = behaviour.get("resources", {})
    yield from folder.named(source, ("credentials", "account"), "resource", credentials.get("account"), resources)
    for law, aspects in behaviour.get("aspects", {}).items():
        for aspect, rules in aspects.items():
            for rule in [rules] if isinstance(rules, str) else rules:
                yield from folder.rule(source, ("aspects", law, aspect), rule)
    for pointer in behaviour.get("room", {}):
        if document and not _stands(document, pointer.rpartition("/")[0]):
            yield source.mistake(("room", pointer), f"room: {pointer} is nowhere in openapi.yaml")
    for role, resource in behaviour.get("known", {}).items():
        yield from folder.named(source, ("known", role), "resource", resource, resources)


def _stands(document: Any, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(document, Mapping) or key not in document:
            return False
        document = document[key]
    return True


def _address(server: Table) -> str:
    """The URL of a server, with the defaults of its variables."""
    told = server.get("variables")
    variables = told.items() if isinstance(told, Mapping) else ()
    named = {name: each for name, each in variables if isinstance(each, Mapping)}
    defaults = {name: str(each["default"]) for name, each in named.items() if "default" in each}
    return re.sub(r"\{([^{}]*)\}", lambda match: defaults.get(match[1], match[0]), str(server.get("url")))


def _errors(folder: Folder, source: Source) -> Iterator[Mistake]:
    behaviour = folder.behaviour
    refusals = behaviour.get("refusals", {})
    for situation, refusal in refusals.items():
        yield from _refusal(folder, source, ("refusals", situation), refusal)
    for name, resource in behaviour.get("resources", {}).items():
        yield from _refusal(folder, source, ("resources", name, "missing"), resource.get("missing", {}))
    scopes = {scope for entry in folder.entries.values() for scope in folder.scopes(entry)}
    if scopes and "refusals" in behaviour and "scope_missing" not in refusals:
        yield source.mistake(("refusals",), "refusals lacks 'scope_missing', though openapi.yaml asks for scopes")
    for group in ("quotas", "capacities"):
        for name, entry in behaviour.get(group, {}).items():
            yield from folder.named(source, (group, name, "refusal"), "refusal", entry.get("refusal"), refusals)
            resources = behaviour.get("resources", {})
            yield from folder.named(source, (group, name, "resource"), "resource", entry.get("resource"), resources)
            if group == "capacities" and "account" not in resources.get(entry.get("resource"), {"account": ""}):
                message = f"{group}.{name}: {entry['resource']} has no field for the account whose records are counted"
                yield source.mistake((group, name, "resource"), message)


def _refusal(folder: Folder, source: Source, keys: tuple[Any, ...], refusal: Table) -> Iterator[Mistake]:
    catalogue = folder.behaviour.get("errors", {}).get("catalogue", {})
    yield from folder.named(source, (*keys, "error"), "error", refusal.get("error"), catalogue)
    yield from folder.rule(source, (*keys, "rule"), refusal.get("rule"))


def _resources(folder: Folder, source: Source) -> Iterator[Mistake]:
    """Do the fields that tables name occur in a resource? Asked only where something shows what fields it has."""
    for name, resource in folder.behaviour.get("resources", {}).items():
        fields = fields_of(folder, name)
        keys = ("resources", name)
        rank = resource.get("rank", {})
        named: list[tuple[tuple[Any, ...], Any]] = [((*keys, "key"), resource.get("key"))]
        named += [((*keys, "rank", part), rank.get(part)) for part in ("field", "within")]
        for group in ("indexes", "tallies"):
            for row, words in enumerate(resource.get(group, [])):
                named += [((*keys, group, row, column), word) for column, word in enumerate(words)]
        for at, word in named if fields else []:
            yield from folder.named(source, at, f"field of {name}", word, fields)
    for name, lifecycle in folder.behaviour.get("lifecycles", {}).items():
        yield from _lifecycle(folder, source, ("lifecycles", name), lifecycle)


def _lifecycle(folder: Folder, source: Source, keys: tuple[Any, ...], lifecycle: Table) -> Iterator[Mistake]:
    resource = lifecycle.get("resource")
    yield from folder.named(source, (*keys, "resource"), "resource", resource, folder.behaviour.get("resources", {}))
    fields = fields_of(folder, resource)
    if fields:
        yield from folder.named(source, (*keys, "field"), f"field of {resource}", lifecycle.get("field"), fields)
    transitions, states = lifecycle.get("transitions"), lifecycle.get("states", {})
    for state, following in transitions.items() if isinstance(transitions, Mapping) else ():
        yield from folder.named(source, (*keys, "transitions", state), "state", state, states)
        for index, word in enumerate(following):
            yield from folder.named(source, (*keys, "transitions", state, index), "state", word, states)


def _operations(folder: Folder, source: Source) -> Iterator[Mistake]:
    behaviour = folder.behaviour
    tables = behaviour.get("operations", {})
    for name, entry in folder.entries.items():
        if isinstance(name, str) and name not in tables and "operations" in behaviour:
            place = f"{entry.method.upper()} {entry.path}"
            message = f"operations lacks {name} ({place}); `{name}: {{verb: example}}` only shapes it"
            yield source.mistake(("operations",), message)
    for name, table in tables.items():
        keys = ("operations", name)
        if folder.entries and name not in folder.entries:
            message = f"operations.{name}: openapi.yaml has no such operationId.{nearest(name, folder.entries)}"
            yield source.mistake(keys, message)
        yield from _row(folder, source, keys, table)
        yield from filters.check(folder, source, keys, table)
        if name in folder.entries:
            yield from _row_and_document(folder, source, keys, table)


def _row(folder: Folder, source: Source, keys: tuple[Any, ...], table: Table) -> Iterator[Mistake]:
    """One operation's table against the other tables of the same file."""
    behaviour = folder.behaviour
    resources, refusals = behaviour.get("resources", {}), behaviour.get("refusals", {})
    if "resource" not in table and table.get("verb", "example") not in ("example", "own"):
        yield source.mistake(keys, f"{'.'.join(keys)}: the verb {table['verb']!r} needs a resource")
    yield from folder.named(source, (*keys, "resource"), "resource", table.get("resource"), resources)
    within = table.get("within", {})
    yield from folder.named(source, (*keys, "within", "resource"), "resource", within.get("resource"), resources)
    capacities = behaviour.get("capacities", {})
    yield from folder.named(source, (*keys, "capacity"), "capacity", table.get("capacity"), capacities)
    for field, reference in table.get("references", {}).items():
        at = (*keys, "references", field)
        yield from folder.named(source, at, "field in accepts", field, table.get("accepts", {}))
        yield from folder.named(source, (*at, "resource"), "resource", reference.get("resource"), resources)
        if not reference.get("checked"):
            yield from _missing(folder, source, at, reference.get("resource"))
        yield from folder.rule(source, (*at, "rule"), reference.get("rule"))
    for situation, rules in table.get("rules", {}).items():
        at = (*keys, "rules", situation)
        yield from folder.named(source, at, "refusal", situation, refusals)
        for field, rule in rules.items() if isinstance(rules, Mapping) else [(None, rules)]:
            yield from folder.rule(source, at if field is None else (*at, field), rule)
    fields = fields_of(folder, table.get("resource"))
    words = [((*keys, "within", "field"), within.get("field"))]
    words += [((*keys, "order", index), word.removeprefix("-")) for index, word in enumerate(table.get("order", []))]
    sorts = table.get("sort", {}).get("fields", [])
    words += [((*keys, "sort", "fields", index), word) for index, word in enumerate(sorts)]
    words += [((*keys, "filters", name), one.get("field", name)) for name, one in table.get("filters", {}).items()]
    lifecycles = behaviour.get("lifecycles", {})
    yield from folder.named(source, (*keys, "lifecycle"), "lifecycle", table.get("lifecycle"), lifecycles)
    if table.get("verb") == "transition" and not {"lifecycle", "target"} <= set(table):
        yield source.mistake(keys, f"{'.'.join(keys)}: the verb 'transition' needs a lifecycle and a target")
    if "cache" in table and "cache" not in behaviour.get("switches", {}):
        yield source.mistake((*keys, "cache"), f"{'.'.join(keys)}: a cache needs the switch 'cache'")
    for at, word in words if fields else []:
        yield from folder.named(source, at, f"field of {table.get('resource')}", word, fields)


def _row_and_document(folder: Folder, source: Source, keys: tuple[Any, ...], table: Table) -> Iterator[Mistake]:
    """One operation's table against the same operation of the document."""
    operation = folder.entries[keys[-1]].operation
    responses = operation.get("responses", {})
    status = str(table.get("status", 200))
    if table.get("verb", "example") != "example" and not {status, f"{status[0]}XX"} & set(responses):
        declared = ", ".join(responses)
        message = f"{'.'.join(keys)}: succeeds with {status}, but openapi.yaml declares only {declared}"
        yield source.mistake((*keys, "status"), message)
    answer = properties_of(folder.document, schema_of(folder.document, responses.get(status)))
    envelope = spec.place_of_record(table.get("envelope"))[:1]
    for word in envelope if answer else ():
        yield from folder.named(source, (*keys, "envelope"), f"field of the answer {status}", word, answer)
    if any(parameter.get("in") == "path" for parameter in _parameters(folder, keys[-1])):
        yield from _missing(folder, source, keys, table.get("within", table).get("resource"))
    request = properties_of(folder.document, schema_of(folder.document, operation.get("requestBody")))
    if "wrapper" in table:
        yield from folder.named(source, (*keys, "wrapper"), "field of the request", table["wrapper"], request)
        request = properties_of(folder.document, request.get(table["wrapper"]))
    if "requestBody" in operation and not _is_read(folder, operation["requestBody"]):
        message = f"{'.'.join(keys)}: its request body has neither application/json nor a form, and no other is read"
        yield source.mistake(keys, message)
    for field in table.get("accepts", {}) if request else ():
        yield from folder.named(source, (*keys, "accepts", field), "field of the request", field, request)


def _is_read(folder: Folder, body: Any) -> bool:
    try:
        kinds = spec.resolve(folder.document, body).get("content", {})
    except LookupError:  # told by document.check
        return True
    return any(media_type(kind) in ("application/json", FORM, MULTIPART) for kind in kinds)


def _indexes(folder: Folder, source: Source) -> Iterator[Mistake]:
    """What records are listed, sorted, ranked and counted by must be kept where the store finds it."""
    resources = folder.behaviour.get("resources", {})
    wanted: list[tuple[tuple[Any, ...], str, str]] = []
    for name, resource in resources.items():
        rank = resource.get("rank", {})
        wanted += [
            (("resources", name, "rank", part), name, rank[part]) for part in ("field", "within") if part in rank
        ]
    for name, table in folder.behaviour.get("operations", {}).items():
        resource = table.get("resource")
        if table.get("verb") == "list" and resource in resources:
            owner = table.get("within", {}).get("field", resources[resource].get("account"))
            sorts = table.get("sort", {}).get("fields", [])
            fields = [*table.get("order", []), *sorts, *([owner] if owner else [])]
            fields += [each.get("field", word) for word, each in table.get("filters", {}).items()]
            wanted += [(("operations", name), resource, field.removeprefix("-")) for field in fields]
    for keys, name, field in wanted:
        rows = [row for group in ("indexes", "tallies") for row in resources[name].get(group, [])]
        rows.append([resources[name].get("key"), *resources[name].get("columns", {})])
        if not any(field in row for row in rows):
            where = ".".join(keys)
            message = f"{where} goes by {field!r}, which neither indexes nor columns of resources.{name} hold"
            yield source.mistake(keys, message)
    for name, capacity in folder.behaviour.get("capacities", {}).items():
        resource = resources.get(capacity.get("resource"), {})
        if "account" in resource and [resource["account"]] not in resource.get("tallies", []):
            message = f"capacities.{name} counts by [{resource['account']}], which its resource's tallies do not hold"
            yield source.mistake(("capacities", name), message)


def _missing(folder: Folder, source: Source, keys: tuple[Any, ...], resource: Any) -> Iterator[Mistake]:
    """A resource that an operation looks up must say what is answered where there is no such record."""
    resources = folder.behaviour.get("resources", {})
    if "missing" not in resources.get(resource, {"missing": {}}):
        where = ".".join(map(str, keys))
        yield source.mistake(("resources", resource), f"resources.{resource} lacks 'missing', which {where} needs")


def _parameters(folder: Folder, operation: Any) -> tuple[Table, ...]:
    try:
        return spec.parameters(folder.document, folder.entries[operation])
    except (LookupError, TypeError):  # told by document.check
        return ()


def _samples(folder: Folder, source: Source) -> Iterator[Mistake]:
    tables = folder.behaviour.get("operations", {})
    for name in folder.behaviour.get("requests", {}):
        yield from folder.named(source, ("requests", name), "operation", name, tables)
    parameters = {one["name"] for name in folder.entries for one in _parameters(folder, name) if one["in"] == "query"}
    for index, name in enumerate(folder.behaviour.get("forgiving", [])):
        yield from folder.named(source, ("forgiving", index), "parameter of the query", name, sorted(parameters))
    for name, sample in folder.behaviour.get("samples", {}).items():
        keys = ("samples", name)
        yield from folder.named(source, keys, "resource", name, folder.behaviour.get("resources", {}))
        for part in ("create", "read", "update", "delete"):
            yield from folder.named(source, (*keys, part), "operation", sample.get(part), tables)
        at = (*keys, "list", "operation")
        yield from folder.named(source, at, "operation", sample.get("list", {}).get("operation"), tables)
        creates = tables.get(sample.get("create"), {}).get("accepts")
        changes = tables.get(sample.get("update"), {}).get("accepts")
        named: list[tuple[Any, tuple[Any, ...], Any]] = []
        named += [(creates, (*keys, "body", field), field) for field in sample.get("body", {})]
        named += [(changes, (*keys, "changes", field), field) for field in sample.get("changes", {})]
        named += [(creates, (*keys, "mark"), sample.get("mark"))]
        named += [(creates, (*keys, "values", field), field) for field in sample.get("values", {})]
        named += [(creates, (*keys, "unique", index), field) for index, field in enumerate(sample.get("unique", []))]
        for known, at, field in named:
            if known is not None:
                yield from folder.named(source, at, "field in accepts", field, known)
