"""What is on its way to whom: the queue, its leases, the parked keys and the dead letters."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql.schema import IMPERSONAL

metadata = MetaData(schema="bus")

# Of tables that are empty one moment and full the next: what is looked at in one says nothing of
# the other. Plans made for an empty one read all of it when it is full; and cutting its end off
# locks everybody out, to make it grow again.
_CHURNED = {"vacuum_truncate": "false", "autovacuum_analyze_threshold": 2_000_000_000}

queue = Table(
    "queue",
    metadata,
    Column("pos", BigInteger, Identity(always=True)),
    Column("subscriber", Text, nullable=False, info=IMPERSONAL),
    Column("partition", SmallInteger, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("key", Text, nullable=False, info=IMPERSONAL),
    Column("source", Text, nullable=False, info=IMPERSONAL),
    Column("envelope", JSONB, nullable=False, info=IMPERSONAL),
    Column("queued_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("subscriber", "pos", name="pk_queue"),
    UniqueConstraint("subscriber", "event_id", name="uq_queue_subscriber_event_id"),
    postgresql_with=_CHURNED,
)

# A key that failed: it waits until `not_before`, with everything behind it; a parked one waits for
# somebody to replay or discard its dead letter.
held = Table(
    "held",
    metadata,
    Column("subscriber", Text, nullable=False, info=IMPERSONAL),
    Column("key", Text, nullable=False, info=IMPERSONAL),
    Column("attempts", Integer, nullable=False),
    Column("not_before", DateTime(timezone=True), nullable=False),
    Column("parked", Boolean, nullable=False),
    PrimaryKeyConstraint("subscriber", "key", name="pk_held"),
    postgresql_with=_CHURNED,
)

lease = Table(
    "lease",
    metadata,
    Column("subscriber", Text, nullable=False, info=IMPERSONAL),
    Column("partition", SmallInteger, nullable=False),
    Column("holder", Uuid, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("subscriber", "partition", name="pk_lease"),
    postgresql_with=_CHURNED,
)

# Processes that hear through a broker, each until it is late to say that it is still there.
member = Table(
    "member",
    metadata,
    Column("holder", Uuid, nullable=False),
    Column("subscribers", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("holder", name="pk_member"),
)

dead = Table(
    "dead",
    metadata,
    Column("id", BigInteger, Identity(always=True)),
    Column("subscriber", Text, nullable=False, info=IMPERSONAL),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("key", Text, nullable=False, info=IMPERSONAL),
    Column("source", Text, nullable=False, info=IMPERSONAL),
    Column("pos", BigInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("envelope", JSONB, nullable=False, info=IMPERSONAL),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False, info=IMPERSONAL),
    Column("failed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id", name="pk_dead"),
    UniqueConstraint("subscriber", "event_id", name="uq_dead_subscriber_event_id"),
    Index("ix_dead_subscriber_key", "subscriber", "key"),
)
