"""Vendors, one row each."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

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
    Column("reason", Text, info=PERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("latitude", Double),  # of its place of business, public
    Column("longitude", Double),
    Column("place", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("verified_at", DateTime(timezone=True)),
    Column("rating_value", Integer),
    Column("rating_count", Integer),
    Column("rating_version", BigInteger, nullable=False, server_default="0"),
    Column("support_email", Text, nullable=False, server_default="", info=PERSONAL),  # public
    Column("support_phone", Text, nullable=False, server_default="", info=PERSONAL),
    Column("hours", JSONB, info=IMPERSONAL),
    Column("policies", JSONB, nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("preferences", JSONB, nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("away_from", DateTime(timezone=True)),
    Column("away_until", DateTime(timezone=True)),
    Column("away_message", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("away_hidden", Boolean, nullable=False, server_default=text("false")),
    Column("away_on", Boolean, nullable=False, server_default=text("false")),  # it has begun
    # Versions of the terms: what it must have accepted by now, and what it has.
    Column("terms_needed", Integer, nullable=False, server_default=text("0")),
    Column("terms_accepted", Integer, nullable=False, server_default=text("0")),
    Column("closing_at", DateTime(timezone=True)),
    CheckConstraint(
        "status IN ('pending', 'active', 'suspended', 'rejected', 'closing', 'closed')",
        name="status",
    ),
    CheckConstraint("away_from IS NOT NULL OR NOT away_on", name="away"),
    CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission"),
    CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="location"),
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
Index(
    "ix_vendors_closing",
    vendors.c.id,
    postgresql_where=text("status = 'closing'"),
)
Index(
    "ix_vendors_away_from",
    vendors.c.away_from,
    postgresql_where=text("away_from IS NOT NULL AND NOT away_on"),
)
Index(
    "ix_vendors_away_until",
    vendors.c.away_until,
    postgresql_where=text("away_until IS NOT NULL"),
)
Index("ix_vendors_created_at_id", vendors.c.created_at, vendors.c.id)
Index("ix_vendors_status_created_at_id", vendors.c.status, vendors.c.created_at, vendors.c.id)

places = Table(
    "places",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, ForeignKey(vendors.c.id), nullable=False),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    # A place of business, public; of somebody who works at home it is where they live.
    Column("line1", Text, nullable=False, info=PERSONAL),
    Column("postal_code", Text, nullable=False, info=PERSONAL),
    Column("city", Text, nullable=False, info=PERSONAL),
    Column("country", Text, nullable=False, info=IMPERSONAL),
    Column("phone", Text, nullable=False, info=PERSONAL),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("kind IN ('shop', 'pickup', 'returns', 'office')", name="kind"),
    CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="position"),
)
Index("ix_places_vendor", places.c.vendor_id, places.c.created_at, places.c.id)
