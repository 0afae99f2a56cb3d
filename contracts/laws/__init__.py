"""What holds for every vendor whose model says so: generated from behaviour and document, for a rule's operations.

No law names a vendor or a vendor's field. A law raises `Broken` or `NotJudged`, and returns when all is well. On the
stand-in it demands the model's answer exactly; on a tenant it leaves the room that such documents leave open. One that
yields waits for something, in a world of its own: it is asked again later.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from contracts.laws.access import isolation, scopes
from contracts.laws.answers import error_envelope, status_codes
from contracts.laws.caches import cache
from contracts.laws.check_order import check_order
from contracts.laws.credentials import credentials
from contracts.laws.filters import filter_algebra, filters
from contracts.laws.includes import include
from contracts.laws.lifecycles import transitions
from contracts.laws.order import list_order
from contracts.laws.places import methods, unknown_paths
from contracts.laws.quotas import quota_countdown, quota_headers
from contracts.laws.records import create_and_read, delete_and_gone, partial_update
from contracts.laws.refusals import body_form, malformed_ids, required_fields, unknown_records
from contracts.laws.sorts import sort
from contracts.laws.walks import page_walk
from contracts.laws.webhooks import webhooks
from contracts.laws.windows import sliding_window
from contracts.tenant import Tenant
from mockserver.vendor import Rule

Law = Callable[[Tenant, Rule], Iterator[None] | None]

# These look at what the whole run has seen, so they come last.
RUN_WIDE = frozenset({"error-envelope", "status-codes"})

# These take their cases from the rule, so that one defect is not laid at the door of all rules of the law.
ONE_BY_ONE = frozenset(
    {"cache", "filter", "filter-algebra", "include", "page-walk", "sliding-window", "sort", "transitions", "webhooks"}
)

LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "body-form": body_form,
        "cache": cache,
        "check-order": check_order,
        "create-and-read": create_and_read,
        "credentials": credentials,
        "delete-and-gone": delete_and_gone,
        "error-envelope": error_envelope,
        "filter": filters,
        "filter-algebra": filter_algebra,
        "include": include,
        "isolation": isolation,
        "list-order": list_order,
        "malformed-ids": malformed_ids,
        "methods": methods,
        "page-walk": page_walk,
        "partial-update": partial_update,
        "quota-countdown": quota_countdown,
        "quota-headers": quota_headers,
        "required-fields": required_fields,
        "scopes": scopes,
        "sort": sort,
        "sliding-window": sliding_window,
        "status-codes": status_codes,
        "transitions": transitions,
        "unknown-paths": unknown_paths,
        "unknown-records": unknown_records,
        "webhooks": webhooks,
    }
)
