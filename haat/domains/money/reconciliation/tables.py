"""Runs, what they found, and what was matched with what."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("reconciliation", unwatched="pairs totals fees files")


def _minor(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _word(name: str, default: str | None = None) -> "Column[str]":
    given = None if default is None else text(f"'{default}'")
    return Column(name, Text, nullable=False, server_default=given, info=IMPERSONAL)


def _count(name: str) -> "Column[int]":
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _time(name: str, *, nullable: bool = False) -> "Column[Any]":
    return Column(name, DateTime(timezone=True), nullable=nullable)


# Counted up by every run that ends: one that looked at older knowledge looks again.
providers = Table(
    "providers",
    metadata,
    Column("name", Text, primary_key=True, info=IMPERSONAL),
    Column("version", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    _word("provider"),
    _word("source"),
    Column("file_name", Text, nullable=False, info=PERSONAL),
    Column("digest", Text, info=IMPERSONAL),  # of a file: the same one is the same run
    _time("since"),
    _time("until"),
    _count("lines"),
    _count("matched"),
    _word("status"),
    _word("why", ""),
    _count("attempts"),
    _time("leased_until"),
    _time("started_at"),
    Column("started_by", Uuid),
    _time("ended_at", nullable=True),
    CheckConstraint("status IN ('running', 'done', 'failed')", name="status"),
    CheckConstraint("source IN ('report', 'file')", name="source"),
    CheckConstraint("since < until", name="period"),
    UniqueConstraint("provider", "digest"),
    Index("ix_runs_started", "started_at", "id"),
    Index("ix_runs_provider", "provider", "started_at", "id"),
    Index("ix_runs_running", "leased_until", postgresql_where=text("status = 'running'")),
)

# A file's bytes, only until its run has ended.
files = Table(
    "files",
    metadata,
    Column("run_id", Uuid, ForeignKey(runs.c.id), primary_key=True),
    _word("format"),
    Column("content", LargeBinary, nullable=False),
)

totals = Table(
    "totals",
    metadata,
    Column("run_id", Uuid, ForeignKey(runs.c.id), primary_key=True),
    Column("currency", Text, primary_key=True, info=IMPERSONAL),
    _minor("ours"),
    _minor("theirs"),
)

# `repeats`: the difference of an earlier run that this one is; its state is that one's. `line_id`
# with `part` and `movement_id` with `movement_kind` say what it is about; a fee is many lines'.
differences = Table(
    "differences",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("run_id", Uuid, ForeignKey(runs.c.id), nullable=False),
    _word("provider"),
    Column("repeats", Uuid, ForeignKey("reconciliation.differences.id")),
    _word("kind"),
    _word("key"),
    Column("line_id", Text, info=IMPERSONAL),
    Column("part", Text, info=IMPERSONAL),
    Column("movement_id", Uuid),
    Column("movement_kind", Text, info=IMPERSONAL),
    Column("ours", JSONB, info=IMPERSONAL),
    Column("theirs", JSONB, info=PERSONAL),  # a bank's line has names in its text
    _word("currency"),
    _minor("minor"),
    _word("action"),
    _word("text"),
    Column("target_id", Uuid),
    # booking: staff decided, the other module is being told
    _word("status", "open"),
    _word("reason", ""),
    Column("decided_by", Uuid),
    _time("decided_at", nullable=True),
    CheckConstraint(
        "status IN ('open', 'booking', 'booked', 'dismissed', 'settled')", name="status"
    ),
    CheckConstraint(
        "kind IN ('missing_there', 'missing_here', 'amount', 'fee', 'status')", name="kind"
    ),
    CheckConstraint("minor <> 0", name="something"),
    CheckConstraint("repeats IS NULL OR status = 'open'", name="repeats"),
    Index("ix_differences_run", "run_id", "number"),
    Index("ix_differences_status", "status", "number", postgresql_where=text("repeats IS NULL")),
    Index(
        "uq_differences_key",
        "provider",
        "key",
        unique=True,
        postgresql_where=text("repeats IS NULL AND status <> 'settled' AND kind <> 'fee'"),
    ),
    Index(
        "ix_differences_line",
        "provider",
        "line_id",
        postgresql_where=text("repeats IS NULL AND status <> 'settled'"),
    ),
    Index(
        "ix_differences_movement",
        "provider",
        "movement_id",
        postgresql_where=text("repeats IS NULL AND status <> 'settled'"),
    ),
    Index("ix_differences_target", "target_id", postgresql_where=text("target_id IS NOT NULL")),
    Index("ix_differences_booking", "decided_at", postgresql_where=text("status = 'booking'")),
)

# Which difference each line's fee is a part of, so that no fee is booked twice.
fees = Table(
    "fees",
    metadata,
    Column("provider", Text, primary_key=True, info=IMPERSONAL),
    Column("line_id", Text, primary_key=True, info=IMPERSONAL),
    Column("part", Text, primary_key=True, info=IMPERSONAL),
    Column("difference_id", Uuid, ForeignKey(differences.c.id), nullable=False),
    _minor("minor"),
    Index("ix_fees_difference", "difference_id"),
)

# What was matched stays so in later runs, also where the movement's time is far from the line's:
# a transfer is captured when its statement is read.
pairs = Table(
    "pairs",
    metadata,
    Column("provider", Text, primary_key=True, info=IMPERSONAL),
    Column("line_id", Text, primary_key=True, info=IMPERSONAL),
    Column("part", Text, primary_key=True, info=IMPERSONAL),
    Column("movement_id", Uuid, nullable=False),
    _word("movement_kind"),
    Column("reference", Uuid, nullable=False),
    Column("provider_ref", Text, info=IMPERSONAL),
    _word("currency"),
    _minor("minor"),
    _time("at"),
    UniqueConstraint("provider", "movement_id", "movement_kind"),
)
