"""One row a person, and one an address."""

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Table, Text, Uuid, text

from haat.engines.sql import PERSONAL, module_metadata

metadata = module_metadata("profiles")

profiles = Table(
    "profiles",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("phone", Text, nullable=False, server_default=text("''"), info=PERSONAL),
    # Whether one press of a button may buy: only who says so.
    Column("one_click", Boolean, nullable=False, server_default=text("false")),
    # Which address is the default stands here once, so that there are never two.
    Column("default_address_id", Uuid),
)

addresses = Table(
    "addresses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey(profiles.c.person_id), nullable=False),
    Column("name", Text, nullable=False, info=PERSONAL),
    Column("line1", Text, nullable=False, info=PERSONAL),
    Column("line2", Text, nullable=False, info=PERSONAL),
    Column("city", Text, nullable=False, info=PERSONAL),
    Column("region", Text, nullable=False, info=PERSONAL),
    Column("postal_code", Text, nullable=False, info=PERSONAL),
    Column("country", Text, nullable=False, info=PERSONAL),
    Column("phone", Text, nullable=False, info=PERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index(
    "ix_addresses_person_id_created_at_id",
    addresses.c.person_id,
    addresses.c.created_at,
    addresses.c.id,
)
