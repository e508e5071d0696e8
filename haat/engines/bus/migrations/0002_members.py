"""Processes that share the lines of a broker."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("subscribers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("holder", name="pk_member"),
        schema="bus",
    )


def downgrade() -> None:
    op.drop_table("member", schema="bus")
