"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_endpoints()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_deliveries()
    _upgrade_attempts()


def downgrade() -> None:
    op.drop_table("attempts", schema="webhooks")
    op.drop_index("ix_deliveries_listed", table_name="deliveries", schema="webhooks")
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        schema="webhooks",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index("ix_deliveries_created_at", table_name="deliveries", schema="webhooks")
    op.drop_index("ix_deliveries_by_state", table_name="deliveries", schema="webhooks")
    op.drop_table("deliveries", schema="webhooks")
    op.drop_table("outbox", schema="webhooks")
    op.drop_table("inbox", schema="webhooks")
    op.drop_index(
        "ix_endpoints_url",
        table_name="endpoints",
        schema="webhooks",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_index(
        "ix_endpoints_removed_at",
        table_name="endpoints",
        schema="webhooks",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.drop_index("ix_endpoints_created_at", table_name="endpoints", schema="webhooks")
    op.drop_table("endpoints", schema="webhooks")


def _upgrade_endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("off", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slow", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("enabled = (off = '')", name=op.f("ck_endpoints_off")),
        sa.CheckConstraint(
            "(secret IS NULL) = (removed_at IS NOT NULL)", name=op.f("ck_endpoints_removed")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
        schema="webhooks",
    )
    op.create_index(
        "ix_endpoints_created_at",
        "endpoints",
        ["created_at", "id"],
        unique=False,
        schema="webhooks",
    )
    op.create_index(
        "ix_endpoints_removed_at",
        "endpoints",
        ["removed_at"],
        unique=False,
        schema="webhooks",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_endpoints_url",
        "endpoints",
        [
            sa.literal_column("coalesce(vendor_id, '00000000-0000-0000-0000-000000000000')"),
            sa.literal_column("md5(url)"),
        ],
        unique=True,
        schema="webhooks",
        postgresql_where=sa.text("removed_at IS NULL"),
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
        schema="webhooks",
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
        schema="webhooks",
    )


def _upgrade_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "(state = 'waiting') = (done_at IS NULL)", name=op.f("ck_deliveries_done")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhooks.endpoints.id"], name=op.f("fk_deliveries_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        schema="webhooks",
    )
    op.create_index(
        "ix_deliveries_by_state",
        "deliveries",
        ["endpoint_id", "state", "created_at", "id"],
        unique=False,
        schema="webhooks",
    )
    op.create_index(
        "ix_deliveries_created_at", "deliveries", ["created_at"], unique=False, schema="webhooks"
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["endpoint_id", "due_at", "id"],
        unique=False,
        schema="webhooks",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_deliveries_listed",
        "deliveries",
        ["endpoint_id", "created_at", "id"],
        unique=False,
        schema="webhooks",
    )


def _upgrade_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhooks.deliveries.id"],
            name=op.f("fk_attempts_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_attempts")),
        schema="webhooks",
    )
