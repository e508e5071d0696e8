"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_requests()


def downgrade() -> None:
    op.drop_index("ix_requests_queue", table_name="requests", schema="requests")
    op.drop_index("ix_requests_own", table_name="requests", schema="requests")
    op.drop_index(
        "ix_requests_barcode",
        table_name="requests",
        schema="requests",
        postgresql_where=sa.text("state IN ('open', 'approving')"),
    )
    op.drop_table("requests", schema="requests")
    op.drop_table("outbox", schema="requests")
    op.drop_table("inbox", schema="requests")


def _upgrade_inbox() -> None:
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
        schema="requests",
    )


def _upgrade_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="requests",
    )


def _upgrade_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("picture_id", sa.Uuid(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'approved') = (product_id IS NOT NULL)", name=op.f("ck_requests_approved")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'approving', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_requests_state"),
        ),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_requests_price_minor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        schema="requests",
    )
    op.create_index(
        "ix_requests_barcode",
        "requests",
        ["vendor_id", "barcode"],
        unique=True,
        schema="requests",
        postgresql_where=sa.text("state IN ('open', 'approving')"),
    )
    op.create_index(
        "ix_requests_own",
        "requests",
        ["vendor_id", "created_at", "id"],
        unique=False,
        schema="requests",
    )
    op.create_index(
        "ix_requests_queue",
        "requests",
        ["state", "created_at", "id"],
        unique=False,
        schema="requests",
    )
