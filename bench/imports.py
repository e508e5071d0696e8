"""`bin/bench --only imports [--rows 100000]`: a vendor's file, from sending to searchable.

The file is in our own format: seven products of ten are one row, the others two to four. Every
product is approved by a rule and has stock, so all of it ends on sale and in the index.
"""

import argparse
import asyncio
import csv
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import httpx
import psutil

from bench import costs
from bench.scenarios import API, drained
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.domains.goods.imports.formats.writing import header_row

PART = 8 * 1024 * 1024
ENDED = ("done", "failed", "stopped")
SEARCH_WAIT_S = 1200.0
WORDS = (
    "linen cotton oak walnut steel brass copper enamel ceramic glass leather canvas wool felt"
    " kettle lamp chair stool table bowl plate mug jug tray basket rug throw cushion clock frame"
    " bottle knife board spoon ladle apron towel curtain mirror shelf hook rack stand bench"
).split()
COLOURS = ("Red", "Blue", "Green", "Sand")


class Bench:
    def __init__(
        self, address: str, market: psutil.Process, url: str, options: argparse.Namespace
    ) -> None:
        self._address, self._market, self._url, self._options = address, market, url, options
        self._peak: dict[str, float] = {}

    async def run(self) -> None:
        await drained(self._url)
        async with httpx.AsyncClient(base_url=self._address + API, timeout=60) as http:
            staff = await self._signed_in(http, "staff")
            vendor = await self._signed_in(http, "vendor")
            await _ok(http, "PUT", f"/admin/approval-rules/{uuid4()}", staff, {})
            names = await self._categories(http)
            watching = asyncio.create_task(self._watch())
            with tempfile.TemporaryDirectory(prefix="haat-bench-") as folder:
                path = Path(folder) / "goods.csv"
                mark = f"quux{uuid4().hex[:8]}"
                products = _write(path, self._options.rows, names, mark)
                for what in ("empty shelves", "the same file again"):
                    await self._once(http, vendor, path, what, products, mark)
            watching.cancel()
        peaks = ", ".join(f"{kind} {mb:,.0f}" for kind, mb in sorted(self._peak.items()))
        print(f"peak memory, MB: {peaks}")

    async def _once(
        self,
        http: httpx.AsyncClient,
        head: dict[str, str],
        path: Path,
        what: str,
        products: int,
        mark: str,
    ) -> None:
        statements = await costs.Statements.open(self._url)
        await statements.reset()
        began, before = perf_counter(), costs.cpu_seconds(self._market)
        id = await _sent(http, head, path)
        sent = perf_counter()
        await _ok(http, "POST", f"/imports/{id}/start", head, {})
        run: dict[str, Any] = {"state": "waiting"}
        while run["state"] not in ENDED:
            await asyncio.sleep(0.5)
            run = await _ok(http, "GET", f"/imports/{id}", head)
        ended = perf_counter()
        assert run["state"] == "done", run
        rows = run["counts"]["rows"]
        found = await self._searchable(http, f"{mark}x{products - 1}")
        searchable = perf_counter()
        await drained(self._url)
        settled = perf_counter()
        used = costs.cpu_seconds(self._market)
        spent = {kind: used[kind] - before[kind] for kind in used if used[kind] - before[kind] > 1}
        print(
            f"{what}: {rows:,} rows, {products:,} products, sent in {sent - began:.1f} s,"
            f" imported in {ended - sent:.1f} s: {rows / (ended - sent):,.0f} rows/s;"
            f" last one found {'' if found else 'NOT '}{searchable - ended:.1f} s later,"
            f" all settled after {settled - sent:.1f} s: {rows / (settled - sent):,.0f} rows/s"
        )
        print("  counts: " + ", ".join(f"{k} {v:,}" for k, v in run["counts"].items() if v))
        print("  processor s: " + ", ".join(f"{k} {v:.0f}" for k, v in spent.items()), flush=True)

    async def _searchable(self, http: httpx.AsyncClient, word: str) -> bool:
        until = perf_counter() + SEARCH_WAIT_S
        while perf_counter() < until:
            found = await _ok(http, "GET", f"/search?q={word}&limit=1", {})
            if any(word in item["title"] for item in found["items"]):
                return True
            await asyncio.sleep(0.5)
        return False

    async def _watch(self) -> None:
        while True:
            for kind, mb in costs.memory_mb(self._market).items():
                self._peak[kind] = max(self._peak.get(kind, 0.0), mb)
            await asyncio.sleep(2)

    async def _signed_in(self, http: httpx.AsyncClient, role: str) -> dict[str, str]:
        account = next(a for a in SIGN_INS if a.role == role)
        body = {"email": account.email, "password": DEMO_PASSWORD}
        signed_in = await _ok(http, "POST", "/auth/login", {}, body)
        return {"authorization": f"Bearer {signed_in['accessToken']}"}

    async def _categories(self, http: httpx.AsyncClient) -> list[str]:
        tree = await _ok(http, "GET", "/categories", {})
        items = tree["items"] if isinstance(tree, dict) else tree
        return [one["name"] for one in items]


async def _sent(http: httpx.AsyncClient, head: dict[str, str], path: Path) -> str:
    id, size = str(uuid4()), path.stat().st_size  # noqa: ASYNC240
    parts = max(1, -(-size // PART))
    with path.open("rb") as file:
        for number in range(parts):
            last = "true" if number == parts - 1 else "false"
            answer = await http.put(
                f"/imports/{id}/parts/{number}?name=goods.csv&last={last}",
                content=file.read(PART),
                headers={**head, "idempotency-key": uuid4().hex},
            )
            assert answer.is_success, answer.text
    return id


async def _ok(
    http: httpx.AsyncClient, method: str, path: str, head: dict[str, str], body: Any = None
) -> Any:
    headers = {**head, "idempotency-key": uuid4().hex} if method != "GET" else head
    answer = await http.request(method, path, json=body, headers=headers)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
    return answer.json() if answer.content else None


def _write(path: Path, rows: int, categories: list[str], mark: str) -> int:
    """A file of so many rows; answers how many products it has."""
    names = header_row().decode("utf-8-sig").strip().split(",")
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, names, restval="")
        out.writeheader()
        number = written = 0
        chance = random.Random(5)  # the same file each time
        while written < rows:
            some = list(_product(chance, number, categories, mark))[: rows - written]
            out.writerows(some)
            written += len(some)
            number += 1
    return number


def _product(
    chance: random.Random, number: int, categories: list[str], mark: str
) -> Iterator[dict[str, str]]:
    some = chance.choices(WORDS, k=40)
    first = {
        "handle": f"{mark}-{number}",
        "title": f"{' '.join(some[:4]).title()} {mark}x{number}",
        "description": f"<p>{' '.join(some)}.</p><p>{' '.join(chance.choices(WORDS, k=30))}.</p>",
        "brand": f"Brand {number % 200}",
        "category": chance.choice(categories),
        "images": f"https://p.example/{number}/1.jpg https://p.example/{number}/2.jpg",
    }
    variants = 1 if chance.random() < 0.7 else chance.randint(2, 4)
    for place in range(variants):
        row = first if place == 0 else {"handle": first["handle"]}
        if variants > 1:
            row = {**row, "option1_value": COLOURS[place]}
            row |= {"option1_name": "Colour"} if place == 0 else {}
        yield {
            **row,
            "sku": f"{mark}-{number}-{place}",
            "price": f"{chance.randint(300, 90_000) / 100:.2f}",
            "weight_g": str(chance.randint(50, 9_000)),
            "stock": str(chance.randint(1, 200)),
        }
