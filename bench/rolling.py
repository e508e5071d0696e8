"""`python -m bench.rolling`: replaces every process of a market under buyers; counts the losses.

python -m bench.rolling [--shape all|split] [--bus postgres|nats] [--buyers 50] [--rounds 2]
python -m bench.rolling --replicas 2: split into groups, two processes of each

Buyers do whole checkouts over HTTP, each on a connection of its own. As HTTP allows, a buyer opens
a new one when the server said `Connection: close`, or closed the old one before anything was sent;
any other trouble is a failed request. Afterwards every order that was confirmed must be there, paid
by one charge of its own, its goods gone once; nothing may be half done, and `haat prove` must find
nothing. Exit status 1 otherwise.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop

from bench import scenarios
from bench.chaos.books import drained
from bench.chaos.shapes import Shape, running
from bench.load import Broken, Line, table
from tests.journeys.scene import open_shop

CALM_S = 3.0  # of buying before, between and after
DRAINED_S = 120.0
GOODBYE_S = "6"  # longer than our buyers keep an idle connection, as in a market's own settings
VENDORS = 4
STOCK = 1_000_000
GOOD = "4242424242424242"


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
        self.confirmed: list[UUID] = []  # orders
        self.failed: list[str] = []
        self._tasks = [asyncio.create_task(self._buyer(number)) for number in range(count)]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _buyer(self, number: int) -> None:
        line = await Patron(self._world.address).open()
        while not self._stopping:
            try:
                await self._buy(line, number + len(self.confirmed))
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
        while placed["status"] == "processing":
            await asyncio.sleep(0.2)
            path = f"/checkout/{placed['checkoutId']}/status"
            placed = await self._json(line, "GET", path, None, cart)
        self.confirmed.append(UUID(placed["orderId"]))
        link = placed["orderLink"].rsplit("/", 1)[-1]
        await self._json(line, "GET", f"/orders/link/{link}")

    async def _json(
        self, line: Line, method: str, path: str, body: Any = None, headers: str = ""
    ) -> Any:
        self.requests += 1
        return await line.json(method, scenarios.API + path, body, headers)


async def stocked(shape: Shape) -> scenarios.World:
    """Vendors with goods, and a good card."""
    async with shape.scene() as box:
        shops = [
            await open_shop(box, f"Rolling House {n}", price=700 + n, stock=STOCK)
            for n in range(VENDORS)
        ]
        token = await box.token(GOOD)
    pairs = [(one.offer, other.offer) for one in shops for other in shops if one is not other]
    return scenarios.World(shape.address, [], [], pairs, token)


async def roll(shape: Shape, options: argparse.Namespace) -> bool:
    """Whether something was lost; prints what happened."""
    buyers = Buyers(await stocked(shape), options.buyers)
    rows = [["round", "seconds", "orders", "requests", "failed"]]
    wrong: list[str] = []
    try:
        await asyncio.sleep(CALM_S)
        for number in range(1, options.rounds + 1):
            before = (len(buyers.confirmed), buyers.requests, len(buyers.failed))
            began = time.monotonic()
            restarted = await asyncio.to_thread(shape.restart)
            if restarted.returncode != 0:
                wrong.append(f"restart: {_said(restarted)}")
            await asyncio.sleep(CALM_S)
            now = (len(buyers.confirmed), buyers.requests, len(buyers.failed))
            grown = [str(after - earlier) for earlier, after in zip(before, now, strict=True)]
            rows.append([str(number), f"{time.monotonic() - began:.1f}", *grown])
    finally:
        await buyers.stop()
    wrong += await _lost(shape, buyers.confirmed)
    print(f"\n{table(rows)}\n")
    print(
        f"{options.buyers} buyers, {buyers.requests:,} requests on {buyers.opened:,} connections,"
        f" {len(buyers.confirmed):,} orders confirmed"
    )
    print(f"failed requests: {len(buyers.failed)}")
    for failure in list(dict.fromkeys(buyers.failed))[:10]:
        print(f"  {failure}")
    for line in wrong:
        print(f"BROKEN: {line}")
    if not wrong:
        print("every confirmed order is there and paid once; haat prove: everything adds up")
    return bool(buyers.failed or wrong)


async def _lost(shape: Shape, confirmed: list[UUID]) -> list[str]:
    books = shape.books()
    try:
        await drained(books, DRAINED_S)
    except AssertionError as error:
        return [str(error)]
    found = await books.violations(confirmed)
    proved = await asyncio.to_thread(shape.prove)
    return found if proved.returncode == 0 else [*found, f"prove: {_said(proved)}"]


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rolling", description=__doc__)
    add = parser.add_argument
    add("--shape", choices=["all", "split"], help="all; split with --replicas")
    add("--bus", choices=["postgres", "nats"], default="postgres", help="of the split shape")
    add("--buyers", type=int, default=50)
    add("--rounds", type=int, default=2, help="how often everything is replaced")
    add("--workers", type=int, default=2, help="HTTP workers of the shape all")
    add("--replicas", type=int, default=1, help="of each group")
    options = parser.parse_args()
    options.shape = options.shape or ("split" if options.replicas > 1 else "all")
    if options.shape == "all" and options.replicas > 1:
        parser.error("one process tree has --workers, groups have --replicas")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haat-rolling-")))
        folder.chmod(0o755)
        shape = stack.enter_context(
            running(
                options.shape,
                folder,
                workers=options.workers,
                bus=options.bus,
                replicas=options.replicas,
                HAAT_DRAIN_S=GOODBYE_S,
            )
        )
        return 1 if uvloop.run(roll(shape, options)) else 0


if __name__ == "__main__":
    sys.exit(main())
