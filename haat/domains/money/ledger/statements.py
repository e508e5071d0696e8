"""The ledger's fixed SQL. Every statement that locks several accounts does so in the order of
their ids; that is what keeps two posts from waiting for each other."""

from haat.engines.sql import Sql

OPEN_ACCOUNTS = Sql("""
INSERT INTO ledger.accounts (id, kind, owner, currency, shard)
SELECT id, kind, owner, currency, shard
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::int[])
       AS given (id, kind, owner, currency, shard)
 WHERE NOT EXISTS (SELECT 1 FROM ledger.accounts a WHERE a.id = given.id)
 ORDER BY id
ON CONFLICT (id) DO NOTHING
""")

# $1-$8 are columns of the transfers, $9-$11 when and with which salts and hashes, $12 the accounts
# whose balance a pending transfer may not bring below zero. An account that does not hold enough
# is not moved, and the caller rolls back; the table's CHECK on escrow stands behind that.
POST = Sql("""
WITH born AS (
  INSERT INTO ledger.transfers
         (id, debit_id, credit_id, minor, currency, code, reference, pending, at, salt, hash)
  SELECT id, debit_id, credit_id, minor, currency, code, reference, pending, $9, salt, hash
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[],
                $7::uuid[], $8::bool[], $10::bytea[], $11::bytea[])
         AS given (id, debit_id, credit_id, minor, currency, code, reference, pending, salt, hash)
   ORDER BY id
  ON CONFLICT (id) DO NOTHING
  RETURNING id, debit_id, credit_id, minor, pending
), delta AS (
  SELECT account, sum(d) AS d, sum(c) AS c, sum(pd) AS pd, sum(pc) AS pc FROM (
    SELECT debit_id AS account, CASE WHEN pending THEN 0 ELSE minor END AS d, 0 AS c,
           CASE WHEN pending THEN minor ELSE 0 END AS pd, 0 AS pc FROM born
    UNION ALL
    SELECT credit_id, 0, CASE WHEN pending THEN 0 ELSE minor END, 0,
           CASE WHEN pending THEN minor ELSE 0 END FROM born
  ) AS halves GROUP BY account
), locked AS (
  SELECT a.id, delta.d, delta.c, delta.pd, delta.pc
    FROM ledger.accounts a JOIN delta ON delta.account = a.id
   ORDER BY a.id FOR NO KEY UPDATE OF a
), moved AS (
  UPDATE ledger.accounts a
     SET debits = a.debits + locked.d, credits = a.credits + locked.c,
         pending_debits = a.pending_debits + locked.pd,
         pending_credits = a.pending_credits + locked.pc
    FROM locked
   WHERE a.id = locked.id
     AND ((a.kind <> 'escrow' AND a.id <> ALL ($12::uuid[]))
          OR a.credits + locked.c - a.debits - locked.d - a.pending_debits - locked.pd >= 0)
  RETURNING a.id
)
SELECT array(SELECT id FROM born) AS born,
       (SELECT count(*) FROM delta) = (SELECT count(*) FROM locked) AS complete,
       (SELECT count(*) FROM locked) = (SELECT count(*) FROM moved) AS covered
""")

SAME = Sql("""
SELECT t.id FROM ledger.transfers t
  JOIN unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[],
              $7::uuid[], $8::bool[])
       AS given (id, debit_id, credit_id, minor, currency, code, reference, pending)
       USING (id, debit_id, credit_id, minor, currency, code, reference, pending)
""")

# A pending transfer ends: what it reserved goes, and when $2 the amount moves.
END_PENDING = Sql("""
WITH known AS (
  SELECT t.id, t.debit_id, t.credit_id, t.minor, given.salt, given.hash
    FROM unnest($1::uuid[], $4::bytea[], $5::bytea[]) AS given (id, salt, hash)
    JOIN ledger.transfers t ON t.id = given.id AND t.pending
), ended AS (
  INSERT INTO ledger.outcomes (transfer_id, posted, at, salt, hash)
  SELECT id, $2, $3, salt, hash FROM known ORDER BY id
  ON CONFLICT (transfer_id) DO NOTHING
  RETURNING transfer_id
), delta AS (
  SELECT account, sum(pd) AS pd, sum(pc) AS pc FROM (
    SELECT debit_id AS account, minor AS pd, 0 AS pc
      FROM known JOIN ended ON transfer_id = known.id
    UNION ALL
    SELECT credit_id, 0, minor FROM known JOIN ended ON transfer_id = known.id
  ) AS halves GROUP BY account
), locked AS (
  SELECT a.id, delta.pd, delta.pc
    FROM ledger.accounts a JOIN delta ON delta.account = a.id
   ORDER BY a.id FOR NO KEY UPDATE OF a
), moved AS (
  UPDATE ledger.accounts a
     SET pending_debits = a.pending_debits - locked.pd,
         pending_credits = a.pending_credits - locked.pc,
         debits = a.debits + CASE WHEN $2 THEN locked.pd ELSE 0 END,
         credits = a.credits + CASE WHEN $2 THEN locked.pc ELSE 0 END
    FROM locked WHERE a.id = locked.id
  RETURNING a.id
)
SELECT array(SELECT transfer_id FROM ended) AS ended,
       (SELECT count(*) FROM delta) = (SELECT count(*) FROM moved) AS complete
""")

STANDING = Sql("""
SELECT t.id, CASE WHEN o.posted IS NOT NULL THEN o.posted WHEN t.pending THEN NULL
                  ELSE true END AS posted
  FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON o.transfer_id = t.id
 WHERE t.id = ANY($1::uuid[])
""")

BALANCES = Sql("""
SELECT place, sum(a.debits)::bigint AS debits, sum(a.credits)::bigint AS credits,
       sum(a.pending_debits)::bigint AS pending_debits,
       sum(a.pending_credits)::bigint AS pending_credits
  FROM unnest($1::uuid[], $2::int[]) AS asked (id, place) JOIN ledger.accounts a USING (id)
 GROUP BY place
""")

# Each side is read from its own index and cut before the two are merged.
STATEMENT = Sql("""
SELECT lines.*, other.kind AS counterpart, o.posted
  FROM (
    (SELECT t.id, t.at, t.minor, t.code, t.reference, t.pending, true AS debit,
            t.credit_id AS other_id
       FROM ledger.transfers t
      WHERE t.debit_id = ANY($1::uuid[]) AND (t.at, t.id) < ($2, $3::uuid)
      ORDER BY t.at DESC, t.id DESC LIMIT $4)
    UNION ALL
    (SELECT t.id, t.at, t.minor, t.code, t.reference, t.pending, false, t.debit_id
       FROM ledger.transfers t
      WHERE t.credit_id = ANY($1::uuid[]) AND (t.at, t.id) < ($2, $3::uuid)
      ORDER BY t.at DESC, t.id DESC LIMIT $4)
  ) AS lines
  JOIN ledger.accounts other ON other.id = lines.other_id
  LEFT JOIN ledger.outcomes o ON o.transfer_id = lines.id
 ORDER BY lines.at DESC, lines.id DESC LIMIT $4
""")
