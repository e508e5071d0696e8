"""Earnings, reversals and payouts as they were get lines, sources, movements and forecasts."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNFINISHED = (
    "status IN ('reserving', 'approved', 'processing')"
    " OR (status = 'requested' AND outcome IS NOT NULL)"
)
_CHECKS = {
    "ck_earnings_adds_up": (
        "gross = net + commission + tax",
        "gross = net + commission + commission_tax + tax",
    ),
    "ck_earnings_parts": (
        "net >= 0 AND commission >= 0 AND tax >= 0",
        "net >= 0 AND commission >= 0 AND commission_tax >= 0 AND tax >= 0",
    ),
    "ck_earnings_refunded": (
        "refunded_net BETWEEN 0 AND net AND refunded_commission BETWEEN 0 AND commission"
        " AND refunded_tax BETWEEN 0 AND tax",
        "refunded_net BETWEEN 0 AND net AND refunded_commission BETWEEN 0 AND commission"
        " AND refunded_commission_tax BETWEEN 0 AND commission_tax"
        " AND refunded_tax BETWEEN 0 AND tax",
    ),
    "ck_reversals_parts": (
        "net >= 0 AND commission >= 0 AND tax >= 0",
        "net >= 0 AND commission >= 0 AND commission_tax >= 0 AND tax >= 0",
    ),
}


def _columns() -> dict[str, list[Any]]:
    def minor(name: str) -> Any:
        return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)

    def word(name: str, default: str) -> Any:
        given = sa.text(f"'{default}'")
        return sa.Column(name, sa.Text(), server_default=given, nullable=False)

    def flag(name: str) -> Any:
        return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)

    def time(name: str) -> Any:
        return sa.Column(name, sa.DateTime(timezone=True), nullable=True)

    jsonb = postgresql.JSONB(astext_type=sa.Text())
    return {
        "destinations": [word("bic", ""), sa.Column("provider_ref", sa.Text(), nullable=True)],
        "earnings": [
            *map(minor, ("commission_tax", "refunded_commission_tax", "fees")),
            *map(minor, ("accrued_commission_tax", "accrued_cash", "accrued_reserve")),
            word("reserve_stage", "none"),
            sa.Column("reserve_bp", sa.Integer(), server_default=sa.text("0"), nullable=False),
            *map(time, ("release_at", "sold_at", "window_closes_at", "due_at")),
        ],
        "payouts": [
            word("bic", ""),
            sa.Column("destination_ref", sa.Text(), nullable=True),
            word("method", "test"),
            word("trigger", "request"),
            *map(flag, ("automatic", "ownerless", "clear")),
            sa.Column("approved_by", sa.Text(), nullable=True),
            sa.Column("bank_file_id", sa.Uuid(), nullable=True),
        ],
        "reversals": [
            word("cause", "refund"),
            *map(minor, ("commission_tax", "fee", "fee_tax", "provider_fee")),
            word("fee_provider", ""),
            *map(minor, ("borne_fee", "cash", "released")),
            sa.Column("sources", jsonb, server_default=sa.text("'[]'"), nullable=False),
        ],
    }


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column, schema="payouts")
    op.execute("UPDATE payouts.earnings SET sold_at = created_at")
    op.alter_column("earnings", "sold_at", nullable=False, schema="payouts")
    for name, (_, new) in _CHECKS.items():
        _check(name, new)
    _check(
        "ck_earnings_reserve_stage",
        "reserve_stage IN ('none', 'held', 'releasing', 'released')",
    )
    _index(
        "ix_earnings_reserved",
        "earnings",
        ["release_at"],
        "reserve_stage IN ('held', 'releasing')",
    )
    _index(
        "ix_payouts_bank",
        "payouts",
        ["requested_at", "id"],
        "method = 'bank' AND bank_file_id IS NULL",
    )
    _index("ix_payouts_file", "payouts", ["bank_file_id"], "bank_file_id IS NOT NULL")
    op.drop_index("ix_payouts_unfinished", table_name="payouts", schema="payouts")
    _index(
        "ix_payouts_unfinished",
        "payouts",
        ["touched_at"],
        _UNFINISHED + " OR (status = 'refused' AND NOT clear)",
    )
    for statement in (_OWNERLESS, _REVERSALS, _LINES, _SOURCES, _REVERSAL_LINES, _MOVEMENTS):
        op.execute(statement)
    _share_out(op.get_bind())
    for statement in (_PAID, _FORECASTS):
        op.execute(statement)


def downgrade() -> None:
    for name in ("ix_earnings_reserved", "ix_payouts_bank", "ix_payouts_file"):
        op.drop_index(name, table_name=name.split("_")[1], schema="payouts")
    op.drop_index("ix_payouts_unfinished", table_name="payouts", schema="payouts")
    _index("ix_payouts_unfinished", "payouts", ["touched_at"], _UNFINISHED)
    op.execute("ALTER TABLE payouts.earnings DROP CONSTRAINT ck_earnings_reserve_stage")
    for name, (old, _) in _CHECKS.items():
        _check(name, old)
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name, schema="payouts")


def _check(name: str, condition: str) -> None:
    table = name.split("_")[1]
    op.execute(f"ALTER TABLE payouts.{table} DROP CONSTRAINT IF EXISTS {name}")
    op.create_check_constraint(op.f(name), table, condition, schema="payouts")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, unique=False, schema="payouts", postgresql_where=sa.text(where)
    )


# Their pending transfers stand on clearing accounts without an owner.
_OWNERLESS = "UPDATE payouts.payouts SET ownerless = true"

_REVERSALS = """
UPDATE payouts.reversals
   SET sources = jsonb_build_array(jsonb_build_object(
         'source', '', 'leg', '', 'provider', '', 'minor', net + commission + tax))
"""

# A vendor order is one line, called as the vendor order itself.
_LINES = """
INSERT INTO payouts.earning_lines
       (id, vendor_order_id, vendor_id, position, kind, title, quantity, category_path,
        unit_price, base, gross, commission, commission_tax, tax, net, terms, sold_at,
        refunded_commission, refunded_tax, refunded_net, accrued_net, forecasts, forecast_net)
SELECT vendor_order_id, vendor_order_id, vendor_id, 0, 'whole', '', 1, '{}', gross - tax,
       gross - tax, gross, commission, 0, tax, net, '{"source": "none"}', created_at,
       refunded_commission, refunded_tax, refunded_net, accrued_net, 1, net - refunded_net
  FROM payouts.earnings
"""

_SOURCES = """
INSERT INTO payouts.earning_sources (vendor_order_id, source, leg, minor, refunded)
SELECT vendor_order_id, '', '', gross, refunded_net + refunded_commission + refunded_tax
  FROM payouts.earnings
"""

_REVERSAL_LINES = """
INSERT INTO payouts.reversal_lines (refund_id, line_id, commission, commission_tax, tax, net, fee,
                                    fee_tax, provider_fee, cash, released)
SELECT refund_id, vendor_order_id, commission, 0, tax, net, 0, 0, 0, 0, 0 FROM payouts.reversals
"""

_MOVEMENTS = """
INSERT INTO payouts.movements (vendor_id, currency, kind, vendor_order_id, line_id, cause_id,
                               minor, at)
SELECT vendor_id, currency, kind, vendor_order_id, vendor_order_id, cause_id, minor, at FROM (
  SELECT vendor_id, currency, 'earning' AS kind, vendor_order_id, vendor_order_id AS cause_id,
         accrued_net AS minor, eligible_at AS at
    FROM payouts.earnings WHERE stage = 'eligible'
  UNION ALL
  SELECT e.vendor_id, e.currency, 'reversal', e.vendor_order_id, r.refund_id, -r.net,
         r.created_at
    FROM payouts.reversals r JOIN payouts.earnings e USING (vendor_order_id)
   WHERE r.after_accrual AND r.posted
) AS old WHERE minor <> 0 ORDER BY at, cause_id
"""

_TAKEN = """
UPDATE payouts.movements m SET taken = given.taken, paid = given.paid
  FROM (SELECT i.movement_id, sum(i.minor) AS taken,
               coalesce(sum(i.minor) FILTER (WHERE p.status = 'paid'), 0) AS paid
          FROM payouts.payout_items i JOIN payouts.payouts p ON p.id = i.payout_id
         GROUP BY i.movement_id) AS given
 WHERE m.id = given.movement_id
"""

_PAID = """
UPDATE payouts.earning_lines l SET paid = m.paid
  FROM (SELECT line_id, sum(paid) AS paid FROM payouts.movements GROUP BY line_id) m
 WHERE l.id = m.line_id
"""

_FORECASTS = """
INSERT INTO payouts.forecasts (line_id, number, vendor_order_id, cause, cause_id, net, change,
                               deductions, blockers, paid, issued_at)
SELECT l.id, 1, l.vendor_order_id, 'sold', l.vendor_order_id, l.forecast_net, l.forecast_net,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'minor', minor, 'why', why)),
                        '[]')
          FROM (VALUES ('commission', l.commission - l.refunded_commission, 'Commission'),
                       ('tax', l.tax - l.refunded_tax, 'Sales tax, owed to the state'),
                       ('refund', l.refunded_net + l.refunded_commission + l.refunded_tax,
                        'Given back to the customer')) AS d (kind, minor, why)
         WHERE minor <> 0),
       CASE WHEN e.stage <> 'eligible' THEN ARRAY['return_window']
            WHEN l.forecast_net > l.paid THEN ARRAY['schedule']
            WHEN l.forecast_net < l.paid THEN ARRAY['negative_balance']
            ELSE ARRAY[]::text[] END,
       l.paid, e.created_at
  FROM payouts.earning_lines l JOIN payouts.earnings e USING (vendor_order_id)
"""


def _share_out(bind: Any) -> None:
    """Each payout gets its items as it would have taken them: what lowered the balance first,
    then what came first."""
    payouts = bind.execute(
        sa.text(
            "SELECT id, vendor_id, currency, minor, status, requested_at FROM payouts.payouts"
            " WHERE status NOT IN ('failed', 'rejected', 'refused') ORDER BY requested_at, id"
        )
    ).all()
    if not payouts:
        return
    left: dict[tuple[Any, str], list[list[Any]]] = {}
    for row in bind.execute(
        sa.text("SELECT id, vendor_id, currency, minor, at FROM payouts.movements ORDER BY at, id")
    ):
        left.setdefault((row.vendor_id, row.currency), []).append([row.id, row.minor, row.at])
    items = [
        {"payout_id": payout.id, "movement_id": id, "minor": minor}
        for payout in payouts
        for id, minor in _taken(left.get((payout.vendor_id, payout.currency), []), payout)
    ]
    if items:
        bind.execute(
            sa.text(
                "INSERT INTO payouts.payout_items (payout_id, movement_id, minor)"
                " VALUES (:payout_id, :movement_id, :minor)"
            ),
            items,
        )
    bind.execute(sa.text(_TAKEN))


def _taken(movements: list[list[Any]], payout: Any) -> Iterator[tuple[int, int]]:
    """(movement, minor); lowers what is left of the movements."""
    wanted = payout.minor
    for one in movements:
        if one[1] < 0 and one[2] <= payout.requested_at:
            wanted -= one[1]
            yield one[0], one[1]
            one[1] = 0
    for one in movements:
        part = min(max(one[1], 0), wanted)
        if part:
            wanted -= part
            one[1] -= part
            yield one[0], part
