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

metadata = module_metadata("notifications", unwatched="*")

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

# Who wants to be told when an offer can be had again: a person, or whoever has an address. Told
# once; a guest's is kept until the mail is out.
waits = Table(
    "waits",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, nullable=False),
    Column("person_id", Uuid),
    Column("email", Text, info=PERSONAL),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("told_at", DateTime(timezone=True)),
    CheckConstraint("(person_id IS NULL) <> (email IS NULL)", name="who"),
)
Index(
    "ix_waits_of_person",
    waits.c.offer_id,
    waits.c.person_id,
    unique=True,
    postgresql_where=text("told_at IS NULL AND person_id IS NOT NULL"),
)
Index(
    "ix_waits_of_guest",
    waits.c.offer_id,
    waits.c.email,
    unique=True,
    postgresql_where=text("told_at IS NULL AND email IS NOT NULL"),
)

# To a person, to the guest of an order, to who waits for an offer or is invited: never an address,
# which is looked up when it is sent.
mails = Table(
    "mails",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("order_id", Uuid),
    Column("wait_id", Uuid),
    Column("invitation_id", Uuid),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("facts", JSONB, nullable=False, info=PERSONAL),
    Column("path", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),  # next try; while trying, the lease
    Column("attempts", Integer, nullable=False),
    Column("outcome", Text, info=IMPERSONAL),
    Column("done_at", DateTime(timezone=True)),
    CheckConstraint(
        "coalesce(person_id, order_id, wait_id, invitation_id) IS NOT NULL", name="recipient"
    ),
    CheckConstraint("waiting = (outcome IS NULL)", name="outcome"),
)
Index("ix_mails_due", mails.c.due_at, mails.c.id, postgresql_where=text("waiting"))
Index("ix_mails_done_at", mails.c.done_at, postgresql_where=text("NOT waiting"))
