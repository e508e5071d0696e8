"""What a route promises beside its answer, declared where it is: that it wants an Idempotency-Key,
and that it goes away.

    @router.post("/payments/refund", status_code=201, openapi_extra=KEYED)
    @router.get("/old", deprecated=True, openapi_extra=retiring(at=…, gone=…, instead="/new"))

Both stand in the OpenAPI document as they stand here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.http.problems import problem_response
from haat.kernel.errors import FieldError, Invalid

KEY = "Idempotency-Key"
_KEYED, _RETIRES = "x-idempotency-key", "x-retires"
_PARAMETER = re.compile(r"\{\w+\}")
# A route that moves money: sent twice without a key, it would move it twice.
KEYED: dict[str, Any] = {
    _KEYED: "required",
    "parameters": [
        {
            "name": KEY,
            "in": "header",
            "required": True,
            "description": "A name of your own for this request: the same again moves nothing"
            " again, and is answered the same.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    ],
    "responses": {"400": {"description": "Without an Idempotency-Key nothing is done."}},
}
Headers = tuple[tuple[bytes, bytes], ...]


class KeyNeeded(Invalid, code="idempotency_key_required"):
    """Send an Idempotency-Key: a name of your own for this request, the same when you repeat it."""

    status = 400

    def __init__(self, detail: str = "", **more: Any) -> None:
        super().__init__(detail, **more)
        if not self.fields:
            self.fields = (FieldError(path=KEY, code=self.code, message=self.detail),)


def retiring(*, at: datetime, gone: datetime, instead: str = "") -> dict[str, Any]:
    """`openapi_extra` of a route that is deprecated since `at` and answers until `gone`; `instead`
    is the path that takes its place."""
    assert at.tzinfo is not None, "times are aware"
    assert gone > at, "it goes after it was said"
    return {_RETIRES: {"at": at.isoformat(), "gone": gone.isoformat(), "instead": instead}}


def wants_key(routers: Iterable[APIRouter], prefixes: Iterable[str]) -> Callable[[Scope], bool]:
    """Says of a request whether its route is KEYED."""
    paths = []
    for route in _routes(routers):
        if (route.openapi_extra or {}).get(_KEYED):
            assert route.methods == {"POST"}, f"{route.path}: others name what they change"
            parts = [re.escape(part) for part in _PARAMETER.split(route.path)]
            paths.append("[^/]+".join(parts))
    if not paths:
        return lambda scope: False
    before = "|".join(map(re.escape, prefixes))
    found = re.compile(f"(?:{before})(?:{'|'.join(paths)})")
    return lambda scope: scope["method"] == "POST" and bool(found.fullmatch(scope["path"]))


class Keyed:
    """Refuses a request that wants a key and has none (draft-ietf-httpapi-idempotency-key-header:
    400), before anything is done about it."""

    def __init__(self, app: ASGIApp, wants: Callable[[Scope], bool]) -> None:
        self._app = app
        self._wants = wants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wants = scope["type"] == "http" and self._wants(scope)
        if wants and not any(name == b"idempotency-key" for name, _ in scope["headers"]):
            request_id = (scope.get("state") or {}).get("request_id", "")
            await problem_response(KeyNeeded(), request_id=request_id)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Retiring:
    """Says in every answer of a route that goes away since when it is deprecated (RFC 9745), when
    it will be gone (RFC 8594) and what takes its place."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], prefix: str) -> None:
        self._app = app
        self._told: Mapping[int, Headers] = {
            id(route.endpoint): _told(route.openapi_extra[_RETIRES], prefix)
            for route in _routes(routers)
            if route.openapi_extra and _RETIRES in route.openapi_extra
        }

    @property
    def app(self) -> ASGIApp:
        """This, or what is behind it where no route goes away."""
        return self if self._told else self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = self._told.get(id(scope.get("endpoint")), ())
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        await self._app(scope, receive, telling)


def _routes(routers: Iterable[APIRouter]) -> Iterable[APIRoute]:
    return (r for router in routers for r in router.routes if isinstance(r, APIRoute))


def _told(said: Mapping[str, str], prefix: str) -> Headers:
    at, gone = (datetime.fromisoformat(said[name]).astimezone(UTC) for name in ("at", "gone"))
    told = [
        (b"deprecation", b"@%d" % int(at.timestamp())),
        (b"sunset", format_datetime(gone, usegmt=True).encode()),
    ]
    if said["instead"]:
        link = f'<{prefix}{said["instead"]}>; rel="successor-version"'
        told.append((b"link", link.encode()))
    return tuple(told)
