"""What holds for every vendor whose model says so: generated from behaviour and document, for a rule's operations.

No law names a vendor or a vendor's field. A law raises `Broken` or `NotJudged`, and returns when all is well. On the
stand-in it demands the model's answer exactly; on a tenant it leaves the room that such documents leave open.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from contracts.laws.access import check_order, credentials, isolation, scopes
from contracts.laws.answers import error_envelope, quota_countdown, quota_headers, status_codes
from contracts.laws.order import list_order
from contracts.laws.records import create_and_read, delete_and_gone, partial_update, transitions
from contracts.laws.refusals import body_form, malformed_ids, methods, required_fields, unknown_paths, unknown_records
from contracts.tenant import Tenant
from mockserver.vendor import Rule

Law = Callable[[Tenant, Rule], None]

# These look at what the whole run has seen, so they come last.
RUN_WIDE = frozenset({"error-envelope", "status-codes"})

LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "body-form": body_form,
        "check-order": check_order,
        "create-and-read": create_and_read,
        "credentials": credentials,
        "delete-and-gone": delete_and_gone,
        "error-envelope": error_envelope,
        "isolation": isolation,
        "list-order": list_order,
        "malformed-ids": malformed_ids,
        "methods": methods,
        "partial-update": partial_update,
        "quota-countdown": quota_countdown,
        "quota-headers": quota_headers,
        "required-fields": required_fields,
        "scopes": scopes,
        "status-codes": status_codes,
        "transitions": transitions,
        "unknown-paths": unknown_paths,
        "unknown-records": unknown_records,
    }
)
