"""Earnings by line, what moves vendors' balances, forecasts, payouts and the rules for them."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata(
    "payouts",
    unwatched="movements earnings earning_lines earning_sources"
    " forecasts payout_items reversals reversal_lines term_changes",
)


def _minor(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _tally(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _word(name: str, default: str | None = None) -> "Column[str]":
    given = None if default is None else text(f"'{default}'")
    return Column(name, Text, nullable=False, server_default=given, info=IMPERSONAL)


def _time(name: str, *, nullable: bool = False) -> "Column[Any]":
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _flag(name: str) -> "Column[bool]":
    return Column(name, Boolean, nullable=False, server_default=text("false"))


_REFUNDED = (
    "refunded_net BETWEEN 0 AND net AND refunded_commission BETWEEN 0 AND commission"
    " AND refunded_commission_tax BETWEEN 0 AND commission_tax"
    " AND refunded_tax BETWEEN 0 AND tax"
)
_PARTS = "net >= 0 AND commission >= 0 AND commission_tax >= 0 AND tax >= 0"
_ADDS_UP = "gross = net + commission + commission_tax + tax"

earnings = Table(
    "earnings",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    _word("order_number"),
    _word("currency"),
    # Sums of the lines'.
    _minor("gross"),
    _minor("commission"),
    _tally("commission_tax"),
    _minor("tax"),
    _minor("net"),
    _tally("refunded_commission"),
    _tally("refunded_commission_tax"),
    _tally("refunded_tax"),
    _tally("refunded_net"),
    _tally("fees"),
    # pending → accruing (the amounts below are fixed, the ledger is told) → eligible
    _word("stage", "pending"),
    _flag("escrowed"),
    _tally("accrued_commission"),
    _tally("accrued_commission_tax"),
    _tally("accrued_tax"),
    _tally("accrued_net"),
    _tally("accrued_cash"),
    _tally("accrued_reserve"),
    # none, held → releasing (what is left is fixed, the ledger is told) → released
    _word("reserve_stage", "none"),
    Column("reserve_bp", Integer, nullable=False, server_default=text("0")),
    _time("release_at", nullable=True),
    _time("sold_at"),
    _time("created_at"),
    _time("window_closes_at", nullable=True),
    # Accrual was asked for while something blocked it.
    _time("due_at", nullable=True),
    _time("accrued_at", nullable=True),
    _time("eligible_at", nullable=True),
    CheckConstraint(_ADDS_UP, name="adds_up"),
    CheckConstraint(_PARTS, name="parts"),
    CheckConstraint(_REFUNDED, name="refunded"),
    CheckConstraint("stage IN ('pending', 'accruing', 'eligible')", name="stage"),
    CheckConstraint(
        "reserve_stage IN ('none', 'held', 'releasing', 'released')", name="reserve_stage"
    ),
    Index("ix_earnings_vendor", "vendor_id", "created_at", "vendor_order_id"),
    Index("ix_earnings_in_escrow", "vendor_id", postgresql_where=text("stage <> 'eligible'")),
    Index(
        "ix_earnings_unfinished",
        "created_at",
        postgresql_where=text("NOT escrowed OR stage = 'accruing'"),
    ),
    Index(
        "ix_earnings_reserved",
        "release_at",
        postgresql_where=text("reserve_stage IN ('held', 'releasing')"),
    ),
)

earning_lines = Table(
    "earning_lines",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, ForeignKey(earnings.c.vendor_order_id), nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    _word("kind"),  # goods, shipping; whole: a vendor order sold before lines were kept here
    _word("title"),
    Column("quantity", Integer, nullable=False),
    Column("product_id", Uuid),
    Column("category_path", ARRAY(Uuid), nullable=False),
    _minor("unit_price"),
    _minor("base"),
    _minor("gross"),
    _minor("commission"),
    _minor("commission_tax"),
    _minor("tax"),
    _minor("net"),
    Column("terms", JSONB, nullable=False, info=IMPERSONAL),
    _time("sold_at"),
    _tally("refunded_commission"),
    _tally("refunded_commission_tax"),
    _tally("refunded_tax"),
    _tally("refunded_net"),
    _tally("fees"),
    # Its share of what the vendor collected in cash, and of what he gave back of that.
    _tally("cash"),
    _tally("cash_returned"),
    _tally("accrued_net"),
    _tally("accrued_cash"),
    _tally("accrued_reserve"),
    _tally("released"),
    _tally("paid"),  # by payouts: the sum of its movements' paid parts
    Column("forecasts", Integer, nullable=False, server_default=text("0")),
    _tally("forecast_net"),
    CheckConstraint(_ADDS_UP, name="adds_up"),
    CheckConstraint(_PARTS, name="parts"),
    CheckConstraint(_REFUNDED, name="refunded"),
    CheckConstraint("cash_returned BETWEEN 0 AND cash", name="cash"),
    CheckConstraint("released BETWEEN 0 AND accrued_reserve", name="released"),
    CheckConstraint("kind IN ('goods', 'shipping', 'whole')", name="kind"),
    Index("ix_earning_lines_order", "vendor_order_id", "position"),
    Index("ix_earning_lines_sold", "sold_at", "id"),
)

# `source`: a provider's name; '+credits'; '+collected' by the vendor; '' for clearing from before
# clearing accounts had an owner. `leg` ends the ids of its transfers.
earning_sources = Table(
    "earning_sources",
    metadata,
    Column("vendor_order_id", Uuid, ForeignKey(earnings.c.vendor_order_id), primary_key=True),
    Column("source", Text, primary_key=True, info=IMPERSONAL),
    _word("leg"),
    _minor("minor"),
    _tally("refunded"),
    CheckConstraint("refunded BETWEEN 0 AND minor", name="refunded"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    _word("kind"),
    _time("created_at"),
    _time("lifted_at", nullable=True),
)

reversals = Table(
    "reversals",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, ForeignKey(earnings.c.vendor_order_id), nullable=False),
    _word("cause", "refund"),
    _minor("commission"),
    _tally("commission_tax"),
    _minor("tax"),
    _minor("net"),
    # Charged to the vendor on top: kept commission, the tax on it, a dispute's fee.
    _tally("fee"),
    _tally("fee_tax"),
    _tally("provider_fee"),
    _word("fee_provider", ""),
    _tally("borne_fee"),  # a dispute's fee that the market bears
    _tally("cash"),
    _tally("released"),
    # [{"source", "leg", "provider", "minor"}]
    Column("sources", JSONB, nullable=False, info=IMPERSONAL, server_default=text("'[]'")),
    Column("after_accrual", Boolean, nullable=False),
    _flag("posted"),
    _time("created_at"),
    CheckConstraint(_PARTS, name="parts"),
    Index("ix_reversals_order", "vendor_order_id"),
    Index("ix_reversals_unfinished", "created_at", postgresql_where=text("NOT posted")),
)

reversal_lines = Table(
    "reversal_lines",
    metadata,
    Column("refund_id", Uuid, ForeignKey(reversals.c.refund_id), primary_key=True),
    Column("line_id", Uuid, primary_key=True),
    _minor("commission"),
    _minor("commission_tax"),
    _minor("tax"),
    _minor("net"),
    _minor("fee"),
    _minor("fee_tax"),
    _minor("provider_fee"),
    _minor("cash"),
    _minor("released"),
    Index("ix_reversal_lines_line", "line_id"),
)

# Every change of a vendor's balance, by line where it comes from one. `taken` is what payouts
# that have not failed take of it, `paid` what those that are paid took.
movements = Table(
    "movements",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    _word("currency"),
    _word("kind"),
    Column("vendor_order_id", Uuid),
    Column("line_id", Uuid),
    Column("cause_id", Uuid, nullable=False),
    _minor("minor"),
    _tally("taken"),
    _tally("paid"),
    _time("at"),
    CheckConstraint(
        "(minor > 0 AND paid >= 0 AND taken BETWEEN paid AND minor)"
        " OR (minor < 0 AND paid <= 0 AND taken BETWEEN minor AND paid)",
        name="taken",
    ),
    Index(
        "ix_movements_open", "vendor_id", "currency", "at", postgresql_where=text("taken <> minor")
    ),
    Index("ix_movements_unpaid", "vendor_order_id", postgresql_where=text("paid <> minor")),
    Index("ix_movements_line", "line_id"),
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("line_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("vendor_order_id", Uuid, nullable=False),
    _word("cause"),
    Column("cause_id", Uuid, nullable=False),
    _minor("net"),
    _minor("change"),
    Column("deductions", JSONB, nullable=False, info=IMPERSONAL),
    _time("expected_at", nullable=True),
    Column("blockers", ARRAY(Text), nullable=False),
    _minor("paid"),
    _time("issued_at"),
    UniqueConstraint("line_id", "cause", "cause_id", name="uq_forecasts_cause"),
)

destinations = Table(
    "destinations",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("holder", Text, nullable=False, info=PERSONAL),
    Column("account", Text, nullable=False, info=PERSONAL),
    Column("bic", Text, nullable=False, info=IMPERSONAL, server_default=text("''")),
    Column("provider_ref", Text, info=IMPERSONAL),
    _time("changed_at"),
    _time("held_until", nullable=True),  # after a change nothing is paid there until then
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    _word("currency"),
    _minor("minor"),
    # Where it goes was fixed when it was asked for.
    Column("holder", Text, nullable=False, info=PERSONAL),
    Column("account", Text, nullable=False, info=PERSONAL),
    Column("bic", Text, nullable=False, info=IMPERSONAL, server_default=text("''")),
    Column("destination_ref", Text, info=IMPERSONAL),
    _word("method", "test"),
    _word("trigger", "request"),
    _flag("automatic"),  # small enough to need no staff
    _flag("ownerless"),  # its transfer is from before clearing accounts had owners
    _word("status"),
    # How it ends is written before the ledger is told, the status after.
    Column("outcome", Text, info=IMPERSONAL),
    Column("provider_ref", Text, info=IMPERSONAL),
    Column("reason", Text, info=IMPERSONAL),
    _time("requested_at"),
    _time("decided_at", nullable=True),
    Column("decided_by", Uuid),
    Column("approved_by", Text, info=IMPERSONAL),
    _time("paid_at", nullable=True),
    _time("touched_at"),
    # A refused one has no pending transfer in the ledger any more.
    _flag("clear"),
    Column("bank_file_id", Uuid),
    CheckConstraint("minor > 0", name="positive"),
    CheckConstraint(
        "status IN ('reserving', 'refused', 'requested', 'approved', 'processing', 'paid',"
        " 'failed', 'rejected')",
        name="status",
    ),
    Index("ix_payouts_vendor", "vendor_id", "requested_at", "id"),
    Index("ix_payouts_queue", "requested_at", "id"),
    Index(
        "ix_payouts_bank",
        "requested_at",
        "id",
        postgresql_where=text("method = 'bank' AND bank_file_id IS NULL"),
    ),
    Index("ix_payouts_file", "bank_file_id", postgresql_where=text("bank_file_id IS NOT NULL")),
    Index(
        "ix_payouts_unfinished",
        "touched_at",
        postgresql_where=text(
            "status IN ('reserving', 'approved', 'processing')"
            " OR (status = 'requested' AND outcome IS NOT NULL)"
            " OR (status = 'refused' AND NOT clear)"
        ),
    ),
)

payout_items = Table(
    "payout_items",
    metadata,
    Column("payout_id", Uuid, ForeignKey(payouts.c.id), primary_key=True),
    Column("movement_id", BigInteger, ForeignKey(movements.c.id), primary_key=True),
    _minor("minor"),
    Index("ix_payout_items_movement", "movement_id"),
)

charges = Table(
    "charges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    _word("currency"),
    _minor("minor"),
    _minor("tax"),
    _word("reason"),
    _flag("posted"),
    Column("created_by", Uuid),
    _time("created_at"),
    CheckConstraint("minor <> 0 AND tax * sign(minor) >= 0", name="signs"),
    Index("ix_charges_vendor", "vendor_id", "created_at", "id"),
    Index("ix_charges_unfinished", "created_at", postgresql_where=text("NOT posted")),
)

bank_files = Table(
    "bank_files",
    metadata,
    Column("id", Uuid, primary_key=True),
    _word("format"),
    _word("currency"),
    _minor("minor"),
    Column("payouts", Integer, nullable=False),
    # Our own account as it was when the file was made: the file reads the same ever after.
    Column("debtor", JSONB, nullable=False, info=IMPERSONAL),
    Column("created_by", Uuid),
    _time("created_at"),
    Index("ix_bank_files_created", "created_at", "id"),
)

# The newest row holds; the others are its history.
policies = Table(
    "policies",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    Column("settings", JSONB, nullable=False, info=IMPERSONAL),
    _word("reason"),
    Column("changed_by", Uuid),
    _time("changed_at"),
)

terms = Table(
    "terms",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("reserve_bp", Integer),
    Column("reserve_days", Integer),
    Column("schedule", Text, info=IMPERSONAL),
    Column("threshold_minor", BigInteger),
    Column("auto_approve_minor", BigInteger),
    _flag("held"),
    _word("held_reason", ""),
    _time("verified_at", nullable=True),
)

term_changes = Table(
    "term_changes",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("settings", JSONB, nullable=False, info=IMPERSONAL),
    _word("reason"),
    Column("changed_by", Uuid),
    _time("changed_at"),
    Index("ix_term_changes_vendor", "vendor_id", "number"),
)

runs = Table(
    "runs",
    metadata,
    Column("slot", Text, primary_key=True, info=IMPERSONAL),  # "weekly:2026-11-23"
    _time("started_at"),
    _time("finished_at", nullable=True),
)
