"""The conformance suite on the providers that need nothing but this machine."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import UUID

import pytest

from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from tests.domains.money import cards
from tests.domains.money.cards import Cards, listening, running
from tests.domains.money.emptying import emptied
from tests.domains.money.faults import faulty
from tests.domains.money.paying import CTX, World
from tests.domains.money.provider_conformance import (
    Bench,
    ProviderConformance,
    RemoteConformance,
)

DatabaseOf = Callable[[str], Awaitable[Database]]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cards]:
    with running(tmp_path_factory.mktemp("cards")) as found:
        yield found


@pytest.fixture(scope="module")
def hook_port() -> int:
    return cards.free_port()


async def _deaf(headers: dict[str, str], body: bytes) -> None:
    """The suite tells its messages itself."""


class TestTestCards(RemoteConformance):
    @pytest.fixture
    async def bench(
        self, database_of: DatabaseOf, database_url: str, network: Cards, hook_port: int
    ) -> AsyncIterator[Bench]:
        await emptied(database_url, "payments")
        db = await database_of("payments")
        async with (
            listening(hook_port, _deaf) as endpoint,
            faulty(network.url) as proxy,
            HttpClient() as http,
        ):
            settings = PaymentsSettings(
                testcard_url=proxy.url,
                testcard_secret_file=network.secret_file,
                testcard_webhook_url=endpoint.url,
            )
            service = PaymentsService(db, http, settings)
            world = World(db, network, endpoint, service)

            async def message(id: UUID, shift_s: float) -> tuple[dict[str, str], bytes]:
                doc = {"type": "intent.authorized", "data": {"object": await world.there(id)}}
                signed = world.signed(doc, at=shift_s, id=f"evt_{id.hex}")
                return signed, json.dumps(doc).encode()

            yield Bench(
                "test",
                db,
                service,
                proxy=proxy,
                token=lambda: network.token(cards.SUCCESS),
                balance=network.balance,
                message=message,
                charging="/intents$",
            )


class KeptHere(ProviderConformance):
    """What the three that nobody stands behind have in common."""

    settings: PaymentsSettings
    name: str

    @pytest.fixture
    async def bench(self, database_of: DatabaseOf, database_url: str) -> AsyncIterator[Bench]:
        await emptied(database_url, "payments")
        db = await database_of("payments")
        async with HttpClient() as http:
            yield self.made(Bench(self.name, db, PaymentsService(db, http, self.settings)))

    def made(self, bench: Bench) -> Bench:
        return bench


class TestBankTransfers(KeptHere):
    name = "bank"
    settings = PaymentsSettings(
        testcard_url="", bank_iban="DE89 3704 0044 0532 0130 00", bank_holder="Haat"
    )

    def made(self, bench: Bench) -> Bench:
        async def take(id: UUID) -> None:
            await bench.payments.confirm_transfer(CTX, payment_id=id)

        async def settle(refund_id: UUID) -> None:
            await bench.payments.settle_refunds(CTX, ids=[refund_id], done=True)

        bench.take, bench.settle = take, settle
        return bench


class TestCashOnDelivery(KeptHere):
    name = "cod"
    settings = PaymentsSettings(testcard_url="", cash_on_delivery=True)

    def made(self, bench: Bench) -> Bench:
        async def take(id: UUID) -> None:
            assert (await bench.payments.capture(CTX, id=id)).collect == "on_delivery"
            await bench.payments.collected(CTX, id=id)

        bench.take = take
        return bench


class TestRecorded(KeptHere):
    name = "recorded"
    settings = PaymentsSettings(testcard_url="", recorded_payments=True)
