"""Does the table `webhooks` of behaviour.yaml name only what there is, and all that its laws need?"""

from collections.abc import Iterator, Sequence
from typing import Any

from mockserver.soundness.folder import Folder, Table, fields_of
from mockserver.yamlfile import Mistake, Source

_CHANGES = {"create": "create", "update": "update", "transition": "update", "delete": "delete"}


def check(folder: Folder, source: Source, rules: Sequence[Table]) -> Iterator[Mistake]:
    table = folder.behaviour.get("webhooks", {})
    yield from _emits(folder, source, table.get("events", {}))
    if not table:
        return
    yield from _subscription(folder, source, table)
    yield from _profiles(folder, source, table)
    for case, rule in table.get("rules", {}).items():
        yield from folder.rule(source, ("webhooks", "rules", case), rule)
    operations = folder.behaviour.get("operations", {})
    for name, rule in table.get("emitted", {}).items():
        yield from folder.named(source, ("webhooks", "emitted", name), "operation", name, operations)
        yield from folder.rule(source, ("webhooks", "emitted", name), rule)
    yield from _judged(folder, source, table, rules)


def _subscription(folder: Folder, source: Source, table: Table) -> Iterator[Mistake]:
    resources = folder.behaviour.get("resources", {})
    subscription, keys = table.get("subscription", {}), ("webhooks", "subscription")
    resource = subscription.get("resource")
    yield from folder.named(source, (*keys, "resource"), "resource", resource, resources)
    fields = fields_of(folder, resource)
    named: list[tuple[tuple[str, ...], Any]] = []
    named += [((*keys, part), subscription.get(part)) for part in ("url", "events", "active", "secret")]
    named += [((*keys, "limits", field), field) for field in subscription.get("limits", {})]
    for at, word in named if fields else []:
        yield from folder.named(source, at, f"field of {resource}", word, fields)
    active = subscription.get("active")
    if resource in resources and active is not None and [active] not in resources[resource].get("tallies", []):
        message = f"webhooks counts {resource} by [{active}], which its tallies do not hold"
        yield source.mistake(("resources", resource), message)
    if table.get("signature") and "secret" not in subscription:
        message = "webhooks.signature: payloads are signed, but webhooks.subscription names no secret"
        yield source.mistake(("webhooks", "signature"), message)
    for name, event in table.get("events", {}).items():
        yield from folder.named(source, ("webhooks", "events", name), "resource", event.get("resource"), resources)


def _profiles(folder: Folder, source: Source, table: Table) -> Iterator[Mistake]:
    switches, profiles = folder.behaviour.get("switches", {}), table.get("profiles", {})
    switch = table.get("switch")
    yield from folder.named(source, ("webhooks", "switch"), "switch", switch, switches)
    for value in switches.get(switch, {}).get("values", []):
        yield from folder.named(source, ("switches", switch, "values"), "profile of webhooks", value, profiles)
    if len(profiles) > 1 and switch is None:
        yield source.mistake(("webhooks", "profiles"), "webhooks has several profiles, but no switch to choose by")
    for name, profile in profiles.items():
        for case, rule in profile.get("rules", {}).items():
            yield from folder.rule(source, ("webhooks", "profiles", name, "rules", case), rule)


def _judged(folder: Folder, source: Source, table: Table, rules: Sequence[Table]) -> Iterator[Mistake]:
    """The law picks what it looks at by these tables; a rule that they do not name would never be judged."""
    tables = [
        table.get("rules", {}),
        table.get("emitted", {}),
        *(one.get("rules", {}) for one in table.get("profiles", {}).values()),
    ]
    named = {rule for one in tables for rule in one.values()}
    for rule in (one for one in rules if one.get("judge") == {"law": "webhooks"}):
        if rule.get("id") not in named:
            message = f"the law webhooks judges {rule.get('id')}, but webhooks names no case for it"
            yield source.mistake(("webhooks",), message)


def _emits(folder: Folder, source: Source, events: Table) -> Iterator[Mistake]:
    for name, table in folder.behaviour.get("operations", {}).items():
        event, keys = table.get("emits"), ("operations", name, "emits")
        yield from folder.named(source, keys, "event of webhooks", event, events)
        verb = table.get("verb")
        if event in events and _CHANGES.get(verb) != events[event].get("change"):
            yield source.mistake(keys, f"operations.{name}: the verb {verb!r} does not emit {event}")
