"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_balances()
    _upgrade_cancellations()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_refunds()
    _upgrade_tenders()
    _upgrade_windows()


def downgrade() -> None:
    op.drop_index(
        "ix_windows_open",
        table_name="windows",
        schema="settlement",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("windows", schema="settlement")
    op.drop_table("tenders", schema="settlement")
    op.drop_index(
        op.f("ix_refunds_vendor_order_id_created_at"), table_name="refunds", schema="settlement"
    )
    op.drop_index(
        "ix_refunds_due_at",
        table_name="refunds",
        schema="settlement",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("refunds", schema="settlement")
    op.drop_table("outbox", schema="settlement")
    op.drop_table("inbox", schema="settlement")
    op.drop_index(
        "ix_cancellations_due_at",
        table_name="cancellations",
        schema="settlement",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("cancellations", schema="settlement")
    op.drop_index(op.f("ix_balances_order_id"), table_name="balances", schema="settlement")
    op.drop_table("balances", schema="settlement")


def _upgrade_balances() -> None:
    op.create_table(
        "balances",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("refunded BETWEEN 0 AND total", name=op.f("ck_balances_refunded")),
        sa.PrimaryKeyConstraint("vendor_order_id", name=op.f("pk_balances")),
        schema="settlement",
    )
    op.create_index(
        op.f("ix_balances_order_id"), "balances", ["order_id"], unique=False, schema="settlement"
    )


def _upgrade_cancellations() -> None:
    op.create_table(
        "cancellations",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("vendor_order_id", name=op.f("pk_cancellations")),
        schema="settlement",
    )
    op.create_index(
        "ix_cancellations_due_at",
        "cancellations",
        ["due_at"],
        unique=False,
        schema="settlement",
        postgresql_where=sa.text("due_at IS NOT NULL"),
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
        schema="settlement",
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
        schema="settlement",
    )


def _upgrade_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('created', 'done', 'failed')", name=op.f("ck_refunds_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        schema="settlement",
    )
    op.create_index(
        "ix_refunds_due_at",
        "refunds",
        ["due_at"],
        unique=False,
        schema="settlement",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_refunds_vendor_order_id_created_at"),
        "refunds",
        ["vendor_order_id", "created_at"],
        unique=False,
        schema="settlement",
    )


def _upgrade_tenders() -> None:
    op.create_table(
        "tenders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'voided', 'captured', 'booked', 'failed')",
            name=op.f("ck_tenders_state"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_tenders_amount")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_tenders")),
        schema="settlement",
    )


def _upgrade_windows() -> None:
    op.create_table(
        "windows",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("vendor_order_id", name=op.f("pk_windows")),
        schema="settlement",
    )
    op.create_index(
        "ix_windows_open",
        "windows",
        ["closes_at"],
        unique=False,
        schema="settlement",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
