"""Goods, downloads and services."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "products",
        sa.Column("kind", sa.Text(), server_default=sa.text("'physical'"), nullable=False),
        schema="catalog",
    )
    op.create_check_constraint(
        op.f("ck_products_kind"),
        "products",
        "kind IN ('physical', 'digital', 'service')",
        schema="catalog",
    )
