"""Tables of the inventory schema."""

from sqlalchemy import (
    ARRAY,
    CHAR,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("inventory", unwatched="movements reservations offers suspended_vendors")

# What is so of an offer wherever its goods lie. `counted` false: as many are sold as are asked for.
offers = Table(
    "offers",
    metadata,
    Column("offer_id", Uuid, primary_key=True),
    Column("product_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("sku", Text, nullable=False, info=IMPERSONAL),
    Column("safety", Integer, nullable=False, server_default=text("0")),
    Column("low_at", Integer, nullable=False, server_default=text("0")),
    Column("low_told", Boolean, nullable=False, server_default=text("false")),
    Column("counted", Boolean, nullable=False, server_default=text("true")),
    Column("there_told", Boolean, nullable=False, server_default=text("false")),  # said: in stock
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("low_at >= 0", name="low_at"),
    CheckConstraint("safety >= 0", name="safety"),
)
Index("ix_offers_by_vendor", offers.c.vendor_id, offers.c.sku, offers.c.offer_id)
Index("ix_offers_by_product", offers.c.product_id)
Index(
    "ix_offers_watched",
    offers.c.vendor_id,
    offers.c.sku,
    offers.c.offer_id,
    postgresql_where=text("low_at > 0"),
)

# A vendor's first warehouse is there by itself, under an id that follows from the vendor's.
# `countries` empty: it sends everywhere. `address` is the place itself, of a business.
warehouses = Table(
    "warehouses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("is_default", Boolean, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default=text("100")),
    Column("countries", ARRAY(CHAR(2)), nullable=False, info=IMPERSONAL),
    Column("address", JSONB, info=IMPERSONAL),
    Column("pickup", Boolean, nullable=False, server_default=text("false")),
    Column("pickup_note", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint("NOT (is_default AND closed_at IS NOT NULL)", name="default_open"),
    CheckConstraint("NOT pickup OR address IS NOT NULL", name="pickup_somewhere"),
)
Index("ix_warehouses_of_vendor", warehouses.c.vendor_id, warehouses.c.created_at)
Index(
    "ix_warehouses_default",
    warehouses.c.vendor_id,
    unique=True,
    postgresql_where=text("is_default"),
)

# No index or predicate names on_hand or reserved, and pages keep room for newer versions of their
# rows: so PostgreSQL updates them in place (HOT), twice for everything that is sold.
stock = Table(
    "stock",
    metadata,
    Column("offer_id", Uuid, ForeignKey(offers.c.offer_id), nullable=False),
    Column("warehouse_id", Uuid, ForeignKey(warehouses.c.id), nullable=False),
    Column("on_hand", Integer, nullable=False, server_default=text("0")),
    Column("reserved", Integer, nullable=False, server_default=text("0")),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("offer_id", "warehouse_id"),
    CheckConstraint("0 <= reserved AND reserved <= on_hand", name="reserved_on_hand"),
    postgresql_with={"fillfactor": 70},
)
Index("ix_stock_in_warehouse", stock.c.warehouse_id)

# Lines stand in the row itself (three arrays side by side): they are only ever read with it.
reservations = Table(
    "reservations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("offers", ARRAY(Uuid), nullable=False),
    Column("quantities", ARRAY(Integer), nullable=False),
    Column("warehouses", ARRAY(Uuid), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('held', 'promised', 'committed', 'released', 'expired')", name="state"
    ),
    CheckConstraint("state <> 'held' OR expires_at IS NOT NULL", name="held_expires"),
    CheckConstraint(
        "cardinality(offers) = cardinality(quantities)"
        " AND cardinality(offers) = cardinality(warehouses)",
        name="lines",
    ),
)
Index("ix_reservations_held", reservations.c.expires_at, postgresql_where=text("state = 'held'"))
Index(
    "ix_reservations_active",
    reservations.c.id,
    postgresql_where=text("state IN ('held', 'promised')"),
)

# Append-only (a trigger). Without foreign keys: each sale would lock its stock row once more, and
# what has no stock row is found by the proof.
movements = Table(
    "movements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, nullable=False),
    Column("warehouse_id", Uuid, nullable=False),
    Column("delta", Integer, nullable=False),
    Column("reason", Text, nullable=False, info=IMPERSONAL),
    Column("reference", Uuid),
    Column("actor", Text, nullable=False, info=IMPERSONAL),
    Column("actor_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "reason IN ('set', 'correction', 'import', 'received', 'damaged', 'lost', 'transfer',"
        " 'sale', 'return', 'reject', 'cancel')",
        name="reason",
    ),
    CheckConstraint("actor IN ('person', 'guest', 'system')", name="actor"),
)
Index("ix_movements_by_offer", movements.c.offer_id, movements.c.at, movements.c.id)

suspended_vendors = Table(
    "suspended_vendors",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
)

# Offers that somebody waits for: told once when there are some again, then not watched any more.
watched = Table(
    "watched",
    metadata,
    Column("offer_id", Uuid, ForeignKey(offers.c.offer_id), primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
)
