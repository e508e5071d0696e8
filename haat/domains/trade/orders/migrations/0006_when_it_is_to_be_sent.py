"""When it is to be sent."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "vendor_orders",
        sa.Column("handling_hours", sa.SmallInteger(), nullable=True),
        schema="orders",
    )
    op.add_column(
        "vendor_orders",
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=True),
        schema="orders",
    )


def downgrade() -> None:
    op.drop_column("vendor_orders", "ship_by", schema="orders")
    op.drop_column("vendor_orders", "handling_hours", schema="orders")
