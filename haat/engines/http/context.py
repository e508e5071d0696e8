"""From a request to a `Context`, and from a contract to the door that fulfils it."""

import secrets
from collections.abc import Callable, MutableMapping
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from haat.engines.http.tokens import AccessClaims, Tokens
from haat.kernel.clock import Clock
from haat.kernel.context import GUEST, PROVED, Actor, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Forbidden, Invalid
from haat.kernel.ids import DerivedIds, RandomIds

DEADLINE = timedelta(seconds=30)  # a request's; most contract methods allow themselves less
_ID_MAX_CHARS = 64
_PASSED_ON = ("forwarded", "via", "x-real-ip")  # what proxies add, and x-forwarded-*
_PROVED = frozenset({PROVED})
_ID_EXTRA = str.maketrans("", "", "-_.:")


def request_id_of(given: str | None) -> str:
    """The caller's request id when it is a plain one of at most 64 characters; else a new one."""
    if given and len(given) <= _ID_MAX_CHARS:
        rest = given.translate(_ID_EXTRA)
        if rest.isascii() and rest.isalnum():
            return given
    return secrets.token_hex(16)


def from_this_machine(request: HTTPConnection) -> bool:
    """Whether a request comes from this machine itself, and not through a proxy on it."""
    if request.client is None:
        return False
    if any(n in _PASSED_ON or n.startswith("x-forwarded-") for n in request.headers):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


Given = dict[bytes, bytes]  # a request's headers by their names in lower case, the first of each


def context_of(request: HTTPConnection) -> Context:
    """Who asks, under which trace and until when.

    The person comes from `Authorization: Bearer`, or from `request.state.access_token` where the
    web gateway put one from its cookie; without either it is a guest. Raises TokenInvalid,
    TokenExpired; Forbidden (`vendor_not_in_token`) for an `X-Vendor-Id` the token does not carry.
    """
    given: Given = {}
    for name, value in request.scope["headers"]:
        given.setdefault(name.lower(), value)
    return context_from(request.app.state, request.scope, given)


def context_from(app: Any, scope: MutableMapping[str, Any], given: Given) -> Context:
    """The same, from an application's state and the headers of a request."""
    state: dict[str, Any] = scope.setdefault("state", {})
    clock: Clock = app.clock
    request_id = state.get("request_id") or request_id_of(_text(given, b"x-request-id"))
    correlation_id = _text(given, b"x-correlation-id")
    seed: UUID | None = state.get("id_seed")
    authorization, token = _text(given, b"authorization"), state.get("access_token")
    claims: AccessClaims | None = state.get("claims")  # of an API key, that a gateway looked up
    if claims is None and (authorization or token):
        claims = _claims(authorization, token, app.tokens)
    now = clock.now()
    return Context(
        GUEST if claims is None else Actor("person", claims.person_id),
        frozenset() if claims is None else _scopes(claims, now),
        None if claims is None else _vendor(claims, _text(given, b"x-vendor-id")),
        request_id,
        request_id_of(correlation_id) if correlation_id else request_id,
        now + DEADLINE,
        None,
        clock,
        RandomIds(clock) if seed is None else DerivedIds(seed),
        None if claims is None else claims.session_id,
        support=claims is not None and claims.support,
    )


def _scopes(claims: AccessClaims, now: datetime) -> frozenset[str]:
    until = claims.proved_until
    return claims.scopes if until is None or until <= now else claims.scopes | _PROVED


def _text(given: Given, name: bytes) -> str | None:
    found = given.get(name)
    return None if found is None else found.decode("latin-1")


def claims_of(request: HTTPConnection) -> AccessClaims | None:
    """What the request's access token says; None for a guest. Raises as `context_of` does."""
    state = request.scope.get("state") or {}
    known: AccessClaims | None = state.get("claims")
    if known is not None:
        return known
    given = request.headers.get("authorization")
    return _claims(given, state.get("access_token"), request.app.state.tokens)


def _claims(authorization: str | None, token: str | None, tokens: Tokens) -> AccessClaims | None:
    if authorization:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return tokens.read(given.strip())
    return tokens.read(token) if token else None


def _vendor(claims: AccessClaims, wanted: str | None) -> UUID | None:
    """The vendor the person acts for. The header says which one a client of several means: a
    request meant for one vendor is never done in another's name."""
    if wanted is None:
        return claims.vendor_id
    try:
        vendor_id = UUID(wanted)
    except ValueError:
        raise Invalid.at("X-Vendor-Id", "This is not an id.", "id_invalid") from None
    if vendor_id != claims.vendor_id:
        raise Forbidden(
            "This access token is for another vendor; take one for this vendor.",
            code="vendor_not_in_token",
        )
    return vendor_id


class _ContextOf(SecurityBase):
    """The dependency behind `Ctx`; a security scheme, so that OpenAPI shows where tokens go."""

    def __init__(self) -> None:
        self.model = HTTPBearerModel(bearerFormat="JWT")
        self.scheme_name = "accessToken"

    async def __call__(self, request: HTTPConnection) -> Context:
        return context_of(request)


Ctx = Annotated[Context, Depends(_ContextOf())]


@cache
def _door(contract: type[Contract]) -> Callable[..., Any]:
    # Asynchronous, though it waits for nothing: FastAPI runs plain functions in a thread.
    async def door(request: HTTPConnection) -> Contract:
        found: Contract = request.app.state.doors[contract]
        return found

    door.contract = contract  # type: ignore[attr-defined]
    return door


def contract_behind(dependency: Any) -> type[Contract] | None:
    """The contract whose door a route's dependency hands out."""
    found: type[Contract] | None = getattr(dependency, "contract", None)
    return found


def gives_context(dependency: Any) -> bool:
    """Whether a route's dependency is the one behind `Ctx`."""
    return isinstance(dependency, _ContextOf)


def Door(contract: type[Contract]) -> Any:
    """The dependency that hands a route the proxy of `contract`: `Annotated[Orders, Door(Orders)]`.

    The proxies stand in `app.state.doors`, a mapping from contract class to proxy.
    """
    key: Any = contract  # mypy does not take a class for hashable
    return Depends(_door(key))
