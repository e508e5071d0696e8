"""Tables of the pricing schema."""

from sqlalchemy import CheckConstraint, Column, DateTime, Integer, PrimaryKeyConstraint, Table, Text

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("pricing")

rates = Table(
    "rates",
    metadata,
    Column("tax_class", Text, nullable=False, info=IMPERSONAL),
    Column("country", Text, nullable=False, info=IMPERSONAL),
    Column("rate_bp", Integer, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tax_class", "country"),
    CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="rate_bp"),
)
