"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Rows of these tables are written once. Whoever must correct one posts another transfer.
_REFUSE = """
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$
"""
_GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.{table}
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
"""


def upgrade() -> None:
    _upgrade_accounts()
    _upgrade_inbox()
    _upgrade_outbox()
    _upgrade_transfers()
    _upgrade_outcomes()
    op.execute(_REFUSE)
    for table in ("transfers", "outcomes"):
        op.execute(_GUARD.format(table=table))


def downgrade() -> None:
    op.drop_table("outcomes", schema="ledger")
    op.drop_index("ix_transfers_debit", table_name="transfers", schema="ledger")
    op.drop_index("ix_transfers_credit", table_name="transfers", schema="ledger")
    op.drop_table("transfers", schema="ledger")
    op.drop_table("outbox", schema="ledger")
    op.drop_table("inbox", schema="ledger")
    op.drop_table("accounts", schema="ledger")
    op.execute("DROP FUNCTION ledger.refuse_change")


def _upgrade_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("debits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pending_debits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pending_credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "kind <> 'escrow' OR credits - debits - pending_debits >= 0",
            name=op.f("ck_accounts_escrow_covered"),
        ),
        sa.CheckConstraint(
            "kind IN ('clearing', 'escrow', 'payable', 'commission', 'tax')",
            name=op.f("ck_accounts_kind"),
        ),
        sa.CheckConstraint(
            "debits >= 0 AND credits >= 0 AND pending_debits >= 0 AND pending_credits >= 0",
            name=op.f("ck_accounts_sums"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        schema="ledger",
        postgresql_with={"fillfactor": 70},
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
        schema="ledger",
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
        schema="ledger",
    )


def _upgrade_transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("debit_id", sa.Uuid(), nullable=False),
        sa.Column("credit_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reference", sa.Uuid(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_transfers_two_sides")),
        sa.CheckConstraint("minor > 0", name=op.f("ck_transfers_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        schema="ledger",
    )
    op.create_index(
        "ix_transfers_credit", "transfers", ["credit_id", "at", "id"], unique=False, schema="ledger"
    )
    op.create_index(
        "ix_transfers_debit", "transfers", ["debit_id", "at", "id"], unique=False, schema="ledger"
    )


def _upgrade_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["ledger.transfers.id"], name=op.f("fk_outcomes_transfer_id")
        ),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_outcomes")),
        schema="ledger",
    )
