"""Charges and tenders per order; balances, lines, shares, cancellations and return windows per
vendor order; refunds and what they are made of; disputes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata(
    "settlement",
    unwatched="balances lines refund_legs refund_lines shares windows",
)

# What an order costs its customer. `waiting`: for a bank transfer, or for delivery; `booked`:
# captured, in escrow and marked paid.
charges = Table(
    "charges",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    CheckConstraint(
        "state IN ('open', 'waiting', 'voided', 'captured', 'booked', 'failed')",
        name="state",
    ),
)

# The parts it is paid in: `credits`, `card` (whatever is not credits), and in the place of a card
# that turns out to be cash, one `cod` per vendor order. The id of a part at the wallet or at the
# provider is derive(of_id, leg).
tenders = Table(
    "tenders",
    metadata,
    Column("of_id", Uuid, primary_key=True),  # the order, or the vendor order
    Column("leg", Text, primary_key=True, info=IMPERSONAL),
    Column("order_id", Uuid, nullable=False),
    Column("provider", Text, info=IMPERSONAL),  # null: credits
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("on_delivery", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),  # delivered: the cash is collected then
    CheckConstraint("amount >= 0", name="amount"),
    CheckConstraint("leg IN ('card', 'credits', 'cod')", name="leg"),
    CheckConstraint("(leg = 'credits') = (provider IS NULL)", name="provider"),
    CheckConstraint("state IN ('open', 'voided', 'captured', 'booked')", name="state"),
    Index(None, "order_id"),
    Index("ix_tenders_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

# What was captured of a vendor order, and how much of it refunds and lost disputes have taken.
# `booked_at`: since when escrow and order know of it.
balances = Table(
    "balances",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("booked_at", DateTime(timezone=True)),
    CheckConstraint("refunded BETWEEN 0 AND total", name="refunded"),
    Index(None, "order_id"),
)

# By which tender it was paid.
shares = Table(
    "shares",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("leg", Text, primary_key=True, info=IMPERSONAL),
    Column("of_id", Uuid, nullable=False),
    Column("provider", Text, info=IMPERSONAL),
    Column("amount", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("refunded BETWEEN 0 AND amount", name="refunded"),
    Index(None, "of_id", "leg"),
)

# What it was paid for: goods, and shipping under derive(vendor order, "shipping"). `gross` is with
# tax. Orders from before refunds by line have none.
lines = Table(
    "lines",
    metadata,
    Column("line_id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, nullable=False),
    Column("offer_id", Uuid),  # null: shipping
    Column("quantity", Integer, nullable=False),
    Column("gross", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("refunded_quantity", Integer, nullable=False, server_default=text("0")),
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("refunded_quantity BETWEEN 0 AND quantity", name="refunded_quantity"),
    CheckConstraint("refunded BETWEEN 0 AND gross", name="refunded"),
    CheckConstraint("tax BETWEEN 0 AND gross", name="tax"),
    Index(None, "vendor_order_id"),
)

# `dispute_id`: taken by the provider, not given by us. `fee`: what the vendor is charged for that.
refunds = Table(
    "refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_order_id", Uuid, nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("restock", Boolean, nullable=False, server_default=text("false")),
    Column("dispute_id", Uuid),
    Column("fee", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),  # when the timer looks next; null: it ended
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("state IN ('created', 'done', 'failed')", name="state"),
    Index(None, "vendor_order_id", "created_at"),
    Index("ix_refunds_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_refunds_of_dispute", "dispute_id", postgresql_where=text("dispute_id IS NOT NULL")),
)

# How it goes back. `id` is what wallet or provider know it by.
refund_legs = Table(
    "refund_legs",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("leg", Text, primary_key=True, info=IMPERSONAL),
    Column("of_id", Uuid, nullable=False),
    Column("provider", Text, info=IMPERSONAL),
    Column("id", Uuid, nullable=False, unique=True),
    Column("amount", BigInteger, nullable=False),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("state IN ('created', 'done', 'failed')", name="state"),
)

# For what. When a part of a refund fails, what is left of each line stands here.
refund_lines = Table(
    "refund_lines",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("line_id", Uuid, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("gross", BigInteger, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
    CheckConstraint("gross >= 0", name="gross"),
    Index(None, "line_id"),
)

# Chargebacks. `status` is what we heard, `done` what of it stands in the books. `lost`: how much of
# a lost one no vendor order could bear.
disputes = Table(
    "disputes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("fee", BigInteger, nullable=False),
    Column("fee_currency", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("done", Text, info=IMPERSONAL),
    Column("lost", BigInteger),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("status IN ('open', 'won', 'lost')", name="status"),
    CheckConstraint("lost BETWEEN 0 AND amount", name="lost"),
    Index(None, "order_id"),
    Index("ix_disputes_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

# Vendor orders that were rejected or cancelled: goods and money go back.
cancellations = Table(
    "cancellations",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("refund_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("lines", JSONB, nullable=False, info=IMPERSONAL),
    Column("due_at", DateTime(timezone=True)),
    Index(None, "order_id"),
    Index("ix_cancellations_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

# Return windows of delivered vendor orders.
windows = Table(
    "windows",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("closes_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Index("ix_windows_open", "closes_at", postgresql_where=text("closed_at IS NULL")),
)
