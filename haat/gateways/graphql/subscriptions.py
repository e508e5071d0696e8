"""News of stock and prices. What is there now comes first, then what changes."""

from collections.abc import AsyncGenerator
from uuid import UUID

import strawberry

from haat.gateways.graphql.ids import uuids_of
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.node import Info
from haat.gateways.graphql.offers import Offer
from haat.gateways.graphql.queries import offer_by_id
from haat.gateways.graphql.scalars import Money, SafeInt
from haat.gateways.graphql.watch import Listener, News
from haat.kernel.errors import FieldError, Invalid

GOODS_MAX = 100
Ids = list[strawberry.ID]


@strawberry.type
class _About:
    news: strawberry.Private[News]
    offer_uuid: UUID
    product_uuid: UUID
    initial: bool = strawberry.field(description="What was there when the listening began.")
    on_sale: bool

    @strawberry.field(description="As it is now; null when it is not on sale.")
    async def offer(self, info: Info) -> Offer | None:
        return await offer_by_id(info.context, self.news.offer_id)


@strawberry.type(description="What is left of an offer.")
class StockNews(_About):
    available: SafeInt
    was: SafeInt | None

    @classmethod
    def of(cls, one: News) -> "StockNews":
        return cls(
            news=one,
            offer_uuid=one.offer_id,
            product_uuid=one.now.product_id,
            initial=one.was is None,
            on_sale=one.now.price is not None,
            available=SafeInt(one.now.available),
            was=None if one.was is None else SafeInt(one.was.available),
        )


@strawberry.type(description="The price of an offer; null when it is not on sale.")
class PriceNews(_About):
    price: Money | None
    was: Money | None

    @classmethod
    def of(cls, one: News) -> "PriceNews":
        return cls(
            news=one,
            offer_uuid=one.offer_id,
            product_uuid=one.now.product_id,
            initial=one.was is None,
            on_sale=one.now.price is not None,
            price=Money.maybe(one.now.price),
            was=None if one.was is None else Money.maybe(one.was.price),
        )


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description=f"Stock of these offers, and of all offers of these products (at most"
        f" {GOODS_MAX} in all). A slow reader gets the latest of each offer."
    )
    async def stock_changed(
        self, info: Info, offers: Ids | None = None, products: Ids | None = None
    ) -> AsyncGenerator[StockNews, None]:
        async for one in _news(info.context, offers or [], products or [], "stock"):
            yield StockNews.of(one)

    @strawberry.subscription(
        description=f"Prices of these offers, and of all offers of these products (at most"
        f" {GOODS_MAX} in all). A slow reader gets the latest of each offer."
    )
    async def price_changed(
        self, info: Info, offers: Ids | None = None, products: Ids | None = None
    ) -> AsyncGenerator[PriceNews, None]:
        async for one in _news(info.context, offers or [], products or [], "price"):
            yield PriceNews.of(one)


async def _news(
    inquiry: Inquiry, offers: Ids, products: Ids, kind: str
) -> AsyncGenerator[News, None]:
    watch = inquiry.watch
    assert watch is not None, "a subscription is opened where there is a watch"
    listener = Listener(await _wanted(inquiry, offers, products), kind)
    try:
        await watch.open(listener)
        while True:
            one = await listener.next()
            inquiry.renew()
            yield one
    finally:
        watch.close(listener)


async def _wanted(
    inquiry: Inquiry, offers: Ids, products: Ids
) -> dict[UUID, frozenset[UUID] | None]:
    """Product → its offers that are wanted; None: all of them. Invalid names unknown offers."""
    if not 1 <= len(offers) + len(products) <= GOODS_MAX:
        raise Invalid.at("offers", f"Name 1 to {GOODS_MAX} offers or products.", "goods_number")
    named = uuids_of(list(map(str, offers)), "Offer", "offers", GOODS_MAX)
    lines = await inquiry.lines.load_many(named)
    unknown = [
        FieldError(path=f"offers.{n}", code="offer_unknown", message="There is no such offer.")
        for n, line in enumerate(lines)
        if line is None
    ]
    if unknown:
        raise Invalid("Some offers are unknown.", code="offer_unknown", fields=unknown)
    found: dict[UUID, frozenset[UUID] | None] = {}
    for line in lines:
        if line is not None:
            found[line.product_id] = (found.get(line.product_id) or frozenset()) | {line.offer_id}
    whole = uuids_of(list(map(str, products)), "Product", "products", GOODS_MAX)
    return {**found, **dict.fromkeys(whole, None)}
