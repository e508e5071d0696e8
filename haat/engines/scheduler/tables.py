"""When each timer is due and who runs it. Deferred jobs stand in procrastinate's own tables."""

from sqlalchemy import Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text, Uuid

from haat.engines.sql.schema import IMPERSONAL

metadata = MetaData(schema="scheduler")

timers = Table(
    "timers",
    metadata,
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("holder", Uuid),
    Column("until", DateTime(timezone=True)),
    PrimaryKeyConstraint("name", name="pk_timers"),
)
