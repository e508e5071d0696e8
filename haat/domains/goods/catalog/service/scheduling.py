"""Use cases of prices over time: what an offer cost, and what it will cost from when until when.

Who writes an offer's price holds its product, and what is due is settled first: so the steps of a
price history are written in the order they happened, each once.
"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from haat.domains.goods.catalog import price_rules, rules
from haat.domains.goods.catalog.api import (
    Offer,
    PriceStep,
    Product,
    ScheduledPrice,
    ScheduleDraft,
    ScheduleOverlaps,
)
from haat.domains.goods.catalog.prices import SchedulesFull
from haat.domains.goods.catalog.service import price_statements as sql
from haat.domains.goods.catalog.service.held import HeldCases
from haat.domains.goods.catalog.service.offer_statements import OFFER_PLACE
from haat.domains.goods.catalog.service.stored import (
    Stored,
    money_or_none,
    repriced,
    steps_of,
)
from haat.engines.sql import Record, Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor

OPEN_MAX = 50  # scheduled prices of one offer that are not over
AT_ONCE = 200  # products a tick settles; the next tick goes on
_END = datetime(9999, 1, 1, tzinfo=UTC)


class ScheduleCases(HeldCases):
    async def price_history(
        self, ctx: Context, *, offer_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[PriceStep]:
        await self._place(ctx, offer_id)
        found = decode_cursor(cursor, _moment)
        before = found[0] if found else _END
        rows = await self._db.fetch(sql.HISTORY, offer_id, before, limit + 1)
        shown = rows[:limit]
        more = encode_cursor(shown[-1]["at"].isoformat()) if len(rows) > limit else None
        return Page[PriceStep](items=steps_of(shown), next=more)

    async def scheduled(self, ctx: Context, *, offer_id: UUID) -> list[ScheduledPrice]:
        await self._place(ctx, offer_id)
        return [_scheduled(row) for row in await self._db.fetch(sql.SCHEDULED, offer_id)]

    async def schedule(
        self, ctx: Context, *, id: UUID, offer_id: UUID, draft: ScheduleDraft
    ) -> ScheduledPrice:
        product_id, vendor_id = await self._place(ctx, offer_id)
        currency = (await self._market.settings(ctx)).currency
        rules.check_offer(None, [("price", draft.price), ("compareAt", draft.compare_at)], currency)
        known = await self._db.fetchrow(sql.SCHEDULE, id)
        if known is not None:
            return _repeated(known, offer_id)
        now = ctx.now()
        start, end = price_rules.checked_span(draft.starts_at, draft.ends_at, now)
        compare_at = draft.compare_at.minor if draft.compare_at else None
        async with self._db.begin(ctx) as tx:
            found = await self._settle(ctx, tx, await self._held(tx, product_id, vendor_id))
            offer = next((o for o in rules.offers_of(found.product) if o.id == offer_id), None)
            if offer is None:  # it moved to another product just now
                raise NotFound
            again = await tx.fetchrow(sql.SCHEDULE, id)
            if again is not None:
                return _repeated(again, offer_id)
            if len(offer.scheduled) >= OPEN_MAX:
                raise SchedulesFull
            what = (draft.price.minor, compare_at, currency, start, end)
            if await tx.fetchval(sql.ADD_SCHEDULE, id, offer_id, *what) is None:
                message = "Another scheduled price of this offer has a part of that time."
                raise ScheduleOverlaps.at("startsAt", message, "schedule_overlaps")
            row = await tx.fetchrow(sql.SCHEDULE, id)
            assert row is not None, "this transaction wrote it"
            added = [*offer.scheduled, _scheduled(row)]
            await self._rewrite(ctx, tx, found, _with(found.product, offer, scheduled=added))
        return await self._followed(ctx, product_id, id)

    async def unschedule(self, ctx: Context, *, id: UUID) -> None:
        row = await self._db.fetchrow(sql.SCHEDULE, id)
        if row is None:
            return
        product_id, vendor_id = await self._place(ctx, row["offer_id"])
        async with self._db.begin(ctx) as tx:
            found = await self._settle(ctx, tx, await self._held(tx, product_id, vendor_id))
            offer = next(o for o in rules.offers_of(found.product) if o.id == row["offer_id"])
            rest = [s for s in offer.scheduled if s.id != id]
            if await tx.execute(sql.DROP_SCHEDULE, id):
                await self._rewrite(ctx, tx, found, _with(found.product, offer, scheduled=rest))
            elif await tx.execute(sql.END_SCHEDULE, id, ctx.now()):
                ended = await tx.fetchrow(sql.SCHEDULE, id)
                assert ended is not None, "this transaction wrote it"
                cut = _with(found.product, offer, scheduled=[*rest, _scheduled(ended)])
                await self._settle(ctx, tx, replace(found, product=cut))
        await self._kept.product_changed(found.product)

    # --- following the clock ------------------------------------------------------------------

    async def settle_prices(self, ctx: Context) -> int:
        """Lists, the index and the history follow what began or ended; of how many products."""
        rows = await self._db.fetch(sql.DUE, ctx.now(), AT_ONCE)
        for row in rows:
            await self._settle_one(ctx, row["product_id"])
        return len(rows)

    async def _settle_one(self, ctx: Context, product_id: UUID) -> None:
        async with self._db.begin(ctx) as tx:
            held = await self._held(tx, product_id, synthetic.VENDOR)
            found = await self._settle(ctx, tx, held)
        if found is not held:
            await self._kept.product_changed(found.product)

    async def _settle(self, ctx: Context, tx: Tx, found: Stored) -> Stored:
        """What is due of a product that this transaction holds takes place; the product then."""
        before = product = found.product
        for moment, state, one in _turns(before, ctx.now()):
            offer = next(o for o in rules.offers_of(product) if o.id == one.offer_id)
            shown: Offer | ScheduledPrice = one if state == "running" else offer
            lowest = await self._lowest_before(tx, shown, offer, moment)
            compare_at = shown.compare_at.minor if shown.compare_at else None
            minor = lowest.minor if lowest else None
            await tx.execute(sql.TURN, one.id, state, moment, shown.price.minor, compare_at, minor)
            rest = [s for s in offer.scheduled if s.id != one.id]
            if state == "running":
                change = {"state": state, "lowest_before": lowest}
                rest = [one.model_copy(update=change), *rest]
                product = _with(product, offer, scheduled=rest)
            else:
                product = _with(product, offer, scheduled=rest, lowest_before=lowest)
        if product is before:
            return found
        tx.emit(*repriced(before, product))
        await self._rewrite(ctx, tx, found, product)
        return replace(found, product=product)

    async def _rewrite(self, ctx: Context, tx: Tx, found: Stored, after: Product) -> None:
        await self._note(tx, "schedule", found.product, after, None)
        await self._shown(ctx, tx, found, after)

    async def _followed(self, ctx: Context, product_id: UUID, id: UUID) -> ScheduledPrice:
        """The one that was added, begun where its time has come, and the copies forgotten."""
        await self._settle_one(ctx, product_id)
        await self._kept.product_changed((await self._known(product_id)).product)
        row = await self._db.fetchrow(sql.SCHEDULE, id)
        if row is None:  # taken back meanwhile
            raise NotFound
        return _scheduled(row)

    async def _place(self, ctx: Context, offer_id: UUID) -> tuple[UUID, UUID]:
        """Whose offer it is, and on which product. NotFound."""
        place = await self._db.fetchrow(OFFER_PLACE, offer_id)
        if place is None:
            raise NotFound
        if ctx.caller is None:
            ctx.need_vendor(place["vendor_id"])
        return place["product_id"], place["vendor_id"]


def _turns(product: Product, now: datetime) -> list[tuple[datetime, str, ScheduledPrice]]:
    """What is due, in the order it took place; of one moment, ends before beginnings."""
    found: list[tuple[datetime, str, ScheduledPrice]] = []
    for one in (s for o in rules.offers_of(product) for s in o.scheduled):
        if one.state == "waiting" and one.starts_at <= now:
            found.append((one.starts_at, "running", one))
        if one.state != "over" and one.ends_at <= now:
            found.append((one.ends_at, "over", one))
    return sorted(found, key=lambda turn: (turn[0], turn[1] == "running"))


def _with(product: Product, offer: Offer, **change: object) -> Product:
    return rules.with_offer(product, offer.model_copy(update=change))


def _repeated(row: Record, offer_id: UUID) -> ScheduledPrice:
    if row["offer_id"] != offer_id:
        raise NotFound
    return _scheduled(row)


def _scheduled(row: Record) -> ScheduledPrice:
    currency = row["currency"]
    return ScheduledPrice(
        id=row["id"],
        offer_id=row["offer_id"],
        price=Money(minor=row["price_minor"], currency=currency),
        compare_at=money_or_none(row["compare_at_minor"], currency),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        state=row["state"],
        lowest_before=money_or_none(row["lowest_before_minor"], currency),
    )


def _moment(value: object) -> datetime:
    found = datetime.fromisoformat(str(value))
    if found.tzinfo is None:
        raise ValueError
    return found
