"""Offers: who sells a variant for how much, what is left, and who stands first, and why."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import strawberry

from haat.domains.goods.catalog import api as catalog
from haat.domains.goods.pricing.api import ShownPrice
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.node import Info, Node, named
from haat.gateways.graphql.prices import Currency, is_listed, own
from haat.gateways.graphql.scalars import Money, SafeInt
from haat.kernel.money import Money as Amount

if TYPE_CHECKING:
    from haat.gateways.graphql.goods import Product, Vendor

LazyProduct = Annotated["Product", strawberry.lazy("haat.gateways.graphql.goods")]
LazyVendor = Annotated["Vendor", strawberry.lazy("haat.gateways.graphql.goods")]


@strawberry.enum
class Condition(Enum):
    NEW = "new"
    REFURBISHED = "refurbished"
    USED_LIKE_NEW = "used-like-new"
    USED_GOOD = "used-good"
    USED_ACCEPTABLE = "used-acceptable"


@strawberry.enum
class OfferStatus(Enum):
    ACTIVE = "active"
    PAUSED = "paused"


@strawberry.type(description="One part of a score: `points` of `most` possible.")
class ScorePart:
    name: str
    points: int
    most: int
    why: str


@strawberry.type(description="How an offer stands among those for its variant; place 1 is first.")
class Standing:
    place: int
    score: int
    parts: list[ScorePart]
    in_stock: bool
    landed: Money = strawberry.field(description="Price and shipping.")
    wins_at: Money | None = strawberry.field(
        description="The highest price at which it would be first; for its vendor and staff."
    )

    @classmethod
    def of(cls, one: catalog.Standing) -> "Standing":
        return cls(
            place=one.place,
            score=one.score,
            parts=[
                ScorePart(name=p.name, points=p.points, most=p.most, why=p.why) for p in one.parts
            ],
            in_stock=one.in_stock,
            landed=Money.of(one.landed),
            wins_at=Money.maybe(one.wins_at),
        )


@strawberry.type
class Pickup:
    warehouse: UUID
    quantity: SafeInt


@strawberry.type(description="What is left; 0 for an offer that cannot be sold.")
class Availability:
    quantity: SafeInt
    pickups: list[Pickup]


@strawberry.type(description="One vendor's price, SKU and stock for a variant.")
class Offer(Node):
    row: strawberry.Private[catalog.Offer]
    product_id: strawberry.Private[UUID]
    sku: str
    condition: Condition
    handling_days: int
    status: OfferStatus
    main: bool = strawberry.field(description="Written with the product by its own vendor.")

    @classmethod
    def of(cls, row: catalog.Offer, product_id: UUID) -> "Offer":
        return cls(
            id=named("Offer", row.id),
            uuid=row.id,
            row=row,
            product_id=product_id,
            sku=row.sku,
            condition=Condition(row.condition),
            handling_days=row.handling_days,
            status=OfferStatus(row.status),
            main=row.main,
        )

    async def _cost(self, inquiry: Inquiry) -> ShownPrice | None:
        """What it costs who asks, where a price list makes it cheaper."""
        if inquiry.works_on(self.row.vendor_id) or not await inquiry.is_member():
            return None
        found = await inquiry.costs.load(self.row.id)
        return found if is_listed(found) else None

    @strawberry.field(description="What one costs who asks, as a quote says it.")
    def price(self, info: Info, currency: Currency = None) -> Money:
        async def find() -> Amount:
            found = await self._cost(info.context)
            return found.charged if found else self.row.price

        return cast(Money, own(info.context, self.row.price, currency, find))

    @strawberry.field(description="What it costs others, where a price list makes it cheaper.")
    def usual_price(self, info: Info, currency: Currency = None) -> Money | None:
        async def find() -> Amount | None:
            found = await self._cost(info.context)
            return found.usual if found else None

        return cast(Money | None, own(info.context, None, currency, find))

    @strawberry.field(description="By which price list; empty for none.")
    async def price_note(self, info: Info) -> str:
        found = await self._cost(info.context)
        return found.note if found else ""

    @strawberry.field(description="A price before; a price list's price announces no reduction.")
    def compare_at(self, info: Info, currency: Currency = None) -> Money | None:
        return self._announced(info, self.row.compare_at, currency)

    @strawberry.field(
        description="The lowest price of the 30 days before that reduction was announced."
    )
    def lowest_before(self, info: Info, currency: Currency = None) -> Money | None:
        return self._announced(info, self.row.lowest_before, currency)

    def _announced(self, info: Info, amount: Amount | None, currency: str | None) -> Money | None:
        async def find() -> Amount | None:
            return None if amount is None or await self._cost(info.context) else amount

        return cast(Money | None, own(info.context, amount, currency, find))

    @strawberry.field
    async def vendor(self, info: Info) -> LazyVendor | None:
        from haat.gateways.graphql.goods import Vendor

        found = await info.context.vendors.load(self.row.vendor_id)
        return None if found is None else Vendor.of(found)

    @strawberry.field
    async def product(self, info: Info) -> LazyProduct | None:
        from haat.gateways.graphql.goods import Product

        found = await info.context.details.load(self.product_id)
        return None if found is None else Product.of(found)

    @strawberry.field
    async def availability(self, info: Info) -> Availability:
        found = await info.context.stock.load(self.row.id)
        if found is None:
            return Availability(quantity=SafeInt(0), pickups=[])
        pickups = [
            Pickup(warehouse=p.warehouse_id, quantity=SafeInt(p.available)) for p in found.pickups
        ]
        return Availability(quantity=SafeInt(found.available), pickups=pickups)

    @strawberry.field(
        description="Its place among the offers for its variant, and why; null when not on sale."
    )
    async def standing(self, info: Info) -> Standing | None:
        found = (await info.context.standings.load(self.product_id)).get(self.row.id)
        return None if found is None else Standing.of(found)
