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
    _upgrade_sessions()
    _upgrade_visits()


def downgrade() -> None:
    op.drop_index("ix_visits_session_id_seq", table_name="visits", schema="support")
    op.drop_table("visits", schema="support")
    op.drop_index("ix_sessions_vendor_id_asked_at", table_name="sessions", schema="support")
    op.drop_index("ix_sessions_staff_id_asked_at", table_name="sessions", schema="support")
    op.drop_index("ix_sessions_person_id_asked_at", table_name="sessions", schema="support")
    op.drop_table("sessions", schema="support")
    op.drop_table("outbox", schema="support")
    op.drop_table("inbox", schema="support")


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
        schema="support",
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
        schema="support",
    )


def _upgrade_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("write", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consented_by", sa.Uuid(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'open', 'refused', 'ended')", name=op.f("ck_sessions_state")
        ),
        sa.CheckConstraint(
            "(vendor_id IS NULL) <> (person_id IS NULL)", name=op.f("ck_sessions_about")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        schema="support",
    )
    op.create_index(
        "ix_sessions_person_id_asked_at",
        "sessions",
        ["person_id", "asked_at"],
        unique=False,
        schema="support",
    )
    op.create_index(
        "ix_sessions_staff_id_asked_at",
        "sessions",
        ["staff_id", "asked_at"],
        unique=False,
        schema="support",
    )
    op.create_index(
        "ix_sessions_vendor_id_asked_at",
        "sessions",
        ["vendor_id", "asked_at"],
        unique=False,
        schema="support",
    )


def _upgrade_visits() -> None:
    op.create_table(
        "visits",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["support.sessions.id"], name=op.f("fk_visits_session_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_visits")),
        schema="support",
    )
    op.create_index(
        "ix_visits_session_id_seq", "visits", ["session_id", "seq"], unique=False, schema="support"
    )
