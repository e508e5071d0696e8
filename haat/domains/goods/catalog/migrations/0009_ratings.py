"""What customers think of products, told by who keeps their reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ratings",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_ratings_product_id")
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_ratings")),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_table("ratings", schema="catalog")
