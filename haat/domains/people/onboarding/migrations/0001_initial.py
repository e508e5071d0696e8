"""What is asked for and what vendors gave; and a list to begin with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_applications()
    _upgrade_entries()
    _upgrade_inbox()
    _upgrade_items()
    _upgrade_outbox()
    _upgrade_terms()
    _upgrade_acceptances()
    _upgrade_documents()
    _upgrade_waivers()
    _upgrade_looks()
    _ask_for_what_is_usual()


def downgrade() -> None:
    op.drop_index("ix_looks_document", table_name="looks", schema="onboarding")
    op.drop_table("looks", schema="onboarding")
    op.drop_table("waivers", schema="onboarding")
    op.drop_index("ix_documents_vendor", table_name="documents", schema="onboarding")
    op.drop_index(
        "ix_documents_due",
        table_name="documents",
        schema="onboarding",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_table("documents", schema="onboarding")
    op.drop_index("ix_acceptances_at", table_name="acceptances", schema="onboarding")
    op.drop_table("acceptances", schema="onboarding")
    op.drop_table("terms", schema="onboarding")
    op.drop_table("outbox", schema="onboarding")
    op.drop_table("items", schema="onboarding")
    op.drop_table("inbox", schema="onboarding")
    op.drop_index("ix_entries_vendor", table_name="entries", schema="onboarding")
    op.drop_table("entries", schema="onboarding")
    op.drop_index(
        "ix_applications_untold",
        table_name="applications",
        schema="onboarding",
        postgresql_where=sa.text("untold IS NOT NULL"),
    )
    op.drop_index("ix_applications_stage", table_name="applications", schema="onboarding")
    op.drop_index("ix_applications_created_at", table_name="applications", schema="onboarding")
    op.drop_table("applications", schema="onboarding")


def _upgrade_applications() -> None:
    op.create_table(
        "applications",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column(
            "business",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("bank", sa.Text(), server_default="none", nullable=False),
        sa.Column("bank_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("untold", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bank IN ('none', 'unverified', 'verified')", name=op.f("ck_applications_bank")
        ),
        sa.CheckConstraint(
            "stage IN ('preparing', 'submitted', 'changes', 'approved', 'rejected', 'closed')",
            name=op.f("ck_applications_stage"),
        ),
        sa.CheckConstraint("untold IN ('approve', 'reject')", name=op.f("ck_applications_untold")),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_applications")),
        schema="onboarding",
    )
    op.create_index(
        "ix_applications_created_at",
        "applications",
        ["created_at", "vendor_id"],
        unique=False,
        schema="onboarding",
    )
    op.create_index(
        "ix_applications_stage",
        "applications",
        ["stage", "created_at", "vendor_id"],
        unique=False,
        schema="onboarding",
    )
    op.create_index(
        "ix_applications_untold",
        "applications",
        ["decided_at"],
        unique=False,
        schema="onboarding",
        postgresql_where=sa.text("untold IS NOT NULL"),
    )


def _upgrade_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        schema="onboarding",
    )
    op.create_index(
        "ix_entries_vendor", "entries", ["vendor_id", "at", "id"], unique=False, schema="onboarding"
    )


def _upgrade_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "handled_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("subscriber", "event_id", name=op.f("pk_inbox")),
        schema="onboarding",
    )


def _upgrade_items() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("document_type", sa.Text(), nullable=True),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("business_types", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('business', 'document', 'bank_account', 'terms', 'profile')",
            name=op.f("ck_items_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        schema="onboarding",
    )


def _upgrade_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="onboarding",
    )


def _upgrade_terms() -> None:
    op.create_table(
        "terms",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grace_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_terms")),
        sa.UniqueConstraint("id", name=op.f("uq_terms_id")),
        schema="onboarding",
    )


def _upgrade_acceptances() -> None:
    op.create_table(
        "acceptances",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["onboarding.terms.version"], name=op.f("fk_acceptances_version")
        ),
        sa.PrimaryKeyConstraint("vendor_id", "version", name=op.f("pk_acceptances")),
        schema="onboarding",
    )
    op.create_index(
        "ix_acceptances_at",
        "acceptances",
        ["at", "vendor_id", "version"],
        unique=False,
        schema="onboarding",
    )


def _upgrade_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'verified', 'refused')", name=op.f("ck_documents_status")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["onboarding.items.id"], name=op.f("fk_documents_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        schema="onboarding",
    )
    op.create_index(
        "ix_documents_due",
        "documents",
        ["delete_after"],
        unique=False,
        schema="onboarding",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_documents_vendor",
        "documents",
        ["vendor_id", "uploaded_at", "id"],
        unique=False,
        schema="onboarding",
    )


def _upgrade_waivers() -> None:
    op.create_table(
        "waivers",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["onboarding.items.id"], name=op.f("fk_waivers_item_id")
        ),
        sa.PrimaryKeyConstraint("vendor_id", "item_id", name=op.f("pk_waivers")),
        schema="onboarding",
    )


def _upgrade_looks() -> None:
    op.create_table(
        "looks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["onboarding.documents.id"], name=op.f("fk_looks_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
        schema="onboarding",
    )
    op.create_index(
        "ix_looks_document", "looks", ["document_id", "at"], unique=False, schema="onboarding"
    )


def _ask_for_what_is_usual() -> None:
    """Nothing of it is required, so that nobody who only tries things is kept from it."""
    items = sa.table(
        "items",
        *(sa.column(name) for name in ("id", "kind", "title", "hint", "required")),
        sa.column("document_type"),
        sa.column("fields", postgresql.ARRAY(sa.Text())),
        sa.column("business_types", postgresql.ARRAY(sa.Text())),
        sa.column("position"),
        schema="onboarding",
    )
    firms = ["sole_trader", "company", "partnership", "nonprofit"]
    usual: tuple[tuple[str, str, str, str | None, list[str], list[str]], ...] = (
        ("business", "Who runs the store", "As it stands in your papers.", None,
         ["legal_name", "street", "postal_code", "city", "country", "phone"], []),
        ("document", "Proof of identity", "A passport or identity card of the owner.", "identity",
         [], []),
        ("document", "Proof of business", "An extract from a register, or a trade licence.",
         "business", [], firms),
        ("bank_account", "Bank account", "Where your earnings are paid to.", None, [], []),
        ("profile", "Store profile", "A description and a logo, for customers.", None, [], []),
        ("terms", "Terms for vendors", "Read them and accept them.", None, [], []),
    )  # fmt: skip
    rows = [
        {
            "id": f"01920000-0000-7000-8000-00000000000{place}",
            "kind": kind,
            "title": title,
            "hint": hint,
            "required": False,
            "document_type": document,
            "fields": fields,
            "business_types": types,
            "position": place * 10,
        }
        for place, (kind, title, hint, document, fields, types) in enumerate(usual, 1)
    ]
    op.bulk_insert(items, rows)
