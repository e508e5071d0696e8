"""Whole checkouts on two cores: `bin/bench --only checkout [--seconds 60] [--cores 2]`.

The server's processes, PostgreSQL, the card network and this client share the cores. A checkout
counts when it is captured, in the books, its stock committed and every queue empty.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import asyncpg
import psutil

from bench import ceilings, costs, scenarios
from bench.fill import Filled, fill
from bench.load import Line, Result, Unit, load
from haat.app.targets import MODULES

API = scenarios.API
WARM_UP_S = 3.0
SPLIT_S = 4.0
PICTURES_S = 600
UNMADE = "SELECT count(*) FROM media.files WHERE edition < 2 AND removed_at IS NULL"
# What one bought checkout leaves behind: each of these grows by one.
ENDED = {
    "placed": "SELECT count(*) FROM checkout.checkouts WHERE state = 'placed'",
    "settled": "SELECT count(*) FROM checkout.checkouts WHERE state = 'placed' AND due_at IS NULL",
    "booked": "SELECT count(*) FROM settlement.charges WHERE state = 'booked'",
    "posted": "SELECT count(DISTINCT order_id) FROM payouts.earnings WHERE escrowed",
    "committed": "SELECT count(*) FROM inventory.reservations WHERE state = 'committed'",
}


@dataclass
class Shop:
    """Buys what a filled market sells; keeps how long placing took."""

    address: str
    pairs: Sequence[tuple[str, str, str]]
    token: str
    place_ms: list[float] = field(default_factory=list)

    @classmethod
    async def open(cls, address: str, filled: Filled) -> "Shop":
        cards = await scenarios.World._cards(await Line(address).open())
        token = (await cards.json("POST", "/tokens", scenarios.GOOD_CARD))["token"]
        return cls(address, _triples(filled), token)

    async def buy(self, line: Line, number: int) -> None:
        """A guest: three items of two vendors in a cart, a quote, the order, a look at it."""
        await self._buy(line, self.pairs[number * 7919 % len(self.pairs)])

    async def buy_same(self, line: Line, number: int) -> None:
        """The same, everybody the same three items."""
        await self._buy(line, self.pairs[0])

    async def _buy(self, line: Line, offers: Sequence[str]) -> None:
        cart, state = "", {"id": ""}
        for offer in offers:
            state = await line.json("POST", f"{API}/cart/items", {"offerId": offer}, cart)
            cart = f"x-cart-id: {state['id']}\r\n"
        body = {"cartId": state["id"], "email": "bench@example.com", "shipTo": scenarios.ADDRESS}
        quoted = await line.json("POST", f"{API}/checkout/summary", body, cart)
        payment = {"provider": "test", "token": self.token}
        key = f"idempotency-key: {uuid4().hex}\r\n"
        body = {"quoteId": quoted["id"], "payment": payment}
        started = perf_counter()
        placed = await line.json("POST", f"{API}/orders", body, cart + key)
        self.place_ms.append((perf_counter() - started) * 1000)
        link = placed["orderLink"].rsplit("/", 1)[-1]
        await line.json("GET", f"{API}/orders/link/{link}")


def _triples(filled: Filled) -> list[tuple[str, str, str]]:
    """Three offers of two vendors, over all that is sold."""
    goods = list(filled.offers.values())
    longest = max(map(len, goods))
    found = []
    for n in range(longest):
        for i, own in enumerate(goods):
            other = goods[(i + 1 + n) % len(goods)]
            if other is own:
                other = goods[(i + 1) % len(goods)]
            a, b, c = (
                own[n % len(own)],
                other[n * 31 % len(other)],
                other[(n * 31 + 7) % len(other)],
            )
            found.append((a, b, c))
    return found


def pin(cores: int) -> list[int]:
    """Keeps this process, and whatever it starts from now on, to the last `cores` cores."""
    allowed = sorted(os.sched_getaffinity(0))[-cores:]
    os.sched_setaffinity(0, allowed)
    return allowed


class Bench:
    """One filled market under load."""

    def __init__(
        self, address: str, market: psutil.Process, folder: Path, options: argparse.Namespace
    ) -> None:
        self.market, self.folder, self.options = market, folder, options
        self.address = address
        self.url = scenarios.sql_url(folder)

    async def run(self) -> None:
        options = self.options
        await scenarios.drained(self.url)
        filled = await fill(self.url, options.products)
        await self._pictures_made()
        await ceilings.prepare(self.url)
        self.shop = await Shop.open(self.address, filled)
        self.statements = await costs.Statements.open(self.url)
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        print(f"{filled.products:,} products, {len(filled.offers)} vendors; cores {cores}")
        self._memory("idle")
        minimal = await ceilings.minimal_checkouts(
            self.url, self.folder, clients=options.buyers, seconds=min(10, options.seconds)
        )
        print(f"ceiling: pgbench with a checkout's minimal SQL {minimal:,.0f}/s")
        rate = await self._load("checkout", self.shop.buy, options.seconds)
        print(f"of the ceiling: {rate / minimal:.1%}")
        if not options.brief:
            await self._split()
            hot = await self._load("one SKU", self.shop.buy_same, min(30, options.seconds))
            print(f"one SKU: {hot / rate:.0%} of the rate")
        self._memory("after the load")
        await self.statements.close()

    async def _pictures_made(self) -> None:
        """Until the demo's pictures have their renditions: a new market's first minutes, and no
        checkout's cost."""
        connection = await asyncpg.connect(self.url)
        try:
            for _ in range(PICTURES_S):
                if not await connection.fetchval(UNMADE):
                    break
                await asyncio.sleep(1)
        finally:
            await connection.close()

    def _memory(self, when: str) -> None:
        found = costs.memory_mb(self.market)
        parts = ", ".join(f"{kind} {mb:,.0f}" for kind, mb in found.items())
        print(f"memory {when}: {sum(found.values()):,.0f} MB proportional set ({parts})")

    async def _load(self, name: str, unit: Unit, seconds: float) -> float:
        """Warms up, loads, drains, and prints; the drained-inclusive rate."""
        await load("warm-up", self.address, unit, clients=self.options.buyers, seconds=WARM_UP_S)
        await scenarios.drained(self.url)
        ended = await self._ended()
        self.shop.place_ms.clear()
        await self.statements.reset()
        backlog = costs.Backlog(self.url, _schemas())
        watching = asyncio.create_task(backlog.watch())
        before, started = costs.cpu_seconds(self.market), perf_counter()
        result = await load(
            name, self.address, unit, clients=self.options.buyers, seconds=seconds, warm_up_s=0
        )
        loaded_s = perf_counter() - started
        await scenarios.drained(self.url)
        whole_s = perf_counter() - started
        after = costs.cpu_seconds(self.market)
        watching.cancel()
        calls = sum(count for _, count, _ in await self.statements.top())
        now = await self._ended()
        grown = {what: now[what] - ended[what] for what in ENDED}
        done = min(grown.values())
        place = Result("place", len(self.shop.place_ms), seconds, self.shop.place_ms)
        print(f"\n{name}: {done / whole_s:.1f}/s whole checkouts with draining", end=" ")
        print(f"({done:,} in {loaded_s:.1f} + {whole_s - loaded_s:.1f} s)", end=", ")
        print(f"failed {len(result.failures)}")
        print(f"  flow p50 {result.at(0.5):.0f} p95 {result.at(0.95):.0f} ms,", end=" ")
        print(f"place p50 {place.at(0.5):.0f} p95 {place.at(0.95):.0f} ms", end=", ")
        print(f"oldest event {backlog.oldest_s:.2f} s")
        print(f"  CPU ms per checkout: {costs.per_checkout(before, after, done)}")
        print(f"  statements per checkout {calls / max(1, done):.1f}")
        if len(set(grown.values())) > 1:
            print(f"  NOT ALL ENDED ALIKE: {grown}")
        for failure in list(dict.fromkeys(result.failures))[:3]:
            print(f"  failed: {failure}")
        if self.options.profile:
            await self._profile(done)
        return done / whole_s

    async def _ended(self) -> dict[str, int]:
        connection = await asyncpg.connect(self.url)
        try:
            return {name: await connection.fetchval(sql) for name, sql in ENDED.items()}
        finally:
            await connection.close()

    async def _split(self) -> None:
        """Statements of the requests alone: the worker stands still meanwhile."""
        await self.statements.reset()
        with costs.paused(self.market, "worker"):
            result = await load(
                "requests",
                self.address,
                self.shop.buy,
                clients=self.options.buyers,
                seconds=SPLIT_S,
                warm_up_s=0,
            )
            top = await self.statements.top()
        asked = sum(count for _, count, _ in top)
        print(f"\nrequests alone (worker stopped): {asked / result.done:.1f} statements", end=" ")
        print(f"per checkout, {result.rate:.0f}/s for {SPLIT_S:.0f} s")
        await scenarios.drained(self.url)

    async def _profile(self, done: int) -> None:
        for text, calls, ms in (await self.statements.top())[: self.options.profile]:
            print(f"  {calls / done:6.2f}x {ms / done:7.3f} ms  {text[:150]}")


def _schemas() -> tuple[str, ...]:
    return tuple(path.rsplit(".", 1)[1] for path in MODULES)
