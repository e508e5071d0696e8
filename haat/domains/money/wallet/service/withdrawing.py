"""Withdrawals: credits asked to be money again, decided by staff, paid by a provider.

The credits are set aside in the ledger when it is asked for, and spent or given back at its end.
`advance` takes a withdrawal one step further from whatever was written last; requests, decisions,
the provider's messages and a timer all end in it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import structlog

from haat.domains.money.payments.api import Destination, Payments
from haat.domains.money.wallet import rules
from haat.domains.money.wallet.api import (
    CREDITS,
    CreditsTooLow,
    NoRate,
    WalletFrozen,
    Withdrawal,
    WithdrawalDue,
    WithdrawalEnded,
)
from haat.domains.money.wallet.rules import Move, Outcome
from haat.domains.money.wallet.service.moving import Moving, money_of
from haat.domains.money.wallet.settings import WalletSettings
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor, page_of

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=10)
_AT_ONCE = 20
_STEPS_MAX = 5
_BANK = "bank"  # staff pay, from the market's own account
_START = datetime(1, 1, 1, tzinfo=UTC)
_FIRST_ID = UUID(int=0)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_STATUSES = ("requested", "processing", "paid", "failed", "rejected")
_FINAL = frozenset({"paid", "failed", "rejected", "refused"})

FIND = Sql("SELECT * FROM wallet.withdrawals WHERE id = $1")

FIND_ALL = Sql("""
SELECT * FROM wallet.withdrawals
 WHERE id = ANY($1::uuid[]) AND status IN ('approved', 'processing')
""")

ASK = Sql("""
WITH born AS (
  INSERT INTO wallet.withdrawals (id, owner_id, credits, currency, minor, micro, holder, account,
                                  status, requested_at, touched_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'reserving', $9, $9)
  ON CONFLICT (id) DO NOTHING RETURNING *
)
SELECT * FROM born UNION ALL SELECT * FROM wallet.withdrawals WHERE id = $1
""")

# Small ones need no staff, except those of a wallet that was stopped in between.
RESERVED = Sql("""
UPDATE wallet.withdrawals w
   SET status = CASE WHEN small THEN 'approved' ELSE 'requested' END,
       decided_at = CASE WHEN small THEN $2::timestamptz END, touched_at = $2
  FROM (SELECT minor <= $3 AND NOT EXISTS (
          SELECT 1 FROM wallet.wallets f WHERE f.owner_id = a.owner_id AND f.frozen) AS small
          FROM wallet.withdrawals a WHERE a.id = $1) AS asked
 WHERE w.id = $1 AND w.status = 'reserving' RETURNING w.*
""")

REFUSE = Sql("""
UPDATE wallet.withdrawals SET status = 'refused', touched_at = $2, ended_at = $2
 WHERE id = $1 AND status = 'reserving' RETURNING *
""")

APPROVE = Sql("""
UPDATE wallet.withdrawals w
   SET status = 'approved', decided_at = $2, decided_by = $3, reason = $4, touched_at = $2
 WHERE id = $1 AND status = 'requested' AND outcome IS NULL
   AND NOT EXISTS (SELECT 1 FROM wallet.wallets f WHERE f.owner_id = w.owner_id AND f.frozen)
RETURNING *
""")

REJECT = Sql("""
UPDATE wallet.withdrawals
   SET outcome = 'rejected', decided_at = $2, decided_by = $3, reason = $4, touched_at = $2
 WHERE id = $1 AND status = 'requested' AND outcome IS NULL RETURNING *
""")

# The provider is chosen once: asking another one again would pay twice.
SENDING = Sql("""
WITH chosen AS (
  UPDATE wallet.withdrawals SET provider = $2, touched_at = $3
   WHERE id = $1 AND provider IS NULL RETURNING *
), noted AS (
  UPDATE wallet.moves SET provider = $2 WHERE id = $1 AND EXISTS (SELECT 1 FROM chosen)
)
SELECT * FROM chosen
""")

PROCESSING = Sql("""
UPDATE wallet.withdrawals
   SET status = 'processing', provider_ref = coalesce($2, provider_ref), touched_at = $3
 WHERE id = $1 AND status IN ('approved', 'processing') AND outcome IS NULL RETURNING *
""")

SETTLED = Sql("""
UPDATE wallet.withdrawals
   SET outcome = $2, provider_ref = coalesce($3, provider_ref), reason = coalesce($4, reason),
       touched_at = $5
 WHERE id = $1 AND status IN ('approved', 'processing') AND outcome IS NULL RETURNING *
""")

DONE = Sql("""
WITH moved AS (
  UPDATE wallet.withdrawals SET status = outcome, touched_at = $2, ended_at = $2
   WHERE id = $1 AND outcome IS NOT NULL AND status <> outcome RETURNING *
) /*emit:moved*/
SELECT * FROM moved
""")

# Claimed by touching, so that two processes do not ask about the same ones.
UNFINISHED = Sql("""
UPDATE wallet.withdrawals SET touched_at = $2
 WHERE id IN (
   SELECT id FROM wallet.withdrawals
    WHERE (status IN ('reserving', 'approved', 'processing')
           OR (status = 'requested' AND outcome IS NOT NULL)) AND touched_at < $1
    ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")

BY_IDS = Sql("""
SELECT * FROM wallet.withdrawals WHERE id = ANY($1::uuid[]) ORDER BY requested_at, id
""")

DUE = Sql("""
SELECT id, holder, account, minor, currency, requested_at FROM wallet.withdrawals
 WHERE status IN ('approved', 'processing') AND outcome IS NULL AND provider = $1
   AND (requested_at, id) > ($2, $3::uuid)
 ORDER BY requested_at, id LIMIT $4
""")

OF_OWNER = Sql("""
SELECT * FROM wallet.withdrawals
 WHERE owner_id = $1 AND status NOT IN ('reserving', 'refused')
   AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")

QUEUE = Sql("""
SELECT * FROM wallet.withdrawals
 WHERE (CASE WHEN outcome = 'rejected' THEN 'rejected'
             WHEN status = 'approved' THEN 'processing' ELSE status END) = ANY($1::text[])
   AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")


class Withdrawing:
    """The use cases that turn credits into money."""

    def __init__(
        self, db: Database, moving: Moving, payments: Payments, settings: WalletSettings
    ) -> None:
        self._db = db
        self._moving = moving
        self._payments = payments
        self._settings = settings

    async def withdraw(
        self, ctx: Context, id: UUID, owner_id: UUID, credits: int, currency: str, to: Destination
    ) -> Withdrawal:
        account = rules.checked_account(to.account)
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            micro, frozen = await self._moving.terms(ctx, owner_id, currency)
            if frozen:
                raise WalletFrozen
            if micro is None:
                raise NoRate
            money = (currency, rules.price_of(credits, micro), micro)
            args = (id, owner_id, credits, *money, to.holder.strip(), account, ctx.now())
            # Empty when somebody else wrote the row at this very moment.
            rows = await self._db.step(ctx, ASK, *args) or await self._db.step(ctx, ASK, *args)
            row = rows[0]
        if row["owner_id"] != owner_id:
            raise NotFound
        if (row["credits"], row["account"]) != (credits, account):
            raise Conflict("This withdrawal was asked for otherwise.", code="withdrawal_conflict")
        if row["status"] == "reserving":
            row = await self.advance(ctx, row)
        if row["status"] == "refused":
            raise CreditsTooLow(
                available=(await self._moving.available(ctx, owner_id)).model_dump()
            )
        return shown(row)

    async def decide(
        self, ctx: Context, id: UUID, decision: Literal["approve", "reject"], reason: str
    ) -> Withdrawal:
        reason = reason.strip()
        if decision == "reject" and not reason:
            raise Invalid.at("reason", "Say why; the owner reads it.", "missing")
        sql = APPROVE if decision == "approve" else REJECT
        moved = await self._db.step(ctx, sql, id, ctx.now(), ctx.actor.id, reason or None)
        row = moved[0] if moved else await self._db.fetchrow(FIND, id)
        if row is None or row["status"] in ("reserving", "refused"):
            raise NotFound
        rejected = "rejected" in (row["outcome"], row["status"])
        if not moved:
            if (row["status"], row["outcome"], decision) == ("requested", None, "approve"):
                raise WalletFrozen("This wallet is frozen; nothing is paid out from it.")
            if (decision == "reject") != rejected:
                raise Conflict(f"This withdrawal is {row['status']}.", code="withdrawal_state")
        return shown(await self.advance(ctx, row))

    async def settled(self, ctx: Context, ended: Sequence[tuple[UUID, bool, str, str]]) -> None:
        """The provider said how these ended: (id, paid, its reference, why not). Payouts are among
        them; what is unknown here is theirs."""
        rows = {r["id"]: r for r in await self._db.fetch(FIND_ALL, [one[0] for one in ended])}
        for id, paid, ref, why in ended:
            if id in rows:
                outcome: Outcome = "paid" if paid else "failed"
                row = await self._outcome(ctx, rows[id], outcome, ref or None, why or None)
                await self.advance(ctx, row)

    async def due(self, limit: int, cursor: str | None) -> Page[WithdrawalDue]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_START, _FIRST_ID]
        rows = await self._db.fetch(DUE, _BANK, *key, limit + 1)
        return page_of([_due(row) for row in rows], limit, "requested_at", "id")

    async def settle(self, ctx: Context, ids: Sequence[UUID], paid: bool, reason: str) -> None:
        """Payments is told first: how one ended is decided there, once."""
        rows = await self._db.fetch(BY_IDS, ids)
        if len(rows) < len(set(ids)):
            raise NotFound
        if any(row["provider"] != _BANK for row in rows):
            raise Conflict("Its provider says how this ends.", code="withdrawal_state")
        for row in rows:
            if row["status"] == "approved" and row["outcome"] is None:
                await self.advance(ctx, row)  # payments has not heard of it yet
        await self._payments.settle_disbursements(ctx, ids=list(ids), paid=paid, reason=reason)
        await self.settled(ctx, [(id, paid, "", reason) for id in ids])

    async def resume(self, ctx: Context) -> None:
        """Takes half-done withdrawals further; a provider that is away is asked again later."""
        now = ctx.now()
        for row in await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE):
            try:
                await self.advance(ctx, row)
            except Problem as problem:
                _log.warning("withdrawal_waits", withdrawal_id=str(row["id"]), code=problem.code)

    async def advance(self, ctx: Context, row: Record) -> Record:
        """On to a state that waits for somebody else, or to the end."""
        for _ in range(_STEPS_MAX):
            if row["status"] in _FINAL:
                return row
            if row["outcome"] is not None:
                row = await self._finish(ctx, row)
            elif row["status"] == "reserving":
                row = await self._reserve(ctx, row)
            elif row["status"] in ("approved", "processing"):
                after = await self._disburse(ctx, row)
                if after["outcome"] is None:
                    return after
                row = after
            else:
                return row
        return row

    async def _reserve(self, ctx: Context, row: Record) -> Record:
        id: UUID = row["id"]
        money = (row["currency"], row["minor"])
        move = Move(id, "withdrawn", row["owner_id"], id, row["credits"], *money)
        written = await self._moving.write(ctx, move, micro=row["micro"])
        aside = await self._moving.set_aside(ctx, written)
        if aside["state"] == "held":
            auto = self._settings.wallet_auto_withdraw_minor
            return await self._changed(ctx, row, RESERVED, id, ctx.now(), auto)
        if aside["decline_code"] is not None:
            await self._moving.finish(ctx, aside)
            return await self._changed(ctx, row, REFUSE, id, ctx.now())
        return await self._current(row)

    async def _disburse(self, ctx: Context, row: Record) -> Record:
        if row["provider"] is None:
            provider = await self._provider(ctx)
            row = await self._changed(ctx, row, SENDING, row["id"], provider, ctx.now())
        destination = Destination(holder=row["holder"], account=row["account"])
        try:
            answer = await self._payments.disburse(
                ctx,
                id=row["id"],
                amount=money_of(row),
                destination=destination,
                provider=row["provider"],
            )
        except Unavailable:
            return row
        ref = answer.provider_ref
        if answer.status == "pending":
            return await self._changed(ctx, row, PROCESSING, row["id"], ref, ctx.now())
        return await self._outcome(ctx, row, answer.status, ref, answer.failure)

    async def _provider(self, ctx: Context) -> str:
        if self._settings.wallet_payout_provider:
            return self._settings.wallet_payout_provider
        offered = await self._payments.providers(ctx)
        return next((one.name for one in offered if one.disburses), _BANK)

    async def _outcome(
        self, ctx: Context, row: Record, outcome: Outcome, ref: str | None, reason: str | None
    ) -> Record:
        return await self._changed(ctx, row, SETTLED, row["id"], outcome, ref, reason, ctx.now())

    async def _finish(self, ctx: Context, row: Record) -> Record:
        id: UUID = row["id"]
        move = await self._moving.find(id)
        assert move is not None, "a withdrawal has its movement before it is decided"
        paid = row["outcome"] == "paid"
        after = await (self._moving.take if paid else self._moving.give)(ctx, move)
        assert after["state"] == ("done" if paid else "undone"), "its credits were set aside"
        event = WithdrawalEnded(
            owner_id=row["owner_id"],
            withdrawal_id=id,
            credits=Money(minor=row["credits"], currency=CREDITS),
            amount=money_of(row),
            status=row["outcome"],
        )
        moved = await self._db.step(ctx, DONE, id, ctx.now(), emit=[event])
        return moved[0] if moved else await self._current(row)

    async def withdrawals(self, owner_id: UUID, limit: int, cursor: str | None) -> Page[Withdrawal]:
        return _page(await self._db.fetch(OF_OWNER, owner_id, *_before(cursor), limit + 1), limit)

    async def queue(self, status: str | None, limit: int, cursor: str | None) -> Page[Withdrawal]:
        if status is not None and status not in _STATUSES:
            raise Invalid.at("status", "One of " + ", ".join(_STATUSES) + ".", "status_unknown")
        wanted = list(_STATUSES) if status is None else [status]
        return _page(await self._db.fetch(QUEUE, wanted, *_before(cursor), limit + 1), limit)

    async def _changed(self, ctx: Context, row: Record, sql: str, *args: Any) -> Record:
        """The row after a conditional change, or as somebody else left it."""
        moved = await self._db.step(ctx, sql, *args)
        return moved[0] if moved else await self._current(row)

    async def _current(self, row: Record) -> Record:
        found = await self._db.fetchrow(FIND, row["id"])
        assert found is not None, "withdrawals are never deleted"
        return found


def _before(cursor: str | None) -> list[Any]:
    return decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]


def _page(rows: list[Record], limit: int) -> Page[Withdrawal]:
    items = [shown(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return Page(items=items, next=encode_cursor(last.requested_at, last.id) if last else None)


def _due(row: Record) -> WithdrawalDue:
    return WithdrawalDue(
        id=row["id"],
        holder=row["holder"],
        account=row["account"],
        amount=money_of(row),
        requested_at=row["requested_at"],
    )


def shown(row: Record) -> Withdrawal:
    """A withdrawal as its owner and staff see it; the account is masked."""
    status = "rejected" if row["outcome"] == "rejected" else row["status"]
    words = {"reserving": "requested", "approved": "processing"}
    seen: Any = words.get(status, status)
    return Withdrawal(
        id=row["id"],
        owner_id=row["owner_id"],
        credits=Money(minor=row["credits"], currency=CREDITS),
        amount=money_of(row),
        status=seen,
        holder=row["holder"],
        account=rules.masked(row["account"]),
        reason=row["reason"],
        requested_at=row["requested_at"],
        ended_at=row["ended_at"],
    )
