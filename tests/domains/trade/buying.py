"""What checkout and settlement stand on, in memory, and able to fail or crash at any call."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, OfferLine
from haat.domains.goods.inventory.api import (
    Available,
    Inventory,
    Line,
    OutOfStock,
    Reservation,
    ReservationExpired,
)
from haat.domains.goods.pricing.api import Pricing, TaxableLine, TaxedLine
from haat.domains.money.payments.api import Hold, Method, Payments, ProviderAway, Refund
from haat.domains.money.payouts.api import (
    CommissionLine,
    EarningDraft,
    LineCommission,
    Payouts,
    Reversal,
)
from haat.domains.people.identity.api import Contact, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.profiles.api import Address
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.cart.api import Cart, CartState, Item
from haat.domains.trade.orders.api import (
    Order,
    OrderDraft,
    Orders,
    OrderSummary,
    VendorOrder,
)
from haat.domains.trade.shipping.api import NoShipping, Option, Parcel, Shipping, VendorOptions
from haat.kernel.clock import SettableClock
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.errors import Problem
from haat.kernel.ids import RandomIds
from haat.kernel.money import Money

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ADDRESS = Address(name="Ada Low", line1="1 Main St", city="Dhaka", country="BD")


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


class Crash(Exception):
    """The process died here."""


@dataclass
class Faults:
    """Counts every boundary of a call and dies at the chosen one; from then on nothing works."""

    die_at: int | None = None
    seen: int = 0
    dead: bool = False
    where: str = ""

    def boundary(self, where: str) -> None:
        if self.dead:
            raise Crash(self.where)
        self.seen += 1
        if self.seen == self.die_at:
            self.dead, self.where = True, where
            raise Crash(where)

    def revive(self) -> None:
        self.dead, self.die_at = False, None


class Boundary:
    """An object whose asynchronous methods may crash before they begin or after they end."""

    def __init__(self, inner: Any, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(method):
            return method
        where = f"{type(self._inner).__name__}.{name}"

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._faults.boundary(f"before {where}")
            answer = await method(*args, **kwargs)
            self._faults.boundary(f"after {where}")
            return answer

        return call


class FakeMarket(Market):
    inclusive = False
    window_minutes = 60

    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(
            name="Haat",
            currency="USD",
            country="US",
            prices_include_tax=self.inclusive,
            return_window_minutes=self.window_minutes,
        )


class FakeIdentity(Identity):
    def __init__(self) -> None:
        self.emails: dict[UUID, str] = {}

    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]:
        return [
            Contact(person_id=id, email=self.emails[id], name="Ada")
            for id in person_ids
            if id in self.emails
        ]


class FakeVendors(Vendors):
    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return [
            Vendor(id=i, slug=str(i), name=f"V{i}", status="active", country="US", created_at=NOW)
            for i in ids
        ]


class FakeCatalog(Catalog):
    def __init__(self) -> None:
        self.known: dict[UUID, OfferLine] = {}

    async def offers(self, ctx: Context, *, ids: list[UUID]) -> list[OfferLine]:
        return [self.known[id] for id in ids if id in self.known]


class FakePricing(Pricing):
    def __init__(self, market: FakeMarket) -> None:
        self.market = market
        self.rates = {"standard": 1000, "food": 500}

    async def tax(self, ctx: Context, *, country: str, lines: list[TaxableLine]) -> list[TaxedLine]:
        inclusive = self.market.inclusive
        found = []
        for line in lines:
            rate = self.rates.get(line.tax_class, 0)
            base = line.amount.minor
            tax = base - round(base * 10_000 / (10_000 + rate)) if inclusive else 0
            on_top = line.amount.share(rate).minor
            found.append(TaxedLine(id=line.id, rate_bp=rate, tax=usd(tax if inclusive else on_top)))
        return found


class FakeShipping(Shipping):
    price = 490

    async def options(self, ctx: Context, *, parcels: list[Parcel]) -> list[VendorOptions]:
        if any(parcel.country == "AQ" for parcel in parcels):
            raise NoShipping(vendors=[str(p.vendor_id) for p in parcels])
        return [
            VendorOptions(
                vendor_id=parcel.vendor_id,
                options=[
                    Option(
                        method_id=UUID(int=n), name=f"M{n}", price=usd(p), days_min=1, days_max=2
                    )
                    for n, p in ((1, self.price), (2, self.price * 2))
                ],
            )
            for parcel in parcels
        ]


class FakeCart(Cart):
    def __init__(self) -> None:
        self.carts: dict[UUID, dict[UUID, int]] = defaultdict(dict)
        self.mine: dict[UUID, UUID] = {}

    async def view(self, ctx: Context, *, cart_id: UUID | None = None) -> CartState:
        id = self.mine.get(ctx.person_id) if ctx.actor.type == "person" else cart_id
        items = self.carts[id] if id else {}
        return CartState(id=id, items=[Item(offer_id=o, quantity=q) for o, q in items.items()])

    async def close(self, ctx: Context, *, id: UUID, items: list[Item]) -> None:
        for item in items:
            self.carts[id].pop(item.offer_id, None)


@dataclass
class Held:
    lines: list[Line]
    expires_at: datetime | None
    state: str = "held"


class FakeInventory(Inventory):
    def __init__(self) -> None:
        self.on_hand: Counter[UUID] = Counter()
        self.held: dict[UUID, Held] = {}
        self.restocked: dict[UUID, list[Line]] = {}

    def reserved(self, offer: UUID, now: datetime) -> int:
        return sum(
            line.quantity
            for one in self.held.values()
            if self.state(one, now) in ("held", "promised")
            for line in one.lines
            if line.offer_id == offer
        )

    def state(self, one: Held, now: datetime) -> str:
        over = one.state == "held" and one.expires_at is not None and one.expires_at <= now
        return "expired" if over else one.state

    async def available(self, ctx: Context, *, offers: list[UUID]) -> list[Available]:
        now = ctx.now()
        return [
            Available(offer_id=o, available=self.on_hand[o] - self.reserved(o, now)) for o in offers
        ]

    async def reserve(
        self, ctx: Context, *, id: UUID, lines: list[Line], ttl_s: int
    ) -> Reservation:
        known, now = self.held.get(id), ctx.now()
        if known is None:
            lacking = [
                line
                for line in lines
                if self.on_hand[line.offer_id] - self.reserved(line.offer_id, now) < line.quantity
            ]
            if lacking:
                raise OutOfStock(offers=[{"offerId": str(x.offer_id)} for x in lacking])
            known = self.held[id] = Held(list(lines), now + timedelta(seconds=ttl_s))
        return self._answer(id, known, now)

    def _answer(self, id: UUID, one: Held, now: datetime) -> Reservation:
        state = self.state(one, now)
        if state in ("expired", "released"):
            raise ReservationExpired
        return Reservation(id=id, state=cast(Any, state), expires_at=one.expires_at)

    async def promise(self, ctx: Context, *, id: UUID) -> Reservation:
        one, now = self.held[id], ctx.now()
        answer = self._answer(id, one, now)
        if answer.state == "held":
            one.state, one.expires_at = "promised", None
        return self._answer(id, one, now)

    async def release(self, ctx: Context, *, id: UUID) -> None:
        one = self.held.setdefault(id, Held([], None))
        if one.state in ("held", "promised"):
            one.state = "released"

    async def commit(self, ctx: Context, *, ids: list[UUID]) -> None:
        for id in ids:
            one = self.held[id]
            assert one.state in ("promised", "committed"), one.state
            if one.state == "promised":
                for line in one.lines:
                    self.on_hand[line.offer_id] -= line.quantity
            one.state = "committed"

    async def restock(
        self, ctx: Context, *, id: UUID, lines: list[Line], reason: str, reference: UUID
    ) -> None:
        if id not in self.restocked:
            self.restocked[id] = lines
            for line in lines:
                self.on_hand[line.offer_id] += line.quantity


@dataclass
class Paid:
    reference: UUID
    amount: Money
    token: str | None
    status: str
    captured: int = 0
    charges: int = 0
    refunds: dict[UUID, int] = field(default_factory=dict)


class FakePayments(Payments):
    """Tokens: ok, decline, 3ds, lost (charged, but the answer is lost once), capture_fails. What
    the provider knows stands in `known`, whatever answers came."""

    def __init__(self) -> None:
        self.known: dict[UUID, Paid] = {}
        self.away = False
        self.lost: set[UUID] = set()
        self.pending_refunds: set[UUID] = set()
        self.refund_fails = False
        self.slow_s = 0.0

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
    ) -> Hold:
        await asyncio.sleep(self.slow_s)
        if self.away:
            raise ProviderAway
        one = self.known.get(id)
        if one is None:
            token = method.token
            status = {"decline": "declined", "3ds": "needs_action", None: "needs_action"}.get(
                token, "authorized"
            )
            one = self.known[id] = Paid(reference, amount, token, status)
            one.charges += status == "authorized"
            if token == "lost":
                raise ProviderAway
        url = "https://pay.example/3ds" if one.status == "needs_action" else None
        code = "do_not_honor" if one.status == "declined" else None
        return Hold(id=id, status=cast(Any, one.status), next_action_url=url, decline_code=code)

    def approve(self, id: UUID) -> None:
        """The customer passes 3-D Secure at the provider."""
        one = self.known[id]
        if one.status == "needs_action":
            one.status = "authorized"
            one.charges += 1

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        if one.status == "authorized":
            failed = one.token == "capture_fails"
            one.status = "capture_failed" if failed else "captured"
            one.captured = 0 if failed else one.amount.minor
        return Hold(id=id, status=cast(Any, one.status))

    async def void(self, ctx: Context, *, id: UUID) -> None:
        if self.away:
            raise ProviderAway
        one = self.known.setdefault(id, Paid(id, usd(0), None, "voided"))
        if one.status in ("authorized", "needs_action", "capture_failed"):
            one.status = "voided"

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        status: Any = "failed" if self.refund_fails else "done"
        if refund_id in self.pending_refunds:
            status = "pending"
        if status == "done":
            one.refunds[refund_id] = amount.minor
            assert sum(one.refunds.values()) <= one.captured
        return Refund(id=refund_id, payment_id=id, amount=amount, status=status)


class FakePayouts(Payouts):
    rate_bp = 300

    def __init__(self) -> None:
        self.expected: dict[UUID, EarningDraft] = {}
        self.accrued: Counter[UUID] = Counter()
        self.reversed: dict[UUID, tuple[UUID, int]] = {}
        self.batches: list[int] = []

    async def commission(
        self, ctx: Context, *, lines: list[CommissionLine]
    ) -> list[LineCommission]:
        return [
            LineCommission(id=x.id, rate_bp=self.rate_bp, commission=x.base.share(self.rate_bp))
            for x in lines
        ]

    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        self.batches.append(len(earnings))
        for one in earnings:
            assert one.gross == one.net + one.commission + one.tax
            self.expected.setdefault(one.vendor_order_id, one)

    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        assert all(id in self.expected for id in vendor_order_ids)
        self.accrued.update(vendor_order_ids)

    async def reverse(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, gross: Money
    ) -> Reversal:
        self.reversed.setdefault(refund_id, (vendor_order_id, gross.minor))
        return Reversal(gross=gross, commission=usd(0), tax=usd(0), net=gross)


class FakeOrders(Orders):
    def __init__(self) -> None:
        self.drafts: dict[UUID, OrderDraft] = {}
        self.payment: dict[UUID, str] = {}
        self.refunds: dict[UUID, tuple[UUID, int]] = {}
        self.paid_calls: list[int] = []

    async def create(self, ctx: Context, *, draft: OrderDraft) -> OrderSummary:
        known = self.drafts.setdefault(draft.id, OrderDraft.model_validate(draft.model_dump()))
        self.payment.setdefault(draft.id, "authorized")
        return OrderSummary(
            id=known.id,
            number=self.number(known.id),
            payment="authorized",
            fulfilment="pending",
            total=known.totals.total,
            items=1,
            vendors=[],
            placed_at=NOW,
        )

    def number(self, id: UUID) -> str:
        return f"H-{list(self.drafts).index(id) + 1}"

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Order]:
        return [self._order(self.drafts[id]) for id in ids if id in self.drafts]

    def _order(self, draft: OrderDraft) -> Order:
        return Order(
            **dict(draft.model_copy(update={"vendor_orders": [], "placed_at": NOW})),
            number=self.number(draft.id),
            refunded=usd(0),
            payment=cast(Any, self.payment[draft.id]),
            fulfilment="pending",
        ).model_copy(update={"vendor_orders": [self._part(draft, n) for n in self._count(draft)]})

    def _count(self, draft: OrderDraft) -> range:
        return range(len(draft.vendor_orders))

    def _part(self, draft: OrderDraft, n: int) -> VendorOrder:
        return VendorOrder(
            **dict(draft.vendor_orders[n]),
            order_id=draft.id,
            number=f"{self.number(draft.id)}-{n + 1}",
            order_number=self.number(draft.id),
            payment=cast(Any, self.payment[draft.id]),
            fulfilment="pending",
            refunded=usd(0),
            placed_at=NOW,
        )

    async def vendor_orders_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[VendorOrder]:
        return [
            self._part(draft, n)
            for draft in self.drafts.values()
            for n in self._count(draft)
            if draft.vendor_orders[n].id in ids
        ]

    async def mark_paid(self, ctx: Context, *, order_ids: list[UUID]) -> None:
        self.paid_calls.append(len(order_ids))
        for id in order_ids:
            assert self.payment[id] in ("authorized", "paid")
            self.payment[id] = "paid"

    async def mark_unpaid(self, ctx: Context, *, order_id: UUID, reason: str) -> None:
        assert self.payment[order_id] in ("authorized", "voided")
        self.payment[order_id] = "voided"

    async def record_refund(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, amount: Money, note: str
    ) -> None:
        self.refunds.setdefault(refund_id, (vendor_order_id, amount.minor))

    async def links(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, str]:
        return {id: f"signed-{id}" for id in order_ids}


@dataclass
class World:
    """Everything below, and a clock."""

    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    faults: Faults = field(default_factory=Faults)
    market: FakeMarket = field(default_factory=FakeMarket)
    identity: FakeIdentity = field(default_factory=FakeIdentity)
    vendors: FakeVendors = field(default_factory=FakeVendors)
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    inventory: FakeInventory = field(default_factory=FakeInventory)
    payments: FakePayments = field(default_factory=FakePayments)
    payouts: FakePayouts = field(default_factory=FakePayouts)
    shipping: FakeShipping = field(default_factory=FakeShipping)
    cart: FakeCart = field(default_factory=FakeCart)
    orders: FakeOrders = field(default_factory=FakeOrders)

    def __post_init__(self) -> None:
        self.pricing = FakePricing(self.market)

    def at(self, inner: Any) -> Any:
        """The same object, with boundaries a process may die at."""
        return Boundary(inner, self.faults)

    def ids(self) -> RandomIds:
        return RandomIds(self.clock)

    def context(self, actor: Actor = GUEST, *scopes: str) -> Context:
        return Context(actor=actor, scopes=frozenset(scopes), clock=self.clock)

    def guest(self) -> Context:
        return self.context()

    def person(self, id: UUID) -> Context:
        return self.context(Actor("person", id))

    def system(self) -> Context:
        return self.context(SYSTEM)

    def offer(
        self, *, vendor: UUID, price: int = 1000, stock: int = 10, tax_class: str = "standard"
    ) -> UUID:
        id = self.ids().new()
        self.catalog.known[id] = OfferLine(
            offer_id=id,
            variant_id=self.ids().new(),
            product_id=self.ids().new(),
            product_slug="thing",
            vendor_id=vendor,
            category_id=None,
            title="Thing",
            variant_title="",
            sku="T-1",
            price=usd(price),
            tax_class=tax_class,
            weight_g=100,
            buyable=True,
        )
        self.inventory.on_hand[id] = stock
        return id


async def outcome(call: Awaitable[Any]) -> Any:
    """The answer, or the problem or crash instead."""
    try:
        return await call
    except (Problem, Crash) as error:
        return error
