"""Re-derives what earnings say was refunded and accrued, and how payouts ended.

Whether the ledger holds the same is asked by `Payouts.reconcile`.
"""

from haat.engines.sql import Database, Sql

EARNINGS = Sql("""
WITH back AS (
  SELECT vendor_order_id, sum(net) AS net, sum(commission) AS commission, sum(tax) AS tax,
         coalesce(sum(net) FILTER (WHERE NOT after_accrual), 0) AS early_net,
         coalesce(sum(commission) FILTER (WHERE NOT after_accrual), 0) AS early_commission,
         coalesce(sum(tax) FILTER (WHERE NOT after_accrual), 0) AS early_tax,
         bool_or(after_accrual) AS after_accrual
    FROM payouts.reversals GROUP BY vendor_order_id
), checked AS (
SELECT e.vendor_order_id, e.order_number,
       CASE
         WHEN e.gross <> e.net + e.commission + e.tax THEN
           format('gross %s is not net %s + commission %s + tax %s',
                  e.gross, e.net, e.commission, e.tax)
         WHEN (e.refunded_net, e.refunded_commission, e.refunded_tax) IS DISTINCT FROM
              (coalesce(b.net, 0), coalesce(b.commission, 0), coalesce(b.tax, 0)) THEN
           format('refunded net %s, commission %s, tax %s, but its reversals add up to %s, %s, %s',
                  e.refunded_net, e.refunded_commission, e.refunded_tax,
                  coalesce(b.net, 0), coalesce(b.commission, 0), coalesce(b.tax, 0))
         WHEN e.stage = 'pending' AND coalesce(b.after_accrual, false) THEN
           'a reversal after an accrual that never was'
         WHEN e.stage <> 'pending' AND (e.accrued_net, e.accrued_commission, e.accrued_tax)
              IS DISTINCT FROM (e.net - coalesce(b.early_net, 0),
                                e.commission - coalesce(b.early_commission, 0),
                                e.tax - coalesce(b.early_tax, 0)) THEN
           format('accrued net %s, commission %s, tax %s, expected %s, %s, %s',
                  e.accrued_net, e.accrued_commission, e.accrued_tax,
                  e.net - coalesce(b.early_net, 0), e.commission - coalesce(b.early_commission, 0),
                  e.tax - coalesce(b.early_tax, 0))
       END AS fault
  FROM payouts.earnings e LEFT JOIN back b USING (vendor_order_id)
)
SELECT vendor_order_id, order_number, fault FROM checked
 WHERE fault IS NOT NULL ORDER BY vendor_order_id LIMIT $1
""")

ENDINGS = Sql("""
SELECT id, status, outcome FROM payouts.payouts
 WHERE (status IN ('paid', 'failed', 'rejected') AND status IS DISTINCT FROM outcome)
    OR (status = 'paid') <> (paid_at IS NOT NULL)
 ORDER BY requested_at, id LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    found = [
        f"payouts: earning of vendor order {row['vendor_order_id']} ({row['order_number']}):"
        f" {row['fault']}"
        for row in await db.fetch(EARNINGS, limit)
    ]
    if len(found) < limit:
        found += [
            f"payouts: payout {row['id']} is {row['status']}, but it ended {row['outcome']}"
            for row in await db.fetch(ENDINGS, limit - len(found))
        ]
    return found
