"""Offers of several vendors on one product, and who may sell what.

Every offer there is was written with its product, by its vendor.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CONDITIONS = "condition IN ('new', 'refurbished', 'used-like-new', 'used-good', 'used-acceptable')"
_COLUMNS = (
    ("condition", sa.Text(), "'new'"),
    ("handling_days", sa.Integer(), "1"),
    ("main", sa.Boolean(), "true"),
)


def upgrade() -> None:
    for name, kind, default in _COLUMNS:
        column = sa.Column(name, kind, server_default=sa.text(default), nullable=False)
        op.add_column("offers", column, schema="catalog")
    op.create_check_constraint(op.f("ck_offers_condition"), "offers", _CONDITIONS, schema="catalog")
    op.create_check_constraint(
        op.f("ck_offers_handling_days"),
        "offers",
        "handling_days BETWEEN 0 AND 60",
        schema="catalog",
    )
    op.create_index(
        "ix_offers_main",
        "offers",
        ["variant_id"],
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("main"),
    )
    op.create_index(
        "ix_offers_attached",
        "offers",
        ["vendor_id", "id"],
        schema="catalog",
        postgresql_where=sa.text("NOT main"),
    )
    op.create_index(
        "ix_offers_alike",
        "offers",
        ["variant_id", "vendor_id", "condition"],
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_variants_barcode",
        "variants",
        ["barcode"],
        schema="catalog",
        postgresql_where=sa.text("barcode IS NOT NULL"),
    )
    op.create_table(
        "sale_lists",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("vendor_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.CheckConstraint("kind IN ('product', 'brand')", name=op.f("ck_sale_lists_kind")),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_sale_lists")),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_table("sale_lists", schema="catalog")
    op.drop_index("ix_variants_barcode", table_name="variants", schema="catalog")
    for name in ("ix_offers_alike", "ix_offers_attached", "ix_offers_main"):
        op.drop_index(name, table_name="offers", schema="catalog")
    for name, _, _ in reversed(_COLUMNS):
        op.drop_column("offers", name, schema="catalog")
