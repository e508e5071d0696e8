"""One request's circumstances: who asks, the doors, and what was asked for already.

Whatever fields of one level want of a kind is one call of a contract: a field asks for its own, and
what was asked for meanwhile goes together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from haat.domains.goods.catalog.api import (
    Attribute,
    Catalog,
    Category,
    Listing,
    OfferLine,
    Product,
    Standing,
)
from haat.domains.goods.inventory.api import Available, Inventory
from haat.domains.goods.pricing.api import Pricing, ShownPrice, Viewing
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.engines.http.context import DEADLINE
from haat.gateways.graphql.watch import Watch
from haat.gateways.views import rank_many
from haat.gateways.views.own import charged
from haat.gateways.views.prices import of_line
from haat.kernel.context import Context
from haat.kernel.contract import Contract

T = TypeVar("T")
AT_ONCE = 100  # what the plural queries take
OFFERS_AT_ONCE = 500

Doors = Mapping[type[Contract], Any]


class Tree:
    """The categories, found by id and by what they stand below."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self.every = categories
        self.by_id = {one.id: one for one in categories}
        self.below: dict[UUID | None, list[Category]] = {}
        for one in categories:
            self.below.setdefault(one.parent_id, []).append(one)

    def path(self, id: UUID) -> list[Category]:
        """A category and those above it, the topmost first."""
        found: list[Category] = []
        at: UUID | None = id
        while at is not None and at in self.by_id:
            found.insert(0, self.by_id[at])
            at = found[0].parent_id
        return found


class Inquiry:
    """What every resolver finds in `info.context`."""

    def __init__(self, doors: Doors, ctx: Context, *, site: str, watch: Watch | None) -> None:
        self.doors = doors
        self.ctx = ctx
        self.site = site  # its address, before paths
        self.watch = watch  # for those who hear news
        self._asked: dict[str, asyncio.Future[Any]] = {}

    def renew(self) -> None:
        """Forgets what was asked for: from here on it is about another moment."""
        self.ctx = replace(self.ctx, deadline=self.ctx.now() + DEADLINE)
        self._asked.clear()
        for name in _LOADERS:
            self.__dict__.pop(name, None)

    async def once(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` answers, asked for once however many fields want it."""
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(ask())
        found: T = await self._asked[name]
        return found

    async def tree(self) -> Tree:
        async def ask() -> Tree:
            return Tree(await self.doors[Catalog].categories(self.ctx))

        return await self.once("tree", ask)

    async def market(self) -> MarketSettings:
        async def ask() -> MarketSettings:
            found: MarketSettings = await self.doors[Market].settings(self.ctx)
            return found

        return await self.once("market", ask)

    @property
    def is_person(self) -> bool:
        """Whether somebody asks for whom there might be a price list."""
        return self.ctx.actor.type == "person"

    async def viewing(self, currency: str | None = None) -> Viewing:
        """How prices are shown in that currency. CurrencyUnknown."""

        async def ask() -> Viewing:
            found: Viewing = await self.doors[Pricing].viewing(self.ctx, currency=currency)
            return found

        return await self.once(f"viewing:{currency or ''}", ask)

    async def is_member(self) -> bool:
        """Whether a price list is for who asks."""
        return self.is_person and (await self.viewing()).has_lists

    def works_on(self, vendor_id: UUID) -> bool:
        """Whether who asks may be about to write that vendor's goods, and must read what is
        there."""
        return "staff" in self.ctx.scopes or self.ctx.vendor_id == vendor_id

    @cached_property
    def costs(self) -> DataLoader[UUID, ShownPrice | None]:
        """What offers cost a member of a customer group, as a quote says it."""

        async def load(ids: list[UUID]) -> list[ShownPrice | None]:
            lines = [one for one in await self.lines.load_many(ids) if one is not None]
            found = await charged(self.doors, self.ctx, [of_line(one) for one in lines])
            return _in_order(ids, {one.offer_id: one for one in found})

        return DataLoader(load, max_batch_size=OFFERS_AT_ONCE)

    @cached_property
    def listings(self) -> DataLoader[UUID, Listing | None]:
        """What lists show of products on sale."""

        async def load(ids: list[UUID]) -> list[Listing | None]:
            found = await self.doors[Catalog].listings_by_ids(self.ctx, ids=ids)
            return _in_order(ids, {one.id: one for one in found})

        return DataLoader(load, max_batch_size=AT_ONCE)

    @cached_property
    def details(self) -> DataLoader[UUID, Product | None]:
        """Products on sale, whole."""

        async def load(ids: list[UUID]) -> list[Product | None]:
            found = await self.doors[Catalog].details(self.ctx, ids=ids)
            return _in_order(ids, {one.id: one for one in found})

        return DataLoader(load, max_batch_size=AT_ONCE)

    @cached_property
    def lines(self) -> DataLoader[UUID, OfferLine | None]:
        """Offers with the product they stand on."""

        async def load(ids: list[UUID]) -> list[OfferLine | None]:
            found = await self.doors[Catalog].offers(self.ctx, ids=ids)
            return _in_order(ids, {one.offer_id: one for one in found})

        return DataLoader(load, max_batch_size=OFFERS_AT_ONCE)

    @cached_property
    def stock(self) -> DataLoader[UUID, Available | None]:
        """What is left of offers."""

        async def load(ids: list[UUID]) -> list[Available | None]:
            found = await self.doors[Inventory].available(self.ctx, offers=ids)
            return _in_order(ids, {one.offer_id: one for one in found})

        return DataLoader(load, max_batch_size=OFFERS_AT_ONCE)

    @cached_property
    def vendors(self) -> DataLoader[UUID, Vendor | None]:
        async def load(ids: list[UUID]) -> list[Vendor | None]:
            found = await self.doors[Vendors].by_ids(self.ctx, ids=ids)
            return _in_order(ids, {one.id: one for one in found})

        return DataLoader(load, max_batch_size=AT_ONCE)

    @cached_property
    def attributes(self) -> DataLoader[UUID, list[Attribute]]:
        """What products of a category fill in."""

        async def load(ids: list[UUID]) -> list[list[Attribute]]:
            found = await self.doors[Catalog].attributes_of(self.ctx, category_ids=ids)
            return [found.get(id, []) for id in ids]

        return DataLoader(load, max_batch_size=AT_ONCE)

    @cached_property
    def standings(self) -> DataLoader[UUID, dict[UUID, Standing]]:
        """How a product's offers stand for a customer in the market's country, by offer."""

        async def load(ids: list[UUID]) -> list[dict[UUID, Standing]]:
            products = [one for one in await self.details.load_many(ids) if one is not None]
            offers = [o.id for one in products for v in one.variants for o in v.offers]
            stock, market = await asyncio.gather(self.stock.load_many(offers), self.market())
            left = {one.offer_id: one.available for one in stock if one is not None}
            found = await rank_many(self.doors, self.ctx, products, left, market.country)
            product_of = {o.id: p.id for p in products for v in p.variants for o in v.offers}
            every: dict[UUID, dict[UUID, Standing]] = {id: {} for id in ids}
            for one in found:
                every[product_of[one.offer_id]][one.offer_id] = one
            return [every[id] for id in ids]

        return DataLoader(load, max_batch_size=AT_ONCE)


_LOADERS = [name for name, one in vars(Inquiry).items() if isinstance(one, cached_property)]


def _in_order(ids: Sequence[UUID], found: Mapping[UUID, T]) -> list[T | None]:
    return [found.get(id) for id in ids]
