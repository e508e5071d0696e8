"""Held until the terms are accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "vendors",
        sa.Column("terms_needed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("terms_accepted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="vendors",
    )


def downgrade() -> None:
    op.drop_column("vendors", "terms_accepted", schema="vendors")
    op.drop_column("vendors", "terms_needed", schema="vendors")
