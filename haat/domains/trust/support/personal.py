"""What support sessions have of people: why they were asked for."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "support.sessions",
            "person_id = :person OR staff_id = :person",
            {"reason": "''"},
            told=("asked_at", "opened_at", "ended_at", "reason", "state"),
        ),
    )
)
