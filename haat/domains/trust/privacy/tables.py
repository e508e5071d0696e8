"""Requests and how far they are. Ids and times: who somebody was stands nowhere here."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("privacy", unwatched="parts")

erasures = Table(
    "erasures",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),  # of a guest the order's
    Column("guest", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("by_staff", Boolean, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("obstacles", JSONB, nullable=False, server_default=text("'[]'"), info=IMPERSONAL),
    # What is theirs elsewhere, gathered once when it begins: afterwards nobody could say.
    Column("orders", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("vendor_orders", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("returns", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    # Stores that ended and were theirs alone; of them those that never sold anything.
    Column("vendors", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("untraded", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    CheckConstraint("state IN ('asked', 'withdrawn', 'erasing', 'erased')", name="state"),
)
Index(
    "uq_erasures_open",
    erasures.c.person_id,
    unique=True,
    postgresql_where=text("state <> 'withdrawn'"),
)
Index("ix_erasures_person_id_asked_at", erasures.c.person_id, erasures.c.asked_at)
Index("ix_erasures_due", erasures.c.due_at, postgresql_where=text("state = 'asked'"))
Index("ix_erasures_at_work", erasures.c.id, postgresql_where=text("state = 'erasing'"))
Index("ix_erasures_erased", erasures.c.person_id, postgresql_where=text("state = 'erased'"))

exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),  # of a guest the order's
    Column("guest", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("ready_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("told_at", DateTime(timezone=True)),
    Column("size_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("gathered_at", DateTime(timezone=True)),  # every part is there
    Column("packed_until", DateTime(timezone=True)),  # until then somebody is at packing it
    Column("packing", Uuid),  # who was the last to begin: their file is the one
    Column("orders", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("vendor_orders", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("returns", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("vendors", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    CheckConstraint("state IN ('making', 'ready', 'expired')", name="state"),
)
Index(
    "uq_exports_making",
    exports.c.person_id,
    unique=True,
    postgresql_where=text("state = 'making'"),
)
Index("ix_exports_person_id_asked_at", exports.c.person_id, exports.c.asked_at)
Index("ix_exports_at_work", exports.c.id, postgresql_where=text("state = 'making'"))
Index(
    "ix_exports_to_pack",
    exports.c.gathered_at,
    postgresql_where=text("state = 'making' AND gathered_at IS NOT NULL"),
)
Index("ix_exports_expires_at", exports.c.expires_at, postgresql_where=text("state = 'ready'"))
Index(
    "ix_exports_to_tell",
    exports.c.ready_at,
    postgresql_where=text("state = 'ready' AND told_at IS NULL"),
)

# Which modules have done their part of an erasure or an export.
parts = Table(
    "parts",
    metadata,
    Column("request_id", Uuid, nullable=False),
    Column("module", Text, nullable=False, info=IMPERSONAL),
    Column("done_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("request_id", "module"),
)
