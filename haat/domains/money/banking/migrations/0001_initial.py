"""Bank accounts of vendors."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_accounts()
    _upgrade_desks()
    _upgrade_inbox()
    _upgrade_outbox()


def downgrade() -> None:
    op.drop_table("outbox", schema="banking")
    op.drop_table("inbox", schema="banking")
    op.drop_table("desks", schema="banking")
    op.drop_index(
        "uq_accounts_number",
        table_name="accounts",
        schema="banking",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_index(
        "uq_accounts_default",
        table_name="accounts",
        schema="banking",
        postgresql_where=sa.text("is_default AND removed_at IS NULL"),
    )
    op.drop_index(
        "ix_accounts_untold",
        table_name="accounts",
        schema="banking",
        postgresql_where=sa.text("NOT told"),
    )
    op.drop_table("accounts", schema="banking")


def _upgrade_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bic", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("routing", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.Uuid(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('unverified', 'verified', 'refused')", name=op.f("ck_accounts_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        schema="banking",
    )
    op.create_index(
        "ix_accounts_untold",
        "accounts",
        ["changed_at"],
        unique=False,
        schema="banking",
        postgresql_where=sa.text("NOT told"),
    )
    op.create_index(
        "uq_accounts_default",
        "accounts",
        ["vendor_id"],
        unique=True,
        schema="banking",
        postgresql_where=sa.text("is_default AND removed_at IS NULL"),
    )
    op.create_index(
        "uq_accounts_number",
        "accounts",
        ["vendor_id", "account"],
        unique=True,
        schema="banking",
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def _upgrade_desks() -> None:
    op.create_table(
        "desks",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_desks")),
        schema="banking",
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
        schema="banking",
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
        schema="banking",
    )
