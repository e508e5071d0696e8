"""What the test card network took and holds, charge by charge, as it tells over HTTP."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

ANSWER_S = 20.0
ASKED_AT_ONCE = 8


class Charges:
    """`address` is the network's, `key` the file with its bearer key."""

    def __init__(self, address: str, key: Path) -> None:
        self._address = address
        self._key = key

    async def total(self) -> int:
        """What it took and did not give back; minor units."""
        async with self._http() as http:
            answer = await http.get("/balance")
            answer.raise_for_status()
        items = answer.json()["items"]
        return sum(int(one["capturedMinor"]) - int(one["refundedMinor"]) for one in items)

    async def by_intent(self) -> Mapping[UUID, list[int]]:
        """Every movement of every intent, given back ones negative, in minor units."""
        found: dict[UUID, list[int]] = defaultdict(list)
        cursor = "0"
        async with self._http() as http:
            while cursor:
                answer = await http.get("/balance/transactions", params={"cursor": cursor})
                answer.raise_for_status()
                page = answer.json()
                for line in page["items"]:
                    if line["intentId"] is not None:
                        found[UUID(line["intentId"])].append(int(line["amount"]["minor"]))
                cursor = page["next"]
        return found

    async def held(self, intents: Iterable[UUID]) -> list[UUID]:
        """Those of these that hold a card holder's money without having taken it."""
        gate = asyncio.Semaphore(ASKED_AT_ONCE)

        async def holds(http: httpx.AsyncClient, id: UUID) -> UUID | None:
            async with gate:
                answer = await http.get(f"/intents/{id}")
            if answer.status_code == httpx.codes.NOT_FOUND:  # the question never arrived there
                return None
            answer.raise_for_status()
            return id if answer.json()["status"] == "authorized" else None

        async with self._http() as http:
            answers = await asyncio.gather(*(holds(http, id) for id in intents))
        return [id for id in answers if id is not None]

    def _http(self) -> httpx.AsyncClient:
        headers: dict[str, Any] = {"authorization": f"Bearer {self._key.read_text().strip()}"}
        return httpx.AsyncClient(base_url=self._address, headers=headers, timeout=ANSWER_S)
