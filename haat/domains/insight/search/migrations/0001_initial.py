"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "handled_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("subscriber", "event_id", name=op.f("pk_inbox")),
        schema="search",
    )
    op.create_table(
        "listings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("heading", postgresql.TSVECTOR(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("price_from", sa.BigInteger(), nullable=False),
        sa.Column("price_to", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listings")),
        schema="search",
    )
    op.create_index(
        "ix_listings_created_at_id",
        "listings",
        ["created_at", "id"],
        unique=False,
        schema="search",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.create_index(
        "ix_listings_heading",
        "listings",
        ["heading"],
        unique=False,
        schema="search",
        postgresql_using="gin",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.create_index(
        "ix_listings_price_from_id",
        "listings",
        ["price_from", "id"],
        unique=False,
        schema="search",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.create_index(
        "ix_listings_words",
        "listings",
        ["words"],
        unique=False,
        schema="search",
        postgresql_using="gin",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="search",
    )


def downgrade() -> None:
    op.drop_table("outbox", schema="search")
    op.drop_index(
        "ix_listings_words",
        table_name="listings",
        schema="search",
        postgresql_using="gin",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.drop_index(
        "ix_listings_price_from_id",
        table_name="listings",
        schema="search",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.drop_index(
        "ix_listings_heading",
        table_name="listings",
        schema="search",
        postgresql_using="gin",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.drop_index(
        "ix_listings_created_at_id",
        table_name="listings",
        schema="search",
        postgresql_where=sa.text("card IS NOT NULL"),
    )
    op.drop_table("listings", schema="search")
    op.drop_table("inbox", schema="search")
