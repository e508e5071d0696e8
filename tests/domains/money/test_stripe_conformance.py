"""What every provider must do, done by Stripe's adapter and the payments service: with a token,
and on Stripe's page. Over there stands our own Stripe-shaped server."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from pydantic import SecretStr
from stripe import WebhookSignature

from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.faults import faulty
from tests.domains.money.provider_conformance import Bench, RemoteConformance
from tests.domains.money.stripe_double import KEY, VISA, Double, stripe_double

DatabaseOf = Callable[[str], Awaitable[Database]]
SECRET = "whsec_conformance"


def intent_of(double: Double, id: UUID) -> dict[str, object]:
    intents = double.of("payment_intent")
    return next(one for one in intents if one["metadata"]["haat_payment"] == str(id))


@asynccontextmanager
async def benched(db: Database, charging: str) -> AsyncIterator[tuple[Bench, Double]]:
    async with stripe_double() as double, faulty(double.url) as proxy, HttpClient() as http:
        settings = PaymentsSettings(
            testcard_url="",
            stripe_url=proxy.url,
            stripe_secret_key=SecretStr(KEY),
            stripe_webhook_secret=SecretStr(SECRET),
        )
        service = PaymentsService(db, http, settings)

        async def balance() -> int:
            received = sum(one["amount_received"] for one in double.of("payment_intent"))
            return int(received - sum(one["amount"] for one in double.of("refund")))

        async def message(id: UUID, shift_s: float) -> tuple[dict[str, str], bytes]:
            kind = "payment_intent.amount_capturable_updated"
            about = {"object": intent_of(double, id)}
            doc = {"id": f"evt_{id.hex}", "type": kind, "livemode": False, "data": about}
            body, at = json.dumps(doc), int(time.time() + shift_s)
            header = WebhookSignature.generate_signature_header(body, SECRET, at)
            return {"stripe-signature": header}, body.encode()

        bench = Bench("stripe", db, service, proxy=proxy, balance=balance, message=message)
        bench.charging = charging
        yield bench, double


class TestWithAToken(RemoteConformance):
    @pytest.fixture
    async def bench(self, database_of: DatabaseOf, database_url: str) -> AsyncIterator[Bench]:
        await emptied(database_url, "payments")
        async with benched(await database_of("payments"), "/payment_intents$") as (bench, _):

            async def token() -> str:
                return VISA

            bench.token = token
            yield bench


class TestOnStripesPage(RemoteConformance):
    @pytest.fixture
    async def bench(self, database_of: DatabaseOf, database_url: str) -> AsyncIterator[Bench]:
        await emptied(database_url, "payments")
        async with benched(await database_of("payments"), "/sessions$") as (bench, double):

            async def approve(id: UUID) -> None:
                sessions = double.of("checkout.session")
                mine = [one for one in sessions if one["metadata"]["haat_payment"] == str(id)]
                assert len(mine) == 1
                double.pay(mine[0]["id"])

            bench.approve = approve
            yield bench
