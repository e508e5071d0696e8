"""A chain, expiry and more kinds of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KINDS = (
    "kind IN ('clearing', 'disputed', 'cash', 'fees', 'suspense', 'escrow', 'payable',"
    " 'reserve', 'commission', 'commission_tax', 'tax', 'wallet', 'exchange', 'custom')"
)
_COVERED = "kind NOT IN ('escrow', 'reserve', 'wallet') OR credits - debits - pending_debits >= 0"
_GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.chain
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
"""
_GUARD_ALL = """
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.{table}
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
"""
# Ends a post that cannot be written: 'short' names accounts, 'other' transfers, 'stale' nothing.
_REFUSE_POST = """
CREATE FUNCTION ledger.refuse_post(reason text, ids uuid[]) RETURNS uuid[] LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', reason
    USING ERRCODE = CASE reason WHEN 'short' THEN 'HL001' WHEN 'other' THEN 'HL002'
                                ELSE 'HL003' END,
          DETAIL = array_to_string(ids, ',');
END $$
"""
# What was written before there was a chain is sealed first of all.
_BACKLOG = """
INSERT INTO ledger.unsealed (row_id, outcome, hash)
SELECT id, false, hash FROM ledger.transfers
UNION ALL
SELECT transfer_id, true, hash FROM ledger.outcomes
"""


def upgrade() -> None:
    _upgrade_accounts()
    _upgrade_transfers()
    _upgrade_sealing()
    op.create_table(
        "expiring",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_expiring")),
        schema="ledger",
    )
    op.create_index(
        "ix_expiring_expires_at", "expiring", ["expires_at", "transfer_id"], schema="ledger"
    )
    op.execute(_GUARD)
    for table in ("transfers", "outcomes", "chain"):
        op.execute(_GUARD_ALL.format(table=table))
    op.execute(_REFUSE_POST)
    op.execute(_BACKLOG)


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger.refuse_post")
    for table in ("transfers", "outcomes"):
        op.execute(f"DROP TRIGGER never_emptied ON ledger.{table}")
    for table in ("expiring", "chain", "unsealed"):
        op.drop_table(table, schema="ledger")
    op.drop_index("ix_transfers_credit_pending", table_name="transfers", schema="ledger")
    op.drop_index("ix_transfers_debit_pending", table_name="transfers", schema="ledger")
    _constraint("transfers", "only_pending_expire", None)
    op.drop_column("transfers", "expires_at", schema="ledger")
    op.drop_index("ix_accounts_kind", table_name="accounts", schema="ledger")
    _constraint("accounts", "kind", None)
    _constraint("accounts", "covered", None)
    kinds = "kind IN ('clearing', 'escrow', 'payable', 'commission', 'tax')"
    covered = "kind <> 'escrow' OR credits - debits - pending_debits >= 0"
    op.create_check_constraint(op.f("ck_accounts_kind"), "accounts", kinds, schema="ledger")
    op.create_check_constraint(
        op.f("ck_accounts_escrow_covered"), "accounts", covered, schema="ledger"
    )


def _constraint(table: str, name: str, condition: str | None) -> None:
    """Replaces a CHECK; None: drops it."""
    full = op.f(f"ck_{table}_{name}")
    op.execute(f"ALTER TABLE ledger.{table} DROP CONSTRAINT IF EXISTS {full}")
    if condition is not None:
        op.create_check_constraint(full, table, condition, schema="ledger")


def _upgrade_accounts() -> None:
    _constraint("accounts", "escrow_covered", None)
    _constraint("accounts", "kind", _KINDS)
    _constraint("accounts", "covered", _COVERED)
    op.create_index("ix_accounts_kind", "accounts", ["kind", "id"], schema="ledger")


def _upgrade_transfers() -> None:
    op.add_column(
        "transfers",
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        schema="ledger",
    )
    _constraint("transfers", "only_pending_expire", "pending OR expires_at IS NULL")
    for side in ("debit", "credit"):
        op.create_index(
            f"ix_transfers_{side}_pending",
            "transfers",
            [f"{side}_id"],
            schema="ledger",
            postgresql_where=sa.text("pending"),
        )


def _upgrade_sealing() -> None:
    op.create_table(
        "unsealed",
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", "outcome", name=op.f("pk_unsealed")),
        schema="ledger",
    )
    op.create_table(
        "chain",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("position > 0", name=op.f("ck_chain_begins_at_one")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_chain")),
        sa.UniqueConstraint("row_id", "outcome", name=op.f("uq_chain_row_id_outcome")),
        schema="ledger",
    )
