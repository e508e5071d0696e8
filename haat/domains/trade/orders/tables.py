"""Tables of the orders schema. Amounts are minor units of the row's currency."""

from sqlalchemy import (
    ARRAY,
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
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("orders", unwatched="order_list part_list timeline lines refund_lines")

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    # Its sequence is what human numbers are counted from.
    Column("seq", BigInteger, Identity(start=100001), nullable=False, unique=True),
    Column("number", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("person_id", Uuid),
    Column("email", Text, nullable=False, info=PERSONAL),
    Column("ship_to", JSONB, nullable=False, info=PERSONAL),
    Column("bill_to", JSONB, nullable=False, info=PERSONAL),
    Column("prices_include_tax", Boolean, nullable=False),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("goods", BigInteger, nullable=False),
    Column("shipping", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
)
# For who has just ordered: the lists below come a moment later.
Index("ix_orders_of_person", orders.c.person_id, orders.c.placed_at.desc(), orders.c.id.desc())

# Person, currency and time stand here again: they are frozen, and lists and rights need them.
vendor_orders = Table(
    "vendor_orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey(orders.c.id), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("number", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("vendor_id", Uuid, nullable=False),
    Column("vendor_name", Text, nullable=False, info=IMPERSONAL),
    Column("person_id", Uuid),
    Column("payment", Text, nullable=False, info=IMPERSONAL),
    Column("fulfilment", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, info=PERSONAL),  # people write what they like into it
    Column("shipping_method", Text, nullable=False, info=IMPERSONAL),
    Column("pickup_id", Uuid),  # the warehouse where the customer collects it
    Column("days_min", SmallInteger),  # how long the carrier takes, as was told when it was bought
    Column("days_max", SmallInteger),
    Column("handling_hours", SmallInteger),  # in which its vendor sends it, as was promised
    Column("ship_by", DateTime(timezone=True)),  # that long after it was paid
    Column("shipping_tax_bp", Integer, nullable=False),
    Column("shipping_tax", BigInteger, nullable=False),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("items", Integer, nullable=False),
    Column("goods", BigInteger, nullable=False),
    Column("shipping", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("shipping_commission", BigInteger, nullable=False),
    Column("shipping_commission_tax", BigInteger, nullable=False),
    Column("shipping_terms", JSONB, nullable=False, info=IMPERSONAL),
    Column("commission", BigInteger, nullable=False),
    Column("commission_tax", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("delivered_at", DateTime(timezone=True)),
    CheckConstraint(
        "payment IN ('authorized', 'awaiting', 'on_delivery', 'paid', 'partially_refunded',"
        " 'refunded', 'voided')",
        name="payment",
    ),
    CheckConstraint(
        "fulfilment IN ('pending', 'accepted', 'ready', 'in_transit', 'delivered', 'rejected',"
        " 'cancelled')",
        name="fulfilment",
    ),
    CheckConstraint("0 <= refunded AND refunded <= total", name="refunded"),
)
Index("ix_vendor_orders_of_order", vendor_orders.c.order_id, vendor_orders.c.position)
# Frozen at sale but for what was given back. `category_path`: the product's category and those
# above it.
lines = Table(
    "lines",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, ForeignKey(vendor_orders.c.id), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("offer_id", Uuid, nullable=False),
    Column("product_id", Uuid, nullable=False),
    Column("product_slug", Text, nullable=False, info=IMPERSONAL),
    Column("variant_id", Uuid, nullable=False),
    Column("sku", Text, nullable=False, info=IMPERSONAL),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("variant_title", Text, nullable=False, info=IMPERSONAL),
    Column("picture", JSONB, info=IMPERSONAL),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("tax_bp", Integer, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("category_path", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("commission", BigInteger, nullable=False),
    Column("commission_tax", BigInteger, nullable=False),
    Column("terms", JSONB, nullable=False, info=IMPERSONAL),
    Column("refunded_quantity", Integer, nullable=False, server_default=text("0")),
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    Column("kind", Text, nullable=False, server_default=text("'physical'"), info=IMPERSONAL),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("refunded_quantity BETWEEN 0 AND quantity", name="refunded_quantity"),
    CheckConstraint("refunded BETWEEN 0 AND amount + tax", name="refunded"),
)
Index("ix_lines_of_vendor_order", lines.c.vendor_order_id, lines.c.position)

# Append-only. `vendor_order_id` is empty for what concerns the whole order.
timeline = Table(
    "timeline",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order_id", Uuid, ForeignKey(orders.c.id), nullable=False),
    Column("vendor_order_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", Text, nullable=False, info=IMPERSONAL),
    Column("actor", Text, nullable=False, info=IMPERSONAL),
    Column("note", Text, nullable=False, info=PERSONAL),
    Column("source", Uuid),  # what was told from outside, so that it is noted once
    CheckConstraint("actor IN ('customer', 'vendor', 'staff', 'system')", name="actor"),
)
Index("ix_timeline_of_order", timeline.c.order_id, timeline.c.id)
Index(
    "ix_timeline_source",
    timeline.c.source,
    unique=True,
    postgresql_where=text("source IS NOT NULL"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, ForeignKey(vendor_orders.c.id), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("note", Text, nullable=False, info=PERSONAL),
    Column("at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount > 0", name="amount"),
)
Index("ix_refunds_of_vendor_order", refunds.c.vendor_order_id)

# How much of which line a refund gave back. Not there for refunds of an amount at large. The line
# of shipping is derive(vendor order, "shipping"): it stands in no other table.
refund_lines = Table(
    "refund_lines",
    metadata,
    Column("refund_id", Uuid, ForeignKey(refunds.c.refund_id), primary_key=True),
    Column("line_id", Uuid, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("gross", BigInteger, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
    CheckConstraint("gross >= 0", name="gross"),
)
Index("ix_refund_lines_of_line", refund_lines.c.line_id)

# What lists are read from: one row an order and one a vendor order, kept by this module's own
# reaction to its events (service/listing.py). `version` only grows: states go forward.
order_list = Table(
    "order_list",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, info=IMPERSONAL),
    Column("person_id", Uuid),
    Column("email", Text, nullable=False, info=PERSONAL),
    Column("ship_to_name", Text, nullable=False, info=PERSONAL),
    Column("words", TSVECTOR, nullable=False, info=PERSONAL),  # of name and address, to search
    Column("payment", Text, nullable=False, info=IMPERSONAL),
    Column("fulfilment", Text, nullable=False, info=IMPERSONAL),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("total", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("items", Integer, nullable=False),
    Column("vendors", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index("ix_order_list_newest", order_list.c.placed_at.desc(), order_list.c.id.desc())
Index(
    "ix_order_list_of_person",
    order_list.c.person_id,
    order_list.c.placed_at.desc(),
    order_list.c.id.desc(),
)
Index(
    "ix_order_list_by_payment",
    order_list.c.payment,
    order_list.c.placed_at.desc(),
    order_list.c.id.desc(),
)
Index(
    "ix_order_list_by_fulfilment",
    order_list.c.fulfilment,
    order_list.c.placed_at.desc(),
    order_list.c.id.desc(),
)
Index("ix_order_list_words", order_list.c.words, postgresql_using="gin")

part_list = Table(
    "part_list",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("number", Text, nullable=False, info=IMPERSONAL),
    Column("ship_to_name", Text, nullable=False, info=PERSONAL),
    Column("payment", Text, nullable=False, info=IMPERSONAL),
    Column("fulfilment", Text, nullable=False, info=IMPERSONAL),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("total", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("items", Integer, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index(
    "ix_part_list_of_vendor",
    part_list.c.vendor_id,
    part_list.c.placed_at.desc(),
    part_list.c.id.desc(),
)
Index(
    "ix_part_list_by_fulfilment",
    part_list.c.vendor_id,
    part_list.c.fulfilment,
    part_list.c.placed_at.desc(),
    part_list.c.id.desc(),
)
