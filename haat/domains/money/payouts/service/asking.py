"""A payout is written with what it is made of: parts of movements on the vendor's balance.

The vendor's bank account is the row that two askers wait for: what the first took is not there
for the second, so that no movement is paid twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.payouts.api import (
    BalanceTooLow,
    BelowThreshold,
    NoDestination,
    PayoutsHeld,
    Policy,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Problem
from haat.kernel.money import Money

LOCK_VENDORS = Sql("""
SELECT vendor_id FROM payouts.destinations WHERE vendor_id = ANY($1::uuid[])
 ORDER BY vendor_id FOR NO KEY UPDATE
""")

# One payout for each vendor given, of `minor` or (NULL) of all there is. What lowers the balance
# is taken first, then what came first; the last part is cut so that the items add up to the
# payout. A vendor to whom nothing can be paid gets no row.
ASK = Sql("""
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS g (id, vendor_id, minor)
), open AS (
  SELECT m.id, m.vendor_id, m.minor - m.taken AS left_minor,
         (sum(m.minor - m.taken) OVER (PARTITION BY m.vendor_id ORDER BY m.minor > 0, m.at, m.id
                                       ROWS UNBOUNDED PRECEDING))::bigint AS upto,
         (sum(m.minor - m.taken) OVER (PARTITION BY m.vendor_id))::bigint AS free
    FROM payouts.movements m JOIN given USING (vendor_id)
   WHERE m.currency = $4 AND m.taken <> m.minor
), born AS (
  INSERT INTO payouts.payouts (id, vendor_id, currency, minor, holder, account, bic,
                               destination_ref, method, trigger, automatic, status, requested_at,
                               touched_at)
  SELECT g.id, vendor_id, $4, coalesce(g.minor, o.free), d.holder, d.account, d.bic,
         d.provider_ref, $10, $6,
         coalesce(g.minor, o.free) <= coalesce(t.auto_approve_minor, $8), 'reserving', $5, $5
    FROM given g JOIN payouts.destinations d USING (vendor_id)
    JOIN (SELECT DISTINCT vendor_id, free FROM open) o USING (vendor_id)
    LEFT JOIN payouts.terms t USING (vendor_id)
   WHERE coalesce(g.minor, o.free)
         BETWEEN greatest(coalesce(t.threshold_minor, $7), 1) AND o.free
     AND (d.held_until IS NULL OR d.held_until <= $5)
     AND NOT coalesce(t.held, false) AND (t.verified_at IS NOT NULL OR NOT $9)
   ORDER BY g.id
  ON CONFLICT (id) DO NOTHING
  RETURNING *
), part AS (
  SELECT b.id AS payout_id, o.id,
         CASE WHEN o.left_minor < 0 THEN o.left_minor
              ELSE least(o.left_minor, b.minor - (o.upto - o.left_minor)) END AS minor
    FROM open o JOIN born b USING (vendor_id)
   WHERE o.left_minor < 0 OR b.minor > o.upto - o.left_minor
), item AS (
  INSERT INTO payouts.payout_items (payout_id, movement_id, minor)
  SELECT payout_id, id, minor FROM part
), taken AS (
  UPDATE payouts.movements m SET taken = m.taken + part.minor FROM part WHERE m.id = part.id
)
SELECT * FROM born
""")

# Why nothing was written.
STANDING = Sql("""
SELECT d.vendor_id IS NOT NULL AS reachable, coalesce(t.held, false) AS held,
       t.verified_at IS NULL AND $4 AS unknown, coalesce(d.held_until > $5, false) AS cooling,
       greatest(coalesce(t.threshold_minor, $3), 1) AS threshold,
       (SELECT coalesce(sum(m.minor - m.taken), 0)::bigint FROM payouts.movements m
         WHERE m.vendor_id = given.vendor_id AND m.currency = $2 AND m.taken <> m.minor) AS free
  FROM (SELECT $1::uuid AS vendor_id) given
  LEFT JOIN payouts.destinations d USING (vendor_id)
  LEFT JOIN payouts.terms t USING (vendor_id)
""")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One payout to be written; `minor` None: all there is."""

    id: UUID
    vendor_id: UUID
    minor: int | None = None


async def asked(
    db: Database,
    ctx: Context,
    wanted: Sequence[Wanted],
    currency: str,
    policy: Policy,
    trigger: Literal["request", "schedule"],
) -> list[Record]:
    """The payouts that could be written; at most one per vendor is wanted."""
    async with db.begin(ctx) as tx:
        await tx.fetch(LOCK_VENDORS, [one.vendor_id for one in wanted])
        return await tx.fetch(
            ASK,
            [one.id for one in wanted],
            [one.vendor_id for one in wanted],
            [one.minor for one in wanted],
            currency,
            ctx.now(),
            trigger,
            policy.threshold_minor,
            policy.auto_approve_minor,
            policy.kyc_required,
            policy.method,
        )


async def why_not(
    db: Database,
    vendor_id: UUID,
    minor: int | None,
    currency: str,
    policy: Policy,
    now: datetime,
) -> Problem:
    """What keeps this vendor from being paid that much."""
    row = await db.fetchrow(
        STANDING, vendor_id, currency, policy.threshold_minor, policy.kyc_required, now
    )
    assert row is not None
    standing = (("hold", row["held"]), ("kyc", row["unknown"]), ("cooling_off", row["cooling"]))
    blockers = [name for name, on in standing if on]
    if blockers:
        return PayoutsHeld(blockers=blockers)
    if not row["reachable"]:
        return NoDestination()
    free = Money(minor=row["free"], currency=currency)
    asked_for = free.minor if minor is None else minor
    if asked_for < row["threshold"] and row["threshold"] > 1:
        threshold = Money(minor=row["threshold"], currency=currency)
        return BelowThreshold(threshold=threshold.model_dump(), available=free.model_dump())
    return BalanceTooLow(available=free.model_dump())
