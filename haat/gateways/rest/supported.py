"""Requests of support sessions as plain ASGI: each is kept for the other side before it is
answered, and a session that is over is answered nothing."""

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from haat.domains.trust.support.api import Support
from haat.engines.http import AccessClaims, TokenExpired, TokenInvalid
from haat.engines.http.context import DEADLINE, request_id_of
from haat.engines.http.problems import answer_known
from haat.kernel.context import Context
from haat.kernel.errors import Problem

_COOKIE = "haat_access"


class Supported:
    """Stands before everything that answers people."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            claims = self._claims(scope)
            if claims is not None and claims.support:
                if scope["type"] == "websocket":  # what is pushed is no visit
                    await send({"type": "websocket.close", "code": 4403})
                    return
                if scope["path"] != LEAVE and not scope["path"].startswith(STATIC):
                    try:
                        await self._note(scope, claims)
                    except Problem as problem:
                        answer = await answer_known(Request(scope, receive, send), problem)
                        answer.delete_cookie(_COOKIE, path="/")
                        await answer(scope, receive, send)
                        return
        await self._app(scope, receive, send)

    async def _note(self, scope: Scope, claims: AccessClaims) -> None:
        clock = self._state.clock
        request_id = scope.get("state", {}).get("request_id") or request_id_of(None)
        ctx = Context(request_id=request_id, deadline=clock.now() + DEADLINE, clock=clock)
        support: Support = self._state.doors[Support]
        await support.visited(ctx, id=claims.session_id, method=scope["method"], path=scope["path"])

    def _claims(self, scope: Scope) -> AccessClaims | None:
        """Of the request's token; None where there is none that is good."""
        token = ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = value.decode("latin-1").partition(" ")[2].strip()
            elif name == b"cookie" and not token and _COOKIE.encode() in value:
                try:
                    morsel = SimpleCookie(value.decode("latin-1")).get(_COOKIE)
                except CookieError:
                    continue
                token = morsel.value if morsel is not None else ""
        if token.count(".") != 2:
            return None
        try:
            found: AccessClaims = self._state.tokens.read(token)
        except (TokenExpired, TokenInvalid):
            return None
        return found


LEAVE = "/support/leave"
STATIC = "/static/"  # the same for everybody: nothing of whom the session is about
