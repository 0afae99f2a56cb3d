"""The Python peers: stock Connexion apps with trivial handlers, and a bare Starlette handler.

Run by peers.py as `python peer_apps.py NAME PORT`, each with one uvicorn worker, uvloop, httptools and no access log.
The Connexion peers route, authenticate and validate request bodies by a 3.0 form of the vendor's document, since
Connexion 3.3 takes no 3.1. Their handlers return a constant: no scope, quota, state or journal.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn
import yaml

DOCUMENT = Path(__file__).resolve().parents[2] / "openapi/kanman/openapi.yaml"
TOKEN = "km_PeerT0kenF0rTheBenchmark0123456789"
METHODS = ("get", "put", "post", "delete", "patch")
TASK: dict[str, Any] = {
    "task": {
        "id": "770e8400-e29b-41d4-a716-446655440000",
        "label": "Design landing page",
        "status": 1,
        "project_id": "660e8400-e29b-41d4-a716-446655440000",
        "workflow_lane_id": None,
        "position": "aaa",
        "description": "Create responsive landing page design",
        "subtasks": [
            {"id": "880e8400-e29b-41d4-a716-446655440000", "label": "Create wireframe", "is_completed": True},
            {"id": "880e8400-e29b-41d4-a716-446655440001", "label": "Design mockup", "is_completed": False},
        ],
        "created_at": "2024-01-15T10:40:00Z",
        "updated_at": "2024-01-18T16:30:00Z",
    }
}


def resolve(document: dict[str, Any], node: Any) -> Any:
    """The node with every reference replaced by what it names. Request bodies and parameters do not recurse."""
    if isinstance(node, list):
        return [resolve(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
    return {key: resolve(document, value) for key, value in node.items()}


def older(schema: Any) -> Any:
    """A 3.1 schema in the words of 3.0: `nullable` instead of the type null."""
    if isinstance(schema, list):
        return [older(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: older(value) for key, value in schema.items() if key != "examples"}
    kinds = changed.get("type")
    if isinstance(kinds, list):
        changed["type"] = next(kind for kind in kinds if kind != "null")
        changed["nullable"] = "null" in kinds
    return changed


def older_operation(document: dict[str, Any], item: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    declared = resolve(document, item.get("parameters", []) + operation.get("parameters", []))
    slim: dict[str, Any] = {
        "operationId": operation["operationId"],
        "responses": {"default": {"description": "any"}},
        "parameters": [{**one, "schema": older(one["schema"])} for one in declared],
    }
    if "security" in operation:
        slim["security"] = operation["security"]
    if "requestBody" in operation:
        body = resolve(document, operation["requestBody"])
        content = {kind: {"schema": older(media["schema"])} for kind, media in body["content"].items()}
        slim["requestBody"] = {"required": body.get("required", False), "content": content}
    return slim


def document_30() -> dict[str, Any]:
    """All paths, parameters, request bodies and security of the vendor's document, as OpenAPI 3.0."""
    document = yaml.load(DOCUMENT.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    paths = {
        path: {method: older_operation(document, item, item[method]) for method in METHODS if method in item}
        for path, item in document["paths"].items()
    }
    schemes = document["components"]["securitySchemes"]
    return {
        "openapi": "3.0.3",
        "info": {"title": document["info"]["title"], "version": "1"},
        "security": document.get("security", []),
        "paths": paths,
        "components": {
            "securitySchemes": {
                name: {**scheme, "x-bearerInfoFunc": "peer_apps.who"} for name, scheme in schemes.items()
            }
        },
    }


def who(token: str) -> dict[str, str] | None:
    """Whom a bearer token names; Connexion answers 401 to None."""
    return {"sub": "owner"} if token == TOKEN else None


def connexion_app(kind: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside Connexion and of what it imports
        connexion = import_module("connexion")

    async def get_async(**_: Any) -> Any:
        return TASK

    async def create_async(**_: Any) -> Any:
        return TASK, 201

    def get_sync(**_: Any) -> Any:
        return TASK

    def create_sync(**_: Any) -> Any:
        return TASK, 201

    get, create = (get_async, create_async) if kind == "asyncapp" else (get_sync, create_sync)
    app = (connexion.AsyncApp if kind == "asyncapp" else connexion.FlaskApp)("peer")
    app.add_api(
        document_30(), resolver=connexion.resolver.Resolver(lambda name: create if name == "createTask" else get)
    )
    return app


def starlette_app(*, reads: bool) -> Any:
    """Returns fixed JSON. With `reads` it parses the body that POST sends, the least that the same work needs."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def get(_: Request) -> JSONResponse:
        return JSONResponse(TASK)

    async def create(request: Request) -> JSONResponse:
        if reads:
            await request.json()
        return JSONResponse(TASK, 201)

    return Starlette(routes=[Route("/tasks/{id}", get, methods=["GET"]), Route("/tasks", create, methods=["POST"])])


def main(name: str, port: str) -> None:
    app = starlette_app(reads=name == "reading") if name in ("starlette", "reading") else connexion_app(name)
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="error"
    )


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] == "document":
        print(json.dumps(document_30(), indent=1))
    else:
        main(*sys.argv[1:])
