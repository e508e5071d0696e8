"""A contract, its service, and the transports it can stand behind: for the tests of rpc."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
from starlette.applications import Starlette

from haat.engines.http.client import HttpClient
from haat.engines.rpc import local, loopback
from haat.engines.rpc.http import remote, rpc_routes
from haat.kernel.clock import SystemClock
from haat.kernel.context import Actor, Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Page, page_of

TOKEN = "a token of the installation"


class HatsGone(Conflict, code="test_hats_gone"):
    """No such hats are left."""


class Hat(Model):
    id: UUID
    price: Money
    made_at: datetime
    tags: tuple[str, ...] = ()


class Seen(Model):
    actor: str
    person: UUID | None
    vendor_id: UUID | None
    scopes: list[str]
    request_id: str
    correlation_id: str
    caller: str | None
    left_s: float
    ids: list[UUID]


class Hats(Contract, name="hats"):
    @query()
    async def hat(self, ctx: Context, *, id: UUID, price: Money, tags: list[str]) -> Hat:
        raise AssertionError

    @query()
    async def hats(self, ctx: Context, *, count: int = 3, limit: int = 2) -> Page[Hat]:
        raise AssertionError

    @query()
    async def found(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, Hat | None]:
        raise AssertionError

    @query()
    async def seen(self, ctx: Context) -> Seen:
        raise AssertionError

    @command()
    async def wear(self, ctx: Context, *, id: UUID) -> None:
        raise AssertionError

    @command(timeout_s=0.2)
    async def wait(self, ctx: Context, *, seconds: float) -> None:
        raise AssertionError

    @command()
    async def fail(self, ctx: Context) -> None:
        raise AssertionError

    @query(scope="person")
    async def mine(self, ctx: Context) -> str:
        raise AssertionError

    @command(scope="vendor:stock")
    async def stock(self, ctx: Context, *, count: int) -> int:
        raise AssertionError

    @command(scope="internal")
    async def inner(self, ctx: Context) -> str:
        raise AssertionError


class HatsService(Hats):
    def __init__(self) -> None:
        self.worn: list[UUID] = []
        self.cancelled = 0

    async def hat(self, ctx: Context, *, id: UUID, price: Money, tags: list[str]) -> Hat:
        return Hat(id=id, price=price, made_at=datetime(2026, 1, 2, tzinfo=UTC), tags=tuple(tags))

    async def hats(self, ctx: Context, *, count: int = 3, limit: int = 2) -> Page[Hat]:
        price = Money(minor=100, currency="USD")
        at = datetime(2026, 1, 2, tzinfo=UTC)
        made = [Hat(id=UUID(int=n), price=price, made_at=at) for n in range(count)]
        return page_of(made[: limit + 1], limit, "made_at", "id")

    async def found(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, Hat | None]:
        return dict.fromkeys(ids)

    async def seen(self, ctx: Context) -> Seen:
        assert ctx.deadline is not None
        return Seen(
            actor=ctx.actor.type,
            person=ctx.actor.id,
            vendor_id=ctx.vendor_id,
            scopes=sorted(ctx.scopes),
            request_id=ctx.request_id,
            correlation_id=ctx.correlation_id,
            caller=ctx.caller,
            left_s=(ctx.deadline - ctx.now()).total_seconds(),
            ids=[ctx.new_id(), ctx.new_id()],
        )

    async def wear(self, ctx: Context, *, id: UUID) -> None:
        if id in self.worn:
            raise HatsGone("That hat is on a head.", id=str(id), left=[{"count": 0}])
        if id == UUID(int=0):
            raise NotFound
        self.worn.append(id)

    async def wait(self, ctx: Context, *, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def fail(self, ctx: Context) -> None:
        raise ZeroDivisionError("a secret of ours")

    async def mine(self, ctx: Context) -> str:
        return str(ctx.person_id)

    async def stock(self, ctx: Context, *, count: int) -> int:
        return count + 1

    async def inner(self, ctx: Context) -> str:
        return "inside"


class Doors:
    """The same service behind one transport, for a gateway and for a module."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.service = HatsService()
        routes = rpc_routes({"hats": (Hats, self.service)}, TOKEN)
        self.http = HttpClient(transport=httpx.ASGITransport(Starlette(routes=list(routes))))

    def door(self, caller: str | None) -> Hats:
        if self.kind == "local":
            return local(Hats, self.service, caller=caller)
        if self.kind == "loopback":
            return loopback(Hats, self.service, caller=caller)
        return remote(Hats, "http://hats.invalid/", self.http, token=TOKEN, caller=caller)


def guest() -> Context:
    return Context(clock=SystemClock(), request_id="r-1", correlation_id="c-1")


def person(*scopes: str) -> Context:
    return replace(guest(), actor=Actor("person", uuid4()), scopes=frozenset(scopes))
