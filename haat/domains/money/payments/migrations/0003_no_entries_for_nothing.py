"""Indexes of references leave out payments that have none.

Every version of a row that a sale writes, four of them, was entered under a transfer's reference
that it does not have.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace(
        sa.text("transfer_ref IS NOT NULL"),
        sa.text("provider_ref IS NOT NULL"),
    )


def downgrade() -> None:
    _replace(None, None)


def _replace(transfer: sa.TextClause | None, provider: sa.TextClause | None) -> None:
    for name, columns, unique, where in (
        ("uq_payments_transfer_ref", ["transfer_ref"], True, transfer),
        ("ix_payments_provider_ref", ["provider", "provider_ref"], False, provider),
    ):
        op.drop_index(name, table_name="payments", schema="payments")
        op.create_index(
            name, "payments", columns, unique=unique, schema="payments", postgresql_where=where
        )
