"""Tenders, refunds by line, disputes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATES = "'open', 'waiting', 'voided', 'captured', 'booked', 'failed'"
# Until now an order was paid in one part, by its card; a tombstone has no part at all.
OLD_TENDERS = """
INSERT INTO settlement.tenders (of_id, leg, order_id, provider, amount, currency, state)
SELECT order_id, 'card', order_id, provider, amount, currency,
       CASE state WHEN 'failed' THEN 'voided' ELSE state END
  FROM settlement.charges WHERE provider <> ''
"""
OLD_SHARES = """
INSERT INTO settlement.shares (vendor_order_id, leg, of_id, provider, amount, refunded)
SELECT b.vendor_order_id, 'card', b.order_id, c.provider, b.total, b.refunded
  FROM settlement.balances b JOIN settlement.charges c USING (order_id) WHERE b.total > 0
"""
OLD_LEGS = """
INSERT INTO settlement.refund_legs (refund_id, leg, of_id, provider, id, amount, state)
SELECT r.id, 'card', r.order_id, c.provider, r.id, r.amount, r.state
  FROM settlement.refunds r JOIN settlement.charges c USING (order_id)
"""
OLD_BOOKED = """
UPDATE settlement.balances b SET booked_at = c.updated_at
  FROM settlement.charges c WHERE c.order_id = b.order_id AND c.state = 'booked'
"""


def upgrade() -> None:
    _rename_tenders()
    _upgrade_tenders()
    _upgrade_disputes()
    _upgrade_lines()
    _upgrade_refund_legs()
    _upgrade_refund_lines()
    _upgrade_shares()
    op.add_column(
        "balances", sa.Column("booked_at", sa.DateTime(timezone=True)), schema="settlement"
    )
    _upgrade_cancellations()
    _upgrade_refunds()
    for statement in (OLD_TENDERS, OLD_SHARES, OLD_LEGS, OLD_BOOKED):
        op.execute(statement)
    op.drop_column("charges", "provider", schema="settlement")


def downgrade() -> None:
    """Only for orders that were paid in one part."""
    op.add_column(
        "charges",
        sa.Column("provider", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="settlement",
    )
    op.execute(
        "UPDATE settlement.charges c SET provider = t.provider FROM settlement.tenders t"
        " WHERE t.of_id = c.order_id AND t.leg = 'card'"
    )
    op.alter_column("charges", "provider", server_default=None, schema="settlement")
    for name in ("fee", "dispute_id", "restock"):
        op.drop_column("refunds", name, schema="settlement")
    op.drop_index(
        op.f("ix_cancellations_order_id"), table_name="cancellations", schema="settlement"
    )
    op.drop_column("balances", "booked_at", schema="settlement")
    for table in ("shares", "refund_lines", "refund_legs", "lines", "disputes", "tenders"):
        op.drop_table(table, schema="settlement")
    op.rename_table("charges", "tenders", schema="settlement")
    for was, now in (("pk_charges", "pk_tenders"), ("ck_charges_amount", "ck_tenders_amount")):
        op.execute(f"ALTER TABLE settlement.tenders RENAME CONSTRAINT {was} TO {now}")
    op.drop_constraint(op.f("ck_charges_state"), "tenders", schema="settlement", type_="check")
    op.create_check_constraint(
        op.f("ck_tenders_state"),
        "tenders",
        "state IN ('open', 'voided', 'captured', 'booked', 'failed')",
        schema="settlement",
    )


def _rename_tenders() -> None:
    """What was a tender is an order's charge now; its parts are the tenders."""
    op.rename_table("tenders", "charges", schema="settlement")
    for was, now in (("pk_tenders", "pk_charges"), ("ck_tenders_amount", "ck_charges_amount")):
        op.execute(f"ALTER TABLE settlement.charges RENAME CONSTRAINT {was} TO {now}")
    op.drop_constraint(op.f("ck_tenders_state"), "charges", schema="settlement", type_="check")
    op.create_check_constraint(
        op.f("ck_charges_state"), "charges", f"state IN ({STATES})", schema="settlement"
    )


def _upgrade_tenders() -> None:
    op.create_table(
        "tenders",
        sa.Column("of_id", sa.Uuid(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("on_delivery", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_tenders_amount")),
        sa.CheckConstraint("leg IN ('card', 'credits', 'cod')", name=op.f("ck_tenders_leg")),
        sa.CheckConstraint(
            "(leg = 'credits') = (provider IS NULL)", name=op.f("ck_tenders_provider")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'voided', 'captured', 'booked')", name=op.f("ck_tenders_state")
        ),
        sa.PrimaryKeyConstraint("of_id", "leg", name=op.f("pk_tenders")),
        schema="settlement",
    )
    op.create_index(
        "ix_tenders_due_at",
        "tenders",
        ["due_at"],
        unique=False,
        schema="settlement",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_tenders_order_id"), "tenders", ["order_id"], unique=False, schema="settlement"
    )


def _upgrade_disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("fee_currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("done", sa.Text(), nullable=True),
        sa.Column("lost", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('open', 'won', 'lost')", name=op.f("ck_disputes_status")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_disputes_amount")),
        sa.CheckConstraint("lost BETWEEN 0 AND amount", name=op.f("ck_disputes_lost")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        schema="settlement",
    )
    op.create_index(
        "ix_disputes_due_at",
        "disputes",
        ["due_at"],
        unique=False,
        schema="settlement",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_disputes_order_id"), "disputes", ["order_id"], unique=False, schema="settlement"
    )


def _upgrade_lines() -> None:
    op.create_table(
        "lines",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("refunded_quantity", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("refunded BETWEEN 0 AND gross", name=op.f("ck_lines_refunded")),
        sa.CheckConstraint(
            "refunded_quantity BETWEEN 0 AND quantity", name=op.f("ck_lines_refunded_quantity")
        ),
        sa.CheckConstraint("tax BETWEEN 0 AND gross", name=op.f("ck_lines_tax")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_lines")),
        schema="settlement",
    )
    op.create_index(
        op.f("ix_lines_vendor_order_id"),
        "lines",
        ["vendor_order_id"],
        unique=False,
        schema="settlement",
    )


def _upgrade_refund_legs() -> None:
    op.create_table(
        "refund_legs",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("of_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('created', 'done', 'failed')", name=op.f("ck_refund_legs_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_legs_amount")),
        sa.PrimaryKeyConstraint("refund_id", "leg", name=op.f("pk_refund_legs")),
        sa.UniqueConstraint("id", name=op.f("uq_refund_legs_id")),
        schema="settlement",
    )


def _upgrade_refund_lines() -> None:
    op.create_table(
        "refund_lines",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("gross >= 0", name=op.f("ck_refund_lines_gross")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_refund_lines_quantity")),
        sa.PrimaryKeyConstraint("refund_id", "line_id", name=op.f("pk_refund_lines")),
        schema="settlement",
    )
    op.create_index(
        op.f("ix_refund_lines_line_id"),
        "refund_lines",
        ["line_id"],
        unique=False,
        schema="settlement",
    )


def _upgrade_shares() -> None:
    op.create_table(
        "shares",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("of_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_shares_amount")),
        sa.CheckConstraint("refunded BETWEEN 0 AND amount", name=op.f("ck_shares_refunded")),
        sa.PrimaryKeyConstraint("vendor_order_id", "leg", name=op.f("pk_shares")),
        schema="settlement",
    )
    op.create_index(
        op.f("ix_shares_of_id_leg"), "shares", ["of_id", "leg"], unique=False, schema="settlement"
    )


def _upgrade_cancellations() -> None:
    op.create_index(
        op.f("ix_cancellations_order_id"),
        "cancellations",
        ["order_id"],
        unique=False,
        schema="settlement",
    )


def _upgrade_refunds() -> None:
    op.add_column(
        "refunds",
        sa.Column("restock", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="settlement",
    )
    op.add_column("refunds", sa.Column("dispute_id", sa.Uuid(), nullable=True), schema="settlement")
    op.add_column(
        "refunds",
        sa.Column("fee", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="settlement",
    )
    op.create_index(
        "ix_refunds_of_dispute",
        "refunds",
        ["dispute_id"],
        unique=False,
        schema="settlement",
        postgresql_where=sa.text("dispute_id IS NOT NULL"),
    )
