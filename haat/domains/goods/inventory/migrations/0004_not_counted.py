"""What is not counted: as many are sold as are asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "offers",
        sa.Column("counted", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="inventory",
    )
