"""Top-ups whose money a provider took back: disputed by the card's holder, or refunded over there.

The books follow the money step by step (docs/flows/wallet.md). The credits are set aside while a
dispute is open, as far as the wallet still has them; where it has too few it is frozen.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.wallet.rules import Claim, Move
from haat.domains.money.wallet.service.moving import Moving
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Problem
from haat.kernel.ids import derive

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=10)
_AT_ONCE = 20
_TRIES = 8
_REASON = "The money of a top-up was taken back, and too few credits are left."

# A verdict is final; the fee is the first one told.
HEAR = Sql("""
WITH told AS (
  INSERT INTO wallet.claims (id, topup_id, minor, fee, credits, verdict, created_at, touched_at)
  SELECT $1, id, $3::bigint, $4,
         div(2 * credits::numeric * $3::bigint + minor, 2 * minor)::bigint, $5, $6, $6
    FROM wallet.topups WHERE id = $2
  ON CONFLICT (id) DO UPDATE
     SET verdict = EXCLUDED.verdict, touched_at = EXCLUDED.touched_at,
         fee = CASE WHEN claims.fee = 0 THEN EXCLUDED.fee ELSE claims.fee END
   WHERE claims.verdict = 'open'
  RETURNING *
)
SELECT told.*, t.owner_id, t.currency, t.provider
  FROM told JOIN wallet.topups t ON t.id = told.topup_id
""")

FIND = Sql("""
SELECT c.*, t.owner_id, t.currency, t.provider
  FROM wallet.claims c JOIN wallet.topups t ON t.id = c.topup_id WHERE c.id = $1
""")

TAKEN = Sql("""
UPDATE wallet.claims SET taken = $3, touched_at = $4
 WHERE id = $1 AND attempt = $2 AND taken IS NULL RETURNING id
""")

AGAIN = Sql("""
UPDATE wallet.claims SET attempt = attempt + 1, touched_at = $3
 WHERE id = $1 AND attempt = $2 AND taken IS NULL RETURNING id
""")

FREEZE = Sql("""
INSERT INTO wallet.wallets (owner_id, frozen, reason, claim_id, changed_at)
VALUES ($1, true, $2, $3, $4)
ON CONFLICT (owner_id) DO UPDATE
   SET frozen = true, reason = EXCLUDED.reason, claim_id = EXCLUDED.claim_id, changed_by = NULL,
       changed_at = EXCLUDED.changed_at
 WHERE NOT wallets.frozen
""")

THAW = Sql("""
UPDATE wallet.wallets SET frozen = false, changed_at = $2 WHERE claim_id = $1 AND frozen
""")

FOLLOWED = Sql("""
UPDATE wallet.claims SET followed = $2, touched_at = $3 WHERE id = $1 AND verdict = $2
""")

UNFINISHED = Sql("""
UPDATE wallet.claims SET touched_at = $2
 WHERE id IN (
   SELECT id FROM wallet.claims WHERE followed IS DISTINCT FROM verdict AND touched_at < $1
    ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id
""")


class Claiming:
    """Follows what providers say about money they took back."""

    def __init__(self, db: Database, moving: Moving, ledger: Ledger) -> None:
        self._db = db
        self._moving = moving
        self._ledger = ledger

    async def heard(
        self, ctx: Context, id: UUID, topup_id: UUID, minor: int, fee: int, verdict: str
    ) -> None:
        """Harmless when repeated, or when the top-up is unknown."""
        await self._db.step(ctx, HEAR, id, topup_id, minor, fee, verdict, ctx.now())
        await self._follow(ctx, id)

    async def resume(self, ctx: Context) -> None:
        now = ctx.now()
        for row in await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE):
            try:
                await self._follow(ctx, row["id"])
            except Problem as problem:
                _log.warning("claim_waits", claim_id=str(row["id"]), code=problem.code)

    async def _follow(self, ctx: Context, id: UUID) -> None:
        row = await self._db.fetchrow(FIND, id)
        if row is None or row["followed"] == row["verdict"]:
            return
        money = (row["provider"], row["currency"], row["minor"], row["fee"])
        claim = Claim(id, row["topup_id"], *money)
        verdict: str = row["verdict"]
        await self._ledger.post(ctx, transfers=claim.legs(verdict))
        if verdict != "won":
            row = await self._take(ctx, row)
        move = await self._moving.find(_back(row))
        if row["verdict"] != verdict:  # it was decided meanwhile, before there was this movement
            verdict = row["verdict"]
            await self._ledger.post(ctx, transfers=claim.legs(verdict))
        if move is not None and verdict in ("lost", "refunded"):
            await self._moving.take(ctx, move)
        if verdict == "won":
            if move is not None:
                await self._moving.give(ctx, move)
            await self._db.step(ctx, THAW, id, ctx.now())
        await self._db.step(ctx, FOLLOWED, id, verdict, ctx.now())

    async def _take(self, ctx: Context, row: Record) -> Record:
        """Sets aside what the wallet has of the credits; freezes it when that is not all."""
        for _ in range(_TRIES):
            if row["taken"] is not None:
                break
            begun = await self._moving.find(_back(row))
            if begun is not None:  # what it set aside is not available any more
                credits = begun["credits"]
            else:
                available = await self._moving.available(ctx, row["owner_id"])
                credits = max(0, min(row["credits"], available.minor))
            await self._try(ctx, row, credits)
            found = await self._db.fetchrow(FIND, row["id"])
            assert found is not None, "claims are never deleted"
            row = found
        if row["taken"] is None or row["taken"] < row["credits"]:
            await self._db.step(ctx, FREEZE, row["owner_id"], _REASON, row["id"], ctx.now())
        return row

    async def _try(self, ctx: Context, row: Record, credits: int) -> None:
        """One try under an id of its own: the balance may be lower by the time it is taken."""
        id, attempt = row["id"], row["attempt"]
        if credits == 0:
            await self._db.step(ctx, TAKEN, id, attempt, 0, ctx.now())
            return
        money = (row["currency"], row["minor"], row["provider"])
        move = Move(_back(row), "reversed", row["owner_id"], row["topup_id"], credits, *money)
        written = await self._moving.write(ctx, move, parent_id=id)
        aside = await self._moving.set_aside(ctx, written)
        if aside["decline_code"] is None:
            await self._db.step(ctx, TAKEN, id, attempt, aside["credits"], ctx.now())
        else:
            await self._db.step(ctx, AGAIN, id, attempt, ctx.now())


def _back(row: Record) -> UUID:
    """The id of the movement by which this try takes credits back."""
    return derive(row["id"], f"back:{row['attempt']}")
