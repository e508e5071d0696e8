"""`python -m bench.rolling`: replaces every process of a market under buyers; counts the losses.

python -m bench.rolling [--shape all|groups] [--bus postgres|nats] [--buyers 50] [--rounds 2]

Buyers do whole checkouts over HTTP, each on a connection of its own. As HTTP allows, a buyer opens
a new one when the server said `Connection: close`, or closed the old one before anything was sent;
any other trouble is a failed request. Afterwards every order that was confirmed must be there and
paid, and `haat prove` must find nothing.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import scenarios
from bench.load import Broken, Line, table

START_WAIT_S = 600
CALM_S = 3.0  # of buying before, between and after
PAID_WAIT_S = 120.0
CLI = [sys.executable, "-m", "haat.app.cli"]


class Patron(Line):
    """A connection as a careful client keeps one."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.opened = 0
        self._over = True

    async def open(self) -> "Patron":
        await super().open()
        self.opened += 1
        self._over = False
        return self

    async def ask(
        self, method: str, path: str, body: Any = None, headers: str = ""
    ) -> tuple[int, bytes]:
        if self._over or self._reader.at_eof():
            self.close()
            await self.open()
        return await super().ask(method, path, body, headers)

    async def _body(self, head: bytes) -> bytes:
        self._over = b"\nconnection: close" in head
        return await super()._body(head)


class Buyers:
    """So many, buying until told to stop."""

    def __init__(self, world: scenarios.World, count: int) -> None:
        self._world = world
        self._stopping = False
        self.requests = 0
        self.opened = 0
        self.links: list[str] = []  # of confirmed orders
        self.failed: list[str] = []
        self._tasks = [asyncio.create_task(self._buyer(number)) for number in range(count)]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _buyer(self, number: int) -> None:
        line = await Patron(self._world.address).open()
        while not self._stopping:
            try:
                await self._buy(line, number + len(self.links))
            except (Broken, OSError, EOFError) as error:
                self.failed.append(f"{type(error).__name__}: {error}")
                self.opened += line.opened
                line.close()
                line = await Patron(self._world.address).open()
        self.opened += line.opened
        line.close()

    async def _buy(self, line: Line, number: int) -> None:
        """A guest: two items of two vendors in a cart, a quote, the order, a look at it."""
        cart = ""
        for offer in self._world.offers[number * 7919 % len(self._world.offers)]:
            item = {"offerId": offer}
            state = await self._json(line, "POST", "/cart/items", item, cart)
            cart = f"x-cart-id: {state['id']}\r\n"
        body = {
            "cartId": state["id"],
            "email": "rolling@example.com",
            "shipTo": scenarios.ADDRESS,
        }
        quoted = await self._json(line, "POST", "/checkout/summary", body, cart)
        order = {
            "quoteId": quoted["id"],
            "payment": {"provider": "test", "token": self._world.token},
        }
        placed = await self._json(line, "POST", "/orders", order, cart)
        link = placed["orderLink"].rsplit("/", 1)[-1]
        self.links.append(link)
        await self._json(line, "GET", f"/orders/link/{link}")

    async def _json(
        self, line: Line, method: str, path: str, body: Any = None, headers: str = ""
    ) -> Any:
        self.requests += 1
        return await line.json(method, scenarios.API + path, body, headers)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rolling", description=__doc__)
    parser.add_argument("--shape", choices=["all", "groups"], default="all")
    parser.add_argument("--bus", choices=["postgres", "nats"], default="postgres")
    parser.add_argument("--buyers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2, help="how often everything is replaced")
    parser.add_argument("--workers", type=int, default=2, help="HTTP workers of the shape all")
    parser.add_argument("--replicas", type=int, default=1, help="of each group")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="haat-rolling-"))
    folder.chmod(0o755)
    try:
        with market(folder, options) as (address, words):
            failed = asyncio.run(roll(address, words, options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    raise SystemExit(1 if failed else 0)


@contextmanager
def market(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """A demo market in this shape: its address, and what commands on it begin with."""
    port = scenarios.free_port()
    environment = {
        **os.environ,
        "HAAT_PORT": str(port),
        "HAAT_WORKERS": str(options.workers),
        "HAAT_LOG_LEVEL": "warning",
    }
    if options.shape == "all":
        environment["HAAT_DATA"] = str(folder)
        os.environ["HAAT_DATA"] = str(folder)
        if options.bus == "nats":
            environment["HAAT_BUS_URL"] = "nats://embedded"
        command, words = [*CLI, "run"], CLI
    else:
        given = [f"--bus={options.bus}", f"--replicas={options.replicas}"]
        split = [*CLI, "split", str(folder), *given]
        subprocess.run(split, env=environment, check=True, stdout=subprocess.DEVNULL)
        command = [*CLI, "up", str(folder)]
        words = [*CLI, f"--settings={folder / 'haat.env'}"]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        wait_until_open(folder, process)
        yield f"http://127.0.0.1:{port}", words
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)


def wait_until_open(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """As the supervisor says in its lock file."""
    until = time.monotonic() + START_WAIT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if json.loads((folder / "market.lock").read_text())["state"] == "open":
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.2)
    raise SystemExit("the market did not start")


async def roll(address: str, words: Sequence[str], options: argparse.Namespace) -> bool:
    """Whether something was lost; prints what happened."""
    world = await scenarios.World.read(address)
    buyers = Buyers(world, options.buyers)
    rows = [["round", "seconds", "orders", "requests", "failed"]]
    try:
        await asyncio.sleep(CALM_S)
        for number in range(1, options.rounds + 1):
            before = (time.monotonic(), len(buyers.links), buyers.requests, len(buyers.failed))
            await _command([*CLI, "restart", *_folder(words)])
            await asyncio.sleep(CALM_S)
            rows.append(
                [
                    str(number),
                    f"{time.monotonic() - before[0]:.1f}",
                    str(len(buyers.links) - before[1]),
                    str(buyers.requests - before[2]),
                    str(len(buyers.failed) - before[3]),
                ]
            )
    finally:
        await buyers.stop()
    missing = await _missing(address, buyers.links)
    proved = await _command([*words, "prove"], check=False)
    print()
    print(table(rows))
    print(
        f"\n{options.buyers} buyers, {buyers.requests:,} requests on {buyers.opened:,} connections,"
        f" {len(buyers.links):,} orders confirmed"
    )
    print(f"failed requests: {len(buyers.failed)}")
    for failure in list(dict.fromkeys(buyers.failed))[:10]:
        print(f"  {failure}")
    print(f"confirmed orders that are not there, or not paid: {len(missing)}")
    print(f"haat prove: {'everything adds up' if proved == 0 else 'it does not add up'}")
    return bool(buyers.failed or missing or proved)


def _folder(words: Sequence[str]) -> list[str]:
    """Of a split market, which stands beside its settings."""
    found = [word.removeprefix("--settings=") for word in words if word.startswith("--settings=")]
    return [str(Path(path).parent) for path in found]


async def _command(line: Sequence[str], *, check: bool = True) -> int:
    process = await asyncio.create_subprocess_exec(*line)
    status = await process.wait()
    if check and status:
        raise SystemExit(f"{' '.join(line[-2:])} failed")
    return status


async def _missing(address: str, links: Sequence[str]) -> list[str]:
    """Those of these orders that are not there, or not paid within a while."""
    line = await Patron(address).open()
    until = time.monotonic() + PAID_WAIT_S
    left = list(links)
    while left and time.monotonic() < until:
        left = [link for link in left if not await _is_paid(line, link)]
        await asyncio.sleep(0.1)
    line.close()
    return left


async def _is_paid(line: Line, link: str) -> bool:
    status, content = await line.ask("GET", f"{scenarios.API}/orders/link/{link}")
    if status != 200:
        return False
    parts = json.loads(content)["vendorOrders"]
    return all(part["payment"] == "paid" for part in parts)


if __name__ == "__main__":
    main()
