"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_erasures()
    _upgrade_erasures_more()
    _upgrade_exports()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_parts()


def downgrade() -> None:
    op.drop_table("parts", schema="privacy")
    op.drop_table("outbox", schema="privacy")
    op.drop_table("inbox", schema="privacy")
    op.drop_index(
        "uq_exports_making",
        table_name="exports",
        schema="privacy",
        postgresql_where=sa.text("state = 'making'"),
    )
    op.drop_index(
        "ix_exports_to_tell",
        table_name="exports",
        schema="privacy",
        postgresql_where=sa.text("state = 'ready' AND told_at IS NULL"),
    )
    op.drop_index("ix_exports_person_id_asked_at", table_name="exports", schema="privacy")
    op.drop_index(
        "ix_exports_expires_at",
        table_name="exports",
        schema="privacy",
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.drop_index(
        "ix_exports_at_work",
        table_name="exports",
        schema="privacy",
        postgresql_where=sa.text("state = 'making'"),
    )
    op.drop_table("exports", schema="privacy")
    op.drop_index(
        "uq_erasures_open",
        table_name="erasures",
        schema="privacy",
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.drop_index("ix_erasures_person_id_asked_at", table_name="erasures", schema="privacy")
    op.drop_index(
        "ix_erasures_erased",
        table_name="erasures",
        schema="privacy",
        postgresql_where=sa.text("state = 'erased'"),
    )
    op.drop_index(
        "ix_erasures_due",
        table_name="erasures",
        schema="privacy",
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.drop_index(
        "ix_erasures_at_work",
        table_name="erasures",
        schema="privacy",
        postgresql_where=sa.text("state = 'erasing'"),
    )
    op.drop_table("erasures", schema="privacy")


def _upgrade_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "obstacles",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("orders", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "vendor_orders", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("returns", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'withdrawn', 'erasing', 'erased')", name=op.f("ck_erasures_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        schema="privacy",
    )
    op.create_index(
        "ix_erasures_at_work",
        "erasures",
        ["id"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'erasing'"),
    )
    op.create_index(
        "ix_erasures_due",
        "erasures",
        ["due_at"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index(
        "ix_erasures_erased",
        "erasures",
        ["person_id"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'erased'"),
    )
    op.create_index(
        "ix_erasures_person_id_asked_at",
        "erasures",
        ["person_id", "asked_at"],
        unique=False,
        schema="privacy",
    )


def _upgrade_erasures_more() -> None:
    op.create_index(
        "uq_erasures_open",
        "erasures",
        ["person_id"],
        unique=True,
        schema="privacy",
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )


def _upgrade_exports() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("orders", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "vendor_orders", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("returns", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "state IN ('making', 'ready', 'expired')", name=op.f("ck_exports_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        schema="privacy",
    )
    op.create_index(
        "ix_exports_at_work",
        "exports",
        ["id"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'making'"),
    )
    op.create_index(
        "ix_exports_expires_at",
        "exports",
        ["expires_at"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "ix_exports_person_id_asked_at",
        "exports",
        ["person_id", "asked_at"],
        unique=False,
        schema="privacy",
    )
    op.create_index(
        "ix_exports_to_tell",
        "exports",
        ["ready_at"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'ready' AND told_at IS NULL"),
    )
    op.create_index(
        "uq_exports_making",
        "exports",
        ["person_id"],
        unique=True,
        schema="privacy",
        postgresql_where=sa.text("state = 'making'"),
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
        schema="privacy",
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
        schema="privacy",
    )


def _upgrade_parts() -> None:
    op.create_table(
        "parts",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "module", name=op.f("pk_parts")),
        schema="privacy",
    )
