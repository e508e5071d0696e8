"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_chain()
    _upgrade_entries()
    _upgrade_entries_more()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_reasons()


def downgrade() -> None:
    op.drop_table("reasons", schema="audit")
    op.drop_table("outbox", schema="audit")
    op.drop_table("inbox", schema="audit")
    op.drop_index(
        "ix_entries_vendor_id_seq",
        table_name="entries",
        schema="audit",
        postgresql_where=sa.text("vendor_id IS NOT NULL"),
    )
    op.drop_index("ix_entries_subject_seq", table_name="entries", schema="audit")
    op.drop_index(
        "ix_entries_session_id_seq",
        table_name="entries",
        schema="audit",
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.drop_index("ix_entries_request_id", table_name="entries", schema="audit")
    op.drop_index(
        "ix_entries_person_id_seq",
        table_name="entries",
        schema="audit",
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.drop_index("ix_entries_module_kind_seq", table_name="entries", schema="audit")
    op.drop_index("ix_entries_at", table_name="entries", schema="audit")
    op.drop_index(
        "ix_entries_actor_id_seq",
        table_name="entries",
        schema="audit",
        postgresql_where=sa.text("actor_id IS NOT NULL"),
    )
    op.drop_table("entries", schema="audit")
    op.drop_table("chain", schema="audit")


def _upgrade_chain() -> None:
    op.create_table(
        "chain",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_chain_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_chain")),
        schema="audit",
    )


def _upgrade_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("acting", sa.Text(), nullable=False),
        sa.Column("acting_vendor_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason_digest", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_entries_id")),
        schema="audit",
    )
    op.create_index(
        "ix_entries_actor_id_seq",
        "entries",
        ["actor_id", "seq"],
        unique=False,
        schema="audit",
        postgresql_where=sa.text("actor_id IS NOT NULL"),
    )
    op.create_index("ix_entries_at", "entries", ["at"], unique=False, schema="audit")
    op.create_index(
        "ix_entries_module_kind_seq",
        "entries",
        ["module", "kind", "seq"],
        unique=False,
        schema="audit",
    )
    op.create_index(
        "ix_entries_person_id_seq",
        "entries",
        ["person_id", "seq"],
        unique=False,
        schema="audit",
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.create_index(
        "ix_entries_request_id", "entries", ["request_id"], unique=False, schema="audit"
    )
    op.create_index(
        "ix_entries_session_id_seq",
        "entries",
        ["session_id", "seq"],
        unique=False,
        schema="audit",
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )


def _upgrade_entries_more() -> None:
    op.create_index(
        "ix_entries_subject_seq", "entries", ["subject", "seq"], unique=False, schema="audit"
    )
    op.create_index(
        "ix_entries_vendor_id_seq",
        "entries",
        ["vendor_id", "seq"],
        unique=False,
        schema="audit",
        postgresql_where=sa.text("vendor_id IS NOT NULL"),
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
        schema="audit",
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
        schema="audit",
    )


def _upgrade_reasons() -> None:
    op.create_table(
        "reasons",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit.entries.seq"], name=op.f("fk_reasons_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_reasons")),
        schema="audit",
    )
