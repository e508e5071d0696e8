"""Conversion rates: what credits cost from when on, with their history."""

from datetime import UTC, datetime
from uuid import UUID

from haat.domains.money.wallet import rules
from haat.domains.money.wallet.api import NoRate, Rate, RateOverlaps
from haat.engines.sql import Database, Record, Sql, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Conflict
from haat.kernel.ids import derive
from haat.kernel.page import Page, decode_cursor, encode_cursor

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_DEFAULTS = UUID(int=0x63726564)  # the parent of the ids of the rates that markets begin with

SET = Sql("""
WITH born AS (
  INSERT INTO wallet.rates (id, currency, micro, valid_from, set_by, note)
  SELECT $1, $2, $3, coalesce($4::timestamptz, $7::timestamptz), $5, $6 WHERE $4 IS NULL OR $4 >= $7
  ON CONFLICT (id) DO NOTHING RETURNING *
)
SELECT * FROM born UNION ALL SELECT * FROM wallet.rates WHERE id = $1
""")

# Only where no rate of that currency was ever set: staff may have been faster.
DEFAULT = Sql("""
INSERT INTO wallet.rates (id, currency, micro, valid_from, note)
SELECT $1, $2, $3, $4, '' WHERE NOT EXISTS (SELECT 1 FROM wallet.rates WHERE currency = $2)
ON CONFLICT DO NOTHING
""")

VALID_TO = Sql("""
SELECT min(valid_from) FROM wallet.rates WHERE currency = $1 AND valid_from > $2
""")

LISTED = Sql("""
SELECT r.*, (SELECT min(n.valid_from) FROM wallet.rates n
              WHERE n.currency = r.currency AND n.valid_from > r.valid_from) AS valid_to
  FROM wallet.rates r
 WHERE ($1::text IS NULL OR currency = $1) AND (valid_from, id) < ($2, $3::uuid)
 ORDER BY valid_from DESC, id DESC LIMIT $4
""")

AT = Sql("""
SELECT r.*, (SELECT min(n.valid_from) FROM wallet.rates n
              WHERE n.currency = r.currency AND n.valid_from > r.valid_from) AS valid_to
  FROM wallet.rates r WHERE currency = $1 AND valid_from <= $2
 ORDER BY valid_from DESC LIMIT 1
""")


class Rating:
    """The use cases around conversion rates."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def set_rate(
        self,
        ctx: Context,
        id: UUID,
        currency: str,
        micro: int,
        valid_from: datetime | None,
        note: str,
    ) -> Rate:
        args = (id, currency, micro, valid_from, ctx.actor.id, note, ctx.now())
        try:
            rows = await self._db.step(ctx, SET, *args) or await self._db.step(ctx, SET, *args)
        except UniqueViolation:
            raise RateOverlaps("Another rate of this currency begins at that moment.") from None
        if not rows:
            raise RateOverlaps
        row = rows[0]
        same = valid_from in (None, row["valid_from"])
        if (row["currency"], row["micro"], same) != (currency, micro, True):
            raise Conflict("A rate with this id exists already.", code="credit_rate_exists")
        return _rate(row, await self._db.fetchval(VALID_TO, currency, row["valid_from"]))

    async def begin(self, ctx: Context, currency: str) -> None:
        """The rate a market opens with."""
        args = (derive(_DEFAULTS, currency), currency, rules.default_micro(currency), ctx.now())
        await self._db.step(ctx, DEFAULT, *args)

    async def rates(self, currency: str | None, limit: int, cursor: str | None) -> Page[Rate]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        rows = await self._db.fetch(LISTED, currency, *key, limit + 1)
        items = [_rate(row, row["valid_to"]) for row in rows[:limit]]
        last = items[-1] if len(rows) > limit else None
        return Page(items=items, next=encode_cursor(last.valid_from, last.id) if last else None)

    async def rate(self, currency: str, at: datetime) -> Rate:
        row = await self._db.fetchrow(AT, currency, at)
        if row is None:
            raise NoRate
        return _rate(row, row["valid_to"])


def _rate(row: Record, valid_to: datetime | None) -> Rate:
    return Rate(
        id=row["id"],
        currency=row["currency"],
        micro=row["micro"],
        valid_from=row["valid_from"],
        valid_to=valid_to,
        set_by=row["set_by"],
        note=row["note"],
    )
