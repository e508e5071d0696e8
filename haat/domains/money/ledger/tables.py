"""Accounts hold sums; transfers, outcomes and the chain are only ever added to (triggers refuse the
rest). `unsealed` and `expiring` are lists of what is to be done; the proof knows what must be on
them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("ledger", unwatched="*")


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
        "kind NOT IN ('escrow', 'reserve', 'wallet') OR credits - debits - pending_debits >= 0",
        name="covered",
    ),
    CheckConstraint(
        "kind IN ('clearing', 'disputed', 'cash', 'fees', 'suspense', 'escrow', 'payable',"
        " 'reserve', 'commission', 'commission_tax', 'tax', 'wallet', 'exchange', 'custom')",
        name="kind",
    ),
    Index("ix_accounts_kind", "kind", "id"),
    # Sums change with every sale: room on the page lets PostgreSQL leave the indexes alone.
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
    Column("expires_at", DateTime(timezone=True)),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint("debit_id <> credit_id", name="two_sides"),
    CheckConstraint("pending OR expires_at IS NULL", name="only_pending_expire"),
    Index("ix_transfers_debit", "debit_id", "at", "id"),
    Index("ix_transfers_credit", "credit_id", "at", "id"),
    # Few are pending: what was posted later than it was written is found by these.
    Index("ix_transfers_debit_pending", "debit_id", postgresql_where=text("pending")),
    Index("ix_transfers_credit_pending", "credit_id", postgresql_where=text("pending")),
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

# Written with its row, in one transaction; taken off when the row is sealed. Choosing rows by their
# order would lose those that commit late.
unsealed = Table(
    "unsealed",
    metadata,
    Column("row_id", Uuid, nullable=False),
    Column("outcome", Boolean, nullable=False),  # else a transfer
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("row_id", "outcome"),
)

chain = Table(
    "chain",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("outcome", Boolean, nullable=False),
    Column("row_id", Uuid, nullable=False),
    Column("row_hash", LargeBinary, nullable=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("row_id", "outcome"),
    CheckConstraint("position > 0", name="begins_at_one"),
)

expiring = Table(
    "expiring",
    metadata,
    Column("transfer_id", Uuid, primary_key=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_expiring_expires_at", "expires_at", "transfer_id"),
)
