"""What search hears: goods, vendors, categories and sales; and how its indexes follow."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import CategorySaved, ListingChanged
from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.rules import TEXT_MAX_CHARS, all_below, storable
from haat.domains.insight.search.service.standing import Cases
from haat.domains.people.vendors.api import Vendor
from haat.domains.trade.orders.api import OrderDelivered
from haat.kernel.context import SYSTEM, Context
from haat.kernel.errors import Problem

VENDORS_PAGE = 100
ORDERS_AT_ONCE = 100
_ONLY_INDEXED = {"text", "attributes", "codes"}
_LATER_S = 5.0


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

    async def vendors_renamed(self, ctx: Context, vendors: Sequence[tuple[UUID, str, str]]) -> None:
        """(id, slug, name); active or not, as before."""
        columns = [list(column) for column in zip(*vendors, strict=True)]
        [row] = await self._db.step(ctx, sql.VENDORS_RENAMED, *columns)
        await self._db.step(ctx, sql.TOUCH, columns[0], [])
        await self._stores_follower.reach(row["seq"])

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
            cursor = page.next
            if cursor is None:
                return


def _as_seen(vendor: Vendor) -> tuple[UUID, str, str, str, bool]:
    return vendor.id, vendor.slug, vendor.name, vendor.country, True


def _row(event: ListingChanged) -> tuple[Any, ...]:
    """The arguments of SHOW for one product; almost nothing for one that is not on sale."""
    listing = event.listing
    if listing is None:
        return (event.product_id, event.version, None, "", "{}", None, None)
    told = {"attributes": listing.attributes, "codes": listing.codes}
    details = {name: value for name, value in told.items() if value}
    return (
        event.product_id,
        event.version,
        storable(listing.model_dump_json(exclude=_ONLY_INDEXED)),
        storable(listing.text[:TEXT_MAX_CHARS]),
        storable(json.dumps(details, ensure_ascii=False)).replace("\\u0000", " "),
        listing.category_id,
        listing.vendor_id,
    )
