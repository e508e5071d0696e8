"""CORS: which sites' scripts may read the API's answers (https://fetch.spec.whatwg.org).

Without credentials: a session's cookies are for our own pages, scripts of others bring a token.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
KEPT_S = 7200  # how long a browser may remember the answer; none remembers longer
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ASKED = (
    b"authorization, content-type, idempotency-key, x-cart-id, x-vendor-id, x-request-id, "
    b"x-correlation-id, if-none-match, tus-resumable, upload-length, upload-offset, "
    b"upload-metadata"
)
SHOWN = (
    b"x-request-id, retry-after, ratelimit, ratelimit-policy, idempotent-replayed, deprecation, "
    b"sunset, link, location, etag, content-disposition, tus-resumable, upload-offset, "
    b"upload-length, upload-expires"
)


class Origins:
    """Stands before the API's application; `allowed` are origins, or "*" for any."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str], places: tuple[str, ...]) -> None:
        found = frozenset(allowed)
        self._app = app
        self._any = ANY in found
        self._allowed = frozenset(one.encode() for one in found)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._places):
            await self._app(scope, receive, send)
            return
        origin, asks = None, False
        for name, value in scope["headers"]:
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                asks = True
        allowed = origin is not None and (self._any or origin in self._allowed)
        if origin is not None and asks and scope["method"] == "OPTIONS":
            headers = self._of_origin(origin) if allowed else [_VARY]
            if allowed:
                headers += [
                    (b"access-control-allow-methods", METHODS),
                    (b"access-control-allow-headers", ASKED),
                    (b"access-control-max-age", b"%d" % KEPT_S),
                ]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = self._of_origin(origin) if allowed and origin else [_VARY]
                if allowed:
                    added.append((b"access-control-expose-headers", SHOWN))
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, telling)

    def _of_origin(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        if self._any:
            return [(b"access-control-allow-origin", b"*")]
        return [(b"access-control-allow-origin", origin), _VARY]


_VARY = (b"vary", b"origin")


class OwnSockets:
    """Lets scripts of our own pages and of `allowed` origins open a WebSocket, and programs, which
    name no origin: for sockets browsers ask nobody (RFC 6455, section 10.2)."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(one.encode() for one in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self._is_foreign(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "foreign origin"})
            return
        await self._app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        given = dict(scope["headers"])
        origin = given.get(b"origin")
        if origin is None or ANY.encode() in self._allowed or origin in self._allowed:
            return False
        return bool(origin.partition(b"://")[2] != given.get(b"host"))


def origins(text: str) -> tuple[str, ...]:
    """'https://shop.example, *' → origins. ValueError for what is none."""
    found = []
    for number, word in enumerate((w.strip() for w in text.split(",") if w.strip()), 1):
        parts = urlsplit(word)
        is_plain = word == f"{parts.scheme}://{parts.netloc}" and "@" not in word
        if word != ANY and (not is_plain or parts.scheme not in ("https", "http")):
            raise ValueError(f"number {number} is no origin: write https://shop.example")
        found.append(word.lower())
    return tuple(found)
