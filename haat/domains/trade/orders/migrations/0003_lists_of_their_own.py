"""Lists of their own, what is noted once, how long the carrier takes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Those of the orders there are already.
FILL = r"""
WITH parts AS (
  SELECT v.id, v.order_id, v.position, v.vendor_id, v.vendor_name, v.number, v.payment,
         v.fulfilment, v.currency, v.total, v.net, v.refunded, v.items, v.placed_at,
       CASE v.fulfilment WHEN 'pending' THEN 0 WHEN 'accepted' THEN 1 WHEN 'ready' THEN 2
                         WHEN 'in_transit' THEN 3 WHEN 'delivered' THEN 4 ELSE 5 END AS stage,
       CASE v.payment WHEN 'paid' THEN 1 WHEN 'partially_refunded' THEN 2 WHEN 'refunded' THEN 3
                      WHEN 'voided' THEN 4 ELSE 0 END AS rank
    FROM orders.vendor_orders v),
put AS (
  INSERT INTO orders.part_list (id, order_id, vendor_id, number, ship_to_name, payment,
         fulfilment, currency, total, net, refunded, items, placed_at, version)
  SELECT p.id, p.order_id, p.vendor_id, p.number, o.ship_to ->> 'name', p.payment, p.fulfilment,
         p.currency, p.total, p.net, p.refunded, p.items, p.placed_at,
         p.stage + p.rank + p.refunded
    FROM parts p JOIN orders.orders o ON o.id = p.order_id
   ORDER BY p.id
),
sums AS (
  SELECT order_id,
         CASE WHEN bool_and(payment = 'voided') THEN 'voided'
              WHEN bool_or(payment = 'authorized') THEN 'authorized'
              WHEN bool_or(payment = 'awaiting') THEN 'awaiting'
              WHEN bool_or(payment = 'on_delivery') THEN 'on_delivery'
              WHEN bool_and(payment IN ('refunded', 'voided')) THEN 'refunded'
              WHEN bool_and(payment IN ('paid', 'voided')) THEN 'paid'
              ELSE 'partially_refunded' END AS payment,
         CASE WHEN bool_and(fulfilment = 'rejected') THEN 'rejected'
              WHEN bool_and(stage = 5) THEN 'cancelled'
              WHEN count(DISTINCT stage) FILTER (WHERE stage < 5) = 1
                THEN max(fulfilment) FILTER (WHERE stage < 5)
              ELSE 'partially_' || (ARRAY['accepted', 'ready', 'shipped', 'delivered'])[
                   max(stage) FILTER (WHERE stage < 5)] END AS fulfilment,
         sum(refunded)::bigint AS refunded, sum(items)::int AS items,
         array_agg(vendor_name ORDER BY position) AS vendors,
         sum(stage + rank + refunded)::bigint AS version
    FROM parts GROUP BY order_id
)
INSERT INTO orders.order_list (id, number, person_id, email, ship_to_name, words, payment,
       fulfilment, currency, total, refunded, items, vendors, placed_at, version)
SELECT o.id, o.number, o.person_id, o.email, o.ship_to ->> 'name',
       array_to_tsvector(array_remove(regexp_split_to_array(
         lower((o.ship_to ->> 'name') || ' ' || o.email), '\s+'), '')),
       s.payment, s.fulfilment, o.currency, o.total, s.refunded, s.items, s.vendors, o.placed_at,
       s.version
  FROM orders.orders o JOIN sums s ON s.order_id = o.id
 ORDER BY o.id
"""


def upgrade() -> None:
    _upgrade_order_list()
    _upgrade_part_list()
    _upgrade_orders()
    _upgrade_timeline()
    _upgrade_vendor_orders()
    op.execute(FILL)


def downgrade() -> None:
    op.create_index(
        op.f("ix_vendor_orders_of_vendor_by_state"),
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
    op.create_index(
        op.f("ix_vendor_orders_of_vendor"),
        "vendor_orders",
        ["vendor_id", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        op.f("ix_vendor_orders_by_payment"),
        "vendor_orders",
        ["payment", sa.literal_column("placed_at DESC"), sa.literal_column("order_id DESC")],
        unique=False,
        schema="orders",
    )
    op.drop_column("vendor_orders", "days_max", schema="orders")
    op.drop_column("vendor_orders", "days_min", schema="orders")
    op.drop_index(
        "ix_timeline_source",
        table_name="timeline",
        schema="orders",
        postgresql_where=sa.text("source IS NOT NULL"),
    )
    op.drop_column("timeline", "source", schema="orders")
    op.create_index(
        op.f("ix_orders_newest"),
        "orders",
        [sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.drop_index("ix_part_list_of_vendor", table_name="part_list", schema="orders")
    op.drop_index("ix_part_list_by_fulfilment", table_name="part_list", schema="orders")
    op.drop_table("part_list", schema="orders")
    op.drop_index(
        "ix_order_list_words", table_name="order_list", schema="orders", postgresql_using="gin"
    )
    op.drop_index("ix_order_list_of_person", table_name="order_list", schema="orders")
    op.drop_index("ix_order_list_newest", table_name="order_list", schema="orders")
    op.drop_index("ix_order_list_by_payment", table_name="order_list", schema="orders")
    op.drop_index("ix_order_list_by_fulfilment", table_name="order_list", schema="orders")
    op.drop_table("order_list", schema="orders")


def _upgrade_order_list() -> None:
    op.create_table(
        "order_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("ship_to_name", sa.Text(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("fulfilment", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("vendors", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_list")),
        schema="orders",
    )
    op.create_index(
        "ix_order_list_by_fulfilment",
        "order_list",
        ["fulfilment", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_order_list_by_payment",
        "order_list",
        ["payment", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_order_list_newest",
        "order_list",
        [sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_order_list_of_person",
        "order_list",
        ["person_id", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_order_list_words",
        "order_list",
        ["words"],
        unique=False,
        schema="orders",
        postgresql_using="gin",
    )


def _upgrade_part_list() -> None:
    op.create_table(
        "part_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("ship_to_name", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("fulfilment", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part_list")),
        schema="orders",
    )
    op.create_index(
        "ix_part_list_by_fulfilment",
        "part_list",
        [
            "vendor_id",
            "fulfilment",
            sa.literal_column("placed_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="orders",
    )
    op.create_index(
        "ix_part_list_of_vendor",
        "part_list",
        ["vendor_id", sa.literal_column("placed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="orders",
    )


def _upgrade_orders() -> None:
    op.drop_index(op.f("ix_orders_newest"), table_name="orders", schema="orders")


def _upgrade_timeline() -> None:
    op.add_column("timeline", sa.Column("source", sa.Uuid(), nullable=True), schema="orders")
    op.create_index(
        "ix_timeline_source",
        "timeline",
        ["source"],
        unique=True,
        schema="orders",
        postgresql_where=sa.text("source IS NOT NULL"),
    )


def _upgrade_vendor_orders() -> None:
    # A vendor order moves some times in its life; what stands on its page costs no index.
    op.execute("ALTER TABLE orders.vendor_orders SET (fillfactor = 85)")
    op.add_column(
        "vendor_orders", sa.Column("days_min", sa.SmallInteger(), nullable=True), schema="orders"
    )
    op.add_column(
        "vendor_orders", sa.Column("days_max", sa.SmallInteger(), nullable=True), schema="orders"
    )
    op.drop_index(op.f("ix_vendor_orders_by_payment"), table_name="vendor_orders", schema="orders")
    op.drop_index(op.f("ix_vendor_orders_of_vendor"), table_name="vendor_orders", schema="orders")
    op.drop_index(
        op.f("ix_vendor_orders_of_vendor_by_state"), table_name="vendor_orders", schema="orders"
    )
