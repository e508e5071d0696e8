"""Vendors, one row each."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid, text

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("vendors")

vendors = Table(
    "vendors",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),  # who applied
    Column("slug", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("name", Text, nullable=False, info=IMPERSONAL),  # a trade name, public
    Column("name_key", Text, nullable=False, info=IMPERSONAL),  # under which a name is taken
    Column("description", Text, nullable=False, info=IMPERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("logo_id", Uuid),
    Column("banner_id", Uuid),
    Column("country", Text, nullable=False, info=IMPERSONAL),
    Column("contact_email", Text, nullable=False, info=PERSONAL),
    Column("business_type", Text, nullable=False, info=IMPERSONAL),
    Column("commission_bp", Integer),
    Column("reason", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('pending', 'active', 'suspended', 'rejected')", name="status"),
    CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission"),
)
# A rejected application does not keep its name from others.
Index(
    "uq_vendors_name_key",
    vendors.c.name_key,
    unique=True,
    postgresql_where=text("status <> 'rejected'"),
)
Index(
    "ix_vendors_active",
    vendors.c.name_key,
    vendors.c.id,
    postgresql_where=text("status = 'active'"),
)
Index("ix_vendors_created_at_id", vendors.c.created_at, vendors.c.id)
Index("ix_vendors_status_created_at_id", vendors.c.status, vendors.c.created_at, vendors.c.id)
