"""What became of the events of orders: each heard once by each subscriber, its part done once.

Inboxes name who heard what, in each subscriber's own database: who hears the same facts must have
heard the same events, and as many as there are orders to tell of.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

Fetch = Callable[[str, str], Awaitable[list[Any]]]  # a module's name and SQL → rows
COUNTS, LISTS, MAILS = (
    "backoffice.count_orders",
    "orders.keep_lists",
    "notifications.tell_of_orders",
)
SETTLES = "checkout.settle"
ORDERS = """
SELECT o.id, v.id AS part, v.total, v.payment = 'paid' AS paid
  FROM orders.orders o JOIN orders.vendor_orders v ON v.order_id = o.id"""
PLACED = "SELECT count(*) FROM checkout.checkouts WHERE state = 'placed'"
DAYS = (
    "SELECT coalesce(sum(orders), 0)::bigint AS orders, coalesce(sum(sales), 0)::bigint AS sales"
    " FROM backoffice.days"
)
TOLD = "SELECT order_id FROM notifications.mails WHERE kind = 'order_placed'"
GIVEN_UP = "SELECT count(*) FROM notifications.mails WHERE outcome = 'given_up'"
SOLD = "SELECT path FROM notifications.notes WHERE kind = 'vendor_order_new'"


async def heard(fetch: Fetch, subscriber: str) -> set[UUID]:
    """The events this subscriber handled."""
    module = subscriber.partition(".")[0]
    sql = f"SELECT event_id FROM {module}.inbox WHERE subscriber = '{subscriber}'"
    return {row["event_id"] for row in await fetch(module, sql)}


async def unheard(fetch: Fetch) -> dict[str, int]:
    """By subscriber: how many events of orders it has not heard; empty when none are missing."""
    parts = await fetch("orders", ORDERS)
    orders = {row["id"] for row in parts}
    paid = {row["id"] for row in parts if row["paid"]}
    placed = (await fetch("checkout", PLACED))[0]["count"]
    counted = await heard(fetch, COUNTS)
    found = {
        COUNTS: len(orders) + len(paid) - len(counted),
        SETTLES: placed - len(await heard(fetch, SETTLES)),
        LISTS: len(counted - await heard(fetch, LISTS)),
        MAILS: len(counted - await heard(fetch, MAILS)),
    }
    return {name: missing for name, missing in found.items() if missing}


async def misheard(fetch: Fetch) -> list[str]:
    """What subscribers did not do, or did twice, when nothing is on its way any more."""
    found = [f"{name} has not heard {n} events" for name, n in (await unheard(fetch)).items()]
    parts = await fetch("orders", ORDERS)
    orders = {row["id"] for row in parts}
    sales = sum(row["total"] for row in parts if row["paid"])
    days = (await fetch("backoffice", DAYS))[0]
    if (days["orders"], days["sales"]) != (len(orders), sales):
        found.append(
            f"the back office counted {days['orders']} orders and sales of {days['sales']}:"
            f" there are {len(orders)} and {sales}"
        )
    told = Counter(row["order_id"] for row in await fetch("notifications", TOLD))
    found += _not_once("a mail about an order", orders, told)
    if given_up := (await fetch("notifications", GIVEN_UP))[0]["count"]:
        found.append(f"{given_up} mails were given up")
    sold = Counter(row["path"].rpartition("/")[2] for row in await fetch("notifications", SOLD))
    paid = {str(row["part"]) for row in parts if row["paid"]}
    found += _not_once("a vendor's note about a sale", paid, sold)
    return found


def _not_once(what: str, wanted: set[Any], there: Counter[Any]) -> list[str]:
    missing, stray = wanted - there.keys(), there.keys() - wanted
    twice = [one for one, times in there.items() if times > 1]
    return [
        f"{what}: {len(some)} {how}, {next(iter(some))} for one"
        for how, some in (
            ("are missing", missing),
            ("are of nothing", stray),
            ("came twice", twice),
        )
        if some
    ]
