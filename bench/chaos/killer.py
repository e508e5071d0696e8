"""kill -9 of a random process every so often, and how long it takes until a new order is paid."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import psutil

from bench.chaos.books import Books
from bench.chaos.buyers import Buyers, Client, order_of
from bench.chaos.processes import by_kind
from bench.chaos.shapes import Shape

RECOVERS_S = 120.0
# Two in a row now and then: the second dies while the market still gets over the first.
TWICE = 0.15
APART_S = (0.0, 2.0)
EARLY = 0.6  # a kill comes within this part of the checkouts that are its own


class NotRecovered(Exception):
    """A new order was not placed and paid in time."""


@dataclass
class Killed:
    """What became of the kills of one kind."""

    recovered_s: list[float] = field(default_factory=list)
    failed: int = 0  # requests that failed until it had recovered


class Killer:
    """Kills `kills` times while `total` checkouts are made, evenly over them.

    Buyers may be one kill's share ahead of the last one and wait then: there is no kill without
    load, and no load after the last of them but for its own share.
    """

    def __init__(
        self, shape: Shape, books: Books, buyers: Buyers, offer: str, token: str, seed: int
    ) -> None:
        self._shape = shape
        self._books = books
        self._buyers = buyers
        self._probe = [{"offerId": offer, "quantity": 1}]
        self._token = token
        self._chance = random.Random(seed)
        self._turns: Counter[str] = Counter()
        self._last = ""
        self.killed: dict[str, Killed] = {}

    async def go(self, kills: int, total: int) -> None:
        number = 0
        while number < kills:
            count = 2 if kills - number > 1 and self._chance.random() < TWICE else 1
            self._buyers.permit(total * (number + count + 1) // kills)
            due = total * (number + self._chance.uniform(0, EARLY)) / kills
            while self._buyers.finished < due:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            await self._strike(count)
            number += count
            print(
                f"{number:4}/{kills}  {self._last}  {self._buyers.finished} checkouts", flush=True
            )
        self._buyers.permit(total)

    async def _strike(self, count: int) -> None:
        """Kills so many, one soon after the other, and waits until the market has recovered."""
        told = self._buyers.told
        before = told.failed.total()
        kinds = []
        for turn in range(count):
            if turn:
                await asyncio.sleep(self._chance.uniform(*APART_S))
            kinds.append(await asyncio.to_thread(self._kill))
            began = time.monotonic()
        names = " and ".join(kinds)
        await self._recovered(names)
        seconds = time.monotonic() - began
        for kind in kinds:
            self.killed[kind].recovered_s.append(seconds)
        self.killed[kinds[0]].failed += told.failed.total() - before
        self._last = f"{names:<30} recovered after {seconds:6.2f} s"

    def _kill(self) -> str:
        """One process of a kind that had the fewest turns so far; the kind."""
        while True:
            found = by_kind(self._shape.family())
            if not found:  # nothing has come back yet
                time.sleep(0.05)
                continue
            turns = {kind: self._turns[kind] for kind in sorted(found)}
            fewest = [kind for kind, count in turns.items() if count == min(turns.values())]
            kind = self._chance.choice(fewest)
            with contextlib.suppress(psutil.NoSuchProcess):
                self._chance.choice(found[kind]).kill()
                self._turns[kind] += 1
                self.killed.setdefault(kind, Killed())
                return kind

    async def _recovered(self, kind: str) -> None:
        """Until an order that was begun after the kill is placed and paid."""
        try:
            async with asyncio.timeout(RECOVERS_S):
                client = Client(self._shape.address, self._buyers.told)
                order = None
                while order is None:
                    body = order_of(self._probe, self._token, 0)
                    order = await self._buyers.one(client, f"probe-{uuid4().hex}", body)
                client.close()
                while not await self._is_paid(order):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotRecovered(f"{RECOVERS_S:.0f} s after the kill of {kind}") from None

    async def _is_paid(self, order: UUID) -> bool:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return await self._books.is_paid(order)
        return False


def rows(killed: Mapping[str, Killed]) -> list[Sequence[str]]:
    """For a table: kind, kills, recovery p50 and max in seconds, failed requests."""
    found: list[Sequence[str]] = [("process", "kills", "p50 s", "max s", "failed requests")]
    every: list[float] = []
    for kind, one in sorted(killed.items()):
        every += one.recovered_s
        found.append((kind, *_numbers(one.recovered_s), str(one.failed)))
    if every:
        failed = sum(one.failed for one in killed.values())
        found.append(("all", *_numbers(every), str(failed)))
    return found


def _numbers(seconds: Sequence[float]) -> tuple[str, str, str]:
    if not seconds:
        return "0", "never", "never"
    ordered = sorted(seconds)
    return str(len(ordered)), f"{ordered[len(ordered) // 2]:.2f}", f"{ordered[-1]:.2f}"
