"""What checkout and settlement stand on, in memory, and able to fail or crash at any call."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from haat.domains.goods.pricing.api import (
    BestPrice,
    PriceAsk,
    Pricing,
    TaxableLine,
    TaxedLine,
)
from haat.domains.people.identity.api import Contact, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.profiles.api import Address, Profile, Profiles, SavedAddress
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.cart.api import Cart, CartState, Closing, Item
from haat.domains.trade.shipping.api import Option, Parcel, Shipping, VendorOptions
from haat.kernel.clock import SettableClock
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.errors import Problem
from haat.kernel.ids import RandomIds
from tests.domains.trade.tills import (
    NOW,
    FakeCommissions,
    FakeOrders,
    FakePayments,
    FakePayouts,
    FakeWallet,
    usd,
)

CATEGORIES = [UUID(int=71), UUID(int=70)]  # its own, then the one above
ADDRESS = Address(name="Ada Low", line1="1 Main St", city="Dhaka", country="BD")


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


class FakeProfiles(Profiles):
    """Everybody lives at ADDRESS; `one_click` is whether they allow one press to buy."""

    one_click = True

    async def profile(self, ctx: Context) -> Profile:
        return Profile(person_id=ctx.person_id, name="Ada", one_click=self.one_click)

    async def addresses(self, ctx: Context) -> list[SavedAddress]:
        return [SavedAddress(id=UUID(int=5), address=ADDRESS, is_default=True)]


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
        self.by_class = {"standard": 1000, "food": 500}
        self.off_bp: dict[UUID, int] = {}  # by person

    async def best(self, ctx: Context, *, person_id: UUID, asks: list[PriceAsk]) -> list[BestPrice]:
        off = self.off_bp.get(person_id, 0)
        note = "Wholesale" if off else ""
        return [
            BestPrice(offer_id=a.offer_id, price=a.price - a.price.share(off), note=note)
            for a in asks
        ]

    async def tax(self, ctx: Context, *, country: str, lines: list[TaxableLine]) -> list[TaxedLine]:
        inclusive = self.market.inclusive
        found = []
        for line in lines:
            rate = self.by_class.get(line.tax_class, 0)
            base = line.amount.minor
            tax = base - round(base * 10_000 / (10_000 + rate)) if inclusive else 0
            on_top = line.amount.share(rate).minor
            found.append(TaxedLine(id=line.id, rate_bp=rate, tax=usd(tax if inclusive else on_top)))
        return found


class FakeShipping(Shipping):
    price = 490

    async def rates(self, ctx: Context, *, parcels: list[Parcel]) -> list[VendorOptions]:
        if any(parcel.country == "AQ" for parcel in parcels):
            return [VendorOptions(vendor_id=p.vendor_id, options=[]) for p in parcels]
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

    async def close(self, ctx: Context, *, closings: list[Closing]) -> None:
        for one in closings:
            for item in one.items:
                self.carts[one.cart_id].pop(item.offer_id, None)


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

    async def available(
        self, ctx: Context, *, offers: list[UUID], country: str | None = None
    ) -> list[Available]:
        now = ctx.now()
        return [
            Available(offer_id=o, available=self.on_hand[o] - self.reserved(o, now)) for o in offers
        ]

    async def reserve(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        ttl_s: int,
        country: str | None = None,
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
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        reason: str,
        reference: UUID,
        sold: UUID | None = None,
    ) -> None:
        if id not in self.restocked:
            self.restocked[id] = lines
            for line in lines:
                self.on_hand[line.offer_id] += line.quantity


@dataclass
class World:
    """Everything below, and a clock."""

    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    faults: Faults = field(default_factory=Faults)
    market: FakeMarket = field(default_factory=FakeMarket)
    identity: FakeIdentity = field(default_factory=FakeIdentity)
    profiles: FakeProfiles = field(default_factory=FakeProfiles)
    vendors: FakeVendors = field(default_factory=FakeVendors)
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    inventory: FakeInventory = field(default_factory=FakeInventory)
    payments: FakePayments = field(default_factory=FakePayments)
    wallet: FakeWallet = field(default_factory=FakeWallet)
    commissions: FakeCommissions = field(default_factory=FakeCommissions)
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
            category_id=CATEGORIES[0],
            category_path=CATEGORIES,
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
