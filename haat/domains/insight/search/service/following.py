"""What search hears: goods, vendors, categories and sales; and how its indexes follow."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import CategorySaved, ListingChanged, ListingsAdded
from haat.domains.goods.inventory.api import StockOpened, StockTurned
from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.rules import TEXT_MAX_CHARS, all_below, storable
from haat.domains.insight.search.service.standing import Cases
from haat.domains.people.vendors.api import Vendor, VendorChanged, VendorShown
from haat.domains.trade.orders.api import OrderDelivered
from haat.kernel.context import SYSTEM, Context
from haat.kernel.errors import Problem
from haat.kernel.ids import derive

VENDORS_PAGE = 100
ORDERS_AT_ONCE = 100
_ONLY_INDEXED = {"text", "attributes", "codes"}
_LATER_S = 5.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # no trend follows from it


class FollowingCases(Cases):
    async def show(self, ctx: Context, events: Sequence[ListingChanged]) -> None:
        """Takes over what the catalogue says; what is older than the index changes nothing.
        Returns when it can be found, as a rule."""
        newest: dict[UUID, ListingChanged] = {}
        for event in events:
            known = newest.get(event.product_id)
            if known is None or known.version < event.version:
                newest[event.product_id] = event
        if not newest:
            return
        columns = zip(*map(_row, newest.values()), strict=True)
        [row] = await self._db.step(ctx, sql.SHOW, *(list(column) for column in columns))
        await self._goods_follower.reach(row["seq"])

    async def show_added(self, ctx: Context, events: Sequence[ListingsAdded]) -> None:
        """Takes over what was never shown before. Nobody waits for these: the index comes to them
        when it has learnt of their stock as well."""
        rows = {
            one.product_id: (
                one.product_id,
                one.version,
                storable(one.card),
                storable(one.text[:TEXT_MAX_CHARS]),
                _details(one.attributes, one.codes),
                one.category_id,
                event.vendor_id,
            )
            for event in events
            for one in event.listings
        }
        if rows:
            columns = zip(*rows.values(), strict=True)
            await self._db.step(ctx, sql.SHOW, *(list(column) for column in columns))

    async def stock_opened(self, ctx: Context, events: Sequence[StockOpened]) -> None:
        """There is some of what was never heard of before."""
        told = {one.offer_id: one.product_id for event in events for one in event.offers}
        await self._db.step(ctx, sql.STOCK_OPENED, list(told), list(told.values()))

    async def vendors_changed(
        self, ctx: Context, vendors: Sequence[tuple[UUID, str, str, str, bool]]
    ) -> None:
        """(id, slug, name, country, active), '' for what is as it was."""
        newest = {one[0]: one for one in vendors}
        columns = zip(*newest.values(), strict=True)
        [row] = await self._db.step(ctx, sql.VENDORS_SEEN, *(list(column) for column in columns))
        named = [id for id, _, name, _, _ in newest.values() if name]
        if named:
            await self._db.step(ctx, sql.TOUCH, named, [])
        await self._stores_follower.reach(row["seq"])

    async def vendors_renamed(self, ctx: Context, events: Sequence[VendorChanged]) -> None:
        """Active or not, as before."""
        newest = {event.vendor_id: event for event in events}
        rows = [_told(event) for event in newest.values()]
        columns = [list(column) for column in zip(*rows, strict=True)]
        ids, _, names, _, told, north, east, _, verified, *_ = columns
        other = await self._db.fetch(sql.VENDORS_OTHER, ids, names, told, north, east, verified)
        [row] = await self._db.step(ctx, sql.VENDORS_RENAMED, *columns)
        if other:
            await self._db.step(ctx, sql.TOUCH, [row["id"] for row in other], [])
        await self._stores_follower.reach(row["seq"])

    async def stock_turned(self, ctx: Context, events: Sequence[StockTurned]) -> None:
        """The newest word of each offer; its product is shown anew."""
        newest = {event.offer_id: event for event in events}
        products = list({event.product_id for event in newest.values()})
        there = [event.in_stock for event in newest.values()]
        [row] = await self._db.step(ctx, sql.STOCK_SEEN, list(newest), there, products)
        await self._goods_follower.reach(row["seq"])

    async def categories_changed(self, ctx: Context, events: Sequence[CategorySaved]) -> None:
        """Products below have other words and another path."""
        tree = await self._catalog.categories(ctx)
        ids = all_below(tree, {event.category_id for event in events})
        await self._db.step(ctx, sql.TOUCH, [], ids)

    async def sold(self, ctx: Context, events: Sequence[OrderDelivered]) -> None:
        """What customers received counts; each vendor order once."""
        when = {event.vendor_order_id: event.delivered_at for event in events}
        ids = list(when)
        rows: dict[tuple[UUID, UUID], tuple[int, datetime]] = {}
        for at in range(0, len(ids), ORDERS_AT_ONCE):
            some = ids[at : at + ORDERS_AT_ONCE]
            for order in await self._orders.vendor_orders_by_ids(ctx, ids=some):
                for line in order.lines:
                    count, _ = rows.get((order.id, line.product_id), (0, None))
                    rows[order.id, line.product_id] = count + line.quantity, when[order.id]
        if rows:
            await self._db.step(
                ctx,
                sql.SOLD,
                [order for order, _ in rows],
                [product for _, product in rows],
                [count for count, _ in rows.values()],
                [at for _, at in rows.values()],
            )

    async def sold_before(self, ctx: Context, *, sold: dict[UUID, int]) -> None:
        ids = list(sold)
        orders = [derive(id, "sold before") for id in ids]
        await self._db.step(ctx, sql.SOLD, orders, ids, list(sold.values()), [_LONG_AGO] * len(ids))

    async def follow(self) -> None:
        """Goes on until it is cancelled: keeps the indexes of this machine up to date."""
        await self._know_vendors()
        await asyncio.gather(self._goods_follower.run(), self._stores_follower.run())

    async def _know_vendors(self) -> None:
        """Of a market that is older than this index, which has heard of none of them."""
        ctx = Context(actor=SYSTEM, caller="search")
        while True:
            try:
                if not await self._db.fetchval(sql.VENDORS_END):
                    await self._read_vendors(ctx)
            except Problem:
                await asyncio.sleep(_LATER_S)  # who knows them is not there yet
            else:
                return

    async def _read_vendors(self, ctx: Context) -> None:
        cursor = None
        while True:
            page = await self._vendors.listed(ctx, limit=VENDORS_PAGE, cursor=cursor)
            if page.items:
                await self.vendors_changed(ctx, [_as_seen(vendor) for vendor in page.items])
                await self.vendors_renamed(ctx, [_as_changed(vendor) for vendor in page.items])
            cursor = page.next
            if cursor is None:
                return


def _as_seen(vendor: Vendor) -> tuple[UUID, str, str, str, bool]:
    return vendor.id, vendor.slug, vendor.name, vendor.country, True


def _as_changed(vendor: Vendor) -> VendorChanged:
    return VendorChanged(
        vendor_id=vendor.id,
        slug=vendor.slug,
        name=vendor.name,
        country=vendor.country,
        shown=VendorShown(location=vendor.location, verified=vendor.verified, rating=vendor.rating),
    )


def _told(event: VendorChanged) -> tuple[Any, ...]:
    """The arguments of VENDORS_RENAMED for one vendor."""
    shown = event.shown or VendorShown()
    where, rating = shown.location, shown.rating
    return (
        *(event.vendor_id, event.slug, event.name, event.country, event.shown is not None),
        *((where.latitude, where.longitude, where.place) if where else (None, None, "")),
        *(shown.verified, rating and rating.value, rating and rating.count),
    )


def _row(event: ListingChanged) -> tuple[Any, ...]:
    """The arguments of SHOW for one product; almost nothing for one that is not on sale."""
    listing = event.listing
    if listing is None:
        return (event.product_id, event.version, None, "", "{}", None, None)
    return (
        event.product_id,
        event.version,
        storable(listing.model_dump_json(exclude=_ONLY_INDEXED)),
        storable(listing.text[:TEXT_MAX_CHARS]),
        _details(listing.attributes, listing.codes),
        listing.category_id,
        listing.vendor_id,
    )


def _details(attributes: Mapping[str, list[str]], codes: Sequence[str]) -> str:
    told = {"attributes": attributes, "codes": codes}
    details = {name: value for name, value in told.items() if value}
    return storable(json.dumps(details, ensure_ascii=False)).replace("\\u0000", " ")
