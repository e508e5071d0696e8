"""Tables of the shipping schema. Amounts are minor units of the row's currency."""

from sqlalchemy import (
    ARRAY,
    CHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("shipping")

# `bands`: [[up to weight in grams or null, price], …], lightest first; read with the row only.
methods = Table(
    "methods",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("bands", JSONB, nullable=False, info=IMPERSONAL),
    Column("countries", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("free_from", BigInteger),
    Column("days_min", SmallInteger, nullable=False),
    Column("days_max", SmallInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("0 <= days_min AND days_min <= days_max", name="days"),
)
Index("ix_methods_of_vendor", methods.c.vendor_id, methods.c.created_at, methods.c.id)

shipments = Table(
    "shipments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("carrier", Text, nullable=False, info=IMPERSONAL),
    Column("tracking_number", Text, nullable=False, info=IMPERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("shipped_at", DateTime(timezone=True)),
    Column("delivered_at", DateTime(timezone=True)),
    CheckConstraint(
        "status IN ('label_created', 'in_transit', 'delivered', 'cancelled')", name="status"
    ),
)
Index("ix_shipments_of_vendor_order", shipments.c.vendor_order_id)
Index(
    "ix_shipments_of_vendor",
    shipments.c.vendor_id,
    shipments.c.created_at.desc(),
    shipments.c.id.desc(),
)
# Vendors type what the carrier gave them, so two parcels may have the same number.
Index("ix_shipments_by_tracking", shipments.c.tracking_number, shipments.c.created_at.desc())
