"""Accounts hold sums; transfers and outcomes are only ever added (a trigger refuses the rest)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("ledger")


def _sum(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("owner", Uuid),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("shard", SmallInteger, nullable=False),
    _sum("debits"),
    _sum("credits"),
    _sum("pending_debits"),
    _sum("pending_credits"),
    CheckConstraint(
        "debits >= 0 AND credits >= 0 AND pending_debits >= 0 AND pending_credits >= 0",
        name="sums",
    ),
    CheckConstraint(
        "kind <> 'escrow' OR credits - debits - pending_debits >= 0", name="escrow_covered"
    ),
    CheckConstraint("kind IN ('clearing', 'escrow', 'payable', 'commission', 'tax')", name="kind"),
    # Sums change with every sale: room on the page lets PostgreSQL leave the index alone.
    postgresql_with={"fillfactor": 70},
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Uuid, primary_key=True),
    # No foreign keys: they would lock the account once more per transfer, against the order in
    # which posts lock. A post refuses to commit unless it found every account.
    Column("debit_id", Uuid, nullable=False),
    Column("credit_id", Uuid, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("code", Text, nullable=False, info=IMPERSONAL),
    Column("reference", Uuid, nullable=False),
    Column("pending", Boolean, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint("debit_id <> credit_id", name="two_sides"),
    Index("ix_transfers_debit", "debit_id", "at", "id"),
    Index("ix_transfers_credit", "credit_id", "at", "id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("transfer_id", Uuid, ForeignKey(transfers.c.id), primary_key=True),
    Column("posted", Boolean, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
