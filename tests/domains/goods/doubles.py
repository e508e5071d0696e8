"""Lower contracts as the goods' tests need them, and contexts of those who act."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from haat.domains.goods.catalog.api import (
    Catalog,
    OfferLine,
    ProductDraft,
    TaxClass,
    VariantDraft,
)
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Status, Vendor, Vendors
from haat.engines.sql import Database
from haat.kernel.clock import Clock, SettableClock, SystemClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.money import Money

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class FakeMarket(Market):
    def __init__(self, currency: str = "USD", *, inclusive: bool = False) -> None:
        self.current = MarketSettings(
            name="Test", currency=currency, country="US", prices_include_tax=inclusive
        )

    async def settings(self, ctx: Context) -> MarketSettings:
        return self.current


class FakeVendors(Vendors):
    """Every vendor is active unless told otherwise."""

    def __init__(self) -> None:
        self.status: dict[UUID, Status] = {}
        self.asked = 0

    def _vendor(self, id: UUID) -> Vendor:
        return Vendor(
            id=id,
            slug=f"v-{id.hex[:8]}",
            name="V",
            status=self.status.get(id, "active"),
            country="US",
            created_at=START,
        )

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        self.asked += 1
        return [self._vendor(id) for id in ids]

    async def find(self, ctx: Context, *, slug: str) -> Vendor:
        return self._vendor(UUID(slug))


class FakeCatalog(Catalog):
    """Offers that exist in the catalogue, for inventory."""

    def __init__(self) -> None:
        self.lines: dict[UUID, OfferLine] = {}

    def add(self, vendor_id: UUID, sku: str = "SKU") -> UUID:
        line = OfferLine(
            offer_id=uuid4(),
            variant_id=uuid4(),
            product_id=uuid4(),
            product_slug="p",
            vendor_id=vendor_id,
            category_id=None,
            title="P",
            variant_title="",
            sku=sku,
            price=Money(minor=100, currency="USD"),
            tax_class="standard",
            weight_g=0,
            buyable=True,
        )
        self.lines[line.offer_id] = line
        return line.offer_id

    async def offers(self, ctx: Context, *, ids: list[UUID]) -> list[OfferLine]:
        return [self.lines[id] for id in ids if id in self.lines]


class FakeClasses(Catalog):
    """The tax classes there are."""

    async def tax_classes(self, ctx: Context) -> list[TaxClass]:
        return [TaxClass(code=code, name=code) for code in ("standard", "reduced")]


def system(clock: Clock | None = None) -> Context:
    return Context(actor=SYSTEM, clock=clock or SystemClock())


def of_vendor(vendor_id: UUID, clock: Clock | None = None) -> Context:
    """A member of this vendor's team, through a gateway."""
    return Context(
        actor=Actor("person", uuid4()),
        scopes=frozenset({"person", "vendor:products", "vendor:products:view", "vendor:stock"}),
        vendor_id=vendor_id,
        clock=clock or SystemClock(),
    )


def staff(clock: Clock | None = None) -> Context:
    return Context(
        actor=Actor("person", uuid4()),
        scopes=frozenset({"staff", "staff:products", "staff:settings"}),
        clock=clock or SystemClock(),
    )


def guest() -> Context:
    return Context()


def clock() -> SettableClock:
    return SettableClock(START)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


def draft(title: str = "Blue shirt", skus: Iterable[str] = ("S",), **more: Any) -> ProductDraft:
    """A product with one variant for each SKU, in sizes where there are several."""
    named = list(skus)
    options = [{"Size": sku} if len(named) > 1 else {} for sku in named]
    prices = more.pop("prices", [1000 + 100 * place for place in range(len(named))])
    variants = [
        VariantDraft(sku=sku, price=usd(price), options=chosen)
        for sku, price, chosen in zip(named, prices, options, strict=True)
    ]
    return ProductDraft(title=title, **{"variants": variants, **more})


async def emitted(db: Database) -> list[tuple[str, dict[str, Any]]]:
    """What waits in the module's outbox, in order; the outbox is empty afterwards."""
    rows = await db.fetch(
        f"WITH gone AS (DELETE FROM {db.schema}.outbox RETURNING *)"
        " SELECT type, envelope FROM gone ORDER BY seq"
    )
    return [(row["type"], row["envelope"]["data"]) for row in rows]
