"""The picture above a vendor's page."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vendors", sa.Column("banner_id", sa.Uuid(), nullable=True), schema="vendors")


def downgrade() -> None:
    op.drop_column("vendors", "banner_id", schema="vendors")
