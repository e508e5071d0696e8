"""Where answers to requests with an Idempotency-Key are kept: schema `rest`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from haat.engines.sql import Database, Sql

# After this a request that never answered may be done again: its process may have died. It may also
# still be at work; ids derive from the key, so doing it twice does it once.
CLAIM = timedelta(seconds=15)
KEEP = timedelta(days=2)

# Neither of the two waits for the disk. Should the machine die in the moment after, a claim or an
# answer is missing, as when the process dies beside it: the request may be sent again, and ids that
# derive from its key keep it from being done twice. What it did is committed by its own statements.
_CLAIM = Sql("""
WITH soon AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO rest.answers AS a (principal, route, key, body_hash, claimed_at)
SELECT $1::text, $2::text, $3::text, $4::bytea, $5::timestamptz FROM soon
ON CONFLICT (principal, route, key) DO UPDATE SET claimed_at = excluded.claimed_at
 WHERE a.status IS NULL AND a.body_hash = excluded.body_hash AND a.claimed_at < $6
RETURNING 1
""")
_READ = Sql("""
SELECT body_hash, status, content_type, body FROM rest.answers
 WHERE principal = $1 AND route = $2 AND key = $3
""")
_KEEP = Sql("""
WITH soon AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE rest.answers SET status = $4, content_type = $5, body = $6 FROM soon
 WHERE principal = $1 AND route = $2 AND key = $3
""")
_FORGET = Sql("""
DELETE FROM rest.answers
 WHERE principal = $1 AND route = $2 AND key = $3 AND status IS NULL
""")
_TRIM = Sql("DELETE FROM rest.answers WHERE claimed_at < $1")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer given before; `status` None: the first request is still under way."""

    body_hash: bytes
    status: int | None
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Name:
    """Which request: the same principal, route and key name the same one."""

    principal: str
    route: str
    key: str


class AnswerStore:
    """Claims requests and keeps their answers."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def claim(self, name: Name, body_hash: bytes, now: datetime) -> Kept | None:
        """None: it is ours to do. Otherwise what is known of the earlier one."""
        where = (name.principal, name.route, name.key)
        for _ in range(3):
            if await self._db.fetchval(_CLAIM, *where, body_hash, now, now - CLAIM):
                return None
            row = await self._db.fetchrow(_READ, *where)
            if row is not None:
                return Kept(row["body_hash"], row["status"], row["content_type"], row["body"])
        raise AssertionError("an answer comes and goes")

    async def keep(self, name: Name, status: int, content_type: str, body: bytes) -> None:
        where = (name.principal, name.route, name.key)
        await self._db.execute(_KEEP, *where, status, content_type, body)

    async def forget(self, name: Name) -> None:
        """The request failed without an answer worth keeping: it may be sent again at once."""
        await self._db.execute(_FORGET, name.principal, name.route, name.key)

    async def trim(self, now: datetime) -> None:
        await self._db.execute(_TRIM, now - KEEP)
