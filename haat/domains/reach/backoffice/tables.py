"""Counts, moved by events; the doctor's reports and what its drills' messages came to."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("backoffice", unwatched="*")

days = Table(
    "days",
    metadata,
    Column("day", Date, nullable=False),  # UTC
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("orders", BigInteger, nullable=False),  # placed on that day
    Column("sales", BigInteger, nullable=False),  # minor units paid on that day
    PrimaryKeyConstraint("day", "currency"),
)
vendors = Table(
    "vendors",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("status", Text, nullable=False, info=IMPERSONAL),
)

doctor_reports = Table(
    "doctor_reports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("running", Boolean),  # true or nothing, so that one runs at a time
    Column("alive_until", DateTime(timezone=True), nullable=False),
    Column("mended", Boolean, nullable=False, server_default=text("false")),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("document", JSONB, nullable=False, info=IMPERSONAL),
    UniqueConstraint("running"),
)
Index("ix_doctor_reports_started_at", doctor_reports.c.started_at, doctor_reports.c.id)
drill_messages = Table(
    "drill_messages",
    metadata,
    Column("report_id", Uuid, nullable=False),
    Column("thread", Text, nullable=False, info=IMPERSONAL),
    Column("number", Integer, nullable=False),
    Column("times", Integer, nullable=False, server_default=text("1")),
    Column("place", BigInteger, Identity(always=True)),  # in the order they were heard
    PrimaryKeyConstraint("report_id", "thread", "number"),
)
