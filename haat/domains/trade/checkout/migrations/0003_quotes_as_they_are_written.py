"""Quotes are kept as they are written."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE checkout.quotes ALTER COLUMN document TYPE json USING document::json")


def downgrade() -> None:
    op.execute("ALTER TABLE checkout.quotes ALTER COLUMN document TYPE jsonb USING document::jsonb")
