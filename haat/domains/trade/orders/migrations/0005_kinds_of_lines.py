"""What an order's line is: goods, something digital, a service."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "lines",
        sa.Column("kind", sa.Text(), server_default=sa.text("'physical'"), nullable=False),
        schema="orders",
    )
