"""The outermost door of an HTTP process, as plain ASGI: it stands on every request's path."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.http.context import request_id_of
from haat.engines.http.problems import problem_response, unexpected
from haat.kernel.errors import Invalid, TooLarge

Headers = Iterable[tuple[bytes, bytes]]
BODY_MAX_BYTES = 1 << 20
_SWALLOWED_MAX_BYTES = 32 << 20
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)


class Limits:
    """Names every request, bounds its body, adds security headers, answers what nobody caught.

    `max_bytes` bounds a body, `larger` bounds it otherwise for paths with a prefix
    ({"/api/v1/media": 20 << 20}; the longest prefix counts). `security` may add headers by scope;
    a header that the answer has already is left as it is.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int = BODY_MAX_BYTES,
        larger: Mapping[str, int] | None = None,
        headers: Sequence[tuple[bytes, bytes]] = SECURITY_HEADERS,
        security: Callable[[Scope], Headers] | None = None,
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = sorted((larger or {}).items(), key=lambda entry: -len(entry[0]))
        self._headers = tuple(headers)
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, length = _look(scope["headers"])
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        answer = _Answer(send, self._added(scope, request_id))
        limit = self._limit(scope["path"])
        if length is not None:
            if not length.isdigit():
                await answer.problem(scope, Invalid("Content-Length is not a number."))
                return
            if int(length[:20]) > limit:
                await _swallow(receive)
                await answer.problem(scope, _too_large(limit))
                return
        else:
            receive = answer.counting(receive, limit)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if answer.started:
                raise  # too late for a document: the server ends the connection
            if not answer.exceeded:
                await (await unexpected(Request(scope), error))(scope, receive, answer.send)
        if answer.exceeded and not answer.started:
            await answer.problem(scope, _too_large(limit))

    def _limit(self, path: str) -> int:
        for prefix, limit in self._larger:
            if path.startswith(prefix):
                return limit
        return self._max_bytes

    def _added(self, scope: Scope, request_id: str) -> Sequence[tuple[bytes, bytes]]:
        named = (b"x-request-id", request_id.encode())
        if self._security is None:
            return (named, *self._headers)
        return (named, *self._security(scope), *self._headers)


class _Answer:
    """One request's answer: adds headers, and knows whether it has begun."""

    def __init__(self, send: Send, added: Sequence[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._added = added
        self.started = False
        self.exceeded = False
        self._refusing = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.exceeded and not self._refusing:
                return  # what the app made of a body cut short
            self.started = True
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            for pair in self._added:
                if pair[0] not in present:
                    present.add(pair[0])
                    headers.append(pair)
            message["headers"] = headers
        elif self.exceeded and not self.started:
            return
        await self._send(message)

    def counting(self, receive: Receive, limit: int) -> Receive:
        """`receive` for a body of unannounced length: fails when it grows beyond the limit."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    self.exceeded = True
                    raise _too_large(limit)
            return message

        return counted

    async def problem(self, scope: Scope, problem: Any) -> None:
        self._refusing = True
        request_id = scope["state"]["request_id"]
        await problem_response(problem, request_id=request_id)(scope, _nothing, self.send)


async def _swallow(receive: Receive) -> None:
    """Lets the client finish sending, unless it is far too much: servers cut off who is answered
    while sending, and the answer is lost."""
    seen = 0
    while seen < _SWALLOWED_MAX_BYTES:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have at most {limit} bytes.", maxBytes=limit)


def _look(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes | None]:
    """The request id and the announced length, in one pass."""
    given, length = None, None
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
        elif name == b"content-length":
            length = value
    return request_id_of(given), length
