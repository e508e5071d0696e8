"""What orders have of people. The sums stay, and the country, which the tax hangs on."""

from haat.engines.sql.personal import Personal, Rule

MINE = "IN (SELECT id FROM orders.orders WHERE person_id = :person)"
PARTS = "IN (SELECT id FROM orders.vendor_orders WHERE person_id = :person)"


def erased(column: str) -> str:
    """An address of which nothing is left but the country."""
    return (
        "jsonb_build_object('name', 'Erased', 'line1', 'Erased', 'line2', '', 'city', 'Erased',"
        f" 'region', '', 'postal_code', '', 'country', {column} ->> 'country', 'phone', '')"
    )


PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "orders.orders",
            "person_id = :person",
            {
                "email": "person_id || '@erased.invalid'",
                "ship_to": erased("ship_to"),
                "bill_to": erased("bill_to"),
            },
        ),
        Rule("orders.vendor_orders", "person_id = :person", {"reason": "NULL::text"}),
        Rule("orders.timeline", f"order_id {MINE}", {"note": "''"}),
        Rule("orders.refunds", f"vendor_order_id {PARTS}", {"note": "''"}),
        # The lists are made of the orders, and say the same.
        Rule(
            "orders.order_list",
            "person_id = :person",
            {
                "email": "person_id || '@erased.invalid'",
                "ship_to_name": "'Erased'",
                "words": "array_to_tsvector(string_to_array("
                "'erased ' || person_id || '@erased.invalid', ' '))",
            },
            told=None,
        ),
        Rule("orders.part_list", f"order_id {MINE}", {"ship_to_name": "'Erased'"}, told=None),
    )
)
