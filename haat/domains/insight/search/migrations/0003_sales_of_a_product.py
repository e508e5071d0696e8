"""Sales of a product."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sales_product_id", "sales", ["product_id"], unique=False, schema="search")


def downgrade() -> None:
    op.drop_index("ix_sales_product_id", table_name="sales", schema="search")
