"""Kantata OX: what is checked of a request, and told all at once where several values are wrong (KX-041)."""

import re
from collections.abc import Iterator
from typing import Any

from mockserver.engine.call import Call
from mockserver.engine.errors import Refusal
from mockserver.engine.query import And, Condition
from mockserver.engine.store import Record

CATEGORIES = ("not started", "started", "needs info", "completed")
LONGEST = 255  # characters of a status's name
MOST_DIGITS = 18  # of an id or a place that there can be
LARGEST = 10**MOST_DIGITS
PLACES = range(-(2**31), 2**31)  # the document's int32; beyond the ends of a set, but a place (KX-164 KX-176)
# What a name may not consist of: control characters, and white space of every kind.
_BLANKS = (
    "".join(map(chr, (*range(0x21), *range(0x7F, 0xA1), *range(0x2000, 0x200B))))
    + "\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_NUMBER = re.compile(r"([+-]?)0*([0-9]+)")

Fault = dict[str, Any]


def fault(field: str, message: str, index: int = 0) -> Fault:
    return {"type": "validation", "field": field, "message": message, "index": index}


def refuse(faults: list[Fault], rules: dict[str, str]) -> None:
    """One answer for all faults; the rule is that of the first one's field. Raises Refusal."""
    if faults:
        raise Refusal("body_invalid", rule=rules[faults[0]["field"]], values={"errors": faults})


def whole(value: Any) -> int | None:
    """The number that a value is or writes; a form knows texts only, and JSON is read as a form is (KX-023 KX-024)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, int):
        return value
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    sign, digits = match.groups()
    number = int(digits) if len(digits) <= MOST_DIGITS else LARGEST
    return -number if sign == "-" else number


# Records of the path


def find_custom_task_statuses(call: Call, key: Any) -> Record | None:
    return find_record(call, "custom_task_statuses", key)


def find_task_status_sets(call: Call, key: Any) -> Record | None:
    return find_record(call, "task_status_sets", key)


def find_record(call: Call, resource: str, key: Any) -> Record | None:
    """The record of the caller's account whose id is this number: 031 is 31."""
    number = whole(key)
    record = call.world.find(resource, str(number)) if number is not None else None
    return record if record is not None and record["account_id"] == call.account else None


# The query


_SIDES = {"task_status_set": "task_status_sets", "custom_task_statuses": "custom_task_statuses"}
_OF_SETS = {
    "listTaskStatusSets",
    "getTaskStatusSet",
    "createTaskStatusSet",
    "updateTaskStatusSet",
    "setDefaultTaskStatusSet",
}


def check_query(call: Call) -> None:
    """Makes room for the side-loads that were asked for: their maps are there even if empty (KX-061).

    Where the world's switches say so, what is otherwise corrected is refused.
    """
    world = call.world
    if world.switch("unknown_include") == "reject":
        asked = [part for part in (call.argument("include") or "").split(",") if part]
        if set(asked) - set(call.includes):
            raise Refusal("include_unknown")
    if world.switch("paging_errors") == "reject" and any(_is_beyond(call, *each) for each in _PAGING):
        raise Refusal("query_malformed")
    for name in call.includes:
        call.sides[_SIDES[name]] = {}
    if world.switch("sets_key") == "always" and call.operation not in _OF_SETS:
        call.sides["task_status_sets"] = {}


_PAGING = (("page", 1, LARGEST), ("per_page", 1, 200), ("limit", 1, 200), ("offset", 0, LARGEST))


def _is_beyond(call: Call, name: str, least: int, most: int) -> bool:
    text = call.argument(name)
    if text is None:
        return False
    number = whole(text)
    return number is None or not least <= number <= most


# Values


def check_set_of_status(call: Call) -> None:
    """A set that there is not, or not for this account, comes before all values (KX-142)."""
    number = whole(call.body.get("status_set_id"))
    if number is not None and find_task_status_sets(call, number) is None:
        raise Refusal("record_missing", error="unknown_set", rule="KX-142", values={"id": number})


def check_new_status(call: Call) -> None:
    sent = call.body
    category, set_id = sent.get("category"), whole(sent.get("status_set_id"))
    faults = list(_faults_of_name(call, sent.get("status"), set_id, None))
    if not isinstance(category, str) or category not in CATEGORIES:
        faults.append(fault("category", "Category is not known"))
    if set_id is None:
        faults.append(fault("status_set_id", "Status set is blank"))
    name_rule = "KX-138" if faults and "used" in faults[0]["message"] else "KX-140"
    refuse(faults, {"status": name_rule, "category": "KX-139", "status_set_id": "KX-141"})
    call.body = {"status": sent["status"].strip(), "category": category, "status_set_id": set_id}


def check_changed_status(call: Call) -> None:
    """Only name and place change; the others are passed over, unless a switch says otherwise (KX-166 KX-167)."""
    sent, record = call.body, call.record
    faults: list[Fault] = []
    changes: dict[str, Any] = {}
    if "status" in sent:
        faults += _faults_of_name(call, sent["status"], record["status_set_id"], record["id"])
        changes["status"] = sent["status"].strip() if isinstance(sent["status"], str) else None
    if call.world.switch("immutable_fields") == "reject":
        faults += _faults_of_fixed(sent, record)
    if "position" in sent:
        changes["position"] = whole(sent["position"])
        if changes["position"] is None or changes["position"] not in PLACES:
            faults.append(fault("position", "Position is not a number"))
    name_rule = "KX-173" if faults and "used" in faults[0]["message"] else "KX-180"
    refuse(faults, {"status": name_rule, "category": "KX-166", "status_set_id": "KX-166", "position": "KX-177"})
    call.body = changes


def _faults_of_fixed(sent: Any, record: Record) -> Iterator[Fault]:
    if "category" in sent and sent["category"] != record["category"]:
        yield fault("category", "Category cannot be changed")
    if "status_set_id" in sent and whole(sent["status_set_id"]) != record["status_set_id"]:
        yield fault("status_set_id", "Status set cannot be changed")


def _faults_of_name(call: Call, name: Any, set_id: int | None, own: str | None) -> Iterator[Fault]:
    """At most one: blank, too long, or in use by another status of the set. What is no text counts as blank."""
    if not isinstance(name, str) or is_blank(name):
        yield fault("status", "Status is blank")
    elif len(name) > LONGEST:
        yield fault("status", "Status is too long")
    elif set_id is not None and _is_used(call, name.strip(), set_id, own):
        yield fault("status", "Status is already used in this set")


def is_blank(name: str) -> bool:
    return "\0" in name or not name.strip(_BLANKS)


def _is_used(call: Call, name: str, set_id: int, own: str | None) -> bool:
    """Names of one set differ by more than case (KX-145), unless the switch says that case counts."""
    same = And((Condition("status_set_id", "eq", set_id), Condition("status", "eq", name)))
    found = [each for each in call.world.search("custom_task_statuses", same, ["id"]) if each["id"] != own]
    if call.world.switch("names") == "exact":
        return any(each["status"] == name for each in found)
    return bool(found)


def check_default_stays(call: Call) -> None:
    """A set keeps the status of each category that it came with, whatever its name is now (KX-193)."""
    if call.record["is_default"]:
        refuse([fault("base", "A default status stays")], {"base": "KX-193"})


def check_name_of_set(call: Call) -> None:
    name = call.body.get("name")
    if not isinstance(name, str) or is_blank(name):
        refuse([fault("name", "Name is blank")], {"name": "KX-208"})
    else:
        call.body = {"name": name.strip()}


def check_set_is_free(call: Call) -> None:
    """No project uses the set, and it is not the account's default (KX-206 KX-207)."""
    key = int(call.record["id"])
    account = call.world.find("accounts", call.account)
    is_used = call.world.select("workspace_task_status_sets", {"status_set_id": key}, [])
    if is_used or (account is not None and account["default_set_id"] == key):
        refuse([fault("base", "The set is in use")], {"base": "KX-207"})


def check_projects_and_sets(call: Call) -> None:
    """Each entry names a project and a set of the account; one that does not stops them all (KX-212 KX-215)."""
    entries = call.body.get("workspace_task_status_sets")
    if not isinstance(entries, list) or not entries:
        raise Refusal("body_unwrapped", values={"wrapper": "workspace_task_status_sets"})
    wanted: dict[int, int] = {}
    faults: list[Fault] = []
    for index, entry in enumerate(entries):
        sent = entry if isinstance(entry, dict) else {}
        project, set_id = whole(sent.get("workspace_id")), whole(sent.get("status_set_id"))
        if project is None or find_record(call, "workspaces", project) is None:
            faults.append(fault("workspace_id", "Workspace is not known", index))
        elif set_id is None or find_task_status_sets(call, set_id) is None:
            faults.append(fault("status_set_id", "Status set is not known", index))
        else:
            wanted[project] = set_id
    refuse(faults, {"workspace_id": "KX-215", "status_set_id": "KX-215"})
    call.body = {"wanted": wanted}
