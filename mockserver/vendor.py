"""Read a vendor folder: five files in, one frozen Vendor out, or every mistake at once.

A Vendor is what is fixed; whatever changes lives in a World. What the files must agree on is asked in `soundness.py`.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias

from mockserver import cache, form, soundness, spec, yamlfile
from mockserver import document as documents
from mockserver.engine.own import Own
from mockserver.yamlfile import Mistake, SpecError

__all__ = ["FILES", "Caller", "Mistake", "Operation", "Rule", "SpecError", "Vendor", "load", "shipped"]

Contents: TypeAlias = dict[str, Any]  # the four files, and the line of each rule

FILES = ("openapi.yaml", "behaviour.yaml", "rules.yaml", "seed.yaml", "README.md")


@dataclass(frozen=True)
class Operation:
    """One method on one path, with its row of the behaviour table (empty if it has none).

    `scopes` are those of the document and what the table needs besides; `is_protected` tells whether a credential is
    asked for at all.
    """

    id: str
    method: str
    path: str
    scopes: tuple[str, ...]
    is_protected: bool
    security: list[dict[str, list[str]]]
    table: Mapping[str, Any]
    document: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Rule:
    """One testable sentence of the contract; `detail` holds the pointers, the law's name or the reason of its judge."""

    id: str
    statement: str
    operations: tuple[str, ...]
    grade: str
    source: str
    accepts: str | None
    judge: str
    detail: tuple[str, ...]
    line: int
    section: str | None = None  # the heading that it stands under in the ledger

    @property
    def binding(self) -> bool:
        """Does a real tenant fail by breaking it, or is it only warned?"""
        return self.grade in ("documented", "published")


@dataclass(frozen=True)
class Caller:
    """A named credential of the seed, and the exact headers that make you this caller.

    `user` is the key of the record that the caller acts as, where there are such. A token that is made while the mock
    runs is None here, and its header is missing: `Vendor.headers_of_callers` has it.
    """

    name: str
    token: str | None
    account: str
    scopes: tuple[str, ...]
    expires_at: str | None
    headers: Mapping[str, str]
    login: Mapping[str, str] | None
    user: str | None = None
    is_revoked: bool = False


@dataclass(frozen=True, eq=False)
class Vendor:
    """Everything known about a vendor, as its folder says it."""

    name: str
    title: str
    base_url: str
    base_path: str
    folder: Path
    document: dict[str, Any]
    behaviour: dict[str, Any]
    seed: dict[str, Any]
    rules: Mapping[str, Rule]
    operations: Mapping[str, Operation]
    callers: Mapping[str, Caller]
    known: Mapping[str, str]
    digest: bytes  # of the files; empty where nobody needs it
    documents: Mapping[str, str] = field(default_factory=dict)  # short name in the rules' sources -> the document

    @property
    def mount(self) -> str:
        """The path of its base URL on the stand-in."""
        return f"/{self.name}{self.base_path}"

    def misturned(self, switch: str, value: str) -> str | None:
        """Why a switch cannot be turned to a value; None when it can."""
        switches: Mapping[str, Any] = self.behaviour.get("switches", {})
        if switch not in switches:
            return f"{self.name} has no switch {switch}; it has {', '.join(switches) or 'none'}"
        values = switches[switch]["values"]
        return None if value in values else f"{self.name}.{switch} is one of {', '.join(values)}, not {value}"

    @property
    def mints(self) -> bool:
        """Whether tokens are made while the mock runs, and end soon."""
        return bool(self.behaviour["credentials"].get("minted"))

    def headers_of_callers(self, now: float) -> dict[str, dict[str, str]]:
        """Name -> the headers that make you this caller at a time, in epoch seconds."""
        found = {name: dict(caller.headers) for name, caller in self.callers.items()}
        if self.mints:
            mint = Own(self.name).demand("mint_token")
            scheme = _scheme(self.document, self.behaviour)
            for name, caller in self.callers.items():
                found[name] = {**_headers(scheme, mint(self, caller, now)), **found[name]}
        return found

    @property
    def argument(self) -> str:
        """What a command is given to mean this vendor: its name if it ships, else its folder."""
        return self.name if self.folder.parent.resolve() == _home().resolve() else str(self.folder)


def shipped() -> list[str]:
    """The names of the vendors that come with the package."""
    return sorted(folder.name for folder in _home().iterdir() if folder.is_dir() and folder.name[0] not in "._")


def load(name_or_folder: str | Path, *, thorough: bool = False) -> Vendor:
    """Read a shipped vendor by its name, or any folder; `thorough` holds every example against its schema too.

    Raises SpecError with all mistakes of the folder.
    """
    folder = _find(name_or_folder)
    missing = [
        Mistake(yamlfile.shown(folder / name), 0, f"is missing; a vendor folder has {', '.join(FILES)}")
        for name in FILES
        if not (folder / name).is_file()
    ]
    if missing or thorough:
        return _build(folder, _read_checked(folder, missing, thorough=thorough), b"")
    digest = blake2b(digest_size=16)
    for name in FILES:
        content = (folder / name).read_bytes()
        digest.update(b"%d:" % len(content))
        digest.update(content)
    # A folder without mistakes has none the next time either.
    contents = cache.recall("vendor", digest.digest(), lambda: _read_checked(folder, []))
    return _build(folder, contents, digest.digest())


def _read_checked(folder: Path, mistakes: list[Mistake], *, thorough: bool = False) -> Contents:
    """What the files of a folder hold, as plain values. Raises SpecError with all mistakes, those given among them."""
    sources = soundness.Sources(*(_read(folder / name, mistakes) for name in FILES if name.endswith(".yaml")))
    contents: dict[str, Any] = {}
    for name in ("openapi", "behaviour", "rules", "seed"):
        source: yamlfile.Source | None = getattr(sources, name)
        if source is not None:
            found, contents[name] = form.check(source, name)
            mistakes.extend(found)
            if name == "openapi":
                unoffered = _status_of_methods(sources.behaviour)
                mistakes.extend(_check_document(source, contents, unoffered, is_outlined=not found, thorough=thorough))
    mistakes.extend(soundness.check(sources, contents))
    if mistakes:
        raise SpecError(mistakes)
    assert sources.openapi and sources.behaviour and sources.rules and sources.seed  # a missing file is a mistake
    documents = sources.rules.content["documents"]
    lines = [sources.rules.line("rules", index) for index in range(len(sources.rules.content["rules"]))]
    return {
        "openapi": sources.openapi.content,
        "behaviour": sources.behaviour.content,
        "rules": sources.rules.content["rules"],
        "lines": lines,
        "documents": documents if isinstance(documents, dict) else {},
        "seed": sources.seed.content,
    }


def _status_of_methods(behaviour: yamlfile.Source | None) -> str | None:
    """What answers a method that a path does not offer: 405 unless behaviour.yaml says otherwise; None: unreadable."""
    if behaviour is None:
        return None
    try:
        content: Any = behaviour.content
        return str(content["errors"]["catalogue"][content["refusals"]["method_unknown"]["error"]]["status"])
    except (LookupError, TypeError):  # told by the form of behaviour.yaml
        return "405"


def _check_document(
    source: yamlfile.Source, contents: dict[str, Any], unoffered: str | None, *, is_outlined: bool, thorough: bool
) -> list[Mistake]:
    """What is wrong with the document; if it cannot be walked, the other files are not held against it."""
    dangling = list(documents.references(source)) if is_outlined else []
    if dangling or not is_outlined:
        contents["openapi"] = {}
        return dangling
    return list(documents.check(source, thorough=thorough, unoffered=unoffered))


def _home() -> Path:
    package = Path(__file__).parent
    inside = package / "openapi"  # in a wheel; in a clone the folders stand beside the package
    return inside if inside.is_dir() else package.parent / "openapi"


def _find(name_or_folder: str | Path) -> Path:
    name = str(name_or_folder)
    if name in shipped():
        return _home() / name
    folder = Path(name_or_folder)
    if folder.is_dir():
        return folder
    guess = get_close_matches(name, shipped(), n=1)
    hint = f" Did you mean {guess[0]}?" if guess else ""
    raise SpecError(
        [Mistake(name, 0, f"is neither a vendor that ships nor a folder.{hint} Vendors: {', '.join(shipped())}.")]
    )


def _read(path: Path, mistakes: list[Mistake]) -> yamlfile.Source | None:
    if not path.is_file():
        return None
    source = yamlfile.read(path, text_keys=path.name == "openapi.yaml")
    mistakes.extend(source.mistakes)
    return source if source.root is not None else None


def _build(folder: Path, contents: Contents, digest: bytes) -> Vendor:
    document, behaviour, seed = contents["openapi"], contents["behaviour"], contents["seed"]
    operations = {
        entry.operation["operationId"]: _operation(document, behaviour, entry) for entry in spec.operations(document)
    }
    return Vendor(
        name=behaviour["vendor"],
        title=behaviour["title"],
        base_url=behaviour["base_url"],
        base_path=behaviour["base_path"],
        folder=folder,
        document=document,
        behaviour=behaviour,
        seed=seed,
        rules={rule.id: rule for rule in _rules(contents, tuple(operations))},
        operations=operations,
        callers={name: _caller(document, behaviour, seed, name) for name in seed["credentials"]},
        known={role: str(key) for role, key in seed["known"].items()},
        digest=digest,
        documents=contents["documents"],
    )


def _operation(document: dict[str, Any], behaviour: dict[str, Any], entry: spec.Entry) -> Operation:
    name = entry.operation["operationId"]
    needs = spec.security(document, entry.operation)
    scheme = behaviour["credentials"]["scheme"]
    table = behaviour["operations"].get(name, {})
    return Operation(
        id=name,
        method=entry.method.upper(),
        path=entry.path,
        scopes=(*next((need[scheme] for need in needs if scheme in need), ()), *table.get("needs", ())),
        is_protected=any(scheme in need for need in needs),
        security=needs,
        table=table,
        document=entry.operation,
        parameters=spec.parameters(document, entry),
    )


def _rules(contents: Contents, every: tuple[str, ...]) -> Iterator[Rule]:
    section: str | None = None
    for entry, line in zip(contents["rules"], contents["lines"], strict=True):
        section = entry.get("section", section)
        yield _rule(entry, every, line, section)


def _rule(entry: Mapping[str, Any], every: tuple[str, ...], line: int, section: str | None) -> Rule:
    ((judge, detail),) = entry["judge"].items()
    return Rule(
        id=entry["id"],
        statement=entry["statement"],
        operations=every if entry["operations"] == "every" else tuple(entry["operations"]),
        grade=entry["grade"],
        source=entry["source"],
        accepts=entry.get("accepts"),
        judge=judge,
        detail=() if judge == "rule" else tuple(detail) if judge == "schema" else (detail,),
        line=line,
        section=section,
    )


def _caller(document: dict[str, Any], behaviour: dict[str, Any], seed: dict[str, Any], name: str) -> Caller:
    entry = seed["credentials"][name]
    token = entry.get("token")
    headers = {} if token is None else _headers(_scheme(document, behaviour), token)
    return Caller(
        name=name,
        token=token,
        account=str(entry.get("account", seed.get("default_account", ""))),
        scopes=tuple(entry["scopes"]),
        expires_at=entry.get("expires_at"),
        headers=headers | entry.get("headers", {}),
        login=entry.get("login"),
        user=entry.get("user"),
        is_revoked=bool(entry.get("revoked")),
    )


def _scheme(document: dict[str, Any], behaviour: dict[str, Any]) -> Mapping[str, Any]:
    """The security scheme by which a caller is known."""
    found: Mapping[str, Any] = spec.resolve(
        document, document["components"]["securitySchemes"][behaviour["credentials"]["scheme"]]
    )
    return found


def _headers(scheme: Mapping[str, Any], token: str) -> dict[str, str]:
    if scheme["type"] == "apiKey":
        name = scheme["name"]
        return {"Cookie": f"{name}={token}"} if scheme["in"] == "cookie" else {name: token}
    if scheme["type"] == "http" and scheme["scheme"].lower() == "basic":
        return {"Authorization": "Basic " + base64.b64encode(token.encode()).decode("ascii")}
    return {"Authorization": f"Bearer {token}"}
