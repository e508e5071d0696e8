"""What checkouts have of people. The sums of what was bought stay."""

from haat.engines.sql.personal import Personal, Rule


def _erased(name: str) -> str:
    return (
        f"jsonb_build_object('{name}', (document::jsonb -> '{name}') || jsonb_build_object("
        "'name', 'Erased', 'line1', 'Erased', 'line2', '', 'city', 'Erased', 'region', '',"
        " 'postalCode', '', 'phone', ''))"
    )


# A quote has the order's id; a guest's has no person.
MINE = "person_id = :person OR id = ANY(:orders)"
PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "checkout.quotes",
            MINE,
            {
                "document": f"(document::jsonb || {_erased('shipTo')} || {_erased('billTo')}"
                " || jsonb_build_object('email', 'erased@erased.invalid'))::json"
            },
            told=None,  # what became of it is an order
        ),
        Rule("checkout.checkouts", MINE, {"token": "NULL::text"}, told=None),
    )
)
