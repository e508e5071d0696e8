"""What was heard of orders, returns and chargebacks; who is below the thresholds; the policy."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("performance", unwatched="orders returns chargebacks vendors")

orders = Table(
    "orders",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("number", Text, nullable=False, info=IMPERSONAL),
    Column("parts", SmallInteger),  # how many vendor orders its order has
    Column("begun_at", DateTime(timezone=True)),  # when its vendor could begin
    Column("ship_by", DateTime(timezone=True)),
    Column("handled_at", DateTime(timezone=True)),  # sent, ready to collect, or done
    Column("sent_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text, info=IMPERSONAL),
    CheckConstraint("ended_by IN ('customer', 'vendor', 'staff', 'system')", name="ended_by"),
)
Index(
    "ix_orders_of_vendor",
    orders.c.vendor_id,
    orders.c.begun_at.desc(),
    orders.c.vendor_order_id.desc(),
    postgresql_where=text("begun_at IS NOT NULL"),
)
Index("ix_orders_of_order", orders.c.order_id)

returns = Table(
    "returns",
    metadata,
    Column("return_id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, nullable=False),
    Column("reason", Text, info=IMPERSONAL),
    Column("state", Text, info=IMPERSONAL),  # the newest that was heard of
    Column("at", DateTime(timezone=True)),  # and since when
    Column("escalated", Boolean, nullable=False),
    Column("refunded", Boolean, nullable=False),
)
Index("ix_returns_of_vendor_order", returns.c.vendor_order_id)

chargebacks = Table(
    "chargebacks",
    metadata,
    Column("dispute_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint("status IN ('open', 'won', 'lost')", name="status"),
)
Index("ix_chargebacks_of_order", chargebacks.c.order_id)

vendors = Table(
    "vendors",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("below", ARRAY(Text), nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("since", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True), nullable=False),  # when it is judged next
    CheckConstraint("(since IS NULL) = (below = '{}')", name="since"),
)
Index("ix_vendors_due_at", vendors.c.due_at)
Index(
    "ix_vendors_below",
    vendors.c.since,
    vendors.c.vendor_id,
    postgresql_where=text("since IS NOT NULL"),
)

policy = Table(
    "policy",
    metadata,
    # True is the only key there can be: the row is one.
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("days", SmallInteger, nullable=False),
    Column("orders_min", Integer, nullable=False),
    Column("cases_min", Integer, nullable=False),
    Column("late_bp", Integer, nullable=False),
    Column("cancelled_bp", Integer, nullable=False),
    Column("faulty_bp", Integer, nullable=False),
    Column("disputed_bp", Integer, nullable=False),
    CheckConstraint("single", name="single"),
)
