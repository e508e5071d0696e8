"""The part of the network's file that is about its balance: lines, disputes and saved cards.

Methods that write are called inside the store's `transaction()`.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from .network import Dispute, Line, SavedMethod

MORE: Final = """
CREATE TABLE lines (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, intent_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, fee_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    at TEXT NOT NULL);
CREATE INDEX lines_by_time ON lines (at, seq);
CREATE TABLE disputes (
    id TEXT PRIMARY KEY, intent_id TEXT NOT NULL, amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL, fee_minor INTEGER NOT NULL, reason TEXT NOT NULL,
    status TEXT NOT NULL, created_at TEXT NOT NULL, evidence_due TEXT NOT NULL,
    closed_at TEXT NOT NULL);
CREATE INDEX disputes_by_intent ON disputes (intent_id);
CREATE TABLE saved_methods (
    id TEXT PRIMARY KEY, customer TEXT NOT NULL, number TEXT NOT NULL, expires TEXT NOT NULL)
"""
# Of what happened before there were lines, when it happened is not known any more.
_FROM_1: Final = """
ALTER TABLE tokens ADD COLUMN expires TEXT NOT NULL DEFAULT '';
ALTER TABLE intents ADD COLUMN card_expires TEXT NOT NULL DEFAULT '';
ALTER TABLE intents ADD COLUMN save_for TEXT NOT NULL DEFAULT '';
ALTER TABLE intents ADD COLUMN saved_method TEXT NOT NULL DEFAULT '';
INSERT INTO lines (kind, subject, intent_id, amount_minor, fee_minor, currency, at)
SELECT 'capture', id, id, captured_minor, 0, currency, created_at FROM intents
 WHERE captured_minor > 0;
INSERT INTO lines (kind, subject, intent_id, amount_minor, fee_minor, currency, at)
SELECT 'refund', id, intent_id, -amount_minor, 0, currency, created_at FROM refunds
 WHERE status = 'succeeded';
INSERT INTO lines (kind, subject, intent_id, amount_minor, fee_minor, currency, at)
SELECT 'payout', id, '', -amount_minor, 0, currency, created_at FROM payouts WHERE status = 'paid'
"""
_TOTALS: Final = """
SELECT currency, sum(a), sum(b), sum(c), sum(d), sum(e), sum(f), sum(g) FROM (
    SELECT currency, captured_minor a, refunded_minor b, refund_pending_minor c,
        0 d, 0 e, 0 f, 0 g FROM intents
    UNION ALL
    SELECT currency, 0, 0, 0, CASE status WHEN 'paid' THEN amount_minor ELSE 0 END,
        CASE status WHEN 'pending' THEN amount_minor ELSE 0 END, 0, 0 FROM payouts
    UNION ALL
    SELECT currency, 0, 0, 0, 0, 0, amount_minor, 0 FROM disputes WHERE status <> 'won'
    UNION ALL
    SELECT currency, 0, 0, 0, 0, 0, 0,
        fee_minor - CASE kind WHEN 'fee' THEN amount_minor ELSE 0 END FROM lines)
GROUP BY currency ORDER BY currency"""
_NAMES: Final = (
    "capturedMinor refundedMinor refundsPendingMinor paidOutMinor payoutsPendingMinor"
    " disputedMinor feesMinor"
)


def upgrade(db: sqlite3.Connection) -> None:
    """A file of version 1 becomes one of version 2."""
    for statement in (MORE + ";" + _FROM_1).split(";"):
        db.execute(statement)


class Books:
    """Lines, disputes and saved cards."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def totals(self) -> list[dict[str, int | str]]:
        """Per currency, minor units: what moved for which reason, what waits, and what is left."""
        return [
            {"currency": row[0], "balanceMinor": row[1] - row[2] - row[4] - row[6] - row[7]}
            | dict(zip(_NAMES.split(), row[1:], strict=True))
            for row in self._db.execute(_TOTALS)
        ]

    def add_line(self, line: Line) -> None:
        """One more line of the balance."""
        row = (line.kind, line.subject, line.intent_id, line.amount_minor, line.fee_minor)
        self._db.execute(
            "INSERT INTO lines (kind, subject, intent_id, amount_minor, fee_minor, currency, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, line.currency, line.at),
        )

    def lines(self, since: str, until: str, after: int, limit: int) -> list[tuple[int, Line]]:
        """Lines with since <= at < until, in the order they were written, behind number `after`."""
        query = (
            "SELECT seq, kind, subject, intent_id, amount_minor, fee_minor, currency, at FROM lines"
            " WHERE at >= ? AND at < ? AND seq > ? ORDER BY seq LIMIT ?"
        )
        rows = self._db.execute(query, (since, until, after, limit))
        return [(row[0], Line(*row[1:])) for row in rows]

    def dispute(self, id: str) -> Dispute | None:
        """One dispute."""
        row = self._db.execute("SELECT * FROM disputes WHERE id = ?", (id,)).fetchone()
        return None if row is None else Dispute(*row)

    def disputed_minor(self, intent_id: str) -> int:
        """What open and lost disputes hold back of an intent."""
        query = (
            "SELECT coalesce(sum(amount_minor), 0) FROM disputes"
            " WHERE intent_id = ? AND status <> 'won'"
        )
        return int(self._db.execute(query, (intent_id,)).fetchone()[0])

    def put_dispute(self, d: Dispute) -> None:
        """Write a dispute, new or changed."""
        self._db.execute(
            "INSERT OR REPLACE INTO disputes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(d.id, d.intent_id, d.amount_minor, d.currency, d.fee_minor, d.reason, d.status),
                *(d.created_at, d.evidence_due, d.closed_at),
            ),
        )

    def saved_method(self, id: str) -> SavedMethod | None:
        """One saved card."""
        row = self._db.execute("SELECT * FROM saved_methods WHERE id = ?", (id,)).fetchone()
        return None if row is None else SavedMethod(*row)

    def put_saved_method(self, m: SavedMethod) -> None:
        """Keep a card for a customer."""
        row = (m.id, m.customer, m.number, m.expires)
        self._db.execute("INSERT INTO saved_methods VALUES (?, ?, ?, ?)", row)

    def forget_method(self, id: str) -> None:
        """Let go of a saved card; harmless when it is gone."""
        self._db.execute("DELETE FROM saved_methods WHERE id = ?", (id,))
