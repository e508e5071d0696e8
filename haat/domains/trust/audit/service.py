"""The audit's use cases: taking notes into the chain, and looking them up."""

import json
import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from haat.domains.trust.audit import hashing
from haat.domains.trust.audit.api import Asked, Audit, AuditNoted, Entry, Form, Head, Part
from haat.domains.trust.audit.spelling import csv_of, lines_of
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.page import LIMIT_MAX, Page, decode_cursor, encode_cursor

# Whoever adds to the chain holds its end: links follow one another, whoever writes at once.
BEGIN = Sql("""
INSERT INTO audit.chain (position, hash) VALUES (0, $1) ON CONFLICT (single) DO NOTHING
""")
END = Sql("SELECT position, hash FROM audit.chain FOR UPDATE")
MOVE = Sql("UPDATE audit.chain SET position = $1, hash = $2")
ADD = Sql("""
INSERT INTO audit.entries
       (seq, id, at, actor_type, actor_id, acting, acting_vendor_id, session_id, command,
        request_id, module, kind, subject, change, vendor_id, person_id, changes, reason_digest,
        hash)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[],
                     $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::text[],
                     $12::text[], $13::text[], $14::text[], $15::uuid[], $16::uuid[],
                     $17::text[]::jsonb[], $18::bytea[], $19::bytea[])
""")
ADD_REASONS = Sql("""
INSERT INTO audit.reasons (seq, salt, text)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[])
""")
# Put together of what is asked for: the planner takes an index of that.
_FIND = """
SELECT e.*, coalesce(r.text, '') AS reason, e.reason_digest IS NOT NULL AND r.seq IS NULL AS erased
  FROM audit.entries e LEFT JOIN audit.reasons r ON r.seq = e.seq
 WHERE e.seq < $1 {narrowed}
 ORDER BY e.seq DESC LIMIT $2
"""
_NARROWED = {
    "actor_id": "e.actor_id = ${}::uuid",
    "acting": "e.acting = ${}::text",
    "module": "e.module = ${}::text",
    "kind": "e.kind = ${}::text",
    "subject": "e.subject = ${}::text",
    "command": "e.command = ${}::text",
    "request_id": "e.request_id = ${}::text",
    "session_id": "e.session_id = ${}::uuid",
    "vendor_id": "e.vendor_id = ${}::uuid",
    "person_id": "e.person_id = ${}::uuid",
    "since": "e.at >= ${}::timestamptz",
    "until": "e.at < ${}::timestamptz",
}
HEAD = Sql("SELECT position, hash FROM audit.chain WHERE position > 0")
LINK = Sql("SELECT seq AS position, hash FROM audit.entries WHERE seq = $1")
_PAST_ALL = (1 << 63) - 1


class AuditService(Audit):
    """One chain for the whole market, whatever databases its modules stand in."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, tx: Tx, events: Sequence[AuditNoted]) -> None:
        """Takes these into the chain, in the reaction's transaction."""
        await tx.execute(BEGIN, hashing.GENESIS)
        end = await tx.fetchrow(END)
        assert end is not None, "the chain has an end: it was made a line above"
        position, before = end["position"], end["hash"]
        rows, reasons = [], []
        for event in events:
            position += 1
            salt = secrets.token_bytes(16)
            entry = _entry(event, position, salt)
            before = entry["hash"] = hashing.link(before, entry)
            rows.append(entry)
            if event.reason:
                reasons.append((position, salt, event.reason))
        columns = [[row[name] for row in rows] for name in (*hashing.COVERED, "hash")]
        columns[hashing.COVERED.index("changes")] = [_json(row["changes"]) for row in rows]
        await tx.execute(ADD, *columns)
        if reasons:
            await tx.execute(ADD_REASONS, *map(list, zip(*reasons, strict=True)))
        await tx.execute(MOVE, position, before)

    async def entries(
        self, ctx: Context, *, asked: Asked, limit: int = 50, cursor: str | None = None
    ) -> Page[Entry]:
        (before,) = decode_cursor(cursor, int) or [_PAST_ALL]
        module, _, kind = (asked.kind or "").partition(".")
        given = {**dict(asked), "module": module or None, "kind": kind or None}
        values = [(name, given[name]) for name in _NARROWED if given[name] is not None]
        clauses = (f" AND {_NARROWED[name].format(n)}" for n, (name, _) in enumerate(values, 3))
        sql = _FIND.format(narrowed="".join(clauses))
        rows = await self._db.fetch(sql, before, limit + 1, *(value for _, value in values))
        found = [_shown(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(items=found, next=encode_cursor(found[-1].seq) if more else None)

    async def export(
        self,
        ctx: Context,
        *,
        asked: Asked,
        form: Form,
        cursor: str | None = None,
    ) -> Part:
        found = await self.entries(ctx, asked=asked, limit=LIMIT_MAX, cursor=cursor)
        first = cursor is None
        text = csv_of(found.items, first=first) if form == "csv" else lines_of(found.items)
        return Part(content=text.encode(), next=found.next)

    async def entries_of_vendor(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        asked: Asked,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        ctx.need_vendor(vendor_id)
        theirs = asked.model_copy(update={"vendor_id": vendor_id})
        found = await self.entries(ctx, asked=theirs, limit=limit, cursor=cursor)
        return Page(items=[_for_vendor(one) for one in found.items], next=found.next)

    async def head(self, ctx: Context, *, position: int | None = None) -> Head | None:
        if position is None:
            row = await self._db.fetchrow(HEAD)
        else:
            row = await self._db.fetchrow(LINK, position)
        return None if row is None else Head(position=row["position"], hash=row["hash"].hex())


def _entry(event: AuditNoted, position: int, salt: bytes) -> dict[str, Any]:
    given = event.model_dump(by_alias=False, exclude={"reason"})
    return {
        **given,
        "seq": position,
        "id": event.id,
        "at": event.occurred_at,
        "reason_digest": hashing.digest(salt, event.reason) if event.reason else None,
    }


def _json(changes: dict[str, Any]) -> str:
    return json.dumps(changes)


def _shown(row: Record) -> Entry:
    values = dict(row)
    return Entry(**{**values, "hash": row["hash"].hex(), "reason_erased": row["erased"]})


def _for_vendor(entry: Entry) -> Entry:
    """Staff are staff to a vendor: no person's id, no session's."""
    if entry.acting not in ("staff", "support"):
        return entry
    return entry.model_copy(update={"actor_id": None, "session_id": None})
