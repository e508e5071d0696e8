"""Re-derives what earnings, movements, payouts and forecasts say of one another.

Whether the ledger holds the same is asked by `Payouts.reconcile`. Each statement answers what does
not add up as (subject, fault).
"""

from haat.engines.sql import Database, Sql

EARNINGS = Sql("""
WITH line AS (
  SELECT vendor_order_id, sum(gross) AS gross, sum(net) AS net, sum(commission) AS commission,
         sum(commission_tax) AS commission_tax, sum(tax) AS tax, sum(fees) AS fees,
         sum(refunded_net) AS refunded_net, sum(refunded_commission) AS refunded_commission,
         sum(refunded_commission_tax) AS refunded_commission_tax,
         sum(refunded_tax) AS refunded_tax, sum(accrued_net) AS accrued_net,
         sum(accrued_cash) AS accrued_cash, sum(accrued_reserve) AS accrued_reserve,
         sum(cash) AS cash, sum(cash_returned) AS cash_returned
    FROM payouts.earning_lines GROUP BY vendor_order_id
), source AS (
  SELECT vendor_order_id, sum(minor) AS minor, sum(refunded) AS refunded,
         coalesce(sum(minor) FILTER (WHERE source = '+collected'), 0) AS cash,
         coalesce(sum(refunded) FILTER (WHERE source = '+collected'), 0) AS cash_returned
    FROM payouts.earning_sources GROUP BY vendor_order_id
), back AS (
  SELECT vendor_order_id, sum(net) AS net, sum(commission) AS commission,
         sum(commission_tax) AS commission_tax, sum(tax) AS tax,
         coalesce(sum(net) FILTER (WHERE NOT after_accrual), 0) AS early_net,
         coalesce(sum(commission) FILTER (WHERE NOT after_accrual), 0) AS early_commission,
         coalesce(sum(commission_tax) FILTER (WHERE NOT after_accrual), 0) AS early_tax_of_it,
         coalesce(sum(tax) FILTER (WHERE NOT after_accrual), 0) AS early_tax,
         bool_or(after_accrual) AS after_accrual
    FROM payouts.reversals GROUP BY vendor_order_id
), checked AS (
SELECT e.vendor_order_id, e.order_number,
       CASE
         WHEN e.gross <> e.net + e.commission + e.commission_tax + e.tax THEN
           format('gross %s is not net %s + commission %s + commission tax %s + tax %s',
                  e.gross, e.net, e.commission, e.commission_tax, e.tax)
         WHEN (e.gross, e.net, e.commission, e.commission_tax, e.tax) IS DISTINCT FROM
              (l.gross, l.net, l.commission, l.commission_tax, l.tax) THEN
           format('gross %s, net %s, commission %s + %s, tax %s, its lines'' %s, %s, %s + %s, %s',
                  e.gross, e.net, e.commission, e.commission_tax, e.tax,
                  l.gross, l.net, l.commission, l.commission_tax, l.tax)
         WHEN (e.refunded_net, e.refunded_commission, e.refunded_commission_tax, e.refunded_tax)
              IS DISTINCT FROM (coalesce(b.net, 0), coalesce(b.commission, 0),
                                coalesce(b.commission_tax, 0), coalesce(b.tax, 0)) THEN
           format('refunded net %s, commission %s + %s, tax %s, but its reversals add up to'
                  ' %s, %s + %s, %s', e.refunded_net, e.refunded_commission,
                  e.refunded_commission_tax, e.refunded_tax, coalesce(b.net, 0),
                  coalesce(b.commission, 0), coalesce(b.commission_tax, 0), coalesce(b.tax, 0))
         WHEN (e.refunded_net, e.refunded_commission, e.refunded_commission_tax, e.refunded_tax,
               e.fees) IS DISTINCT FROM (l.refunded_net, l.refunded_commission,
                                         l.refunded_commission_tax, l.refunded_tax, l.fees) THEN
           'refunds and fees are not its lines'''
         WHEN s.minor <> e.gross OR s.refunded <> l.refunded_net + l.refunded_commission
              + l.refunded_commission_tax + l.refunded_tax THEN
           format('its sources paid %s and got back %s', s.minor, s.refunded)
         WHEN (s.cash, s.cash_returned) <> (l.cash, l.cash_returned) THEN
           format('collected %s in cash and gave back %s, its lines say %s and %s',
                  s.cash, s.cash_returned, l.cash, l.cash_returned)
         WHEN e.stage = 'pending' AND coalesce(b.after_accrual, false) THEN
           'a reversal after an accrual that never was'
         WHEN e.stage <> 'pending' AND
              (e.accrued_net, e.accrued_commission, e.accrued_commission_tax, e.accrued_tax)
              IS DISTINCT FROM (e.net - coalesce(b.early_net, 0),
                                e.commission - coalesce(b.early_commission, 0),
                                e.commission_tax - coalesce(b.early_tax_of_it, 0),
                                e.tax - coalesce(b.early_tax, 0)) THEN
           format('accrued net %s, commission %s + %s, tax %s, expected %s, %s + %s, %s',
                  e.accrued_net, e.accrued_commission, e.accrued_commission_tax, e.accrued_tax,
                  e.net - coalesce(b.early_net, 0), e.commission - coalesce(b.early_commission, 0),
                  e.commission_tax - coalesce(b.early_tax_of_it, 0),
                  e.tax - coalesce(b.early_tax, 0))
         WHEN (e.accrued_net, e.accrued_cash, e.accrued_reserve) IS DISTINCT FROM
              (l.accrued_net, l.accrued_cash, l.accrued_reserve) THEN
           format('accrued net %s, cash %s, reserve %s, its lines'' %s, %s, %s', e.accrued_net,
                  e.accrued_cash, e.accrued_reserve, l.accrued_net, l.accrued_cash,
                  l.accrued_reserve)
       END AS fault
  FROM payouts.earnings e LEFT JOIN line l USING (vendor_order_id)
  LEFT JOIN source s USING (vendor_order_id) LEFT JOIN back b USING (vendor_order_id)
)
SELECT format('earning of vendor order %s (%s)', vendor_order_id, order_number) AS subject, fault
  FROM checked WHERE fault IS NOT NULL ORDER BY vendor_order_id LIMIT $1
""")

LINES = Sql("""
WITH back AS (
  SELECT line_id, sum(net) AS net, sum(commission) AS commission,
         sum(commission_tax) AS commission_tax, sum(tax) AS tax,
         sum(fee + fee_tax + provider_fee) AS fees, sum(cash) AS cash
    FROM payouts.reversal_lines GROUP BY line_id
), checked AS (
  SELECT l.id, l.vendor_order_id,
         CASE WHEN (l.refunded_net, l.refunded_commission, l.refunded_commission_tax,
                    l.refunded_tax, l.fees, l.cash_returned) IS DISTINCT FROM
                   (coalesce(b.net, 0), coalesce(b.commission, 0), coalesce(b.commission_tax, 0),
                    coalesce(b.tax, 0), coalesce(b.fees, 0), coalesce(b.cash, 0)) THEN
           format('refunded net %s, commission %s + %s, tax %s, fees %s, cash %s, but its reversals'
                  ' add up to %s, %s + %s, %s, %s, %s', l.refunded_net, l.refunded_commission,
                  l.refunded_commission_tax, l.refunded_tax, l.fees, l.cash_returned,
                  coalesce(b.net, 0), coalesce(b.commission, 0), coalesce(b.commission_tax, 0),
                  coalesce(b.tax, 0), coalesce(b.fees, 0), coalesce(b.cash, 0))
         END AS fault
    FROM payouts.earning_lines l LEFT JOIN back b ON b.line_id = l.id
)
SELECT format('line %s of vendor order %s', id, vendor_order_id) AS subject, fault
  FROM checked WHERE fault IS NOT NULL ORDER BY id LIMIT $1
""")

# What moved the vendor's balance for a line is what the line says, once nothing is under way.
MOVEMENTS = Sql("""
WITH moved AS (
  SELECT line_id, sum(minor) AS minor, sum(paid) AS paid
    FROM payouts.movements WHERE line_id IS NOT NULL GROUP BY line_id
), expected AS (
  SELECT l.id, l.vendor_order_id, l.paid, coalesce(m.minor, 0) AS minor,
         coalesce(m.paid, 0) AS settled,
         -l.fees + CASE WHEN e.stage <> 'eligible' THEN 0
                        ELSE l.net - l.refunded_net - (l.cash - l.cash_returned)
                             - (l.accrued_reserve - l.released) END AS wanted
    FROM payouts.earning_lines l JOIN payouts.earnings e USING (vendor_order_id)
    LEFT JOIN moved m ON m.line_id = l.id
   WHERE e.stage <> 'accruing'
     AND NOT EXISTS (SELECT 1 FROM payouts.reversals r
                      WHERE r.vendor_order_id = e.vendor_order_id AND NOT r.posted)
)
SELECT format('line %s of vendor order %s', id, vendor_order_id) AS subject,
       CASE WHEN minor <> wanted
            THEN format('moved the balance by %s, expected %s', minor, wanted)
            ELSE format('paid %s, its movements say %s', paid, settled) END AS fault
  FROM expected WHERE minor <> wanted OR paid <> settled ORDER BY id LIMIT $1
""")

TAKEN = Sql("""
WITH item AS (
  SELECT i.movement_id, sum(i.minor) FILTER (
           WHERE p.status NOT IN ('failed', 'rejected', 'refused')) AS taken,
         sum(i.minor) FILTER (WHERE p.status = 'paid') AS paid
    FROM payouts.payout_items i JOIN payouts.payouts p ON p.id = i.payout_id
   GROUP BY i.movement_id
)
SELECT format('movement %s of vendor %s', m.id, m.vendor_id) AS subject,
       format('payouts took %s and paid %s of it, their items say %s and %s', m.taken, m.paid,
              coalesce(i.taken, 0), coalesce(i.paid, 0)) AS fault
  FROM payouts.movements m LEFT JOIN item i ON i.movement_id = m.id
 WHERE (m.taken, m.paid) <> (coalesce(i.taken, 0), coalesce(i.paid, 0))
 ORDER BY m.id LIMIT $1
""")

# What failed or was rejected before there were items took none of the balance and has none.
ITEMS = Sql("""
SELECT format('payout %s', p.id) AS subject,
       format('%s, but its items add up to %s', p.minor, coalesce(sum(i.minor), 0)) AS fault
  FROM payouts.payouts p LEFT JOIN payouts.payout_items i ON i.payout_id = p.id
 WHERE NOT (p.ownerless AND p.status IN ('failed', 'rejected') AND i.payout_id IS NULL)
 GROUP BY p.id HAVING p.minor <> coalesce(sum(i.minor), 0) ORDER BY p.id LIMIT $1
""")

ENDINGS = Sql("""
SELECT format('payout %s', id) AS subject,
       format('%s, but it ended %s', status, outcome) AS fault
  FROM payouts.payouts
 WHERE (status IN ('paid', 'failed', 'rejected') AND status IS DISTINCT FROM outcome)
    OR (status = 'paid') <> (paid_at IS NOT NULL)
 ORDER BY requested_at, id LIMIT $1
""")

# Every change of what a line will bring is explained by one forecast; the newest is what the line
# comes to, less what was taken; and what is wholly paid was paid what the newest forecast said.
FORECASTS = Sql("""
WITH issued AS (
  SELECT line_id, count(*) AS number, max(number) AS newest, sum(change) AS change
    FROM payouts.forecasts GROUP BY line_id
), checked AS (
  SELECT l.id, l.vendor_order_id,
         CASE
           WHEN i.number IS NULL OR (i.number, i.newest) <> (l.forecasts, l.forecasts) THEN
             format('%s forecasts were issued, %s are there', l.forecasts, coalesce(i.number, 0))
           WHEN f.net <> l.net - l.refunded_net - l.fees OR l.forecast_net <> f.net THEN
             format('the newest forecast says %s, the line comes to %s', f.net,
                    l.net - l.refunded_net - l.fees)
           WHEN i.change <> f.net THEN
             format('its forecasts'' changes add up to %s, not %s', i.change, f.net)
           WHEN l.gross - f.net <> (SELECT coalesce(sum((d ->> 'minor')::bigint), 0)
                                      FROM jsonb_array_elements(f.deductions) d
                                     WHERE d ->> 'kind' <> 'reserve') THEN
             format('the deductions of its newest forecast are not %s', l.gross - f.net)
           WHEN f.paid <> l.paid + l.cash - l.cash_returned THEN
             format('the newest forecast says %s was paid, the line %s', f.paid,
                    l.paid + l.cash - l.cash_returned)
           WHEN e.stage = 'eligible' AND l.accrued_reserve = l.released
                AND f.net <> l.paid + l.cash - l.cash_returned
                AND NOT EXISTS (SELECT 1 FROM payouts.movements m
                                 WHERE m.line_id = l.id AND m.paid <> m.minor)
                AND NOT EXISTS (SELECT 1 FROM payouts.reversals r
                                 WHERE r.vendor_order_id = e.vendor_order_id AND NOT r.posted) THEN
             format('settled with %s, forecast %s', l.paid + l.cash - l.cash_returned, f.net)
         END AS fault
    FROM payouts.earning_lines l JOIN payouts.earnings e USING (vendor_order_id)
    LEFT JOIN issued i ON i.line_id = l.id
    LEFT JOIN payouts.forecasts f ON f.line_id = l.id AND f.number = l.forecasts
)
SELECT format('line %s of vendor order %s', id, vendor_order_id) AS subject, fault
  FROM checked WHERE fault IS NOT NULL ORDER BY id LIMIT $1
""")

CHECKS = {
    "earnings": EARNINGS,
    "lines": LINES,
    "movements": MOVEMENTS,
    "taken": TAKEN,
    "items": ITEMS,
    "endings": ENDINGS,
    "forecasts": FORECASTS,
}
INVARIANTS = tuple(CHECKS)


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    found: list[str] = []
    for name, check in CHECKS.items():
        if len(found) < limit:
            rows = await db.fetch(check, limit - len(found))
            found += [f"payouts.{name}: {row['subject']}: {row['fault']}" for row in rows]
    return found
