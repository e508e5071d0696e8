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
    _upgrade_invoices()
    _upgrade_months()
    _upgrade_outbox()
    _upgrade_series()


def downgrade() -> None:
    op.drop_table("series", schema="statements")
    op.drop_table("outbox", schema="statements")
    op.drop_table("months", schema="statements")
    op.drop_index("ix_invoices_vendor", table_name="invoices", schema="statements")
    op.drop_table("invoices", schema="statements")
    op.drop_table("inbox", schema="statements")


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
        schema="statements",
    )


def _upgrade_invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place > 0", name=op.f("ck_invoices_place")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_invoices")),
        sa.UniqueConstraint("vendor_id", "month", name=op.f("uq_invoices_vendor_id_month")),
        sa.UniqueConstraint("year", "place", name=op.f("uq_invoices_year_place")),
        schema="statements",
    )
    op.create_index(
        "ix_invoices_vendor",
        "invoices",
        ["vendor_id", "issued_at", "number"],
        unique=False,
        schema="statements",
    )


def _upgrade_months() -> None:
    op.create_table(
        "months",
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_months")),
        schema="statements",
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
        schema="statements",
    )


def _upgrade_series() -> None:
    op.create_table(
        "series",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_series")),
        schema="statements",
    )
