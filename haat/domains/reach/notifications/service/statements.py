"""Notifications' fixed SQL."""

from haat.engines.sql import Sql

# A guest has no account and so no note.
TELL = Sql("""
WITH told AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::text[],
                       $7::bool[], $9::uuid[])
            AS t (id, person_id, order_id, kind, facts, path, by_mail, invitation_id)
), noted AS (
  INSERT INTO notifications.notes (id, person_id, kind, facts, path, created_at)
  SELECT id, person_id, kind, facts, path, $8 FROM told WHERE person_id IS NOT NULL ORDER BY id
  ON CONFLICT (id) DO NOTHING
)
INSERT INTO notifications.mails
       (id, person_id, order_id, invitation_id, kind, facts, path, created_at, waiting, due_at,
        attempts)
SELECT id, person_id, order_id, invitation_id, kind, facts, path, $8, true, $8, 0 FROM told
 WHERE by_mail ORDER BY id
ON CONFLICT (id) DO NOTHING
""")

OWN = Sql("""
SELECT id, kind, facts, path, read_at, created_at FROM notifications.notes
 WHERE person_id = $1 AND (created_at, id) < ($2, $3)
 ORDER BY created_at DESC, id DESC LIMIT $4
""")
UNREAD = Sql("""
SELECT count(*) FROM (
  SELECT FROM notifications.notes WHERE person_id = $1 AND read_at IS NULL LIMIT $2) n
""")
MARK_READ = Sql("""
WITH own AS (
  SELECT id FROM notifications.notes WHERE person_id = $1 AND id = ANY($2::uuid[])
), marked AS (
  UPDATE notifications.notes SET read_at = $3 WHERE id IN (SELECT id FROM own) AND read_at IS NULL
)
SELECT count(*) FROM own
""")
MARK_ALL_READ = Sql("""
UPDATE notifications.notes SET read_at = $2 WHERE person_id = $1 AND read_at IS NULL
""")
REMOVE = Sql("DELETE FROM notifications.notes WHERE person_id = $1 AND id = $2")

# `due_at` becomes the lease: a process that dies leaves its mails to others.
CLAIM = Sql("""
WITH due AS (
  SELECT id FROM notifications.mails WHERE waiting AND due_at <= $1
   ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE notifications.mails m SET due_at = $2, attempts = m.attempts + 1
  FROM due WHERE m.id = due.id
RETURNING m.id, m.person_id, m.order_id, m.wait_id, m.invitation_id, m.kind, m.facts, m.path,
          m.attempts
""")
# A null outcome: tried again at `due_at`.
TRIED = Sql("""
UPDATE notifications.mails m
   SET waiting = t.outcome IS NULL, outcome = t.outcome, due_at = t.due_at,
       attempts = t.attempts,
       done_at = CASE WHEN t.outcome IS NULL THEN NULL ELSE $5::timestamptz END
  FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::int[])
       AS t (id, outcome, due_at, attempts)
 WHERE m.id = t.id AND m.waiting
""")
FORGET = Sql("""
DELETE FROM notifications.mails WHERE id IN (
  SELECT id FROM notifications.mails WHERE NOT waiting AND done_at < $1 LIMIT 5000)
""")
