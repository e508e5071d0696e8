"""Bank accounts of vendors."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("banking")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("holder", Text, nullable=False, info=PERSONAL),
    Column("account", Text, nullable=False, info=PERSONAL),
    Column("bic", Text, nullable=False, info=IMPERSONAL),
    Column("bank", Text, nullable=False, info=IMPERSONAL),
    Column("routing", Text, nullable=False, info=IMPERSONAL),
    Column("country", Text, nullable=False, info=IMPERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, server_default="", info=PERSONAL),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("checked_by", Uuid),
    Column("checked_at", DateTime(timezone=True)),
    Column("removed_at", DateTime(timezone=True)),
    # Whether payouts and onboarding know how it is.
    Column("told", Boolean, nullable=False, server_default=text("false")),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("status IN ('unverified', 'verified', 'refused')", name="status"),
)
Index(
    "uq_accounts_default", accounts.c.vendor_id, unique=True,
    postgresql_where=text("is_default AND removed_at IS NULL"),
)  # fmt: skip
Index(
    "uq_accounts_number", accounts.c.vendor_id, accounts.c.account, unique=True,
    postgresql_where=text("removed_at IS NULL"),
)  # fmt: skip
Index("ix_accounts_untold", accounts.c.changed_at, postgresql_where=text("NOT told"))

# One row a vendor, which those who change its accounts wait for.
desks = Table(
    "desks",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),  # of the newest change
)
