"""What a row's hash covers, spelled by PostgreSQL: the same bytes as `hashing.py`, ready to hash.

A million rows are read as one value each instead of twelve.
"""

from haat.domains.money.ledger.hashing import NEVER, OUTCOME, TRANSFER
from haat.engines.sql import Sql

_TRANSFER_BYTES = rf"""'\x{TRANSFER.hex()}'::bytea || int4send(octet_length(t.salt)) || t.salt
       || uuid_send(t.id) || uuid_send(t.debit_id) || uuid_send(t.credit_id)
       || uuid_send(t.reference) || int8send(t.minor) || boolsend(t.pending)
       || timestamptz_send(t.at) || coalesce(timestamptz_send(t.expires_at), int8send({NEVER}))
       || int4send(octet_length(t.currency)) || textsend(t.currency)
       || int4send(octet_length(t.code)) || textsend(t.code)"""
_OUTCOME_BYTES = rf"""'\x{OUTCOME.hex()}'::bytea || int4send(octet_length(o.salt)) || o.salt
       || uuid_send(o.transfer_id) || boolsend(o.posted) || timestamptz_send(o.at)"""

# The sealed rows in the order of the chain, behind position $1. Small pages, so that looking each
# row up by its id is what PostgreSQL plans.
SEALED = Sql(f"""
SELECT c.position, c.outcome, c.row_id, c.row_hash, c.hash,
       timestamptz_send(c.sealed_at) AS sealed_at,
       CASE WHEN c.outcome THEN o.hash ELSE t.hash END AS stored,
       CASE WHEN c.outcome THEN {_OUTCOME_BYTES}
            ELSE {_TRANSFER_BYTES} END AS content
  FROM ledger.chain c
  LEFT JOIN ledger.transfers t ON NOT c.outcome AND t.id = c.row_id
  LEFT JOIN ledger.outcomes o ON c.outcome AND o.transfer_id = c.row_id
 WHERE c.position > $1
 ORDER BY c.position LIMIT 5000
""")  # noqa: S608 - put together from the constants above

# What is not sealed, or waits with another hash than it has.
LOOSE = Sql(f"""
SELECT false AS outcome, t.id AS row_id, u.hash AS waiting, t.hash AS stored,
       {_TRANSFER_BYTES} AS content
  FROM ledger.transfers t LEFT JOIN ledger.unsealed u ON u.row_id = t.id AND NOT u.outcome
 WHERE NOT EXISTS (SELECT 1 FROM ledger.chain c WHERE c.row_id = t.id AND NOT c.outcome)
UNION ALL
SELECT true, o.transfer_id, u.hash, o.hash,
       {_OUTCOME_BYTES}
  FROM ledger.outcomes o LEFT JOIN ledger.unsealed u ON u.row_id = o.transfer_id AND u.outcome
 WHERE NOT EXISTS (SELECT 1 FROM ledger.chain c WHERE c.row_id = o.transfer_id AND c.outcome)
 LIMIT 20000
""")  # noqa: S608 - put together from the constants above

# What waits and is not there, or was sealed already.
STRAY = Sql("""
SELECT u.outcome, u.row_id FROM ledger.unsealed u
 WHERE NOT EXISTS (SELECT 1 FROM ledger.transfers t WHERE NOT u.outcome AND t.id = u.row_id)
   AND NOT EXISTS (SELECT 1 FROM ledger.outcomes o WHERE u.outcome AND o.transfer_id = u.row_id)
    OR EXISTS (SELECT 1 FROM ledger.chain c WHERE c.row_id = u.row_id AND c.outcome = u.outcome)
 ORDER BY u.row_id LIMIT $1
""")
# Times as bytes: one that was tampered with may be none that Python knows.
NAMED = Sql("""
SELECT t.id, t.debit_id, t.credit_id, t.minor, t.currency, t.code, t.reference, t.pending,
       t.salt, timestamptz_send(t.at) AS at, t.expires_at IS NOT NULL AS expires,
       o.posted, o.salt AS ended_salt, timestamptz_send(o.at) AS ended_at
  FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON o.transfer_id = t.id
 WHERE t.id = ANY($1::uuid[])
""")
