"""Sessions and what was opened in them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

metadata = module_metadata("support", unwatched="visits")

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("staff_id", Uuid, nullable=False),
    Column("vendor_id", Uuid),
    Column("person_id", Uuid),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("write", Boolean, nullable=False),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("consented_by", Uuid),
    Column("opened_at", DateTime(timezone=True)),
    # Until then it is waited for; of an open one, when it ends by itself.
    Column("until", DateTime(timezone=True), nullable=False),
    Column("ended_by", Uuid),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("(vendor_id IS NULL) <> (person_id IS NULL)", name="about"),
    CheckConstraint("state IN ('asked', 'open', 'refused', 'ended')", name="state"),
)
Index("ix_sessions_staff_id_asked_at", sessions.c.staff_id, sessions.c.asked_at)
Index("ix_sessions_vendor_id_asked_at", sessions.c.vendor_id, sessions.c.asked_at)
Index("ix_sessions_person_id_asked_at", sessions.c.person_id, sessions.c.asked_at)

visits = Table(
    "visits",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("session_id", Uuid, ForeignKey(sessions.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("method", Text, nullable=False, info=IMPERSONAL),
    # Without what was asked for behind the "?": people write names there.
    Column("path", Text, nullable=False, info=IMPERSONAL),
)
Index("ix_visits_session_id_seq", visits.c.session_id, visits.c.seq)
