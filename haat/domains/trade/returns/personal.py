"""What returns have of people: what was said about them, and their parcels' numbers."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule("returns.returns", "person_id = :person", {"tracking_number": "''"}),
        Rule(
            "returns.messages",
            "return_id IN (SELECT id FROM returns.returns WHERE person_id = :person)",
            {"text": "''", "pictures": "'[]'::jsonb"},
        ),
    )
)
