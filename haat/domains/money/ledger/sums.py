"""What accounts must come to, re-derived from the transfers, in fixed SQL."""

from haat.engines.sql import Sql

# Every account whose stored sums or currency are not those of its transfers, or that holds less
# than nothing and may not; and every account that transfers name and that is not there.
WRONG = Sql("""
WITH halves AS (
  SELECT t.debit_id AS account, t.currency, true AS debit, t.minor,
         NOT t.pending OR coalesce(o.posted, false) AS posted,
         t.pending AND o.transfer_id IS NULL AS waits
    FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON t.pending AND o.transfer_id = t.id
  UNION ALL
  SELECT t.credit_id, t.currency, false, t.minor, NOT t.pending OR coalesce(o.posted, false),
         t.pending AND o.transfer_id IS NULL
    FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON t.pending AND o.transfer_id = t.id
), derived AS (
  SELECT account,
         coalesce(sum(minor) FILTER (WHERE debit AND posted), 0) AS d,
         coalesce(sum(minor) FILTER (WHERE NOT debit AND posted), 0) AS c,
         coalesce(sum(minor) FILTER (WHERE debit AND waits), 0) AS pd,
         coalesce(sum(minor) FILTER (WHERE NOT debit AND waits), 0) AS pc,
         min(currency COLLATE "C") AS lowest, max(currency COLLATE "C") AS highest
    FROM halves GROUP BY account
), compared AS (
  SELECT coalesce(a.id, s.account) AS id, a.id IS NULL AS missing, a.kind, a.owner, a.currency,
         ARRAY[a.debits, a.credits]::numeric[] AS stored,
         ARRAY[coalesce(s.d, 0), coalesce(s.c, 0)] AS derived,
         ARRAY[a.pending_debits, a.pending_credits]::numeric[] AS stored_pending,
         ARRAY[coalesce(s.pd, 0), coalesce(s.pc, 0)] AS derived_pending,
         coalesce(s.lowest <> a.currency OR s.highest <> a.currency, false) AS mixed,
         a.kind IN ('escrow', 'reserve', 'wallet')
           AND a.credits - a.debits - a.pending_debits < 0 AS overdrawn
    FROM ledger.accounts a FULL JOIN derived s ON s.account = a.id
)
SELECT * FROM compared
 WHERE missing OR stored <> derived OR stored_pending <> derived_pending OR mixed OR overdrawn
 ORDER BY kind NULLS FIRST, id LIMIT $1
""")

LAST = Sql("""
SELECT id, code, reference FROM (
  (SELECT id, code, reference, at FROM ledger.transfers
    WHERE debit_id = $1 ORDER BY at DESC, id DESC LIMIT 1)
  UNION ALL
  (SELECT id, code, reference, at FROM ledger.transfers
    WHERE credit_id = $1 ORDER BY at DESC, id DESC LIMIT 1)
) AS found ORDER BY at DESC, id DESC LIMIT 1
""")

BALANCED = Sql("""
SELECT currency, sum(debits) AS debits, sum(credits) AS credits,
       sum(pending_debits) AS pending_debits, sum(pending_credits) AS pending_credits
  FROM ledger.accounts GROUP BY currency
HAVING sum(debits) <> sum(credits) OR sum(pending_debits) <> sum(pending_credits)
 ORDER BY currency LIMIT $1
""")

ACCOUNTS = Sql("""
SELECT id, kind, owner, currency, shard FROM ledger.accounts
 WHERE id > $1 ORDER BY id LIMIT 10000
""")

# Pending transfers that will expire are on the list with their time, and nothing else is.
EXPIRING = Sql("""
WITH open AS (
  SELECT t.id, t.code, t.reference, t.expires_at FROM ledger.transfers t
   WHERE t.pending AND t.expires_at IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM ledger.outcomes o WHERE o.transfer_id = t.id)
)
SELECT coalesce(open.id, e.transfer_id) AS id, open.code, open.reference,
       open.expires_at::text AS expected, e.expires_at::text AS listed
  FROM open FULL JOIN ledger.expiring e ON e.transfer_id = open.id
 WHERE open.expires_at IS DISTINCT FROM e.expires_at
 ORDER BY 1 LIMIT $1
""")
# Only what is pending ends.
ENDED = Sql("""
SELECT t.id, t.code, t.reference FROM ledger.outcomes o
  JOIN ledger.transfers t ON t.id = o.transfer_id
 WHERE NOT t.pending OR (o.posted AND t.expires_at <= o.at)
 ORDER BY t.id LIMIT $1
""")
