"""What every module's schema has in common: names of constraints, outbox and inbox."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

# Every text column says whether it can hold personal data (docs/house.md, section 6).
PERSONAL: dict[str, Any] = {"personal": True}
IMPERSONAL: dict[str, Any] = {"personal": False}

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def module_metadata(schema: str, *, unwatched: str = "") -> MetaData:
    """The metadata of one module, with the outbox and the inbox that every module has.

    What people change in its tables is noted for the audit, but for those named in `unwatched`
    ("*": all): histories of their own, sums, copies, and what a purchase writes.
    """
    metadata = MetaData(schema=schema, naming_convention=_NAMES, info={"unwatched": unwatched})
    Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("type", Text, nullable=False, info=IMPERSONAL),
        Column("key", Text, nullable=False, info=IMPERSONAL),
        Column("envelope", JSONB, nullable=False, info=IMPERSONAL),
    )
    Table(
        "inbox",
        metadata,
        Column("subscriber", Text, nullable=False, info=IMPERSONAL),
        Column("event_id", Uuid, nullable=False),
        Column("handled_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        PrimaryKeyConstraint("subscriber", "event_id"),
    )
    return metadata
