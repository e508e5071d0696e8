"""The outermost door of an HTTP process, as plain ASGI: it stands on every request's path."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.http.context import request_id_of
from haat.engines.http.problems import problem_response, unexpected
from haat.kernel.errors import Invalid, Problem, TooLarge

Headers = Iterable[tuple[bytes, bytes]]
BODY_MAX_BYTES = 1 << 20
TARGET_MAX_BYTES = 8 << 10  # of path and query together
HEADERS_MAX = 100
HEADERS_MAX_BYTES = 32 << 10
JSON_DEPTH_MAX = 64
PART_WAIT_S = 30.0  # for the next piece of a body
BODY_WAIT_S = 60.0  # for a whole body, beside what its size takes
SLOWEST_BYTES_S = 4 << 10
_SWALLOWED_MAX_BYTES = 32 << 20
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.S)
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)


class TargetTooLong(Problem, code="target_too_long"):
    """This address is too long."""

    status = 414


class HeadersTooLarge(Problem, code="headers_too_large"):
    """These headers are too many, or too long."""

    status = 431


class TooSlow(Problem, code="request_too_slow"):
    """The body did not come in time; send it again."""

    status = 408


class JsonTooDeep(Invalid, code="json_too_deep"):
    """This JSON is nested too deeply."""

    status = 400


class Limits:
    """Names every request, bounds its address, headers and body, adds security headers, answers
    what nobody caught.

    `max_bytes` bounds a body, `larger` bounds it otherwise for paths with a prefix
    ({"/api/v1/media": 20 << 20}; the longest prefix counts). `security` may add headers by scope;
    a header that the answer has already is left as it is. A body that dribbles is given up, and
    JSON that is nested too deeply never reaches a parser.
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
        self._any_larger = tuple(larger or ())
        self._headers = tuple(headers)
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _look(scope["headers"])
        request_id, length = request_id_of(seen.request_id), seen.length
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        answer = _Answer(send, self._added(scope, request_id))
        limit = self._limit(scope["path"])
        refused = seen.refused or _checked(scope, length)
        if refused is not None:
            await answer.problem(scope, refused)
            return
        if length is not None and int(length[:20]) > limit:
            await _swallow(receive)
            await answer.problem(scope, _too_large(limit))
            return
        if length is None or length != b"0":
            receive = answer.counting(receive, limit, is_json=seen.is_json)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if answer.started:
                raise  # too late for a document: the server ends the connection
            if answer.refusal is None:
                await (await unexpected(Request(scope), error))(scope, receive, answer.send)
        if answer.refusal is not None and not answer.started:
            await answer.problem(scope, answer.refusal)

    def _limit(self, path: str) -> int:
        if path.startswith(self._any_larger):
            return next(limit for prefix, limit in self._larger if path.startswith(prefix))
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
        self.refusal: Problem | None = None  # what was wrong with the body on its way in
        self._refusing = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.refusal is not None and not self._refusing:
                return  # what the app made of a body cut short
            self.started = True
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            for pair in self._added:
                if pair[0] not in present:
                    present.add(pair[0])
                    headers.append(pair)
            message["headers"] = headers
        elif self.refusal is not None and not self.started:
            return
        await self._send(message)

    def counting(self, receive: Receive, limit: int, *, is_json: bool) -> Receive:
        """`receive` for a body: fails when it grows beyond the limit, dribbles, or is JSON that is
        nested too deeply."""
        seen, waited_s, is_whole = 0, 0.0, False
        parts: list[bytes] = []
        loop = asyncio.get_running_loop()

        async def counted() -> Message:
            nonlocal seen, waited_s, is_whole
            if is_whole:  # who asks again waits for the client to leave
                return await receive()
            began = loop.time()
            left_s = BODY_WAIT_S + seen / SLOWEST_BYTES_S - waited_s
            try:
                async with asyncio.timeout_at(began + min(PART_WAIT_S, left_s)):
                    message = await receive()
            except TimeoutError:
                self.refusal = TooSlow()
                raise self.refusal from None
            waited_s += loop.time() - began
            is_whole = not message.get("more_body", False)
            if message["type"] == "http.request":
                body = message.get("body", b"")
                seen += len(body)
                if seen > limit:
                    self.refusal = _too_large(limit)
                    raise self.refusal
                if is_json:
                    parts.append(body)
                    if is_whole and is_deep(parts):
                        self.refusal = JsonTooDeep()
                        raise self.refusal
            return message

        return counted

    async def problem(self, scope: Scope, problem: Any) -> None:
        self._refusing = True
        request_id = scope["state"]["request_id"]
        await problem_response(problem, request_id=request_id)(scope, _nothing, self.send)


async def _swallow(receive: Receive) -> None:
    """Lets the client finish sending, unless it is far too much or takes too long: servers cut off
    who is answered while sending, and the answer is lost."""
    seen = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(PART_WAIT_S):
            while seen < _SWALLOWED_MAX_BYTES:
                message = await receive()
                seen += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have at most {limit} bytes.", maxBytes=limit)


def is_deep(parts: Sequence[bytes]) -> bool:
    """Whether JSON may be nested more than JSON_DEPTH_MAX deep. Nearly all of it has fewer brackets
    than that."""
    if sum(part.count(b"{") + part.count(b"[") for part in parts) <= JSON_DEPTH_MAX:
        return False
    depth = 0
    for one in _STRINGS.sub(b"", b"".join(parts)):
        if one in b"{[":
            depth += 1
            if depth > JSON_DEPTH_MAX:
                return True
        elif one in b"}]":
            depth -= 1
    return False


class _Seen:
    """What stands in a request's headers that concerns us."""

    __slots__ = ("is_json", "length", "refused", "request_id")

    def __init__(self) -> None:
        self.request_id: str | None = None
        self.length: bytes | None = None
        self.is_json = False
        self.refused: Problem | None = None


def _look(headers: Sequence[tuple[bytes, bytes]]) -> _Seen:
    """In one pass: this stands on every request's path."""
    seen, size, count = _Seen(), 0, 0
    for name, value in headers:
        count += 1
        size += len(name) + len(value)
        if name == b"x-request-id":
            seen.request_id = value.decode("latin-1")
        elif name == b"content-length":
            seen.length = value
        elif name == b"content-type":
            seen.is_json = b"json" in value
    if count > HEADERS_MAX or size > HEADERS_MAX_BYTES:
        seen.refused = HeadersTooLarge()
    return seen


def _checked(scope: Scope, length: bytes | None) -> Problem | None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_MAX_BYTES:
        return TargetTooLong()
    if length is not None and not length.isdigit():
        return Invalid("Content-Length is not a number.")
    return None
