"""The ledger's fixed SQL that reads. An account is one or more rows ($1); each row's transfers are
read from their own index and cut before they are merged."""

from haat.engines.sql import Sql

BALANCES = Sql("""
SELECT place, sum(a.debits)::bigint AS debits, sum(a.credits)::bigint AS credits,
       sum(a.pending_debits)::bigint AS pending_debits,
       sum(a.pending_credits)::bigint AS pending_credits
  FROM unnest($1::uuid[], $2::int[]) AS asked (id, place) JOIN ledger.accounts a USING (id)
 GROUP BY place
""")

# The same at the moment $3, from what was written until then.
BALANCES_AS_OF = Sql("""
SELECT place, coalesce(sum(minor) FILTER (WHERE debit AND posted), 0)::bigint AS debits,
       coalesce(sum(minor) FILTER (WHERE NOT debit AND posted), 0)::bigint AS credits,
       coalesce(sum(minor) FILTER (WHERE debit AND waits), 0)::bigint AS pending_debits,
       coalesce(sum(minor) FILTER (WHERE NOT debit AND waits), 0)::bigint AS pending_credits
  FROM unnest($1::uuid[], $2::int[]) AS asked (id, place) CROSS JOIN LATERAL (
    SELECT debit, minor, NOT pending OR coalesce(o.posted, false) AS posted,
           pending AND o.posted IS NULL AS waits
      FROM (SELECT id, minor, pending, true AS debit FROM ledger.transfers
             WHERE debit_id = asked.id AND at <= $3
            UNION ALL
            SELECT id, minor, pending, false FROM ledger.transfers
             WHERE credit_id = asked.id AND at <= $3) AS t
      LEFT JOIN ledger.outcomes o ON t.pending AND o.transfer_id = t.id AND o.at <= $3
  ) AS lines
 GROUP BY place
""")

# $2, $3: before this time and id; $4: at most so many; $5: as the books stood then.
STATEMENT = Sql("""
SELECT lines.*, other.kind AS counterpart, other.owner AS counterpart_owner,
       o.posted, o.at AS ended_at
  FROM (
    SELECT t.* FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL (
      (SELECT id, at, minor, code, reference, pending, true AS debit, credit_id AS other_id
         FROM ledger.transfers
        WHERE debit_id = asked.id AND (at, id) < ($2, $3::uuid) AND at <= $5
        ORDER BY at DESC, id DESC LIMIT $4)
      UNION ALL
      (SELECT id, at, minor, code, reference, pending, false, debit_id
         FROM ledger.transfers
        WHERE credit_id = asked.id AND (at, id) < ($2, $3::uuid) AND at <= $5
        ORDER BY at DESC, id DESC LIMIT $4)
    ) AS t ORDER BY t.at DESC, t.id DESC LIMIT $4
  ) AS lines
  JOIN ledger.accounts other ON other.id = lines.other_id
  LEFT JOIN ledger.outcomes o ON lines.pending AND o.transfer_id = lines.id AND o.at <= $5
 ORDER BY lines.at DESC, lines.id DESC
""")

# Posted lines in the order in which they took effect: (effective, id) behind ($2, $3), effective
# before $4, at most $5. What was pending took effect when it was posted.
ENTRIES = Sql("""
SELECT lines.*, true AS posted, other.kind AS counterpart, other.owner AS counterpart_owner
  FROM (
    SELECT t.* FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL (
      (SELECT id, at, minor, code, reference, pending, true AS debit, credit_id AS other_id,
              at AS effective, NULL::timestamptz AS ended_at
         FROM ledger.transfers
        WHERE debit_id = asked.id AND NOT pending AND (at, id) > ($2, $3::uuid) AND at < $4
        ORDER BY at, id LIMIT $5)
      UNION ALL
      (SELECT id, at, minor, code, reference, pending, false, debit_id, at, NULL
         FROM ledger.transfers
        WHERE credit_id = asked.id AND NOT pending AND (at, id) > ($2, $3::uuid) AND at < $4
        ORDER BY at, id LIMIT $5)
      UNION ALL
      (SELECT p.id, p.at, p.minor, p.code, p.reference, true, true, p.credit_id, o.at, o.at
         FROM ledger.transfers p JOIN ledger.outcomes o ON o.transfer_id = p.id AND o.posted
        WHERE p.debit_id = asked.id AND p.pending AND (o.at, p.id) > ($2, $3::uuid) AND o.at < $4
        ORDER BY o.at, p.id LIMIT $5)
      UNION ALL
      (SELECT p.id, p.at, p.minor, p.code, p.reference, true, false, p.debit_id, o.at, o.at
         FROM ledger.transfers p JOIN ledger.outcomes o ON o.transfer_id = p.id AND o.posted
        WHERE p.credit_id = asked.id AND p.pending AND (o.at, p.id) > ($2, $3::uuid) AND o.at < $4
        ORDER BY o.at, p.id LIMIT $5)
    ) AS t ORDER BY t.effective, t.id LIMIT $5
  ) AS lines
  JOIN ledger.accounts other ON other.id = lines.other_id
 ORDER BY lines.effective, lines.id
""")

# What all accounts of kind $1 were debited and credited with by posted transfers that took effect
# from $2 until $3.
SUMS = Sql("""
SELECT a.currency, a.owner, moved.code,
       coalesce(sum(moved.minor) FILTER (WHERE moved.debit), 0)::bigint AS debits,
       coalesce(sum(moved.minor) FILTER (WHERE NOT moved.debit), 0)::bigint AS credits
  FROM ledger.accounts a JOIN (
    SELECT t.debit_id AS account, true AS debit, t.code, t.minor
      FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON t.pending AND o.transfer_id = t.id
     WHERE CASE WHEN t.pending THEN o.posted AND o.at >= $2 AND o.at < $3
                ELSE t.at >= $2 AND t.at < $3 END
    UNION ALL
    SELECT t.credit_id, false, t.code, t.minor
      FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON t.pending AND o.transfer_id = t.id
     WHERE CASE WHEN t.pending THEN o.posted AND o.at >= $2 AND o.at < $3
                ELSE t.at >= $2 AND t.at < $3 END
  ) AS moved ON moved.account = a.id
 WHERE a.kind = $1
 GROUP BY a.currency, a.owner, moved.code
 ORDER BY a.currency, a.owner NULLS FIRST, moved.code
""")
