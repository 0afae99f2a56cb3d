"""A vendor made up for the judge: books on shelves, with wrappers, maps by id, lists of errors, forms and files."""

from pathlib import Path
from typing import Any

import yaml

from mockserver import spec
from mockserver.vendor import Operation, Rule, Vendor

_DOCUMENT = """
openapi: 3.1.0
info: {title: Library, version: "1"}
paths:
  /books:
    parameters: [{$ref: '#/components/parameters/Desk'}]
    get:
      operationId: listBooks
      parameters:
        - {name: size, in: query, required: true, schema: {type: integer, minimum: 1}}
        - {name: order, in: query, schema: {type: string, enum: [title, year]}}
      responses:
        '200': &books {description: Books, content: {application/json: {schema: {$ref: '#/components/schemas/Books'}}}}
    post:
      operationId: createBook
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/BookBody'}}
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/BookForm'}}
      responses: {'200': *books}
  /books/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {operationId: getBook, responses: {'200': *books}}
    put:
      operationId: updateBook
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/BookBody'}}}}
      responses: {'200': *books}
    delete: {operationId: deleteBook, responses: {'204': {description: Gone}}}
  /books/{id}/cover:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    post:
      operationId: uploadCover
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema:
              type: object
              required: [file]
              properties: {file: {type: string}, note: {type: string, maxLength: 5}}
      responses: {'201': {description: Kept}}
components:
  parameters:
    Desk: {name: X-Desk, in: header, schema: {type: string, pattern: '^[0-9]+$'}}
  schemas:
    Book:
      type: object
      required: [id, title, year]
      properties: {id: {type: string}, title: {type: string}, year: {type: integer}, shelf: {type: object}}
    Books:
      type: object
      properties:
        results: {type: array}
        books:
          type: object
          propertyNames: {pattern: '^[0-9]+$'}
          additionalProperties: {$ref: '#/components/schemas/Book'}
        kind: {type: string}
      if: {properties: {kind: {const: lent}}, required: [kind]}
      then: {required: [until]}
      else: {required: [results]}
    BookFields:
      type: object
      required: [title, year]
      properties:
        title: {type: string, maxLength: 20}
        year: {type: integer}
        shelf_id: {type: integer}
        tags: {type: array}
    BookBody: {type: object, required: [book], properties: {book: {$ref: '#/components/schemas/BookFields'}}}
    BookForm:
      type: object
      properties: {'book[title]': {type: string, maxLength: 20}, 'book[year]': {type: integer}}
"""

_BEHAVIOUR = """
vendor: library
credentials: {scheme: none, account: shelves}
refusals:
  body_invalid: {error: invalid, rule: LB-1}
  method_unknown: {error: not_found, rule: LB-1}
  credential_missing: {error: not_allowed, rule: LB-1}
  header_missing: {error: malformed, rule: LB-1}
  parameter_malformed: {error: not_found, rule: LB-1}
  transition_refused: {error: too_late, rule: LB-1}
errors:
  envelope: {errors: [{type: $code, message: $message}]}
  catalogue:
    invalid: {status: 422, code: validation, message: No., envelope: {errors: $faults}}
    no_shelf: {status: 422, code: validation, message: No.}
    too_late: {status: 422, code: system, message: No.}
    malformed: {status: 400, message: No., envelope: {status: $status, error: $message}}
    not_found: {status: 404, code: system, message: No.}
    not_allowed: {status: 403, code: system, message: No.}
resources:
  shelves: {key: id, id_form: digits, missing: {error: no_shelf, rule: LB-1}}
  books: {key: id, id_form: digits, missing: {error: not_found, rule: LB-1}}
operations:
  listBooks: {verb: list, resource: books, envelope: &map {by_id: books}, paging: {style: pages, default: 2, most: 2}}
  createBook:
    verb: create
    resource: books
    envelope: *map
    wrapper: book
    accepts: {title: title, year: year, shelf_id: shelf_id, tags: tags}
    references: {shelf_id: {resource: shelves, rule: LB-1}}
  getBook: {verb: get, resource: books, envelope: *map}
  updateBook:
    verb: update
    resource: books
    envelope: *map
    wrapper: book
    accepts: {title: title}
    checks: [free_title]
  deleteBook: {verb: delete, resource: books, status: 204}
  uploadCover: {verb: own, resource: books, status: 201}
samples:
  books:
    create: createBook
    read: getBook
    delete: deleteBook
    mark: title
    body: {title: Contract check, year: 1999}
    changes: {title: [Renamed]}
    unique: [title]
    shown: {shelf_id: shelf.id, tags: marks.*.name, year: null}
    follows: {title: [slug]}
requests:
  uploadCover: {path: {id: $known.book_id}, files: {file: [a.txt, text/plain, A cover.]}}
  updateBook: {bodies: [{title: One}, {title: Two}]}
bodies: {trim: true, blank_is_null: true, numbers_as_text: true}
forgiving: [size]
known: {book_id: books, shelf_id: shelves}
"""


def library(**changed: Any) -> Vendor:
    """The vendor, with parts of its behaviour changed."""
    document: dict[str, Any] = yaml.safe_load(_DOCUMENT)
    behaviour: dict[str, Any] = {**yaml.safe_load(_BEHAVIOUR), **changed}
    operations = {
        entry.operation["operationId"]: Operation(
            id=entry.operation["operationId"],
            method=entry.method.upper(),
            path=entry.path,
            scopes=(),
            is_protected=True,
            security=[],
            table=behaviour["operations"][entry.operation["operationId"]],
            document=entry.operation,
            parameters=spec.parameters(document, entry),
        )
        for entry in spec.operations(document)
    }
    return Vendor(
        name="library",
        title="Library",
        base_url="https://library.example",
        base_path="",
        folder=Path("library"),
        digest=b"",
        document=document,
        behaviour=behaviour,
        seed={},
        rules={},
        operations=operations,
        callers={},
        known={"book_id": "31", "shelf_id": "7"},
    )


def rule(vendor: Vendor, pointer: str) -> Rule:
    """A rule that stands at a place of the document."""
    return Rule("R", "A rule.", tuple(vendor.operations), "documented", "", None, "schema", (pointer,), 1)
