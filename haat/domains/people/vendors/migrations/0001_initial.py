"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _bus()
    _vendors()


def _bus() -> None:
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
        schema="vendors",
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="vendors",
    )


def _vendors() -> None:
    op.create_table(
        "vendors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("logo_id", sa.Uuid(), nullable=True),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("business_type", sa.Text(), nullable=False),
        sa.Column("commission_bp", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'suspended', 'rejected')",
            name=op.f("ck_vendors_status"),
        ),
        sa.CheckConstraint("commission_bp BETWEEN 0 AND 10000", name=op.f("ck_vendors_commission")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendors")),
        sa.UniqueConstraint("slug", name=op.f("uq_vendors_slug")),
        schema="vendors",
    )
    op.create_index(
        "ix_vendors_active",
        "vendors",
        ["name_key", "id"],
        unique=False,
        schema="vendors",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_vendors_created_at_id", "vendors", ["created_at", "id"], unique=False, schema="vendors"
    )
    op.create_index(
        "ix_vendors_status_created_at_id",
        "vendors",
        ["status", "created_at", "id"],
        unique=False,
        schema="vendors",
    )
    op.create_index(
        "uq_vendors_name_key",
        "vendors",
        ["name_key"],
        unique=True,
        schema="vendors",
        postgresql_where=sa.text("status <> 'rejected'"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_vendors_name_key",
        table_name="vendors",
        schema="vendors",
        postgresql_where=sa.text("status <> 'rejected'"),
    )
    op.drop_index("ix_vendors_status_created_at_id", table_name="vendors", schema="vendors")
    op.drop_index("ix_vendors_created_at_id", table_name="vendors", schema="vendors")
    op.drop_index(
        "ix_vendors_active",
        table_name="vendors",
        schema="vendors",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_table("vendors", schema="vendors")
    op.drop_table("outbox", schema="vendors")
    op.drop_table("inbox", schema="vendors")
