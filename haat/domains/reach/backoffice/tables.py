"""Counts, moved by events."""

from sqlalchemy import BigInteger, Column, Date, PrimaryKeyConstraint, Table, Text, Uuid

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("backoffice")

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
