"""Earnings, their reversals, bank accounts and payouts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("payouts")


def _minor(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _tally(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


earnings = Table(
    "earnings",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("order_number", Text, nullable=False, info=IMPERSONAL),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    _minor("gross"),
    _minor("commission"),
    _minor("tax"),
    _minor("net"),
    _tally("refunded_commission"),
    _tally("refunded_tax"),
    _tally("refunded_net"),
    # pending → accruing (the amounts below are fixed, the ledger is told) → eligible
    Column("stage", Text, nullable=False, server_default=text("'pending'"), info=IMPERSONAL),
    Column("escrowed", Boolean, nullable=False, server_default=text("false")),
    _tally("accrued_commission"),
    _tally("accrued_tax"),
    _tally("accrued_net"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("accrued_at", DateTime(timezone=True)),
    Column("eligible_at", DateTime(timezone=True)),
    CheckConstraint("gross = net + commission + tax", name="adds_up"),
    CheckConstraint("net >= 0 AND commission >= 0 AND tax >= 0", name="parts"),
    CheckConstraint(
        "refunded_net BETWEEN 0 AND net AND refunded_commission BETWEEN 0 AND commission"
        " AND refunded_tax BETWEEN 0 AND tax",
        name="refunded",
    ),
    CheckConstraint("stage IN ('pending', 'accruing', 'eligible')", name="stage"),
    Index("ix_earnings_vendor", "vendor_id", "created_at", "vendor_order_id"),
    Index("ix_earnings_in_escrow", "vendor_id", postgresql_where=text("stage <> 'eligible'")),
    Index(
        "ix_earnings_unfinished",
        "created_at",
        postgresql_where=text("NOT escrowed OR stage = 'accruing'"),
    ),
)

reversals = Table(
    "reversals",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, ForeignKey(earnings.c.vendor_order_id), nullable=False),
    _minor("commission"),
    _minor("tax"),
    _minor("net"),
    Column("after_accrual", Boolean, nullable=False),
    Column("posted", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("net >= 0 AND commission >= 0 AND tax >= 0", name="parts"),
    Index("ix_reversals_order", "vendor_order_id"),
    Index("ix_reversals_unfinished", "created_at", postgresql_where=text("NOT posted")),
)

destinations = Table(
    "destinations",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("holder", Text, nullable=False, info=PERSONAL),
    Column("account", Text, nullable=False, info=PERSONAL),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    _minor("minor"),
    # Where it goes was fixed when it was asked for.
    Column("holder", Text, nullable=False, info=PERSONAL),
    Column("account", Text, nullable=False, info=PERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    # How it ends is written before the ledger is told, the status after.
    Column("outcome", Text, info=IMPERSONAL),
    Column("provider_ref", Text, info=IMPERSONAL),
    Column("reason", Text, info=IMPERSONAL),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Uuid),
    Column("paid_at", DateTime(timezone=True)),
    Column("touched_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint(
        "status IN ('reserving', 'refused', 'requested', 'approved', 'processing', 'paid',"
        " 'failed', 'rejected')",
        name="status",
    ),
    Index("ix_payouts_vendor", "vendor_id", "requested_at", "id"),
    Index("ix_payouts_queue", "requested_at", "id"),
    Index(
        "ix_payouts_unfinished",
        "touched_at",
        postgresql_where=text(
            "status IN ('reserving', 'approved', 'processing')"
            " OR (status = 'requested' AND outcome IS NOT NULL)"
        ),
    ),
)
