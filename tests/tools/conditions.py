"""Conditions of query.py over records in memory: what the SQL of the engine has to find, in a few lines of Python."""

import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.engine.query import All, And, Children, Condition, Expression, Not, Nothing, Or, Through

Records = Mapping[str, Sequence[Mapping[str, Any]]]

_COMPARE = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
_COMPARE |= {"eq": operator.eq, "ne": operator.ne}


def find(where: Expression, resource: str, records: Records) -> list[Any]:
    """The ids of the records of a resource that fit."""
    return [record["id"] for record in records[resource] if fits(where, record, records)]


def fits(where: Expression, record: Mapping[str, Any], records: Records) -> bool:
    match where:
        case All():
            return True
        case Nothing():
            return False
        case And(parts):
            return all(fits(part, record, records) for part in parts)
        case Or(parts):
            return any(fits(part, record, records) for part in parts)
        case Not(part):
            return not fits(part, record, records)
        case Through(field, resource, part):
            others = [other for other in records[resource] if other["id"] == record[field]]
            return any(fits(part, other, records) for other in others)
        case Children(resource, field, quantifier, part, op, value):
            each = [fits(part, other, records) for other in records[resource] if other[field] == record["id"]]
            if quantifier == "count":
                return bool(_COMPARE[op](sum(each), value))
            return {"any": any(each), "none": not any(each), "all": all(each)}[quantifier]
        case Condition(field, op, value):
            return _holds(op, record[field], value)


def _holds(op: str, held: Any, value: Any) -> bool:
    if op in ("isnull", "isnotnull"):
        return (held is None) == (op == "isnull")
    if held is None:
        return False
    held, value = _folded(held), _folded(value)
    match op:
        case "in" | "nin":
            return (held in value) == (op == "in")
        case "contains":
            return value in held
        case "startswith":
            return bool(held.startswith(value))
        case "endswith":
            return bool(held.endswith(value))
        case "like":
            pattern = "".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in value)
            return re.fullmatch(pattern, held, re.DOTALL) is not None
    return bool(_COMPARE[op](held, value))


def _folded(value: Any) -> Any:
    """Every text as on a column that ignores case; ids and statuses differ by more than their case here."""
    if isinstance(value, tuple):
        return tuple(map(_folded, value))
    return value.casefold() if isinstance(value, str) else value
