"""How much one vendor may keep, and what still counts for a vendor that shows it no longer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_files_outlived",
        "files",
        ["unclaimed_at"],
        unique=False,
        schema="media",
        postgresql_where=sa.text(
            "claims = 0 AND lasting AND holder_id IS NOT NULL AND removed_at IS NULL"
        ),
    )
    op.add_column("usage", sa.Column("files_max", sa.Integer(), nullable=True), schema="media")
    op.add_column("usage", sa.Column("bytes_max", sa.BigInteger(), nullable=True), schema="media")
    op.add_column("usage", sa.Column("room_set_by", sa.Uuid(), nullable=True), schema="media")
    op.add_column(
        "usage", sa.Column("room_set_at", sa.DateTime(timezone=True), nullable=True), schema="media"
    )


def downgrade() -> None:
    op.drop_column("usage", "room_set_at", schema="media")
    op.drop_column("usage", "room_set_by", schema="media")
    op.drop_column("usage", "bytes_max", schema="media")
    op.drop_column("usage", "files_max", schema="media")
    op.drop_index(
        "ix_files_outlived",
        table_name="files",
        schema="media",
        postgresql_where=sa.text(
            "claims = 0 AND lasting AND holder_id IS NOT NULL AND removed_at IS NULL"
        ),
    )
