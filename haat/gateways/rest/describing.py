"""What the OpenAPI document says of refusals: problem documents, which FastAPI knows nothing of.

Any operation may be refused (401, 403, 404, 409, 422, 429 …) and, when what it needs is away, with
503. Nothing else of ours is a 5xx, so none is described: one that is answered breaks the document.
"""

import re
from typing import Any

from fastapi import FastAPI

from haat.gateways.rest.aliases import shape
from haat.gateways.rest.rights import table

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_CONTENT = {"application/problem+json": {"schema": _PROBLEM}}
_WORDS = {
    "4XX": "Refused; `code` says why.",
    "422": "Not valid; `errors` name the fields.",
    "503": "Something this needs is away; try again.",
}
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
_OPEN = ("nobody's", "quote")
_FILES = {
    "csv": "text/csv",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FASTAPIS = ("HTTPValidationError", "ValidationError")


class Described(FastAPI):
    """An application whose document says how it refuses."""

    def openapi(self) -> dict[str, Any]:
        return with_problems(super().openapi())  # which it keeps


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the refusals of every operation of the API; changed in place."""
    document["paths"] = _one_for_each(document.get("paths", {}))
    rights = {shape(name): right for name, right in table().items()}
    for path, operations in document["paths"].items():
        if not path.startswith(_ROOT):
            continue
        for method, operation in operations.items():
            answers: dict[str, Any] = operation["responses"]
            for status, words in _WORDS.items():
                if status != "422" or status in answers:
                    answers[status] = {"description": words, "content": _CONTENT}
            kind = _FILES.get(path.rpartition(".")[2])
            if kind:
                answers["200"]["content"] = {kind: {}}
            if rights.get(f"{method.upper()} {shape(path.removeprefix(_ROOT))}") in _OPEN:
                operation["security"] = [{}, {"accessToken": []}]  # whose it is may be known
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPIS:
        schemas.pop(name, None)
    schemas.update({"Problem": _SCHEMA, "FieldProblem": _FIELD})
    return document


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
