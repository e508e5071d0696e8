"""Returns with their lines and messages, how many of each order line are asked for, and until when.
Amounts are minor units of the row's currency."""

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
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("returns", unwatched="tallies windows")

# `block`: whether payouts keeps the earning back (`wanted` and `release` are not told yet).
# `deadline_at`: then it goes on by itself. `due_at`: when the timer goes on with what payouts and
# settlement have to be told. `version` counts the moves: whoever decides names what it saw.
returns = Table(
    "returns",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("seq", BigInteger, Identity(start=100001), nullable=False, unique=True),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("state", Text, nullable=False, server_default=text("'requested'"), info=IMPERSONAL),
    Column("escalated", Boolean, nullable=False, server_default=text("false")),
    Column("final", Boolean, nullable=False, server_default=text("false")),
    Column("order_id", Uuid, nullable=False),
    Column("order_number", Text, nullable=False, info=IMPERSONAL),
    Column("vendor_order_id", Uuid, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("person_id", Uuid),
    Column("reason", Text, nullable=False, info=IMPERSONAL),
    Column("items", Integer, nullable=False),
    Column("send_back", Boolean, nullable=False),
    Column("restock", Boolean, nullable=False, server_default=text("false")),
    Column("currency", CHAR(3), nullable=False, info=IMPERSONAL),
    Column("amount", BigInteger, nullable=False),
    Column("refund_shipping", Boolean, nullable=False),
    Column("shipping", BigInteger, nullable=False),  # the part of the amount that is shipping
    Column("refund", Text, info=IMPERSONAL),
    Column("refund_id", Uuid),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("block", Text, nullable=False, server_default=text("'wanted'"), info=IMPERSONAL),
    Column("tracking_number", Text, nullable=False, server_default=text("''"), info=PERSONAL),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("deadline_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("kind IN ('return', 'complaint')", name="kind"),
    CheckConstraint(
        "state IN ('requested', 'approved', 'sent_back', 'received', 'refunded', 'refused',"
        " 'withdrawn')",
        name="state",
    ),
    CheckConstraint("refund IN ('due', 'created', 'done', 'failed')", name="refund"),
    CheckConstraint("block IN ('wanted', 'set', 'release', 'free')", name="block"),
    CheckConstraint("NOT final OR state = 'refused'", name="final"),
    CheckConstraint("amount > 0 AND shipping BETWEEN 0 AND amount", name="amount"),
    CheckConstraint(
        "(state = 'refunded') = (refund IS NOT DISTINCT FROM 'done')"
        " AND (state = 'refunded') = (refund_id IS NOT NULL)",
        name="refunded",
    ),
    Index("ix_returns_part", "vendor_order_id", "requested_at"),
)
_columns = returns.c
_NEWEST = (_columns.requested_at.desc(), _columns.id.desc())
Index("ix_returns_person", _columns.person_id, *_NEWEST)
Index("ix_returns_vendor", _columns.vendor_id, *_NEWEST)
Index("ix_returns_vendor_state", _columns.vendor_id, _columns.state, *_NEWEST)
Index("ix_returns_queue", _columns.escalated.desc(), *_NEWEST)
Index("ix_returns_queue_state", _columns.state, _columns.escalated.desc(), *_NEWEST)
Index("ix_returns_due", _columns.due_at, postgresql_where=text("due_at IS NOT NULL"))
Index("ix_returns_deadline", _columns.deadline_at, postgresql_where=text("deadline_at IS NOT NULL"))

lines = Table(
    "lines",
    metadata,
    Column("return_id", Uuid, ForeignKey(returns.c.id), primary_key=True),
    Column("line_id", Uuid, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("received", Integer),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("variant_title", Text, nullable=False, info=IMPERSONAL),
    Column("sku", Text, nullable=False, info=IMPERSONAL),
    Column("unit_price", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("received BETWEEN 0 AND quantity", name="received"),
    Index("ix_lines_line", "line_id"),
)

# Of each order line: how many were bought, how many are asked for in returns that have not ended,
# how many such returns gave back, and how many we know were given back in whatever way.
tallies = Table(
    "tallies",
    metadata,
    Column("line_id", Uuid, primary_key=True),
    Column("bought", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("refunded", Integer, nullable=False, server_default=text("0")),
    Column("known", Integer, nullable=False),
    CheckConstraint("open >= 0 AND refunded >= 0 AND known >= 0", name="positive"),
    CheckConstraint("open + greatest(refunded, known) <= bought", name="bought"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("return_id", Uuid, ForeignKey(returns.c.id), nullable=False),
    Column("by", Text, nullable=False, info=IMPERSONAL),
    Column("what", Text, nullable=False, info=IMPERSONAL),
    Column("text", Text, nullable=False, info=PERSONAL),
    Column("pictures", JSONB, nullable=False, server_default=text("'[]'"), info=PERSONAL),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_messages_return", "return_id", "seq"),
)

# Return windows, their length frozen at delivery.
windows = Table(
    "windows",
    metadata,
    Column("vendor_order_id", Uuid, primary_key=True),
    Column("closes_at", DateTime(timezone=True), nullable=False),
)
