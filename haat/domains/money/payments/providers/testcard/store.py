"""What the test card network remembers, in one SQLite file that survives kill -9.

One connection, used from one thread; every request is one short transaction. The file is held
exclusively: a second process on it is refused instead of delivering every webhook twice. Moments
inside the delivery queue are seconds since the epoch; those shown to clients are ISO 8601 strings.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .books import MORE, Books, upgrade
from .network import Intent, Payout, Refund, Status

_VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE tokens (token TEXT PRIMARY KEY, number TEXT NOT NULL,
    expires TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE intents (
    id TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    reference TEXT NOT NULL, created_at TEXT NOT NULL, return_url TEXT NOT NULL,
    capture_method TEXT NOT NULL, metadata TEXT NOT NULL, status TEXT NOT NULL,
    card_number TEXT NOT NULL, decline_code TEXT NOT NULL, captured_minor INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL, refund_pending_minor INTEGER NOT NULL,
    card_expires TEXT NOT NULL DEFAULT '', save_for TEXT NOT NULL DEFAULT '',
    saved_method TEXT NOT NULL DEFAULT '');
CREATE INDEX intents_by_reference ON intents (reference);
CREATE TABLE refunds (
    id TEXT PRIMARY KEY, intent_id TEXT NOT NULL, amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX refunds_by_intent ON refunds (intent_id);
CREATE TABLE payouts (
    id TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    holder TEXT NOT NULL, account TEXT NOT NULL, reference TEXT NOT NULL,
    status TEXT NOT NULL, created_at TEXT NOT NULL, failure_code TEXT NOT NULL);
CREATE TABLE answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body BLOB NOT NULL, at_s REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (at_s);
CREATE TABLE endpoints (url TEXT PRIMARY KEY, secret TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE events (id TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, subject TEXT NOT NULL, event_id TEXT NOT NULL,
    due_s REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    sending INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0);
CREATE INDEX deliveries_by_due ON deliveries (due_s, id) WHERE given_up = 0 AND sending = 0;
CREATE INDEX deliveries_in_order ON deliveries (url, subject, id) WHERE given_up = 0;
CREATE INDEX deliveries_of_event ON deliveries (event_id);
CREATE TABLE timers (id INTEGER PRIMARY KEY, due_s REAL NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL);
CREATE INDEX timers_by_due ON timers (due_s);
"""
# Ready is the first of its subject at its endpoint: a later event waits for the earlier one.
_CLAIM: Final = """
SELECT d.id, d.url, n.secret, d.event_id, v.payload, d.attempts FROM deliveries d
JOIN endpoints n ON n.url = d.url JOIN events v ON v.id = d.event_id
WHERE d.due_s <= ? AND d.given_up = 0 AND d.sending = 0 AND NOT EXISTS (
    SELECT 1 FROM deliveries e WHERE e.url = d.url AND e.subject = d.subject
    AND e.given_up = 0 AND e.id < d.id)
ORDER BY d.due_s, d.id LIMIT ?"""
_NEXT_DELIVERY: Final = """
SELECT d.due_s FROM deliveries d WHERE d.given_up = 0 AND d.sending = 0 AND NOT EXISTS (
    SELECT 1 FROM deliveries e WHERE e.url = d.url AND e.subject = d.subject
    AND e.given_up = 0 AND e.id < d.id)
ORDER BY d.due_s LIMIT 1"""
_MOVE: Final = """
UPDATE deliveries SET url = ?1
 WHERE url IN (SELECT url FROM endpoints WHERE secret = ?2 AND url <> ?1)"""
# What failed there, and what waits behind it.
_AGAIN: Final = """
UPDATE deliveries AS d SET due_s = ? WHERE url = ? AND given_up = 0 AND sending = 0 AND EXISTS (
    SELECT 1 FROM deliveries e WHERE e.url = d.url AND e.subject = d.subject
    AND e.given_up = 0 AND e.attempts > 0 AND e.id <= d.id)"""
# Never due before what they wait for: else each look at the queue would walk over all of them.
_BEHIND: Final = """
UPDATE deliveries SET due_s = max(due_s, ?) WHERE given_up = 0 AND id > ?
    AND (url, subject) = (SELECT url, subject FROM deliveries WHERE id = ?)"""
_QUEUE: Final = """
INSERT INTO deliveries (url, subject, event_id, due_s)
SELECT n.url, ?1, ?2, max(?3, coalesce((SELECT max(d.due_s) FROM deliveries d
    WHERE d.url = n.url AND d.subject = ?1 AND d.given_up = 0), 0))
FROM endpoints n ORDER BY n.rowid"""
_NEXT_TIMER: Final = "SELECT due_s FROM timers ORDER BY due_s LIMIT 1"


class Unusable(Exception):
    """The data file is held by another process, is no database, or has another version."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try of one event at one endpoint; `attempts` counts the failed tries before it."""

    id: int
    url: str
    secret: str
    event_id: str
    payload: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered under an idempotency key, and the hash of what had been asked."""

    fingerprint: str
    status: int
    body: bytes


class Store:
    """The file. Methods that write are called inside `transaction()`."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=2.0, isolation_level=None)
            self.books = Books(self._db)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise Unusable(f"{path}: {error}") from error

    def _open(self) -> None:
        run = self._db.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        with self.transaction():
            version = run("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in (_SCHEMA + MORE).split(";"):
                    run(statement)
                run(f"PRAGMA user_version = {_VERSION}")
            elif version == 1:
                upgrade(self._db)
                run(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise sqlite3.DatabaseError(f"written by version {version}, this is {_VERSION}")
            # A killed process may have been sending: those are tried again, never lost.
            run("UPDATE deliveries SET sending = 0 WHERE sending = 1")

    def close(self) -> None:
        """Write the log back into the file and let it go."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Nothing may be awaited inside: there is one connection."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add_token(self, token: str, number: str, expires: str) -> None:
        """Keep the test card a token stands for."""
        self._db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, number, expires))

    def card_behind(self, token: str) -> tuple[str, str] | None:
        """The test card behind a token: its number, and when it expires, such as 2029-04."""
        query = "SELECT number, expires FROM tokens WHERE token = ?"
        row = self._db.execute(query, (token,)).fetchone()
        return None if row is None else (str(row[0]), str(row[1]))

    def intent(self, id: str) -> Intent | None:
        """One intent."""
        row = self._db.execute("SELECT * FROM intents WHERE id = ?", (id,)).fetchone()
        return None if row is None else _intent(row)

    def intents_of(self, reference: str) -> list[Intent]:
        """The intents of one client reference, oldest first, at most 100."""
        query = "SELECT * FROM intents WHERE reference = ? ORDER BY created_at, id LIMIT 100"
        return [_intent(row) for row in self._db.execute(query, (reference,))]

    def put_intent(self, i: Intent) -> None:
        """Write an intent, new or changed."""
        self._db.execute(
            "INSERT OR REPLACE INTO intents"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(i.id, i.amount_minor, i.currency, i.reference, i.created_at, i.return_url),
                *(i.capture_method, json.dumps(dict(i.metadata)), i.status.value, i.card_number),
                *(i.decline_code, i.captured_minor, i.refunded_minor, i.refund_pending_minor),
                *(i.card_expires, i.save_for, i.saved_method),
            ),
        )

    def refund(self, id: str) -> Refund | None:
        """One refund."""
        row = self._db.execute("SELECT * FROM refunds WHERE id = ?", (id,)).fetchone()
        return None if row is None else Refund(*row)

    def refunds_of(self, intent_id: str) -> list[Refund]:
        """The refunds of an intent, oldest first."""
        query = "SELECT * FROM refunds WHERE intent_id = ? ORDER BY rowid"
        return [Refund(*row) for row in self._db.execute(query, (intent_id,))]

    def put_refund(self, r: Refund) -> None:
        """Write a refund, new or changed."""
        row = (r.id, r.intent_id, r.amount_minor, r.currency, r.status, r.created_at)
        self._db.execute(
            "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET status = excluded.status",
            row,
        )

    def payout(self, id: str) -> Payout | None:
        """One payout."""
        row = self._db.execute("SELECT * FROM payouts WHERE id = ?", (id,)).fetchone()
        return None if row is None else Payout(*row)

    def put_payout(self, p: Payout) -> None:
        """Write a payout, new or changed."""
        self._db.execute(
            "INSERT OR REPLACE INTO payouts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(p.id, p.amount_minor, p.currency, p.holder, p.account, p.reference),
                *(p.status, p.created_at, p.failure_code),
            ),
        )

    def answer(self, key: str) -> Answer | None:
        """What was answered under an idempotency key."""
        query = "SELECT fingerprint, status, body FROM answers WHERE key = ?"
        row = self._db.execute(query, (key,)).fetchone()
        return None if row is None else Answer(*row)

    def put_answer(self, key: str, answer: Answer, now_s: float) -> None:
        """Remember an answer under its key for a day."""
        row = (key, answer.fingerprint, answer.status, answer.body, now_s)
        self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, before_s: float) -> None:
        """Drop answers given before a moment, and events nobody waits for any more."""
        self._db.execute("DELETE FROM answers WHERE at_s < ?", (before_s,))
        self._db.execute("DELETE FROM events WHERE id NOT IN (SELECT event_id FROM deliveries)")

    def register(self, url: str, secret: str, created_at: str, now_s: float) -> None:
        """Add an endpoint or give it a new secret; what had failed there is tried again now.

        A shop that comes from another address with the secret it had has moved, with what waits
        for it: else every event would be tried in vain at its old address, too.
        """
        self._db.execute(
            "INSERT INTO endpoints VALUES (?, ?, ?)"
            " ON CONFLICT (url) DO UPDATE SET secret = excluded.secret",
            (url, secret, created_at),
        )
        self._db.execute(_MOVE, (url, secret))
        self._db.execute("DELETE FROM endpoints WHERE secret = ? AND url <> ?", (secret, url))
        self._db.execute(_AGAIN, (now_s, url))

    def endpoints(self) -> list[tuple[str, str]]:
        """Registered addresses with the moment they were first registered."""
        query = "SELECT url, created_at FROM endpoints ORDER BY rowid"
        return [(row[0], row[1]) for row in self._db.execute(query)]

    def emit(
        self, event_id: str, subject: str, doc: Mapping[str, object], due_s: float, copies: int = 1
    ) -> None:
        """Queue an event `copies` times for every endpoint registered now."""
        payload = json.dumps(doc, ensure_ascii=False, separators=(",", ":")).encode()
        self._db.execute("INSERT INTO events VALUES (?, ?)", (event_id, payload))
        for _ in range(copies):
            self._db.execute(_QUEUE, (subject, event_id, due_s))

    def is_delivered(self, event_id: str) -> bool:
        """True when no endpoint still waits for the event."""
        query = "SELECT 1 FROM deliveries WHERE event_id = ? AND given_up = 0"
        return self._db.execute(query, (event_id,)).fetchone() is None

    def claim(self, now_s: float, limit: int) -> list[Delivery]:
        """Mark due deliveries as being sent and return them, oldest first."""
        rows = self._db.execute(_CLAIM, (now_s, limit)).fetchall()
        marks = [(row[0],) for row in rows]
        self._db.executemany("UPDATE deliveries SET sending = 1 WHERE id = ?", marks)
        return [Delivery(*row) for row in rows]

    def delivered(self, ids: Sequence[int]) -> None:
        """Endpoints have taken these deliveries; only open and hopeless ones are kept."""
        self._db.executemany("DELETE FROM deliveries WHERE id = ?", [(id,) for id in ids])

    def give_up(self, id: int) -> None:
        """A delivery was tried often enough; it stays in the file for whoever looks."""
        query = "UPDATE deliveries SET sending = 0, given_up = 1 WHERE id = ?"
        self._db.execute(query, (id,))

    def put_off(self, id: int, due_s: float) -> None:
        """A delivery failed and is tried again at `due_s`; what follows it, not before."""
        query = "UPDATE deliveries SET sending = 0, attempts = attempts + 1, due_s = ?"
        self._db.execute(query + " WHERE id = ?", (due_s, id))
        self._db.execute(_BEHIND, (due_s, id, id))

    def add_timer(self, due_s: float, kind: str, subject: str) -> None:
        """Something to do later: kind `refund`, `payout` or `dispute`, and whose (an intent's)."""
        query = "INSERT INTO timers (due_s, kind, subject) VALUES (?, ?, ?)"
        self._db.execute(query, (due_s, kind, subject))

    def take_timers(self, now_s: float) -> list[tuple[str, str]]:
        """Remove and return the (kind, subject) of what is due, in order."""
        query = "SELECT id, kind, subject FROM timers WHERE due_s <= ? ORDER BY due_s, id"
        rows = self._db.execute(query, (now_s,)).fetchall()
        self._db.executemany("DELETE FROM timers WHERE id = ?", [(row[0],) for row in rows])
        return [(row[1], row[2]) for row in rows]

    def next_due_s(self) -> float | None:
        """The next moment at which there is something to send or settle."""
        moments = [self._db.execute(query).fetchone() for query in (_NEXT_DELIVERY, _NEXT_TIMER)]
        return min((row[0] for row in moments if row is not None), default=None)


def _intent(row: tuple[object, ...]) -> Intent:
    values = list(row)
    values[7] = json.loads(str(row[7]))
    values[8] = Status(str(row[8]))
    return Intent(*values)  # type: ignore[arg-type]
