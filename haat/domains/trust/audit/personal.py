"""What the audit has of people: reasons of changes. Its chain covers a salted digest of each."""

from haat.engines.sql.personal import Personal, Rule

# Reasons of changes of their own rows, of what they did, of what is theirs, and of rows that name
# what is theirs; with each, of all that the same call changed. Whoever called counts as well: a
# client may choose the name of its request, and must not reach another's reasons by it.
ABOUT = """seq IN (
  WITH about AS (
    SELECT e.request_id, e.command, e.actor_id
      FROM audit.reasons r JOIN audit.entries e ON e.seq = r.seq
     WHERE e.person_id = :person OR e.subject = :person::text
        OR (e.actor_id = :person AND e.acting IN ('customer', 'guest'))
        OR (e.module, e.kind, e.subject) IN (
             SELECT own.module, own.kind, own.subject FROM audit.entries own
              WHERE own.actor_id = :person AND own.acting IN ('customer', 'guest'))
        OR e.subject = ANY((:orders || :parts || :returns)::text[])
        OR EXISTS (SELECT FROM jsonb_each(e.changes) c
                    WHERE c.value ->> 'after' = ANY((:orders || :parts || :returns)::text[])))
  SELECT e.seq FROM audit.entries e JOIN about a
      ON e.request_id = a.request_id AND e.command = a.command
         AND e.actor_id IS NOT DISTINCT FROM a.actor_id)"""
PERSONAL_DATA = Personal(rules=(Rule("audit.reasons", ABOUT, told=None),))
