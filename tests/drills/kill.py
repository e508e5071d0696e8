"""kill -9 of a whole market under load, over and over: what must never happen is counted.

    bin/drill --rounds 20            # or: python -m tests.drills.kill --rounds 20 --seed 7

In each round buyers pay with good, declining, 3-D Secure, late and answer-losing cards until the
run is killed at a random moment. Then: nothing of it is left, the port is free; it comes up again
within 8 s; every half-done checkout ends placed or undone; no stock is reserved for nobody;
`haat prove` passes; and the card network has charged exactly what the placed orders come to.

One process of it at a time is killed by `python -m bench.chaos`.
"""

import argparse
import asyncio
import contextlib
import random
import socket
import sys
import tempfile
from collections import Counter
from pathlib import Path

import httpx

from bench.chaos.books import drained
from bench.chaos.shapes import AsOne
from tests.app.market import RunningMarket, ended, gone
from tests.journeys.box import ADDRESS
from tests.journeys.scene import Shop, open_shop

UP_WITHIN_S, CLEAN_WITHIN_S = 8.0, 45.0
CARDS = {
    "4242424242424242": 6,
    "4000000000005019": 3,  # charged, its answer lost
    "4000000000005050": 1,  # the webhook comes before the answer
    "4000000000005043": 1,  # every webhook five times
    "4000000000009995": 1,  # declined
}


class Broken(Exception):
    """What must not happen has happened."""


class Drill:
    """One market and the buyers who load it."""

    def __init__(self, market: RunningMarket, chance: random.Random) -> None:
        self.market = market
        self.shape = AsOne(market)
        self.chance = chance
        self.answers: Counter[str] = Counter()

    async def round(self, offers: list[str], buyers: int) -> dict[str, float]:
        """Load, kill, start, and look."""
        async with httpx.AsyncClient(timeout=40) as http:
            tokens = await self._tokens(http)
            load = [asyncio.create_task(self._buy(http, offers, tokens)) for _ in range(buyers)]
            await asyncio.sleep(self.chance.uniform(0.2, 3.0))
            family = self.market.kill()
            for task in load:
                task.cancel()
            await asyncio.gather(*load, return_exceptions=True)
        ended_s = await asyncio.to_thread(
            self.market.until, lambda: gone(family), 10, "all its processes end"
        )
        with socket.create_server(("127.0.0.1", self.market.port)):
            pass
        up_s = await asyncio.to_thread(self.market.start, 60)
        clean_s = await self._clean()
        await self._check()
        return {"ended": ended_s, "up": up_s, "clean": clean_s}

    async def _tokens(self, http: httpx.AsyncClient) -> list[str]:
        found = []
        for number, share in CARDS.items():
            card = {"number": number, "expMonth": 12, "expYear": 2040, "cvc": "123"}
            answer = await http.post(f"{self.market.cards}/tokens", json=card)
            found += [str(answer.json()["token"])] * share
        return found

    async def _buy(self, http: httpx.AsyncClient, offers: list[str], tokens: list[str]) -> None:
        """One buyer after the other, until the market is gone."""
        url = f"{self.market.address}/api/v1/orders"
        while True:
            count = self.chance.choice((1, 1, 2))
            body = {
                "items": [
                    {"offerId": offer, "quantity": self.chance.randint(1, 3)}
                    for offer in self.chance.sample(offers, count)
                ],
                "email": f"buyer{self.chance.randrange(10**6)}@example.com",
                "shipTo": ADDRESS,
                "payment": {"provider": "test", "token": self.chance.choice(tokens)},
            }
            try:
                answer = await http.post(url, json=body)
            except httpx.HTTPError:
                self.answers["cut off"] += 1
                await asyncio.sleep(0.05)
                continue
            self.answers[str(answer.status_code)] += 1

    async def _clean(self) -> float:
        """Seconds until nothing is half done."""
        try:
            return await drained(self.shape.books(), CLEAN_WITHIN_S)
        except AssertionError as left:
            raise Broken(str(left)) from None

    async def _check(self) -> None:
        found = await self.shape.books().violations()
        if found:
            raise Broken("; ".join(found))
        proved = await asyncio.to_thread(self.shape.prove)
        if proved.returncode != 0:
            raise Broken(proved.stdout + proved.stderr)

    async def total(self) -> int:
        """How many orders there are."""
        return (await self.shape.books().sums())["orders"]


async def drill(rounds: int, seed: int, buyers: int) -> int:
    """The exit status: 0 when every round was as it must be."""
    chance = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haat-drill-")))
        folder.chmod(0o755)
        market = stack.enter_context(ended(RunningMarket(folder / "data")))
        print(f"first start: {market.start():.1f} s; seed {seed}", flush=True)
        one = Drill(market, chance)
        async with one.shape.scene() as box:
            shops: list[Shop] = [
                await open_shop(box, f"Drill House {n}", price=700 + n, stock=1_000_000)
                for n in (1, 2, 3)
            ]
        offers = [shop.offer for shop in shops]
        slow = 0
        for number in range(1, rounds + 1):
            took = await one.round(offers, buyers)
            slow += took["up"] > UP_WITHIN_S
            shown = "  ".join(f"{name} {seconds:5.2f} s" for name, seconds in took.items())
            print(f"round {number:3}: {shown}  orders {await one.total()}", flush=True)
        print(f"answers: {dict(one.answers)}; starts over {UP_WITHIN_S:.0f} s: {slow}")
        market.stop()
        return 1 if slow else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/drill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--buyers", type=int, default=12)
    given = parser.parse_args()
    try:
        return asyncio.run(drill(given.rounds, given.seed, given.buyers))
    except (Broken, AssertionError) as error:
        print(f"BROKEN: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
