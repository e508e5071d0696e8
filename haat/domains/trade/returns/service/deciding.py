"""What customer, vendor, staff and time do with a return once it is asked for.

Each names what it saw; who loses a race looks again and learns the state that won.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from haat.domains.people.media.api import Media
from haat.domains.trade.returns import rules
from haat.domains.trade.returns.api import By, Return, ReturnItem, WrongReturnState
from haat.domains.trade.returns.rules import Days, Move, Standing
from haat.domains.trade.returns.service.finishing import Finishing, counted
from haat.domains.trade.returns.service.reading import Reading, return_of, standing
from haat.domains.trade.returns.service.requesting import known_pictures, previewed
from haat.domains.trade.returns.service.writing import Written, move
from haat.domains.trade.settlement.api import NotRefundable, Settlement
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Forbidden, Invalid

TRIES = 4
OVERDUE_AT_ONCE = 200

SAY = Sql("""
INSERT INTO returns.messages (id, return_id, by, what, text, pictures, at)
VALUES ($1, $2, $3, 'said', $4, $5, $6)
ON CONFLICT (id) DO NOTHING
RETURNING id
""")
SAID = Sql("SELECT true FROM returns.messages WHERE id = $1 AND return_id = $2")
OVERDUE = Sql("""
SELECT id FROM returns.returns WHERE deadline_at <= $1 ORDER BY deadline_at LIMIT $2
""")
# With whom a move is open; of several the first that the actor is.
BY: dict[Move, tuple[By, ...]] = {
    "approve": ("vendor", "staff"),
    "retry": ("staff",),
    "refuse": ("vendor", "staff"),
    "send": ("customer",),
    "receive": ("vendor", "staff"),
    "withdraw": ("customer",),
    "escalate": ("customer", "vendor"),
}
BY_ITSELF: dict[Move, str] = {
    "escalate": "Nobody answered in time: staff decide.",
    "withdraw": "It was not sent back in time.",
    "refuse": "Nobody asked staff about it in time.",
}

Details = Callable[[Record, Standing], Written]


class Deciding:
    def __init__(
        self,
        db: Database,
        media: Media,
        settlement: Settlement,
        reading: Reading,
        finishing: Finishing,
        days: Days,
    ) -> None:
        self._db = db
        self._media = media
        self._settlement = settlement
        self._reading = reading
        self._finishing = finishing
        self._days = days

    async def approve(
        self,
        ctx: Context,
        id: UUID,
        refund_shipping: bool | None,
        send_back: bool | None,
        text: str,
    ) -> Return:
        row, by = await self._actor(ctx, "approve", id, None)
        if send_back and row["reason"] in rules.NOTHING_TO_SEND:
            raise Invalid.at("sendBack", "What has not arrived cannot be sent back.", "send_back")
        shipping = row["refund_shipping"] if refund_shipping is None else refund_shipping
        asked = {UUID(line["line_id"]): counted(line) for line in row["lines"] if counted(line)}
        amount, of_it = await self._amounts(ctx, row, asked, shipping)

        def details(row: Record, s: Standing) -> Written:
            return Written(
                row,
                s,
                by,
                "approved",
                text,
                refund_shipping=shipping,
                amount=amount,
                shipping=of_it,
            )

        # A refund that failed is tried again by approving it once more.
        again: Move = "retry" if standing(row).refund == "failed" else "approve"
        return await self._move(ctx, again, by, row, details, send_back=send_back)

    async def refuse(self, ctx: Context, id: UUID, text: str) -> Return:
        row, by = await self._actor(ctx, "refuse", id, None)
        return await self._move(
            ctx, "refuse", by, row, lambda row, s: Written(row, s, by, "refused", text)
        )

    async def sent_back(
        self, ctx: Context, id: UUID, tracking_number: str, token: str | None
    ) -> Return:
        row, by = await self._actor(ctx, "send", id, token)

        def details(row: Record, s: Standing) -> Written:
            return Written(row, s, by, "sent_back", tracking_number=tracking_number)

        return await self._move(ctx, "send", by, row, details)

    async def receive(
        self,
        ctx: Context,
        id: UUID,
        items: Sequence[ReturnItem] | None,
        restock: bool,
        text: str,
    ) -> Return:
        row, by = await self._actor(ctx, "receive", id, None)
        came = _received(row, items)
        fewer = any(came[UUID(line["line_id"])] < line["quantity"] for line in row["lines"])
        if fewer and not text:
            raise Invalid.at("text", "Say what is missing; the customer is told.", "missing")
        there = {line: count for line, count in came.items() if count}
        amount, of_it = await self._amounts(ctx, row, there, row["refund_shipping"])

        def details(row: Record, s: Standing) -> Written:
            return Written(
                row,
                s,
                by,
                "received",
                text,
                received=came,
                restock=restock,
                amount=amount,
                shipping=of_it,
            )

        return await self._move(ctx, "receive", by, row, details)

    async def withdraw(self, ctx: Context, id: UUID, token: str | None) -> Return:
        row, by = await self._actor(ctx, "withdraw", id, token)
        return await self._move(
            ctx, "withdraw", by, row, lambda row, s: Written(row, s, by, "withdrawn")
        )

    async def escalate(self, ctx: Context, id: UUID, text: str, token: str | None) -> Return:
        row, by = await self._actor(ctx, "escalate", id, token)
        return await self._move(
            ctx, "escalate", by, row, lambda row, s: Written(row, s, by, "escalated", text)
        )

    async def say(
        self,
        ctx: Context,
        id: UUID,
        message_id: UUID,
        text: str,
        picture_ids: Sequence[UUID],
        token: str | None,
    ) -> Return:
        row, roles = await self._reading.seen(ctx, id, token)
        said = await self._db.fetchval(SAID, message_id, id)
        if not said:
            if standing(row).ended:
                raise WrongReturnState(state=row["state"])
            by = next(one for one in ("customer", "vendor", "staff") if one in roles)
            pictures = await known_pictures(self._media, ctx, picture_ids)
            written = await self._db.fetch(SAY, message_id, id, by, text, list(pictures), ctx.now())
            if not written and not await self._db.fetchval(SAID, message_id, id):
                raise Invalid.at("messageId", "This id belongs to another message.", "id_taken")
        return return_of(await self._reading.row(id))

    async def end_overdue(self, ctx: Context) -> int:
        """Goes on with what nobody did in time; how many there were."""
        rows = await self._db.fetch(OVERDUE, ctx.now(), OVERDUE_AT_ONCE)
        for found in rows:
            row = await self._reading.row(found["id"])
            if row["deadline_at"] is not None and row["deadline_at"] <= ctx.now():
                await self._by_itself(ctx, row)
        return len(rows)

    async def _by_itself(self, ctx: Context, row: Record) -> None:
        name = rules.overdue(standing(row))
        s = rules.after(name, "system", standing(row))
        what: Any = "escalated" if name == "escalate" else s.state
        written = self._timed(ctx, Written(row, s, "system", what, BY_ITSELF[name]))
        if await move(self._db, ctx, written):
            await self._finishing.go_on(ctx, await self._reading.row(row["id"]))

    async def _actor(
        self, ctx: Context, name: Move, id: UUID, token: str | None
    ) -> tuple[Record, By]:
        """The return and as whom the actor makes this move. NotFound, or Forbidden for those who
        may see it only."""
        row, roles = await self._reading.seen(ctx, id, token)
        for by in BY[name]:
            if by in roles:
                return row, by
        raise Forbidden

    async def _move(
        self,
        ctx: Context,
        name: Move,
        by: By,
        row: Record,
        details: Details,
        *,
        send_back: bool | None = None,
    ) -> Return:
        for _ in range(TRIES):
            found = rules.verdict(name, by, standing(row))
            if found == "made":
                return return_of(await self._finishing.go_on(ctx, row))
            if found == "refused":
                raise WrongReturnState(state=row["state"], escalated=row["escalated"])
            s = rules.after(name, by, standing(row), send_back=send_back)
            if await move(self._db, ctx, self._timed(ctx, details(row, s))):
                row = await self._reading.row(row["id"])
                return return_of(await self._finishing.go_on(ctx, row))
            row = await self._reading.row(row["id"])
        raise Conflict("Others are at work on this return: look again.", code="return_busy")

    def _timed(self, ctx: Context, one: Written) -> Written:
        return replace(one, deadline=rules.deadline(one.standing, ctx.now(), self._days))

    async def _amounts(
        self, ctx: Context, row: Record, asked: Mapping[UUID, int], shipping: bool
    ) -> tuple[int | None, int | None]:
        """What it gives back as things stand, and what of that is shipping. None where that is not
        possible any more: it stays as it was, the refund will be refused, and staff look."""
        if row["refund"] in ("due", "created", "done"):
            return None, None
        try:
            found = await previewed(self._settlement, ctx, row["vendor_order_id"], asked, shipping)
        except NotRefundable:
            return None, None
        return found.amount.minor, found.shipping.minor


def _received(row: Record, items: Sequence[ReturnItem] | None) -> dict[UUID, int]:
    """How many of each line are here: all of them, or as counted. Invalid at what was not asked
    for."""
    asked = {UUID(line["line_id"]): int(line["quantity"]) for line in row["lines"]}
    if items is None:
        return asked
    if not items:
        raise Invalid.at("items", "Say what is here.", "missing")
    came = dict.fromkeys(asked, 0)
    for n, item in enumerate(items):
        if item.line_id not in asked:
            raise Invalid.at(f"items.{n}.lineId", "It was not to be sent back.", "line_unknown")
        if came[item.line_id]:
            raise Invalid.at(f"items.{n}.lineId", "A line comes once.", "line_repeated")
        if item.quantity > asked[item.line_id]:
            raise Invalid.at(
                f"items.{n}.quantity", "That is more than was asked for.", "quantity_too_large"
            )
        came[item.line_id] = item.quantity
    return came
