"""What subscribers are told: every event once, whole, signed, in order, again where it was not received, and no more.

A rule's cases are those that the table `webhooks` names it for. Each is judged in a world of its own, with a receiver
on this machine; the clock of the world is moved, so that only the time-out of a delivery takes its time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from contracts.findings import NotJudged
from contracts.laws import webhook_deliveries as deliveries
from contracts.laws import webhook_payloads as payloads
from contracts.laws.webhook_scene import Scene
from contracts.receiver import receiving
from contracts.tenant import Tenant
from mockserver.vendor import Rule, Vendor

Case = Callable[[Scene], Iterator[None] | None]

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def takes_its_time(vendor: Vendor, rules: Iterable[Rule]) -> bool:
    """Whether one of the rules is about the time-out of a delivery, so that it is better begun before others."""
    profiles: Mapping[str, Mapping[str, Any]] = vendor.behaviour.get("webhooks", {}).get("profiles", {})
    found = {profile.get("rules", {}).get("timeout") for profile in profiles.values()}
    return any(rule.id in found for rule in rules)


def webhooks(tenant: Tenant, rule: Rule) -> Iterator[None]:
    """The cases of a rule, one after the other; yields where nothing is to be done for some seconds."""
    table = tenant.vendor.behaviour.get("webhooks", {})
    profiles: Mapping[str, Mapping[str, Any]] = table.get("profiles", {})
    default = next(iter(profiles), "")
    chosen = [(default, CASES[case]) for case, known in table.get("rules", {}).items() if known == rule.id]
    for name, profile in profiles.items():
        chosen += [(name, CASES[case]) for case, known in profile.get("rules", {}).items() if known == rule.id]
    chosen += [
        (default, partial(payloads.emitted, name))
        for name, known in table.get("emitted", {}).items()
        if known == rule.id
    ]
    if not chosen:
        raise NotJudged("webhooks in behaviour.yaml names no case for it")
    if not tenant.is_mock or not (tenant.target.is_local or urlsplit(tenant.target.url).hostname in _HERE):
        raise NotJudged("needs a receiver that the target can reach")
    with receiving() as receiver:
        for number, (name, case) in enumerate(chosen):
            place = tenant.fresh_world() if number else tenant
            scene = Scene(place, receiver, profiles[name])
            if name != default:
                scene.turn(table["switch"], name)
            yield from case(scene) or ()


CASES: Mapping[str, Case] = MappingProxyType(
    {
        "created": payloads.created,
        "updated": payloads.updated,
        "deleted": payloads.deleted,
        "method": payloads.method,
        "content_type": payloads.content_type,
        "body": payloads.body,
        "event": payloads.event,
        "resource": payloads.resource,
        "type": payloads.kind,
        "identity": payloads.identity,
        "triggered_by": payloads.triggered_by,
        "data": payloads.data,
        "last_state": payloads.last_state,
        "signed": payloads.signed,
        "signature_header": payloads.signature_header,
        "signature_bytes": payloads.signature_bytes,
        "escapes": payloads.escapes,
        "no_credential": payloads.no_credential,
        "inactive": deliveries.inactive,
        "order": deliveries.order,
        "success": deliveries.success,
        "timeout": deliveries.timeout,
        "tries": deliveries.tries,
        "waits": deliveries.waits,
        "done": deliveries.done,
        "dropped": deliveries.dropped,
        "same_bytes": deliveries.same_bytes,
        "latest": deliveries.latest,
        "create_then_update": deliveries.create_then_update,
        "create_then_delete": deliveries.create_then_delete,
        "update_then_delete": deliveries.update_then_delete,
    }
)
