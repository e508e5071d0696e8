"""Accounts, their places in teams, sessions with their refresh tokens, and counted failures."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("identity")

people = Table(
    "people",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True, info=PERSONAL),  # normalised
    Column("name", Text, nullable=False, info=PERSONAL),
    Column("password_hash", Text, nullable=False, info=PERSONAL),
    Column("status", Text, nullable=False, server_default=text("'active'"), info=IMPERSONAL),
    Column(
        "staff_roles", ARRAY(Text), nullable=False, server_default=text("'{}'"), info=IMPERSONAL
    ),
    Column("demo", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_sign_in_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('active', 'blocked')", name="status"),
)
Index("ix_people_created_at_id", people.c.created_at, people.c.id)
Index("ix_people_staff", people.c.id, postgresql_where=text("staff_roles <> '{}'"))

memberships = Table(
    "memberships",
    metadata,
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("role", Text, nullable=False, info=IMPERSONAL),
    Column("joined_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("person_id", "vendor_id"),
    CheckConstraint("role IN ('owner', 'admin', 'manager', 'staff')", name="role"),
)
Index("ix_memberships_vendor_id", memberships.c.vendor_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("vendor_id", Uuid),  # the vendor the person chose to act for
    Column("client", Text, nullable=False, info=PERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("end_reason", Text, info=IMPERSONAL),  # signed_out, token_reused
)
Index("ix_sessions_person_id", sessions.c.person_id)
Index("ix_sessions_expires_at", sessions.c.expires_at)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),  # SHA-256 of 32 random bytes
    Column("session_id", Uuid, ForeignKey(sessions.c.id, ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("rotated_at", DateTime(timezone=True)),
)
Index("ix_refresh_tokens_session_id", refresh_tokens.c.session_id)
Index("ix_refresh_tokens_rotated_at", refresh_tokens.c.rotated_at)

attempts = Table(
    "attempts",
    metadata,
    # SHA-256 of an address, or of an address and an origin: nobody is told who tried.
    Column("key", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
)
Index("ix_attempts_until", attempts.c.until)
