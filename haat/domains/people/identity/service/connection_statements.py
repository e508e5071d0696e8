"""What the database is asked about connections."""

from haat.engines.sql import Sql

CONNECTIONS_MAX = 20

CONNECTED = Sql("""
SELECT c.id AS connection_id, c.provider, c.roles AS given, c.email AS known_as,
       p.id, p.status, p.demo, p.password_hash, p.staff_roles,
       EXISTS (SELECT 1 FROM identity.authenticators a
                WHERE a.person_id = p.id AND a.confirmed_at IS NOT NULL) AS second_step
  FROM identity.connections c JOIN identity.people p ON p.id = c.person_id
 WHERE c.provider = $1 AND c.subject = $2
""")
MAKE = Sql("""
WITH added AS (
  INSERT INTO identity.people
    (id, email, name, password_hash, has_password, created_at, status, email_verified_at)
  VALUES ($1, $2, $3, $4, false, $5, $6, $7)
  ON CONFLICT DO NOTHING
  RETURNING id
), connected AS (
  INSERT INTO identity.connections (id, person_id, provider, subject, email, connected_at)
  SELECT $8, id, $9, $10, $2, $5 FROM added
), letter AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $11, 'verify', $2, id, $5, $5, $12 FROM added WHERE $6 = 'pending'
) /*emit:added*/
SELECT id FROM added
""")
USED = Sql("""
WITH used AS (
  UPDATE identity.connections SET used_at = $4, email = $2 WHERE id = $1 RETURNING person_id
)
INSERT INTO identity.sign_ins (id, person_id, at, address, client, result)
SELECT $3, person_id, $4, $5, $6, 'second_step' FROM used
RETURNING person_id
""")
NOTED = Sql("""
UPDATE identity.connections SET used_at = $2
 WHERE id = $1 AND (used_at IS NULL OR used_at < $3)
""")
EMAIL = Sql("SELECT email FROM identity.people WHERE id = $1")
CONNECT = Sql("""
WITH made AS (
  INSERT INTO identity.connections (id, person_id, provider, subject, email, connected_at)
  SELECT $1, $2, $3, $4, $5, $6
   WHERE (SELECT count(*) FROM identity.connections WHERE person_id = $2) < $9
  ON CONFLICT (provider, subject) DO NOTHING
  RETURNING person_id
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $7, 'connection_added', p.email, p.id, $6, $6, $8
    FROM made JOIN identity.people p ON p.id = made.person_id
) /*emit:made*/
SELECT person_id FROM made
""")
OWN = Sql("""
SELECT id, person_id, provider, email, roles, connected_at, used_at FROM identity.connections
 WHERE provider = $1 AND subject = $2
""")
CONNECTIONS = Sql("""
SELECT id, person_id, provider, email, roles, connected_at, used_at FROM identity.connections
 WHERE person_id = $1 ORDER BY connected_at, id LIMIT $2
""")
WAYS = Sql("""
SELECT has_password,
       (SELECT count(*) FROM identity.passkeys k WHERE k.person_id = p.id) AS passkeys
  FROM identity.people p WHERE id = $1
""")
ONE = Sql("""
SELECT id, person_id, provider, roles FROM identity.connections
 WHERE id = $1 AND person_id = $2 FOR UPDATE
""")
ROLES_ELSEWHERE = Sql("""
SELECT coalesce(array_agg(DISTINCT role), '{}')
  FROM identity.connections c, unnest(c.roles) AS role
 WHERE c.person_id = $1 AND c.id <> $2
""")
SET_GIVEN = Sql("UPDATE identity.connections SET roles = $2::text[] WHERE id = $1")
DISCONNECT = Sql("""
WITH gone AS (
  DELETE FROM identity.connections WHERE id = $1 RETURNING person_id
)
INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
SELECT $2, 'connection_removed', p.email, p.id, $3, $3, $4
  FROM gone JOIN identity.people p ON p.id = gone.person_id
""")
