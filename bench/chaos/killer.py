"""kill -9 of a random process every so often, and how long it takes until a new order is paid."""

import asyncio
import contextlib
import random
import time
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
REST_S = (0.2, 1.5)  # between a recovery and the next kill, beside the pace
# Some kinds have many processes; each kind has its turns.
LESS_OFTEN: Mapping[str, float] = {"SQL connection": 0.5, "engines": 0.3}


class NotRecovered(Exception):
    """A new order was not placed and paid in time."""


@dataclass
class Killed:
    """What became of the kills of one kind."""

    recovered_s: list[float] = field(default_factory=list)
    failed: int = 0  # requests that failed until it had recovered


class Killer:
    """Kills `kills` times while `total` checkouts are made, evenly over them."""

    def __init__(
        self, shape: Shape, books: Books, buyers: Buyers, offer: str, token: str, seed: int
    ) -> None:
        self._shape = shape
        self._books = books
        self._buyers = buyers
        self._probe = [{"offerId": offer, "quantity": 1}]
        self._token = token
        self._chance = random.Random(seed)
        self.killed: dict[str, Killed] = {}

    async def go(self, kills: int, total: int) -> None:
        for number in range(kills):
            due = total * number / kills
            while self._buyers.told.done < due:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
            await asyncio.sleep(self._chance.uniform(*REST_S))
            kind, victim = await asyncio.to_thread(self._choose)
            told = self._buyers.told
            before = told.failed.total()
            began = time.monotonic()
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
            await self._recovered(kind)
            seconds = time.monotonic() - began
            one = self.killed.setdefault(kind, Killed())
            one.recovered_s.append(seconds)
            one.failed += told.failed.total() - before
            line = f"{number + 1:4}/{kills}  {kind:<20} recovered after {seconds:6.2f} s"
            print(f"{line}  {told.done} checkouts", flush=True)
        self._buyers.killing = False

    def _choose(self) -> tuple[str, psutil.Process]:
        """A kind by chance, then one of its processes."""
        found = by_kind(self._shape.family())
        kinds = sorted(found)
        weights = [LESS_OFTEN.get(kind, 1.0) for kind in kinds]
        kind = self._chance.choices(kinds, weights)[0]
        return kind, self._chance.choice(found[kind])

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
            raise NotRecovered(f"{RECOVERS_S:.0f} s after the kill of a {kind}") from None

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
    ordered = sorted(seconds)
    return str(len(ordered)), f"{ordered[len(ordered) // 2]:.2f}", f"{ordered[-1]:.2f}"
