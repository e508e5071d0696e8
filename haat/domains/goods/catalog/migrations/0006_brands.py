"""Brands, made of what products say, and a shelf for each."""

import sqlalchemy as sa
from alembic import op

from haat.domains.goods.catalog.rules import brand_id, brand_key

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SHELVES = """
INSERT INTO catalog.shelves (shelf_id, product_id, created_at, price_from, title_key)
SELECT p.brand_id, s.product_id, s.created_at, s.price_from, s.title_key
  FROM catalog.shelves s
  JOIN catalog.products p ON p.id = s.product_id AND p.brand_id IS NOT NULL
 WHERE s.shelf_id = '00000000-0000-0000-0000-000000000000'
"""


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("logo_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brands")),
        sa.UniqueConstraint("slug", name=op.f("uq_brands_slug")),
        schema="catalog",
    )
    op.add_column("products", sa.Column("brand_id", sa.Uuid(), nullable=True), schema="catalog")
    op.create_foreign_key(
        op.f("fk_products_brand_id"),
        "products",
        "brands",
        ["brand_id"],
        ["id"],
        source_schema="catalog",
        referent_schema="catalog",
    )
    _take_over()
    op.create_index("ix_products_brand_id", "products", ["brand_id"], schema="catalog")
    op.execute(_SHELVES)


def _take_over() -> None:
    """What products say becomes brands: spellings of one name are one brand."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT DISTINCT brand FROM catalog.products"))
    said = [(row[0], brand_id(row[0])) for row in rows]
    known = [{"brand": b, "id": id, "slug": brand_key(b)} for b, id in said if id is not None]
    if not known:
        return
    brand = "INSERT INTO catalog.brands (id, slug, name) VALUES (:id, :slug, :brand)"
    connection.execute(sa.text(f"{brand} ON CONFLICT DO NOTHING"), known)
    product = "UPDATE catalog.products SET brand_id = :id WHERE brand = :brand"
    connection.execute(sa.text(product), known)


def downgrade() -> None:
    op.execute("DELETE FROM catalog.shelves WHERE shelf_id IN (SELECT id FROM catalog.brands)")
    op.drop_index("ix_products_brand_id", table_name="products", schema="catalog")
    op.drop_constraint("fk_products_brand_id", "products", schema="catalog", type_="foreignkey")
    op.drop_column("products", "brand_id", schema="catalog")
    op.drop_table("brands", schema="catalog")
