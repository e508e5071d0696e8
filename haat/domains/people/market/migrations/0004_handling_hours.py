"""Within how many hours a vendor sends an order."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "settings",
        sa.Column("handling_hours", sa.Integer(), server_default=sa.text("48"), nullable=False),
        schema="market",
    )
    op.create_check_constraint(
        op.f("ck_settings_handling_hours"),
        "settings",
        "handling_hours BETWEEN 1 AND 720",
        schema="market",
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("ck_settings_handling_hours"), "settings", type_="check", schema="market"
    )
    op.drop_column("settings", "handling_hours", schema="market")
