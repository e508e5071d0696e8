"""Terms and refunds by line."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PAYMENTS = "'paid', 'partially_refunded', 'refunded', 'voided'"
OLD_SHIPPING_TERMS = """'{"source": "none"}'"""
CHECK = "ck_vendor_orders_payment"
# Of what was sold before, the rate is known; where it came from was not written down. The base was
# the amount without its tax.
OLD_TERMS = """
UPDATE orders.lines l
   SET terms = jsonb_build_object(
         'source', CASE WHEN l.commission_bp = 0 THEN 'none' ELSE 'default' END,
         'rate_bp', l.commission_bp,
         'base_minor', l.amount - CASE WHEN o.prices_include_tax THEN l.tax ELSE 0 END)
  FROM orders.vendor_orders v JOIN orders.orders o ON o.id = v.order_id
 WHERE v.id = l.vendor_order_id
"""


def upgrade() -> None:
    _upgrade_refund_lines()
    _upgrade_lines()
    _upgrade_vendor_orders()


def downgrade() -> None:
    """Only for orders of before: what is awaited, and the tax on commission, had no place."""
    op.drop_index("ix_vendor_orders_by_payment", table_name="vendor_orders", schema="orders")
    op.drop_constraint(op.f(CHECK), "vendor_orders", schema="orders", type_="check")
    op.create_check_constraint(
        op.f(CHECK), "vendor_orders", f"payment IN ('authorized', {PAYMENTS})", schema="orders"
    )
    for name in (
        "commission_tax",
        "shipping_terms",
        "shipping_commission_tax",
        "shipping_commission",
    ):
        op.drop_column("vendor_orders", name, schema="orders")
    op.add_column("lines", sa.Column("commission_bp", sa.Integer()), schema="orders")
    op.execute("UPDATE orders.lines SET commission_bp = (terms ->> 'rate_bp')::int")
    op.alter_column("lines", "commission_bp", nullable=False, schema="orders")
    for name in ("refunded", "refunded_quantity", "terms", "commission_tax", "category_path"):
        op.drop_column("lines", name, schema="orders")
    op.drop_index("ix_refund_lines_of_line", table_name="refund_lines", schema="orders")
    op.drop_table("refund_lines", schema="orders")


def _upgrade_refund_lines() -> None:
    op.create_table(
        "refund_lines",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("gross >= 0", name=op.f("ck_refund_lines_gross")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_refund_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["orders.refunds.refund_id"], name=op.f("fk_refund_lines_refund_id")
        ),
        sa.PrimaryKeyConstraint("refund_id", "line_id", name=op.f("pk_refund_lines")),
        schema="orders",
    )
    op.create_index(
        "ix_refund_lines_of_line", "refund_lines", ["line_id"], unique=False, schema="orders"
    )


def _upgrade_lines() -> None:
    zero = sa.text("0")
    for column in (
        sa.Column(
            "category_path", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("commission_tax", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text())),
        sa.Column("refunded_quantity", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=zero, nullable=False),
    ):
        op.add_column("lines", column, schema="orders")
    op.execute(OLD_TERMS)
    op.alter_column("lines", "terms", nullable=False, schema="orders")
    op.alter_column("lines", "commission_tax", server_default=None, schema="orders")
    op.drop_column("lines", "commission_bp", schema="orders")
    op.create_check_constraint(
        op.f("ck_lines_refunded_quantity"),
        "lines",
        "refunded_quantity BETWEEN 0 AND quantity",
        schema="orders",
    )
    op.create_check_constraint(
        op.f("ck_lines_refunded"), "lines", "refunded BETWEEN 0 AND amount + tax", schema="orders"
    )


def _upgrade_vendor_orders() -> None:
    zero, terms = sa.text("0"), sa.text(OLD_SHIPPING_TERMS)  # of shipping nothing was taken before
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("shipping_commission", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("shipping_commission_tax", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column(
            "shipping_terms",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=terms,
            nullable=False,
        ),
        sa.Column("commission_tax", sa.BigInteger(), server_default=zero, nullable=False),
    )
    for column in columns:
        op.add_column("vendor_orders", column, schema="orders")
        op.alter_column("vendor_orders", column.name, server_default=None, schema="orders")
    op.drop_constraint(op.f(CHECK), "vendor_orders", schema="orders", type_="check")
    op.create_check_constraint(
        op.f(CHECK),
        "vendor_orders",
        f"payment IN ('authorized', 'awaiting', 'on_delivery', {PAYMENTS})",
        schema="orders",
    )
    op.create_index(
        "ix_vendor_orders_by_payment",
        "vendor_orders",
        ["payment", sa.literal_column("placed_at DESC"), sa.literal_column("order_id DESC")],
        unique=False,
        schema="orders",
    )
