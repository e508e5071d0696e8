"""Notes shown in the account, and mails on their way."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("notifications")

# `facts` fill the kind's text when it is read: numbers, amounts, a reason somebody wrote.
notes = Table(
    "notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("facts", JSONB, nullable=False, info=PERSONAL),
    Column("path", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("read_at", DateTime(timezone=True)),
)
Index("ix_notes_person_id_created_at_id", notes.c.person_id, notes.c.created_at, notes.c.id)
Index("ix_notes_unread", notes.c.person_id, postgresql_where=text("read_at IS NULL"))

# To a person, or to the guest of an order: never an address, which is asked for when it is sent.
mails = Table(
    "mails",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("order_id", Uuid),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("facts", JSONB, nullable=False, info=PERSONAL),
    Column("path", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),  # next try; while trying, the lease
    Column("attempts", Integer, nullable=False),
    Column("outcome", Text, info=IMPERSONAL),
    Column("done_at", DateTime(timezone=True)),
    CheckConstraint("person_id IS NOT NULL OR order_id IS NOT NULL", name="recipient"),
    CheckConstraint("waiting = (outcome IS NULL)", name="outcome"),
)
Index("ix_mails_due", mails.c.due_at, mails.c.id, postgresql_where=text("waiting"))
Index("ix_mails_done_at", mails.c.done_at, postgresql_where=text("NOT waiting"))
