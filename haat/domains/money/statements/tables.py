"""Issued invoices and the counter of their numbers."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("statements", unwatched="*")


def _minor(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


# One row a year: the last number given. Locked while a month is issued, so numbers have no gaps.
series = Table(
    "series",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False, server_default=text("0")),
)

invoices = Table(
    "invoices",
    metadata,
    Column("number", Text, primary_key=True, info=IMPERSONAL),
    Column("year", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("month", Text, nullable=False, info=IMPERSONAL),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    _minor("commission"),
    _minor("fees"),
    _minor("tax"),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("vendor_id", "month"),
    UniqueConstraint("year", "place"),
    CheckConstraint("place > 0", name="place"),
    Index("ix_invoices_vendor", "vendor_id", "issued_at", "number"),
)

# Months that are done: nothing is looked up for them again.
months = Table(
    "months",
    metadata,
    Column("month", Text, primary_key=True, info=IMPERSONAL),
    Column("issued_at", DateTime(timezone=True), nullable=False),
)
