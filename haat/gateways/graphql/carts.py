"""The cart as its owner sees it: the view REST and the pages show, too."""

from typing import cast
from uuid import UUID

import strawberry

from haat.domains.trade.cart import api as cart
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.node import Info
from haat.gateways.graphql.offers import Offer
from haat.gateways.graphql.prices import Currency, told
from haat.gateways.graphql.scalars import Money, SafeInt
from haat.gateways.views import CartLine as Line
from haat.gateways.views import CartView, cart_view
from haat.kernel.money import Money as Amount


@strawberry.type(description="One offer in a cart, at today's price.")
class CartLine:
    row: strawberry.Private[Line]
    offer_uuid: UUID
    title: str
    variant_title: str
    sku: str
    quantity: int
    available: SafeInt
    problem: str | None = strawberry.field(description="`not_buyable` or `out_of_stock`.")
    price_note: str = strawberry.field(description="By which price list; empty for none.")

    @classmethod
    def of(cls, row: Line) -> "CartLine":
        return cls(
            row=row,
            offer_uuid=row.offer.offer_id,
            title=row.offer.title,
            variant_title=row.offer.variant_title,
            sku=row.offer.sku,
            quantity=row.quantity,
            available=SafeInt(row.available),
            problem=row.problem,
            price_note=row.note,
        )

    @strawberry.field(description="What one costs who asks, as a quote says it.")
    def price(self, info: Info, currency: Currency = None) -> Money:
        return cast(Money, told(info.context, self.row.price, currency))

    @strawberry.field
    def amount(self, info: Info, currency: Currency = None) -> Money:
        return cast(Money, told(info.context, self.row.amount, currency))

    @strawberry.field(description="What one costs others, where a price list makes it cheaper.")
    def usual_price(self, info: Info, currency: Currency = None) -> Money | None:
        return cast(Money | None, told(info.context, self.row.usual, currency))

    @strawberry.field(
        description="What one cost when it was put in, where that is another price now."
    )
    def was(self, info: Info, currency: Currency = None) -> Money | None:
        return cast(Money | None, told(info.context, self.row.was, currency))

    @strawberry.field(description="Null when it is not on sale any more.")
    async def offer(self, info: Info) -> Offer | None:
        product = await info.context.details.load(self.row.offer.product_id)
        every = [o for v in product.variants for o in v.offers] if product else []
        found = next((one for one in every if one.id == self.offer_uuid), None)
        return None if found is None else Offer.of(found, self.row.offer.product_id)


@strawberry.type(description="One vendor's goods in a cart.")
class CartGroup:
    sum: strawberry.Private[Amount]
    vendor_uuid: UUID
    vendor_name: str
    lines: list[CartLine]

    @strawberry.field
    def goods(self, info: Info, currency: Currency = None) -> Money:
        return cast(Money, told(info.context, self.sum, currency))


@strawberry.type(description="`goods` is today's sum before shipping and tax; only a quote binds.")
class Cart:
    sum: strawberry.Private[Amount]
    uuid: UUID | None = strawberry.field(description="A guest names the cart by it.")
    count: int
    groups: list[CartGroup]

    @strawberry.field
    def goods(self, info: Info, currency: Currency = None) -> Money:
        return cast(Money, told(info.context, self.sum, currency))

    @classmethod
    def of(cls, view: CartView) -> "Cart":
        groups = [
            CartGroup(
                vendor_uuid=one.vendor_id,
                vendor_name=one.vendor_name,
                sum=one.goods,
                lines=[CartLine.of(line) for line in one.lines],
            )
            for one in view.groups
        ]
        return cls(sum=view.goods, uuid=view.id, count=view.count, groups=groups)


async def cart_of(inquiry: Inquiry, id: UUID | None) -> Cart:
    state = await inquiry.doors[cart.Cart].view(inquiry.ctx, cart_id=id)
    return await cart_seen(inquiry, state)


async def cart_seen(inquiry: Inquiry, state: cart.CartState) -> Cart:
    """With the prices of who asks."""
    viewing = await inquiry.viewing() if inquiry.is_person else None
    return Cart.of(await cart_view(inquiry.doors, inquiry.ctx, state, viewing, as_charged=True))
