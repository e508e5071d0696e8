"""What a market's tables and its provider's books say, held against each other and the clients'."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bench.chaos.charges import Charges
from bench.chaos.messages import misheard, unheard
from haat.app.targets import all_modules
from haat.kernel.ids import derive

UrlOf = Callable[[str], str]  # a module's name → its database, `bus` among them
UNPAID = """payment NOT IN ('paid', 'refunded', 'partially_refunded', 'cancelled', 'voided')
   AND fulfilment <> 'cancelled'"""
# What is half done: where it stands, and how many there are.
HALF_DONE = {
    "checkouts": (
        "checkout",
        "SELECT count(*) FROM checkout.checkouts WHERE state IN ('reserving', 'processing')",
    ),
    "unsettled": (
        "checkout",
        "SELECT count(*) FROM checkout.checkouts WHERE state = 'placed' AND due_at IS NOT NULL",
    ),
    "unpaid orders": ("orders", f"SELECT count(*) FROM orders.vendor_orders WHERE {UNPAID}"),
    "events": ("bus", "SELECT count(*) FROM bus.queue"),
    "reserved": ("inventory", "SELECT coalesce(sum(reserved), 0) FROM inventory.stock"),
    "reservations": (
        "inventory",
        "SELECT count(*) FROM inventory.reservations WHERE state IN ('held', 'promised')",
    ),
    "payments": (
        "payments",
        "SELECT count(*) FROM payments.payments WHERE status IN ('created', 'authorized')"
        " OR void_due",
    ),
    "charges": (
        "settlement",
        "SELECT count(*) FROM settlement.charges WHERE state = 'captured'",
    ),
    **{
        f"outbox of {module.name}": (module.name, f"SELECT count(*) FROM {module.name}.outbox")
        for module in all_modules()
    },
}
SUMS = {
    "sold": (
        "orders",
        "SELECT coalesce(sum(total), 0) FROM orders.vendor_orders WHERE payment = 'paid'",
    ),
    "pieces": (
        "orders",
        "SELECT coalesce(sum(l.quantity), 0)"
        " FROM orders.lines l JOIN orders.vendor_orders v ON v.id = l.vendor_order_id"
        " WHERE v.fulfilment <> 'cancelled'",
    ),
    "orders": ("orders", "SELECT count(*) FROM orders.orders"),
    "placed": ("checkout", "SELECT count(*) FROM checkout.checkouts WHERE state = 'placed'"),
    "dead letters": ("bus", "SELECT count(*) FROM bus.dead"),
    "on hand": ("inventory", "SELECT coalesce(sum(on_hand), 0) FROM inventory.stock"),
    "set": (
        "inventory",
        "SELECT coalesce(sum(delta), 0) FROM inventory.movements WHERE reason = 'set'",
    ),
}
PAID = f"""
SELECT count(*) > 0 AND count(*) FILTER (WHERE {UNPAID}) = 0
  FROM orders.vendor_orders WHERE order_id = $1"""
DUE = """
SELECT order_id, sum(total)::bigint AS minor FROM orders.vendor_orders
 WHERE payment = 'paid' GROUP BY order_id"""
UNCAPTURED = "SELECT id FROM payments.payments WHERE captured_minor = 0"
STOCK = """
SELECT coalesce(sum(on_hand), 0) AS on_hand, coalesce(sum(reserved), 0) AS reserved
  FROM inventory.stock WHERE offer_id = $1"""
PRESENT = "SELECT id FROM orders.orders WHERE id = ANY($1::uuid[])"


class Books:
    """`cards` is the provider's address, `key` the file with its bearer key."""

    def __init__(self, url_of: UrlOf, cards: str, key: Path) -> None:
        self._url_of = url_of
        self._charges = Charges(cards, key)

    async def half_done(self) -> dict[str, int]:
        """What is left to do, by what it is; empty when all is done."""
        found = {name: count for name, count in (await self._counts(HALF_DONE)).items() if count}
        return found or await unheard(self.fetch)

    async def sums(self) -> dict[str, int]:
        return await self._counts(SUMS)

    async def is_paid(self, order: UUID) -> bool:
        """Whether this order's money is in the books and its stock gone."""
        async with self._connected("orders") as connection:
            return bool(await connection.fetchval(PAID, order))

    async def stock(self, offer: UUID) -> tuple[int, int]:
        """How many pieces are on hand, and how many of these are reserved."""
        async with self._connected("inventory") as connection:
            row = await connection.fetchrow(STOCK, offer)
        return int(row["on_hand"]), int(row["reserved"])

    async def missing(self, confirmed: Iterable[UUID]) -> set[UUID]:
        """Orders that a client was told of and that are not there."""
        wanted = set(confirmed)
        async with self._connected("orders") as connection:
            rows = await connection.fetch(PRESENT, list(wanted))
        return wanted - {row["id"] for row in rows}

    async def violations(self, confirmed: Iterable[UUID] | None = None) -> list[str]:
        """What must not be, when nothing is half done any more; empty when all is well.

        `confirmed`: the orders that clients were told of, where all of them were told.
        """
        sums, charged = await self.sums(), await self._charges.total()
        found = []
        if charged != sums["sold"]:
            found.append(f"the provider charged {charged}, orders come to {sums['sold']}")
        if sums["orders"] != sums["placed"]:
            found.append(f"{sums['orders']} orders of {sums['placed']} placed checkouts")
        if sums["on hand"] != sums["set"] - sums["pieces"]:
            found.append(
                f"of {sums['set']} pieces {sums['pieces']} were sold, {sums['on hand']} are left"
            )
        if sums["dead letters"]:
            found.append(f"{sums['dead letters']} dead letters")
        found += await self._mischarged()
        found += await misheard(self.fetch)
        if confirmed is None:
            return found
        told = set(confirmed)
        missing = await self.missing(told)
        if missing:
            found.append(f"{len(missing)} orders that a client was told of are not there")
        if sums["orders"] != len(told):
            found.append(f"{sums['orders']} orders, clients were told of {len(told)}")
        return found

    async def _mischarged(self) -> list[str]:
        """Each order is paid by one charge of its own; whatever else was charged was given back,
        and no card holder's money is held for nothing."""
        due = {
            derive(row["order_id"], "card"): int(row["minor"])
            for row in await self.fetch("orders", DUE)
        }
        charges = await self._charges.by_intent()
        found = [
            f"charge {id} of {due.get(id, 0)} moved {moves}"
            for id, moves in charges.items()
            if (moves != [due[id]] if id in due else sum(moves))
        ]
        found += [f"charge {id} of {due[id]} was never made" for id in due.keys() - charges.keys()]
        uncaptured = [row["id"] for row in await self.fetch("payments", UNCAPTURED)]
        held = await self._charges.held(uncaptured)
        return found[:10] + [f"the provider still holds the money of {id}" for id in held[:10]]

    async def fetch(self, module: str, sql: str) -> list[Any]:
        """Rows of a module's own database."""
        async with self._connected(module) as connection:
            rows: list[Any] = await connection.fetch(sql)
            return rows

    async def _counts(self, asked: Mapping[str, tuple[str, str]]) -> dict[str, int]:
        """What each of these statements counts; one connection for each database."""
        places: dict[str, list[str]] = defaultdict(list)
        for name, (module, _) in asked.items():
            places[await asyncio.to_thread(self._url_of, module)].append(name)
        found: dict[str, int] = {}
        for url, names in places.items():
            async with _connected(url) as connection:
                columns = ", ".join(f"({asked[name][1]})::bigint" for name in names)
                row = await connection.fetchrow(f"SELECT {columns}")
                found.update(zip(names, map(int, row), strict=True))
        return found

    @asynccontextmanager
    async def _connected(self, module: str) -> Any:
        async with _connected(await asyncio.to_thread(self._url_of, module)) as connection:
            yield connection


@asynccontextmanager
async def _connected(url: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def drained(books: Books, within_s: float) -> float:
    """Seconds until nothing is half done; AssertionError with what still is."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while left := await books.half_done():
        if loop.time() - began > within_s:
            raise AssertionError(f"still half done after {within_s:.0f} s: {left}")
        await asyncio.sleep(0.2)
    return loop.time() - began
