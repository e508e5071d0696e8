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
        "categories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("ancestors", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("product_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "ancestors[cardinality(ancestors)] = id", name=op.f("ck_categories_ancestors")
        ),
        sa.CheckConstraint("product_count >= 0", name=op.f("ck_categories_product_count")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["catalog.categories.id"], name=op.f("fk_categories_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("slug", name=op.f("uq_categories_slug")),
        schema="catalog",
    )
    op.create_index(
        "ix_categories_parent_id", "categories", ["parent_id"], unique=False, schema="catalog"
    )
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
        schema="catalog",
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="catalog",
    )
    op.create_table(
        "vendors",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_vendors")),
        schema="catalog",
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_key", sa.Text(collation="C"), nullable=False),
        sa.Column("description_html", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("tax_class", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("option_names", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("pictures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("price_from", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("listing_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'pending', 'active', 'rejected', 'archived')",
            name=op.f("ck_products_status"),
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["catalog.categories.id"], name=op.f("fk_products_category_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("slug", name=op.f("uq_products_slug")),
        schema="catalog",
    )
    op.create_index(
        "ix_products_category_id", "products", ["category_id"], unique=False, schema="catalog"
    )
    op.create_index(
        "ix_products_own",
        "products",
        ["vendor_id", "created_at", "id"],
        unique=False,
        schema="catalog",
    )
    op.create_index(
        "ix_products_own_status",
        "products",
        ["vendor_id", "status", "created_at", "id"],
        unique=False,
        schema="catalog",
    )
    op.create_index(
        "ix_products_queue",
        "products",
        ["status", "created_at", "id"],
        unique=False,
        schema="catalog",
    )
    op.create_table(
        "shelves",
        sa.Column("shelf_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_from", sa.BigInteger(), nullable=False),
        sa.Column("title_key", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_shelves_product_id")
        ),
        sa.PrimaryKeyConstraint("shelf_id", "product_id", name=op.f("pk_shelves")),
        schema="catalog",
    )
    op.create_index(
        "ix_shelves_newest",
        "shelves",
        ["shelf_id", "created_at", "product_id"],
        unique=False,
        schema="catalog",
    )
    op.create_index(
        "ix_shelves_price",
        "shelves",
        ["shelf_id", "price_from", "product_id"],
        unique=False,
        schema="catalog",
    )
    op.create_index(
        "ix_shelves_product_id", "shelves", ["product_id"], unique=False, schema="catalog"
    )
    op.create_index(
        "ix_shelves_title",
        "shelves",
        ["shelf_id", "title_key", "product_id"],
        unique=False,
        schema="catalog",
    )
    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("picture", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("weight_g >= 0", name=op.f("ck_variants_weight_g")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_variants_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
        schema="catalog",
    )
    op.create_index(
        "ix_variants_product_id", "variants", ["product_id"], unique=False, schema="catalog"
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('active', 'paused')", name=op.f("ck_offers_status")),
        sa.CheckConstraint("compare_at_minor > 0", name=op.f("ck_offers_compare_at_minor")),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_offers_price_minor")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_offers_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["catalog.variants.id"], name=op.f("fk_offers_variant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint(
            "vendor_id",
            "sku",
            deferrable=True,
            initially="IMMEDIATE",
            name=op.f("uq_offers_vendor_id_sku"),
        ),
        schema="catalog",
    )
    op.create_index(
        "ix_offers_product_id", "offers", ["product_id"], unique=False, schema="catalog"
    )
    op.create_index(
        "ix_offers_variant_id", "offers", ["variant_id"], unique=False, schema="catalog"
    )


def downgrade() -> None:
    op.drop_index("ix_offers_variant_id", table_name="offers", schema="catalog")
    op.drop_index("ix_offers_product_id", table_name="offers", schema="catalog")
    op.drop_table("offers", schema="catalog")
    op.drop_index("ix_variants_product_id", table_name="variants", schema="catalog")
    op.drop_table("variants", schema="catalog")
    op.drop_index("ix_shelves_title", table_name="shelves", schema="catalog")
    op.drop_index("ix_shelves_product_id", table_name="shelves", schema="catalog")
    op.drop_index("ix_shelves_price", table_name="shelves", schema="catalog")
    op.drop_index("ix_shelves_newest", table_name="shelves", schema="catalog")
    op.drop_table("shelves", schema="catalog")
    op.drop_index("ix_products_queue", table_name="products", schema="catalog")
    op.drop_index("ix_products_own_status", table_name="products", schema="catalog")
    op.drop_index("ix_products_own", table_name="products", schema="catalog")
    op.drop_index("ix_products_category_id", table_name="products", schema="catalog")
    op.drop_table("products", schema="catalog")
    op.drop_table("vendors", schema="catalog")
    op.drop_table("outbox", schema="catalog")
    op.drop_table("inbox", schema="catalog")
    op.drop_index("ix_categories_parent_id", table_name="categories", schema="catalog")
    op.drop_table("categories", schema="catalog")
