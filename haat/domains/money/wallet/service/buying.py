"""Top-ups: credits bought with money.

The top-up is written first, the payment held and captured under its id, and once the money is
there it is booked together with the credits, in one post whose ids follow from the top-up's.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Hold,
    Method,
    Payments,
    ProviderUnknown,
    TransferInstructions,
)
from haat.domains.money.wallet import rules
from haat.domains.money.wallet.api import (
    CREDITS,
    CreditsToppedUp,
    NoRate,
    TopUp,
    WalletFrozen,
)
from haat.domains.money.wallet.rules import Move
from haat.domains.money.wallet.service.moving import Moving, money_of
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=30)
_AT_ONCE = 20
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_KINDS = frozenset({"card", "redirect", "bank_transfer"})
_ENDED = frozenset({"declined", "voided", "capture_failed"})

FIND = Sql("SELECT * FROM wallet.topups WHERE id = $1")

BUY = Sql("""
WITH born AS (
  INSERT INTO wallet.topups (id, owner_id, person_id, credits, currency, minor, micro, provider,
                             return_url, status, created_at, touched_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $10)
  ON CONFLICT (id) DO NOTHING RETURNING *
)
SELECT * FROM born UNION ALL SELECT * FROM wallet.topups WHERE id = $1
""")

WAITING = Sql("""
UPDATE wallet.topups
   SET status = $2, next_action_url = $3, instructions = $4::text::jsonb, touched_at = $5
 WHERE id = $1 AND status IN ('open', 'needs_action', 'awaiting') RETURNING *
""")

FAILED = Sql("""
UPDATE wallet.topups
   SET status = 'failed', decline_code = $2, next_action_url = NULL, touched_at = $3, ended_at = $3
 WHERE id = $1 AND status IN ('open', 'needs_action', 'awaiting') RETURNING *
""")

# Whatever was believed before: money that was taken buys its credits.
PAID = Sql("""
UPDATE wallet.topups
   SET status = 'paid', decline_code = NULL, next_action_url = NULL, touched_at = $2,
       ended_at = NULL
 WHERE id = $1 AND status NOT IN ('paid', 'done') RETURNING *
""")

DONE = Sql("""
WITH moved AS (
  UPDATE wallet.topups SET status = 'done', touched_at = $2, ended_at = $2
   WHERE id = $1 AND status = 'paid' RETURNING *
) /*emit:moved*/
SELECT * FROM moved
""")

UNFINISHED = Sql("""
UPDATE wallet.topups SET touched_at = $2
 WHERE id IN (
   SELECT id FROM wallet.topups WHERE status IN ('open', 'paid') AND touched_at < $1
    ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")

LISTED = Sql("""
SELECT * FROM wallet.topups
 WHERE owner_id = $1 AND (created_at, id) < ($2, $3::uuid)
 ORDER BY created_at DESC, id DESC LIMIT $4
""")


class Buying:
    """The use cases of top-ups."""

    def __init__(self, db: Database, moving: Moving, payments: Payments) -> None:
        self._db = db
        self._moving = moving
        self._payments = payments

    async def top_up(
        self,
        ctx: Context,
        id: UUID,
        owner_id: UUID,
        credits: int,
        currency: str,
        method: Method,
        return_url: str,
    ) -> TopUp:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            row = await self._begin(ctx, id, owner_id, credits, currency, method, return_url)
        if row["owner_id"] != owner_id:
            raise NotFound
        if (row["credits"], row["provider"]) != (credits, method.provider):
            raise Conflict("This top-up was asked for otherwise.", code="topup_conflict")
        if row["status"] in ("open", "needs_action"):
            row = await self._ask(ctx, row, method)
        return shown(await self._finish(ctx, row))

    async def _begin(
        self,
        ctx: Context,
        id: UUID,
        owner_id: UUID,
        credits: int,
        currency: str,
        method: Method,
        return_url: str,
    ) -> Record:
        kinds = {one.name: one.kind for one in await self._payments.providers(ctx)}
        if method.provider not in kinds:
            raise ProviderUnknown
        if kinds[method.provider] not in _KINDS:
            raise Invalid.at(
                "method.provider", "Credits are not bought this way.", "topup_method_refused"
            )
        micro, frozen = await self._moving.terms(ctx, owner_id, currency)
        if frozen:
            raise WalletFrozen
        if micro is None:
            raise NoRate
        price = rules.price_of(credits, micro)
        money = (credits, currency, price, micro, method.provider)
        args = (id, owner_id, ctx.person_id, *money, return_url, ctx.now())
        # Empty when somebody else wrote the row at this very moment.
        rows = await self._db.step(ctx, BUY, *args) or await self._db.step(ctx, BUY, *args)
        return rows[0]

    async def _ask(self, ctx: Context, row: Record, method: Method) -> Record:
        """How the payment stands; asked the first time, this is what makes it."""
        id: UUID = row["id"]
        hold = await self._payments.hold(
            ctx,
            id=id,
            reference=id,
            amount=money_of(row),
            method=method,
            return_url=row["return_url"],
            person_id=row["person_id"],
            purpose="topup",
        )
        return await self._hear(ctx, row, hold)

    async def _hear(self, ctx: Context, row: Record, hold: Hold) -> Record:
        id: UUID = row["id"]
        if hold.status == "authorized":
            hold = await self._payments.capture(ctx, id=id)
        if hold.status == "captured":
            return await self._changed(ctx, PAID, id, ctx.now())
        if hold.status in _ENDED:
            code = hold.decline_code or hold.status
            return await self._changed(ctx, FAILED, id, code, ctx.now())
        if hold.status in ("needs_action", "awaiting"):
            told = hold.instructions.model_dump_json() if hold.instructions else None
            state = (hold.status, hold.next_action_url, told)
            return await self._changed(ctx, WAITING, id, *state, ctx.now())
        return row

    async def _finish(self, ctx: Context, row: Record) -> Record:
        """Books the money and the credits of a top-up that was paid."""
        if row["status"] != "paid":
            return row
        id, owner_id = row["id"], row["owner_id"]
        money = (row["currency"], row["minor"], row["provider"])
        move = Move(id, "topup", owner_id, id, row["credits"], *money)
        written = await self._moving.write(ctx, move, micro=row["micro"])
        await self._moving.finish(ctx, written)
        credits = Money(minor=row["credits"], currency=CREDITS)
        event = CreditsToppedUp(
            owner_id=owner_id, topup_id=id, credits=credits, price=money_of(row)
        )
        moved = await self._db.step(ctx, DONE, id, ctx.now(), emit=[event])
        return moved[0] if moved else await self._row(id)

    async def paid(self, ctx: Context, id: UUID) -> None:
        """Its money was taken. Harmless when repeated or unknown."""
        row = await self._db.fetchrow(FIND, id)
        if row is not None and row["status"] != "done":
            await self._finish(ctx, await self._changed(ctx, PAID, id, ctx.now()))

    async def updated(self, ctx: Context, id: UUID, status: str, code: str | None) -> None:
        """The provider told something new about its payment. Harmless when repeated or unknown."""
        row = await self._db.fetchrow(FIND, id)
        if row is None or row["status"] not in ("open", "needs_action", "awaiting"):
            return
        if status in _ENDED:
            await self._changed(ctx, FAILED, id, code or status, ctx.now())
        elif status == "captured":
            await self.paid(ctx, id)
        elif status == "authorized":
            hold = await self._payments.capture(ctx, id=id)
            await self._finish(ctx, await self._hear(ctx, row, hold))

    async def resume(self, ctx: Context) -> None:
        """Top-ups whose payment gave no answer are asked about; paid ones are booked.

        What the customer typed is gone then: a payment that never came to be begins at the
        provider's own page."""
        now = ctx.now()
        for row in await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE):
            try:
                if row["status"] == "open":
                    row = await self._ask(ctx, row, Method(provider=row["provider"]))
                await self._finish(ctx, row)
            except Unavailable as problem:
                _log.warning("topup_waits", topup_id=str(row["id"]), code=problem.code)
            except Problem as problem:
                _log.error("topup_stuck", topup_id=str(row["id"]), code=problem.code)

    async def topup(self, id: UUID, owners: set[UUID]) -> TopUp:
        row = await self._db.fetchrow(FIND, id)
        if row is None or row["owner_id"] not in owners:
            raise NotFound
        return shown(row)

    async def topups(self, owner_id: UUID, limit: int, cursor: str | None) -> Page[TopUp]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        rows = await self._db.fetch(LISTED, owner_id, *key, limit + 1)
        items = [shown(row) for row in rows[:limit]]
        last = items[-1] if len(rows) > limit else None
        return Page(items=items, next=encode_cursor(last.created_at, last.id) if last else None)

    async def _changed(self, ctx: Context, sql: str, id: UUID, *args: Any) -> Record:
        """The row after a conditional change, or as somebody else left it."""
        moved = await self._db.step(ctx, sql, id, *args)
        return moved[0] if moved else await self._row(id)

    async def _row(self, id: UUID) -> Record:
        found = await self._db.fetchrow(FIND, id)
        assert found is not None, "top-ups are never deleted"
        return found


def shown(row: Record) -> TopUp:
    """A top-up as its owner sees it; what is paid and not booked yet is still open."""
    status: Any = "open" if row["status"] == "paid" else row["status"]
    told = row["instructions"]
    return TopUp(
        id=row["id"],
        owner_id=row["owner_id"],
        credits=Money(minor=row["credits"], currency=CREDITS),
        price=money_of(row),
        provider=row["provider"],
        status=status,
        next_action_url=row["next_action_url"],
        decline_code=row["decline_code"],
        instructions=TransferInstructions.model_validate(told) if told else None,
        created_at=row["created_at"],
    )
