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
    _upgrade_returns()
    _upgrade_returns_indexes()
    _upgrade_tallies()
    _upgrade_windows()
    _upgrade_lines()
    _upgrade_messages()


def downgrade() -> None:
    op.drop_index("ix_messages_return", table_name="messages", schema="returns")
    op.drop_table("messages", schema="returns")
    op.drop_index("ix_lines_line", table_name="lines", schema="returns")
    op.drop_table("lines", schema="returns")
    op.drop_table("windows", schema="returns")
    op.drop_table("tallies", schema="returns")
    op.drop_index("ix_returns_vendor_state", table_name="returns", schema="returns")
    op.drop_index("ix_returns_vendor", table_name="returns", schema="returns")
    op.drop_index("ix_returns_queue_state", table_name="returns", schema="returns")
    op.drop_index("ix_returns_queue", table_name="returns", schema="returns")
    op.drop_index("ix_returns_person", table_name="returns", schema="returns")
    op.drop_index("ix_returns_part", table_name="returns", schema="returns")
    op.drop_index(
        "ix_returns_due",
        table_name="returns",
        schema="returns",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_returns_deadline",
        table_name="returns",
        schema="returns",
        postgresql_where=sa.text("deadline_at IS NOT NULL"),
    )
    op.drop_table("returns", schema="returns")
    op.drop_table("outbox", schema="returns")
    op.drop_table("inbox", schema="returns")


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
        schema="returns",
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
        schema="returns",
    )


def _upgrade_returns() -> None:
    op.create_table(
        "returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False, start=100001), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'requested'"), nullable=False),
        sa.Column("escalated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("final", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("send_back", sa.Boolean(), nullable=False),
        sa.Column("restock", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refund_shipping", sa.Boolean(), nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("refund", sa.Text(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("block", sa.Text(), server_default=sa.text("'wanted'"), nullable=False),
        sa.Column("tracking_number", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            (
                "(state = 'refunded') = (refund IS NOT DISTINCT FROM 'done') AND (state "
                "= 'refunded') = (refund_id IS NOT NULL)"
            ),
            name=op.f("ck_returns_refunded"),
        ),
        sa.CheckConstraint("NOT final OR state = 'refused'", name=op.f("ck_returns_final")),
        sa.CheckConstraint(
            "block IN ('wanted', 'set', 'release', 'free')", name=op.f("ck_returns_block")
        ),
        sa.CheckConstraint("kind IN ('return', 'complaint')", name=op.f("ck_returns_kind")),
        sa.CheckConstraint(
            "refund IN ('due', 'created', 'done', 'failed')", name=op.f("ck_returns_refund")
        ),
        sa.CheckConstraint(
            (
                "state IN ('requested', 'approved', 'sent_back', 'received', "
                "'refunded', 'refused', 'withdrawn')"
            ),
            name=op.f("ck_returns_state"),
        ),
        sa.CheckConstraint(
            "amount > 0 AND shipping BETWEEN 0 AND amount", name=op.f("ck_returns_amount")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
        sa.UniqueConstraint("seq", name=op.f("uq_returns_seq")),
        schema="returns",
    )
    op.create_index(
        "ix_returns_vendor_state",
        "returns",
        [
            "vendor_id",
            "state",
            sa.literal_column("requested_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="returns",
    )


def _upgrade_returns_indexes() -> None:
    op.create_index(
        "ix_returns_deadline",
        "returns",
        ["deadline_at"],
        unique=False,
        schema="returns",
        postgresql_where=sa.text("deadline_at IS NOT NULL"),
    )
    op.create_index(
        "ix_returns_due",
        "returns",
        ["due_at"],
        unique=False,
        schema="returns",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_returns_part",
        "returns",
        ["vendor_order_id", "requested_at"],
        unique=False,
        schema="returns",
    )
    op.create_index(
        "ix_returns_person",
        "returns",
        ["person_id", sa.literal_column("requested_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="returns",
    )
    op.create_index(
        "ix_returns_queue",
        "returns",
        [
            sa.literal_column("escalated DESC"),
            sa.literal_column("requested_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="returns",
    )
    op.create_index(
        "ix_returns_queue_state",
        "returns",
        [
            "state",
            sa.literal_column("escalated DESC"),
            sa.literal_column("requested_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="returns",
    )
    op.create_index(
        "ix_returns_vendor",
        "returns",
        ["vendor_id", sa.literal_column("requested_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        schema="returns",
    )


def _upgrade_tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("bought", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("refunded", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "open + greatest(refunded, known) <= bought", name=op.f("ck_tallies_bought")
        ),
        sa.CheckConstraint(
            "open >= 0 AND refunded >= 0 AND known >= 0", name=op.f("ck_tallies_positive")
        ),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_tallies")),
        schema="returns",
    )


def _upgrade_windows() -> None:
    op.create_table(
        "windows",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor_order_id", name=op.f("pk_windows")),
        schema="returns",
    )


def _upgrade_lines() -> None:
    op.create_table(
        "lines",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("variant_title", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_lines_quantity")),
        sa.CheckConstraint("received BETWEEN 0 AND quantity", name=op.f("ck_lines_received")),
        sa.ForeignKeyConstraint(
            ["return_id"], ["returns.returns.id"], name=op.f("fk_lines_return_id")
        ),
        sa.PrimaryKeyConstraint("return_id", "line_id", name=op.f("pk_lines")),
        schema="returns",
    )
    op.create_index("ix_lines_line", "lines", ["line_id"], unique=False, schema="returns")


def _upgrade_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "pictures",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["return_id"], ["returns.returns.id"], name=op.f("fk_messages_return_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        schema="returns",
    )
    op.create_index(
        "ix_messages_return", "messages", ["return_id", "seq"], unique=False, schema="returns"
    )
