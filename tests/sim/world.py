"""The money and trade modules on a real PostgreSQL, under a clock that moves when told to.

Events are delivered one by one, in order, as soon as somebody asks for it; timers run when told.
Modules that only lend facts (vendors, the market, stock, shipping) are simple stand-ins.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from haat.app.wiring import Peers, Wiring
from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.goods.inventory.api import Inventory, Line
from haat.domains.people.identity.api import Contact, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.shipping.api import Shipment, Shipping
from haat.engines.bus import Subscription
from haat.engines.bus.delivery import deliver
from haat.engines.http import Signer
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database, Pool, open_pool
from haat.kernel.clock import Clock, SettableClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.contract import Contract
from haat.kernel.events import noted_in
from haat.kernel.ids import RandomIds, derive
from haat.kernel.module import Module
from tests.sim.network import Network

START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday
CURRENCY = "USD"
SEED = UUID(int=7)
CATEGORIES = [derive(SEED, f"category {n}") for n in range(3)]
REAL = (
    "haat.domains.money.ledger",
    "haat.domains.money.commissions",
    "haat.domains.money.payments",
    "haat.domains.money.wallet",
    "haat.domains.money.payouts",
    "haat.domains.money.statements",
    "haat.domains.money.reconciliation",
    "haat.domains.trade.orders",
    "haat.domains.trade.settlement",
)


class OneMarket(Market):
    def __init__(self) -> None:
        self.currency, self.country = CURRENCY, "US"

    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(
            name="Haat",
            currency=self.currency,
            country=self.country,
            commission_bp=300,
            return_window_minutes=14 * 24 * 60,
        )


class AnyVendors(Vendors):
    """Every vendor pays the market's default, but those in `rates`."""

    def __init__(self) -> None:
        self.rates: dict[UUID, int | None] = {}

    async def commissions(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, int | None]:
        return {id: self.rates.get(id) for id in ids}

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return [
            Vendor(id=id, slug=str(id), name="V", status="active", country="US", created_at=START)
            for id in ids
        ]


class Anybody(Identity):
    def __init__(self) -> None:
        """Knows everybody."""

    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]:
        return [
            Contact(person_id=id, name="Ada Low", email=f"{id}@example.com") for id in person_ids
        ]


class AnyStock(Inventory):
    """Remembers what came back on sale, once for each id."""

    def __init__(self) -> None:
        self.restocked: dict[UUID, list[Line]] = {}

    async def restock(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        reason: str,
        reference: UUID,
        sold: UUID | None = None,
    ) -> None:
        self.restocked.setdefault(id, lines)


class AnyCarrier(Shipping):
    def __init__(self) -> None:
        """Needs nothing."""

    async def book(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        vendor_id: UUID,
        carrier: str,
        tracking_number: str | None = None,
    ) -> Shipment:
        return Shipment(
            id=id,
            vendor_order_id=vendor_order_id,
            vendor_id=vendor_id,
            carrier=carrier,
            tracking_number=tracking_number or "T1",
            status="in_transit",
            shipped_at=ctx.now(),
            created_at=ctx.now(),
        )

    async def deliver(self, ctx: Context, *, vendor_order_id: UUID) -> list[Shipment]:
        return []

    async def cancel(self, ctx: Context, *, id: UUID) -> None: ...

    async def shipments_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Shipment]:
        return []


class AnyCatalog(Catalog):
    def __init__(self) -> None:
        """Has the categories that are named in CATEGORIES."""

    async def categories(self, ctx: Context) -> list[Category]:
        return [
            Category(id=id, name=f"Category {n}", parent_id=None, slug=f"c{n}", position=n)
            for n, id in enumerate(CATEGORIES)
        ]


def _stand_in(contract: type[Contract], service: type[Contract], group: str) -> Module:
    return Module(
        name=contract.contract_name,
        group=group,
        contract=contract,
        service=service,
        package="",
        tables=None,
    )


STAND_INS = (
    _stand_in(Market, OneMarket, "people"),
    _stand_in(Identity, Anybody, "people"),
    _stand_in(Vendors, AnyVendors, "people"),
    _stand_in(Catalog, AnyCatalog, "goods"),
    _stand_in(Inventory, AnyStock, "goods"),
    _stand_in(Shipping, AnyCarrier, "trade"),
)


@dataclass
class World:
    """`of(Contract)` is a module as another module sees it; `tell` hands provider messages on."""

    clock: SettableClock
    pool: Pool
    modules: tuple[Module, ...]
    databases: Mapping[str, Database]
    services: Mapping[type[Contract], Any]
    doors: Mapping[type[Contract], Any]
    network: Network
    delivered: int = 0
    _routes: dict[str, list[Subscription]] = field(default_factory=lambda: defaultdict(list))
    _take: str = ""

    def __post_init__(self) -> None:
        real = [module for module in self.modules if module.package]
        for module in real:
            if module.reactions is None:
                continue
            for reaction in noted_in(module.reactions).reactions:
                name = f"{module.name}.{reaction.handler.__name__}"
                database, service = self.databases[module.name], self.services[module.contract]
                subscription = Subscription(name, database, service, reaction)
                self._routes[reaction.event.event_name].append(subscription)
        parts = [
            f"t{n} AS (DELETE FROM {m.name}.outbox RETURNING seq, type, envelope)"
            for n, m in enumerate(real)
        ]
        rows = " UNION ALL ".join(
            f"SELECT {n} AS place, seq, type, envelope::text AS envelope FROM t{n}"
            for n in range(len(real))
        )
        self._take = f"WITH {', '.join(parts)} {rows} ORDER BY place, seq"

    def of(self, contract: type[Contract]) -> Any:
        return self.doors[contract]

    def system(self) -> Context:
        return Context(
            actor=SYSTEM,
            request_id="sim",
            correlation_id="sim",
            clock=self.clock,
            ids=RandomIds(self.clock),
        )

    def person(self, id: UUID) -> Context:
        return Context(
            actor=Actor(type="person", id=id),
            scopes=frozenset({"person"}),
            request_id="sim",
            correlation_id="sim",
            clock=self.clock,
            ids=RandomIds(self.clock),
        )

    async def settle(self, *, twice: bool = False) -> None:
        """Delivers every event there is and all that follow from them. `twice`: each reaction is
        called again as if its note in the inbox had been lost with the process."""
        while rows := await self.pool.fetch(self._take):
            for row in rows:
                for subscription in self._routes[row["type"]]:
                    raw = json.loads(row["envelope"])
                    await deliver(subscription, [raw], self.clock, 60)
                    self.delivered += 1
                    if twice and not subscription.reaction.writes:
                        await self._forget(subscription, raw)
                        await deliver(subscription, [raw], self.clock, 60)

    async def settle_in_batches(self) -> None:
        """The same, each subscriber hearing all there is at once, as a busy bus hands it over."""
        while rows := await self.pool.fetch(self._take):
            heard: dict[str, tuple[Subscription, list[dict[str, Any]]]] = {}
            for row in rows:
                for one in self._routes[row["type"]]:
                    _, batch = heard.setdefault(f"{row['type']} {one.subscriber}", (one, []))
                    batch.append(json.loads(row["envelope"]))
            for subscription, batch in heard.values():
                await deliver(subscription, batch, self.clock, 60)
                self.delivered += len(batch)

    async def _forget(self, subscription: Subscription, raw: Mapping[str, Any]) -> None:
        schema = subscription.database.schema
        await self.pool.execute(
            f"DELETE FROM {schema}.inbox WHERE subscriber = $1 AND event_id = $2",
            subscription.subscriber,
            UUID(raw["eventId"]),
        )

    async def tell(self, *, twice: bool = False) -> None:
        """Hands on what the network wants to say, and what follows from it."""
        payments = next(s for c, s in self.services.items() if c.contract_name == "payments")
        while self.network.messages:
            body = json.dumps({"event": self.network.messages.popleft()}).encode()
            for _ in range(2 if twice else 1):
                await payments.webhook(self.system(), provider="test", headers={}, body=body)
        await self.settle(twice=twice)

    async def pass_time(self, by: timedelta) -> None:
        """Moves the clock, runs every timer once, and delivers what follows."""
        self.clock.advance(by)
        for module in self.modules:
            if module.reactions is None:
                continue
            for timer in noted_in(module.reactions).timers:
                await timer.handler(self.services[module.contract], self.system())
            await self.settle()

    async def prove(self) -> list[str]:
        """What every module's own proof finds."""
        found: list[str] = []
        for module in self.modules:
            if module.prove is not None:
                lines = await module.prove(self.databases[module.name], 5)
                found += [f"{module.name}: {line}" for line in lines]
        return found


@asynccontextmanager
async def world(database_url: str) -> AsyncIterator[World]:
    """A fresh market's money over a migrated, empty database."""
    clock = SettableClock(START)
    real = tuple(import_module(f"{package}.module").MODULE for package in REAL)
    modules = (*STAND_INS, *real)
    pool = await open_pool(database_url, size=6)
    try:
        async with HttpClient() as http:
            databases = {module.name: Database(pool, module.name) for module in modules}
            signer = Signer(b"0" * 32, clock=clock)

            def engines(module: Module) -> dict[type, Any]:
                return {
                    Database: databases[module.name],
                    Clock: clock,
                    Signer: signer,
                    HttpClient: http,
                }

            wiring = Wiring("local", modules, Peers(http, "none", lambda name: ""))
            wiring.build(modules, engines)
            network = Network()
            contract = next(c for c in wiring.services if c.contract_name == "payments")
            wiring.services[contract]._providers["test"] = network
            yield World(
                clock=clock,
                pool=pool,
                modules=modules,
                databases=databases,
                services=wiring.services,
                doors=wiring.doors("app"),
                network=network,
            )
    finally:
        await pool.close()
