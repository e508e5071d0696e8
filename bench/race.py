"""`python -m bench.race`: a crowd buys the last units of an offer; who got one, what others heard.

    python -m bench.race [--buyers 200,1000] [--workers 1,4] [--flows prepared,whole] [--units 50]

For each number of HTTP workers a market of its own, for each race an offer of its own. In a
`prepared` race everybody has a quote and all press "place" at once; in a `whole` one all begin at
once with an empty cart. Each buyer opens a connection of its own after the starting shot. There
must be exactly as many orders as units, all paid; everybody else must be told `out_of_stock` by a
problem document, none by a failure, a time-out or a refused connection; nothing is left on hand
or reserved, and `haat prove` finds nothing. Exit status 1 when anything is off.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import uvloop

from bench.chaos.books import Books, drained
from bench.chaos.shapes import Shape, running
from bench.load import Line, Result, table
from bench.scenarios import ADDRESS, API
from tests.journeys.box import Box
from tests.journeys.scene import open_shop

FLOWS = ("prepared", "whole")
GOOD = "4242424242424242"
SOLD_OUT = (409, "out_of_stock")
ANSWER_S = 30.0  # what somebody in front of a browser would wait for one answer
ASK_AGAIN_S = 0.25
PREPARING = 16  # at once
DRAINED_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended for one buyer: at which step, with which answer, after how long."""

    step: str
    status: int
    code: str
    ms: float
    order: UUID | None = None
    is_document: bool = False  # a problem document that says what the status says

    @property
    def is_told(self) -> bool:
        """Whether it was told clearly that nothing is left."""
        return (self.status, self.code) == SOLD_OUT and self.is_document

    def __str__(self) -> str:
        return f"{self.status or ''} {self.code} at {self.step}".strip()


class Refused(Exception):
    """An answer that ends a buyer's flow."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.document = document


class Racer:
    """One buyer of one unit, a guest."""

    def __init__(self, address: str, offer: str, token: str, number: int) -> None:
        self._address = address
        self._offer = offer
        self._token = token
        self._email = f"racer{number}@example.com"
        self._cart = ""
        self._quote = ""
        self._step = "connect"

    async def prepare(self, line: Line) -> None:
        """Up to the button."""
        self._step = "cart"
        cart = await self._ask(line, "POST", "/cart/items", {"offerId": self._offer})
        self._cart = f"x-cart-id: {cart['id']}\r\n"
        self._step = "quote"
        body = {"cartId": cart["id"], "email": self._email, "shipTo": ADDRESS}
        self._quote = (await self._ask(line, "POST", "/checkout/summary", body))["id"]

    async def run(self, shot: asyncio.Event) -> Ended:
        await shot.wait()
        began = perf_counter()
        self._step = "connect"
        status, code, order, is_document = 0, "", None, False
        try:
            order = await self._race()
            status, code = 201, "placed"
        except Refused as refused:
            status, code = refused.status, str(refused.document.get("code"))
            said = refused.document
            is_document = said.get("status") == status and bool(said.get("title"))
        except TimeoutError:
            code = "no answer"
        except ConnectionRefusedError:
            code = "connection refused"
        except (OSError, EOFError):
            code = "cut off"
        ms = (perf_counter() - began) * 1000
        return Ended(self._step, status, code, ms, order, is_document)

    async def _race(self) -> UUID:
        async with asyncio.timeout(ANSWER_S):
            line = await Line(self._address).open()
        try:
            if not self._quote:
                await self.prepare(line)
            self._step = "place"
            placed = await self._place(line)
            while placed["status"] == "processing":
                await asyncio.sleep(ASK_AGAIN_S)
                path = f"/checkout/{placed['checkoutId']}/status"
                placed = await self._ask(line, "GET", path)
            if placed["status"] != "placed":
                placed = await self._place(line)  # which tells why
            return UUID(placed["orderId"])
        finally:
            line.close()

    async def _place(self, line: Line) -> Any:
        body = {"quoteId": self._quote, "payment": {"provider": "test", "token": self._token}}
        return await self._ask(line, "POST", "/orders", body)

    async def _ask(self, line: Line, method: str, path: str, body: Any = None) -> Any:
        key = f"idempotency-key: {uuid4().hex}\r\n" if method == "POST" else ""
        async with asyncio.timeout(ANSWER_S):
            status, content = await line.ask(method, API + path, body, self._cart + key)
        document = json.loads(content)
        if not 200 <= status < 300:
            raise Refused(status, document)
        return document


@dataclass(frozen=True)
class Race:
    """What came of one race, once everything was done that follows from it."""

    workers: int
    flow: str
    seconds: float
    ended: Sequence[Ended]
    on_hand: int
    reserved: int
    broken: Sequence[str]

    def row(self) -> list[str]:
        orders = sum(one.order is not None for one in self.ended)
        told = sum(one.is_told for one in self.ended)
        times = Result("", len(self.ended), self.seconds, [one.ms for one in self.ended])
        return [
            f"{self.workers} workers, {self.flow}",
            *map(str, (len(self.ended), orders, told, len(self.ended) - orders - told)),
            f"{self.seconds:.1f}",
            *(f"{times.at(share):,.0f}" for share in (0.5, 0.95, 1.0)),
            f"{self.on_hand}/{self.reserved}",
            "wrong" if self.broken else "right",
        ]


HEADING = ["race", "buyers", "orders", "sold out", "other", "s", "p50 ms", "p95 ms", "max ms"]
HEADING += ["left/held", "all is"]


class Course:
    """Races on one market."""

    def __init__(self, shape: Shape, box: Box, workers: int, units: int) -> None:
        self._shape = shape
        self._box = box
        self._books: Books = shape.books()
        self._workers = workers
        self._units = units
        self._number = 0
        self._confirmed: list[UUID] = []  # on this market so far

    async def race(self, flow: str, buyers: int) -> Race:
        self._number += 1
        name = f"Race House {self._number}"
        shop = await open_shop(self._box, name, price=500 + self._number, stock=self._units)
        token = await self._box.token(GOOD)
        address = self._shape.address
        racers = [Racer(address, shop.offer, token, number) for number in range(buyers)]
        if flow == "prepared":
            await _prepare(racers, address)
        shot = asyncio.Event()
        tasks = [asyncio.create_task(racer.run(shot)) for racer in racers]
        await asyncio.sleep(0.1)  # all of them stand at the line
        began = perf_counter()
        shot.set()
        ended = await asyncio.gather(*tasks)
        seconds = perf_counter() - began
        self._confirmed += [one.order for one in ended if one.order is not None]
        broken = judged(ended, self._units) + await self._settled()
        on_hand, reserved = await self._books.stock(UUID(shop.offer))
        if (on_hand, reserved) != (0, 0):
            broken.append(f"{on_hand} are on hand and {reserved} reserved, should be none")
        return Race(self._workers, flow, seconds, ended, on_hand, reserved, broken)

    async def _settled(self) -> list[str]:
        """What is not as it must be once all is done."""
        try:
            await drained(self._books, DRAINED_S)
            found = await self._books.violations(self._confirmed)
        except AssertionError as error:
            return [str(error)]
        proved = await asyncio.to_thread(self._shape.prove)
        if proved.returncode != 0:
            found.append(f"prove: {(proved.stdout + proved.stderr).strip()}")
        return found


async def _prepare(racers: Sequence[Racer], address: str) -> None:
    waiting = iter(racers)

    async def some() -> None:
        line = await Line(address).open()
        for racer in waiting:
            await racer.prepare(line)
        line.close()

    await asyncio.gather(*(some() for _ in range(PREPARING)))


def judged(ended: Sequence[Ended], units: int) -> list[str]:
    """What is wrong with these answers."""
    orders = [one.order for one in ended if one.order is not None]
    others = Counter(str(one) for one in ended if one.order is None and not one.is_told)
    found = [f"{count} × {words} instead of out_of_stock" for words, count in others.items()]
    if len(orders) != units or len(set(orders)) != units:
        found.append(f"{len(orders)} orders ({len(set(orders))} different) for {units} units")
    return found


def _tell(race: Race) -> None:
    told = Counter(str(one) for one in race.ended)
    words = ", ".join(f"{count} × {what}" for what, count in told.most_common())
    print(f"{race.row()[0]}, {len(race.ended)} buyers: {words}", flush=True)
    for line in race.broken:
        print(f"BROKEN: {line}", flush=True)


async def races(shape: Shape, workers: int, options: argparse.Namespace) -> list[Race]:
    found = []
    async with shape.scene() as box:
        course = Course(shape, box, workers, options.units)
        for flow in options.flows:
            for buyers in options.buyers:
                found.append(await course.race(flow, buyers))
                _tell(found[-1])
    return found


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _flows(words: str) -> list[str]:
    found = words.split(",")
    if not set(found) <= set(FLOWS):
        raise argparse.ArgumentTypeError(f"flows are {', '.join(FLOWS)}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.race", description=__doc__)
    add = parser.add_argument
    add("--buyers", type=_numbers, default=[200, 1_000], help="how many, in each race")
    add("--workers", type=_numbers, default=[1, 4], help="HTTP workers, in each market")
    add("--flows", type=_flows, default=list(FLOWS), help=" and ".join(FLOWS))
    add("--units", type=int, default=50)
    options = parser.parse_args()
    _allow_files(max(options.buyers))
    found: list[Race] = []
    for workers in options.workers:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haat-race-")))
            folder.chmod(0o755)
            shape = stack.enter_context(running("all", folder, workers=workers, bus="postgres"))
            found += uvloop.run(races(shape, workers, options))
    print(f"\n{table([HEADING, *(race.row() for race in found)])}")
    return 1 if any(race.broken for race in found) else 0


def _allow_files(buyers: int) -> None:
    """A connection is a file, here and in the market's processes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = buyers * 2 + 1_000
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    sys.exit(main())
