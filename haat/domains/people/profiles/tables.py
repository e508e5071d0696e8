"""One row a person, one an address, one each time somebody says yes or no."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("profiles")

profiles = Table(
    "profiles",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("phone", Text, nullable=False, server_default=text("''"), info=PERSONAL),
    # Whether one press of a button may buy: only who says so.
    Column("one_click", Boolean, nullable=False, server_default=text("false")),
    Column("born_on", Date, info=PERSONAL),
    Column("avatar_id", Uuid),
    Column("marketing", Boolean, nullable=False, server_default=text("false")),
    Column("currency", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    Column("country", Text, nullable=False, server_default=text("''"), info=PERSONAL),
    Column("order_mail", Boolean, nullable=False, server_default=text("true")),
    Column("interests", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    # Which address is the default stands here once, so that there are never two.
    Column("default_address_id", Uuid),
)

addresses = Table(
    "addresses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey(profiles.c.person_id), nullable=False),
    Column("label", Text, nullable=False, server_default=text("''"), info=PERSONAL),
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

# Never changed and never removed: what was said when, and to which words.
consents = Table(
    "consents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("person_id", Uuid, nullable=False),
    Column("purpose", Text, nullable=False, info=IMPERSONAL),
    Column("given", Boolean, nullable=False),
    Column("version", Text, nullable=False, info=IMPERSONAL),
    Column("wording", Text, nullable=False, info=IMPERSONAL),
    Column("request_id", Text, nullable=False, info=IMPERSONAL),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("ix_consents_person_id_seq", consents.c.person_id, consents.c.seq.desc())
