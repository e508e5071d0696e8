"""What the loads do: read lists, products and searches, and buy from two vendors."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg

from bench.load import Line
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.app.targets import MODULES

API = "/api/v1"
ADDRESS = {
    "name": "Bench Buyer",
    "line1": "1 Load Street",
    "city": "London",
    "postalCode": "N1 9GU",
    "country": "GB",
}
GOOD_CARD = {"number": "4242424242424242", "expMonth": 12, "expYear": 2040, "cvc": "123"}
PLENTY = 5_000_000
OFFERS_PER_VENDOR = 40
DRAIN_WAIT_S = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def remembered_port(folder: Path) -> int:
    """The one this market had before: the card network sends its webhooks there."""
    path = folder / "bench.port"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{free_port()}\n")
    return int(path.read_text())


def sql_url(folder: Path) -> str:
    """The address of the running market's database, as `haat config` tells it."""
    command = [sys.executable, "-m", "haat.app.cli", "config", "--show", "sql.url"]
    environment = {**os.environ, "HAAT_DATA": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass
class World:
    """What there is to read and to buy."""

    address: str
    slugs: Sequence[str]
    words: Sequence[str]
    offers: Sequence[tuple[str, str]]  # pairs of two different vendors' offers
    token: str

    @classmethod
    async def read(cls, address: str) -> "World":
        """Looks around over HTTP, as a client would."""
        line = await Line(address).open()
        items: list[Any] = []
        cursor = ""
        while len(items) < 300:
            page = await line.json("GET", f"{API}/products?limit=100{cursor}")
            items += page["items"]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        words = sorted({word for item in items for word in item["title"].split() if len(word) > 3})
        offers = await cls._offers(line)
        cards = await cls._cards(line)
        token = (await cards.json("POST", "/tokens", GOOD_CARD))["token"]
        return cls(address, [item["slug"] for item in items], words, offers, token)

    @staticmethod
    async def _cards(line: Line) -> Line:
        providers = await line.json("GET", f"{API}/payments/providers")
        found = providers["items"] if isinstance(providers, dict) else providers
        base = found[0]["tokenUrl"].rsplit("/", 1)[0]
        return await Line(base).open()

    @staticmethod
    async def _offers(line: Line) -> list[tuple[str, str]]:
        """Stocks the goods of the two demo vendors as their owners, and pairs what is on sale."""
        found = []
        for account in [a for a in SIGN_INS if a.role == "vendor"][:2]:
            body = {"email": account.email, "password": DEMO_PASSWORD}
            signed_in = await line.json("POST", f"{API}/auth/login", body)
            head = f"authorization: Bearer {signed_in['accessToken']}\r\n"
            page = await line.json("GET", f"{API}/inventory?limit=100", None, head)
            own: list[str] = []
            for offer in [row["offerId"] for row in page["items"]]:
                path = f"{API}/inventory/{offer}"
                await line.json("PUT", path, {"onHand": PLENTY, "reason": "correction"}, head)
                # Drafts and paused offers have stock too: a cart tells which can be bought.
                status, _ = await line.ask("POST", f"{API}/cart/items", {"offerId": offer})
                if status in (200, 201):
                    own.append(offer)
                if len(own) == OFFERS_PER_VENDOR:
                    break
            found.append(own)
        return [(one, other) for one in found[0] for other in found[1]]

    async def list_products(self, line: Line, number: int) -> None:
        await line.json("GET", f"{API}/products?limit=24")

    async def product(self, line: Line, number: int) -> None:
        await line.json("GET", f"{API}/products/{self.slugs[number % len(self.slugs)]}")

    async def search(self, line: Line, number: int) -> None:
        word = self.words[number % len(self.words)]
        await line.json("GET", f"{API}/search?q={quote(word)}&limit=24")

    async def buy(self, line: Line, number: int) -> None:
        """A guest: three items of two vendors in a cart, a quote, the order, a look at it."""
        first, second = self.offers[number * 7919 % len(self.offers)]
        third = self.offers[(number * 7919 + 1) % len(self.offers)][1]
        cart = ""
        for offer in (first, second, third):
            state = await line.json("POST", f"{API}/cart/items", {"offerId": offer}, cart)
            cart = f"x-cart-id: {state['id']}\r\n"
        body = {"cartId": state["id"], "email": "bench@example.com", "shipTo": ADDRESS}
        quoted = await line.json("POST", f"{API}/checkout/summary", body, cart)
        payment = {"provider": "test", "token": self.token}
        key = f"idempotency-key: {uuid4().hex}\r\n"
        placed = await line.json(
            "POST", f"{API}/orders", {"quoteId": quoted["id"], "payment": payment}, cart + key
        )
        link = placed["orderLink"].rsplit("/", 1)[-1]
        await line.json("GET", f"{API}/orders/link/{link}")


async def drained(url: str) -> float:
    """Seconds until every outbox and queue is empty."""
    started = perf_counter()
    counts = " + ".join(f"(SELECT count(*) FROM {p.rsplit('.', 1)[1]}.outbox)" for p in MODULES)
    connection = await asyncpg.connect(url)
    try:
        while perf_counter() - started < DRAIN_WAIT_S:
            left = await connection.fetchval(f"SELECT {counts} + (SELECT count(*) FROM bus.queue)")
            if left == 0:
                break
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    return perf_counter() - started
