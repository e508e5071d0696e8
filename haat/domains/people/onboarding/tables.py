"""What is asked for, what each vendor gave, its review, documents, and the terms."""

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
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("onboarding")

items = Table(
    "items",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("hint", Text, nullable=False, info=IMPERSONAL),
    Column("required", Boolean, nullable=False),
    Column("document_type", Text, info=IMPERSONAL),
    Column("fields", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("business_types", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("position", Integer, nullable=False),
    Column("removed_at", DateTime(timezone=True)),
    CheckConstraint(
        "kind IN ('business', 'document', 'bank_account', 'terms', 'profile')", name="kind"
    ),
)

applications = Table(
    "applications",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("stage", Text, nullable=False, info=IMPERSONAL),
    Column("business", JSONB, nullable=False, server_default=text("'{}'"), info=PERSONAL),
    Column("bank", Text, nullable=False, server_default="none", info=IMPERSONAL),
    Column("bank_at", DateTime(timezone=True)),
    Column("note", Text, nullable=False, server_default="", info=PERSONAL),  # what staff asked
    # What the vendor or staff did to it: a decision is on the state that was read.
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("submitted_at", DateTime(timezone=True)),
    Column("decided_at", DateTime(timezone=True)),
    # The version that vendors was told it must have accepted, and the one it was reminded of.
    Column("terms_needed", Integer, nullable=False, server_default=text("0")),
    Column("terms_reminded", Integer, nullable=False, server_default=text("0")),
    # A decision that vendors has not been told of yet.
    Column("untold", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "stage IN ('preparing', 'submitted', 'changes', 'approved', 'rejected', 'closed')",
        name="stage",
    ),
    CheckConstraint("bank IN ('none', 'unverified', 'verified')", name="bank"),
    CheckConstraint("untold IN ('approve', 'reject')", name="untold"),
)
Index("ix_applications_created_at", applications.c.created_at, applications.c.vendor_id)
Index(
    "ix_applications_stage", applications.c.stage, applications.c.created_at,
    applications.c.vendor_id,
)  # fmt: skip
Index(
    "ix_applications_untold", applications.c.decided_at,
    postgresql_where=text("untold IS NOT NULL"),
)  # fmt: skip

Index(
    "ix_applications_terms_needed", applications.c.terms_needed,
    postgresql_where=text("stage = 'approved'"),
)  # fmt: skip
Index(
    "ix_applications_terms_reminded", applications.c.terms_reminded,
    postgresql_where=text("stage = 'approved'"),
)  # fmt: skip

waivers = Table(
    "waivers",
    metadata,
    Column("vendor_id", Uuid, nullable=False),
    Column("item_id", Uuid, ForeignKey(items.c.id), nullable=False),
    Column("note", Text, nullable=False, info=PERSONAL),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("vendor_id", "item_id"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("item_id", Uuid, ForeignKey(items.c.id), nullable=False),
    Column("type", Text, nullable=False, info=IMPERSONAL),
    Column("name", Text, nullable=False, info=PERSONAL),
    Column("digest", Text, nullable=False, info=IMPERSONAL),
    Column("content_type", Text, nullable=False, info=IMPERSONAL),
    Column("size_bytes", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("stored", Boolean, nullable=False),  # false until its bytes are in the store
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, server_default="", info=PERSONAL),
    Column("uploaded_by", Uuid),
    Column("uploaded_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Uuid),
    Column("decided_at", DateTime(timezone=True)),
    Column("delete_after", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('waiting', 'verified', 'refused')", name="status"),
)
Index("ix_documents_vendor", documents.c.vendor_id, documents.c.uploaded_at, documents.c.id)
Index(
    "ix_documents_due", documents.c.delete_after,
    postgresql_where=text("deleted_at IS NULL"),
)  # fmt: skip

looks = Table(
    "looks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("document_id", Uuid, ForeignKey(documents.c.id), nullable=False),
    Column("person_id", Uuid),
    Column("page", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("ix_looks_document", looks.c.document_id, looks.c.at)

entries = Table(
    "entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", Text, nullable=False, info=IMPERSONAL),
    Column("by", Uuid),
    Column("text", Text, nullable=False, info=PERSONAL),
    Column("internal", Boolean, nullable=False),
)
Index("ix_entries_vendor", entries.c.vendor_id, entries.c.at, entries.c.id)

terms = Table(
    "terms",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("text", Text, nullable=False, info=IMPERSONAL),
    Column("published_by", Uuid),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("grace_until", DateTime(timezone=True), nullable=False),
)

acceptances = Table(
    "acceptances",
    metadata,
    Column("vendor_id", Uuid, nullable=False),
    Column("version", Integer, ForeignKey(terms.c.version), nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("told", Boolean, nullable=False, server_default=text("false")),  # to vendors
    PrimaryKeyConstraint("vendor_id", "version"),
)
Index(
    "ix_acceptances_untold", acceptances.c.vendor_id, acceptances.c.version,
    postgresql_where=text("NOT told"),
)  # fmt: skip
Index("ix_acceptances_at", acceptances.c.at, acceptances.c.vendor_id, acceptances.c.version)
