"""What Kantata's checks do all the time: make, read and move statuses, open an envelope. No rule is judged here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts import expecting
from contracts.expecting import (
    expect,
    expect_status,
    known,
)
from contracts.findings import Broken, NotJudged
from contracts.laws.terms import Record, brief, record_of, short
from contracts.tenant import Answer, SampleFailed, Tenant

STATUSES, SETS, CHOICES = "custom_task_statuses", "task_status_sets", "workspace_task_status_sets"
CATEGORIES = ("not started", "started", "needs info", "completed")
META = ("count", "page_count", "page_number", "page_size")
UNSEEN = {
    "places": "a tenant may have any places; only the order of what was just made is judged there",
    "sets": "sets of statuses are left alone on a tenant",
    "defaults": "the default statuses of a set are left alone on a tenant",
    "names": "on a tenant only exact duplicates of names of a usual length are tried",
}

Status = Record
Query = Mapping[str, Any]


def stand_in(tenant: Tenant, why: str) -> Tenant:
    """The stand-in itself; NotJudged on a tenant."""
    return expecting.stand_in(tenant, UNSEEN.get(why, why))


def home(tenant: Tenant) -> int:
    """The set in which statuses are made."""
    return int(known(tenant, "status_set_id"))


def name(tenant: Tenant, text: str) -> str:
    """A name that no other status has."""
    return f"{text} {tenant.chance.randrange(10**6, 10**7)} [{tenant.target.mark}]"


# Envelopes


@dataclass(frozen=True)
class Opened:
    """An answer in the vendor's form: what `results` names, in order, and the objects by id."""

    answer: Answer
    whole: Record
    key: str
    ids: list[str]
    objects: Record

    @property
    def records(self) -> list[Record]:
        return [record_of(self.objects[each], f"{self.key} {each}", self.answer) for each in self.ids]

    @property
    def meta(self) -> Record:
        return record_of(self.whole["meta"], "meta", self.answer)

    def sides(self, key: str) -> Record:
        """The objects of a side-load, by id."""
        return record_of(self.whole[key], key, self.answer)


def opened(answer: Answer, what: str, key: str = STATUSES) -> Opened:
    """The parts of a success; Broken when it is a refusal or of another form."""
    expect_status(answer, what, 200)
    whole = record_of(answer.json(), what, answer)
    results, objects = whole["results"], record_of(whole[key], f"{what}: {key}", answer)
    if not isinstance(results, list):
        raise Broken(f"{what}: expected results to be a list, got {short(results)}", answer)
    ids = [record_of(each, f"{what}: a reference", answer)["id"] for each in results]
    return Opened(answer, whole, key, ids, objects)


def single(answer: Answer, what: str, key: str = STATUSES) -> Record:
    """The one object of an answer."""
    found = opened(answer, what, key).records
    expect(len(found) == 1, f"{what}: expected one object, got {len(found)}", answer)
    return found[0]


def faults(answer: Answer) -> list[Record]:
    """The entries of a refusal."""
    body = answer.json()
    entries = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(entries, list) or not entries:
        raise Broken(f"expected errors, a list with entries, got {brief(answer)}", answer)
    return [record_of(each, "an entry of errors", answer) for each in entries]


def refused(tenant: Tenant, answer: Answer, what: str, *fields: str, room: Sequence[int] = (400,)) -> None:
    """A value is wrong: 422 with one entry for each of these fields, in this order. `room` is for a tenant alone."""
    expect_status(answer, what, 422, *(room if not tenant.is_mock else ()))
    if answer.status != 422:
        return
    entries = faults(answer)
    if tenant.is_mock:
        kinds, named = [each["type"] for each in entries], [each.get("field") for each in entries]
        expect(set(kinds) == {"validation"}, f"{what}: expected the type validation, got {short(kinds)}", answer)
        expect(named == list(fields), f"{what}: expected the fields {list(fields)}, got {short(named)}", answer)
    else:
        told = {each["field"] for each in entries if "field" in each}
        expect(
            not told or told & set(fields), f"{what}: expected the field {fields[0]}, got {short(list(told))}", answer
        )


# Statuses


def create(tenant: Tenant, **sent: Any) -> Status:
    """A status of our own. That a good value is refused breaks a rule; that none at all can be made breaks the run."""
    try:
        return Record(tenant.create(STATUSES, **sent))
    except SampleFailed as failed:
        if not sent:
            raise
        raise Broken(f"POST with {short(sent)}: expected 200, got {brief(failed.answer)}", failed.answer) from None


def fields(tenant: Tenant, **sent: Any) -> dict[str, Any]:
    """The fields of a good create, with what is given in their place; what is given as ABSENT is left out."""
    whole = {"status": name(tenant, "Contract check"), "category": "started", "status_set_id": home(tenant)} | sent
    return {key: value for key, value in whole.items() if value is not ABSENT}


ABSENT: Any = object()


def post(tenant: Tenant, sent: Mapping[str, Any], **options: Any) -> Answer:
    return tenant.call("createCustomTaskStatus", json={"custom_task_status": dict(sent)}, **options)


def put(tenant: Tenant, status: Status, sent: Mapping[str, Any], **options: Any) -> Answer:
    path = {"id": status["id"]}
    return tenant.call("updateCustomTaskStatus", path=path, json={"custom_task_status": dict(sent)}, **options)


def change(tenant: Tenant, status: Status, /, **sent: Any) -> Status:
    """Change a status; Broken when that is refused."""
    return single(put(tenant, status, sent), f"PUT with {short(sent)}")


def get(tenant: Tenant, status: Status, **options: Any) -> Answer:
    return tenant.call("getCustomTaskStatus", path={"id": status["id"]}, **options)


def read(tenant: Tenant, status: Status) -> Status:
    return single(get(tenant, status), f"GET of the status {status['id']}")


def remove(tenant: Tenant, status: Status) -> Answer:
    answer = tenant.remove(STATUSES, status["id"])
    expect_status(answer, f"DELETE of the status {status['id']}", 204)
    return answer


def page(
    tenant: Tenant, query: Query | None = None, operation: str = "listCustomTaskStatuses", **options: Any
) -> Opened:
    """One answer of a list."""
    key = SETS if operation == "listTaskStatusSets" else STATUSES
    answer = tenant.call(operation, query=query or {}, **options)
    return opened(answer, f"{operation} with {short(dict(query or {}))}", key)


def everything(tenant: Tenant, query: Query | None = None, most: int = 20) -> Iterator[Record]:
    """The statuses of the account, page by page; of a tenant's the first pages alone."""
    number, pages = 0, 1
    while number < min(pages, most):
        number += 1
        found = page(tenant, {**(query or {}), "per_page": 200, "page": number})
        pages = found.meta["page_count"]
        yield from found.records


def of_set(tenant: Tenant, set_id: int | str) -> list[Status]:
    """The statuses of a set in the order of their positions."""
    path = {"id": str(set_id)}
    answer = tenant.call("getTaskStatusSet", path=path, query={"include": STATUSES})
    found = opened(answer, f"the set {set_id} with its statuses", SETS).sides(STATUSES)
    statuses = [record_of(each, "a status of the set", answer) for each in found.values()]
    if not tenant.is_mock and not any("position" in each for each in statuses):
        return statuses  # in no order: who needs one looks for the position, and finds none
    for each in statuses:
        expect(type(each["position"]) is int, f"expected a position, got {short(each['position'])}", answer)
    return sorted(statuses, key=lambda each: int(each["position"]))


def ids(records: Sequence[Record]) -> list[str]:
    return [str(each["id"]) for each in records]


def order_of(tenant: Tenant, mine: Sequence[Status]) -> list[str]:
    """Our own statuses of the home set, in the order of their positions."""
    wanted = set(ids(mine))
    found = [each for each in of_set(tenant, home(tenant)) if each["id"] in wanted]
    return [each["id"] for each in sorted(found, key=lambda each: int(each["position"]))]


# Sets


def make_set(tenant: Tenant, text: str = "Contract check") -> Record:
    sent = {"task_status_set": {"name": name(tenant, text)}}
    return single(tenant.call("createTaskStatusSet", json=sent), "POST of a set", SETS)


def drop_set(tenant: Tenant, set_id: str) -> Answer:
    return tenant.call("deleteTaskStatusSet", path={"id": set_id})


def apply_sets(tenant: Tenant, *pairs: tuple[Any, Any]) -> Answer:
    """Give each of these projects this set."""
    entries = [{"workspace_id": project, "status_set_id": set_id} for project, set_id in pairs]
    return tenant.call("bulkUpdateWorkspaceTaskStatusSets", json={CHOICES: entries})


def held(tenant: Tenant, resource: str) -> dict[str, Record]:
    """Id -> record as the stand-in holds it; NotJudged where there is no control plane."""
    control = tenant.target.control
    if control is None or tenant.world is None:
        raise NotJudged("needs to look into the target")
    found = control.records(tenant.world, tenant.vendor.name, resource)
    return {str(each["id"]): Record(each) for each in found}
