"""Tables of the cart schema."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Uuid,
    text,
)

from haat.engines.sql import module_metadata

metadata = module_metadata("cart")

# A guest's cart (no person) expires; a person has one cart, for good.
carts = Table(
    "carts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    CheckConstraint("(person_id IS NULL) = (expires_at IS NOT NULL)", name="guests_expire"),
)
Index(
    "ix_carts_of_person",
    carts.c.person_id,
    unique=True,
    postgresql_where=text("person_id IS NOT NULL"),
)
Index(
    "ix_carts_expiring",
    carts.c.expires_at,
    postgresql_where=text("expires_at IS NOT NULL"),
)

items = Table(
    "items",
    metadata,
    Column("cart_id", Uuid, ForeignKey(carts.c.id, ondelete="CASCADE"), nullable=False),
    Column("offer_id", Uuid, nullable=False),
    Column("quantity", SmallInteger, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("cart_id", "offer_id"),
    CheckConstraint("quantity BETWEEN 1 AND 999", name="quantity"),
)

# Which checkouts have taken their goods out already, so that telling it twice takes them once.
closings = Table(
    "closings",
    metadata,
    Column("checkout_id", Uuid, primary_key=True),
    Column("cart_id", Uuid, ForeignKey(carts.c.id, ondelete="CASCADE"), nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
)
Index("ix_closings_of_cart", closings.c.cart_id)
Index("ix_closings_by_age", closings.c.closed_at)
