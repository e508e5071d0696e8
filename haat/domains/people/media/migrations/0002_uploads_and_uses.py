"""Uploads in several requests, quotas, and who shows which file."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_claims()
    _upgrade_uploads()
    _upgrade_usage()
    _upgrade_pieces()
    _upgrade_files()


def downgrade() -> None:
    op.drop_index(
        "ix_files_unused",
        table_name="files",
        schema="media",
        postgresql_where=sa.text("claims = 0 AND NOT lasting AND removed_at IS NULL"),
    )
    op.drop_index(
        "ix_files_to_make",
        table_name="files",
        schema="media",
        postgresql_where=sa.text("edition < 2"),
    )
    op.drop_index(
        "ix_files_removed",
        table_name="files",
        schema="media",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.drop_index("ix_files_holder_id", table_name="files", schema="media")
    op.drop_constraint(op.f("ck_files_claims"), "files", schema="media")
    op.drop_column("files", "removed_at", schema="media")
    op.drop_column("files", "unclaimed_at", schema="media")
    op.drop_column("files", "lasting", schema="media")
    op.drop_column("files", "claims", schema="media")
    op.drop_column("files", "holder_id", schema="media")
    op.drop_column("files", "edition", schema="media")
    op.drop_column("files", "poster_id", schema="media")
    op.drop_column("files", "alt", schema="media")
    op.drop_column("files", "kind", schema="media")
    op.drop_table("pieces", schema="media")
    op.drop_table("usage", schema="media")
    op.drop_index(
        "ix_uploads_open",
        table_name="uploads",
        schema="media",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_uploads_expires_at", table_name="uploads", schema="media")
    op.drop_table("uploads", schema="media")
    op.drop_table("claims", schema="media")


def _upgrade_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("lasting", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("by", name=op.f("pk_claims")),
        schema="media",
    )


def _upgrade_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("poster_id", sa.Uuid(), nullable=True),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'kept', 'refused', 'ended')", name=op.f("ck_uploads_status")
        ),
        sa.CheckConstraint("received BETWEEN 0 AND size_bytes", name=op.f("ck_uploads_received")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        schema="media",
    )
    op.create_index(
        "ix_uploads_expires_at", "uploads", ["expires_at"], unique=False, schema="media"
    )
    op.create_index(
        "ix_uploads_open",
        "uploads",
        ["holder_id"],
        unique=False,
        schema="media",
        postgresql_where=sa.text("status = 'open'"),
    )


def _upgrade_usage() -> None:
    op.create_table(
        "usage",
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("files", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_files", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "files >= 0 AND bytes >= 0 AND held_files >= 0 AND held_bytes >= 0",
            name=op.f("ck_usage_counts"),
        ),
        sa.PrimaryKeyConstraint("holder_id", name=op.f("pk_usage")),
        schema="media",
    )


def _upgrade_pieces() -> None:
    op.create_table(
        "pieces",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["media.uploads.id"],
            name=op.f("fk_pieces_upload_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("upload_id", "start", name=op.f("pk_pieces")),
        schema="media",
    )


def _upgrade_files() -> None:
    op.add_column(
        "files",
        sa.Column("kind", sa.Text(), server_default=sa.text("'other'"), nullable=False),
        schema="media",
    )
    op.add_column(
        "files",
        sa.Column("alt", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="media",
    )
    op.add_column("files", sa.Column("poster_id", sa.Uuid(), nullable=True), schema="media")
    op.add_column(
        "files",
        sa.Column("edition", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="media",
    )
    op.add_column("files", sa.Column("holder_id", sa.Uuid(), nullable=True), schema="media")
    op.add_column(
        "files",
        sa.Column("claims", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="media",
    )
    op.add_column(
        "files",
        sa.Column("lasting", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="media",
    )
    op.add_column(
        "files",
        sa.Column("unclaimed_at", sa.DateTime(timezone=True), nullable=True),
        schema="media",
    )
    op.add_column(
        "files", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True), schema="media"
    )
    op.create_check_constraint(op.f("ck_files_claims"), "files", "claims >= 0", schema="media")
    # Nobody has said yet who shows what is there, so it stays.
    op.execute(
        "UPDATE media.files SET lasting = true, edition = CASE WHEN ready THEN 1 ELSE 0 END,"
        " holder_id = coalesce(vendor_id, owner_id)"
    )
    op.execute(
        "INSERT INTO media.usage (holder_id, files, bytes)"
        " SELECT holder_id, count(*), sum(size_bytes) FROM media.files"
        " WHERE holder_id IS NOT NULL GROUP BY holder_id"
    )
    op.create_index("ix_files_holder_id", "files", ["holder_id"], unique=False, schema="media")
    op.create_index(
        "ix_files_removed",
        "files",
        ["removed_at"],
        unique=False,
        schema="media",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_files_to_make",
        "files",
        ["id"],
        unique=False,
        schema="media",
        postgresql_where=sa.text("edition < 2"),
    )
    op.create_index(
        "ix_files_unused",
        "files",
        ["unclaimed_at"],
        unique=False,
        schema="media",
        postgresql_where=sa.text("claims = 0 AND NOT lasting AND removed_at IS NULL"),
    )
