"""Refused findings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_findings_refused",
        "findings",
        ["run_id", "round", "line", "place"],
        unique=False,
        schema="imports",
        postgresql_where=sa.text("refused"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_findings_refused",
        table_name="findings",
        schema="imports",
        postgresql_where=sa.text("refused"),
    )
