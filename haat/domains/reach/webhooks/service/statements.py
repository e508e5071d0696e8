"""SQL of webhooks."""

from haat.engines.sql import Sql

ENDPOINTS = Sql("""
SELECT id, vendor_id, url, description, events, enabled, off, created_at, changed_at,
       old_secret_until, failing_since, answered_at
  FROM webhooks.endpoints
 WHERE vendor_id IS NOT DISTINCT FROM $1 AND removed_at IS NULL ORDER BY created_at, id LIMIT 1000
""")
ENDPOINT = Sql("""
SELECT id, vendor_id, url, description, events, enabled, off, created_at, changed_at,
       old_secret_until, failing_since, answered_at
  FROM webhooks.endpoints
 WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2 AND removed_at IS NULL
""")
ALL_ENDPOINTS = Sql("""
SELECT id, vendor_id, url, description, events, enabled, off, created_at, changed_at,
       old_secret_until, failing_since, answered_at
  FROM webhooks.endpoints
 WHERE vendor_id IS NOT NULL AND removed_at IS NULL
   AND ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid))
 ORDER BY created_at DESC, id DESC LIMIT $3
""")
# One owner's endpoints are added one after the other, so that there are never too many.
ALONE = Sql("SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || $1::text, 0))")
COUNT = Sql("""
SELECT count(*) FROM webhooks.endpoints
 WHERE vendor_id IS NOT DISTINCT FROM $1 AND removed_at IS NULL
""")
ADD = Sql("""
INSERT INTO webhooks.endpoints
       (id, vendor_id, url, description, events, secret, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT DO NOTHING
""")
# Of one that staff switched off `enabled` is not touched. Switched on, it begins anew.
CHANGE = Sql("""
UPDATE webhooks.endpoints
   SET url = coalesce($3, url), events = coalesce($4, events),
       description = coalesce($5, description), changed_at = $7,
       enabled = coalesce($6, enabled),
       off = CASE WHEN $6 IS NULL THEN off WHEN $6 THEN '' WHEN off = '' THEN 'paused' ELSE off END,
       failing_since = CASE WHEN $6 AND NOT enabled THEN NULL ELSE failing_since END,
       slow = CASE WHEN $6 AND NOT enabled THEN false ELSE slow END
 WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2 AND removed_at IS NULL
   AND NOT (coalesce($6, false) AND off = 'staff')
RETURNING id, vendor_id, url, description, events, enabled, off, created_at, changed_at,
          old_secret_until, failing_since, answered_at
""")
REMOVE = Sql("""
UPDATE webhooks.endpoints
   SET removed_at = coalesce(removed_at, $3), enabled = false,
       off = CASE WHEN off = '' THEN 'paused' ELSE off END, secret = NULL, old_secret = NULL
 WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2
""")
CHANGE_SECRET = Sql("""
UPDATE webhooks.endpoints
   SET old_secret = CASE WHEN $4::timestamptz IS NULL THEN NULL ELSE secret END,
       old_secret_until = $4, secret = $3, changed_at = $5
 WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2 AND removed_at IS NULL
   AND ($4::timestamptz IS NULL OR old_secret_until IS NULL OR old_secret_until <= $5)
RETURNING id, vendor_id, url, description, events, enabled, off, created_at, changed_at,
          old_secret_until, failing_since, answered_at
""")
SWITCH = Sql("""
WITH switched AS (
  UPDATE webhooks.endpoints
     SET enabled = $2, off = CASE WHEN $2 THEN '' ELSE 'staff' END, changed_at = $3,
         failing_since = CASE WHEN $2 THEN NULL ELSE failing_since END
   WHERE id = $1 AND vendor_id IS NOT NULL AND removed_at IS NULL AND (off = 'staff') = $2
  RETURNING id
)/*emit:switched*/
SELECT id FROM switched
""")
FIND = Sql("""
SELECT id, vendor_id, url, description, events, enabled, off, created_at, changed_at,
       old_secret_until, failing_since, answered_at
  FROM webhooks.endpoints WHERE id = $1 AND vendor_id IS NOT NULL AND removed_at IS NULL
""")

# -- what is heard

# $3: of all vendors, where it is not known yet whom an event concerns.
LISTENING = Sql("""
SELECT id, vendor_id, events FROM webhooks.endpoints
 WHERE enabled AND removed_at IS NULL AND events && $2::text[]
   AND (vendor_id IS NULL OR vendor_id = ANY($1::uuid[]) OR $3)
 ORDER BY id
""")
DELIVER = Sql("""
INSERT INTO webhooks.deliveries (id, endpoint_id, event_id, type, body, created_at, due_at)
SELECT n.id, n.endpoint_id, n.event_id, n.type, n.body, $6, $6
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
       AS n (id, endpoint_id, event_id, type, body)
  JOIN webhooks.endpoints e ON e.id = n.endpoint_id AND e.enabled AND e.removed_at IS NULL
ON CONFLICT (id) DO NOTHING
RETURNING id
""")
HOLD = Sql("""
SELECT enabled FROM webhooks.endpoints
 WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2 AND removed_at IS NULL FOR UPDATE
""")
TESTED = Sql("""
SELECT count(*) FROM webhooks.deliveries
 WHERE endpoint_id = $1 AND type = 'webhook.test' AND created_at > $2 AND id <> $3
""")

# -- what is sent

# One worker holds an endpoint at a time. What a row says is looked at again once it is locked, so
# of two that claim at once one gets it.
CLAIM = Sql("""
WITH due AS (
  SELECT e.id FROM webhooks.endpoints e
   WHERE e.enabled AND e.removed_at IS NULL AND e.slow = $3
     AND (e.leased_until IS NULL OR e.leased_until <= $1)
     AND EXISTS (SELECT 1 FROM webhooks.deliveries d
                  WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.due_at <= $1)
   ORDER BY e.served_at NULLS FIRST, e.id LIMIT $4
     FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webhooks.endpoints e SET lease = $5, leased_until = $2, served_at = $1
  FROM due WHERE e.id = due.id
RETURNING e.id, e.vendor_id, e.url, e.secret, e.old_secret, e.old_secret_until
""")
BATCH = Sql("""
SELECT id, type, body, step, attempts FROM webhooks.deliveries
 WHERE endpoint_id = $1 AND state = 'waiting' AND due_at <= $2 ORDER BY due_at, id LIMIT $3
""")
# Only the try that follows the last one counts: of two workers, one of which lost its lease, the
# first to write.
TRIED = Sql("""
WITH tried AS (
  UPDATE webhooks.deliveries
     SET attempts = $2, step = $3, state = $4, due_at = coalesce($5, due_at),
         done_at = CASE WHEN $4 = 'waiting' THEN NULL ELSE $6::timestamptz END,
         status = $8, error = $9
   WHERE id = $1 AND attempts = $2 - 1 AND state = 'waiting'
  RETURNING id
)
INSERT INTO webhooks.attempts (delivery_id, number, at, ms, status, error, answer)
SELECT id, $2, $6, $7, $8, $9, $10 FROM tried
RETURNING delivery_id
""")
# $4: something got through; $5: something failed.
RELEASE = Sql("""
UPDATE webhooks.endpoints
   SET lease = NULL, leased_until = NULL, slow = $6,
       answered_at = CASE WHEN $4 THEN $3 ELSE answered_at END,
       failing_since = CASE WHEN $4 THEN NULL WHEN $5 THEN coalesce(failing_since, $3)
                            ELSE failing_since END
 WHERE id = $1 AND lease = $2
RETURNING failing_since
""")
# Not where another address was entered meanwhile.
SWITCH_OFF = Sql("""
WITH off AS (
  UPDATE webhooks.endpoints SET enabled = false, off = $2
   WHERE id = $1 AND enabled AND url = $4 AND ($2 = 'gone' OR failing_since <= $3)
  RETURNING id
)/*emit:off*/
SELECT id FROM off
""")

# -- what is shown and sent again

DELIVERIES = Sql("""
SELECT id, endpoint_id, event_id, type, state, attempts, created_at, due_at, done_at, status, error
  FROM webhooks.deliveries
 WHERE endpoint_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR type = $3)
   AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
 ORDER BY created_at DESC, id DESC LIMIT $6
""")
DELIVERY = Sql("""
SELECT d.id, d.endpoint_id, d.event_id, d.type, d.state, d.attempts, d.created_at, d.due_at,
       d.done_at, d.status, d.error, d.body
  FROM webhooks.deliveries d JOIN webhooks.endpoints e ON e.id = d.endpoint_id
 WHERE d.id = $1 AND e.vendor_id IS NOT DISTINCT FROM $2 AND e.removed_at IS NULL
""")
TRIES = Sql("""
SELECT number, at, ms, status, error, answer FROM webhooks.attempts
 WHERE delivery_id = $1 ORDER BY number LIMIT 1000
""")
REPLAY = Sql("""
UPDATE webhooks.deliveries d SET state = 'waiting', step = 0, due_at = $3, done_at = NULL
  FROM webhooks.endpoints e
 WHERE d.id = $1 AND e.id = d.endpoint_id AND e.vendor_id IS NOT DISTINCT FROM $2
   AND e.removed_at IS NULL AND e.enabled
RETURNING d.id, d.endpoint_id, d.event_id, d.type, d.state, d.attempts, d.created_at, d.due_at,
          d.done_at, d.status, d.error
""")
REPLAY_FAILED = Sql("""
WITH again AS (
  SELECT d.id FROM webhooks.deliveries d JOIN webhooks.endpoints e ON e.id = d.endpoint_id
   WHERE d.endpoint_id = $1 AND d.state = 'failed' AND d.created_at >= $2 AND e.enabled
   ORDER BY d.created_at, d.id LIMIT $4 FOR NO KEY UPDATE OF d
)
UPDATE webhooks.deliveries d SET state = 'waiting', step = 0, due_at = $3, done_at = NULL
  FROM again WHERE d.id = again.id AND d.state = 'failed'
RETURNING d.id
""")

# -- what is forgotten

FORGET = Sql("""
DELETE FROM webhooks.deliveries WHERE id IN (
  SELECT id FROM webhooks.deliveries WHERE created_at < $1 ORDER BY created_at LIMIT 2000)
""")
FORGET_ENDPOINTS = Sql("""
DELETE FROM webhooks.endpoints WHERE id IN (
  SELECT e.id FROM webhooks.endpoints e
   WHERE e.removed_at < $1
     AND NOT EXISTS (SELECT 1 FROM webhooks.deliveries d WHERE d.endpoint_id = e.id)
   LIMIT 500)
""")
