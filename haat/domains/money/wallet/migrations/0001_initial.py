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
    _upgrade_moves()
    _upgrade_moves_more()
    _upgrade_outbox()
    _upgrade_rates()
    _upgrade_topups()
    _upgrade_wallets()
    _upgrade_withdrawals()
    _upgrade_claims()


def downgrade() -> None:
    _downgrade_claims()
    _downgrade_withdrawals()
    _downgrade_wallets()
    _downgrade_topups()
    _downgrade_rates()
    _downgrade_outbox()
    _downgrade_moves()
    _downgrade_inbox()


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
        schema="wallet",
    )


def _upgrade_moves() -> None:
    op.create_table(
        "moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Uuid(), nullable=True),
        sa.Column("credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("micro", sa.BigInteger(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('done', 'undone')) = (ended_at IS NOT NULL)", name=op.f("ck_moves_ended")
        ),
        sa.CheckConstraint(
            "kind IN ('topup', 'spent', 'refunded', 'withdrawn', 'granted', 'reversed')",
            name=op.f("ck_moves_kind"),
        ),
        sa.CheckConstraint("owner_id IS NOT NULL OR state = 'undone'", name=op.f("ck_moves_owned")),
        sa.CheckConstraint(
            "state IN ('asked', 'held', 'posting', 'voiding', 'done', 'undone')",
            name=op.f("ck_moves_state"),
        ),
        sa.CheckConstraint("credits >= 0 AND minor >= 0", name=op.f("ck_moves_positive")),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND minor AND refunded_credits BETWEEN 0 AND credits",
            name=op.f("ck_moves_refunded"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
        sa.UniqueConstraint("transfer_id", name=op.f("uq_moves_transfer_id")),
        schema="wallet",
    )
    op.create_index(
        "ix_moves_declined",
        "moves",
        ["created_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("decline_code IS NOT NULL"),
    )
    op.create_index(
        "ix_moves_done",
        "moves",
        ["ended_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("state = 'done'"),
    )


def _upgrade_moves_more() -> None:
    op.create_index(
        "ix_moves_parent",
        "moves",
        ["parent_id"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_moves_unfinished",
        "moves",
        ["touched_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("state IN ('posting', 'voiding')"),
    )
    op.create_index(
        "ix_moves_waiting",
        "moves",
        ["created_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("state IN ('asked', 'held')"),
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
        schema="wallet",
    )


def _upgrade_rates() -> None:
    op.create_table(
        "rates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("micro", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("micro BETWEEN 1 AND 1000000000000", name=op.f("ck_rates_micro")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rates")),
        sa.UniqueConstraint("currency", "valid_from", name="uq_rates_begin"),
        schema="wallet",
    )
    op.create_index("ix_rates_newest", "rates", ["valid_from", "id"], unique=False, schema="wallet")


def _upgrade_topups() -> None:
    op.create_table(
        "topups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("micro", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("next_action_url", sa.Text(), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("instructions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'needs_action', 'awaiting', 'paid', 'done', 'failed')",
            name=op.f("ck_topups_status"),
        ),
        sa.CheckConstraint("credits > 0 AND minor > 0", name=op.f("ck_topups_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topups")),
        schema="wallet",
    )
    op.create_index(
        "ix_topups_ended",
        "topups",
        ["ended_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(
        "ix_topups_owner", "topups", ["owner_id", "created_at", "id"], unique=False, schema="wallet"
    )
    op.create_index(
        "ix_topups_unfinished",
        "topups",
        ["touched_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("status IN ('open', 'paid')"),
    )


def _upgrade_wallets() -> None:
    op.create_table(
        "wallets",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_wallets")),
        schema="wallet",
    )
    op.create_index(
        "ix_wallets_frozen",
        "wallets",
        ["changed_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("frozen"),
    )


def _upgrade_withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("micro", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            (
                "status IN ('reserving', 'refused', 'requested', 'approved', "
                "'processing', 'paid', 'failed', 'rejected')"
            ),
            name=op.f("ck_withdrawals_status"),
        ),
        sa.CheckConstraint("credits > 0 AND minor > 0", name=op.f("ck_withdrawals_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        schema="wallet",
    )
    op.create_index(
        "ix_withdrawals_owner",
        "withdrawals",
        ["owner_id", "requested_at", "id"],
        unique=False,
        schema="wallet",
    )
    op.create_index(
        "ix_withdrawals_queue", "withdrawals", ["requested_at", "id"], unique=False, schema="wallet"
    )
    op.create_index(
        "ix_withdrawals_unfinished",
        "withdrawals",
        ["touched_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text(
            "status IN ('reserving', 'approved', 'processing') OR (status = "
            "'requested' AND outcome IS NOT NULL)"
        ),
    )


def _upgrade_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topup_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("followed", sa.Text(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('open', 'won', 'lost', 'refunded')", name=op.f("ck_claims_verdict")
        ),
        sa.CheckConstraint(
            "minor > 0 AND fee >= 0 AND credits >= 0", name=op.f("ck_claims_positive")
        ),
        sa.CheckConstraint("taken BETWEEN 0 AND credits", name=op.f("ck_claims_taken")),
        sa.ForeignKeyConstraint(
            ["topup_id"], ["wallet.topups.id"], name=op.f("fk_claims_topup_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        schema="wallet",
    )
    op.create_index("ix_claims_topup", "claims", ["topup_id"], unique=False, schema="wallet")
    op.create_index(
        "ix_claims_unfinished",
        "claims",
        ["touched_at"],
        unique=False,
        schema="wallet",
        postgresql_where=sa.text("followed IS DISTINCT FROM verdict"),
    )


def _downgrade_claims() -> None:
    op.drop_index(
        "ix_claims_unfinished",
        table_name="claims",
        schema="wallet",
        postgresql_where=sa.text("followed IS DISTINCT FROM verdict"),
    )
    op.drop_index("ix_claims_topup", table_name="claims", schema="wallet")
    op.drop_table("claims", schema="wallet")


def _downgrade_withdrawals() -> None:
    op.drop_index(
        "ix_withdrawals_unfinished",
        table_name="withdrawals",
        schema="wallet",
        postgresql_where=sa.text(
            "status IN ('reserving', 'approved', 'processing') OR (status = "
            "'requested' AND outcome IS NOT NULL)"
        ),
    )
    op.drop_index("ix_withdrawals_queue", table_name="withdrawals", schema="wallet")
    op.drop_index("ix_withdrawals_owner", table_name="withdrawals", schema="wallet")
    op.drop_table("withdrawals", schema="wallet")


def _downgrade_wallets() -> None:
    op.drop_index(
        "ix_wallets_frozen",
        table_name="wallets",
        schema="wallet",
        postgresql_where=sa.text("frozen"),
    )
    op.drop_table("wallets", schema="wallet")


def _downgrade_topups() -> None:
    op.drop_index(
        "ix_topups_unfinished",
        table_name="topups",
        schema="wallet",
        postgresql_where=sa.text("status IN ('open', 'paid')"),
    )
    op.drop_index("ix_topups_owner", table_name="topups", schema="wallet")
    op.drop_index(
        "ix_topups_ended",
        table_name="topups",
        schema="wallet",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.drop_table("topups", schema="wallet")


def _downgrade_rates() -> None:
    op.drop_index("ix_rates_newest", table_name="rates", schema="wallet")
    op.drop_table("rates", schema="wallet")


def _downgrade_outbox() -> None:
    op.drop_table("outbox", schema="wallet")


def _downgrade_moves() -> None:
    op.drop_index(
        "ix_moves_waiting",
        table_name="moves",
        schema="wallet",
        postgresql_where=sa.text("state IN ('asked', 'held')"),
    )
    op.drop_index(
        "ix_moves_unfinished",
        table_name="moves",
        schema="wallet",
        postgresql_where=sa.text("state IN ('posting', 'voiding')"),
    )
    op.drop_index(
        "ix_moves_parent",
        table_name="moves",
        schema="wallet",
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_moves_done",
        table_name="moves",
        schema="wallet",
        postgresql_where=sa.text("state = 'done'"),
    )
    op.drop_index(
        "ix_moves_declined",
        table_name="moves",
        schema="wallet",
        postgresql_where=sa.text("decline_code IS NOT NULL"),
    )
    op.drop_table("moves", schema="wallet")


def _downgrade_inbox() -> None:
    op.drop_table("inbox", schema="wallet")
