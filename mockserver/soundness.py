"""Do the files of a vendor folder agree? Every name that one file says of another must be there.

Runs even when some of the files are broken: what is missing or malformed was told already, and is passed over here.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver import spec
from mockserver.document import nearest
from mockserver.yamlfile import Mistake, Source

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Sources:
    """The four files that are read; None for one that is missing or unreadable."""

    document: Source | None
    behaviour: Source | None
    rules: Source | None
    seed: Source | None


@dataclass(frozen=True)
class _Folder:
    """The contents, and the names in them that others refer to."""

    sources: Sources
    document: dict[str, Any]
    behaviour: Table
    seed: Table
    entries: Mapping[str, spec.Entry]
    rules: frozenset[str]

    def named(self, source: Source, keys: tuple[Any, ...], kind: str, word: Any, known: Any) -> Iterator[Mistake]:
        """A mistake if a word does not name one of those known; no word is no mistake."""
        if word is not None and word not in known:
            where = ".".join(map(str, keys))
            yield source.mistake(keys, f"{where}: there is no {kind} {word!r}.{nearest(word, known)}")

    def rule(self, source: Source, keys: tuple[Any, ...], word: Any) -> Iterator[Mistake]:
        if self.sources.rules is not None:
            yield from self.named(source, keys, "rule", word, self.rules)


def check(sources: Sources, contents: Mapping[str, Any]) -> Iterator[Mistake]:
    """Every disagreement between the files; `contents` holds what of each file has the right form."""
    document = sources.document.content if sources.document else {}
    rules = contents.get("rules", {}).get("rules", [])
    folder = _Folder(
        sources,
        document if isinstance(document, dict) else {},
        contents.get("behaviour", {}),
        contents.get("seed", {}),
        _entries(document),
        frozenset(rule["id"] for rule in rules if "id" in rule),
    )
    if sources.rules is not None:
        yield from _ledger(folder, sources.rules, contents["rules"])
    if sources.behaviour is not None:
        yield from _top(folder, sources.behaviour)
        yield from _errors(folder, sources.behaviour)
        yield from _resources(folder, sources.behaviour)
        yield from _operations(folder, sources.behaviour)
        yield from _samples(folder, sources.behaviour)
    if sources.seed is not None and sources.behaviour is not None:
        yield from _seed(folder, sources.seed)


def _entries(document: Any) -> dict[str, spec.Entry]:
    try:
        return {entry.operation["operationId"]: entry for entry in spec.operations(document)}
    except (LookupError, TypeError, AttributeError):  # told by document.check
        return {}


def _ledger(folder: _Folder, source: Source, content: Table) -> Iterator[Mistake]:
    counts = Counter(rule.get("id") for rule in content.get("rules", []))
    vendor = folder.behaviour.get("vendor")
    if vendor is not None and content.get("vendor", vendor) != vendor:
        yield source.mistake(("vendor",), f"vendor is {content['vendor']!r}, but behaviour.yaml says {vendor!r}")
    for index, rule in enumerate(content.get("rules", [])):
        keys = ("rules", index)
        name = rule.get("id", f"rule {index + 1}")
        if counts[rule.get("id")] > 1 and "id" in rule:
            yield source.mistake((*keys, "id"), f"the id {name} is given to {counts[name]} rules; it must be unique")
        operations = rule.get("operations", "every")
        for place, word in enumerate(operations if isinstance(operations, list) else ()):
            if folder.entries and word not in folder.entries:
                message = f"{name}: there is no operation {word!r}.{nearest(word, folder.entries)}"
                yield source.mistake((*keys, "operations", place), message)
        for place, text in enumerate(rule.get("judge", {}).get("schema", ())):
            try:
                if folder.document:
                    spec.pointer(folder.document, text)
            except LookupError as error:
                message = f"{name}: a pointer leads nowhere in openapi.yaml: {error.args[0]}"
                yield source.mistake((*keys, "judge", "schema", place), message)


def _top(folder: _Folder, source: Source) -> Iterator[Mistake]:
    behaviour, document = folder.behaviour, folder.document
    url, path = behaviour.get("base_url"), behaviour.get("base_path")
    if url is not None and path is not None and re.sub(r"^https?://[^/]+", "", url) != path:
        yield source.mistake(("base_path",), f"base_path is {path!r}, but base_url is {url!r}; they must agree")
    servers = [str(server.get("url")).rstrip("/") for server in document.get("servers", [])]
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
    for role, resource in behaviour.get("known", {}).items():
        yield from folder.named(source, ("known", role), "resource", resource, resources)


def _errors(folder: _Folder, source: Source) -> Iterator[Mistake]:
    behaviour = folder.behaviour
    refusals = behaviour.get("refusals", {})
    for situation, refusal in refusals.items():
        yield from _refusal(folder, source, ("refusals", situation), refusal)
    for name, resource in behaviour.get("resources", {}).items():
        yield from _refusal(folder, source, ("resources", name, "missing"), resource.get("missing", {}))
    for group in ("quotas", "capacities"):
        for name, entry in behaviour.get(group, {}).items():
            yield from folder.named(source, (group, name, "refusal"), "refusal", entry.get("refusal"), refusals)
            resources = behaviour.get("resources", {})
            yield from folder.named(source, (group, name, "resource"), "resource", entry.get("resource"), resources)


def _refusal(folder: _Folder, source: Source, keys: tuple[Any, ...], refusal: Table) -> Iterator[Mistake]:
    catalogue = folder.behaviour.get("errors", {}).get("catalogue", {})
    yield from folder.named(source, (*keys, "error"), "error", refusal.get("error"), catalogue)
    yield from folder.rule(source, (*keys, "rule"), refusal.get("rule"))


def _resources(folder: _Folder, source: Source) -> Iterator[Mistake]:
    """Do the fields that tables name occur in a resource? Asked only where something shows what fields it has."""
    for name, resource in folder.behaviour.get("resources", {}).items():
        fields = _fields(folder, name)
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


def _lifecycle(folder: _Folder, source: Source, keys: tuple[Any, ...], lifecycle: Table) -> Iterator[Mistake]:
    resource = lifecycle.get("resource")
    yield from folder.named(source, (*keys, "resource"), "resource", resource, folder.behaviour.get("resources", {}))
    fields = _fields(folder, resource)
    if fields:
        yield from folder.named(source, (*keys, "field"), f"field of {resource}", lifecycle.get("field"), fields)
    transitions, states = lifecycle.get("transitions"), lifecycle.get("states", {})
    for state, following in transitions.items() if isinstance(transitions, Mapping) else ():
        yield from folder.named(source, (*keys, "transitions", state), "state", state, states)
        for index, word in enumerate(following):
            yield from folder.named(source, (*keys, "transitions", state, index), "state", word, states)


def _operations(folder: _Folder, source: Source) -> Iterator[Mistake]:
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
        if name in folder.entries:
            yield from _row_and_document(folder, source, keys, table)


def _row(folder: _Folder, source: Source, keys: tuple[Any, ...], table: Table) -> Iterator[Mistake]:
    """One operation's table against the other tables of the same file."""
    behaviour = folder.behaviour
    resources, refusals = behaviour.get("resources", {}), behaviour.get("refusals", {})
    if "resource" not in table and table.get("verb", "example") != "example":
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
        yield from folder.rule(source, (*at, "rule"), reference.get("rule"))
    for situation, rules in table.get("rules", {}).items():
        at = (*keys, "rules", situation)
        yield from folder.named(source, at, "refusal", situation, refusals)
        for field, rule in rules.items() if isinstance(rules, Mapping) else [(None, rules)]:
            yield from folder.rule(source, at if field is None else (*at, field), rule)
    fields = _fields(folder, table.get("resource"))
    words = [((*keys, "within", "field"), within.get("field"))]
    words += [((*keys, "order", index), word) for index, word in enumerate(table.get("order", []))]
    for at, word in words if fields else []:
        yield from folder.named(source, at, f"field of {table['resource']}", word, fields)


def _row_and_document(folder: _Folder, source: Source, keys: tuple[Any, ...], table: Table) -> Iterator[Mistake]:
    """One operation's table against the same operation of the document."""
    operation = folder.entries[keys[-1]].operation
    responses = operation.get("responses", {})
    status = str(table.get("status", 200))
    if table.get("verb", "example") != "example" and not {status, f"{status[0]}XX"} & set(responses):
        declared = ", ".join(responses)
        message = f"{'.'.join(keys)}: succeeds with {status}, but openapi.yaml declares only {declared}"
        yield source.mistake((*keys, "status"), message)
    answer = _properties(folder.document, _schema(folder.document, responses.get(status)))
    if answer:
        yield from folder.named(source, (*keys, "envelope"), "field of the answer", table.get("envelope"), answer)
    request = _properties(folder.document, _schema(folder.document, operation.get("requestBody")))
    for field in table.get("accepts", {}) if request else ():
        yield from folder.named(source, (*keys, "accepts", field), "field of the request", field, request)


def _samples(folder: _Folder, source: Source) -> Iterator[Mistake]:
    tables = folder.behaviour.get("operations", {})
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
        for known, at, field in named:
            if known is not None:
                yield from folder.named(source, at, "field in accepts", field, known)


def _seed(folder: _Folder, source: Source) -> Iterator[Mistake]:
    behaviour, seed = folder.behaviour, folder.seed
    roles, resources = behaviour.get("known", {}), behaviour.get("resources", {})
    for role in seed.get("known", {}):
        yield from folder.named(source, ("known", role), "role in behaviour.yaml's known", role, roles)
    for role in roles if "known" in seed else ():
        if role not in seed["known"]:
            yield source.mistake(("known",), f"known lacks {role!r}, which behaviour.yaml promises")
    for resource, records in seed.get("records", {}).items():
        yield from folder.named(source, ("records", resource), "resource", resource, resources)
        key = resources.get(resource, {}).get("key")
        counts = Counter(str(record.get(key)) for record in records)
        for index, record in enumerate(records if key else ()):
            at = ("records", resource, index)
            if key not in record:
                yield source.mistake(at, f"{'.'.join(map(str, at))} lacks its key {key!r}")
            elif (count := counts[str(record[key])]) > 1:
                yield source.mistake((*at, key), f"the {key} {record[key]!r} is given to {count} {resource}")
    yield from _callers(folder, source)


def _callers(folder: _Folder, source: Source) -> Iterator[Mistake]:
    credentials, seed = folder.behaviour.get("credentials", {}), folder.seed
    callers = seed.get("credentials", {})
    includes = credentials.get("includes", {})
    scopes = {scope for scope, others in includes.items() for scope in (scope, *others)}
    for entry in folder.entries.values():
        for need in spec.security(folder.document, entry.operation):
            scopes |= {scope for wanted in need.values() for scope in wanted}
    accounts = [str(record.get("id")) for record in seed.get("records", {}).get(credentials.get("account"), [])]
    tokens = Counter(caller.get("token") for caller in callers.values())
    form = re.compile(credentials.get("form", ""))
    for name, caller in callers.items():
        keys = ("credentials", name)
        token = caller.get("token")
        if token is None and "login" not in caller:
            yield source.mistake(keys, f"the caller {name} has neither a token nor a login")
        elif token is not None and tokens[token] > 1:
            yield source.mistake((*keys, "token"), f"the token of {name} is that of another caller too")
        elif token is not None and not form.search(token):
            yield source.mistake((*keys, "token"), f"the token of {name}, {token!r}, does not fit {form.pattern}")
        for index, scope in enumerate(caller.get("scopes", []) if scopes else []):
            yield from folder.named(source, (*keys, "scopes", index), "scope", scope, sorted(scopes))
        account = caller.get("account", seed.get("default_account"))
        if credentials.get("account") and account is None:
            yield source.mistake(keys, f"the caller {name} has no account, and there is no default_account")
        elif accounts and account is not None:
            yield from folder.named(source, (*keys, "account"), "account", str(account), accounts)


def _fields(folder: _Folder, resource: Any) -> set[str]:
    """The fields that records of a resource are known to have: from answers, requests, the seed and its own table."""
    shown: set[str] = set()
    for record in folder.seed.get("records", {}).get(resource, []):
        shown |= set(record)
    for name, table in folder.behaviour.get("operations", {}).items():
        if table.get("resource") != resource or name not in folder.entries:
            continue
        response = folder.entries[name].operation.get("responses", {}).get(str(table.get("status", 200)))
        schema = _schema(folder.document, response)
        if "envelope" in table:
            schema = _properties(folder.document, schema).get(table["envelope"])
        shown |= set(_properties(folder.document, schema))
        shown |= set(table.get("accepts", {}).values()) | set(table.get("defaults", {}))
    own = folder.behaviour.get("resources", {}).get(resource, {})
    return shown and shown | {own[part] for part in ("key", "account", "created", "updated") if part in own}


def _schema(document: dict[str, Any], node: Any) -> Any:
    """The schema of the first content of a request body or a response."""
    try:
        content = spec.resolve(document, node or {}).get("content", {})
    except LookupError:  # told by document.check
        return None
    return next((media.get("schema") for media in content.values()), None)


def _properties(document: dict[str, Any], schema: Any, seen: tuple[int, ...] = ()) -> dict[str, Any]:
    """The fields of an object, or of the items of a list, through `$ref` and combinations; empty when unknown."""
    try:
        schema = spec.resolve(document, schema)
    except LookupError:  # told by document.check
        return {}
    if not isinstance(schema, Mapping) or id(schema) in seen:
        return {}
    found = dict(schema.get("properties", {}))
    parts = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, [])]
    for part in [*parts, schema.get("items")]:
        found |= _properties(document, part, (*seen, id(schema)))
    return found
