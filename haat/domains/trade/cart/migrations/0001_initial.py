"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_carts()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_closings()
    _upgrade_items()


def downgrade() -> None:
    op.drop_table("items", schema="cart")
    op.drop_index("ix_closings_of_cart", table_name="closings", schema="cart")
    op.drop_index("ix_closings_by_age", table_name="closings", schema="cart")
    op.drop_table("closings", schema="cart")
    op.drop_table("outbox", schema="cart")
    op.drop_table("inbox", schema="cart")
    op.drop_index(
        "ix_carts_of_person",
        table_name="carts",
        schema="cart",
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_carts_expiring",
        table_name="carts",
        schema="cart",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.drop_table("carts", schema="cart")


def _upgrade_carts() -> None:
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(person_id IS NULL) = (expires_at IS NOT NULL)", name=op.f("ck_carts_guests_expire")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carts")),
        schema="cart",
    )
    op.create_index(
        "ix_carts_expiring",
        "carts",
        ["expires_at"],
        unique=False,
        schema="cart",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_carts_of_person",
        "carts",
        ["person_id"],
        unique=True,
        schema="cart",
        postgresql_where=sa.text("person_id IS NOT NULL"),
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
        schema="cart",
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
        schema="cart",
    )


def _upgrade_closings() -> None:
    op.create_table(
        "closings",
        sa.Column("checkout_id", sa.Uuid(), nullable=False),
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cart_id"], ["cart.carts.id"], name=op.f("fk_closings_cart_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("checkout_id", name=op.f("pk_closings")),
        schema="cart",
    )
    op.create_index("ix_closings_by_age", "closings", ["closed_at"], unique=False, schema="cart")
    op.create_index("ix_closings_of_cart", "closings", ["cart_id"], unique=False, schema="cart")


def _upgrade_items() -> None:
    op.create_table(
        "items",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.SmallInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 999", name=op.f("ck_items_quantity")),
        sa.ForeignKeyConstraint(
            ["cart_id"], ["cart.carts.id"], name=op.f("fk_items_cart_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cart_id", "offer_id", name=op.f("pk_items")),
        schema="cart",
    )
