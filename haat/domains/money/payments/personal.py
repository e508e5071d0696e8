"""What payments have of people: saved means of payment. Card numbers were never here."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "payments.methods",
            "person_id = :person",
            {
                "label": "''",
                "expires": "NULL::text",
                "forgotten_at": "coalesce(forgotten_at, :now)",
            },
            told=("provider", "label", "expires", "created_at", "forgotten_at"),
        ),
    )
)
