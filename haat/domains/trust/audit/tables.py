"""The trail, its reasons, and where its chain ends."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("audit", unwatched="*")

# Never changed. What is personal in a change is noted as changed, without its values.
entries = Table(
    "entries",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_type", Text, nullable=False, info=IMPERSONAL),
    Column("actor_id", Uuid),
    Column("acting", Text, nullable=False, info=IMPERSONAL),
    Column("acting_vendor_id", Uuid),
    Column("session_id", Uuid),
    Column("command", Text, nullable=False, info=IMPERSONAL),
    Column("request_id", Text, nullable=False, info=IMPERSONAL),
    Column("module", Text, nullable=False, info=IMPERSONAL),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("subject", Text, nullable=False, info=IMPERSONAL),
    Column("change", Text, nullable=False, info=IMPERSONAL),
    Column("vendor_id", Uuid),
    Column("person_id", Uuid),
    Column("changes", JSONB, nullable=False, info=IMPERSONAL),
    Column("reason_digest", LargeBinary),
    Column("hash", LargeBinary, nullable=False),
)
for _name in ("actor_id", "vendor_id", "person_id", "session_id"):
    Index(
        f"ix_entries_{_name}_seq",
        entries.c[_name],
        entries.c.seq,
        postgresql_where=text(f"{_name} IS NOT NULL"),
    )
Index("ix_entries_subject_seq", entries.c.subject, entries.c.seq)
Index("ix_entries_request_id", entries.c.request_id)
Index("ix_entries_module_kind_seq", entries.c.module, entries.c.kind, entries.c.seq)
Index("ix_entries_at", entries.c.at)

# What people wrote may name anybody: it can go, and the chain does not notice.
reasons = Table(
    "reasons",
    metadata,
    Column("seq", BigInteger, ForeignKey(entries.c.seq), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text, nullable=False, info=PERSONAL),
)

chain = Table(
    "chain",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("single", name="single"),
)
