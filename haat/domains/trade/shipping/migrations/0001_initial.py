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
        schema="shipping",
    )
    op.create_table(
        "methods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("bands", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("countries", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("free_from", sa.BigInteger(), nullable=True),
        sa.Column("days_min", sa.SmallInteger(), nullable=False),
        sa.Column("days_max", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("0 <= days_min AND days_min <= days_max", name=op.f("ck_methods_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_methods")),
        schema="shipping",
    )
    op.create_index(
        "ix_methods_of_vendor",
        "methods",
        ["vendor_id", "created_at", "id"],
        unique=False,
        schema="shipping",
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="shipping",
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('label_created', 'in_transit', 'delivered', 'cancelled')",
            name=op.f("ck_shipments_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
        schema="shipping",
    )
    op.create_index(
        "ix_shipments_by_tracking",
        "shipments",
        ["tracking_number", sa.literal_column("created_at DESC")],
        unique=False,
        schema="shipping",
    )
    op.create_index(
        "ix_shipments_of_vendor",
        "shipments",
        ["vendor_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="shipping",
    )
    op.create_index(
        "ix_shipments_of_vendor_order",
        "shipments",
        ["vendor_order_id"],
        unique=False,
        schema="shipping",
    )


def downgrade() -> None:
    op.drop_index("ix_shipments_of_vendor_order", table_name="shipments", schema="shipping")
    op.drop_index("ix_shipments_of_vendor", table_name="shipments", schema="shipping")
    op.drop_index("ix_shipments_by_tracking", table_name="shipments", schema="shipping")
    op.drop_table("shipments", schema="shipping")
    op.drop_table("outbox", schema="shipping")
    op.drop_index("ix_methods_of_vendor", table_name="methods", schema="shipping")
    op.drop_table("methods", schema="shipping")
    op.drop_table("inbox", schema="shipping")
