"""Earnings under lock, and the forecasts that every change of them issues.

Whoever changes an earning locks its row first and reads its lines after that, so that two changes
of one vendor order come one after the other; the lines are written back as they were computed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import Policy
from haat.domains.money.payouts.rules import Effective
from haat.engines.sql import Database, Sql, Tx

POLICY = Sql("SELECT settings FROM payouts.policies ORDER BY number DESC LIMIT 1")

LOCK = Sql("""
SELECT * FROM payouts.earnings WHERE vendor_order_id = ANY($1::uuid[])
 ORDER BY vendor_order_id FOR NO KEY UPDATE
""")

# After the lock, in a statement of its own: what it reads is newer than the lock.
LINES = Sql("""
SELECT * FROM payouts.earning_lines WHERE vendor_order_id = ANY($1::uuid[])
 ORDER BY vendor_order_id, position
""")

FACTS = Sql("""
SELECT e.vendor_order_id, t.reserve_bp, t.reserve_days, t.schedule,
       array(SELECT b.kind FROM payouts.blocks b
              WHERE b.vendor_order_id = e.vendor_order_id AND b.lifted_at IS NULL
              ORDER BY b.kind) AS blocks,
       (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.leg), '[]')
          FROM payouts.earning_sources s
         WHERE s.vendor_order_id = e.vendor_order_id) AS sources
  FROM payouts.earnings e LEFT JOIN payouts.terms t ON t.vendor_id = e.vendor_id
 WHERE e.vendor_order_id = ANY($1::uuid[])
""")

SAVE = Sql("""
WITH kept AS (
  UPDATE payouts.earning_lines l
     SET refunded_net = g.refunded_net, refunded_commission = g.refunded_commission,
         refunded_commission_tax = g.refunded_commission_tax, refunded_tax = g.refunded_tax,
         fees = g.fees, cash_returned = g.cash_returned, accrued_net = g.accrued_net,
         accrued_cash = g.accrued_cash, accrued_reserve = g.accrued_reserve,
         released = g.released, forecasts = g.forecasts, forecast_net = g.forecast_net
    FROM jsonb_to_recordset($1::jsonb) AS g (
         id uuid, refunded_net bigint, refunded_commission bigint, refunded_commission_tax bigint,
         refunded_tax bigint, fees bigint, cash_returned bigint, accrued_net bigint,
         accrued_cash bigint, accrued_reserve bigint, released bigint, forecasts int,
         forecast_net bigint)
   WHERE l.id = g.id
)
INSERT INTO payouts.forecasts (line_id, number, vendor_order_id, cause, cause_id, net, change,
                               deductions, expected_at, blockers, paid, issued_at)
SELECT line_id, number, vendor_order_id, cause, cause_id, net, change, deductions, expected_at,
       blockers, paid, $3
  FROM jsonb_to_recordset($2::jsonb) AS f (
       line_id uuid, number int, vendor_order_id uuid, cause text, cause_id uuid, net bigint,
       change bigint, deductions jsonb, expected_at timestamptz, blockers text[], paid bigint)
""")

_SAVED = (
    "id refunded_net refunded_commission refunded_commission_tax refunded_tax fees cash_returned"
    " accrued_net accrued_cash accrued_reserve released forecasts forecast_net"
).split()


@dataclass(slots=True)
class Held:
    """An earning whose row we hold: its own copy of everything, to compute with."""

    earning: dict[str, Any]
    lines: list[dict[str, Any]]
    blocks: list[str]
    sources: list[dict[str, Any]]
    rule: Effective

    @property
    def id(self) -> UUID:
        found: UUID = self.earning["vendor_order_id"]
        return found


async def policy_now(db: Database) -> Policy:
    """The newest one, or the defaults."""
    settings = await db.fetchval(POLICY)
    return Policy() if settings is None else Policy.model_validate(settings)


async def locked(tx: Tx, ids: Sequence[UUID], policy: Policy) -> dict[UUID, Held]:
    """These earnings, theirs until the transaction ends; unknown ones are left out."""
    rows = await tx.fetch(LOCK, ids)
    if not rows:
        return {}
    known = [row["vendor_order_id"] for row in rows]
    facts = {row["vendor_order_id"]: row for row in await tx.fetch(FACTS, known)}
    found = {
        row["vendor_order_id"]: Held(
            earning=dict(row),
            lines=[],
            blocks=list(facts[row["vendor_order_id"]]["blocks"]),
            sources=list(facts[row["vendor_order_id"]]["sources"]),
            rule=rules.effective(policy, facts[row["vendor_order_id"]]),
        )
        for row in rows
    }
    for line in await tx.fetch(LINES, known):
        found[line["vendor_order_id"]].lines.append(dict(line))
    return found


@dataclass(frozen=True, slots=True)
class Cause:
    """Which event issues a forecast. The same one issues once for a line."""

    name: str
    id: UUID


def issue(
    held: Held, cause: Cause, now: datetime, only: Iterable[UUID] | None = None
) -> list[dict[str, Any]]:
    """The next forecast of the lines (or `only` these), as `save` writes them."""
    wanted = None if only is None else set(only)
    found = []
    for line in held.lines:
        if wanted is not None and line["id"] not in wanted:
            continue
        expected_at, blockers = rules.outlook(held.earning, line, held.blocks, held.rule, now)
        net = rules.net_of(line)
        change = net - line["forecast_net"]
        line["forecasts"] += 1
        line["forecast_net"] = net
        found.append(
            {
                "line_id": line["id"],
                "number": line["forecasts"],
                "vendor_order_id": held.id,
                "cause": cause.name,
                "cause_id": cause.id,
                "net": net,
                "change": change,
                "deductions": rules.deductions(line, held.earning["release_at"]),
                "expected_at": expected_at,
                "blockers": blockers,
                "paid": rules.paid_of(line),
            }
        )
    return found


async def save(
    tx: Tx, now: datetime, held: Iterable[Held], forecasts: Sequence[dict[str, Any]]
) -> None:
    """The lines as they were changed, and the forecasts that say so."""
    lines = [{name: line[name] for name in _SAVED} for one in held for line in one.lines]
    await tx.execute(SAVE, lines, list(forecasts), now)
