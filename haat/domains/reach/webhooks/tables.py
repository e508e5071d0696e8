"""Endpoints, deliveries and their tries."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("webhooks", unwatched="deliveries attempts")

# Without a vendor it is the market's. `secret` and `old_secret` are sealed; one that is removed has
# none. They, and addresses, which often hold a secret of the receiver's, stand in no audit.
# `lease`, until `leased_until`: who sends to it now. `slow`: it failed or was slow the last time,
# and waits in the other queue.
endpoints = Table(
    "endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid),
    Column("url", Text, nullable=False, info=PERSONAL),
    Column("description", Text, nullable=False, info=IMPERSONAL),
    Column("events", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("off", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    Column("secret", Text, info=PERSONAL),
    Column("old_secret", Text, info=PERSONAL),
    Column("old_secret_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("removed_at", DateTime(timezone=True)),
    Column("failing_since", DateTime(timezone=True)),
    Column("answered_at", DateTime(timezone=True)),
    Column("slow", Boolean, nullable=False, server_default=text("false")),
    Column("lease", Uuid),
    Column("leased_until", DateTime(timezone=True)),
    Column("served_at", DateTime(timezone=True)),
    CheckConstraint("enabled = (off = '')", name="off"),
    CheckConstraint("(secret IS NULL) = (removed_at IS NOT NULL)", name="removed"),
)
Index(
    "ix_endpoints_url",
    text("coalesce(vendor_id, '00000000-0000-0000-0000-000000000000')"),
    text("md5(url)"),
    _table=endpoints,
    unique=True,
    postgresql_where=text("removed_at IS NULL"),
)
Index("ix_endpoints_created_at", endpoints.c.created_at, endpoints.c.id)
Index(
    "ix_endpoints_removed_at",
    endpoints.c.removed_at,
    postgresql_where=text("removed_at IS NOT NULL"),
)

# `id` derives from the endpoint and the event. `step`: how far it is on its way of tries; one that
# is sent again begins anew, its `attempts` go on.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("endpoint_id", Uuid, ForeignKey("webhooks.endpoints.id"), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("body", Text, nullable=False, info=PERSONAL),
    Column("state", Text, nullable=False, server_default=text("'waiting'"), info=IMPERSONAL),
    Column("step", Integer, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    Column("status", Integer),
    Column("error", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state"),
    CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name="done"),
)
Index(
    "ix_deliveries_due",
    deliveries.c.endpoint_id,
    deliveries.c.due_at,
    deliveries.c.id,
    postgresql_where=text("state = 'waiting'"),
)
Index(
    "ix_deliveries_listed",
    deliveries.c.endpoint_id,
    deliveries.c.created_at,
    deliveries.c.id,
)
Index(
    "ix_deliveries_by_state",
    deliveries.c.endpoint_id,
    deliveries.c.state,
    deliveries.c.created_at,
    deliveries.c.id,
)
Index("ix_deliveries_created_at", deliveries.c.created_at)

attempts = Table(
    "attempts",
    metadata,
    Column(
        "delivery_id",
        Uuid,
        ForeignKey("webhooks.deliveries.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("number", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("ms", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text, nullable=False, info=IMPERSONAL),
    Column("answer", Text, nullable=False, info=PERSONAL),
    PrimaryKeyConstraint("delivery_id", "number"),
)
