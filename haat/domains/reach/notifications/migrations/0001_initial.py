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
    _upgrade_mails()
    _upgrade_notes()
    _upgrade_outbox()


def downgrade() -> None:
    op.drop_table("outbox", schema="notifications")
    op.drop_index(
        "ix_notes_unread",
        table_name="notes",
        schema="notifications",
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.drop_index("ix_notes_person_id_created_at_id", table_name="notes", schema="notifications")
    op.drop_table("notes", schema="notifications")
    op.drop_index(
        "ix_mails_due",
        table_name="mails",
        schema="notifications",
        postgresql_where=sa.text("waiting"),
    )
    op.drop_index(
        "ix_mails_done_at",
        table_name="mails",
        schema="notifications",
        postgresql_where=sa.text("NOT waiting"),
    )
    op.drop_table("mails", schema="notifications")
    op.drop_table("inbox", schema="notifications")


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
        schema="notifications",
    )


def _upgrade_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "person_id IS NOT NULL OR order_id IS NOT NULL", name=op.f("ck_mails_recipient")
        ),
        sa.CheckConstraint("waiting = (outcome IS NULL)", name=op.f("ck_mails_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        schema="notifications",
    )
    op.create_index(
        "ix_mails_done_at",
        "mails",
        ["done_at"],
        unique=False,
        schema="notifications",
        postgresql_where=sa.text("NOT waiting"),
    )
    op.create_index(
        "ix_mails_due",
        "mails",
        ["due_at", "id"],
        unique=False,
        schema="notifications",
        postgresql_where=sa.text("waiting"),
    )


def _upgrade_notes() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        schema="notifications",
    )
    op.create_index(
        "ix_notes_person_id_created_at_id",
        "notes",
        ["person_id", "created_at", "id"],
        unique=False,
        schema="notifications",
    )
    op.create_index(
        "ix_notes_unread",
        "notes",
        ["person_id"],
        unique=False,
        schema="notifications",
        postgresql_where=sa.text("read_at IS NULL"),
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
        schema="notifications",
    )
