"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_destinations()
    _upgrade_earnings()
    _upgrade_earnings_more()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_payouts()
    _upgrade_reversals()


def downgrade() -> None:
    op.drop_index(
        "ix_reversals_unfinished",
        table_name="reversals",
        schema="payouts",
        postgresql_where=sa.text("NOT posted"),
    )
    op.drop_index("ix_reversals_order", table_name="reversals", schema="payouts")
    op.drop_table("reversals", schema="payouts")
    op.drop_index("ix_payouts_vendor", table_name="payouts", schema="payouts")
    op.drop_index(
        "ix_payouts_unfinished",
        table_name="payouts",
        schema="payouts",
        postgresql_where=sa.text(
            "status IN ('reserving', 'approved', 'processing') OR (status = "
            "'requested' AND outcome IS NOT NULL)"
        ),
    )
    op.drop_index("ix_payouts_queue", table_name="payouts", schema="payouts")
    op.drop_table("payouts", schema="payouts")
    op.drop_table("outbox", schema="payouts")
    op.drop_table("inbox", schema="payouts")
    op.drop_index("ix_earnings_vendor", table_name="earnings", schema="payouts")
    op.drop_index(
        "ix_earnings_unfinished",
        table_name="earnings",
        schema="payouts",
        postgresql_where=sa.text("NOT escrowed OR stage = 'accruing'"),
    )
    op.drop_index(
        "ix_earnings_in_escrow",
        table_name="earnings",
        schema="payouts",
        postgresql_where=sa.text("stage <> 'eligible'"),
    )
    op.drop_table("earnings", schema="payouts")
    op.drop_table("destinations", schema="payouts")


def _upgrade_destinations() -> None:
    op.create_table(
        "destinations",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_destinations")),
        schema="payouts",
    )


def _upgrade_earnings() -> None:
    op.create_table(
        "earnings",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column(
            "refunded_commission", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("refunded_tax", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_net", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stage", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("escrowed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "accrued_commission", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("accrued_tax", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accrued_net", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accrued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("eligible_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stage IN ('pending', 'accruing', 'eligible')", name=op.f("ck_earnings_stage")
        ),
        sa.CheckConstraint("gross = net + commission + tax", name=op.f("ck_earnings_adds_up")),
        sa.CheckConstraint(
            "net >= 0 AND commission >= 0 AND tax >= 0", name=op.f("ck_earnings_parts")
        ),
        sa.CheckConstraint(
            (
                "refunded_net BETWEEN 0 AND net AND refunded_commission BETWEEN 0 AND "
                "commission AND refunded_tax BETWEEN 0 AND tax"
            ),
            name=op.f("ck_earnings_refunded"),
        ),
        sa.PrimaryKeyConstraint("vendor_order_id", name=op.f("pk_earnings")),
        schema="payouts",
    )
    op.create_index(
        "ix_earnings_in_escrow",
        "earnings",
        ["vendor_id"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text("stage <> 'eligible'"),
    )
    op.create_index(
        "ix_earnings_unfinished",
        "earnings",
        ["created_at"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text("NOT escrowed OR stage = 'accruing'"),
    )


def _upgrade_earnings_more() -> None:
    op.create_index(
        "ix_earnings_vendor",
        "earnings",
        ["vendor_id", "created_at", "vendor_order_id"],
        unique=False,
        schema="payouts",
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
        schema="payouts",
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
        schema="payouts",
    )


def _upgrade_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            (
                "status IN ('reserving', 'refused', 'requested', 'approved', "
                "'processing', 'paid', 'failed', 'rejected')"
            ),
            name=op.f("ck_payouts_status"),
        ),
        sa.CheckConstraint("minor > 0", name=op.f("ck_payouts_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        schema="payouts",
    )
    op.create_index(
        "ix_payouts_queue", "payouts", ["requested_at", "id"], unique=False, schema="payouts"
    )
    op.create_index(
        "ix_payouts_unfinished",
        "payouts",
        ["touched_at"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text(
            "status IN ('reserving', 'approved', 'processing') OR (status = "
            "'requested' AND outcome IS NOT NULL)"
        ),
    )
    op.create_index(
        "ix_payouts_vendor",
        "payouts",
        ["vendor_id", "requested_at", "id"],
        unique=False,
        schema="payouts",
    )


def _upgrade_reversals() -> None:
    op.create_table(
        "reversals",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("after_accrual", sa.Boolean(), nullable=False),
        sa.Column("posted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "net >= 0 AND commission >= 0 AND tax >= 0", name=op.f("ck_reversals_parts")
        ),
        sa.ForeignKeyConstraint(
            ["vendor_order_id"],
            ["payouts.earnings.vendor_order_id"],
            name=op.f("fk_reversals_vendor_order_id"),
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_reversals")),
        schema="payouts",
    )
    op.create_index(
        "ix_reversals_order", "reversals", ["vendor_order_id"], unique=False, schema="payouts"
    )
    op.create_index(
        "ix_reversals_unfinished",
        "reversals",
        ["created_at"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text("NOT posted"),
    )
