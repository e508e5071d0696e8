"""Credits and bank transfers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Quotes of before know a line's rate of commission only: no tax on it, nothing taken of shipping.
OLD_QUOTES = """
UPDATE checkout.quotes q SET document = q.document || jsonb_build_object('groups', (
  SELECT jsonb_agg(g.one || jsonb_build_object(
           'shippingCommission', zero.money, 'shippingCommissionTax', zero.money,
           'commissionTax', zero.money, 'shippingTerms', jsonb_build_object('source', 'none'),
           'lines', (
             SELECT jsonb_agg((l.one - 'commissionBp') || jsonb_build_object(
                      'commissionTax', zero.money,
                      'terms', jsonb_build_object(
                        'source',
                        CASE WHEN l.one -> 'commissionBp' = '0' THEN 'none' ELSE 'default' END,
                        'rateBp', l.one -> 'commissionBp',
                        'baseMinor', (l.one -> 'amount' ->> 'minor')::bigint
                          - CASE WHEN (q.document ->> 'pricesIncludeTax')::boolean
                                 THEN (l.one -> 'tax' ->> 'minor')::bigint ELSE 0 END))
                    ORDER BY l.place)
               FROM jsonb_array_elements(g.one -> 'lines') WITH ORDINALITY AS l (one, place)))
         ORDER BY g.place)
    FROM jsonb_array_elements(q.document -> 'groups') WITH ORDINALITY AS g (one, place),
         (SELECT jsonb_build_object('minor', 0, 'currency',
                   q.document -> 'totals' -> 'total' -> 'currency') AS money) zero))
"""


def upgrade() -> None:
    for column in (
        sa.Column("saved_id", sa.Uuid()),
        sa.Column("save", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("credits", sa.BigInteger()),
        sa.Column("instructions", postgresql.JSONB(astext_type=sa.Text())),
    ):
        op.add_column("checkouts", column, schema="checkout")
    op.create_check_constraint(
        op.f("ck_checkouts_credits"), "checkouts", "credits > 0", schema="checkout"
    )
    op.execute(OLD_QUOTES)


def downgrade() -> None:
    """Quotes keep what they learnt; readers of before skip it."""
    op.drop_constraint(op.f("ck_checkouts_credits"), "checkouts", schema="checkout", type_="check")
    for name in ("instructions", "credits", "save", "saved_id"):
        op.drop_column("checkouts", name, schema="checkout")
