"""What every payment provider must do, whoever stands behind it.

A test file plugs a provider in by a subclass with one fixture; one that is called over a network
by a subclass of RemoteConformance, which has the faults as well:

    class TestGold(RemoteConformance):
        @pytest.fixture
        async def bench(self, database_of, database_url) -> AsyncIterator[Bench]:
            await emptied(database_url, "payments")
            async with faulty(GOLD_URL) as proxy, HttpClient() as http:
                settings = PaymentsSettings(gold_url=proxy.url, ...)
                db = await database_of("payments")
                yield Bench("gold", db, PaymentsService(db, http, settings), proxy=proxy, ...)

Faults are injected between our adapter and the other side; a provider without one has no proxy.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments import proof
from haat.domains.money.payments.api import (
    Hold,
    Method,
    PaymentConflict,
    ProviderAway,
    RefundTooLarge,
    SignatureInvalid,
)
from haat.domains.money.payments.service import PaymentsService
from haat.engines.sql import Database
from haat.kernel.errors import Unavailable
from haat.kernel.money import Money
from tests.domains.money.faults import Fault, Kind, Proxy
from tests.domains.money.paying import CTX, Shifted

RETURN_URL = "http://127.0.0.1:4004/checkout"
# (headers, body) of a message that the provider signed `shift_s` seconds from now.
Message = Callable[[UUID, float], Awaitable[tuple[dict[str, str], bytes]]]
TRIES = 3  # how often the HTTP client sends what may be sent again


async def no_token() -> str | None:
    return None


async def nothing(id: UUID) -> None:
    """The customer has nothing to do."""


@dataclass
class Bench:
    """A provider, its service, and what the outside does in a test.

    `token`: what a browser would hand us, None when there is nothing. `approve`: what the customer
    does after the hold. `take`: how the money comes, `capture` unless it is told another way.
    `settle`: a refund that is pending ends. `balance`: all that was taken and not given back over
    there, minor units. `message`: a genuine webhook about a payment that is held. `charging`: the
    path of the call that authorizes or charges, for a lost answer. `currency`: what it is tried in.
    """

    name: str
    db: Database
    payments: PaymentsService
    proxy: Proxy | None = None
    token: Callable[[], Awaitable[str | None]] = no_token
    approve: Callable[[UUID], Awaitable[None]] = nothing
    take: Callable[[UUID], Awaitable[Any]] | None = None
    settle: Callable[[UUID], Awaitable[None]] | None = None
    balance: Callable[[], Awaitable[int]] | None = None
    message: Message | None = None
    charging: str = ""
    currency: str = "USD"

    def money(self, minor: int) -> Money:
        return Money(minor=minor, currency=self.currency)

    async def hold(self, id: UUID, minor: int = 1299, token: str | None = None) -> Hold:
        given = token or await self.token()
        return await self.payments.hold(
            CTX,
            id=id,
            reference=UUID(int=id.int ^ 1),
            amount=self.money(minor),
            method=Method(provider=self.name, token=given),
            return_url=RETURN_URL,
        )

    async def held(self, minor: int = 1299) -> UUID:
        """A payment up to where its money can be taken."""
        id = uuid4()
        hold = await self.hold(id, minor)
        assert hold.status in ("authorized", "needs_action", "awaiting"), hold
        await self.approve(id)
        if hold.status == "needs_action":
            assert (await self.hold(id, minor)).status == "authorized"
        return id

    async def taken(self, id: UUID) -> str:
        if self.take is not None:
            await self.take(id)
        else:
            await self.payments.capture(CTX, id=id)
        return await self.status(id)

    async def captured(self, minor: int = 1299) -> UUID:
        id = await self.held(minor)
        assert await self.taken(id) == "captured"
        return id

    async def refund(self, id: UUID, refund_id: UUID, minor: int) -> str:
        amount = self.money(minor)
        given = await self.payments.refund(CTX, id=id, refund_id=refund_id, amount=amount)
        if given.status == "pending" and self.settle is not None:
            await self.settle(refund_id)
            given = await self.payments.refund(CTX, id=id, refund_id=refund_id, amount=amount)
        return given.status

    async def status(self, id: UUID) -> str:
        query = "SELECT status FROM payments.payments WHERE id = $1"
        return str(await self.db.fetchval(query, id))

    async def told(self, name: str, id: UUID) -> int:
        """How often this was announced of the payment."""
        query = (
            "SELECT count(*) FROM payments.outbox WHERE type = $1"
            " AND envelope -> 'data' ->> 'paymentId' = $2"
        )
        return int(await self.db.fetchval(query, name, str(id)))

    async def void_due(self, seconds: float) -> None:
        ctx = type(CTX)(actor=CTX.actor, clock=Shifted(timedelta(seconds=seconds)))
        await self.payments.void_due(ctx)


def outside(bench: Bench) -> Proxy:
    assert bench.proxy is not None, "give the bench a proxy, or use ProviderConformance"
    return bench.proxy


class ProviderConformance:
    """For every provider. Subclasses give the fixture `bench`."""

    async def test_hold_take_and_refund(self, bench: Bench) -> None:
        before = await bench.balance() if bench.balance else 0
        id = await bench.captured(1299)
        reference = UUID(int=id.int ^ 1)
        assert await bench.refund(id, uuid4(), 300) == "done"
        [payment] = await bench.payments.payments(CTX, references=[reference])
        assert (payment.captured.minor, payment.refunded.minor) == (1299, 300)
        with pytest.raises(RefundTooLarge):
            await bench.refund(id, uuid4(), 1000)
        assert await bench.refund(id, uuid4(), 999) == "done"
        if bench.balance:
            assert await bench.balance() == before
        assert await bench.told("payment.intent.created", id) == 1
        assert await bench.told("payment.succeeded", id) == 1
        assert await bench.told("payment.refund", id) == 2
        assert await proof.prove(bench.db) == []
        [tally] = await bench.payments.tallies(CTX)
        assert (tally.provider, tally.captured, tally.refunded) == (bench.name, 1299, 1299)

    async def test_each_step_twice(self, bench: Bench) -> None:
        before = await bench.balance() if bench.balance else 0
        id, refund = await bench.held(), uuid4()
        first = await bench.hold(id)
        assert await bench.hold(id) == first
        for _ in range(2):
            assert await bench.taken(id) == "captured"
        for _ in range(2):
            assert await bench.refund(id, refund, 299) == "done"
        if bench.balance:
            assert await bench.balance() == before + 1000
        assert await bench.told("payment.succeeded", id) == 1
        assert await bench.told("payment.refund", id) == 1

    async def test_the_same_id_for_something_else(self, bench: Bench) -> None:
        id, refund = await bench.captured(), uuid4()
        with pytest.raises(PaymentConflict):
            await bench.hold(id, 1300)
        await bench.refund(id, refund, 100)
        with pytest.raises(PaymentConflict):
            await bench.refund(id, refund, 101)

    async def test_a_void_before_the_hold(self, bench: Bench) -> None:
        before, id = await bench.balance() if bench.balance else 0, uuid4()
        await bench.payments.void(CTX, id=id)
        assert (await bench.hold(id)).status == "voided"
        if bench.balance:
            assert await bench.balance() == before

    async def test_a_void_after_the_hold(self, bench: Bench) -> None:
        id = await bench.held()
        for _ in range(2):
            await bench.payments.void(CTX, id=id)
        assert (await bench.hold(id)).status == "voided"
        await bench.void_due(900)
        query = "SELECT void_due FROM payments.payments WHERE id = $1"
        assert not await bench.db.fetchval(query, id)

    async def test_messages(self, bench: Bench) -> None:
        if bench.message is None:  # nobody has a key for messages about these payments
            with pytest.raises(SignatureInvalid):
                await self._hear(bench, {}, b"{}")
            return
        id = await bench.held()
        headers, body = await bench.message(id, 0)
        late, late_body = await bench.message(id, -1000)
        for forged in (({}, body), (headers, body.replace(b"1299", b"1298")), (late, late_body)):
            assert forged != (headers, body)
            with pytest.raises(SignatureInvalid):
                await self._hear(bench, *forged)
        kept = "SELECT count(*) FROM payments.provider_events WHERE provider = $1"
        before, updates = await bench.db.fetchval(kept, bench.name), await self._updates(bench, id)
        for _ in range(3):
            await self._hear(bench, headers, body)
        assert await bench.db.fetchval(kept, bench.name) == before + 1
        assert await self._updates(bench, id) == updates
        assert await bench.payments.raw(CTX, payment_id=id)

    async def _hear(self, bench: Bench, headers: dict[str, str], body: bytes) -> None:
        await bench.payments.webhook(CTX, provider=bench.name, headers=headers, body=body)

    async def _updates(self, bench: Bench, id: UUID) -> int:
        return await bench.told("payment.updated", id)


class RemoteConformance(ProviderConformance):
    """For a provider that somebody stands behind: it is away, or its answers break."""

    async def test_another_amount_is_never_trusted(self, bench: Bench) -> None:
        outside(bench)
        id = await bench.held()
        more = "UPDATE payments.payments SET minor = minor + 1 WHERE id = $1"
        await bench.db.execute(more, id)
        hold = await bench.payments.capture(CTX, id=id)
        assert (hold.status, hold.decline_code) == ("capture_failed", "amount_mismatch")
        assert await bench.told("payment.succeeded", id) == 0

    async def test_away(self, bench: Bench) -> None:
        proxy, id, token = outside(bench), uuid4(), await bench.token()
        proxy.inject(Fault("unreached", times=1000))
        with pytest.raises((ProviderAway, Unavailable)):
            await bench.hold(id, token=token)
        assert await bench.status(id) == "created"
        proxy.heal()
        assert (await bench.hold(id, token=token)).status in ("authorized", "needs_action")

    @pytest.mark.parametrize("kind", ["lost", "torn", "failed", "garbage"])
    async def test_done_but_not_told(self, bench: Bench, kind: Kind) -> None:
        proxy, id, token = outside(bench), uuid4(), await bench.token()
        before = await bench.balance() if bench.balance else 0
        proxy.inject(Fault(kind, path=bench.charging, method="POST", times=TRIES))
        with pytest.raises(ProviderAway):
            await bench.hold(id, token=token)
        proxy.heal()
        first = await bench.hold(id, token=token)
        await bench.approve(id)
        if first.status == "needs_action":
            assert (await bench.hold(id, token=token)).status == "authorized"
        proxy.inject(Fault(kind, path="capture", method="POST", times=TRIES))
        with pytest.raises(ProviderAway):
            await bench.payments.capture(CTX, id=id)
        proxy.heal()
        assert await bench.taken(id) == "captured"
        refund = uuid4()
        proxy.inject(Fault(kind, path="refund", method="POST", times=TRIES))
        with pytest.raises(ProviderAway):
            await bench.refund(id, refund, 299)
        proxy.heal()
        assert await bench.refund(id, refund, 299) == "done"
        if bench.balance:
            assert await bench.balance() == before + 1000
