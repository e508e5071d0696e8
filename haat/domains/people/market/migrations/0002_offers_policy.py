"""Whether vendors share products, and how many pictures one has.

A market that is there goes on as it was: every vendor sells products of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "settings",
        sa.Column("offers_policy", sa.Text(), server_default=sa.text("'own'"), nullable=False),
        schema="market",
    )
    op.add_column(
        "settings",
        sa.Column("pictures_max", sa.Integer(), server_default=sa.text("20"), nullable=False),
        schema="market",
    )
    op.create_check_constraint(
        op.f("ck_settings_offers_policy"),
        "settings",
        "offers_policy IN ('shared', 'own', 'both')",
        schema="market",
    )
    op.create_check_constraint(
        op.f("ck_settings_pictures_max"),
        "settings",
        "pictures_max BETWEEN 1 AND 100",
        schema="market",
    )


def downgrade() -> None:
    op.drop_constraint("ck_settings_pictures_max", "settings", schema="market", type_="check")
    op.drop_constraint("ck_settings_offers_policy", "settings", schema="market", type_="check")
    op.drop_column("settings", "pictures_max", schema="market")
    op.drop_column("settings", "offers_policy", schema="market")
