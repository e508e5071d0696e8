"""Asking for a return: what may be asked for, what it would give back, and the request itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.market.api import Market
from haat.domains.people.media.api import Claim, Media
from haat.domains.trade.orders.api import OrderDelivered, OrderLine, VendorOrder
from haat.domains.trade.returns.api import (
    Kind,
    NotReturnable,
    Return,
    ReturnItem,
    ReturnLine,
    ReturnReason,
    ReturnRequested,
)
from haat.domains.trade.returns.rules import (
    NOTHING_TO_SEND,
    Days,
    Standing,
    deadline,
    left_of,
    whole,
    why_not,
)
from haat.domains.trade.returns.service.finishing import Finishing
from haat.domains.trade.returns.service.reading import Reading, number_of, return_of
from haat.domains.trade.returns.service.writing import LEASE_S
from haat.domains.trade.settlement.api import (
    NotRefundable,
    RefundItem,
    RefundPreview,
    Settlement,
)
from haat.engines.sql import Database, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import Money

FREEZE = Sql("""
INSERT INTO returns.windows (vendor_order_id, closes_at)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT (vendor_order_id) DO NOTHING
""")
CLOSES = Sql("SELECT closes_at FROM returns.windows WHERE vendor_order_id = $1")
TALLIES = Sql("""
SELECT line_id, open, greatest(refunded, known) AS gone FROM returns.tallies
 WHERE line_id = ANY($1::uuid[])
""")
# The number goes into the event, so it is taken first; a request that is there takes none.
RESERVE_NUMBER = Sql("""
SELECT CASE WHEN r.id IS NULL THEN nextval('returns.returns_seq_seq') END AS seq
  FROM (SELECT $1::uuid AS id) g LEFT JOIN returns.returns r ON r.id = g.id
""")
WRITE = Sql("""
INSERT INTO returns.returns (id, seq, kind, order_id, order_number, vendor_order_id, vendor_id,
       person_id, reason, items, send_back, currency, amount, refund_shipping, shipping,
       requested_at, updated_at, deadline_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18)
ON CONFLICT (id) DO NOTHING
RETURNING id
""")
# Every line or none: who gets fewer rows than lines rolls back. In the order of the lines, so that
# two requests cannot wait for each other; the second of them finds what the first has left.
TAKE = Sql("""
INSERT INTO returns.tallies (line_id, bought, open, known)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[])
           AS x (line_id, bought, open, known)
 WHERE x.open + x.known <= x.bought
 ORDER BY x.line_id
ON CONFLICT (line_id) DO UPDATE
   SET open = tallies.open + excluded.open, known = greatest(tallies.known, excluded.known)
 WHERE tallies.open + excluded.open
       + greatest(tallies.refunded, tallies.known, excluded.known) <= tallies.bought
RETURNING line_id
""")
LINES = Sql("""
INSERT INTO returns.lines (return_id, line_id, position, quantity, title, variant_title, sku,
       unit_price)
SELECT $1, * FROM unnest($2::uuid[], $3::smallint[], $4::int[], $5::text[], $6::text[], $7::text[],
                         $8::bigint[])
""")
FIRST_WORDS = Sql("""
INSERT INTO returns.messages (id, return_id, by, what, text, pictures, at)
VALUES ($1, $2, 'customer', 'requested', $3, $4, $5)
""")


class Requesting:
    def __init__(
        self,
        db: Database,
        market: Market,
        media: Media,
        settlement: Settlement,
        reading: Reading,
        finishing: Finishing,
        days: Days,
    ) -> None:
        self._db = db
        self._market = market
        self._media = media
        self._settlement = settlement
        self._reading = reading
        self._finishing = finishing
        self._days = days

    async def freeze(self, ctx: Context, events: Sequence[OrderDelivered]) -> None:
        """The return window's length is what it is at delivery."""
        settings = await self._market.settings(ctx)
        length = timedelta(minutes=settings.return_window_minutes)
        ids = [event.vendor_order_id for event in events]
        await self._db.execute(FREEZE, ids, [event.delivered_at + length for event in events])

    async def returnable(
        self, ctx: Context, vendor_order_id: UUID, token: str | None
    ) -> list[ReturnLine]:
        part = await self._reading.bought(ctx, vendor_order_id, token)
        rows = await self._db.fetch(TALLIES, [line.id for line in part.lines])
        tallies = {row["line_id"]: (row["open"], row["gone"]) for row in rows}
        found = []
        for line in part.lines:
            asked, gone = tallies.get(line.id, (0, 0))
            left = line.quantity - asked - max(line.refunded_quantity, gone)
            if left > 0:
                found.append(_line(line, left))
        return found

    async def preview(
        self,
        ctx: Context,
        vendor_order_id: UUID,
        items: Sequence[ReturnItem],
        refund_shipping: bool | None,
        token: str | None,
    ) -> RefundPreview:
        part = await self._reading.bought(ctx, vendor_order_id, token)
        asked = asked_of(part, items)
        wanted = whole(part, asked) if refund_shipping is None else refund_shipping
        return await previewed(self._settlement, ctx, part.id, asked, wanted)

    async def request(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        kind: Kind,
        items: Sequence[ReturnItem],
        reason: ReturnReason,
        text: str,
        picture_ids: Sequence[UUID],
        token: str | None,
    ) -> Return:
        part = await self._reading.bought(ctx, vendor_order_id, token)
        seq = await self._db.fetchval(RESERVE_NUMBER, id)
        if seq is not None:
            if kind == "return" and reason in NOTHING_TO_SEND:
                raise Invalid.at("kind", "What has not arrived is complained about.", "kind_wrong")
            asked = asked_of(part, items)
            await self._need_returnable(ctx, part, kind, reason)
            pictures = await known_pictures(self._media, ctx, picture_ids)
            shipping = whole(part, asked)
            try:
                found = await previewed(self._settlement, ctx, part.id, asked, shipping)
            except NotRefundable:
                raise NotReturnable(
                    "Nothing of it is left to be given back.", why="quantity"
                ) from (None)
            columns = self._columns(ctx, id, seq, part, kind, reason, asked, found, shipping)
            async with self._db.begin(ctx) as tx:
                if await tx.fetch(WRITE, *columns):
                    await _write(tx, id, part, asked, text, pictures)
                    tx.emit(_requested(id, seq, part, kind, reason, found.amount))
        row, _ = await self._reading.seen(ctx, id, token)
        if row["vendor_order_id"] != vendor_order_id:
            raise Invalid.at("id", "This id belongs to another return.", "id_taken")
        return return_of(await self._finishing.go_on(ctx, row))

    async def _need_returnable(
        self, ctx: Context, part: VendorOrder, kind: Kind, reason: ReturnReason
    ) -> None:
        closes_at: datetime | None = None
        if part.delivered_at is not None:
            closes_at = await self._db.fetchval(CLOSES, part.id)
            if closes_at is None:  # its delivery was not heard of yet
                settings = await self._market.settings(ctx)
                closes_at = part.delivered_at + timedelta(minutes=settings.return_window_minutes)
        why = why_not(kind, reason, part, closes_at, ctx.now())
        if why is not None:
            raise NotReturnable(_DETAILS[why], why=why)

    def _columns(
        self,
        ctx: Context,
        id: UUID,
        seq: int,
        part: VendorOrder,
        kind: Kind,
        reason: ReturnReason,
        asked: Mapping[UUID, int],
        found: RefundPreview,
        shipping: bool,
    ) -> tuple[Any, ...]:
        """The parameters of WRITE."""
        now = ctx.now()
        return (
            id,
            seq,
            kind,
            part.order_id,
            part.order_number,
            part.id,
            part.vendor_id,
            part.person_id,
            reason,
            sum(asked.values()),
            kind == "return",
            found.amount.currency,
            found.amount.minor,
            shipping,
            found.shipping.minor,
            now,
            deadline(Standing(send_back=kind == "return"), now, self._days),
            now + timedelta(seconds=LEASE_S),
        )


_DETAILS = {
    "unpaid": "Only what is paid and not given back yet can be returned.",
    "not_delivered": "It has not been delivered yet.",
    "window_closed": "The time in which it could be returned is over.",
}


async def _write(
    tx: Tx,
    id: UUID,
    part: VendorOrder,
    asked: Mapping[UUID, int],
    text: str,
    pictures: Sequence[str],
) -> None:
    """The quantities, the lines and the first message. NotReturnable rolls all of it back."""
    lines = [line for line in part.lines if line.id in asked]
    quantities = [asked[line.id] for line in lines]
    taken = await tx.fetch(
        TAKE,
        [line.id for line in lines],
        [line.quantity for line in lines],
        quantities,
        [line.refunded_quantity for line in lines],
    )
    if len(taken) < len(lines):
        there = {row["line_id"] for row in taken}
        missing = [str(line.id) for line in lines if line.id not in there]
        raise NotReturnable(
            "Fewer of these are left to be returned.", why="quantity", lineIds=missing
        )
    await tx.execute(
        LINES,
        id,
        [line.id for line in lines],
        list(range(len(lines))),
        quantities,
        [line.title for line in lines],
        [line.variant_title for line in lines],
        [line.sku for line in lines],
        [line.unit_price.minor for line in lines],
    )
    await tx.execute(FIRST_WORDS, tx.ctx.new_id(), id, text, list(pictures), tx.ctx.now())


def asked_of(part: VendorOrder, items: Sequence[ReturnItem]) -> dict[UUID, int]:
    """Quantities by line; Invalid at what is no line of it, comes twice or is more than bought."""
    lines = {line.id: line for line in part.lines}
    asked: dict[UUID, int] = {}
    for n, item in enumerate(items):
        line = lines.get(item.line_id)
        if line is None:
            raise Invalid.at(f"items.{n}.lineId", "That is no line of it.", "line_unknown")
        if line.id in asked:
            raise Invalid.at(f"items.{n}.lineId", "A line comes once.", "line_repeated")
        if item.quantity > left_of(line):
            raise NotReturnable(
                "Fewer of these are left to be returned.", why="quantity", lineIds=[str(line.id)]
            )
        asked[line.id] = item.quantity
    if not asked:
        raise Invalid.at("items", "Choose what it is about.", "missing")
    return asked


async def previewed(
    settlement: Settlement,
    ctx: Context,
    vendor_order_id: UUID,
    asked: Mapping[UUID, int],
    refund_shipping: bool,
) -> RefundPreview:
    """What settlement would give back. NotRefundable."""
    shipping: Money | None = None
    if refund_shipping:
        left = (await settlement.preview(ctx, vendor_order_id=vendor_order_id)).shipping
        shipping = left if left.minor else None
    items = [RefundItem(line_id=id, quantity=count) for id, count in asked.items()]
    return await settlement.preview(
        ctx, vendor_order_id=vendor_order_id, items=items, shipping=shipping
    )


async def known_pictures(media: Media, ctx: Context, ids: Sequence[UUID]) -> list[str]:
    """Their ids as stored; Invalid at one that nobody uploaded."""
    known = {one.id for one in await media.files(ctx, ids=list(ids))} if ids else set()
    for n, id in enumerate(ids):
        if id not in known:
            raise Invalid.at(f"pictureIds.{n}", "There is no such picture.", "picture_unknown")
    # Before they are shown, and for good: what was said of a return is a document.
    shown = [Claim(by=f"return-picture:{id}", version=1, ids=[id], lasting=True) for id in known]
    if shown:
        await media.claim(ctx, claims=shown)
    return [str(id) for id in dict.fromkeys(ids)]


def _line(line: OrderLine, quantity: int) -> ReturnLine:
    return ReturnLine(
        line_id=line.id,
        quantity=quantity,
        title=line.title,
        variant_title=line.variant_title,
        sku=line.sku,
        unit_price=line.unit_price,
    )


def _requested(
    id: UUID, seq: int, part: VendorOrder, kind: Kind, reason: ReturnReason, amount: Money
) -> ReturnRequested:
    return ReturnRequested(
        return_id=id,
        number=number_of(seq),
        kind=kind,
        order_id=part.order_id,
        order_number=part.order_number,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        reason=reason,
        amount=amount,
    )
