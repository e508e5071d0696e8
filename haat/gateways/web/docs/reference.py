"""The OpenAPI document for people. Drawn here, not by a script from elsewhere: a market without the
internet has its reference too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from haat.gateways.web.visit import drawn

router = APIRouter()
METHODS = ("get", "post", "put", "patch", "delete")
JSON_KEPT_S = 300


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `sent` and `answers` are JSON schemas, None where there is none."""

    method: str
    path: str
    summary: str
    text: str
    id: str
    signed_in: bool
    parameters: list[dict[str, Any]]
    sent: dict[str, Any] | None
    answers: list[tuple[str, str, dict[str, Any] | None]]  # status, words, schema


@router.get("/docs")
async def show(request: Request) -> HTMLResponse:
    document: dict[str, Any] = request.app.openapi()
    page = drawn(
        "docs/reference.html",
        info=document["info"],
        groups=groups_of(document),
        schemas=sorted(document.get("components", {}).get("schemas", {}).items()),
    )
    page.headers["cache-control"] = f"public, max-age={JSON_KEPT_S}"
    return page


def groups_of(document: Mapping[str, Any]) -> list[tuple[str, list[Operation]]]:
    """(tag, its operations) by name."""
    groups: dict[str, list[Operation]] = {}
    for tag, operation in _operations(document):
        groups.setdefault(tag, []).append(operation)
    return sorted(groups.items())


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if method not in methods:
                continue
            one = methods[method]
            tag = (one.get("tags") or ["other"])[0]
            yield (
                tag,
                Operation(
                    method=method.upper(),
                    path=path,
                    summary=one.get("summary", ""),
                    text=one.get("description", ""),
                    id=one["operationId"],
                    signed_in=bool(one.get("security")),
                    parameters=one.get("parameters", []),
                    sent=_schema(one.get("requestBody", {})),
                    answers=[
                        (status, answer.get("description", ""), _schema(answer))
                        for status, answer in sorted(one.get("responses", {}).items())
                    ],
                ),
            )


def _schema(part: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of the first content type there is."""
    for content in part.get("content", {}).values():
        found: dict[str, Any] | None = content.get("schema")
        return found or None
    return None
