"""`bin/bench --only search`: searches with facets and autocompletion on a market of many products.

Answers are kept until the index's next commit, so there are two loads of searches: one whose
queries come again, as people's do, and one in which no query comes twice.
"""

import argparse
import asyncio
from time import perf_counter
from urllib.parse import quote

import psutil

from bench import costs
from bench.fill import fill
from bench.load import Line, Result, Unit, load, table
from bench.scenarios import API, World, drained

INDEX_WAIT_S = 120.0


class Bench:
    """One filled market and what is asked of it."""

    def __init__(
        self, address: str, market: psutil.Process, url: str, options: argparse.Namespace
    ) -> None:
        self._address, self._market, self._url, self._options = address, market, url, options

    async def run(self) -> None:
        await drained(self._url)
        filled = await fill(self._url, self._options.products)
        took = await self._indexed(filled.products)
        world = await World.read(self._address)
        self._words = world.words
        print(f"{filled.products:,} products, in the index {took:.1f} s later")
        results = [
            await self._load("search with facets", world.search),
            await self._load("search, no query twice", self._never_twice),
            await self._load("autocomplete", self._complete),
            await self._load("complete, all kinds", self._complete_all),
        ]
        for result, _ in results:
            for failure in result.failures[:1]:
                print(f"{result.name}: {len(result.failures)} failures, such as {failure}")
        heading = ("load", "requests/s", "p50 ms", "p95 ms", "web processor ms each")
        print(table([heading, *(_row(*one) for one in results)]))
        found = costs.memory_mb(self._market)
        print("memory, MB: " + ", ".join(f"{kind} {mb:,.0f}" for kind, mb in found.items()))

    async def _load(self, name: str, unit: Unit) -> tuple[Result, float]:
        """What it gave, and the web processes' processor time for one, in milliseconds."""
        options = self._options
        before = costs.cpu_seconds(self._market)["web"]
        result = await load(
            name, self._address, unit, clients=options.readers, seconds=options.seconds, warm_up_s=0
        )
        spent = costs.cpu_seconds(self._market)["web"] - before
        return result, spent * 1000 / max(1, result.done)

    async def _indexed(self, products: int) -> float:
        """Seconds until a search counts nearly all of them: some are drafts."""
        line = await Line(self._address).open()
        started = perf_counter()
        seen = -1
        while perf_counter() - started < INDEX_WAIT_S:
            total = (await line.json("GET", f"{API}/search?limit=1"))["total"]
            if total > products // 2 and total == seen:
                break
            seen = total
            await asyncio.sleep(0.5)
        return perf_counter() - started

    async def _never_twice(self, line: Line, number: int) -> None:
        words, count = self._words, len(self._words)
        pair = f"{words[number % count]} {words[number // count * 7 % count]} {number}"
        await line.json("GET", f"{API}/search?q={quote(pair)}&limit=24")

    async def _complete(self, line: Line, number: int) -> None:
        await line.json("GET", f"{API}/search/suggest?q={quote(self._typed(number))}")

    async def _complete_all(self, line: Line, number: int) -> None:
        await line.json("GET", f"{API}/search/complete?q={quote(self._typed(number))}")

    def _typed(self, number: int) -> str:
        """A word as far as it may have been typed."""
        word = self._words[number % len(self._words)]
        return word[: 2 + number // len(self._words) % max(1, len(word) - 2)]


def _row(result: Result, each_ms: float) -> tuple[str, ...]:
    p50, p95 = f"{result.at(0.5):,.1f}", f"{result.at(0.95):,.1f}"
    return (result.name, f"{result.rate:,.0f}", p50, p95, f"{each_ms:,.2f}")
