"""`bin/bench`: a market of its own in a temporary folder, loads on it, and one table.

bin/bench [--seconds 10] [--workers 2] [--buyers 16]
bin/bench --only ledger [--seconds 10]: the books beside pgbench, and a proof of a million transfers
bin/bench --only checkout [--seconds 60] [--cores 2] [--profile 40]: whole checkouts, drained
bin/bench --only catalogue [--products 10000]: lists, products, searches, completion, made-up goods
bin/bench --only index [--products 1000000] [--data FOLDER]: the search index by itself
bin/bench --only search [--products 10000]: searches with facets, autocompletion
bin/bench --only graphql [--products 10000]: lists and products by GraphQL, beside REST
bin/bench --only imports [--rows 100000] [--cores 2]: a vendor's file, from sending to searchable
bin/bench --only statement: how soon a statement of 10,000 lines begins to arrive
bin/bench --only sign-in: what signing in takes, and which share of it is Argon2
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from bench import (
    asking,
    catalogue,
    ceilings,
    checkout,
    imports,
    index,
    ledger,
    scenarios,
    search,
    signing_in,
    statement,
)
from bench.load import Line, Result, load, table

START_WAIT_S = 240
PARTS = "ledger statement sign-in checkout search graphql imports catalogue index".split()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure a market here.")
    parser.add_argument("--seconds", type=int, default=10, help="length of each load")
    parser.add_argument("--workers", type=int, default=2, help="HTTP workers")
    parser.add_argument("--readers", type=int, default=32, help="clients that read")
    parser.add_argument("--buyers", type=int, default=16, help="clients that buy")
    parser.add_argument("--only", choices=PARTS, help="this part")
    parser.add_argument("--rows", type=int, default=100_000, help="imports: of the file")
    parser.add_argument("--cores", type=int, default=0, help="share this many cores (0: all)")
    parser.add_argument("--products", type=int, default=10_000, help="checkout: how many there are")
    parser.add_argument("--vendors", type=int, default=0, help="of made-up goods; 0: by products")
    parser.add_argument("--seed", type=int, default=1, help="of made-up goods")
    parser.add_argument("--profile", type=int, default=0, help="show so many statements")
    parser.add_argument("--data", type=Path, help="a data folder to go on with (it is changed)")
    parser.add_argument("--brief", action="store_true", help="checkout: the main load alone")
    options = parser.parse_args()
    if options.cores:
        checkout.pin(options.cores)
    if options.only == "ledger":
        ledger.main(["--seconds", str(options.seconds), "--workers", str(options.workers)])
        return
    if options.data is not None:
        run(options.data.resolve(), options)
        return
    folder = Path(tempfile.mkdtemp(prefix="haat-bench-"))
    folder.chmod(0o755)
    try:
        run(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, options: argparse.Namespace) -> None:
    """One market in that folder, and what was asked for on it."""
    if options.only == "index":
        index.run(folder, options)
        return
    if options.only == "catalogue":
        sow(folder, options)
    with market(folder, options.workers) as (address, process):
        if options.only == "statement":
            asyncio.run(statement.measure(address, scenarios.sql_url(folder)))
        elif options.only == "sign-in":
            asyncio.run(signing_in.measure(address, process))
        elif options.only == "checkout":
            uvloop.run(checkout.Bench(address, process, folder, options).run())
        elif options.only == "catalogue":
            url = scenarios.sql_url(folder)
            uvloop.run(catalogue.Bench(address, process, url, options).run())
        elif options.only == "search":
            url = scenarios.sql_url(folder)
            uvloop.run(search.Bench(address, process, url, options).run())
        elif options.only == "graphql":
            url = scenarios.sql_url(folder)
            uvloop.run(asking.Bench(address, process, url, options).run())
        elif options.only == "imports":
            url = scenarios.sql_url(folder)
            asyncio.run(imports.Bench(address, process, url, options).run())
        else:
            asyncio.run(measure(address, process, folder, options))


def sow(folder: Path, options: argparse.Namespace) -> None:
    """Made-up goods, as many as wanted; what is there already stays as it is."""
    command = [sys.executable, "-m", "haat.app.cli", "seed", "scale"]
    command += ["--products", str(options.products), "--seed", str(options.seed)]
    if options.vendors:
        command += ["--vendors", str(options.vendors)]
    subprocess.run(command, env={**os.environ, "HAAT_DATA": str(folder)}, check=True)


@contextmanager
def market(folder: Path, workers: int) -> Iterator[tuple[str, psutil.Process]]:
    """The demo market on a free port; its address and its first process."""
    port = scenarios.remembered_port(folder)
    environment = {
        **os.environ,
        "HAAT_DATA": str(folder),
        "HAAT_PORT": str(port),
        "HAAT_WORKERS": str(workers),
        "HAAT_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "haat.app.cli", "serve"]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        wait_for(address, process)
        yield address, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    import urllib.request

    until = time.monotonic() + START_WAIT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health/ready", timeout=2)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the market did not start")


class Memory:
    """The most memory all processes of the market held together, as proportional set size."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.peak_mb = 0.0

    def look(self) -> float:
        found = 0
        for one in (self._process, *self._process.children(recursive=True)):
            try:
                found += one.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        self.peak_mb = max(self.peak_mb, found / 1e6)
        return found / 1e6

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(1)


async def measure(
    address: str, process: psutil.Process, folder: Path, options: argparse.Namespace
) -> None:
    """Runs every load and prints the table."""
    sql_url = scenarios.sql_url(folder)
    await ceilings.prepare(sql_url)
    # A market just filled still works on its pictures: that is no part of any load.
    await scenarios.drained(sql_url)
    memory = Memory(process)
    idle_mb = memory.look()
    watching = asyncio.create_task(memory.watch())
    reads = {"clients": options.readers, "seconds": options.seconds}
    bare = await _bare(sql_url, options)
    world = await scenarios.World.read(address)
    results = [
        await load("product list (24)", address, world.list_products, **reads),
        await load("product", address, world.product, **reads),
        await load("search with facets", address, world.search, **reads),
    ]
    minimal = await ceilings.minimal_checkouts(
        sql_url, folder, clients=options.buyers, seconds=options.seconds
    )
    buys = await load(
        "full checkout", address, world.buy, clients=options.buyers, seconds=options.seconds
    )
    drained = await scenarios.drained(sql_url)
    watching.cancel()
    print()
    print(table([*rows([bare, *results], bare.rate), _row(buys, minimal)]))
    print(f"\nceilings: bare asyncpg endpoint {bare.rate:,.0f}/s,", end=" ")
    print(f"pgbench with a checkout's minimal SQL {minimal:,.0f}/s")
    print(f"events caught up {drained:.1f} s after the last checkout")
    print(f"memory (proportional set, all processes): idle {idle_mb:,.0f} MB,", end=" ")
    print(f"peak {memory.peak_mb:,.0f} MB; workers {options.workers}, cores {os.cpu_count()}")
    for result in (*results, buys):
        for failure in list(dict.fromkeys(result.failures))[:3]:
            print(f"failed: {result.name}: {failure}")


async def _bare(sql_url: str, options: argparse.Namespace) -> Result:
    port = scenarios.free_port()
    process = ceilings.start_bare(sql_url, port, options.workers)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                (await Line(address).open()).close()
                break
            except OSError:
                await asyncio.sleep(0.1)

        async def unit(line: Line, number: int) -> None:
            await line.json("GET", f"/row/{number % 10_000 + 1}")

        return await load(
            "bare endpoint", address, unit, clients=options.readers, seconds=options.seconds
        )
    finally:
        process.terminate()
        process.wait(20)


def rows(results: list[Result], ceiling: float) -> list[list[str]]:
    heading = ["load", "per second", "of ceiling", "p50 ms", "p95 ms", "failed"]
    return [heading, *(_row(result, ceiling) for result in results)]


def _row(result: Result, ceiling: float) -> list[str]:
    return [
        result.name,
        f"{result.rate:,.0f}",
        f"{result.rate / ceiling:.1%}",
        f"{result.at(0.5):.1f}",
        f"{result.at(0.95):.1f}",
        str(len(result.failures)),
    ]


if __name__ == "__main__":
    main()
