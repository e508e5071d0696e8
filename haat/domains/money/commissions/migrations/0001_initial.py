"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_inbox()
    _upgrade_lists()
    _upgrade_outbox()


def downgrade() -> None:
    op.drop_table("outbox", schema="commissions")
    op.drop_index(
        "uq_lists_active",
        table_name="lists",
        schema="commissions",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_index("ix_lists_newest", table_name="lists", schema="commissions")
    op.drop_table("lists", schema="commissions")
    op.drop_table("inbox", schema="commissions")


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
        schema="commissions",
    )


def _upgrade_lists() -> None:
    op.create_table(
        "lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tax_bp", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "(status = 'draft') = (active_from IS NULL)", name=op.f("ck_lists_begins")
        ),
        sa.CheckConstraint(
            "(status = 'retired') = (active_to IS NOT NULL)", name=op.f("ck_lists_ends")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'active', 'retired')", name=op.f("ck_lists_status")
        ),
        sa.CheckConstraint("active_from <= active_to", name=op.f("ck_lists_period")),
        sa.CheckConstraint("tax_bp BETWEEN 0 AND 10000", name=op.f("ck_lists_tax_bp")),
        sa.CheckConstraint("version > 0", name=op.f("ck_lists_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        schema="commissions",
    )
    op.create_index(
        "ix_lists_newest", "lists", ["created_at", "id"], unique=False, schema="commissions"
    )
    op.create_index(
        "uq_lists_active",
        "lists",
        ["status"],
        unique=True,
        schema="commissions",
        postgresql_where=sa.text("status = 'active'"),
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
        schema="commissions",
    )
