"""Schema `rest`: answers to requests with an Idempotency-Key."""

from sqlalchemy import (
    Column,
    DateTime,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("rest")

answers = Table(
    "answers",
    metadata,
    Column("principal", Text, nullable=False, info=IMPERSONAL),
    Column("route", Text, nullable=False, info=IMPERSONAL),
    Column("key", Text, nullable=False, info=IMPERSONAL),
    Column("body_hash", LargeBinary, nullable=False),
    Column("claimed_at", DateTime(timezone=True), nullable=False),
    Column("status", SmallInteger),
    Column("content_type", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("body", LargeBinary, nullable=False, server_default="", info=PERSONAL),
    PrimaryKeyConstraint("principal", "route", "key"),
    Index(None, "claimed_at"),
)
