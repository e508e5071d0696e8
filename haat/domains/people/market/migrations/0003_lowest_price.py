"""Lowest price."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "settings",
        sa.Column("lowest_price", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="market",
    )


def downgrade() -> None:
    op.drop_column("settings", "lowest_price", schema="market")
