"""`bin/bench --only search`: searches with facets and autocompletion on a market of many products.

Answers are kept until the index's next commit, so there are two loads of searches: one whose
queries come again, as people's do, and one in which no query comes twice.
"""

import argparse
import asyncio
from time import perf_counter
from urllib.parse import quote

import psutil

from bench.fill import fill
from bench.load import Line
from bench.reading import Readings
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
        options = self._options
        readings = Readings(self._address, self._market, options.readers, options.seconds)
        await readings.take("search with facets", world.search)
        await readings.take("search, no query twice", self._never_twice)
        await readings.take("autocomplete", self._complete)
        await readings.take("complete, all kinds", self._complete_all)
        readings.show()

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
