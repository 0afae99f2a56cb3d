"""The tables of README.md and of the vendors' pages that follow from the code. Written anew by
`python -m tests.tools.generated`; tests/test_readme.py compares.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import yaml

from mockserver.settings import TABLE
from mockserver.vendor import Vendor, load, shipped
from tests.tools import words
from tests.tools.serving import ROOT

README = Path("README.md")
CONTRIBUTING = Path("CONTRIBUTING.md")
GRADES = ("documented", "published", "observed", "inferred", "assumed")
JUDGES = ("schema", "law", "rule", "none")


def settings() -> str:
    rows = [
        (
            f"`{one.option} {one.metavar}`",
            f"`{one.variable}`",
            "" if one.default is None else f"`{one.default}`",
            one.help,
        )
        for one in TABLE
    ]
    return table(("option", "variable", "default", "what it does"), rows)


def control() -> str:
    document = yaml.safe_load((ROOT / "mockserver/control/openapi.yaml").read_text())
    rows = [
        (f"`{method.upper()} /_mock{path}`", operation["summary"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    return table(("operation", "what it does"), rows)


def vendors() -> str:
    """What ships: operations and rules, counted."""
    rows = []
    for vendor in map(load, shipped()):
        shaped = sum(operation.table["verb"] == "example" for operation in vendor.operations.values())
        unjudged = sum(rule.judge == "none" for rule in vendor.rules.values())
        counts = (len(vendor.operations) - shaped, shaped, len(vendor.rules), len(vendor.rules) - unjudged, unjudged)
        rows.append((f"[{vendor.title}](openapi/{vendor.name}/README.md)", f"`{vendor.mount}`", *map(str, counts)))
    heads = ("vendor", "base URL, behind the address", "operations", "only shaped", "rules", "judged", "not judged")
    return table(heads, rows)


def switches() -> str:
    rows = [
        (f"`{vendor.name}.{name}`", ", ".join(f"`{value}`" for value in one["values"]), _sentence(one["about"]))
        for vendor in map(load, shipped())
        for name, one in vendor.behaviour.get("switches", {}).items()
    ]
    return table(("switch", "values, the default first", "what it is about"), rows)


def _sentence(text: str) -> str:
    """Without the names of decisions, which stand in the vendor's page."""
    text = re.sub(r" \([A-Z]\d+\)$", "", text).removesuffix(".")
    return f"{text[0].upper()}{text[1:]}."


def words_of(room: str) -> str:
    return table(("word", "meaning", "example", "used by"), words.rows(room))


def judges(vendor: Vendor) -> str:
    """How many rules of each grade are judged by what."""
    counts = Counter((rule.grade, rule.judge) for rule in vendor.rules.values())
    rows = [
        (grade, *(str(counts[grade, judge]) for judge in JUDGES), str(sum(counts[grade, judge] for judge in JUDGES)))
        for grade in GRADES
        if any(counts[grade, judge] for judge in JUDGES)
    ]
    sums = [sum(counts[grade, judge] for grade in GRADES) for judge in JUDGES]
    return table(("grade", *JUDGES, "all"), [*rows, ("all", *map(str, sums), str(sum(sums)))])


def errors(vendor: Vendor) -> str:
    """The vendor's error entries, and when each is answered."""
    behaviour = vendor.behaviour
    when: dict[str, list[str]] = {name: [] for name in behaviour["errors"]["catalogue"]}
    for situation, entry in behaviour["refusals"].items():
        when[entry["error"]].append(f"{situation.replace('_', ' ')} ({entry['rule']})")
    for resource, one in behaviour["resources"].items():
        if "missing" in one:
            when[one["missing"]["error"]].append(f"no such record of {resource} ({one['missing']['rule']})")
    for operation in behaviour["operations"].values():
        for field, reference in operation.get("references", {}).items():
            told = f"unknown {field} ({reference['rule']})"
            if "error" in reference and told not in when[reference["error"]]:
                when[reference["error"]].append(told)
    rows = [
        (str(entry["status"]), f"`{entry.get('code', name)}`", ", ".join(when[name]))
        for name, entry in behaviour["errors"]["catalogue"].items()
    ]
    return table(("status", "code", "when, and the rule behind it"), rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def pages() -> dict[Path, dict[str, Callable[[], str]]]:
    """Page, as seen from the root -> name of a marked block in it -> what makes the block."""
    found: dict[Path, dict[str, Callable[[], str]]] = {
        README: {"vendors": vendors, "settings": settings, "switches": switches, "control": control}
    }
    found[CONTRIBUTING] = {room: partial(words_of, room) for room in words.ROOMS}
    for name in shipped():
        vendor = load(name)
        found[vendor.folder.relative_to(ROOT) / "README.md"] = {
            "judges": lambda vendor=vendor: judges(vendor),
            "errors": lambda vendor=vendor: errors(vendor),
        }
    return found


def block(text: str, name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(_marked(name), text, re.DOTALL)
    if found is None:
        raise LookupError(f"there is no block <!-- {name} --> … <!-- /{name} -->")
    return found[2]


def replaced(text: str, name: str, content: str) -> str:
    return re.sub(_marked(name), lambda found: found[1] + content + found[3], text, flags=re.DOTALL)


def _marked(name: str) -> str:
    return rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)"


def main() -> None:
    for page, blocks in pages().items():
        text = (ROOT / page).read_text(encoding="utf-8")
        for name, make in blocks.items():
            text = replaced(text, name, make())
        (ROOT / page).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
