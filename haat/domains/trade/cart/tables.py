"""Tables of the cart schema."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("cart", unwatched="*")

# `expires_at` and `remind_at` are rounded up to a day and an hour, so that putting something into a
# cart seldom changes an index.
carts = Table(
    "carts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("remind_at", DateTime(timezone=True)),  # when to remind, once; of a person's cart
    Column("reminded_at", DateTime(timezone=True)),
    CheckConstraint("remind_at IS NULL OR person_id IS NOT NULL", name="remind_people"),
)
Index(
    "ix_carts_of_person",
    carts.c.person_id,
    unique=True,
    postgresql_where=text("person_id IS NOT NULL"),
)
Index("ix_carts_expiring", carts.c.expires_at)
Index("ix_carts_to_remind", carts.c.remind_at, postgresql_where=text("remind_at IS NOT NULL"))

# `price` is what one cost when it was put in last; empty for what was put in before prices were
# noted.
items = Table(
    "items",
    metadata,
    Column("cart_id", Uuid, ForeignKey(carts.c.id, ondelete="CASCADE"), nullable=False),
    Column("offer_id", Uuid, nullable=False),
    Column("quantity", SmallInteger, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
    Column("price", BigInteger),
    Column("currency", CHAR(3), info=IMPERSONAL),
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

# What was done with carts: written with the deed, never changed (a trigger), outlives the cart and
# is deleted when it is old. `reference`: the checkout, or the guest's cart that was merged.
actions = Table(
    "actions",
    metadata,
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("cart_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", Text, nullable=False, info=IMPERSONAL),
    Column("person_id", Uuid),
    Column("offer_id", Uuid),
    Column("quantity", SmallInteger),
    Column("reference", Uuid),
    PrimaryKeyConstraint("cart_id", "seq"),
    CheckConstraint(
        "what IN ('add', 'set', 'remove', 'merge', 'bought', 'expire', 'remind')", name="what"
    ),
)
Index("ix_actions_by_age", actions.c.at, postgresql_using="brin")

# Who wants to be reminded of a cart left behind.
wishes = Table(
    "wishes",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("reminders", Boolean, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)

# Outlives the cart: what staff count.
reminders = Table(
    "reminders",
    metadata,
    Column("cart_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("checkout_id", Uuid),
    Column("recovered_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("cart_id", "at"),
    CheckConstraint("(checkout_id IS NULL) = (recovered_at IS NULL)", name="recovered"),
)
Index("ix_reminders_by_age", reminders.c.at)

# What catalog and inventory answered of offers on sale when they were asked last, so that putting
# one in seldom asks them again. The catalogue's events delete rows, and time makes them worthless:
# see `service/remembering.py`.
offers = Table(
    "offers",
    metadata,
    Column("offer_id", Uuid, primary_key=True),
    Column("product_id", Uuid, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("available", Integer, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
)
Index("ix_offers_of_product", offers.c.product_id)
