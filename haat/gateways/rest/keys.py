"""Other bearer tokens than ours, as plain ASGI: `Authorization: Bearer haat_…` (an API key) and the
tokens of a host system become who they speak for, before anything reads the request's token.

Only REST knows them; each call asks, so that a revoked key, or a blocked person, is over at once.
"""

from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from haat.domains.people.identity.api import KEY_BEGINS, Identity
from haat.engines.http import AccessClaims
from haat.engines.http.context import DEADLINE
from haat.engines.http.issuers import TOKEN_MAX_CHARS, issuer_said
from haat.engines.http.problems import answer_known
from haat.kernel.context import Context
from haat.kernel.errors import Problem
from haat.kernel.ids import derive
from haat.kernel.settings import Settings

_BEARER = b"bearer "
SECRET_MAX_CHARS = 200


class HostTokens(Settings):
    """Whose tokens are the host's: the rest of HAAT_HOST_… is identity's."""

    host_issuer: str = ""


class ApiKeys:
    """Stands before whatever asks who calls."""

    def __init__(self, app: ASGIApp, state: State, prefixes: tuple[str, ...]) -> None:
        self._app = app
        self._state = state
        self._prefixes = tuple(f"{prefix}/" for prefix in prefixes)
        self._host = HostTokens().host_issuer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = self._token(scope)
        try:
            if token.startswith(KEY_BEGINS):
                scope.setdefault("state", {})["claims"] = await self._holder(scope, token)
            elif self._host and token and issuer_said(token) == self._host:
                scope.setdefault("state", {})["claims"] = await self._of_host(scope, token)
        except Problem as problem:
            answer = await answer_known(Request(scope, receive, send), problem)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _token(self, scope: Scope) -> str:
        """The bearer token of a call over REST; '' where there is none."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefixes):
            return ""
        for name, value in scope["headers"]:
            if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
                return str(value[len(_BEARER) :].decode("latin-1")).strip()[: TOKEN_MAX_CHARS + 1]
        return ""

    async def _holder(self, scope: Scope, secret: str) -> AccessClaims:
        """What the key may now. KeyInvalid."""
        identity: Identity = self._state.doors[Identity]
        found = await identity.key_holder(self._ctx(scope), secret=secret[:SECRET_MAX_CHARS])
        return AccessClaims(
            person_id=found.person_id,
            session_id=found.key_id,
            scopes=frozenset(found.scopes),
            vendor_id=found.vendor_id,
        )

    async def _of_host(self, scope: Scope, token: str) -> AccessClaims:
        """Who a host's token speaks for. There is no session: a proof is what it says itself."""
        identity: Identity = self._state.doors[Identity]
        found = await identity.host_person(self._ctx(scope), token=token)
        return AccessClaims(
            person_id=found.person_id,
            session_id=derive(found.person_id, "host"),
            scopes=frozenset(found.scopes),
            roles=tuple(found.roles),
            vendor_id=found.vendor_id,
            vendor_role=found.vendor_role,
            proved_until=found.proved_until,
            rights=found.rights,
        )

    def _ctx(self, scope: Scope) -> Context:
        clock = self._state.clock
        request_id = scope.get("state", {}).get("request_id", "")
        return Context(request_id=request_id, deadline=clock.now() + DEADLINE, clock=clock)
