"""How good the search is: NDCG@10 over a judged catalogue, through the public search route.

python -m bench.relevance FOLDER [--typos 10] [--halves] [--each]

FOLDER has `icecat_products.jsonl.gz` and `judgments_dev.csv`. Its products go into a market of
their own, in a temporary folder, with the settings every market begins with; every query is asked
at GET /api/v1/search. Then again with one slip in each query (a letter changed, added, left out or
swapped with the next), as often as asked for, each time from a seed of its own.
"""

import argparse
import asyncio
import csv
import gzip
import json
import math
import os
import random
import string
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import pstdev
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from pydantic import SecretStr

from haat.app.migrating import migrate_all
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.app.web import application
from haat.domains.goods.catalog.api import Listing, ListingChanged
from haat.domains.insight.search.service import SearchService
from haat.domains.people.market.api import Market, MarketSettings
from haat.engines.sql.embedded import EmbeddedPostgres
from haat.engines.telemetry import set_up_logs
from haat.kernel.money import Money

VENDOR = uuid5(NAMESPACE_URL, "https://haat.example/bench/vendor")
BORN = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN, BATCH, TELLING = 10, 500, 4
CLEAN_GOAL, TYPO_GOAL = 0.84, 0.92

Judgments = Mapping[str, Mapping[str, int]]
Pick = Callable[[str], list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.relevance", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--typos", type=int, default=10, help="rounds with a slip in every query")
    parser.add_argument("--halves", action="store_true", help="each half of the queries as well")
    parser.add_argument("--each", action="store_true", help="each query's own figure")
    options = parser.parse_args()
    set_up_logs("error")
    with temporary_market() as settings:
        migrate_all(settings)
        asyncio.run(measure(settings, options))


@contextmanager
def temporary_market() -> Iterator[AppSettings]:
    """Settings of an empty market that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="haat-relevance-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start().url
        os.environ["HAAT_SQL_URL"] = url
        try:
            yield AppSettings(data=folder, sql_url=SecretStr(url), demo=False)
        finally:
            server.stop()


async def measure(settings: AppSettings, options: argparse.Namespace) -> None:
    judged = judgments(options.folder / "judgments_dev.csv")
    async with Runtime(settings, all_modules(), reacts=True, timers=False) as runtime:
        opened = MarketSettings(name="Relevance", currency="USD", country="GB")
        ctx = runtime.system_context("relevance")
        await runtime.inner[Market].open(ctx, settings=opened)
        names = await fill(runtime, options.folder / "icecat_products.jsonl.gz")
        transport = httpx.ASGITransport(application(settings, "all", runtime))
        app = transport.app
        async with (
            app_started(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            route = Route(http, names)
            await report(route, judged, options)


class app_started:
    """Runs an application's start and end around the block, as a server would."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __aenter__(self) -> None:
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.create_task(self._app(scope, self._heard.get, self._said.put))
        await self._heard.put({"type": "lifespan.startup"})
        said = await self._said.get()
        assert said["type"] == "lifespan.startup.complete", said

    async def __aexit__(self, *exc: object) -> None:
        await self._heard.put({"type": "lifespan.shutdown"})
        await self._task


class Route:
    """The public search route; answers are the catalogue's own ids."""

    def __init__(self, http: httpx.AsyncClient, names: Mapping[UUID, str]) -> None:
        self._http = http
        self._names = names

    async def ask(self, words: str) -> list[str]:
        answer = await self._http.get("/api/v1/search", params={"q": words, "limit": SHOWN})
        answer.raise_for_status()
        return [self._names[UUID(item["id"])] for item in answer.json()["items"]]


async def report(route: Route, judged: Judgments, options: argparse.Namespace) -> None:
    queries = [query for query, ratings in judged.items() if any(ratings.values())]
    clean = [ndcg(judged[query], await route.ask(query)) for query in queries]
    if options.each:
        for query, figure in sorted(zip(queries, clean, strict=True), key=lambda pair: pair[1]):
            print(f"  {figure:.3f}  {query}")
    figure = mean(clean)
    print(f"NDCG@{SHOWN}, {len(queries)} queries     {figure:.4f}  (goal {CLEAN_GOAL})")
    if options.halves:
        print(f"  every other query      {mean(clean[::2]):.4f} and {mean(clean[1::2]):.4f}")
    for where, pick in (
        ("its longest word of four letters or more", longest),
        ("any letter of it", anywhere),
    ):
        rounds = [
            await with_slips(route, judged, queries, random.Random(seed), pick)
            for seed in range(options.typos)
        ]
        if not rounds:
            continue
        shares = [mean(one) / figure for one in rounds]
        print(
            f"a slip in {where}   {mean(shares):.4f} of it, over {len(shares)} rounds from"
            f" {min(shares):.3f} to {max(shares):.3f}, spread {pstdev(shares):.3f}"
            f"  (goal {TYPO_GOAL})"
        )
        if options.halves:
            first, second = (
                mean([mean(one[half::2]) for one in rounds]) / mean(clean[half::2])
                for half in (0, 1)
            )
            print(f"  every other query      {first:.4f} and {second:.4f} of theirs")


async def with_slips(
    route: Route, judged: Judgments, queries: Sequence[str], chance: random.Random, pick: Pick
) -> list[float]:
    """Each query's figure with one slip in it."""
    asked = [(query, slip(query, pick(query), chance)) for query in queries]
    return [ndcg(judged[query], await route.ask(wrong)) for query, wrong in asked]


def anywhere(query: str) -> list[int]:
    """Every letter: also those of words so short that the slip makes another word of them."""
    return [place for place, letter in enumerate(query) if letter != " "]


def longest(query: str) -> list[int]:
    """Nowhere in a query of shorter words: AA for AAA is no slip that anybody could see."""
    word = max(query.split(), key=len)
    if len(word) < TELLING:
        return []
    start = query.index(word)
    return list(range(start, start + len(word)))


def ndcg(ratings: Mapping[str, int], shown: Sequence[str]) -> float:
    """Gain 2^r − 1, discount log2(rank + 1), what nobody judged is 0."""

    def gained(found: Sequence[int]) -> float:
        return math.fsum((2**r - 1) / math.log2(rank + 2) for rank, r in enumerate(found[:SHOWN]))

    ideal = gained(sorted(ratings.values(), reverse=True))
    return gained([ratings.get(id, 0) for id in shown]) / ideal


def slip(query: str, places: Sequence[int], chance: random.Random) -> str:
    """One letter wrong, at one of these places; as it is where there are none."""
    if not places:
        return query
    at = chance.choice(places)
    other = chance.choice([c for c in string.ascii_lowercase if c != query[at]])
    following = query[at + 1 : at + 2]
    kinds = ["changed", "added"]
    if len(query) > 1:
        kinds.append("left out")
    if following.strip() and following != query[at]:
        kinds.append("swapped")
    kind = chance.choice(kinds)
    if kind == "changed":
        return query[:at] + other + query[at + 1 :]
    if kind == "added":
        return query[:at] + other + query[at:]
    if kind == "left out":
        return query[:at] + query[at + 1 :]
    return query[:at] + following + query[at] + query[at + 2 :]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def judgments(path: Path) -> Judgments:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["query"]][row["docid"]] = int(row["rating"])
    return found


async def fill(runtime: Runtime, path: Path) -> dict[UUID, str]:
    """Tells the index of every product, as the catalogue would. The judged names of their ids."""
    service = next(one for one in runtime.services.values() if isinstance(one, SearchService))
    ctx = runtime.system_context("relevance")
    names: dict[UUID, str] = {}
    waiting: list[ListingChanged] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            listing = listing_of(said := json.loads(line))
            names[listing.id] = said["id"]
            waiting.append(ListingChanged(product_id=listing.id, version=1, listing=listing))
            if len(waiting) == BATCH:
                await service.show(ctx, waiting)
                waiting = []
    if waiting:
        await service.show(ctx, waiting)
    return names


def listing_of(product: Mapping[str, Any]) -> Listing:
    price = Money(minor=int(product.get("price") or 0), currency="USD")
    return Listing(
        id=uuid5(VENDOR, product["id"]),
        slug=product["id"],
        title=product["title"],
        text=product.get("short_description") or "",
        attributes={
            key.removeprefix("t_"): [str(value)]
            for key, value in product["attrs"].items()
            if key.startswith("t_")
        },
        codes=[*filter(None, [product.get("name")]), *(product.get("ean") or [])],
        vendor_id=VENDOR,
        category_id=None,
        brand=product.get("brand") or "",
        price_from=price,
        price_to=price,
        offer_ids=[],
        status="active",
        created_at=BORN,
    )


if __name__ == "__main__":
    main()
