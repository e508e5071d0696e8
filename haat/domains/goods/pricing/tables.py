"""Tables of the pricing schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("pricing", unwatched="currency_steps edition")

rates = Table(
    "rates",
    metadata,
    Column("tax_class", Text, nullable=False, info=IMPERSONAL),
    Column("country", Text, nullable=False, info=IMPERSONAL),
    Column("rate_bp", Integer, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tax_class", "country"),
    CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="rate_bp"),
)

# One row: how often anything of what processes keep in memory was changed.
edition = Table(
    "edition",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("single", name="single"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("tax_display", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint("tax_display IN ('market', 'excluded')", name="tax_display"),
)

members = Table(
    "members",
    metadata,
    Column("group_id", Uuid, ForeignKey(groups.c.id, ondelete="CASCADE"), nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("group_id", "person_id"),
)

# A list is read and written whole; `entries` are its contract type's JSON.
lists = Table(
    "lists",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("group_id", Uuid, ForeignKey(groups.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("starts_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
    Column("active", Boolean, nullable=False),
    Column("entries", JSONB, nullable=False, info=IMPERSONAL),
    CheckConstraint("starts_at < ends_at", name="span"),
)
Index("ix_lists_group_id", lists.c.group_id)

currencies = Table(
    "currencies",
    metadata,
    Column("code", Text, primary_key=True, info=IMPERSONAL),
    Column("rate", Numeric(20, 9), nullable=False),
    Column("rounding", Text, nullable=False, info=IMPERSONAL),
    Column("enabled", Boolean, nullable=False),
    Column("source", Text, nullable=False, info=IMPERSONAL),
    Column("rated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("rate > 0", name="rate"),
    CheckConstraint("rounding IN ('minor', 'five', 'ninety_nine', 'whole')", name="rounding"),
)

# Every rate that was ever set.
currency_steps = Table(
    "currency_steps",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, info=IMPERSONAL),
    Column("rate", Numeric(20, 9), nullable=False),
    Column("rounding", Text, nullable=False, info=IMPERSONAL),
    Column("enabled", Boolean, nullable=False),
    Column("source", Text, nullable=False, info=IMPERSONAL),
    Column("rated_at", DateTime(timezone=True), nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
    Column("person_id", Uuid),
)
Index("ix_currency_steps_code", currency_steps.c.code, currency_steps.c.seq)
