"""What the commands that only tell something print: tables for a person, tab-separated lines for a pipe."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mockserver.defects import catalogue
from mockserver.engine.chance import wall_clock
from mockserver.serve import columns, describe, header, without_warnings
from mockserver.vendor import Rule, Vendor

_HEAD = """\
# A tenant to judge. A value may be ${NAME}, read from the environment: keep real tokens out of this file.
"""
_LOGIN = """\
# A token ends after an hour, so none stands here: a run logs in when it begins, and again before the hour is over.
# A caller without `login` needs its token in `headers`.
"""
_BUDGET = """\
# [{name}.budget]               # what a run against a real tenant may cost
# requests = 500
# writes = 100
# per_minute = 60
"""


def rules(vendors: Sequence[Vendor], *, as_json: bool, is_terminal: bool) -> str:
    if as_json:
        ledger = {vendor.name: [_rule(rule) for rule in vendor.rules.values()] for vendor in vendors}
        return json.dumps(ledger, indent=2, ensure_ascii=False) + "\n"
    heads = ("id", "grade", "judged by", "operations", "statement", "source")
    out = ""
    for vendor in vendors:
        rows = [
            (rule.id, rule.grade, _judge(rule), _operations(rule, vendor), rule.statement, rule.source)
            for rule in vendor.rules.values()
        ]
        out += _table(f"{vendor.title}: {_counted(vendor)}", heads, rows, is_terminal)
    return out


def defects(vendors: Sequence[Vendor], *, as_json: bool, is_terminal: bool) -> str:
    found = {vendor.name: list(catalogue(vendor).values()) for vendor in vendors}
    if as_json:
        told = {
            name: [{"name": one.name, "kind": one.kind, "what": one.what, "operations": one.operations} for one in each]
            for name, each in found.items()
        }
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    out = ""
    for vendor in vendors:
        each = found[vendor.name]
        rows = [(one.name, one.kind, one.what) for one in each]
        title = f"{vendor.title}: {len(each)} defects of {len({one.kind for one in each})} kinds"
        out += _table(title, ("name", "kind", "what goes wrong"), rows, is_terminal)
    return out


def routes(vendors: Sequence[Vendor], *, is_terminal: bool) -> str:
    out = ""
    for vendor in vendors:
        rows = []
        for operation in vendor.operations.values():
            about = [rule.id for rule in vendor.rules.values() if operation.id in rule.operations]
            own = [rule.id for rule in vendor.rules.values() if rule.operations == (operation.id,)]
            shown = f"{len(about)}; its own: {_spans(own) or 'none'}" if is_terminal else ",".join(about)
            rows.append((operation.id, f"{operation.method} {operation.path}", operation.table["verb"], shown))
        heads = ("operation", "method and path", "verb", "rules")
        out += _table(f"{vendor.title}: {vendor.mount}", heads, rows, is_terminal)
    return out


def credentials(vendors: Sequence[Vendor], origin: str, *, is_terminal: bool) -> str:
    out = ""
    for vendor in vendors:
        address = origin + vendor.mount
        callers = [
            (caller.name, describe(caller, vendor), header(caller, vendor)) for caller in vendor.callers.values()
        ]
        known = list(vendor.known.items())
        if is_terminal:  # no table: a header that is folded cannot be copied
            lines = [f"{vendor.title}  {address}", "", *columns(callers), "", "Known records:", *columns(known), ""]
            out += "\n".join([*lines, ""])
        else:
            rows = [("base_url", address), *callers, *known]
            out += _table("", (), [(vendor.name, *row) for row in rows], False)
    return out


def credentials_json(vendors: Sequence[Vendor], origin: str) -> str:
    with without_warnings():
        from mockserver import app

    return json.dumps(app.credentials(vendors, origin), indent=2, ensure_ascii=False)


def credentials_toml(vendors: Sequence[Vendor], origin: str) -> str:
    """A tenant file for the stand-in, to be edited into one for a real tenant."""
    lines = [_HEAD]
    for vendor in vendors:
        lines += [f"[{vendor.name}]", f"base_url = {_text(origin + vendor.mount)}    # real: {vendor.base_url}"]
        lines += ["", _LOGIN.rstrip()] if "login" in vendor.behaviour["credentials"] else []
        minted = vendor.headers_of_callers(wall_clock())
        for caller in vendor.callers.values():
            # A token that is made while the mock runs is fetched by a login, where the caller can log in.
            headers = caller.headers if caller.login else minted[caller.name]
            lines += ["", f"[{vendor.name}.credentials.{caller.name}]", f"headers = {_inline(headers)}"]
            lines += [f"login = {_inline(caller.login)}"] if caller.login else []
        lines += [
            "",
            f"[{vendor.name}.known]    # records that the run may use; it changes only what it created itself",
        ]
        lines += [f"{role} = {_text(key)}" for role, key in vendor.known.items()]
        lines += ["", _BUDGET.format(name=vendor.name)]
    return "\n".join(lines)


def soundness(vendor: Vendor) -> str:
    verbs = Counter(operation.table["verb"] for operation in vendor.operations.values())
    shaped = verbs.pop("example", 0)
    return (
        f"{vendor.name} is sound: {verbs.total()} operations simulated, {shaped} only shaped; {_counted(vendor)}; "
        f"{len(vendor.callers)} callers"
    )


def _counted(vendor: Vendor) -> str:
    grades = Counter(rule.grade for rule in vendor.rules.values())
    return f"{len(vendor.rules)} rules, " + ", ".join(f"{number} {grade}" for grade, number in grades.items())


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "statement": rule.statement,
        "operations": rule.operations,
        "grade": rule.grade,
        "binding": rule.binding,
        "source": rule.source,
        "accepts": rule.accepts,
        "judge": rule.judge,
        "detail": rule.detail,
    }


def _judge(rule: Rule) -> str:
    return f"law {rule.detail[0]}" if rule.judge == "law" else rule.judge


def _operations(rule: Rule, vendor: Vendor) -> str:
    return "every" if len(rule.operations) == len(vendor.operations) else " ".join(rule.operations)


def _spans(ids: Sequence[str]) -> str:
    """`AB-001 AB-002 AB-003 AB-007` as `AB-001…003, 007`."""
    spans: list[list[int]] = []
    for number in (int(name[-3:]) for name in ids):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = [f"{first:03}…{last:03}" if first != last else f"{first:03}" for first, last in spans]
    return ids[0][:-3] + ", ".join(shown) if ids else ""


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], is_terminal: bool) -> str:
    if not is_terminal:
        return "".join("\t".join(re.sub(r"\s+", " ", cell) for cell in row) + "\n" for row in rows)
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_lines=False)
    for index, column in enumerate(table.columns):
        column.overflow = "fold"
        column.no_wrap = index == 0
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _inline(pairs: Any) -> str:
    keys = (name if re.fullmatch("[A-Za-z0-9_-]+", name) else _text(name) for name in pairs)
    return "{ " + ", ".join(f"{key} = {_text(value)}" for key, value in zip(keys, pairs.values(), strict=True)) + " }"
