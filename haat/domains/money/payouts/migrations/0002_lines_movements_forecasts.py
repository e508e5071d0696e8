"""Lines, movements, forecasts: the new tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_bank_files()
    _upgrade_blocks()
    _upgrade_charges()
    _upgrade_forecasts()
    _upgrade_movements()
    _upgrade_policies()
    _upgrade_runs()
    _upgrade_term_changes()
    _upgrade_terms()
    _upgrade_earning_lines_more()
    _upgrade_earning_lines()
    _upgrade_earning_sources()
    _upgrade_payout_items()
    _upgrade_reversal_lines()


def downgrade() -> None:
    _downgrade_reversal_lines()
    _downgrade_payout_items()
    _downgrade_earning_sources()
    _downgrade_earning_lines()
    _downgrade_terms()
    _downgrade_term_changes()
    _downgrade_runs()
    _downgrade_policies()
    _downgrade_movements()
    _downgrade_forecasts()
    _downgrade_charges()
    _downgrade_blocks()
    _downgrade_bank_files()


def _upgrade_bank_files() -> None:
    op.create_table(
        "bank_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("payouts", sa.Integer(), nullable=False),
        sa.Column("debtor", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_files")),
        schema="payouts",
    )
    op.create_index(
        "ix_bank_files_created", "bank_files", ["created_at", "id"], unique=False, schema="payouts"
    )


def _upgrade_blocks() -> None:
    op.create_table(
        "blocks",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("vendor_order_id", "source_id", name=op.f("pk_blocks")),
        schema="payouts",
    )


def _upgrade_charges() -> None:
    op.create_table(
        "charges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("posted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("minor <> 0 AND tax * sign(minor) >= 0", name=op.f("ck_charges_signs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charges")),
        schema="payouts",
    )
    op.create_index(
        "ix_charges_unfinished",
        "charges",
        ["created_at"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text("NOT posted"),
    )
    op.create_index(
        "ix_charges_vendor",
        "charges",
        ["vendor_id", "created_at", "id"],
        unique=False,
        schema="payouts",
    )


def _upgrade_forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("deductions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blockers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("line_id", "number", name=op.f("pk_forecasts")),
        sa.UniqueConstraint("line_id", "cause", "cause_id", name="uq_forecasts_cause"),
        schema="payouts",
    )


def _upgrade_movements() -> None:
    op.create_table(
        "movements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            (
                "(minor > 0 AND paid >= 0 AND taken BETWEEN paid AND minor) OR (minor < "
                "0 AND paid <= 0 AND taken BETWEEN minor AND paid)"
            ),
            name=op.f("ck_movements_taken"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movements")),
        schema="payouts",
    )
    op.create_index("ix_movements_line", "movements", ["line_id"], unique=False, schema="payouts")
    op.create_index(
        "ix_movements_open",
        "movements",
        ["vendor_id", "currency", "at"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text("taken <> minor"),
    )
    op.create_index(
        "ix_movements_unpaid",
        "movements",
        ["vendor_order_id"],
        unique=False,
        schema="payouts",
        postgresql_where=sa.text("paid <> minor"),
    )


def _upgrade_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policies")),
        schema="payouts",
    )


def _upgrade_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_runs")),
        schema="payouts",
    )


def _upgrade_term_changes() -> None:
    op.create_table(
        "term_changes",
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_term_changes")),
        schema="payouts",
    )
    op.create_index(
        "ix_term_changes_vendor",
        "term_changes",
        ["vendor_id", "number"],
        unique=False,
        schema="payouts",
    )


def _upgrade_terms() -> None:
    op.create_table(
        "terms",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("reserve_bp", sa.Integer(), nullable=True),
        sa.Column("reserve_days", sa.Integer(), nullable=True),
        sa.Column("schedule", sa.Text(), nullable=True),
        sa.Column("threshold_minor", sa.BigInteger(), nullable=True),
        sa.Column("auto_approve_minor", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("held_reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_terms")),
        schema="payouts",
    )


def _upgrade_earning_lines_more() -> None:
    op.create_table(
        "earning_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("category_path", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("commission_tax", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "refunded_commission", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "refunded_commission_tax", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("refunded_tax", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_net", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fees", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cash_returned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accrued_net", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accrued_cash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accrued_reserve", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("released", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("forecasts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("forecast_net", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('goods', 'shipping', 'whole')", name=op.f("ck_earning_lines_kind")
        ),
        sa.CheckConstraint("cash_returned BETWEEN 0 AND cash", name=op.f("ck_earning_lines_cash")),
        sa.CheckConstraint(
            "gross = net + commission + commission_tax + tax", name=op.f("ck_earning_lines_adds_up")
        ),
        sa.CheckConstraint(
            "net >= 0 AND commission >= 0 AND commission_tax >= 0 AND tax >= 0",
            name=op.f("ck_earning_lines_parts"),
        ),
        sa.CheckConstraint(
            (
                "refunded_net BETWEEN 0 AND net AND refunded_commission BETWEEN 0 AND "
                "commission AND refunded_commission_tax BETWEEN 0 AND commission_tax "
                "AND refunded_tax BETWEEN 0 AND tax"
            ),
            name=op.f("ck_earning_lines_refunded"),
        ),
        sa.CheckConstraint(
            "released BETWEEN 0 AND accrued_reserve", name=op.f("ck_earning_lines_released")
        ),
        sa.ForeignKeyConstraint(
            ["vendor_order_id"],
            ["payouts.earnings.vendor_order_id"],
            name=op.f("fk_earning_lines_vendor_order_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earning_lines")),
        schema="payouts",
    )


def _upgrade_earning_lines() -> None:
    op.create_index(
        "ix_earning_lines_order",
        "earning_lines",
        ["vendor_order_id", "position"],
        unique=False,
        schema="payouts",
    )
    op.create_index(
        "ix_earning_lines_sold", "earning_lines", ["sold_at", "id"], unique=False, schema="payouts"
    )


def _upgrade_earning_sources() -> None:
    op.create_table(
        "earning_sources",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "refunded BETWEEN 0 AND minor", name=op.f("ck_earning_sources_refunded")
        ),
        sa.ForeignKeyConstraint(
            ["vendor_order_id"],
            ["payouts.earnings.vendor_order_id"],
            name=op.f("fk_earning_sources_vendor_order_id"),
        ),
        sa.PrimaryKeyConstraint("vendor_order_id", "source", name=op.f("pk_earning_sources")),
        schema="payouts",
    )


def _upgrade_payout_items() -> None:
    op.create_table(
        "payout_items",
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["movement_id"], ["payouts.movements.id"], name=op.f("fk_payout_items_movement_id")
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.payouts.id"], name=op.f("fk_payout_items_payout_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", "movement_id", name=op.f("pk_payout_items")),
        schema="payouts",
    )
    op.create_index(
        "ix_payout_items_movement", "payout_items", ["movement_id"], unique=False, schema="payouts"
    )


def _upgrade_reversal_lines() -> None:
    op.create_table(
        "reversal_lines",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("commission_tax", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("fee_tax", sa.BigInteger(), nullable=False),
        sa.Column("provider_fee", sa.BigInteger(), nullable=False),
        sa.Column("cash", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["payouts.reversals.refund_id"], name=op.f("fk_reversal_lines_refund_id")
        ),
        sa.PrimaryKeyConstraint("refund_id", "line_id", name=op.f("pk_reversal_lines")),
        schema="payouts",
    )
    op.create_index(
        "ix_reversal_lines_line", "reversal_lines", ["line_id"], unique=False, schema="payouts"
    )


def _downgrade_reversal_lines() -> None:
    op.drop_index("ix_reversal_lines_line", table_name="reversal_lines", schema="payouts")
    op.drop_table("reversal_lines", schema="payouts")


def _downgrade_payout_items() -> None:
    op.drop_index("ix_payout_items_movement", table_name="payout_items", schema="payouts")
    op.drop_table("payout_items", schema="payouts")


def _downgrade_earning_sources() -> None:
    op.drop_table("earning_sources", schema="payouts")


def _downgrade_earning_lines() -> None:
    op.drop_index("ix_earning_lines_sold", table_name="earning_lines", schema="payouts")
    op.drop_index("ix_earning_lines_order", table_name="earning_lines", schema="payouts")
    op.drop_table("earning_lines", schema="payouts")


def _downgrade_terms() -> None:
    op.drop_table("terms", schema="payouts")


def _downgrade_term_changes() -> None:
    op.drop_index("ix_term_changes_vendor", table_name="term_changes", schema="payouts")
    op.drop_table("term_changes", schema="payouts")


def _downgrade_runs() -> None:
    op.drop_table("runs", schema="payouts")


def _downgrade_policies() -> None:
    op.drop_table("policies", schema="payouts")


def _downgrade_movements() -> None:
    op.drop_index(
        "ix_movements_unpaid",
        table_name="movements",
        schema="payouts",
        postgresql_where=sa.text("paid <> minor"),
    )
    op.drop_index(
        "ix_movements_open",
        table_name="movements",
        schema="payouts",
        postgresql_where=sa.text("taken <> minor"),
    )
    op.drop_index("ix_movements_line", table_name="movements", schema="payouts")
    op.drop_table("movements", schema="payouts")


def _downgrade_forecasts() -> None:
    op.drop_table("forecasts", schema="payouts")


def _downgrade_charges() -> None:
    op.drop_index("ix_charges_vendor", table_name="charges", schema="payouts")
    op.drop_index(
        "ix_charges_unfinished",
        table_name="charges",
        schema="payouts",
        postgresql_where=sa.text("NOT posted"),
    )
    op.drop_table("charges", schema="payouts")


def _downgrade_blocks() -> None:
    op.drop_table("blocks", schema="payouts")


def _downgrade_bank_files() -> None:
    op.drop_index("ix_bank_files_created", table_name="bank_files", schema="payouts")
    op.drop_table("bank_files", schema="payouts")
