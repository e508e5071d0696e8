"""Guests and stores."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "erasures",
        sa.Column("guest", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="privacy",
    )
    op.add_column(
        "erasures",
        sa.Column("vendors", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        schema="privacy",
    )
    op.add_column(
        "erasures",
        sa.Column("untraded", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        schema="privacy",
    )
    op.add_column(
        "exports",
        sa.Column("guest", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="privacy",
    )
    op.add_column(
        "exports",
        sa.Column("vendors", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        schema="privacy",
    )


def downgrade() -> None:
    op.drop_column("exports", "vendors", schema="privacy")
    op.drop_column("exports", "guest", schema="privacy")
    op.drop_column("erasures", "untraded", schema="privacy")
    op.drop_column("erasures", "vendors", schema="privacy")
    op.drop_column("erasures", "guest", schema="privacy")
