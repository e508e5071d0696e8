"""Connections and phones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "roles", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_connections_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("provider", "subject", name=op.f("uq_connections_provider_subject")),
        schema="identity",
    )
    op.create_index(
        "ix_connections_person_id",
        "connections",
        ["person_id", "connected_at"],
        unique=False,
        schema="identity",
    )
    op.create_table(
        "phones",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pending", sa.Text(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "(number IS NULL) = (verified_at IS NULL)", name=op.f("ck_phones_verified")
        ),
        sa.CheckConstraint(
            "(pending IS NULL) = (code_hash IS NULL)", name=op.f("ck_phones_pending")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_phones_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_phones")),
        schema="identity",
    )
    op.add_column(
        "people",
        sa.Column("has_password", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="identity",
    )


def downgrade() -> None:
    op.drop_column("people", "has_password", schema="identity")
    op.drop_table("phones", schema="identity")
    op.drop_index("ix_connections_person_id", table_name="connections", schema="identity")
    op.drop_table("connections", schema="identity")
