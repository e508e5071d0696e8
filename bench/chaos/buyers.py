"""Buyers over HTTP: each sends its order again, with its key, until it is told how it ended."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bench.load import Line
from tests.journeys.box import ADDRESS

ANSWER_S = 45.0
PAUSE_S = 0.2  # before the same request is sent again
GIVE_UP_S = 240.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
CARDS: Mapping[str, int] = {
    "4242424242424242": 12,
    "4000000000005019": 2,  # charged, its answer lost
    "4000000000005043": 1,  # every webhook five times
    "4000000000009995": 1,  # declined
}


@dataclass
class Told:
    """What clients were told, and what it took."""

    placed: dict[UUID, UUID] = field(default_factory=dict)  # checkout → order
    ended: Counter[str] = field(default_factory=Counter)  # how the others ended
    failed: Counter[str] = field(default_factory=Counter)  # requests that failed, by reason
    retried: int = 0
    stuck: list[str] = field(default_factory=list)  # never told how it ended

    @property
    def done(self) -> int:
        return len(self.placed) + self.ended.total()


class Buyers:
    """Many at once. They make as many checkouts as are permitted, without a pause."""

    def __init__(
        self, address: str, offers: Sequence[str], tokens: Sequence[str], seed: int
    ) -> None:
        self._address = address
        self._offers = offers
        self._tokens = tokens
        self._seed = seed
        self._chance = random.Random(seed)
        self._number = 0
        self._permitted = 0
        self._more = asyncio.Event()
        self.finished = 0  # of those permitted
        self.told = Told()

    def permit(self, checkouts: int) -> None:
        """So many in all; whoever waited for it goes on."""
        self._permitted = checkouts
        self._more.set()

    async def buy(self, total: int, at_once: int) -> None:
        await asyncio.gather(*(self._loop(total) for _ in range(at_once)))

    async def _loop(self, total: int) -> None:
        client = Client(self._address, self.told)
        while self._number < total:
            if self._number >= self._permitted:
                self._more.clear()
                await self._more.wait()
                continue
            self._number += 1
            await self.one(client, f"chaos-{self._seed}-{self._number}", self._body())
            self.finished += 1
        client.close()

    async def one(self, client: "Client", key: str, body: Any) -> UUID | None:
        """One checkout to its end; its order's id when it was placed."""
        async with asyncio.timeout(None) as limit:
            limit.reschedule(asyncio.get_running_loop().time() + GIVE_UP_S)
            try:
                return await self._end_of(client, key, body)
            except TimeoutError:
                self.told.stuck.append(key)
        return None

    async def _end_of(self, client: "Client", key: str, body: Any) -> UUID | None:
        header = f"idempotency-key: {key}\r\n"
        status, answer = await client.sure("POST", "/api/v1/orders", body, header)
        while status in (200, 202) and answer.get("status") == "processing":
            await asyncio.sleep(PAUSE_S)
            path = f"/api/v1/checkout/{answer['checkoutId']}/status"
            status, answer = await client.sure("GET", path)
        if answer.get("status") == "placed":
            order = UUID(answer["orderId"])
            self.told.placed[UUID(answer["checkoutId"])] = order
            return order
        self.told.ended[str(answer.get("code") or answer.get("status") or status)] += 1
        return None

    def _body(self) -> dict[str, Any]:
        count = self._chance.choice((1, 1, 2))
        items = [
            {"offerId": offer, "quantity": self._chance.randint(1, 3)}
            for offer in self._chance.sample(self._offers, count)
        ]
        return order_of(items, self._chance.choice(self._tokens), self._chance.randrange(10**6))


def order_of(items: list[dict[str, Any]], token: str, who: int) -> dict[str, Any]:
    return {
        "items": items,
        "email": f"buyer{who}@example.com",
        "shipTo": ADDRESS,
        "payment": {"provider": "test", "token": token},
    }


class Client:
    """One kept connection, opened again when it broke; sends until there is an answer."""

    def __init__(self, address: str, told: Told) -> None:
        self._address = address
        self._told = told
        self._line: Line | None = None

    async def sure(
        self, method: str, path: str, body: Any = None, headers: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """The answer that counts: not a failure, not that somebody works on it."""
        while True:
            reason, status, content = "", 0, b""
            try:
                async with asyncio.timeout(ANSWER_S):
                    if self._line is None:
                        self._line = await Line(self._address).open()
                    status, content = await self._line.ask(method, path, body, headers)
            except TimeoutError:
                reason = "no answer"
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                reason = "cut off"
            answer = _document(content)
            if status in AGAIN:
                reason = str(status)
            elif answer.get("code") == "request_in_progress":
                reason = "in progress"
            if not reason:
                return status, answer
            self._told.failed[reason] += 1
            self._told.retried += 1
            if not status:
                self.close()
            await asyncio.sleep(PAUSE_S)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


def _document(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
