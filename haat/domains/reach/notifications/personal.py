"""What notifications have of people: what they were told, by notice and by mail."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule("notifications.notes", "person_id = :person"),
        Rule(
            "notifications.mails",
            "person_id = :person OR order_id = ANY(:orders) OR wait_id IN"
            " (SELECT id FROM notifications.waits WHERE person_id = :person OR email = :email)",
            told=("kind", "facts", "created_at", "done_at"),
        ),
        Rule("notifications.waits", "person_id = :person OR email = :email"),
    )
)
