"""The ledger's fixed SQL that writes. Every statement that locks several accounts does so in the
order of their ids; that is what keeps two posts from waiting for each other."""

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

# $1-$9 are columns of the transfers, $10-$12 when and with which salts and hashes, $13 the accounts
# whose balance a pending transfer may not bring below zero, $14 the kinds that never may be, $15 to
# $19 the accounts. Accounts that are there are locked, all of them, before others are made. A
# repeat may come with other shards of the same accounts: it is held against what they are for.
# What cannot be written raises (migration 0002), and so undoes the rest: `short` accounts, `other`
# content under a known id; and `stale` when a transfer or account came to be after this statement
# began, which the next try sees. The tables' CHECKs stand behind that.
POST = Sql("""
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[],
                       $7::uuid[], $8::bool[], $9::timestamptz[], $10::timestamptz[],
                       $11::bytea[], $12::bytea[])
         AS given (id, debit_id, credit_id, minor, currency, code, reference, pending, expires_at,
                   at, salt, hash)
), born AS (
  INSERT INTO ledger.transfers (id, debit_id, credit_id, minor, currency, code, reference, pending,
                                expires_at, at, salt, hash)
  SELECT id, debit_id, credit_id, minor, currency, code, reference, pending, expires_at, at, salt,
         hash
    FROM given ORDER BY id
  ON CONFLICT (id) DO NOTHING
  RETURNING id, debit_id, credit_id, minor, pending, expires_at, hash
), waiting AS (
  INSERT INTO ledger.unsealed (row_id, outcome, hash) SELECT id, false, hash FROM born
), listed AS (
  INSERT INTO ledger.expiring (transfer_id, expires_at)
  SELECT id, expires_at FROM born WHERE expires_at IS NOT NULL
), delta AS (
  SELECT account, sum(d)::bigint AS d, sum(c)::bigint AS c, sum(pd)::bigint AS pd,
         sum(pc)::bigint AS pc FROM (
    SELECT debit_id AS account, CASE WHEN pending THEN 0 ELSE minor END AS d, 0 AS c,
           CASE WHEN pending THEN minor ELSE 0 END AS pd, 0 AS pc FROM born
    UNION ALL
    SELECT credit_id, 0, CASE WHEN pending THEN 0 ELSE minor END, 0,
           CASE WHEN pending THEN minor ELSE 0 END FROM born
  ) AS halves GROUP BY account
), locked AS (
  SELECT a.id, a.kind, a.credits - a.debits - a.pending_debits AS free,
         delta.d, delta.c, delta.pd, delta.pc
    FROM ledger.accounts a JOIN delta ON delta.account = a.id
   ORDER BY a.id FOR NO KEY UPDATE OF a
), named AS (
  SELECT * FROM unnest($15::uuid[], $16::text[], $17::uuid[], $18::text[], $19::int[])
         AS named (id, kind, owner, currency, shard)
), fresh AS (
  SELECT named.*, delta.d, delta.c, delta.pd, delta.pc
    FROM delta JOIN named ON named.id = delta.account
   WHERE delta.account NOT IN (SELECT id FROM locked)
), short AS (
  SELECT id FROM (SELECT id, kind, free, d, c, pd FROM locked
                  UNION ALL SELECT id, kind, 0, d, c, pd FROM fresh) AS sides
   WHERE (kind = ANY ($14::text[]) OR id = ANY ($13::uuid[])) AND free + c - d - pd < 0
), opened AS (
  INSERT INTO ledger.accounts (id, kind, owner, currency, shard, debits, credits, pending_debits,
                               pending_credits)
  SELECT id, kind, owner, currency, shard, d, c, pd, pc FROM fresh
   WHERE NOT EXISTS (SELECT 1 FROM short) ORDER BY id
  ON CONFLICT (id) DO NOTHING
  RETURNING id
), moved AS (
  UPDATE ledger.accounts a
     SET debits = a.debits + locked.d, credits = a.credits + locked.c,
         pending_debits = a.pending_debits + locked.pd,
         pending_credits = a.pending_credits + locked.pc
    FROM locked WHERE a.id = locked.id AND NOT EXISTS (SELECT 1 FROM short)
), old AS (
  SELECT given.id, t.id IS NULL AS unseen
    FROM given
    JOIN named d ON d.id = given.debit_id
    JOIN named c ON c.id = given.credit_id
    LEFT JOIN ledger.transfers t ON t.id = given.id
    LEFT JOIN ledger.accounts td ON td.id = t.debit_id
    LEFT JOIN ledger.accounts tc ON tc.id = t.credit_id
   WHERE given.id NOT IN (SELECT id FROM born)
     AND (td.kind, td.owner, td.currency, tc.kind, tc.owner, t.minor, t.code, t.reference,
          t.pending, t.expires_at)
         IS DISTINCT FROM (d.kind, d.owner, d.currency, c.kind, c.owner, given.minor, given.code,
                           given.reference, given.pending, given.expires_at)
)
SELECT CASE
         WHEN EXISTS (SELECT 1 FROM short) THEN
           ledger.refuse_post('short', array(SELECT id FROM short))
         WHEN EXISTS (SELECT 1 FROM old WHERE unseen)
           OR (SELECT count(*) FROM opened) < (SELECT count(*) FROM fresh) THEN
           ledger.refuse_post('stale', '{}')
         WHEN EXISTS (SELECT 1 FROM old) THEN
           ledger.refuse_post('other', array(SELECT id FROM old))
         ELSE array(SELECT id FROM born)
       END AS born
""")

# A pending transfer ends: what it reserved goes, and when $2 the amount moves. What has expired is
# not posted any more; of two ends at once the outcome's key lets one through. $6: only this code.
END_PENDING = Sql("""
WITH known AS (
  SELECT t.id, t.debit_id, t.credit_id, t.minor, given.salt, given.hash
    FROM unnest($1::uuid[], $4::bytea[], $5::bytea[]) AS given (id, salt, hash)
    JOIN ledger.transfers t ON t.id = given.id AND t.pending
   WHERE (NOT $2 OR t.expires_at IS NULL OR t.expires_at > $3)
     AND ($6::text IS NULL OR t.code = $6)
), ended AS (
  INSERT INTO ledger.outcomes (transfer_id, posted, at, salt, hash)
  SELECT id, $2, $3, salt, hash FROM known ORDER BY id
  ON CONFLICT (transfer_id) DO NOTHING
  RETURNING transfer_id, hash
), waiting AS (
  INSERT INTO ledger.unsealed (row_id, outcome, hash) SELECT transfer_id, true, hash FROM ended
), unlisted AS (
  DELETE FROM ledger.expiring e USING ended WHERE e.transfer_id = ended.transfer_id
), delta AS (
  SELECT account, sum(pd)::bigint AS pd, sum(pc)::bigint AS pc FROM (
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

# $2: now. Nothing is 'pending' that has expired, whether or not the timer has voided it.
STANDING = Sql("""
SELECT t.id, t.code,
       CASE WHEN NOT t.pending OR o.posted THEN 'posted'
            WHEN t.expires_at <= coalesce(o.at, $2) THEN 'expired'
            WHEN o.posted IS NULL THEN 'pending'
            ELSE 'voided' END AS status
  FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON o.transfer_id = t.id
 WHERE t.id = ANY($1::uuid[])
""")

EXPIRED = Sql("""
SELECT transfer_id FROM ledger.expiring
 WHERE expires_at <= $1 ORDER BY expires_at, transfer_id LIMIT $2
""")

# Sealing: one process at a time, and only what is committed. A waiting row that is not what was
# written is left where it is: the proof names it.
SEAL_LOCK = Sql("SELECT pg_advisory_xact_lock(7522434901838525804)")
WAITING = Sql("SELECT EXISTS (SELECT 1 FROM ledger.unsealed)")
LAST_LINK = Sql("""
SELECT position, hash FROM ledger.chain ORDER BY position DESC LIMIT 1
""")
HEAD = Sql("""
SELECT position, hash, sealed_at FROM ledger.chain ORDER BY position DESC LIMIT 1
""")
AT_POSITION = Sql("""
SELECT position, hash, sealed_at FROM ledger.chain WHERE position = $1
""")
TAKE = Sql("""
WITH next AS (
  SELECT u.row_id, u.outcome, u.hash, coalesce(o.at, t.at) AS at
    FROM ledger.unsealed u
    LEFT JOIN ledger.transfers t ON NOT u.outcome AND t.id = u.row_id AND t.hash = u.hash
    LEFT JOIN ledger.outcomes o ON u.outcome AND o.transfer_id = u.row_id AND o.hash = u.hash
   WHERE coalesce(t.id, o.transfer_id) IS NOT NULL
   ORDER BY u.row_id, u.outcome LIMIT $1
), taken AS (
  DELETE FROM ledger.unsealed u USING next
   WHERE u.row_id = next.row_id AND u.outcome = next.outcome
  RETURNING next.*
)
SELECT row_id, outcome, hash FROM taken ORDER BY at, outcome, row_id
""")
SEAL = Sql("""
INSERT INTO ledger.chain (position, outcome, row_id, row_hash, sealed_at, hash)
SELECT position, outcome, row_id, row_hash, $5, hash
  FROM unnest($1::bigint[], $2::bool[], $3::uuid[], $4::bytea[], $6::bytea[])
       AS given (position, outcome, row_id, row_hash, hash)
 ORDER BY position
""")
