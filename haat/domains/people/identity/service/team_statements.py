"""Fixed SQL of vendors' teams.

Whoever changes a team locks all its rows first and reads them in a statement of its own: what it
then sees is what was committed by who held the lock before. So an owner who is the last stays one,
whatever comes at the same moment.
"""

from haat.engines.sql import Sql

LOCK = Sql("""
SELECT person_id FROM identity.memberships WHERE vendor_id = $1 ORDER BY person_id FOR UPDATE
""")
SEATS = Sql("""
SELECT m.person_id, m.role, m.role_id, m.active, m.joined_at, p.email, p.name, p.status,
       coalesce(r.name, '') AS role_name, coalesce(r.scopes, '{}') AS scopes
  FROM identity.memberships m
  JOIN identity.people p ON p.id = m.person_id
  LEFT JOIN identity.roles r ON r.id = m.role_id
 WHERE m.vendor_id = $1
 ORDER BY m.joined_at, m.person_id
""")
SET_ROLE = Sql("""
UPDATE identity.memberships SET role = $3, role_id = $4 WHERE vendor_id = $1 AND person_id = $2
""")
SET_ACTIVE = Sql("""
UPDATE identity.memberships SET active = $3 WHERE vendor_id = $1 AND person_id = $2
""")
REMOVE = Sql("DELETE FROM identity.memberships WHERE vendor_id = $1 AND person_id = $2")
SIT = Sql("""
INSERT INTO identity.memberships (person_id, vendor_id, role, role_id, joined_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, vendor_id) DO NOTHING
RETURNING person_id
""")
COUNT_INVITED = Sql("""
SELECT count(*) FILTER (WHERE ended_at IS NULL) AS open,
       count(*) FILTER (WHERE created_at > $2) AS today
  FROM identity.invitations WHERE vendor_id = $1
""")
INVITE = Sql("""
INSERT INTO identity.invitations
       (id, vendor_id, email, role, role_id, invited_by, created_at, sent, sent_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $7, $8)
ON CONFLICT DO NOTHING
RETURNING id
""")
# An invitation that ran out is over as soon as somebody looks.
END_EXPIRED = Sql("""
UPDATE identity.invitations SET ended_at = $2
 WHERE vendor_id = $1 AND ended_at IS NULL AND expires_at <= $2
""")
OPEN = Sql("""
SELECT i.id, i.vendor_id, i.email, i.role, i.role_id, coalesce(r.name, '') AS role_name,
       i.invited_by, i.created_at, i.expires_at, i.sent
  FROM identity.invitations i LEFT JOIN identity.roles r ON r.id = i.role_id
 WHERE i.vendor_id = $1 AND i.ended_at IS NULL AND i.expires_at > $2
 ORDER BY i.created_at DESC, i.id DESC LIMIT 200
""")
BY_ID = Sql("""
SELECT i.id, i.vendor_id, i.email, i.role, i.role_id, coalesce(r.name, '') AS role_name,
       i.invited_by, i.created_at, i.expires_at, i.sent, i.ended_at, i.accepted_by
  FROM identity.invitations i LEFT JOIN identity.roles r ON r.id = i.role_id
 WHERE i.id = ANY($1::uuid[])
""")
AGAIN = Sql("""
UPDATE identity.invitations SET sent = sent + 1, sent_at = $3, expires_at = $4
 WHERE id = $1 AND vendor_id = $2 AND ended_at IS NULL AND sent_at < $5
RETURNING sent
""")
WITHDRAW = Sql("""
UPDATE identity.invitations SET ended_at = $3
 WHERE id = $1 AND vendor_id = $2 AND ended_at IS NULL
RETURNING email
""")
# Who may no longer give what they offered.
WITHDRAW_OF = Sql("""
UPDATE identity.invitations SET ended_at = $3
 WHERE vendor_id = $1 AND invited_by = $2 AND ended_at IS NULL
""")
ACCEPT = Sql("""
UPDATE identity.invitations i SET ended_at = $3, accepted_by = $2
  FROM identity.people p
 WHERE i.id = $1 AND i.sent = $4 AND i.ended_at IS NULL AND i.expires_at > $3
   AND p.id = $2 AND p.email = i.email AND p.status <> 'blocked'
RETURNING i.vendor_id, i.role, i.role_id
""")
# The link was in a mail to the account's own address.
PROVED = Sql("""
UPDATE identity.people
   SET email_verified_at = $2, status = CASE status WHEN 'pending' THEN 'active' ELSE status END
 WHERE id = $1 AND email_verified_at IS NULL
RETURNING id
""")
ROLE = Sql("SELECT * FROM identity.roles WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2")
# A role that somebody is being given is neither changed nor removed meanwhile.
ROLE_HELD = Sql("""
SELECT * FROM identity.roles WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2 FOR SHARE
""")
ROLES = Sql("""
SELECT id, vendor_id, name, scopes FROM identity.roles
 WHERE vendor_id IS NOT DISTINCT FROM $1 ORDER BY name_key LIMIT 100
""")
SAVE_ROLE = Sql("""
INSERT INTO identity.roles AS r (id, vendor_id, name, name_key, scopes, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET name = $3, name_key = $4, scopes = $5
 WHERE r.vendor_id IS NOT DISTINCT FROM excluded.vendor_id
RETURNING id
""")
REMOVE_ROLE = Sql("""
DELETE FROM identity.roles WHERE id = $1 AND vendor_id IS NOT DISTINCT FROM $2 RETURNING name
""")
HOLDERS = Sql("""
SELECT person_id FROM identity.memberships WHERE role_id = $1
UNION SELECT person_id FROM identity.staff_customs WHERE role_id = $1
""")
SWEEP_INVITATIONS = Sql("""
DELETE FROM identity.invitations WHERE id IN (
  SELECT id FROM identity.invitations WHERE expires_at < $1 LIMIT 5000)
""")
