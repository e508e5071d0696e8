"""`bin/bench --only catalogue [--products 10000]`: what a large catalogue is read at, over HTTP.

A market of its own, filled by `haat seed scale` (or, with --data, one that is there): lists and
products, searches with facets, of which some come again and some never, and autocompletion; with 32
and with 8 clients, beside a bare endpoint in the same minutes.
"""

import argparse
import asyncio
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Any
from urllib.parse import quote

import psutil

from bench import ceilings
from bench.load import Line, Result, Unit, load, table
from bench.reading import Readings, tell_failure, tell_memory
from bench.scenarios import API, drained, free_port
from haat.app.seeding.scale import phrases
from haat.app.seeding.scale.goods import brands
from haat.app.seeding.scale.tree import leaves

SHELVES, SLUGS = 40, 2000
BROAD = ("cotton", "steel", "made", "warranty", "box", "colour", "wool", "classic", "red")
HEADING = ("load", "clients", "per second", "of ceiling", "p50 ms", "p95 ms", "web ms", "failed")


class Reader:
    """What there is to read, and the units that read it."""

    def __init__(self, slugs: Sequence[str], seed: int) -> None:
        self._slugs = slugs
        self._nouns = [place.noun for place in leaves()]
        self._brands = brands(seed)
        self._materials = sorted(
            {one for text in phrases.MATERIALS.values() for one in text.split(", ")}
        )
        self._shelves = [place.slug for place in leaves()]
        self._round = random.randrange(1 << 30)

    async def list_newest(self, line: Line, number: int) -> None:
        await line.ask("GET", f"{API}/products?limit=24")

    async def list_of_shelf(self, line: Line, number: int) -> None:
        shelf = self._shelves[number % len(self._shelves)]
        sort = ("newest", "price", "-price", "title")[number % 4]
        await _ok(line, f"{API}/products?category={shelf}&sort={sort}&limit=24")

    async def product(self, line: Line, number: int) -> None:
        await _ok(line, f"{API}/products/{self._slugs[number * 7919 % len(self._slugs)]}")

    async def search_again(self, line: Line, number: int) -> None:
        """Words as people use them: some hundred that come again and again."""
        await _ok(line, f"{API}/search?q={quote(self._words(random.Random(number % 300)))}")

    async def search_new(self, line: Line, number: int) -> None:
        """No question comes twice: the price it may cost is another one each time."""
        dice = random.Random(number)
        most = 10_000_000 + self._round + number
        query = f"q={quote(self._words(dice))}&priceMax={most}"
        if dice.random() < 0.15:
            query = f"category={dice.choice(self._shelves)}&priceMax={most}&sort=popular"
        await _ok(line, f"{API}/search?{query}")

    async def complete(self, line: Line, number: int) -> None:
        dice = random.Random(number)
        word = dice.choice(dice.choice((self._nouns, self._brands)))
        typed = word[: dice.randrange(2, max(3, len(word)))]
        await _ok(line, f"{API}/search/suggest?q={quote(typed)}")

    def _words(self, dice: random.Random) -> str:
        """Narrow, middling, broad and misspelt ones."""
        kind, noun = dice.random(), dice.choice(self._nouns)
        if kind < 0.25:
            return f"{dice.choice(self._brands[:300])} {noun}"
        if kind < 0.55:
            return f"{dice.choice(self._materials)} {noun}"
        if kind < 0.75:
            return noun
        if kind < 0.9:
            return dice.choice(BROAD)
        at = dice.randrange(1, len(noun) - 1)
        return noun[:at] + noun[at + 1 :]


async def _ok(line: Line, path: str) -> None:
    await line.json("GET", path)


class Bench:
    """One market and the loads on it."""

    def __init__(
        self, address: str, market: psutil.Process, url: str, options: argparse.Namespace
    ) -> None:
        self._address, self._market, self._url, self._options = address, market, url, options

    async def run(self) -> None:
        await drained(self._url)
        await ceilings.prepare(self._url)
        reader, total = await self._reader()
        print(f"{total:,} products", flush=True)
        rows: list[Sequence[str]] = [HEADING]
        readings = Readings(self._address, self._market, 32, self._options.seconds)
        for clients in (32, 8):
            bare, _ = await self._bare(clients)
            rows.append(_row(bare, clients, bare.rate, 0.0))
            units: list[tuple[str, Unit]] = [
                ("list (24)", reader.list_newest),
                ("list of a category", reader.list_of_shelf),
                ("product", reader.product),
                ("search, facets", reader.search_again),
                ("search, none twice", reader.search_new),
                ("autocomplete", reader.complete),
            ]
            for name, unit in units:
                result, each_ms = await readings.take(name, unit, clients)
                rows.append(_row(result, clients, bare.rate, each_ms))
                print("  ".join(rows[-1]), flush=True)
                tell_failure(result)
        print(table(rows))
        tell_memory(self._market)

    async def _reader(self) -> tuple[Reader, int]:
        """Looks around until the index holds what is on sale; addresses of some products."""
        line = await Line(self._address).open()
        dice, slugs = random.Random(5), list[str]()
        while len(slugs) < SLUGS:
            shelf = dice.choice(leaves()).slug
            path = f"{API}/products?category={shelf}&limit=100&sort=title"
            page: Any = await line.json("GET", path)
            slugs += [item["slug"] for item in page["items"]]
        found: Any = await line.json("GET", f"{API}/search?limit=1")
        return Reader(slugs, self._options.seed), found["total"]

    async def _bare(self, clients: int) -> tuple[Result, float]:
        port = free_port()
        process = ceilings.start_bare(self._url, port, self._options.workers)
        address = f"http://127.0.0.1:{port}"
        try:
            await _answering(address)

            async def unit(line: Line, number: int) -> None:
                await line.json("GET", f"/row/{number % 10_000 + 1}")

            seconds = self._options.seconds
            found = await load("bare endpoint", address, unit, clients=clients, seconds=seconds)
        finally:
            process.terminate()
            process.wait(20)
        return found, 0.0


async def _answering(address: str) -> None:
    started = perf_counter()
    while perf_counter() - started < 20:
        try:
            (await Line(address).open()).close()
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return


def _row(result: Result, clients: int, ceiling: float, each_ms: float) -> Sequence[str]:
    return (
        result.name,
        str(clients),
        f"{result.rate:,.0f}",
        f"{result.rate / max(1.0, ceiling):.0%}",
        f"{result.at(0.5):,.1f}",
        f"{result.at(0.95):,.1f}",
        f"{each_ms:,.2f}",
        str(len(result.failures)),
    )
