"""The one row of the market."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("market")

settings = Table(
    "settings",
    metadata,
    # True is the only key there can be: the row is one.
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("country", Text, nullable=False, info=IMPERSONAL),
    Column("logo_id", Uuid),
    Column("demo", Boolean, nullable=False),
    Column("prices_include_tax", Boolean, nullable=False),
    Column("commission_bp", Integer, nullable=False),
    Column("return_window_minutes", Integer, nullable=False),
    Column("order_prefix", Text, nullable=False, info=IMPERSONAL),
    Column("support_email", Text, info=IMPERSONAL),  # the market's, shown to everybody
    Column("offers_policy", Text, nullable=False, server_default=text("'own'"), info=IMPERSONAL),
    Column("pictures_max", Integer, nullable=False, server_default=text("20")),
    Column("lowest_price", Boolean, nullable=False, server_default=text("true")),
    Column("handling_hours", Integer, nullable=False, server_default=text("48")),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("single", name="single"),
    CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission"),
    CheckConstraint("return_window_minutes >= 0", name="return_window"),
    CheckConstraint("offers_policy IN ('shared', 'own', 'both')", name="offers_policy"),
    CheckConstraint("handling_hours BETWEEN 1 AND 720", name="handling_hours"),
    CheckConstraint("pictures_max BETWEEN 1 AND 100", name="pictures_max"),
)
