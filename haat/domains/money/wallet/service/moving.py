"""The journal of movements: each is written first, then the ledger is told, then that it was.

What leaves a wallet is set aside by a pending transfer (asked → held) and ends by being posted
(posting → done) or given back (voiding → undone); what comes begins at posting. The decision, to
post or to void, is one conditional update; telling the ledger may be repeated by anybody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.ledger.api import Insufficient, Ledger
from haat.domains.money.wallet import rules
from haat.domains.money.wallet.api import CREDITS
from haat.domains.money.wallet.rules import Move
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=10)
_LATEST_ARRIVAL = timedelta(minutes=10)  # no post of ours can still reach the ledger then
_STALE = timedelta(days=1)
_AT_ONCE = 50

FIND = Sql("SELECT * FROM wallet.moves WHERE id = $1")

TERMS = Sql("""
SELECT (SELECT micro FROM wallet.rates WHERE currency = $2 AND valid_from <= $3
         ORDER BY valid_from DESC LIMIT 1) AS micro,
       EXISTS (SELECT 1 FROM wallet.wallets WHERE owner_id = $1 AND frozen) AS frozen
""")

WRITE = Sql("""
WITH born AS (
  INSERT INTO wallet.moves (id, transfer_id, owner_id, kind, parent_id, reference, credits,
                            currency, minor, micro, provider, note, made_by, state, decline_code,
                            created_at, touched_at, ended_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16,
          CASE WHEN $14::text = 'undone' THEN $16::timestamptz END)
  ON CONFLICT DO NOTHING RETURNING *
)
SELECT * FROM born UNION ALL SELECT * FROM wallet.moves WHERE id = $1
""")

HELD = Sql("""
UPDATE wallet.moves SET state = 'held', touched_at = $2
 WHERE id = $1 AND state = 'asked' RETURNING *
""")

DECLINE = Sql("""
UPDATE wallet.moves
   SET state = 'voiding', decline_code = 'credits_too_low', decided_at = $2, touched_at = $2
 WHERE id = $1 AND state = 'asked' RETURNING *
""")

TAKE = Sql("""
UPDATE wallet.moves SET state = 'posting', touched_at = $2
 WHERE id = $1 AND kind = $3 AND state = 'held' RETURNING *
""")

GIVE = Sql("""
UPDATE wallet.moves SET state = 'voiding', decided_at = $2, touched_at = $2
 WHERE id = $1 AND kind = $3 AND state IN ('asked', 'held') RETURNING *
""")

DONE = Sql("""
UPDATE wallet.moves SET state = 'done', ended_at = $2, touched_at = $2
 WHERE id = $1 AND state = 'posting' RETURNING *
""")

UNDONE = Sql("""
UPDATE wallet.moves SET state = 'undone', ended_at = $2, touched_at = $2
 WHERE id = $1 AND state = 'voiding' RETURNING *
""")

# Claimed by touching, so that two processes do not finish the same ones.
UNFINISHED = Sql("""
UPDATE wallet.moves SET touched_at = $2
 WHERE id IN (
   SELECT id FROM wallet.moves
    WHERE state IN ('posting', 'voiding') AND touched_at < $1
    ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")

STALE = Sql("""
SELECT id, kind, owner_id, created_at FROM wallet.moves
 WHERE state IN ('asked', 'held') AND kind = 'spent' AND created_at < $1
 ORDER BY created_at LIMIT $2
""")


class Moving:
    """Writes movements and takes them further. Every method may be repeated."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def terms(self, ctx: Context, owner_id: UUID, currency: str) -> tuple[int | None, bool]:
        """The rate of now in micro (None: there is none), and whether the wallet is frozen."""
        row = await self._db.fetchrow(TERMS, owner_id, currency, ctx.now())
        assert row is not None
        return row["micro"], row["frozen"]

    async def available(self, ctx: Context, owner_id: UUID) -> Money:
        """The credits that nothing has set aside."""
        [held] = await self._ledger.balances(ctx, accounts=[rules.wallet_of(owner_id)])
        return Money(minor=held.free_minor, currency=CREDITS)

    async def find(self, id: UUID) -> Record | None:
        return await self._db.fetchrow(FIND, id)

    async def write(
        self,
        ctx: Context,
        move: Move,
        *,
        micro: int | None = None,
        parent_id: UUID | None = None,
        note: str = "",
        decline_code: str | None = None,
    ) -> Record:
        """The movement as written now or before."""
        state = "asked" if move.kind in rules.ASIDE else "posting"
        args = (
            *(move.id, rules.transfer_id(move.id), move.owner_id, move.kind, parent_id),
            *(move.reference, move.credits, move.currency, move.minor, micro, move.provider),
            *(note, ctx.actor.id, "undone" if decline_code else state, decline_code, ctx.now()),
        )
        # Empty when somebody else wrote the row at this very moment.
        rows = await self._db.step(ctx, WRITE, *args) or await self._db.step(ctx, WRITE, *args)
        return rows[0]

    async def set_aside(self, ctx: Context, row: Record) -> Record:
        """asked → held, or declined when the wallet holds too little."""
        if row["state"] != "asked":
            return row
        pending = move_of(row).credit_leg()
        try:
            await self._ledger.post(ctx, transfers=pending)
        except Insufficient:
            return await self._changed(ctx, DECLINE, row)
        row = await self._changed(ctx, HELD, row)
        if row["state"] in ("voiding", "undone"):
            # It was ended here while the ledger set it aside.
            await self._ledger.void_pending(ctx, ids=[row["transfer_id"]])
        return row

    async def take(self, ctx: Context, row: Record) -> Record:
        """What is held is spent; an end that was decided before stands."""
        return await self.finish(ctx, await self._changed(ctx, TAKE, row, row["kind"]))

    async def give(self, ctx: Context, row: Record) -> Record:
        """What is held, or just being set aside, comes back; an end decided before stands."""
        return await self.finish(ctx, await self._changed(ctx, GIVE, row, row["kind"]))

    async def finish(self, ctx: Context, row: Record) -> Record:
        """Tells the ledger what was decided."""
        if row["state"] == "posting":
            await self._post(ctx, move_of(row))
            return await self._changed(ctx, DONE, row)
        if row["state"] == "voiding":
            try:
                await self._ledger.void_pending(ctx, ids=[row["transfer_id"]])
            except NotFound:
                # Nothing was set aside (yet): a post may still be on its way for a while.
                if ctx.now() - row["decided_at"] < _LATEST_ARRIVAL:
                    return row
            return await self._changed(ctx, UNDONE, row)
        return row

    async def _post(self, ctx: Context, move: Move) -> None:
        if move.kind in rules.ASIDE:
            if money := move.money_leg():
                await self._ledger.post(ctx, transfers=money)
            await self._ledger.post_pending(ctx, ids=[rules.transfer_id(move.id)])
        elif legs := [*move.money_leg(), *move.credit_leg()]:
            await self._ledger.post(ctx, transfers=legs)

    async def resume(self, ctx: Context) -> None:
        """Finishes what was decided and not told to the ledger."""
        now = ctx.now()
        for row in await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE):
            try:
                await self.finish(ctx, row)
            except Problem as problem:
                _log.warning("credits_wait", move_id=str(row["id"]), code=problem.code)

    async def stale(self, ctx: Context) -> Sequence[Record]:
        """Holds that nobody captured or voided for a day: whoever asked for them forgot them."""
        rows = await self._db.fetch(STALE, ctx.now() - _STALE, _AT_ONCE)
        for row in rows:
            since: datetime = row["created_at"]
            _log.error("credits_held_too_long", move_id=str(row["id"]), since=since.isoformat())
        return rows

    async def _changed(self, ctx: Context, sql: str, row: Record, *args: Any) -> Record:
        """The row after a conditional change, or as somebody else left it."""
        moved = await self._db.step(ctx, sql, row["id"], ctx.now(), *args)
        found = moved[0] if moved else await self.find(row["id"])
        assert found is not None, "movements are never deleted"
        return found


def move_of(row: Record) -> Move:
    return Move(
        id=row["id"],
        kind=row["kind"],
        owner_id=row["owner_id"],
        reference=row["reference"],
        credits=row["credits"],
        currency=row["currency"],
        minor=row["minor"],
        provider=row["provider"],
    )


def money_of(row: Record) -> Money:
    return Money(minor=row["minor"], currency=row["currency"])
