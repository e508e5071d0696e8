"""`Idempotency-Key`: a write sent twice is done once and answered the same.

The key, the principal and the route name the request; ids born in it derive from that name and
its content, so that even a request whose process died half-way can be sent again. Modelled after
draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.http import Signer, TokenExpired, TokenInvalid, problem_response
from haat.engines.http.context import claims_of
from haat.gateways.rest.storage import AnswerStore, Kept, Name
from haat.kernel.errors import Conflict, Invalid, Problem

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEY_MAX = 255
HASHED_MAX = 1 << 20  # larger bodies (uploads) are idempotent by their own ids


class KeyReused(Invalid, code="idempotency_key_reused"):
    """This Idempotency-Key was used for another request; take a new one."""


class InProgress(Conflict, code="request_in_progress"):
    """The first request with this Idempotency-Key is still under way; ask again in a moment."""


class Idempotency:
    """Stands before the application. Requests without the header pass untouched."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key_of(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app  # so that the principal can be read before routing
        try:
            name = _name(scope, key)
            body, receive = await _read(receive)
        except Problem as problem:
            request_id = scope["state"].get("request_id", "")
            await problem_response(problem, request_id=request_id)(scope, receive, send)
            return
        body_hash = None if body is None else _hash(scope, body)
        scope["state"]["id_seed"] = _seed(self._state.signer, name, body_hash)
        if body_hash is None:
            await self._app(scope, receive, send)
            return
        await self._once(name, body_hash, scope, receive, send)

    async def _once(
        self, name: Name, body_hash: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        answers: AnswerStore = self._state.answers
        kept = await answers.claim(name, body_hash, self._state.clock.now())
        if kept is not None:
            await _replay(kept, body_hash, scope)(scope, receive, send)
            return
        recorder = _Recorder(send, answers, name)
        try:
            await self._app(scope, receive, recorder.send)
        finally:
            await recorder.close()


class _Recorder:
    """Hands an answer on and keeps it, before its last byte leaves: whoever asks again after it
    finds it."""

    def __init__(self, send: Send, answers: AnswerStore, name: Name) -> None:
        self._send = send
        self._answers = answers
        self._name = name
        self.status = 0
        self.content_type = ""
        self._parts: list[bytes] = []
        self._whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message.get("headers", ()):
                if name.lower() == b"content-type":
                    self.content_type = value.decode("latin-1")
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._whole:
                await self._end()
        await self._send(message)

    async def close(self) -> None:
        """An answer that was never given whole is none."""
        if not self._whole:
            await self._end()

    async def _end(self) -> None:
        try:
            if self.worth_keeping:
                await self._answers.keep(self._name, self.status, self.content_type, self.body)
            else:
                await self._answers.forget(self._name)
        except Problem as problem:
            # The work is done all the same. The claim runs out, and the ids are the same again.
            structlog.get_logger("haat.rest").warning("answer_not_kept", code=problem.code)

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    @property
    def worth_keeping(self) -> bool:
        """Failures of ours and refusals that another try may overcome are not kept."""
        return self._whole and self.status < 500 and self.status not in (401, 408, 409, 425, 429)


def _key_of(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in WRITES:
        return None
    if _tells_secrets(scope["path"]):
        return None  # their answers hold tokens, which are kept nowhere
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            return str(value.decode("latin-1"))
    return None


def _tells_secrets(path: str) -> bool:
    if any(part in path for part in ("/auth/", "/api-keys", "/me/connections")):
        return True
    path = path.rstrip("/")
    return path.endswith("/webhooks") or ("/webhooks/" in path and path.endswith("/secret"))


def _name(scope: Scope, key: str) -> Name:
    if not 1 <= len(key) <= KEY_MAX or not key.isprintable():
        raise Invalid.at(
            "Idempotency-Key", "Give 1 to 255 printable characters.", "idempotency_key_invalid"
        )
    request = Request(scope)
    try:
        claims = claims_of(request)
    except (TokenInvalid, TokenExpired):
        claims = None  # the application answers 401 itself, which is not kept
    if claims:
        principal = str(claims.person_id)
    else:  # a guest is known by its cart and its address: keys of others do not meet its own
        where = request.client.host if request.client else ""
        principal = f"guest:{request.headers.get('x-cart-id', '')[:64]}:{where}"
    path = quote(scope["path"], safe="/", errors="replace")  # nothing that cannot be stored
    route = path.removeprefix("/api") if path.startswith("/api/v1/") else path
    return Name(principal, f"{scope['method']} {route}"[:500], key)


def _hash(scope: Scope, body: bytes) -> bytes:
    """What was sent: the query and the body."""
    return hashlib.sha256(scope.get("query_string", b"") + b"\0" + body).digest()


def _seed(signer: Signer, name: Name, body_hash: bytes | None) -> UUID:
    """What the request's ids derive from.

    With our secret: a guest's quote is known by its id alone, and keys can be guessed. With the
    content: after a refusal that is not kept, the key may come again with another request, whose
    rows are others.
    """
    content = "" if body_hash is None else body_hash.hex()
    named = json.dumps([name.principal, name.route, name.key, content])
    return UUID(bytes=hashlib.sha256(signer.sign("idempotency", named).encode()).digest()[:16])


async def _read(receive: Receive) -> tuple[bytes | None, Receive]:
    """The body, and a `receive` that gives it again; None for one too large to be kept."""
    parts: list[Message] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
        if size > HASHED_MAX:
            break
    given = iter(parts)

    async def again() -> Message:
        message: Any = next(given, None)
        return message if message is not None else await receive()

    whole = b"".join(part.get("body", b"") for part in parts)
    return (whole if size <= HASHED_MAX else None), again


def _replay(kept: Kept, body_hash: bytes, scope: Scope) -> Response:
    request_id = scope["state"].get("request_id", "")
    if kept.body_hash != body_hash:
        return problem_response(KeyReused(), request_id=request_id)
    if kept.status is None:
        return problem_response(InProgress(), request_id=request_id)
    headers = {"idempotent-replayed": "true"}
    if kept.content_type:
        headers["content-type"] = kept.content_type
    return Response(kept.body, kept.status, headers)
