"""What the OpenAPI document says of refusals: problem documents, which FastAPI knows nothing of.

Which ones an operation may answer follows from what it is: what everything is refused with at the
edge, what who reads a body or writes may be told besides, and the problems that its own module
declares. Nothing else of ours than 503 is a 5xx, so none is described: one that is answered breaks
the document, as does any status that is not named.
"""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from haat.gateways.rest.aliases import ALIASES, shape
from haat.gateways.rest.rights import OPEN, table
from haat.kernel.errors import Problem

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_CONTENT = {"application/problem+json": {"schema": _PROBLEM}}
_WORDS = {
    400: "The request cannot be read.",
    401: "Who asks is not known: no token, or one that is not good.",
    402: "The payment was declined.",
    403: "Not for this account, or not without a fresh proof.",
    404: "There is nothing here, or nothing of theirs.",
    408: "The body did not arrive in time.",
    409: "Not in a state that allows this.",
    410: "This was here and is no more.",
    412: "A condition of the request does not hold.",
    413: "The body is larger than allowed.",
    414: "The address is too long.",
    415: "The body is of another type than is read here.",
    422: "Not valid; `errors` name the fields.",
    429: "Too many requests; `Retry-After` says when.",
    431: "The headers are too large.",
    460: "The checksum is another one.",
    503: "Something this needs is away; try again.",
}
_EDGE = frozenset({401, 403, 404, 414, 422, 429, 431, 503})
_OF_BODIES = frozenset({400, 408, 413, 415})
_OF_WRITES = frozenset({400, 409})  # a write may have an Idempotency-Key, that another holds
_NEVER_READING = frozenset({402, 413, 415})  # and only one thing of many has a state
_READS = frozenset({"get", "head", "options"})
_SIGNED = ("{token}", "{ticket}")  # links that end
_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "An RFC 9457 problem document. A problem's own data stands beside these.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "urn:haat:problem: and the code"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for people"},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "for machines"},
        "requestId": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"}},
    },
    "required": ["type", "title", "status", "detail", "code", "requestId"],
}
_FIELD: dict[str, Any] = {
    "title": "FieldProblem",
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "of the field: lines.0.quantity"},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
    "required": ["path", "code", "message"],
}
_NAME = re.compile(r"\{(\w+)\}")
_ROOT = "/api/v1"
_FILES = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FORM = "Body_"  # how FastAPI calls a form's fields
_FASTAPIS = ("HTTPValidationError", "ValidationError")


class Described(FastAPI):
    """An application whose document says how it refuses."""

    declared: Mapping[str, frozenset[int]] = {}

    def openapi(self) -> dict[str, Any]:
        return with_problems(super().openapi(), self.declared)  # which it keeps


def declared(routers: Iterable[APIRouter]) -> dict[str, frozenset[int]]:
    """Operation ("GET /products/{}") → the statuses of the problems that its module declares."""
    found: dict[str, frozenset[int]] = {}
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                statuses = _of_module(route.endpoint.__module__.rpartition(".")[0])
                for method in route.methods or ():
                    found[f"{method} {shape(route.path)}"] = statuses
    return found


@cache
def _of_module(package: str) -> frozenset[int]:
    kinds = Problem.registry.values()
    own = (kind for kind in kinds if kind.__module__.startswith(f"{package}."))
    return frozenset(kind.status for kind in own)


def refusals(method: str, path: str, *, reads_body: bool, own: frozenset[int]) -> frozenset[int]:
    """The statuses of the problems this operation may answer; `method` as OpenAPI writes it."""
    found = _EDGE | own
    if reads_body:
        found |= _OF_BODIES
    if method not in _READS:
        found |= _OF_WRITES
    else:
        found -= _NEVER_READING if "{" in path else _NEVER_READING | {409, 410}
    if any(one in path for one in _SIGNED):
        found |= {410}
    return found


def with_problems(
    document: dict[str, Any], declared: Mapping[str, frozenset[int]]
) -> dict[str, Any]:
    """The document with the refusals of every operation of the API; changed in place."""
    document["paths"] = paths = _one_for_each(document.get("paths", {}))
    _with_aliases(paths)
    rights = {shape(name): right for name, right in table().items()}
    for path, operations in document["paths"].items():
        if not path.startswith(_ROOT):
            continue
        for method, operation in operations.items():
            for one in operation.get("parameters", ()):
                one["schema"] = _never_null(one["schema"])
            answers: dict[str, Any] = operation["responses"]
            name = f"{method.upper()} {shape(path.removeprefix(_ROOT))}"
            reads_body = "requestBody" in operation
            own = declared.get(name, frozenset())
            for status in refusals(method, path, reads_body=reads_body, own=own):
                told = answers.get(str(status), {}) if status != 422 else {}
                said = told.get("description", _WORDS[status])
                answers[str(status)] = {"description": said, "content": _CONTENT}
            kind = _FILES.get(path.rpartition(".")[2])
            if kind:
                answers["200"]["content"] = {kind: {}}
            by_link = any(one["name"] == "token" for one in operation.get("parameters", ()))
            if by_link or rights.get(name) in OPEN:
                operation["security"] = [{}, {"accessToken": []}]  # whose it is may be known
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPIS:
        schemas.pop(name, None)
    for name, schema in schemas.items():
        if name.startswith(_FORM):
            fields = schema["properties"]
            schema["properties"] = {key: _never_null(one) for key, one in fields.items()}
    schemas.update({"Problem": _SCHEMA, "FieldProblem": _FIELD})
    return document


def _with_aliases(paths: dict[str, Any]) -> None:
    """Other names for our routes are not described, but for those that are another method of an
    address that is: whoever knows the address may be answered by that method."""
    known = {shape(path): path for path in paths}
    for alias in ALIASES:
        (method, name), (of_method, of) = alias.name.split(" "), alias.of.split(" ")
        path, of_path = known.get(shape(_ROOT + name)), known[shape(_ROOT + of)]
        if path is None or method.lower() in paths[path]:
            continue
        operation = deepcopy(paths[of_path][of_method.lower()])
        names = dict(zip(_NAME.findall(of_path), _NAME.findall(path), strict=True))
        for one in operation.get("parameters", ()):
            if one["in"] == "path":
                one["name"] = names[one["name"]]
        operation["operationId"] = f"{operation['operationId']}_{method.lower()}"
        operation["description"] = f"Another name for {of_method} {of_path}."
        paths[path][method.lower()] = operation


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What stands outside of JSON may be left out, but has no null: `null` is a text there."""
    several = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if not several:
        return schema
    rest = {name: one for name, one in schema.items() if name != "anyOf"}
    return {**several[0], **rest} if len(several) == 1 else {**rest, "anyOf": several}


def _one_for_each(paths: dict[str, Any]) -> dict[str, Any]:
    """Two templates that differ in their parameters' names alone are one path: the second's
    operations stand with the first's, with its names."""
    firsts: dict[str, str] = {}
    found: dict[str, Any] = {}
    for path, operations in paths.items():
        first = firsts.setdefault(shape(path), path)
        names = dict(zip(_NAME.findall(path), _NAME.findall(first), strict=True))
        for operation in operations.values():
            for one in operation.get("parameters", ()):
                if one["in"] == "path":
                    one["name"] = names.get(one["name"], one["name"])
        found.setdefault(first, {}).update(operations)
    return found
