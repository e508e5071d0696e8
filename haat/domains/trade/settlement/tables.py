"""Tenders per order; balances, cancellations and return windows per vendor order; refunds."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("settlement")

# What the customer pays an order with. `booked`: captured, in escrow and marked paid.
tenders = Table(
    "tenders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    CheckConstraint(
        "state IN ('open', 'voided', 'captured', 'booked', 'failed')",
        name="state",
    ),
)

# What was captured of a vendor order, and how much of it refunds have taken.
balances = Table(
    "balances",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint("refunded BETWEEN 0 AND total", name="refunded"),
    Index(None, "order_id"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),  # when the timer looks next; null: it ended
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("state IN ('created', 'done', 'failed')", name="state"),
    Index(None, "vendor_order_id", "created_at"),
    Index("ix_refunds_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

# Vendor orders that were rejected or cancelled: goods and money go back.
cancellations = Table(
    "cancellations",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("refund_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("lines", JSONB, nullable=False, info=IMPERSONAL),
    Column("due_at", DateTime(timezone=True)),
    Index("ix_cancellations_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

# Return windows of delivered vendor orders.
windows = Table(
    "windows",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("closes_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Index("ix_windows_open", "closes_at", postgresql_where=text("closed_at IS NULL")),
)
