"""What listings keep to; the addresses categories had."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "listing_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("least", sa.Integer(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('words', 'pictures', 'text', 'barcode', 'brand', 'spec')",
            name=op.f("ck_listing_rules_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["catalog.categories.id"], name=op.f("fk_listing_rules_category_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_rules")),
        schema="catalog",
    )
    op.create_table(
        "category_slugs",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["catalog.categories.id"], name=op.f("fk_category_slugs_category_id")
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_category_slugs")),
        schema="catalog",
    )
    op.create_index(
        "ix_category_slugs_category_id", "category_slugs", ["category_id"], schema="catalog"
    )


def downgrade() -> None:
    op.drop_table("category_slugs", schema="catalog")
    op.drop_table("listing_rules", schema="catalog")
