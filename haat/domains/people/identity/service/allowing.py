"""How often something may be tried: counted before it is done, so that many at once are no way
around. Counts stand under hashes; nobody is told who tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from haat.engines.sql import Database, Sql
from haat.kernel.context import Context

# A window begins with its first try, and ends whatever is tried meanwhile.
ALLOW = Sql("""
INSERT INTO identity.attempts AS a (key, most, failures, until)
SELECT key, most, 1, until
  FROM unnest($1::bytea[], $2::int[], $4::timestamptz[]) AS t (key, most, until) ORDER BY key
ON CONFLICT (key) DO UPDATE
   SET failures = CASE WHEN a.until <= $3 THEN 1 ELSE a.failures + 1 END,
       most = excluded.most,
       until = CASE WHEN a.until <= $3 THEN excluded.until ELSE a.until END
 WHERE a.until <= $3 OR a.failures < excluded.most
RETURNING key
""")
WIPE = Sql("DELETE FROM identity.attempts WHERE key = ANY($1::bytea[])")


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `most` tries under `key` in `window`."""

    key: bytes
    most: int
    window: timedelta

    @property
    def wait_s(self) -> int:
        """After which time one may try again for certain."""
        return int(self.window.total_seconds())


async def admitted(db: Database, ctx: Context, allowances: Sequence[Allowance]) -> set[bytes]:
    """Counts one try under each; the keys under which it was still allowed."""
    now = ctx.now()
    rows = await db.step(
        ctx,
        ALLOW,
        [one.key for one in allowances],
        [one.most for one in allowances],
        now,
        [now + one.window for one in allowances],
    )
    return {row["key"] for row in rows}


async def wipe(db: Database, *keys: bytes) -> None:
    """Forgets what was counted under these: it went well."""
    await db.execute(WIPE, list(keys))
