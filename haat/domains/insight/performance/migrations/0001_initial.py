"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_chargebacks()
    _upgrade_inbox()
    _upgrade_orders()
    _upgrade_outbox()
    _upgrade_policy()
    _upgrade_returns()
    _upgrade_vendors()


def downgrade() -> None:
    op.drop_index("ix_vendors_due_at", table_name="vendors", schema="performance")
    op.drop_index(
        "ix_vendors_below",
        table_name="vendors",
        schema="performance",
        postgresql_where=sa.text("since IS NOT NULL"),
    )
    op.drop_table("vendors", schema="performance")
    op.drop_index("ix_returns_of_vendor_order", table_name="returns", schema="performance")
    op.drop_table("returns", schema="performance")
    op.drop_table("policy", schema="performance")
    op.drop_table("outbox", schema="performance")
    op.drop_index(
        "ix_orders_of_vendor",
        table_name="orders",
        schema="performance",
        postgresql_where=sa.text("begun_at IS NOT NULL"),
    )
    op.drop_index("ix_orders_of_order", table_name="orders", schema="performance")
    op.drop_table("orders", schema="performance")
    op.drop_table("inbox", schema="performance")
    op.drop_index("ix_chargebacks_of_order", table_name="chargebacks", schema="performance")
    op.drop_table("chargebacks", schema="performance")


def _upgrade_chargebacks() -> None:
    op.create_table(
        "chargebacks",
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'won', 'lost')", name=op.f("ck_chargebacks_status")),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f("pk_chargebacks")),
        schema="performance",
    )
    op.create_index(
        "ix_chargebacks_of_order", "chargebacks", ["order_id"], unique=False, schema="performance"
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
        schema="performance",
    )


def _upgrade_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "ended_by IN ('customer', 'vendor', 'staff', 'system')", name=op.f("ck_orders_ended_by")
        ),
        sa.PrimaryKeyConstraint("vendor_order_id", name=op.f("pk_orders")),
        schema="performance",
    )
    op.create_index(
        "ix_orders_of_order", "orders", ["order_id"], unique=False, schema="performance"
    )
    op.create_index(
        "ix_orders_of_vendor",
        "orders",
        [
            "vendor_id",
            sa.literal_column("begun_at DESC"),
            sa.literal_column("vendor_order_id DESC"),
        ],
        unique=False,
        schema="performance",
        postgresql_where=sa.text("begun_at IS NOT NULL"),
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
        schema="performance",
    )


def _upgrade_policy() -> None:
    op.create_table(
        "policy",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.Column("orders_min", sa.Integer(), nullable=False),
        sa.Column("cases_min", sa.Integer(), nullable=False),
        sa.Column("late_bp", sa.Integer(), nullable=False),
        sa.Column("cancelled_bp", sa.Integer(), nullable=False),
        sa.Column("faulty_bp", sa.Integer(), nullable=False),
        sa.Column("disputed_bp", sa.Integer(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_policy_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_policy")),
        schema="performance",
    )


def _upgrade_returns() -> None:
    op.create_table(
        "returns",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("refunded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("return_id", name=op.f("pk_returns")),
        schema="performance",
    )
    op.create_index(
        "ix_returns_of_vendor_order",
        "returns",
        ["vendor_order_id"],
        unique=False,
        schema="performance",
    )


def _upgrade_vendors() -> None:
    op.create_table(
        "vendors",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("below", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(since IS NULL) = (below = '{}')", name=op.f("ck_vendors_since")),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_vendors")),
        schema="performance",
    )
    op.create_index(
        "ix_vendors_below",
        "vendors",
        ["since", "vendor_id"],
        unique=False,
        schema="performance",
        postgresql_where=sa.text("since IS NOT NULL"),
    )
    op.create_index("ix_vendors_due_at", "vendors", ["due_at"], unique=False, schema="performance")
