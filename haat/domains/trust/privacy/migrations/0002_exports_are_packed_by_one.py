"""Exports are packed by one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "exports",
        sa.Column("gathered_at", sa.DateTime(timezone=True), nullable=True),
        schema="privacy",
    )
    op.add_column(
        "exports",
        sa.Column("packed_until", sa.DateTime(timezone=True), nullable=True),
        schema="privacy",
    )
    op.add_column("exports", sa.Column("packing", sa.Uuid(), nullable=True), schema="privacy")
    op.create_index(
        "ix_exports_to_pack",
        "exports",
        ["gathered_at"],
        unique=False,
        schema="privacy",
        postgresql_where=sa.text("state = 'making' AND gathered_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_exports_to_pack",
        table_name="exports",
        schema="privacy",
        postgresql_where=sa.text("state = 'making' AND gathered_at IS NOT NULL"),
    )
    op.drop_column("exports", "packing", schema="privacy")
    op.drop_column("exports", "packed_until", schema="privacy")
    op.drop_column("exports", "gathered_at", schema="privacy")
