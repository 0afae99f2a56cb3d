"""The toy vendor with webhooks: notes that stand on shelves, and hooks that are told of them. All of it by tables."""

import copy
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mockserver.vendor import Vendor, load

TOY = Path(__file__).parents[2] / "fixtures/toy_vendor"

NOTE = {
    "type": "object",
    "required": ["id", "text", "shelf"],
    "properties": {"id": {"type": "string", "readOnly": True}},
}
TEXT = {"type": "string", "minLength": 1}
HOOK = {
    "type": "object",
    "required": ["id", "to", "wanted"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "to": {"type": "string"},
        "wanted": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "live": {"type": "boolean"},
        "secret": {"type": ["string", "null"]},
        "shelf": {"type": ["string", "null"]},
    },
}

BEHAVIOUR = """
switches:
  manners: {values: [strict, lenient], about: when a hook has heard}
resources:
  houses: {key: id, id_form: text}
  people: {key: id, id_form: text}
  shelves: {key: id, id_form: text}
  notes: {key: id, id_form: uuid, indexes: [[text]], missing: {error: not_found, rule: TOY-002}}
  hooks: {key: id, id_form: uuid, indexes: [[to]], tallies: [[live]], missing: {error: not_found, rule: TOY-002}}
operations:
  listNotes: {verb: list, resource: notes, envelope: notes, order: [text]}
  createNote:
    verb: create
    resource: notes
    envelope: note
    status: 201
    accepts: {text: text, due: due, shelf: shelf}
    defaults: {due: null}
    emits: note.made
    rules: {body_invalid: {text: TOY-003}}
  getNote: {verb: get, resource: notes, envelope: note}
  updateNote:
    verb: update
    resource: notes
    envelope: note
    accepts: {text: text, due: due}
    keeps_equal: true
    emits: note.changed
  deleteNote: {verb: delete, resource: notes, status: 204, emits: note.gone}
  createHook:
    verb: create
    resource: hooks
    status: 201
    accepts: {to: to, wanted: wanted, live: live, secret: secret, shelf: shelf}
    defaults: {live: true, secret: null, shelf: null}
  deleteHook: {verb: delete, resource: hooks, status: 204}
known: {note_id: notes, here: shelves, there: shelves}
samples:
  notes:
    {create: createNote, read: getNote, update: updateNote, delete: deleteNote, mark: text,
     body: {text: Buy bread, shelf: $known.here}, changes: {text: [Sell bread, Bake bread], due: ['2024-03-01']}}
  hooks:
    {create: createHook, delete: deleteHook, body: {to: 'http://127.0.0.1:9/', wanted: [note.made], shelf: $known.here}}
webhooks:
  subscription: {resource: hooks, url: to, events: wanted, active: live, secret: secret, limits: {shelf: shelf}}
  wildcard: .*
  events:
    note.made: {resource: notes, type: note, change: create}
    note.changed: {resource: notes, type: note, change: update}
    note.gone: {resource: notes, type: note, change: delete}
  payload: {event: $event, about: {kind: $type, id: $id}, by: $triggered_by, data: $data}
  escapes: [slash, unicode]
  signature: X-Toy-Signature
  switch: manners
  profiles:
    strict: {success: [200], timeout: 1, waits: [10, 100]}
    lenient: {success: 2xx, timeout: 0.5, waits: [5], debounce: 2}
"""

PATHS = """
/notes/{id}:
  patch:
    operationId: updateNote
    summary: Change a note
    requestBody:
      required: true
      content: {application/json: {schema: {$ref: '#/components/schemas/Change'}, example: {text: Tea}}}
    responses: {'200': {description: It., content: {application/json: {schema: {$ref: '#/components/schemas/Answer'}}}}}
  delete:
    {operationId: deleteNote, summary: Throw a note away, responses: {'204': {description: Gone.}}}
/hooks:
  post:
    operationId: createHook
    summary: Ask to be told
    requestBody:
      required: true
      content:
        application/json:
          {schema: {$ref: '#/components/schemas/Hook'}, example: {to: 'http://127.0.0.1:9/', wanted: [note.made]}}
    responses: {'201': {description: It., content: {application/json: {schema: {$ref: '#/components/schemas/Hook'}}}}}
/hooks/{id}:
  parameters: [{$ref: '#/components/parameters/NoteId'}]
  delete:
    {operationId: deleteHook, summary: Be told no more, responses: {'204': {description: Gone.}}}
"""


Rules = Mapping[str, tuple[str | None, str]]
Change = Callable[[dict[str, Any]], object]


def hooked_toy(folder: Path, rules: Rules | None = None, *, change: Change = lambda behaviour: None) -> Vendor:
    """The vendor, in a folder of its own, with its behaviour changed.

    `rules`: the id of a rule that the law shall judge -> profile, if any, and case.
    """
    shutil.copytree(TOY, folder)
    edits = {"behaviour": _behave, "openapi": _document, "seed": _seed, "rules": _rules}
    for name, edit in edits.items():
        file = folder / f"{name}.yaml"
        content = yaml.load(file.read_text(), yaml.CSafeLoader)
        edit(content, rules or {})
        if name == "behaviour":
            change(content)
        file.write_text(yaml.safe_dump(content, sort_keys=False))
    return load(folder)


def _behave(content: dict[str, Any], rules: Rules) -> None:
    added = yaml.load(BEHAVIOUR, yaml.CSafeLoader)
    content["credentials"]["users"] = "people"
    content |= added
    webhooks = content["webhooks"]
    for rule, (profile, case) in rules.items():
        table = webhooks["profiles"][profile] if profile else webhooks
        table.setdefault("rules", {})[case] = rule


def _document(content: dict[str, Any], rules: Rules) -> None:
    for path, item in yaml.load(PATHS, yaml.CSafeLoader).items():
        content["paths"].setdefault(path, {}).update(item)
    schemas = content["components"]["schemas"]
    fields = {"text": TEXT, "due": schemas["Note"]["properties"]["due"], "shelf": TEXT}
    schemas["Note"] = copy.deepcopy(NOTE)
    schemas["Note"]["properties"] |= fields
    schemas["Change"] = {"type": "object", "properties": {name: fields[name] for name in ("text", "due")}}
    schemas["Hook"] = HOOK
    refused = {"$ref": "#/components/responses/Refused"}
    for item in content["paths"].values():
        for operation in (one for name, one in item.items() if name != "parameters"):
            operation["responses"] |= dict.fromkeys(["400", "401", "404", "405", "500"], refused)
    content["paths"]["/notes"]["post"]["requestBody"]["content"]["application/json"]["example"] = {
        "text": "Buy milk",
        "shelf": "here",
    }
    listed = content["paths"]["/notes"]["get"]["responses"]["200"]["content"]["application/json"]
    listed["examples"]["one"]["value"]["notes"][0]["shelf"] = "here"


def _seed(content: dict[str, Any], rules: Rules) -> None:
    content["credentials"]["owner"]["user"] = "ada"
    content["credentials"]["guest"] = {"token": "toy-guest", "scopes": [], "user": "bob"}
    content["known"] |= {"here": "here", "there": "there"}
    content["records"] |= {
        "people": [{"id": "ada"}, {"id": "bob"}],
        "shelves": [{"id": "here"}, {"id": "there"}],
        "hooks": [],
    }
    for note in content["records"]["notes"]:
        note["shelf"] = "here"


def _rules(content: dict[str, Any], rules: Rules) -> None:
    for rule, (profile, case) in rules.items():
        content["rules"].append(
            {
                "id": rule,
                "statement": f"Subscribers are served: {case}{f' ({profile})' if profile else ''}.",
                "operations": ["createNote"],
                "grade": "documented",
                "source": "001:3",
                "judge": {"law": "webhooks"},
            }
        )
