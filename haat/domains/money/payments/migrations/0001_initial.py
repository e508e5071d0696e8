"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_disbursements()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_payments()
    _upgrade_provider_events()
    _upgrade_refunds()


def downgrade() -> None:
    op.drop_index(
        "ix_refunds_unfinished",
        table_name="refunds",
        schema="payments",
        postgresql_where=sa.text("status IN ('created', 'pending')"),
    )
    op.drop_index("ix_refunds_payment", table_name="refunds", schema="payments")
    op.drop_table("refunds", schema="payments")
    op.drop_table("provider_events", schema="payments")
    op.drop_index(
        "ix_payments_void_due",
        table_name="payments",
        schema="payments",
        postgresql_where=sa.text("void_due"),
    )
    op.drop_index(
        "ix_payments_unsure",
        table_name="payments",
        schema="payments",
        postgresql_where=sa.text(
            "status = 'created' OR (status = 'authorized' AND capture_asked_at IS NOT NULL)"
        ),
    )
    op.drop_index("ix_payments_reference", table_name="payments", schema="payments")
    op.drop_index("ix_payments_newest", table_name="payments", schema="payments")
    op.drop_table("payments", schema="payments")
    op.drop_table("outbox", schema="payments")
    op.drop_table("inbox", schema="payments")
    op.drop_table("disbursements", schema="payments")


def _upgrade_disbursements() -> None:
    op.create_table(
        "disbursements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('created', 'pending', 'paid', 'failed')",
            name=op.f("ck_disbursements_status"),
        ),
        sa.CheckConstraint("minor > 0", name=op.f("ck_disbursements_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disbursements")),
        schema="payments",
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
        schema="payments",
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
        schema="payments",
    )


def _upgrade_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("hosted", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("next_action_url", sa.Text(), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("captured_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunding_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("capture_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_due", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("captured_minor IN (0, minor)", name=op.f("ck_payments_captured_whole")),
        sa.CheckConstraint("minor > 0 OR reference IS NULL", name=op.f("ck_payments_positive")),
        sa.CheckConstraint(
            (
                "refunding_minor >= 0 AND refunded_minor >= 0 AND refunding_minor + "
                "refunded_minor <= captured_minor"
            ),
            name=op.f("ck_payments_refunds_covered"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        schema="payments",
    )
    op.create_index(
        "ix_payments_newest", "payments", ["created_at", "id"], unique=False, schema="payments"
    )
    op.create_index(
        "ix_payments_reference",
        "payments",
        ["reference", "created_at"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "ix_payments_unsure",
        "payments",
        ["asked_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text(
            "status = 'created' OR (status = 'authorized' AND capture_asked_at IS NOT NULL)"
        ),
    )
    op.create_index(
        "ix_payments_void_due",
        "payments",
        ["asked_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("void_due"),
    )


def _upgrade_provider_events() -> None:
    op.create_table(
        "provider_events",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_provider_events")),
        schema="payments",
    )


def _upgrade_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('created', 'pending', 'done', 'failed')", name=op.f("ck_refunds_status")
        ),
        sa.CheckConstraint("minor > 0", name=op.f("ck_refunds_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payments.id"], name=op.f("fk_refunds_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        schema="payments",
    )
    op.create_index(
        "ix_refunds_payment", "refunds", ["payment_id"], unique=False, schema="payments"
    )
    op.create_index(
        "ix_refunds_unfinished",
        "refunds",
        ["asked_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("status IN ('created', 'pending')"),
    )
