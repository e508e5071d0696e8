"""`bin/bench --only index --products 1000000`: the search index by itself, without PostgreSQL.

Documents are made as the search module makes them, of goods from `haat seed scale`; the writer runs
in a process of its own, whose memory is told; then clients ask, in threads as in a web process.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import re
import resource
import shutil
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from bench.load import table
from haat.app.seeding.cast import id_of
from haat.app.seeding.scale import phrases
from haat.app.seeding.scale.goods import Piece, brands, pieces
from haat.app.seeding.scale.tree import leaves, places
from haat.domains.goods.catalog.api import Category
from haat.domains.insight.search import documents
from haat.domains.insight.search.service.finding import FACETS
from haat.engines.search import (
    AnyOf,
    Between,
    Document,
    Filter,
    Question,
    Signal,
    Sort,
    open_search,
)

SEED, BATCH, COMMIT, CLIENTS = 1, 2000, 50_000, 8
_TAGS = re.compile(r"<[^>]+>")
STEPS = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000)
SIGNALS = {"popularity": Signal(0.1, 0, 1000), "created": Signal(0.02, 1, 1 << 40)}


def tree() -> dict[UUID, tuple[Category, ...]]:
    found = [
        Category(
            id=id_of(f"category:{one.slug}"),
            parent_id=id_of(f"category:{one.above}") if one.above else None,
            slug=one.slug,
            name=one.name,
            position=0,
        )
        for one in places()
    ]
    return documents.paths(found)


def document(piece: Piece, known: dict[UUID, tuple[Category, ...]]) -> Document:
    prices = [choice.price for choice in piece.choices]
    sizes: dict[str, list[str]] = {}
    for choice in piece.choices:
        for name, value in choice.options.items():
            if value not in sizes.setdefault(name, []):
                sizes[name].append(value)
    attributes = {key: [str(value)] for key, value in piece.specs.items()} | sizes
    card = {
        "id": str(id_of(f"product:{piece.number}")),
        "slug": f"p-{piece.number}",
        "title": piece.title,
        "vendorId": str(id_of(f"vendor:{piece.vendor}")),
        "categoryId": str(id_of(f"category:{piece.place.slug}")),
        "brand": piece.brand,
        "priceFrom": {"minor": min(prices), "currency": "USD"},
        "priceTo": {"minor": max(prices), "currency": "USD"},
        "offerIds": [str(id_of(f"offer:{choice.sku}")) for choice in piece.choices],
        "status": "active",
        "createdAt": f"2026-{piece.number % 12 + 1:02}-{piece.number % 28 + 1:02}T10:00:00Z",
    }
    codes = [code for choice in piece.choices for code in (choice.sku, choice.barcode)]
    row: Any = {
        "card": json.dumps(card, ensure_ascii=False),
        "details": {"attributes": attributes, "codes": codes},
        "body": _TAGS.sub(" ", piece.html),
        "vendor": f"Vendor {piece.vendor}",
        "sold": piece.sold,
        "latitude": None,
        "longitude": None,
        "verified": False,
    }
    return documents.of_listing(row, known)


def build(folder: str, products: int, vendors: int) -> None:
    """Fills an index and tells what that took. A process of its own, so that it can be told."""
    asyncio.run(_build(folder, products, vendors))


async def _build(folder: str, products: int, vendors: int) -> None:
    known = tree()
    index = open_search(folder).index("products", documents.PRODUCTS)
    making, putting = 0.0, 0.0
    started = perf_counter()
    async with index.writing() as writer:
        assert writer is not None
        for first in range(0, products, BATCH):
            at = perf_counter()
            made = pieces(SEED, first, min(first + BATCH, products), vendors)
            batch = [document(piece, known) for piece in made]
            making += perf_counter() - at
            at = perf_counter()
            await writer.put(batch)
            putting += perf_counter() - at
            if first % COMMIT == 0:
                await writer.commit(f"0/{first + 1}")  # readers may look at what is there
                await writer.take_over()
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
                print(
                    f"  {first:,} after {perf_counter() - started:.0f} s, {peak:,.0f} MB",
                    flush=True,
                )
        at = perf_counter()
        await writer.commit("0/1")
        await writer.take_over()
        putting += perf_counter() - at
    took = perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    size = size_mb(folder)
    print(
        f"{products:,} documents in {took:,.0f} s, of which {making:,.0f} s making them:"
        f" {products / putting:,.0f}/s; peak {peak:,.0f} MB; on disk {size:,.0f} MB",
        flush=True,
    )


def size_mb(folder: str) -> float:
    return sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file()) / 1e6


def questions(kind: str) -> Callable[[random.Random], Question]:
    """One kind of question, another one each time."""
    known, nouns = brands(SEED), [one.noun for one in leaves()]
    materials = sorted({m for text in phrases.MATERIALS.values() for m in text.split(", ")})
    said: dict[str, Callable[[random.Random], str]] = {
        "narrow": lambda dice: f"{dice.choice(known)} {dice.choice(nouns)}",
        "middle": lambda dice: f"{dice.choice(materials)} {dice.choice(nouns)}",
        "broad": lambda dice: dice.choice(BROAD),
        "slip": lambda dice: _slip(dice, dice.choice(nouns)),
    }

    def ask(dice: random.Random) -> Question:
        base: dict[str, Any] = {
            "facets": FACETS, "ranges": {"price_from": STEPS}, "signals": SIGNALS, "limit": 25,
        }  # fmt: skip
        if kind in said:
            filters: tuple[Filter, ...] = (_price(dice),) if kind == "broad" else ()
            return Question(words=said[kind](dice), filters=filters, **base)
        if kind == "empty":
            return Question(filters=(_price(dice),), sort=Sort("popularity", falling=True), **base)
        shelves = tuple(str(id_of(f"category:{one.slug}")) for one in dice.sample(leaves(), 3))
        filters = (AnyOf("shelf", shelves), _price(dice))
        return Question(filters=filters, sort=Sort("created", falling=True), **base)

    return ask


def _slip(dice: random.Random, word: str) -> str:
    at = dice.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1 :]


def _price(dice: random.Random) -> Between:
    """Never the same, so that no answer is kept; nearly everything costs less."""
    return Between("price_from", high=2_000_000 + dice.randrange(1 << 30))


BROAD = ("cotton", "steel", "made", "warranty", "box", "colour", "weight")
KINDS = ("narrow", "middle", "broad", "slip", "shelf", "empty")


async def ask(folder: str, clients: int, seconds: float) -> None:
    index = open_search(folder).index("products", documents.PRODUCTS)
    rows: list[Sequence[str]] = [("questions", "per second", "p50 ms", "p95 ms", "max ms")]
    dice = random.Random(7)
    known = [one.noun for one in leaves()] + list(brands(SEED))

    async def asked(made: Sequence[Callable[[random.Random], Question]]) -> None:
        await index.ask(dice.choice(made)(dice))

    async def complete() -> None:
        word = dice.choice(known)
        typed = f"{word[: dice.randrange(2, len(word))]}"
        await index.complete(typed, limit=20)

    loads: list[tuple[str, Callable[[], Awaitable[Any]]]] = []
    for kind in (*KINDS, "all of these"):
        made = [questions(one) for one in (KINDS if kind not in KINDS else (kind,))]
        loads.append((kind, partial(asked, made)))
    for name, unit in [*loads, ("complete", complete)]:
        rows.append(await _load(name, unit, clients, seconds))
        print("  ".join(rows[-1]), flush=True)
    print(table(rows))


async def _load(
    name: str, unit: Callable[[], Awaitable[Any]], clients: int, seconds: float
) -> Sequence[str]:
    times: list[float] = []
    end = perf_counter() + seconds

    async def loop() -> None:
        while (started := perf_counter()) < end:
            await unit()
            times.append((perf_counter() - started) * 1000)

    await asyncio.gather(*(loop() for _ in range(clients)))
    times.sort()
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    return (name, f"{len(times) / seconds:,.1f}", f"{p50:,.1f}", f"{p95:,.1f}", f"{times[-1]:,.1f}")


def run(folder: Path, options: argparse.Namespace) -> None:
    where = folder / "index"
    if not where.exists():
        vendors = options.vendors or max(1, options.products // 200)
        arguments = (str(where), options.products, vendors)
        child = multiprocessing.get_context("spawn").Process(target=build, args=arguments)
        child.start()
        child.join()
        if child.exitcode:
            shutil.rmtree(where, ignore_errors=True)
            raise SystemExit("the index could not be made")
    asyncio.run(ask(str(where), CLIENTS, options.seconds))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"memory of the process that asked, peak: {peak:,.0f} MB")
