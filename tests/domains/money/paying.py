"""A payments service beside the real test card network, and what tests ask of it."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from haat.domains.money.payments.api import Hold, Method
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from haat.kernel.clock import SystemClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.money import Money
from tests.domains.money import cards
from tests.domains.money.cards import Cards, Endpoint, listening, until


@dataclass
class Shifted:
    """The machine's clock, some time ahead."""

    by: timedelta = timedelta()

    def now(self) -> Any:
        return SystemClock().now() + self.by


CTX = Context(actor=SYSTEM)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


@dataclass
class World:
    db: Database
    network: Cards
    endpoint: Endpoint
    payments: PaymentsService
    clock: Shifted = field(default_factory=Shifted)

    async def hold(
        self, number: str | None = cards.SUCCESS, minor: int = 1299, **given: Any
    ) -> Hold:
        method = given.pop("method", None)
        if method is None:
            token = given.pop("token", None) or (
                await self.network.token(number) if number else None
            )
            method = Method(token=token, save=given.pop("save", False))
        id = given.pop("id", None) or uuid4()
        return await self.payments.hold(
            given.pop("ctx", CTX),
            id=id,
            reference=given.pop("reference", UUID(int=id.int ^ 1)),
            amount=usd(minor),
            method=method,
            return_url="http://127.0.0.1:4004/checkout",
            **given,
        )

    async def captured(self, number: str = cards.SUCCESS, minor: int = 1000) -> UUID:
        id = (await self.hold(number, minor)).id
        assert (await self.payments.capture(CTX, id=id)).status == "captured"
        return id

    async def status(self, id: UUID) -> str:
        query = "SELECT status FROM payments.payments WHERE id = $1"
        return str(await self.db.fetchval(query, id))

    async def there(self, id: UUID) -> dict[str, Any]:
        return dict((await self.network.ask("GET", f"/intents/{id}")).json())

    async def told(self, name: str) -> list[dict[str, Any]]:
        query = "SELECT envelope FROM payments.outbox WHERE type = $1 ORDER BY seq"
        return [row["envelope"]["data"] for row in await self.db.fetch(query, name)]

    async def later(self, **by: float) -> Context:
        return Context(actor=SYSTEM, clock=Shifted(timedelta(**by)))

    async def until_heard(self, *types: str) -> None:
        async def heard() -> bool:
            rows = await self.db.fetch("SELECT type FROM payments.provider_events")
            return set(types) <= {row["type"] for row in rows}

        await until(heard)

    def signed(self, doc: object, *, at: float = 0, id: str = "evt_1") -> dict[str, str]:
        """Headers as the network would send them."""
        body, key = json.dumps(doc).encode(), self.network.secret_file.read_text().strip().encode()
        secret = hmac.digest(key, b"haat webhook endpoint", sha256)
        stamp = str(int(SystemClock().now().timestamp() + at))
        digest = hmac.digest(secret, f"{id}.{stamp}.".encode() + body, sha256)
        return {
            "Webhook-Id": id,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1,bm8= v1," + base64.b64encode(digest).decode(),
        }

    async def hear(self, doc: object, **given: Any) -> None:
        headers = self.signed(doc, **given)
        body = json.dumps(doc).encode()
        await self.payments.webhook(CTX, provider="test", headers=headers, body=body)


def person(id: UUID, *scopes: str) -> Context:
    """Acting as this person."""
    return Context(actor=Actor("person", id), scopes=frozenset({"person", *scopes}))


@asynccontextmanager
async def opened(
    db: Database, network: Cards, hook_port: int, **settings: Any
) -> AsyncIterator[World]:
    """A service that the network can reach at `hook_port`, until the end of the block."""
    found: list[PaymentsService] = []

    async def hear(headers: dict[str, str], body: bytes) -> None:
        await found[0].webhook(CTX, provider="test", headers=headers, body=body)

    async with listening(hook_port, hear) as endpoint, HttpClient() as http:
        given: dict[str, Any] = {
            "testcard_url": network.url,
            "testcard_secret_file": network.secret_file,
            "testcard_webhook_url": endpoint.url,
        }
        found.append(PaymentsService(db, http, PaymentsSettings(**(given | settings))))
        yield World(db, network, endpoint, found[0])
