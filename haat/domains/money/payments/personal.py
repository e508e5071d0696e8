"""What payments have of people: saved means of payment, what providers told of their payments, and
why they contested one. Card numbers were never here."""

from haat.engines.sql.personal import Personal, Rule

THEIRS = """payment_id IN (SELECT id FROM payments.payments
                WHERE person_id = :person OR reference = ANY(:orders))"""
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
        Rule("payments.provider_events", THEIRS, {"payload": "'{}'::jsonb"}, told=None),
        Rule(
            "payments.disputes",
            THEIRS,
            {"reason": "''"},
            told=("minor", "currency", "reason", "status", "opened_at", "closed_at"),
        ),
    )
)
