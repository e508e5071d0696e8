"""What returns have of people: what was said about them, and their parcels' numbers."""

from haat.engines.sql.personal import Personal, Rule

MINE = "person_id = :person OR id = ANY(:returns)"
PERSONAL_DATA = Personal(
    rules=(
        Rule("returns.returns", MINE, {"tracking_number": "''"}),
        Rule(
            "returns.messages",
            f"return_id IN (SELECT id FROM returns.returns WHERE {MINE})",  # noqa: S608
            {"text": "''", "pictures": "'[]'::jsonb"},
        ),
    )
)
