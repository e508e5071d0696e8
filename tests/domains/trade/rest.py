"""One module's routes as they are served: behind its door, with problem documents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import APIRouter, FastAPI

from haat.engines.http import AccessClaims, Tokens, add_problem_handlers
from haat.engines.rpc import loopback
from haat.kernel.context import PROVED
from haat.kernel.contract import Contract
from haat.kernel.ids import derive
from tests.domains.trade.order_parts import CLOCK

SECRET = b"k" * 32
LIFE = timedelta(days=3650)  # the clock is shared, and some tests let years pass


class Client:
    """Asks as somebody: `await client(token, "GET", "/cart")`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def __call__(
        self, token: str | None, method: str, path: str, **given: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers.update(given.pop("headers", {}))
        return await self._http.request(method, path, headers=headers, **given)


@asynccontextmanager
async def served(contract: Any, service: Contract, router: APIRouter) -> AsyncIterator[Client]:
    """Through the wire's encoding as well, so that every answer survives it."""
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(router)
    app.state.clock = CLOCK
    app.state.tokens = Tokens(SECRET, clock=CLOCK)
    app.state.doors = {contract: loopback(contract, service, caller=None)}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://haat") as http:
        yield Client(http)


def token(person_id: UUID, *scopes: str, vendor_id: UUID | None = None) -> str:
    claims = AccessClaims(
        person_id=person_id,
        session_id=derive(person_id, "session"),
        scopes=frozenset({"person", PROVED, *scopes}),
        roles=(),
        vendor_id=vendor_id,
        vendor_role="owner" if vendor_id else None,
        expires_at=CLOCK.now() + LIFE,
    )
    return Tokens(SECRET, clock=CLOCK).issue(claims, LIFE)
