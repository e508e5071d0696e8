"""What the tests of these modules stand on: contexts, tokens, doubles of lower contracts, REST."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import APIRouter, FastAPI

from haat.domains.people.identity.api import Identity, Person, VendorRole
from haat.domains.people.media.api import Media, MediaFile
from haat.engines.http import Tokens, add_problem_handlers
from haat.engines.http.tokens import AccessClaims
from haat.engines.rpc.door import local
from haat.engines.sql import Database
from haat.kernel.clock import Clock, SettableClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"s" * 32
# Text that has broken something somewhere.
HOSTILE = (
    "a\x00b",
    "\ud800",
    "Robert'); DROP TABLE people;--",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "a\r\nBcc: all@example.com",
    "%s%n{0}${7*7}",
    "😀" * 30,
    "\u200b\u200b",
)


def clock() -> SettableClock:
    return SettableClock(NOON)


def guest(at: Clock) -> Context:
    return Context(clock=at)


def system(at: Clock) -> Context:
    return Context(actor=SYSTEM, clock=at)


def person(
    at: Clock, id: UUID | None = None, *, vendor: UUID | None = None, scopes: Iterable[str] = ()
) -> Context:
    """Somebody signed in, with these scopes beside "person"."""
    return Context(
        actor=Actor("person", id or uuid4()),
        scopes=frozenset({"person", *scopes}),
        vendor_id=vendor,
        clock=at,
    )


def raw(value: Any) -> dict[str, Any]:
    """Arguments of a request whose body is this as JSON, half a surrogate pair included."""
    return {"content": json.dumps(value), "headers": {"content-type": "application/json"}}


async def outbox(db: Database) -> list[tuple[str, dict[str, Any]]]:
    """(type, data) of what was emitted since the last look, in order."""
    rows = await db.fetch(
        f"WITH gone AS (DELETE FROM {db.schema}.outbox RETURNING seq, type, envelope)"
        " SELECT type, envelope FROM gone ORDER BY seq"
    )
    return [(row["type"], row["envelope"]["data"]) for row in rows]


class Rest:
    """The routers of one module behind real doors, as a client meets them."""

    def __init__(
        self, at: Clock, doors: dict[type[Contract], Contract], *routers: APIRouter
    ) -> None:
        self.tokens = Tokens(SECRET, at)
        self.app = FastAPI()
        self.app.state.clock = at
        self.app.state.tokens = self.tokens
        self.app.state.doors = {
            kind: local(kind, service, caller=None) for kind, service in doors.items()
        }
        add_problem_handlers(self.app)
        for router in routers:
            self.app.include_router(router)

    def client(self, ctx: Context | None = None, *, peer: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client that is signed in as the actor of `ctx`, or a guest."""
        headers = {}
        if ctx is not None:
            role = "owner" if ctx.vendor_id else None
            claims = AccessClaims(
                ctx.person_id, uuid4(), ctx.scopes, vendor_id=ctx.vendor_id, vendor_role=role
            )
            token = self.tokens.issue(claims, ttl=NOON - NOON.replace(hour=11))
            headers["authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(peer, 50000)),
            base_url="http://market",
            headers=headers,
        )


class FakeIdentity(Identity):
    """Remembers who joined which vendor."""

    def __init__(self) -> None:
        self.joined: dict[tuple[UUID, UUID], VendorRole] = {}
        self.names: dict[UUID, str] = {}
        self.fails = False

    async def me(self, ctx: Context) -> Person:
        id = ctx.person_id
        return Person(id=id, email="a@example.com", name=self.names.get(id, "Ada"), created_at=NOON)

    async def change_name(self, ctx: Context, *, name: str) -> Person:
        self.names[ctx.person_id] = name
        return await self.me(ctx)

    async def join_vendor(
        self, ctx: Context, *, person_id: UUID, vendor_id: UUID, role: VendorRole
    ) -> None:
        if self.fails:
            raise NotFound
        self.joined[vendor_id, person_id] = role


class FakeMedia(Media):
    """Keeps whatever is uploaded."""

    def __init__(self) -> None:
        self.kept: dict[UUID, MediaFile] = {}

    async def upload(
        self, ctx: Context, *, id: UUID, content: bytes, vendor_id: UUID | None = None
    ) -> MediaFile:
        if vendor_id is not None:
            ctx.need_vendor(vendor_id)
        self.kept[id] = MediaFile(
            id=id, content_type="image/png", size_bytes=len(content), width=1, height=1, ready=False
        )
        return self.kept[id]

    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]:
        return [self.kept[id] for id in ids if id in self.kept]
