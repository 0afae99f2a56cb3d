"""Kanbert's request bodies: how texts are read, what is wrong with a field in words, and what ids must name.

As far as the vendor documents it, refusals are those of Laravel, whose wording this is.
"""

import re
from collections.abc import Mapping
from typing import Any

from mockserver.engine.bodies import faults
from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.query import And, Condition
from mockserver.engine.store import Record
from mockserver.vendors.kanbert_due import day
from mockserver.vendors.kanbert_shapes import acts_as, find_own, find_visible

Body = dict[str, Any]

_BLANKS = r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_EDGES = re.compile(rf"\A{_BLANKS}+|{_BLANKS}+\Z")
_NO_TEXTS = frozenset({"estimated_hours", "is_public", "is_active", "watchers", "add_watchers", "events"})
_OTHERS = {"assignee_id": "users", "epic_id": "epics", "phase_id": "phases", "milestone_id": "milestones"}
_KINDS = {
    "estimated_hours": "a number",
    "is_public": "a boolean",
    "is_active": "a boolean",
    "watchers": "an array",
    "add_watchers": "an array",
    "events": "an array",
}


# Reading


def prepare_body(operation: str, sent: Body) -> Body:
    """Texts without the blanks at their ends; what is then empty is null where a text is expected (KB-026, KB-027)."""
    return {name: _read(name, value) for name, value in sent.items()}


def _read(name: str, value: Any) -> Any:
    if isinstance(value, str):
        text = _EDGES.sub("", value)
        return text if text or name in _NO_TEXTS else None
    if isinstance(value, list):
        return [_EDGES.sub("", item) if isinstance(item, str) else item for item in value]
    return value


# What is wrong with a field, in words


def blame(name: str, error: Any) -> str:
    """The field that an error is about: a subscription that is limited to nothing lacks its project (KB-461)."""
    return "project_id" if error.kind.name == "anyOf" and name == "body" else name


def explain(name: str, error: Any) -> str:
    """The reason for which the schema refuses a field."""
    field = name.partition(".")[0]
    kind, words = error.kind.name, name.replace("_", " ")
    is_empty = kind in ("required", "minLength") or error.instance is None or (kind, error.instance) == ("pattern", "")
    if is_empty or (kind == "anyOf" and field == "project_id"):
        return f"The {words} field is required."
    if kind == "enum" and isinstance(error.instance, str):
        return f"The selected {words} is invalid."
    if field == "due_date":
        return f"The {words} field must be a valid date."
    if kind == "maxLength":
        return f"The {words} field must not be greater than {error.kind.limit} characters."
    if kind == "minimum":
        return f"The {words} field must be at least 0."
    if kind == "minItems":
        return f"The {words} field must have at least 1 item."
    if field == "url" and isinstance(error.instance, str):
        return f"The {words} field must be a valid URL."
    if kind == "pattern":
        return f"The {words} field format is invalid."
    if "." in name or field not in _KINDS:
        return f"The {words} field must be a string."
    return f"The {words} field must be {_KINDS[field]}."


def invalid(name: str) -> str:
    """The reason for which an id is refused that names nothing."""
    return f"The selected {name.replace('_', ' ')} is invalid."


_RULES = {"external_id": "KB-288", "insert_after": "KB-331", "find_by": "KB-341", "file": "KB-417", "task_id": "KB-474"}


def refuse(reasons: Mapping[str, str], rule: str | None = None) -> None:
    """Raises the refusal of all these fields, if there are any."""
    if reasons:
        raise Refusal("body_invalid", rule=rule or _RULES.get(next(iter(reasons)), "KB-323"), values=faults(reasons))


# What a body must agree with beside its schema; each check leaves in the call what is to be kept


def check_new_task(call: Call) -> None:
    body: Body = dict(call.body)
    reasons: dict[str, str] = {}
    _identify(call, body, None, reasons)
    _settle(call, body, "watchers", reasons)
    project = find_own(call, "projects", body["project_id"])
    if project is None:
        reasons["project_id"] = invalid("project_id")
    within = project["id"] if project is not None else None
    _place(call, body, within, reasons)
    _refer(call, body, within, reasons)
    refuse(reasons)
    if "due_date" in body:
        body["due_date"] = day(body["due_date"])
    call.body = body


def check_changed_task(call: Call) -> None:
    body: Body = dict(call.body)
    reasons: dict[str, str] = {}
    for name in ("watchers", "add_watchers"):
        _settle(call, body, name, reasons)
    is_circle = _is_within(call, body.get("parent_task_id"))
    if is_circle:
        reasons["parent_task_id"] = invalid("parent_task_id")
    _refer(call, body, call.record["project_id"], reasons)
    refuse(reasons, "KB-382" if is_circle else None)
    if body.get("is_public", True) is None:
        del body["is_public"]
    if "add_watchers" in body:
        kept = body["watchers"] if "watchers" in body else call.record["watchers"]
        body["watchers"] = _once([*kept, *body["add_watchers"]])
    if "due_date" in body:
        body["due_date"] = day(body["due_date"])
    call.body = body


def check_identifier(call: Call) -> None:
    """Without an external id nothing changes, whatever the origin (KB-406)."""
    body: Body = dict(call.body)
    if "external_id" not in body:
        call.body = {}
        return
    reasons: dict[str, str] = {}
    _identify(call, body, call.record["id"], reasons)
    refuse(reasons)
    call.body = body


def check_new_comment(call: Call) -> None:
    body: Body = dict(call.body)
    reasons: dict[str, str] = {}
    task = find_visible(call, body["task_id"])
    if task is None:
        reasons["task_id"] = invalid("task_id")
    key = body.get("parent_comment_id")
    parent = find_own(call, "comments", key) if key is not None else None
    if key is not None and (parent is None or task is None or parent["task_id"] != task["id"]):
        reasons["parent_comment_id"] = invalid("parent_comment_id")
    refuse(reasons)
    call.body = _with_origin(call, body)


def check_new_webhook(call: Call) -> None:
    body = call.body
    reasons = {}
    for name, resource in (("project_id", "projects"), ("client_id", "clients")):
        if body.get(name) is not None and find_own(call, resource, body[name]) is None:
            reasons[name] = invalid(name)
    refuse(reasons, "KB-470")


def _settle(call: Call, body: Body, name: str, reasons: dict[str, str]) -> None:
    """Users of the workspace, each once, in the order sent."""
    for place, key in enumerate(body.get(name, ())):
        if find_own(call, "users", key) is None:
            reasons[f"{name}.{place}"] = invalid(f"{name}.{place}")
    if name in body:
        body[name] = _once(body[name])


def _once(keys: list[str]) -> list[str]:
    return list(dict.fromkeys(keys))


def _refer(call: Call, body: Body, project: str | None, reasons: dict[str, str]) -> None:
    """The parent stands in the task's project (KB-327); the others are of the same workspace."""
    key = body.get("parent_task_id")
    if key is not None and not _is_in(find_visible(call, key), project):
        reasons["parent_task_id"] = invalid("parent_task_id")
    for name, resource in _OTHERS.items():
        if body.get(name) is not None and find_own(call, resource, body[name]) is None:
            reasons[name] = invalid(name)


def _is_in(task: Record | None, project: str | None) -> bool:
    return task is not None and project in (None, task["project_id"])


def _place(call: Call, body: Body, project: str | None, reasons: dict[str, str]) -> None:
    """Before or after a task of the same project, not both."""
    for name in ("insert_before", "insert_after"):
        key = body.get(name)
        if key is not None and not _is_in(find_visible(call, key), project):
            reasons[name] = invalid(name)
    if body.get("insert_before") is not None and body.get("insert_after") is not None:
        reasons["insert_after"] = "The insert after field prohibits insert before from being present."


def _is_within(call: Call, key: str | None) -> bool:
    """Whether a task is the addressed one, or stands below it."""
    above = key
    while above is not None and above != call.record["id"]:
        task = call.world.find("tasks", above)
        above = task["parent_task_id"] if task is not None else None
    return above is not None


def _identify(call: Call, body: Body, mine: str | None, reasons: dict[str, str]) -> None:
    """An external id is taken by one task of a workspace and an origin; without an id there is no origin."""
    _with_origin(call, body)
    key = body["external_id"] if body.get("external_id") is not None else None
    if key is None:
        return
    taken = find_by_external_id(call, key, body["external_origin"])
    if taken is not None and taken["id"] != mine:
        reasons["external_id"] = "The external id has already been taken."


def _with_origin(call: Call, body: Body) -> Body:
    if body.get("external_id") is None:
        body["external_id"] = body["external_origin"] = None
    else:
        body["external_origin"] = body.get("external_origin") or slug(call)
    return body


def slug(call: Call) -> str:
    """The integration of the caller, which external ids are of where no origin is named."""
    found: str = acts_as(call).get("slug") or acts_as(call)["id"]
    return found


def find_by_external_id(call: Call, key: str, origin: str) -> Record | None:
    where = And((Condition("external_id", "eq", key), Condition("external_origin", "eq", origin)))
    found = call.world.search("tasks", And((where, Condition("space_id", "eq", call.account))), ["id"])
    return found[0] if found else None
