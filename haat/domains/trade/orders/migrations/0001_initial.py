"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        schema="orders",
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False, start=100001), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("ship_to", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("bill_to", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prices_include_tax", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("goods", sa.BigInteger(), nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_number")),
        sa.UniqueConstraint("seq", name=op.f("uq_orders_seq")),
        schema="orders",
    )
    op.create_index(
        "ix_orders_newest",
        "orders",
        [sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_orders_of_person",
        "orders",
        ["person_id", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="orders",
    )
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "actor IN ('customer', 'vendor', 'staff', 'system')", name=op.f("ck_timeline_actor")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.orders.id"], name=op.f("fk_timeline_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        schema="orders",
    )
    op.create_index(
        "ix_timeline_of_order", "timeline", ["order_id", "id"], unique=False, schema="orders"
    )
    op.create_table(
        "vendor_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_name", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("fulfilment", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("shipping_method", sa.Text(), nullable=False),
        sa.Column("shipping_tax_bp", sa.Integer(), nullable=False),
        sa.Column("shipping_tax", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("goods", sa.BigInteger(), nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            (
                "fulfilment IN ('pending', 'accepted', 'ready', 'in_transit', "
                "'delivered', 'rejected', 'cancelled')"
            ),
            name=op.f("ck_vendor_orders_fulfilment"),
        ),
        sa.CheckConstraint(
            "payment IN ('authorized', 'paid', 'partially_refunded', 'refunded', 'voided')",
            name=op.f("ck_vendor_orders_payment"),
        ),
        sa.CheckConstraint(
            "0 <= refunded AND refunded <= total", name=op.f("ck_vendor_orders_refunded")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.orders.id"], name=op.f("fk_vendor_orders_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_vendor_orders_number")),
        schema="orders",
    )
    op.create_index(
        "ix_vendor_orders_of_order",
        "vendor_orders",
        ["order_id", "position"],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_vendor_orders_of_vendor",
        "vendor_orders",
        ["vendor_id", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_vendor_orders_of_vendor_by_state",
        "vendor_orders",
        [
            "vendor_id",
            "fulfilment",
            sa.literal_column("placed_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="orders",
    )
    op.create_table(
        "lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("product_slug", sa.Text(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("variant_title", sa.Text(), nullable=False),
        sa.Column("picture", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tax_bp", sa.Integer(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("commission_bp", sa.Integer(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["vendor_order_id"], ["orders.vendor_orders.id"], name=op.f("fk_lines_vendor_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
        schema="orders",
    )
    op.create_index(
        "ix_lines_of_vendor_order",
        "lines",
        ["vendor_order_id", "position"],
        unique=False,
        schema="orders",
    )
    op.create_table(
        "refunds",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(
            ["vendor_order_id"],
            ["orders.vendor_orders.id"],
            name=op.f("fk_refunds_vendor_order_id"),
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_refunds")),
        schema="orders",
    )
    op.create_index(
        "ix_refunds_of_vendor_order", "refunds", ["vendor_order_id"], unique=False, schema="orders"
    )


def downgrade() -> None:
    op.drop_index("ix_refunds_of_vendor_order", table_name="refunds", schema="orders")
    op.drop_table("refunds", schema="orders")
    op.drop_index("ix_lines_of_vendor_order", table_name="lines", schema="orders")
    op.drop_table("lines", schema="orders")
    op.drop_index(
        "ix_vendor_orders_of_vendor_by_state", table_name="vendor_orders", schema="orders"
    )
    op.drop_index("ix_vendor_orders_of_vendor", table_name="vendor_orders", schema="orders")
    op.drop_index("ix_vendor_orders_of_order", table_name="vendor_orders", schema="orders")
    op.drop_table("vendor_orders", schema="orders")
    op.drop_index("ix_timeline_of_order", table_name="timeline", schema="orders")
    op.drop_table("timeline", schema="orders")
    op.drop_table("outbox", schema="orders")
    op.drop_index("ix_orders_of_person", table_name="orders", schema="orders")
    op.drop_index("ix_orders_newest", table_name="orders", schema="orders")
    op.drop_table("orders", schema="orders")
    op.drop_table("inbox", schema="orders")
