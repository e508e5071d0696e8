"""What notifications have of people: what they were told, by notice and by mail, and what others
were told of their orders, with the reasons they gave."""

from haat.engines.sql.personal import Personal, Rule

# A page about something of theirs, which a vendor's team or staff were told of.
ABOUT = """facts ? 'reason' AND EXISTS (
  SELECT FROM unnest((:orders || :parts || :returns)::text[]) AS theirs(id)
   WHERE position(theirs.id IN path) > 0)"""
WITHOUT = {"facts": "facts || jsonb_build_object('reason', '')"}
PERSONAL_DATA = Personal(
    rules=(
        Rule("notifications.notes", "person_id = :person"),
        Rule(
            "notifications.mails",
            "person_id = :person OR order_id = ANY(:orders) OR wait_id IN"
            " (SELECT id FROM notifications.waits WHERE person_id = :person OR email = :email)",
            told=("kind", "facts", "created_at", "done_at"),
        ),
        Rule("notifications.notes", ABOUT, WITHOUT, told=None),
        Rule("notifications.mails", ABOUT, WITHOUT, told=None),
        Rule("notifications.waits", "person_id = :person OR email = :email"),
    )
)
