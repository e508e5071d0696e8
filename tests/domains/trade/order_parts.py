"""Drafts, contexts and fakes for the tests of orders."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.commissions.api import Terms
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.profiles.api import Address
from haat.domains.trade.orders.api import OrderDraft, OrderLine, Totals, VendorOrderDraft
from haat.domains.trade.orders.service import OrdersService
from haat.domains.trade.shipping.api import Shipment, Shipping
from haat.engines.http import Signer
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import RandomIds, derive
from haat.kernel.money import Money, total

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLOCK = SettableClock(NOW)
ADDRESS = Address(name="Ada Low", line1="1 Main St", city="Dhaka", country="BD")
ids = RandomIds(CLOCK)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def added(parts: list[Totals], currency: str) -> Totals:
    """Totals, amount by amount."""
    return Totals(
        goods=total((p.goods for p in parts), currency),
        shipping=total((p.shipping for p in parts), currency),
        tax=total((p.tax for p in parts), currency),
        total=total((p.total for p in parts), currency),
    )


def line(
    seed: UUID, leg: str, quantity: int = 2, price: int = 500, tax_bp: int = 1000
) -> OrderLine:
    amount = eur(price * quantity)
    return OrderLine(
        id=derive(seed, f"line {leg}"),
        offer_id=derive(seed, f"offer {leg}"),
        product_id=derive(seed, f"product {leg}"),
        product_slug=f"thing-{leg}",
        variant_id=derive(seed, f"variant {leg}"),
        sku=f"SKU-{leg}",
        title=f"Thing {leg}",
        quantity=quantity,
        unit_price=eur(price),
        amount=amount,
        tax_bp=tax_bp,
        tax=amount.share(tax_bp),
        category_path=[derive(seed, "category"), derive(seed, "parent")],
        commission=amount.share(300),
        commission_tax=amount.share(300).share(2000),
        terms=terms(amount.minor),
        refunded=eur(0),
    )


def terms(base_minor: int) -> Terms:
    return Terms(source="default", rate_bp=300, base_minor=base_minor, tax_bp=2000)


def part(
    seed: UUID, leg: str, vendor_id: UUID, lines: list[OrderLine], *, inclusive: bool = False
) -> VendorOrderDraft:
    goods = sum((ln.amount for ln in lines), start=eur(0))
    shipping, shipping_tax = eur(490), eur(49)
    tax = sum((ln.tax for ln in lines), start=shipping_tax)
    whole = goods + shipping + (eur(0) if inclusive else tax)
    commission = sum((ln.commission for ln in lines), start=shipping.share(300))
    on_it = sum((ln.commission_tax for ln in lines), start=shipping.share(300).share(2000))
    return VendorOrderDraft(
        id=derive(seed, f"part {leg}"),
        vendor_id=vendor_id,
        vendor_name=f"Vendor {leg}",
        lines=lines,
        shipping_method="Standard",
        shipping_tax_bp=1000,
        shipping_tax=shipping_tax,
        totals=Totals(goods=goods, shipping=shipping, tax=tax, total=whole),
        shipping_commission=shipping.share(300),
        shipping_commission_tax=shipping.share(300).share(2000),
        shipping_terms=terms(shipping.minor),
        commission=commission,
        commission_tax=on_it,
        net=whole - commission - on_it - tax,
    )


def draft(
    person_id: UUID | None = None,
    vendors: list[UUID] | None = None,
    *,
    inclusive: bool = False,
    placed_at: datetime | None = None,
    payment: Literal["authorized", "awaiting", "on_delivery"] = "authorized",
) -> OrderDraft:
    seed = ids.new()
    parts = [
        part(
            seed,
            f"{n}",
            vendor_id,
            [line(seed, f"{n}a"), line(seed, f"{n}b", 1, 1999)],
            inclusive=inclusive,
        )
        for n, vendor_id in enumerate(vendors or [ids.new(), ids.new()])
    ]
    return OrderDraft(
        id=seed,
        person_id=person_id,
        email="ada@example.org",
        ship_to=ADDRESS,
        bill_to=ADDRESS,
        prices_include_tax=inclusive,
        totals=added([p.totals for p in parts], "EUR"),
        vendor_orders=parts,
        payment=payment,
        placed_at=placed_at,
    )


def person(id: UUID, *scopes: str) -> Context:
    return Context(Actor("person", id), frozenset({"person", *scopes}), clock=CLOCK)


def vendor(vendor_id: UUID, *scopes: str) -> Context:
    held = frozenset({"person", *(scopes or ("vendor:orders", "vendor:profile"))})
    return Context(Actor("person", ids.new()), held, vendor_id, clock=CLOCK)


def staff() -> Context:
    held = frozenset({"person", "staff", "staff:orders"})
    return Context(Actor("person", ids.new()), held, clock=CLOCK)


system = Context(SYSTEM, clock=CLOCK)
guest = Context(GUEST, clock=CLOCK)


class FakeMarket(Market):
    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="Test", currency="EUR", country="BD")


@dataclass
class FakeShipping(Shipping):
    """Keeps shipments in memory; `on_book` runs between booking and answering."""

    rows: dict[UUID, Shipment] = field(default_factory=dict)
    on_book: Any = None
    down: bool = False

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
        if self.down:
            raise Unavailable
        made = Shipment(
            id=id,
            vendor_order_id=vendor_order_id,
            vendor_id=vendor_id,
            carrier=carrier,
            tracking_number=tracking_number or "HT1",
            status="in_transit",
            created_at=ctx.now(),
        )
        found = self.rows.setdefault(id, made)
        if self.on_book is not None:
            await self.on_book()
        return found

    async def deliver(self, ctx: Context, *, vendor_order_id: UUID) -> list[Shipment]:
        return self._set("delivered", lambda s: s.vendor_order_id == vendor_order_id)

    async def cancel(self, ctx: Context, *, id: UUID) -> None:
        self._set("cancelled", lambda s: s.id == id)

    async def shipments_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Shipment]:
        return [s for s in self.rows.values() if s.vendor_order_id in vendor_order_ids]

    def _set(self, status: str, which: Any) -> list[Shipment]:
        for id, one in self.rows.items():
            if which(one):
                self.rows[id] = one.model_copy(update={"status": status})
        return [s for s in self.rows.values() if which(s)]


async def caught_up(orders: OrdersService) -> None:
    """The lists as they are once every event was heard."""
    after: int | None = 0
    while after is not None:
        after = (await orders.rebuild_lists(staff(), after=after)).next


def signer() -> Signer:
    return Signer(b"s" * 32, CLOCK)


async def emitted(db: Database, key: UUID, type: str) -> list[dict[str, Any]]:
    """What was announced under this key, oldest first."""
    rows = await db.fetch(
        f"SELECT envelope FROM {db.schema}.outbox WHERE key = $1 AND type = $2 ORDER BY seq",
        str(key),
        type,
    )
    return [row["envelope"]["data"] for row in rows]
