"""What the tests of these modules stand on: contexts, tokens, doubles of lower contracts, REST."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx
from fastapi import APIRouter, FastAPI

from haat.domains.people.identity.api import Identity, Person, VendorRole
from haat.domains.people.identity.host import HostOptions
from haat.domains.people.identity.service import IdentityOptions, IdentityService
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.media.api import Claim, Kind, Media, MediaFile
from haat.engines.http import Signer, Tokens, add_problem_handlers
from haat.engines.http.client import HttpClient
from haat.engines.http.tokens import AccessClaims
from haat.engines.mail import Message
from haat.engines.rpc.door import local
from haat.engines.sms import Text
from haat.engines.sql import Database
from haat.kernel.clock import Clock, SettableClock
from haat.kernel.context import PROVED, SYSTEM, Actor, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound, Problem

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
                ctx.person_id,
                uuid4(),
                ctx.scopes | {PROVED},
                vendor_id=ctx.vendor_id,
                vendor_role=role,
            )
            token = self.tokens.issue(claims, ttl=NOON - NOON.replace(hour=11))
            headers["authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(peer, 50000)),
            base_url="http://market",
            headers=headers,
        )


class Post:
    """Keeps the mails that are sent; fails with `problem` while there is one."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.problem: Problem | None = None

    async def send(self, message: Message) -> None:
        if self.problem is not None:
            raise self.problem
        self.sent.append(message)

    def link(self, to: str) -> str:
        """The token in the last link that was sent to this address."""
        texts = [one.text for one in self.sent if one.to == to and "?token=" in one.text]
        return texts[-1].partition("?token=")[2].split()[0]


class OpenMarket(Market):
    """A market that is open."""

    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="Bazaar", currency="EUR", country="DE")


def identity_of(
    db: Database,
    at: Clock,
    *,
    tokens: Tokens | None = None,
    post: Post | None = None,
    texts: "Texts | None" = None,
    http: HttpClient | None = None,
    host: HostOptions | None = None,
    **more: Any,
) -> IdentityService:
    """Identity with hashes that cost little."""
    options = IdentityOptions(**{"password_memory_kib": 64, "password_passes": 1, **more})
    return IdentityService(
        db,
        tokens or Tokens(SECRET, at),
        Signer(SECRET, at),
        post or Post(),
        texts or Texts(),
        http or HttpClient(),
        OpenMarket(),
        options,
        host or HostOptions(),
    )


class Texts:
    """Keeps the text messages that are sent; fails with `problem` while there is one."""

    def __init__(self) -> None:
        self.sent: list[Text] = []
        self.problem: Problem | None = None

    async def send(self, ctx: Context, text: Text) -> None:
        if self.problem is not None:
            raise self.problem
        self.sent.append(text)

    def code(self) -> str:
        """The code in the last one."""
        return self.sent[-1].text.split()[0]


class FakeIdentity(Identity):
    """Remembers who joined which vendor."""

    def __init__(self) -> None:
        self.joined: dict[tuple[UUID, UUID], VendorRole] = {}
        self.names: dict[UUID, str] = {}
        self.known: dict[UUID, str] = {}
        self.fails = False
        self.status: Literal["pending", "active"] = "active"

    async def me(self, ctx: Context) -> Person:
        id = ctx.person_id
        name = self.names.get(id, "Ada")
        return Person(id=id, email="a@example.com", name=name, status=self.status, created_at=NOON)

    async def know_names(self, ctx: Context, *, vendor_ids: list[UUID], names: list[str]) -> None:
        self.known.update(zip(vendor_ids, names, strict=True))

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
        self.claimed: dict[str, Claim] = {}

    async def upload(
        self,
        ctx: Context,
        *,
        id: UUID,
        content: bytes,
        vendor_id: UUID | None = None,
        kind: Kind = "other",
    ) -> MediaFile:
        if vendor_id is not None:
            ctx.need_vendor(vendor_id)
        self.kept[id] = MediaFile(
            id=id, content_type="image/png", size_bytes=len(content), width=1, height=1, ready=False
        )
        return self.kept[id]

    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]:
        return [self.kept[id] for id in ids if id in self.kept]

    async def claim(self, ctx: Context, *, claims: list[Claim]) -> None:
        self.claimed.update({claim.by: claim for claim in claims})
