"""Lists of commission rules: drafts, the active one, and those that were."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("commissions")

# Rules stand in the row itself: a list is only ever read and changed as a whole.
lists = Table(
    "lists",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("rules", JSONB, nullable=False, info=IMPERSONAL),
    Column("tax_bp", Integer, nullable=False),
    Column("note", Text, nullable=False, info=IMPERSONAL),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Uuid),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Uuid),
    Column("active_from", DateTime(timezone=True)),
    Column("active_to", DateTime(timezone=True)),
    Column("activated_by", Uuid),
    Column("reason", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    CheckConstraint("status IN ('draft', 'active', 'retired')", name="status"),
    CheckConstraint("tax_bp BETWEEN 0 AND 10000", name="tax_bp"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("(status = 'draft') = (active_from IS NULL)", name="begins"),
    CheckConstraint("(status = 'retired') = (active_to IS NOT NULL)", name="ends"),
    CheckConstraint("active_from <= active_to", name="period"),
)
Index("ix_lists_newest", lists.c.created_at, lists.c.id)
Index("uq_lists_active", lists.c.status, unique=True, postgresql_where=text("status = 'active'"))
