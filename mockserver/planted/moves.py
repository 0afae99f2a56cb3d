"""Defects of states: steps that are refused or allowed wrongly, and what should follow from a change and does not."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mockserver.engine.defect import Around, Defect, Passage, Tap
from mockserver.engine.messages import Request, Response
from mockserver.engine.own import Own
from mockserver.planted.words import (
    Record,
    answer_of,
    body_of,
    is_success,
    kebab,
    records_of,
    with_answer,
    with_body,
    with_records,
)
from mockserver.planted.writing import (
    each_write,
    fields_of,
    found,
    is_main,
    rewrite,
    says,
    sent,
    set_in_place,
    table_of,
    with_sent,
    writers,
)
from mockserver.vendor import Operation, Vendor

Steps = Mapping[Any, Mapping[Any, str]]


def defects(vendor: Vendor) -> Iterator[Defect]:
    for operation in writers(vendor, "transition"):
        yield from _steps(vendor, operation)
    for name, table in vendor.behaviour.get("lifecycles", {}).items():
        if table["transitions"] == "any" and _is_documented(vendor, table):
            yield from _any_steps(vendor, name, table)
    yield from _followers(vendor)
    yield from _figures(vendor)


# States


def _transitions(table: Mapping[str, Any]) -> Steps:
    given = table["transitions"]
    return {
        state: following if isinstance(following, Mapping) else dict.fromkeys(following, "ok")
        for state, following in given.items()
    }


def _steps(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    table = vendor.behaviour["lifecycles"][operation.table["lifecycle"]]
    steps, name, own = _transitions(table), kebab(operation.id), (operation.id,)
    ends = [state for state in table["states"] if not steps.get(state)]
    for before, after in _documented_steps(vendor, steps):
        if after in steps.get(before, {}):
            if ends:
                yield Defect(
                    f"{name}-refuses-{kebab(str(before).lower())}-to-{kebab(str(after).lower())}",
                    "transition",
                    f"{operation.id} refuses the step from {before} to {after}.",
                    own,
                    _refused(table["field"], before, after, ends[0]),
                )
        else:
            yield Defect(
                f"{name}-allows-{kebab(str(before).lower())}-to-{kebab(str(after).lower())}",
                "transition",
                f"{operation.id} allows the step from {before} to {after}.",
                own,
                _allowed(table["field"], steps, before, after),
            )
    for condition, words in table.get("conditions", {}).items():
        targets = [to for rest in steps.values() for to, of in rest.items() if of == condition]
        if words.get("met"):
            yield Defect(
                f"{name}-needs-no-{kebab(condition)}",
                "transition",
                f"{operation.id} goes where it needs {', '.join(words['met'])} without being told it.",
                own,
                _unconditional(words["met"], targets),
            )


def _documented_steps(vendor: Vendor, steps: Steps) -> list[tuple[Any, Any]]:
    """The pairs of states that a documented or published rule names; the first and an illegal one where none does."""
    aspects = vendor.behaviour.get("aspects", {}).get("transitions", {})
    pairs = []
    for before in steps:
        for after in steps:
            rules = aspects.get(f"{before}_{after}", ())
            if any(vendor.rules[one].binding for one in ([rules] if isinstance(rules, str) else rules)):
                pairs.append((before, after))
    if pairs:
        return pairs
    legal = ((before, after) for before in steps for after, of in steps[before].items() if of == "ok")
    illegal = ((before, after) for before in steps for after in steps if after not in steps[before])
    return [pair for pair in (next(legal, None), next(illegal, None)) if pair is not None]


def _refused(field: str, before: Any, after: Any, end: Any) -> Around:
    """The record stands at an end while the mock looks, from where no step leads on."""

    def around(passage: Passage) -> Response:
        record, body = found(passage), body_of(passage.request)
        target = body.get(_target(passage)) if isinstance(body, dict) else None
        if record is None or record[field] != before or target != after:
            return passage.proceed()
        rewrite(passage, {**record, field: end})
        response = passage.proceed()
        rewrite(passage, record)
        return response

    return around


def _allowed(field: str, steps: Steps, before: Any, after: Any) -> Around:
    """The record stands where the step is legal while the mock looks."""
    elsewhere = next((state for state, rest in steps.items() if rest.get(after) == "ok"), None)

    def around(passage: Passage) -> Response:
        record, body = found(passage), body_of(passage.request)
        target = body.get(_target(passage)) if isinstance(body, dict) else None
        if record is None or record[field] != before or target != after or elsewhere is None:
            return passage.proceed()
        rewrite(passage, {**record, field: elsewhere})
        response = passage.proceed()
        if not is_success(response):
            rewrite(passage, record)
            return response
        return _told_from(passage, response, before)

    return around


def _target(passage: Passage) -> str:
    return str(passage.operation.table["target"]) if passage.operation is not None else ""


def _told_from(passage: Passage, response: Response, before: Any) -> Response:
    """The answer with the state that the record really had."""
    operation, answer = passage.operation, answer_of(response)
    shown = records_of(operation, answer)
    if not shown or operation is None:
        return response
    told = operation.table.get("answer")
    names = [name for name, word in told.items() if word == "$from"] if isinstance(told, Mapping) else []
    return with_answer(response, with_records(operation, answer, [{**shown[0], **dict.fromkeys(names, before)}]))


def _unconditional(met: Mapping[str, Any], targets: Sequence[Any]) -> Around:
    def around(passage: Passage) -> Response:
        body = body_of(passage.request)
        if not isinstance(body, dict) or body.get(_target(passage)) not in targets or not set(met).isdisjoint(body):
            return passage.proceed()
        known = passage.vendor.known
        said = {name: known.get(str(value).removeprefix("$known."), value) for name, value in met.items()}
        return passage.proceed(with_body(passage.request, {**body, **said}))

    return around


def _is_documented(vendor: Vendor, table: Mapping[str, Any]) -> bool:
    """Whether it is more than an assumption that any state may follow any other."""
    updates = {one.id for one in writers(vendor, "update") if one.table["resource"] == table["resource"]}
    laws = (rule for rule in vendor.rules.values() if rule.judge == "law" and rule.detail[0] == "transitions")
    return any(rule.binding and updates & set(rule.operations) for rule in laws)


def _any_steps(vendor: Vendor, name: str, table: Mapping[str, Any]) -> Iterator[Defect]:
    field, states = table["field"], list(table["states"])
    for operation in writers(vendor, "update"):
        if operation.table["resource"] != table["resource"] or field not in operation.table["accepts"].values():
            continue
        yield Defect(
            f"{kebab(operation.id)}-never-goes-back-in-{kebab(field)}",
            "transition",
            f"{operation.id} refuses a {field} that comes before the present one.",
            (operation.id,),
            _only_on(field, states),
        )
        if len(states) > 2:
            yield Defect(
                f"{kebab(operation.id)}-goes-step-by-step-in-{kebab(field)}",
                "transition",
                f"{operation.id} takes a {field} further on for the next one.",
                (operation.id,),
                set_in_place(partial(_one_step, field=field, states=states)),
            )


def _only_on(field: str, states: Sequence[Any]) -> Around:
    def around(passage: Passage) -> Response:
        record, value = found(passage), sent(passage).get(field)
        if record is None or value not in states or states.index(value) >= states.index(record[field]):
            return passage.proceed()
        return passage.proceed(with_sent(passage, {field: 99 if isinstance(value, int) else f"after {value}"}))

    return around


def _one_step(
    passage: Passage, before: Record | None, record: Record, *, field: str, states: Sequence[Any]
) -> Mapping[str, Any]:
    if before is None or record[field] not in states or before[field] not in states:
        return {}
    at = states.index(before[field])
    return {field: states[at + 1]} if states.index(record[field]) > at + 1 else {}


# What follows


def _followers(vendor: Vendor) -> Iterator[Defect]:
    find = Own(vendor.name).find
    for operation in writers(vendor, "update", "transition"):
        table, name = table_of(vendor, operation), kebab(operation.id)
        updated = table.get("updated")
        is_kept = operation.table.get("keeps_equal") and is_main(vendor, operation)
        if updated is not None and (operation.table["verb"] == "transition" or is_kept):
            yield Defect(
                f"{name}-leaves-{kebab(updated)}",
                "side-effect",
                f"{operation.id} leaves {updated} as it was.",
                (operation.id,),
                set_in_place(partial(_unmoved, field=updated)),
            )
        if operation.table["verb"] == "transition" and find(f"update_{operation.table['resource']}") is not None:
            field = vendor.behaviour["lifecycles"][operation.table["lifecycle"]]["field"]
            yield Defect(
                f"{name}-changes-nothing-else",
                "side-effect",
                f"{operation.id} changes {field}, and nothing of what goes with it.",
                (operation.id,),
                each_write(partial(_alone, kept=frozenset({field, str(updated)}))),
            )
    for operation in writers(vendor, "create", "update"):
        yield from _extras(vendor, operation)
    for operation in writers(vendor, "create"):
        shows = operation.table.get("include", {}).get("shows", {}).values()
        brought = {one["side"] for one in shows if "side" in one and "refers" not in one}
        brought.discard(operation.table["resource"])
        if brought:
            yield Defect(
                f"{kebab(operation.id)}-brings-nothing-along",
                "side-effect",
                f"{operation.id} makes a record without the {', '.join(sorted(brought))} that it comes with.",
                (operation.id,),
                _unaccompanied(frozenset(brought)),
            )


def _unmoved(passage: Passage, before: Record | None, record: Record, *, field: str) -> Mapping[str, Any]:
    return _as_before(before, [field])


def _as_before(before: Record | None, fields: Sequence[str]) -> Mapping[str, Any]:
    return {name: before[name] for name in fields} if before is not None else {}


def _alone(passage: Passage, before: Record | None, record: Record, *, kept: frozenset[str]) -> Record:
    return {**record, **_as_before(before, [name for name in record if name not in kept])}


def _unaccompanied(brought: frozenset[str]) -> Around:
    def write(name: str, before: Record | None, record: Record) -> Record | None:
        return None if before is None and name in brought else record

    return lambda passage: passage.proceed(tap=Tap(write=write))


def _extras(vendor: Vendor, operation: Operation) -> Iterator[Defect]:
    """Fields of the request that set no field of the record by themselves, but do something."""
    accepts = operation.table.get("accepts", {})
    for key in fields_of(vendor, operation) if accepts else ():
        if key not in accepts and says(vendor, operation, key):
            yield Defect(
                f"{kebab(operation.id)}-ignores-{kebab(key)}",
                "side-effect",
                f"{operation.id} does nothing for {key}.",
                (operation.id,),
                _ignoring(operation, key),
            )


def _ignoring(operation: Operation, key: str) -> Around:
    wrapper = operation.table.get("wrapper")

    def without(request: Request) -> Request:
        body = body_of(request)
        inner = body.get(wrapper) if wrapper is not None and isinstance(body, dict) else body
        if not isinstance(inner, dict) or key not in inner:
            return request
        rest = {name: value for name, value in inner.items() if name != key}
        return with_body(request, rest if wrapper is None else {**body, wrapper: rest})

    return lambda passage: passage.proceed(without(passage.request))


def _figures(vendor: Vendor) -> Iterator[Defect]:
    find = Own(vendor.name).find
    for operation in writers(vendor, "get"):
        if find(f"derive_{operation.table['resource']}") is not None:
            yield Defect(
                f"{kebab(operation.id)}-counts-once",
                "side-effect",
                f"The first figure that {operation.id} works out is told as it was when it was first asked for.",
                (operation.id,),
                _counted_once,
            )
    made = {(one.table["resource"], one.table.get("within", {}).get("field")) for one in writers(vendor, "create")}
    for operation in writers(vendor, "list"):
        within = operation.table.get("within", {}).get("field")
        names = [name for name, word in (_meta(operation) or {}).items() if word == "$total"]
        if names and (operation.table["resource"], within) in made:
            yield Defect(
                f"{kebab(operation.id)}-counts-once",
                "side-effect",
                f"The {names[0]} of {operation.id} is told as it was when the list was first asked for.",
                (operation.id,),
                partial(_total_once, name=names[0]),
            )


def _meta(operation: Operation) -> Mapping[str, Any] | None:
    """The part of the envelope that tells of the page."""
    envelope = operation.table.get("envelope")
    parts = envelope.values() if isinstance(envelope, Mapping) else ()
    return next((part for part in parts if isinstance(part, Mapping) and "$total" in part.values()), None)


def _counted_once(passage: Passage) -> Response:
    response, operation = passage.proceed(), passage.operation
    answer = answer_of(response)
    shown = records_of(operation, answer) if is_success(response) else None
    if not shown or operation is None:
        return response
    key = table_of(passage.vendor, operation)["key"]
    record = passage.world.find(operation.table["resource"], shown[0][key]) or {}
    derived = (name for name, value in shown[0].items() if name not in record and type(value) is int)
    name = next(derived, None)
    if name is None:
        return response
    first = passage.memory.setdefault(shown[0][key], shown[0][name])
    return with_answer(response, with_records(operation, answer, [{**shown[0], name: first}]))


def _total_once(passage: Passage, name: str) -> Response:
    response = passage.proceed()
    answer = answer_of(response)
    if not is_success(response) or not isinstance(answer, dict):
        return response
    asked = sorted(part for part in passage.request.query.split(b"&") if not part.startswith((b"limit", b"offset")))
    first: dict[Any, Any] = passage.memory
    for key, part in answer.items():
        if isinstance(part, dict) and name in part:
            told = first.setdefault((passage.request.path, *asked), part[name])
            answer[key] = {**part, name: told}
    return with_answer(response, answer)
