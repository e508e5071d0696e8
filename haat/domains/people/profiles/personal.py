"""What profiles have of people."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "profiles.profiles",
            "person_id = :person",
            {
                "phone": "''",
                "one_click": "false",
                "default_address_id": "NULL::uuid",
                "born_on": "NULL::date",
                "country": "''",
                "avatar_id": "NULL::uuid",
                "marketing": "false",
                "interests": "'{}'::uuid[]",
            },
        ),
        Rule("profiles.addresses", "person_id = :person"),
    )
)
