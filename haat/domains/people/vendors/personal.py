"""What vendors have of people: where stores are reached and stand, which ends with a store that was
its owner's alone. Of one that never sold anything its name ends as well."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "vendors.vendors",
            "id = ANY(:vendors)",
            {
                "contact_email": "'erased@erased.invalid'",
                "support_email": "''",
                "support_phone": "''",
                "place": "''",
                "latitude": "NULL::float8",
                "longitude": "NULL::float8",
            },
            told=("id", "name", "status", "contact_email", "support_email", "support_phone"),
        ),
        Rule("vendors.places", "vendor_id = ANY(:vendors)"),
        Rule(
            "vendors.vendors",
            "id = ANY(:untraded)",
            {
                "name": "'Erased'",
                "name_key": "id::text",
                "slug": "id::text",
                "description": "''",
                "reason": "NULL::text",
            },
            told=None,
        ),
    ),
    kept={"vendors.reason": "of a store that traded: why it may not, or might not, sell here"},
)
