"""Every change's row, slugs that led to a product once, products merged into another.

Barcodes get the form in which they are compared, right or wrong.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BARCODES = r"""
UPDATE catalog.variants v
   SET barcode = CASE WHEN w.code LIKE '000000%' THEN right(w.code, 8)
                      WHEN w.code LIKE '0%' THEN right(w.code, 13)
                      ELSE w.code END
  FROM (SELECT id, lpad(regexp_replace(barcode, '[\s-]+', '', 'g'), 14, '0') AS code
          FROM catalog.variants
         WHERE regexp_replace(barcode, '[\s-]+', '', 'g') ~ '^([0-9]{8}|[0-9]{12,14})$') w
 WHERE v.id = w.id
"""


def upgrade() -> None:
    op.add_column("products", sa.Column("merged_into", sa.Uuid()), schema="catalog")
    op.create_foreign_key(
        op.f("fk_products_merged_into"),
        "products",
        "products",
        ["merged_into"],
        ["id"],
        source_schema="catalog",
        referent_schema="catalog",
    )
    op.create_table(
        "slugs",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_slugs_product_id")
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_slugs")),
        schema="catalog",
    )
    op.create_index("ix_slugs_product_id", "slugs", ["product_id"], schema="catalog")
    op.create_table(
        "history",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_history_product_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_history")),
        schema="catalog",
    )
    op.create_index("ix_history_product_id", "history", ["product_id", "seq"], schema="catalog")
    op.execute(_BARCODES)


def downgrade() -> None:
    op.drop_table("history", schema="catalog")
    op.drop_table("slugs", schema="catalog")
    op.drop_constraint("fk_products_merged_into", "products", schema="catalog", type_="foreignkey")
    op.drop_column("products", "merged_into", schema="catalog")
