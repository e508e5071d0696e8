"""How many requests one client may make of one part of the API in a minute, as plain ASGI.

A client is its access token, or its address where it has none. The counts stand in the cache, so
they hold over all processes of a market; when the cache is away, everybody may pass.
"""

from hashlib import blake2b
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.cache import Cache
from haat.engines.http.problems import problem_response
from haat.kernel.errors import Limited

WINDOW_S = 60
_API = ("/api/v1/", "/v1/")


class Pacing:
    """`per_minute` for each client and the first word after /api/v1; 0 counts nothing."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self._app = app
        self._limit = per_minute
        self._cache: Cache | None = None

    def use(self, cache: Cache) -> None:
        """Where counts are kept; nothing is counted before."""
        self._cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        part = _part(scope) if self._limit and self._cache is not None else None
        if part is None or self._cache is None:
            await self._app(scope, receive, send)
            return
        made = await self._cache.count(f"pace:{_client(scope)}:{part}", window_s=WINDOW_S)
        if made is not None and made > self._limit:
            problem = Limited(retryAfterS=WINDOW_S)
            await problem_response(problem)(scope, receive, self._telling(send, 0))
            return
        left = None if made is None else self._limit - made
        await self._app(scope, receive, send if left is None else self._telling(send, left))

    def _telling(self, send: Send, left: int) -> Send:
        told = [
            (b"ratelimit-limit", b"%d" % self._limit),
            (b"ratelimit-remaining", b"%d" % left),
        ]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        return sending


def _part(scope: Scope) -> str | None:
    """'orders' for /api/v1/orders/17; None for what is no request of the API."""
    if scope["type"] != "http":
        return None
    path: str = scope["path"]
    for prefix in _API:
        if path.startswith(prefix):
            return path[len(prefix) :].partition("/")[0]
    return None


def _client(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return blake2b(value, digest_size=16).hexdigest()
    address: Any = scope.get("client")
    return str(address[0]) if address else ""
