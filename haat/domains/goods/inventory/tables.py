"""Tables of the inventory schema."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("inventory")

# No index or predicate names on_hand or reserved, so that PostgreSQL updates rows in place (HOT).
stock = Table(
    "stock",
    metadata,
    Column("offer_id", Uuid, primary_key=True),
    Column("product_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("sku", Text, nullable=False, info=IMPERSONAL),
    Column("on_hand", Integer, nullable=False, server_default=text("0")),
    Column("reserved", Integer, nullable=False, server_default=text("0")),
    Column("low_at", Integer, nullable=False, server_default=text("0")),
    Column("low_told", Boolean, nullable=False, server_default=text("false")),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("0 <= reserved AND reserved <= on_hand", name="reserved_on_hand"),
    CheckConstraint("low_at >= 0", name="low_at"),
)
Index("ix_stock_by_vendor", stock.c.vendor_id, stock.c.sku, stock.c.offer_id)
Index("ix_stock_by_product", stock.c.product_id)
Index(
    "ix_stock_watched",
    stock.c.vendor_id,
    stock.c.sku,
    stock.c.offer_id,
    postgresql_where=text("low_at > 0"),
)

# Lines stand in the row itself (two arrays side by side): they are only ever read with it.
reservations = Table(
    "reservations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("offers", ARRAY(Uuid), nullable=False),
    Column("quantities", ARRAY(Integer), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('held', 'promised', 'committed', 'released', 'expired')", name="state"
    ),
    CheckConstraint("state <> 'held' OR expires_at IS NOT NULL", name="held_expires"),
    CheckConstraint("cardinality(offers) = cardinality(quantities)", name="lines"),
)
Index("ix_reservations_held", reservations.c.expires_at, postgresql_where=text("state = 'held'"))
Index(
    "ix_reservations_active",
    reservations.c.id,
    postgresql_where=text("state IN ('held', 'promised')"),
)

movements = Table(
    "movements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, ForeignKey(stock.c.offer_id), nullable=False),
    Column("delta", Integer, nullable=False),
    Column("reason", Text, nullable=False, info=IMPERSONAL),
    Column("reference", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "reason IN ('set', 'correction', 'import', 'sale', 'return', 'reject', 'cancel')",
        name="reason",
    ),
)
Index("ix_movements_by_offer", movements.c.offer_id, movements.c.at, movements.c.id)

suspended_vendors = Table(
    "suspended_vendors",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
)
