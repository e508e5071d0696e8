"""Payments, refunds, disbursements, and what providers told us."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("payments")

# A row without a reference is a tombstone: it was voided before it was ever held.
payments = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("reference", Uuid),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("hosted", Boolean, nullable=False),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("rank", SmallInteger, nullable=False),
    Column("provider_ref", Text, info=IMPERSONAL),
    Column("next_action_url", Text, info=IMPERSONAL),
    Column("decline_code", Text, info=IMPERSONAL),
    Column("captured_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refunding_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refunded_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("capture_asked_at", DateTime(timezone=True)),
    Column("void_due", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("minor > 0 OR reference IS NULL", name="positive"),
    CheckConstraint("captured_minor IN (0, minor)", name="captured_whole"),
    CheckConstraint(
        "refunding_minor >= 0 AND refunded_minor >= 0"
        " AND refunding_minor + refunded_minor <= captured_minor",
        name="refunds_covered",
    ),
    Index("ix_payments_reference", "reference", "created_at"),
    Index("ix_payments_newest", "created_at", "id"),
    Index(
        "ix_payments_unsure",
        "asked_at",
        postgresql_where=text(
            "status = 'created' OR (status = 'authorized' AND capture_asked_at IS NOT NULL)"
        ),
    ),
    Index("ix_payments_void_due", "asked_at", postgresql_where=text("void_due")),
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("payment_id", Uuid, ForeignKey(payments.c.id), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("failure", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint("status IN ('created', 'pending', 'done', 'failed')", name="status"),
    Index("ix_refunds_payment", "payment_id"),
    Index(
        "ix_refunds_unfinished",
        "asked_at",
        postgresql_where=text("status IN ('created', 'pending')"),
    ),
)

# Where the money goes is not kept here: payouts sends it along every time it asks.
disbursements = Table(
    "disbursements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("provider_ref", Text, info=IMPERSONAL),
    Column("failure", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint("status IN ('created', 'pending', 'paid', 'failed')", name="status"),
)

provider_events = Table(
    "provider_events",
    metadata,
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("event_id", Text, nullable=False, info=IMPERSONAL),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("payload", JSONB, nullable=False, info=IMPERSONAL),
    Column("received_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("provider", "event_id"),
)
