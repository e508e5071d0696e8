"""Proves the audit: no entry is changed, gone, added or moved; each reason is what was given."""

from haat.domains.trust.audit import hashing
from haat.engines.sql import Database, Sql

INVARIANTS = ("chain", "head", "reasons")
PAGE = 1000
AFTER = Sql("SELECT * FROM audit.entries WHERE seq > $1 ORDER BY seq LIMIT $2")
HEAD = Sql("SELECT position, hash FROM audit.chain")
REASONS = Sql("""
SELECT r.seq, r.salt, r.text, e.reason_digest
  FROM audit.reasons r JOIN audit.entries e ON e.seq = r.seq
 WHERE r.seq > $1 ORDER BY r.seq LIMIT $2
""")
_LOWEST = -(1 << 63)


async def prove(db: Database, limit: int = 10) -> list[str]:
    """Lines `audit.<invariant>: …`, at most `limit`. Holds a page of entries in memory."""
    # Noted first: what is written meanwhile stands behind it.
    head = await db.fetchrow(HEAD)
    found = await _chain(db, head["position"] if head else 0, head["hash"] if head else None)
    found += await _reasons(db)
    return found[:limit]


async def _chain(db: Database, position: int, noted: bytes | None) -> list[str]:
    before, at, last = hashing.GENESIS, 0, _LOWEST
    while rows := await db.fetch(AFTER, last, PAGE):
        for row in rows:
            if row["seq"] != at + 1:
                return [f"audit.chain: entry {at + 1} is missing, {row['seq']} stands there"]
            if hashing.link(before, row) != row["hash"]:
                return [f"audit.chain: entry {row['seq']} ({row['id']}) does not follow"]
            before, at = row["hash"], row["seq"]
            if at == position and before != noted:
                return [f"audit.head: entry {at} is not the one that the head was made of"]
        last = rows[-1]["seq"]
    if at < position:
        return [f"audit.head: the chain ends at {at}, its head is at {position}"]
    if noted is None and at:
        head = await db.fetchrow(HEAD)  # the first entries may have come meanwhile
        if head is None:
            return [f"audit.head: there are {at} entries, and no head"]
    return []


async def _reasons(db: Database) -> list[str]:
    last = _LOWEST
    while rows := await db.fetch(REASONS, last, PAGE):
        for row in rows:
            if hashing.digest(row["salt"], row["text"]) != row["reason_digest"]:
                return [f"audit.reasons: the reason of entry {row['seq']} is not what was given"]
        last = rows[-1]["seq"]
    return []
