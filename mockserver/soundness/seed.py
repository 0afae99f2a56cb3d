"""Does seed.yaml keep what behaviour.yaml promises: known records, accounts, callers who can be told apart?"""

import re
from collections import Counter
from collections.abc import Iterator

from mockserver.soundness.folder import Folder, Table
from mockserver.yamlfile import Mistake, Source


def check(folder: Folder, source: Source) -> Iterator[Mistake]:
    behaviour, seed = folder.behaviour, folder.seed
    roles, resources = behaviour.get("known", {}), behaviour.get("resources", {})
    for role in seed.get("known", {}):
        yield from folder.named(source, ("known", role), "role in behaviour.yaml's known", role, roles)
    for role in roles if "known" in seed else ():
        if role not in seed["known"]:
            yield source.mistake(("known",), f"known lacks {role!r}, which behaviour.yaml promises")
    for resource, records in seed.get("records", {}).items():
        yield from folder.named(source, ("records", resource), "resource", resource, resources)
        yield from _records(source, resource, resources.get(resource, {}), records)
    for resource, plot in seed.get("generate", {}).get("resources", {}).items():
        at = ("generate", "resources", resource)
        yield from folder.named(source, at, "resource", resource, resources)
        parent = plot.get("parent", {}).get("resource")
        yield from folder.named(source, (*at, "parent", "resource"), "resource", parent, resources)
        if not plot.get("main") and "count" not in plot:
            yield source.mistake(at, f"generate.resources.{resource} needs a count, or main: true")
    yield from _callers(folder, source)
    yield from _limits(folder, source)


def _records(source: Source, resource: str, table: Table, records: list[Table]) -> Iterator[Mistake]:
    """Is each record found by its key, and by whatever else the store is to find it by?"""
    key, rank = str(table.get("key", "")), table.get("rank", {}).get("field")
    fields = {field for group in ("indexes", "tallies") for row in table.get(group, []) for field in row}
    counts = Counter(str(record[key]) for record in records if key in record)
    for index, record in enumerate(records):
        at = ("records", resource, index)
        where = f"records.{resource}.{index}"
        if key and not isinstance(record.get(key), str | int):
            yield source.mistake(at, f"{where} lacks its key {key!r}, a text or a whole number")
        elif key and (count := counts[str(record[key])]) > 1:
            yield source.mistake((*at, key), f"the {key} {record[key]!r} is given to {count} {resource}")
        for field in sorted(fields - {key}):
            value = record.get(field, {})
            if isinstance(value, list | dict) and "$day" not in value:
                yield source.mistake((*at, field), f"{where} needs a single value as its {field}, which it is found by")
            elif field == rank and not isinstance(record[field], type(table["rank"].get("first"))):
                kind = "a whole number" if isinstance(table["rank"].get("first"), int) else "a text"
                yield source.mistake((*at, field), f"{where} needs {kind} as its {field}, which ranks it")


def _callers(folder: Folder, source: Source) -> Iterator[Mistake]:
    credentials, seed = folder.behaviour.get("credentials", {}), folder.seed
    key = folder.behaviour.get("resources", {}).get(credentials.get("account"), {}).get("key")
    records = seed.get("records", {}).get(credentials.get("account"), [])
    callers = seed.get("credentials", {})
    includes = credentials.get("includes", {})
    scopes = {scope for scope, others in includes.items() for scope in (scope, *others)}
    for entry in folder.entries.values():
        scopes.update(folder.scopes(entry))
    for table in folder.behaviour.get("operations", {}).values():
        scopes.update(table.get("needs", ()))
    accounts = [str(record.get(key)) for record in records]
    tokens = Counter(caller.get("token") for caller in callers.values())
    form = re.compile(credentials.get("form", ""))
    for name, caller in callers.items():
        keys = ("credentials", name)
        token = caller.get("token")
        if token is None and "login" not in caller and not credentials.get("minted"):
            yield source.mistake(keys, f"the caller {name} has neither a token nor a login")
        elif token is not None and tokens[token] > 1:
            yield source.mistake((*keys, "token"), f"the token of {name} is that of another caller too")
        elif token is not None and not form.search(token):
            yield source.mistake((*keys, "token"), f"the token of {name}, {token!r}, does not fit {form.pattern}")
        for index, scope in enumerate(caller.get("scopes", []) if scopes else []):
            yield from folder.named(source, (*keys, "scopes", index), "scope", scope, sorted(scopes))
        if "account" in caller:
            yield from folder.named(source, (*keys, "account"), "account", str(caller["account"]), accounts)
    if "default_account" in seed:
        yield from folder.named(source, ("default_account",), "account", str(seed["default_account"]), accounts)


def _limits(folder: Folder, source: Source) -> Iterator[Mistake]:
    """Each account's record must hold the numbers that quotas and capacities go by."""
    behaviour = folder.behaviour
    resource = behaviour.get("credentials", {}).get("account")
    entries = [entry for group in ("quotas", "capacities") for entry in behaviour.get(group, {}).values()]
    fields = {entry["limit"] for entry in entries if "limit" in entry}
    for index, record in enumerate(folder.seed.get("records", {}).get(resource, [])):
        for field in sorted(fields):
            if not isinstance(record.get(field), int):
                at = ("records", resource, index)
                yield source.mistake((*at, field), f"{'.'.join(map(str, at))} needs a whole number as its {field}")
