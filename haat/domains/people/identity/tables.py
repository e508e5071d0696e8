"""Accounts, their places in teams, sessions with their refresh tokens, second factors, accounts
elsewhere, letters with links to prove an address, tries to sign in, and counted failures."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata(
    "identity",
    unwatched="attempts letters sessions refresh_tokens sign_ins rights_changes words",
)

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
    Column("rights", BigInteger, nullable=False, server_default=text("0")),  # how often changed
    Column("rights_changed_at", DateTime(timezone=True)),
    Column("email_verified_at", DateTime(timezone=True)),
    # Without one the hash is of something that nobody was told.
    Column("has_password", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("status IN ('pending', 'active', 'blocked')", name="status"),
)
Index("ix_people_created_at_id", people.c.created_at, people.c.id)
Index("ix_people_staff", people.c.id, postgresql_where=text("staff_roles <> '{}'"))
Index(
    "ix_people_rights_changed_at",
    people.c.rights_changed_at,
    postgresql_where=text("rights_changed_at IS NOT NULL"),
)

# Put together by a vendor for its team, or (no vendor) by the market for its staff.
roles = Table(
    "roles",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("name_key", Text, nullable=False, info=IMPERSONAL),
    Column("scopes", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("id", "vendor_id"),
)
Index(
    "uq_roles_name_key",
    roles.c.vendor_id,
    roles.c.name_key,
    unique=True,
    postgresql_nulls_not_distinct=True,
)

staff_customs = Table(
    "staff_customs",
    metadata,
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("role_id", Uuid, ForeignKey(roles.c.id), nullable=False),
    PrimaryKeyConstraint("person_id", "role_id"),
)
Index("ix_staff_customs_role_id", staff_customs.c.role_id)

memberships = Table(
    "memberships",
    metadata,
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("role", Text, nullable=False, info=IMPERSONAL),
    Column("role_id", Uuid),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("joined_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("person_id", "vendor_id"),
    # A role of the same vendor's.
    ForeignKeyConstraint(["role_id", "vendor_id"], [roles.c.id, roles.c.vendor_id]),
    CheckConstraint("role IN ('owner', 'admin', 'manager', 'staff', 'custom')", name="role"),
    CheckConstraint("(role = 'custom') = (role_id IS NOT NULL)", name="custom"),
)
Index("ix_memberships_vendor_id", memberships.c.vendor_id)
Index("ix_memberships_role_id", memberships.c.role_id)

# A link is made from the id and `sent` whenever it is needed: none is kept.
invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("email", Text, nullable=False, info=PERSONAL),  # normalised
    Column("role", Text, nullable=False, info=IMPERSONAL),
    Column("role_id", Uuid),
    Column("invited_by", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("sent", Integer, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("accepted_by", Uuid),
    ForeignKeyConstraint(
        ["role_id", "vendor_id"], [roles.c.id, roles.c.vendor_id], ondelete="CASCADE"
    ),
    CheckConstraint("role IN ('admin', 'manager', 'staff', 'custom')", name="role"),
    CheckConstraint("(role = 'custom') = (role_id IS NOT NULL)", name="custom"),
)
Index(
    "uq_invitations_open",
    invitations.c.vendor_id,
    invitations.c.email,
    unique=True,
    postgresql_where=text("ended_at IS NULL"),
)
Index("ix_invitations_vendor_id_created_at", invitations.c.vendor_id, invitations.c.created_at)
Index("ix_invitations_role_id", invitations.c.role_id)
Index("ix_invitations_expires_at", invitations.c.expires_at)

# By which a vendor's programs call. The secret is told once; its hash is what is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("prefix", Text, nullable=False, info=IMPERSONAL),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256: 32 random bytes behind it
    Column("scopes", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)
Index("ix_api_keys_vendor_id", api_keys.c.vendor_id, api_keys.c.created_at, api_keys.c.id)
Index("ix_api_keys_person_id", api_keys.c.person_id)

# What was done to anybody's rights; written in the transaction that does it, never changed.
rights_changes = Table(
    "rights_changes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_id", Uuid),
    Column("person_id", Uuid),
    Column("vendor_id", Uuid),
    Column("what", Text, nullable=False, info=IMPERSONAL),
    Column("before", Text, nullable=False, info=IMPERSONAL),
    Column("after", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("request_id", Text, nullable=False, info=IMPERSONAL),
)
Index("ix_rights_changes_at_id", rights_changes.c.at, rights_changes.c.id)
Index(
    "ix_rights_changes_vendor_id",
    rights_changes.c.vendor_id,
    rights_changes.c.at,
    rights_changes.c.id,
)

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
    Column("end_reason", Text, info=IMPERSONAL),  # signed_out, token_reused, revoked, blocked …
    Column("address", Text, nullable=False, server_default=text("''"), info=PERSONAL),
    Column("used_at", DateTime(timezone=True)),  # its last refresh
    Column("proved_at", DateTime(timezone=True)),  # when the person last proved who they are
    # By a second factor or a passkey: what staff must have where the market asks for it.
    Column("strong", Boolean, nullable=False, server_default=text("false")),
)
Index("ix_sessions_person_id", sessions.c.person_id)
Index("ix_sessions_expires_at", sessions.c.expires_at)
Index("ix_sessions_ended_at", sessions.c.ended_at, postgresql_where=text("ended_at IS NOT NULL"))

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

# Mails with a link, or with news of the account itself. The link is signed and names the row; its
# text is kept nowhere. `address` is what was typed, or where the account is reached.
letters = Table(
    "letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("address", Text, nullable=False, info=PERSONAL),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("sent_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True)),
)
Index("ix_letters_due_at", letters.c.due_at, postgresql_where=text("sent_at IS NULL"))
Index("ix_letters_person_id", letters.c.person_id)
Index("ix_letters_expires_at", letters.c.expires_at)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE")),  # None: no account
    Column("at", DateTime(timezone=True), nullable=False),
    Column("address", Text, nullable=False, info=PERSONAL),
    Column("client", Text, nullable=False, info=PERSONAL),
    Column("result", Text, nullable=False, info=IMPERSONAL),
    Column("session_id", Uuid),
)
Index("ix_sign_ins_person_id_at_id", sign_ins.c.person_id, sign_ins.c.at, sign_ins.c.id)
Index("ix_sign_ins_at", sign_ins.c.at)

authenticators = Table(
    "authenticators",
    metadata,
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), primary_key=True),
    Column("secret", Text, nullable=False, info=PERSONAL),  # sealed with the market's key
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    # The 30 seconds of the last code that was accepted: none is accepted twice.
    Column("last_step", BigInteger, nullable=False, server_default=text("0")),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("hash", LargeBinary, primary_key=True),  # keyed with the market's secret
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
Index("ix_recovery_codes_person_id", recovery_codes.c.person_id)

passkeys = Table(
    "passkeys",
    metadata,
    Column("credential_id", LargeBinary, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False, info=PERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
Index("ix_passkeys_person_id", passkeys.c.person_id)

# Second factors that staff take away from who lost them all: two people, and a time to stop it.
factor_resets = Table(
    "factor_resets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("evidence", Text, nullable=False, info=PERSONAL),
    Column("asked_by", Uuid, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("approved_by", Uuid),
    Column("due_at", DateTime(timezone=True)),
    Column("letter_id", Uuid),  # the mail with the link that stops it
    Column("texted", Text, info=IMPERSONAL),  # the last state told by text message
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('asked', 'approved', 'done', 'withdrawn', 'stopped')", name="state"),
    CheckConstraint("(ended_at IS NULL) = (state IN ('asked', 'approved'))", name="ended"),
    CheckConstraint(
        "person_id <> asked_by AND person_id <> approved_by AND asked_by <> approved_by",
        name="hands",
    ),
)
Index(
    "uq_factor_resets_open",
    factor_resets.c.person_id,
    unique=True,
    postgresql_where=text("ended_at IS NULL"),
)
Index("ix_factor_resets_person_id", factor_resets.c.person_id, factor_resets.c.asked_at)
Index("ix_factor_resets_letter_id", factor_resets.c.letter_id)
Index("ix_factor_resets_due_at", factor_resets.c.due_at, postgresql_where=text("ended_at IS NULL"))

# What the market's vendors are called, in forms that no password is a dressed-up one of.
words = Table(
    "words",
    metadata,
    Column("vendor_id", Uuid, nullable=False),
    Column("word", Text, nullable=False, info=IMPERSONAL),
    PrimaryKeyConstraint("vendor_id", "word"),
)
Index("ix_words_word", words.c.word)

# Accounts at other providers of identities, and at the host system.
connections = Table(
    "connections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("subject", Text, nullable=False, info=PERSONAL),  # the provider's name for the person
    Column("email", Text, nullable=False, info=PERSONAL),  # as the provider told it last
    # Of staff's, given by this provider and by nobody's hand: they end when it gives them no more.
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("connected_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    UniqueConstraint("provider", "subject"),
)
Index("ix_connections_person_id", connections.c.person_id, connections.c.connected_at)

# A number that is proved, and one that waits for its code; either may be missing.
phones = Table(
    "phones",
    metadata,
    Column("person_id", Uuid, ForeignKey(people.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", Text, info=PERSONAL),
    Column("verified_at", DateTime(timezone=True)),
    Column("pending", Text, info=PERSONAL),
    Column("code_hash", LargeBinary),  # keyed with the market's secret
    Column("code_until", DateTime(timezone=True)),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("(number IS NULL) = (verified_at IS NULL)", name="verified"),
    CheckConstraint("(pending IS NULL) = (code_hash IS NULL)", name="pending"),
)
