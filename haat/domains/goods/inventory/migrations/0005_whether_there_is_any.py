"""What was said last of an offer: that there is any, or none. The timer says the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "offers",
        sa.Column("there_told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="inventory",
    )


def downgrade() -> None:
    op.drop_column("offers", "there_told", schema="inventory")
