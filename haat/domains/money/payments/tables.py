"""Payments, refunds, disbursements, disputes, and what providers and our bank told us."""

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
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("payments", unwatched="customers payments provider_events spikes funds")

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
    Column("disputed_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("purpose", Text, nullable=False, server_default=text("'order'"), info=IMPERSONAL),
    Column("person_id", Uuid),
    Column("collect", Text, nullable=False, server_default=text("'now'"), info=IMPERSONAL),
    # What the customer was told to do for a bank transfer; its reference and its end.
    Column("instructions", JSONB, info=IMPERSONAL),
    Column("transfer_ref", Text, info=IMPERSONAL),
    Column("funds_until", DateTime(timezone=True)),
    Column("captured_at", DateTime(timezone=True)),
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
    CheckConstraint("disputed_minor >= 0", name="disputed"),
    CheckConstraint("purpose IN ('order', 'topup')", name="purpose"),
    CheckConstraint("collect IN ('now', 'on_delivery')", name="collect"),
    Index("ix_payments_reference", "reference", "created_at"),
    Index("ix_payments_newest", "created_at", "id"),
    Index("ix_payments_status", "status", "created_at", "id"),
    Index("ix_payments_provider", "provider", "created_at", "id"),
    Index(
        "ix_payments_provider_ref",
        "provider",
        "provider_ref",
        postgresql_where=text("provider_ref IS NOT NULL"),
    ),
    Index(
        "ix_payments_person",
        "person_id",
        "created_at",
        "id",
        postgresql_where=text("person_id IS NOT NULL"),
    ),
    Index(
        "ix_payments_captured",
        "provider",
        "captured_at",
        "id",
        postgresql_where=text("captured_at IS NOT NULL"),
    ),
    Index(
        "uq_payments_transfer_ref",
        "transfer_ref",
        unique=True,
        postgresql_where=text("transfer_ref IS NOT NULL"),
    ),
    Index(
        "ix_payments_awaiting", "funds_until", "id", postgresql_where=text("status = 'awaiting'")
    ),
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
    Column("provider", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("failure", Text, info=IMPERSONAL),
    Column("provider_ref", Text, info=IMPERSONAL),
    # Nobody over there can be asked about it: it is paid and settled by staff.
    Column("by_hand", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint("status IN ('created', 'pending', 'done', 'failed')", name="status"),
    Index("ix_refunds_payment", "payment_id"),
    Index(
        "ix_refunds_unfinished",
        "asked_at",
        postgresql_where=text("status = 'created' OR (status = 'pending' AND NOT by_hand)"),
    ),
    Index(
        "ix_refunds_by_hand",
        "created_at",
        "id",
        postgresql_where=text("status = 'pending' AND by_hand"),
    ),
    Index(
        "ix_refunds_done",
        "provider",
        "done_at",
        "id",
        postgresql_where=text("done_at IS NOT NULL"),
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
    Column("paid_at", DateTime(timezone=True)),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint("status IN ('created', 'pending', 'paid', 'failed')", name="status"),
    Index(
        "ix_disbursements_paid",
        "provider",
        "paid_at",
        "id",
        postgresql_where=text("paid_at IS NOT NULL"),
    ),
)

provider_events = Table(
    "provider_events",
    metadata,
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("event_id", Text, nullable=False, info=IMPERSONAL),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("payload", JSONB, nullable=False, info=PERSONAL),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("payment_id", Uuid),
    PrimaryKeyConstraint("provider", "event_id"),
    Index(
        "ix_provider_events_payment",
        "payment_id",
        "received_at",
        postgresql_where=text("payment_id IS NOT NULL"),
    ),
    Index("ix_provider_events_age", "received_at"),
)

# A dispute's amount is in its payment's currency. Its fee is booked once, when it is known.
disputes = Table(
    "disputes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("payment_id", Uuid, ForeignKey(payments.c.id), nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("provider_ref", Text, nullable=False, info=IMPERSONAL),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("fee_currency", Text, nullable=False, info=IMPERSONAL),
    Column("fee_minor", BigInteger, nullable=False),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("evidence_due", DateTime(timezone=True)),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("fee_at", DateTime(timezone=True)),
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint("minor > 0 AND fee_minor >= 0", name="positive"),
    CheckConstraint("status IN ('open', 'won', 'lost')", name="status"),
    CheckConstraint("(closed_at IS NULL) = (status = 'open')", name="closed_at"),
    CheckConstraint("(fee_at IS NOT NULL) = (fee_minor > 0)", name="fee_at"),
    UniqueConstraint("provider", "provider_ref"),
    Index("ix_disputes_payment", "payment_id"),
    Index("ix_disputes_newest", "opened_at", "id"),
    Index("ix_disputes_status", "status", "opened_at", "id"),
    Index("ix_disputes_opened", "provider", "opened_at", "id"),
    Index(
        "ix_disputes_won",
        "provider",
        "closed_at",
        "id",
        postgresql_where=text("status = 'won'"),
    ),
    Index(
        "ix_disputes_fee",
        "provider",
        "fee_at",
        "id",
        postgresql_where=text("fee_at IS NOT NULL"),
    ),
)

# Credits on our bank account, each once. The text they came with is not kept: it may name people.
funds = Table(
    "funds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("booked_at", DateTime(timezone=True), nullable=False),
    Column("bank_ref", Text, nullable=False, info=IMPERSONAL),
    Column("outcome", Text, nullable=False, info=IMPERSONAL),
    Column("payment_id", Uuid, ForeignKey(payments.c.id)),
    Column("received_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "outcome IN ('captured', 'already', 'unmatched', 'wrong_amount', 'late')", name="outcome"
    ),
    CheckConstraint("(payment_id IS NULL) = (outcome = 'unmatched')", name="matched"),
    # One payment, one credit that pays for it.
    Index(
        "uq_funds_payment",
        "payment_id",
        unique=True,
        postgresql_where=text("outcome IN ('captured', 'already')"),
    ),
)

# The person's customer object at a provider, and the methods it keeps for them: tokens only.
customers = Table(
    "customers",
    metadata,
    Column("person_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("customer_ref", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("person_id", "provider"),
)

methods = Table(
    "methods",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("provider_ref", Text, nullable=False, info=IMPERSONAL),
    Column("customer_ref", Text, nullable=False, info=IMPERSONAL),
    Column("label", Text, nullable=False, info=PERSONAL),
    Column("expires", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("forgotten_at", DateTime(timezone=True)),
    UniqueConstraint("person_id", "provider", "provider_ref"),
    Index(
        "ix_methods_person",
        "person_id",
        "created_at",
        "id",
        postgresql_where=text("forgotten_at IS NULL"),
    ),
)

vendor_accounts = Table(
    "vendor_accounts",
    metadata,
    Column("vendor_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("provider_ref", Text, nullable=False, info=IMPERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("requirements", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("vendor_id", "provider"),
    UniqueConstraint("provider", "provider_ref"),
    CheckConstraint("status IN ('started', 'restricted', 'ready')", name="status"),
    Index("ix_vendor_accounts_asked", "asked_at", postgresql_where=text("status <> 'ready'")),
)

# A spike of failures that was announced and is not over yet.
spikes = Table(
    "spikes",
    metadata,
    Column("provider", Text, primary_key=True, info=IMPERSONAL),
    Column("since", DateTime(timezone=True), nullable=False),
)
