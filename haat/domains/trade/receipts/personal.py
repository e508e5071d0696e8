"""What receipts have of people. Numbers, lines, taxes and sums stay: the books' vouchers."""

from haat.engines.sql.personal import Personal, Rule

THEIRS = "order_id = ANY(:orders)"


def _erased(name: str) -> str:
    return (
        f"jsonb_build_object('{name}', (document -> '{name}') || jsonb_build_object("
        "'name', 'Erased', 'line1', 'Erased', 'line2', '', 'city', 'Erased', 'region', '',"
        " 'postalCode', '', 'phone', ''))"
    )


PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "receipts.receipts",
            THEIRS,
            {
                "document": f"document || {_erased('billTo')} || {_erased('shipTo')}"
                " || jsonb_build_object('email', 'erased@erased.invalid')"
            },
        ),
        Rule(
            "receipts.credit_notes",
            THEIRS,
            {"document": f"document || {_erased('billTo')} || jsonb_build_object('reason', '')"},
        ),
    )
)
