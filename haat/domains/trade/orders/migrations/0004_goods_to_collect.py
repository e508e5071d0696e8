"""Goods to collect."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vendor_orders", sa.Column("pickup_id", sa.Uuid()), schema="orders")


def downgrade() -> None:
    op.drop_column("vendor_orders", "pickup_id", schema="orders")
