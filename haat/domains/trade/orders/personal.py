"""What orders have of people. The sums stay, and the country, which the tax hangs on."""

from haat.engines.sql.personal import Personal, Rule

# A guest's order has no person.
MINE = "person_id = :person OR id = ANY(:orders)"
OF_MINE = f"order_id IN (SELECT id FROM orders.orders WHERE {MINE})"  # noqa: S608
PARTS = f"vendor_order_id IN (SELECT id FROM orders.vendor_orders WHERE {OF_MINE})"  # noqa: S608
EMAIL = "coalesce(person_id, id) || '@erased.invalid'"


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
            MINE,
            {
                "email": EMAIL,
                "ship_to": erased("ship_to"),
                "bill_to": erased("bill_to"),
            },
        ),
        Rule("orders.vendor_orders", OF_MINE, {"reason": "NULL::text"}),
        Rule("orders.timeline", OF_MINE, {"note": "''"}),
        Rule("orders.refunds", PARTS, {"note": "''"}),
        # The lists are made of the orders, and say the same.
        Rule(
            "orders.order_list",
            MINE,
            {
                "email": EMAIL,
                "ship_to_name": "'Erased'",
                "words": f"array_to_tsvector(string_to_array('erased ' || {EMAIL}, ' '))",
            },
            told=None,
        ),
        Rule("orders.part_list", OF_MINE, {"ship_to_name": "'Erased'"}, told=None),
    )
)
