"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_checkouts()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_quotes()


def downgrade() -> None:
    op.drop_index(
        "ix_quotes_expires_at", table_name="quotes", schema="checkout", postgresql_using="brin"
    )
    op.drop_table("quotes", schema="checkout")
    op.drop_table("outbox", schema="checkout")
    op.drop_table("inbox", schema="checkout")
    op.drop_index(
        "ix_checkouts_due_at",
        table_name="checkouts",
        schema="checkout",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("checkouts", schema="checkout")


def _upgrade_checkouts() -> None:
    op.create_table(
        "checkouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("next_action_url", sa.Text(), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            (
                "state IN ('reserving', 'needs_action', 'processing', 'placed', "
                "'declined', 'expired', 'undone')"
            ),
            name=op.f("ck_checkouts_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkouts")),
        schema="checkout",
    )
    op.create_index(
        "ix_checkouts_due_at",
        "checkouts",
        ["due_at"],
        unique=False,
        schema="checkout",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


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
        schema="checkout",
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
        schema="checkout",
    )


def _upgrade_quotes() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
        schema="checkout",
    )
    op.create_index(
        "ix_quotes_expires_at",
        "quotes",
        ["expires_at"],
        unique=False,
        schema="checkout",
        postgresql_using="brin",
    )
