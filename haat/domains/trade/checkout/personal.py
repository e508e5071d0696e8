"""What checkouts have of people. The sums of what was bought stay."""

from haat.engines.sql.personal import Personal, Rule


def _erased(name: str) -> str:
    return (
        f"jsonb_build_object('{name}', (document::jsonb -> '{name}') || jsonb_build_object("
        "'name', 'Erased', 'line1', 'Erased', 'line2', '', 'city', 'Erased', 'region', '',"
        " 'postalCode', '', 'phone', ''))"
    )


PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "checkout.quotes",
            "person_id = :person",
            {
                "document": f"(document::jsonb || {_erased('shipTo')} || {_erased('billTo')}"
                " || jsonb_build_object('email', 'erased@erased.invalid'))::json"
            },
            told=None,  # what became of it is an order
        ),
        Rule("checkout.checkouts", "person_id = :person", {"token": "NULL::text"}, told=None),
    )
)
