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
        schema="inventory",
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="inventory",
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offers", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("quantities", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'held' OR expires_at IS NOT NULL", name=op.f("ck_reservations_held_expires")
        ),
        sa.CheckConstraint(
            "state IN ('held', 'promised', 'committed', 'released', 'expired')",
            name=op.f("ck_reservations_state"),
        ),
        sa.CheckConstraint(
            "cardinality(offers) = cardinality(quantities)", name=op.f("ck_reservations_lines")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        schema="inventory",
    )
    op.create_index(
        "ix_reservations_active",
        "reservations",
        ["id"],
        unique=False,
        schema="inventory",
        postgresql_where=sa.text("state IN ('held', 'promised')"),
    )
    op.create_index(
        "ix_reservations_held",
        "reservations",
        ["expires_at"],
        unique=False,
        schema="inventory",
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "stock",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("low_at", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("low_told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "0 <= reserved AND reserved <= on_hand", name=op.f("ck_stock_reserved_on_hand")
        ),
        sa.CheckConstraint("low_at >= 0", name=op.f("ck_stock_low_at")),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_stock")),
        schema="inventory",
    )
    op.create_index(
        "ix_stock_by_product", "stock", ["product_id"], unique=False, schema="inventory"
    )
    op.create_index(
        "ix_stock_by_vendor",
        "stock",
        ["vendor_id", "sku", "offer_id"],
        unique=False,
        schema="inventory",
    )
    op.create_index(
        "ix_stock_watched",
        "stock",
        ["vendor_id", "sku", "offer_id"],
        unique=False,
        schema="inventory",
        postgresql_where=sa.text("low_at > 0"),
    )
    op.create_table(
        "suspended_vendors",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_suspended_vendors")),
        schema="inventory",
    )
    op.create_table(
        "movements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reference", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('set', 'correction', 'import', 'sale', 'return', 'reject', 'cancel')",
            name=op.f("ck_movements_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["inventory.stock.offer_id"], name=op.f("fk_movements_offer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movements")),
        schema="inventory",
    )
    op.create_index(
        "ix_movements_by_offer",
        "movements",
        ["offer_id", "at", "id"],
        unique=False,
        schema="inventory",
    )


def downgrade() -> None:
    op.drop_index("ix_movements_by_offer", table_name="movements", schema="inventory")
    op.drop_table("movements", schema="inventory")
    op.drop_table("suspended_vendors", schema="inventory")
    op.drop_index(
        "ix_stock_watched",
        table_name="stock",
        schema="inventory",
        postgresql_where=sa.text("low_at > 0"),
    )
    op.drop_index("ix_stock_by_vendor", table_name="stock", schema="inventory")
    op.drop_index("ix_stock_by_product", table_name="stock", schema="inventory")
    op.drop_table("stock", schema="inventory")
    op.drop_index(
        "ix_reservations_held",
        table_name="reservations",
        schema="inventory",
        postgresql_where=sa.text("state = 'held'"),
    )
    op.drop_index(
        "ix_reservations_active",
        table_name="reservations",
        schema="inventory",
        postgresql_where=sa.text("state IN ('held', 'promised')"),
    )
    op.drop_table("reservations", schema="inventory")
    op.drop_table("outbox", schema="inventory")
    op.drop_table("inbox", schema="inventory")
