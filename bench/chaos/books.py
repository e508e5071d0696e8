"""What a market's tables and its provider's books say, held against each other and the clients'."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

UrlOf = Callable[[str], str]  # a module's name → its database, `bus` among them
UNPAID = """payment NOT IN ('paid', 'refunded', 'partially_refunded', 'cancelled', 'voided')
   AND fulfilment <> 'cancelled'"""
# What is half done; where it stands → how many.
HALF_DONE = {
    "checkouts": (
        "checkout",
        "SELECT count(*) FROM checkout.checkouts WHERE state IN ('reserving', 'processing')",
    ),
    "unpaid orders": ("orders", f"SELECT count(*) FROM orders.vendor_orders WHERE {UNPAID}"),
    "events": ("bus", "SELECT count(*) FROM bus.queue"),
    "reserved": ("inventory", "SELECT coalesce(sum(reserved), 0) FROM inventory.stock"),
    "reservations": (
        "inventory",
        "SELECT count(*) FROM inventory.reservations WHERE state IN ('held', 'promised')",
    ),
}
SUMS = {
    "sold": (
        "orders",
        "SELECT coalesce(sum(total), 0) FROM orders.vendor_orders"
        " WHERE payment IN ('paid', 'refunded', 'partially_refunded')",
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
PRESENT = "SELECT id FROM orders.orders WHERE id = ANY($1::uuid[])"


class Books:
    """`cards` is the provider's address, `key` the file with its bearer key."""

    def __init__(self, url_of: UrlOf, cards: str, key: Path) -> None:
        self._url_of = url_of
        self._cards = cards
        self._key = key

    async def half_done(self) -> dict[str, int]:
        """What is left to do, by what it is; empty when all is done."""
        return {name: count for name, count in (await self._counts(HALF_DONE)).items() if count}

    async def sums(self) -> dict[str, int]:
        return await self._counts(SUMS)

    async def charged(self) -> int:
        """What the provider says it took and holds."""
        key = (await asyncio.to_thread(self._key.read_text)).strip()
        async with httpx.AsyncClient(timeout=20) as http:
            headers = {"authorization": f"Bearer {key}"}
            answer = await http.get(f"{self._cards}/balance", headers=headers)
        answer.raise_for_status()
        return sum(int(one["capturedMinor"]) for one in answer.json()["items"])

    async def is_paid(self, order: UUID) -> bool:
        """Whether this order's money is in the books and its stock gone."""
        async with self._connected("orders") as connection:
            return bool(await connection.fetchval(PAID, order))

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
        sums, charged = await self.sums(), await self.charged()
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
        if confirmed is None:
            return found
        told = set(confirmed)
        missing = await self.missing(told)
        if missing:
            found.append(f"{len(missing)} orders that a client was told of are not there")
        if sums["orders"] != len(told):
            found.append(f"{sums['orders']} orders, clients were told of {len(told)}")
        return found

    async def _counts(self, asked: dict[str, tuple[str, str]]) -> dict[str, int]:
        found = {}
        for name, (module, sql) in asked.items():
            async with self._connected(module) as connection:
                found[name] = int(await connection.fetchval(sql))
        return found

    @asynccontextmanager
    async def _connected(self, module: str) -> Any:
        connection = await asyncpg.connect(await asyncio.to_thread(self._url_of, module))
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
