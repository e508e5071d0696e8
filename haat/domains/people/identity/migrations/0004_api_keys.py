"""Api keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_api_keys_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        schema="identity",
    )
    op.create_index(
        "ix_api_keys_person_id", "api_keys", ["person_id"], unique=False, schema="identity"
    )
    op.create_index(
        "ix_api_keys_vendor_id",
        "api_keys",
        ["vendor_id", "created_at", "id"],
        unique=False,
        schema="identity",
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_vendor_id", table_name="api_keys", schema="identity")
    op.drop_index("ix_api_keys_person_id", table_name="api_keys", schema="identity")
    op.drop_table("api_keys", schema="identity")
