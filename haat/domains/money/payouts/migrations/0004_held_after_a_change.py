"""Payouts wait after a bank account was changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "destinations",
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        schema="payouts",
    )


def downgrade() -> None:
    op.drop_column("destinations", "held_until", schema="payouts")
