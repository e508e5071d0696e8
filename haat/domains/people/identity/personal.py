"""What identity has of people. Their account stays as an id that nobody can sign in to: orders,
the ledger and the audit name it."""

from haat.engines.sql.personal import Personal, Rule

OWN = "person_id = :person"
PERSONAL_DATA = Personal(
    rules=(
        Rule("identity.authenticators", OWN, told=("person_id",)),
        Rule("identity.recovery_codes", OWN, told=None),
        Rule("identity.factor_resets", OWN, told=("state", "evidence", "asked_at", "ended_at")),
        Rule("identity.passkeys", OWN, told=("name", "created_at")),
        Rule(
            "identity.connections",
            OWN,
            told=("provider", "subject", "email", "connected_at", "used_at"),
        ),
        Rule("identity.phones", OWN, told=("number", "pending", "verified_at")),
        Rule("identity.sign_ins", OWN, told=("at", "address", "client", "result")),
        Rule("identity.letters", "person_id = :person OR address = :email", told=None),
        Rule("identity.invitations", "email = :email", told=("email", "role", "created_at")),
        Rule("identity.invitations", "vendor_id = ANY(:vendors)", told=None),
        Rule("identity.memberships", OWN),
        Rule("identity.staff_customs", OWN),
        Rule(
            "identity.rights_changes",
            "person_id = :person OR actor_id = :person",
            {"reason": "''"},
            told=("at", "what", "before", "after"),
        ),
        # Ended, so that every process hears of it; then nothing is left in them.
        Rule(
            "identity.sessions",
            OWN,
            {
                "client": "''",
                "address": "''",
                "ended_at": "coalesce(ended_at, :now)",
                "end_reason": "coalesce(end_reason, 'erased')",
            },
            told=("client", "address", "created_at", "used_at", "ended_at"),
        ),
        Rule(
            "identity.people",
            "id = :person",
            {
                "email": "id || '@erased.invalid'",
                "name": "'Erased'",
                "password_hash": "'erased'",
                "status": "'blocked'",
                "staff_roles": "'{}'::text[]",
            },
            told=("id", "email", "name", "status", "created_at", "last_sign_in_at"),
        ),
    )
)
