"""One click."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "profiles",
        sa.Column("one_click", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="profiles",
    )


def downgrade() -> None:
    op.drop_column("profiles", "one_click", schema="profiles")
