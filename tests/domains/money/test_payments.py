"""Payments against the real test card network: one charge, whatever is lost, late or repeated."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from haat.domains.money.payments import proof
from haat.domains.money.payments.api import (
    Destination,
    Hold,
    Method,
    PaymentConflict,
    ProviderAway,
    ProviderUnknown,
    RefundTooLarge,
    SignatureInvalid,
    WrongPaymentState,
)
from haat.domains.money.payments.providers.port import ProviderRefund
from haat.domains.money.payments.providers.test import TestCards as CardNetwork
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from tests.domains.money import cards
from tests.domains.money.cards import Cards, running, until
from tests.domains.money.emptying import emptied
from tests.domains.money.paying import CTX, World, opened, usd


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cards]:
    with running(tmp_path_factory.mktemp("cards")) as found:
        yield found


@pytest.fixture(scope="module")
def hook_port() -> int:
    """One for all tests here: the network goes on calling every endpoint it was told of."""
    return cards.free_port()


@pytest.fixture
async def world(
    database_of: Callable[[str], Awaitable[Database]],
    database_url: str,
    network: Cards,
    hook_port: int,
) -> AsyncIterator[World]:
    await emptied(database_url, "payments")
    async with opened(await database_of("payments"), network, hook_port) as found:
        yield found


async def test_hold_capture_and_refund(world: World) -> None:
    held = await world.hold()
    assert (held.status, held.next_action_url, held.decline_code) == ("authorized", None, None)
    for _ in range(2):
        assert (await world.payments.capture(CTX, id=held.id)).status == "captured"
    refund = uuid4()
    for _ in range(2):
        given = await world.payments.refund(CTX, id=held.id, refund_id=refund, amount=usd(300))
        assert given.status == "done"
    reference = UUID(int=held.id.int ^ 1)
    [payment] = await world.payments.payments(CTX, references=[reference])
    assert (payment.amount.minor, payment.captured.minor, payment.refunded.minor) == (
        1299,
        1299,
        300,
    )
    await world.until_heard("intent.authorized", "intent.captured", "intent.refunded")
    updates = [data["status"] for data in await world.told("payment.updated")]
    assert updates == ["authorized", "captured"]
    [succeeded] = await world.told("payment.succeeded")
    assert succeeded["amount"] == {"minor": 1299, "currency": "USD"}
    assert len(await world.told("payment.refund")) == 1
    assert await proof.prove(world.db) == []


async def test_a_declined_card(world: World) -> None:
    held = await world.hold(cards.DECLINED)
    assert (held.status, held.decline_code) == ("declined", "insufficient_funds")
    assert await world.hold(id=held.id, token="tok_other") == held
    [failed] = await world.told("payment.failed")
    assert failed["declineCode"] == "insufficient_funds"
    assert await world.payments.capture(CTX, id=held.id) == held
    # Nobody may try another card on it: over there it is given up.
    await world.payments.void_due(await world.later(seconds=30))
    assert (await world.there(held.id))["status"] == "voided"
    assert await world.status(held.id) == "declined"


async def test_a_token_nobody_knows(world: World) -> None:
    held = await world.hold(token="tok_nonsense")
    assert (held.status, held.decline_code) == ("declined", "unknown_token")


@pytest.mark.parametrize(
    ("number", "outcome", "status"),
    [
        (cards.THREE_DS, "approve", "authorized"),
        (cards.THREE_DS, "fail", "declined"),
        (cards.THREE_DS_REFUSED, "approve", "declined"),
    ],
)
async def test_three_d_secure(world: World, number: str, outcome: str, status: str) -> None:
    held = await world.hold(number)
    assert held.status == "needs_action"
    assert held.next_action_url == f"{world.network.url}/3ds/{held.id}"
    assert await world.hold(number, id=held.id) == held
    await world.network.ask("POST", f"/3ds/{held.id}", {"outcome": outcome})
    await until(lambda: _is(world, held.id, status))
    updates = [data["status"] for data in await world.told("payment.updated")]
    assert updates == ["needs_action", status]
    assert (await world.hold(number, id=held.id)).status == status


async def _is(world: World, id: UUID, status: str) -> bool:
    return await world.status(id) == status


async def test_the_card_is_entered_at_the_providers_page(world: World) -> None:
    held = await world.hold(number=None)
    assert held.status == "needs_action"
    assert held.next_action_url == f"{world.network.url}/pay/{held.id}"
    confirm = f"/intents/{held.id}/confirm"
    await world.network.ask("POST", confirm, {"number": cards.SUCCESS})
    # The webhook may take its time: asking finds it out as well.
    assert (await world.hold(number=None, id=held.id)).status == "authorized"


async def test_a_dropped_answer_is_asked_for_again(world: World) -> None:
    held = await world.hold(cards.DROPPED)
    assert held.status == "authorized"


@pytest.mark.slow
async def test_an_answer_that_never_comes_is_one_charge(world: World) -> None:
    id, token = uuid4(), await world.network.token(cards.NEVER)
    before = await world.network.balance()
    with pytest.raises(ProviderAway):
        await world.hold(id=id, token=token)
    again = await asyncio.gather(*(world.hold(id=id, token=token) for _ in range(4)))
    assert {held.status for held in again} == {"authorized"}
    await world.payments.capture(CTX, id=id)
    assert await world.network.balance() == before + 1299
    assert [d["status"] for d in await world.told("payment.updated")] == ["authorized", "captured"]


async def test_a_webhook_before_the_answer(world: World) -> None:
    held = await world.hold(cards.WEBHOOK_FIRST)
    assert held.status == "authorized"
    await world.until_heard("intent.authorized")
    assert [data["status"] for data in await world.told("payment.updated")] == ["authorized"]


async def test_a_webhook_that_comes_five_times(world: World) -> None:
    id = await world.captured(cards.FIVE_TIMES)

    async def all_there() -> bool:
        return sum(str(id).encode() in body for _, body in world.endpoint.heard) >= 10

    await until(all_there)
    assert [d["status"] for d in await world.told("payment.updated")] == ["authorized", "captured"]
    assert await world.db.fetchval("SELECT count(*) FROM payments.provider_events") == 2


async def test_a_capture_that_fails(world: World) -> None:
    held = await world.hold(cards.CAPTURE_FAILS)
    for _ in range(2):
        failed = await world.payments.capture(CTX, id=held.id)
        assert (failed.status, failed.decline_code) == ("capture_failed", "capture_failed")
    await world.payments.void_due(await world.later(seconds=30))
    assert (await world.there(held.id))["status"] == "voided"
    await world.payments.void(CTX, id=held.id)
    assert await world.status(held.id) == "capture_failed"
    assert len(await world.told("payment.failed")) == 1


async def test_voiding(world: World) -> None:
    held = await world.hold()
    for _ in range(2):
        await world.payments.void(CTX, id=held.id)
    assert (await world.there(held.id))["status"] == "voided"
    assert (await world.hold(id=held.id, token="tok_x")).status == "voided"
    assert (await world.payments.capture(CTX, id=held.id)).status == "voided"
    declined = await world.hold(cards.DECLINED)
    assert (await world.payments.capture(CTX, id=declined.id)).status == "declined"
    id = await world.captured()
    with pytest.raises(WrongPaymentState):
        await world.payments.void(CTX, id=id)
    with pytest.raises(NotFound):
        await world.payments.capture(CTX, id=uuid4())


async def test_a_void_before_its_hold_keeps_it_from_charging(world: World) -> None:
    id = uuid4()
    for _ in range(2):
        await world.payments.void(CTX, id=id)
    assert (await world.hold(id=id)).status == "voided"
    assert "code" in await world.there(id)
    assert (await world.payments.listed(CTX)).items == []


async def test_a_void_while_the_provider_is_charging(world: World) -> None:
    for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.05):
        id, token = uuid4(), await world.network.token(cards.SUCCESS)

        async def void(id: UUID = id, delay: float = delay) -> None:
            await asyncio.sleep(delay)
            await world.payments.void(CTX, id=id)

        held, _ = await asyncio.gather(world.hold(id=id, token=token), void())
        await world.payments.void_due(await world.later(seconds=30))
        assert await world.status(id) == "voided"
        assert (await world.there(id)).get("status", "voided") == "voided"
        assert held.status in ("voided", "authorized")


async def test_what_is_taken_after_the_end_is_given_back(world: World) -> None:
    before, held = await world.network.balance(), await world.hold()
    ended = "UPDATE payments.payments SET status = 'voided', rank = 4, void_due = true"
    await world.db.execute(f"{ended} WHERE id = $1", held.id)
    assert (await world.network.ask("POST", f"/intents/{held.id}/capture", {})).is_success
    for seconds in (30, 60):
        await world.payments.void_due(await world.later(seconds=seconds))
        assert await world.network.balance() == before
    assert await world.status(held.id) == "voided"


async def test_what_could_not_be_given_back_stays_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, due = await world.hold(), "SELECT void_due FROM payments.payments WHERE id = $1"
    ended = "UPDATE payments.payments SET status = 'voided', rank = 4, void_due = true"
    await world.db.execute(f"{ended} WHERE id = $1", held.id)
    assert (await world.network.ask("POST", f"/intents/{held.id}/capture", {})).is_success
    asked = []

    async def fails(
        self: CardNetwork, ctx: Context, payment_id: UUID, refund_id: UUID, amount: Money, **_: Any
    ) -> ProviderRefund:
        asked.append((payment_id, amount))
        return ProviderRefund(refund_id, payment_id, amount, "failed")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(CardNetwork, "refund", fails)
        for seconds in (30, 60):
            await world.payments.void_due(await world.later(seconds=seconds))
            assert await world.db.fetchval(due, held.id)
    assert asked == [(held.id, usd(1299))] * 2
    assert [one["code"] for one in logs if one["event"] == "stray_not_given_back"] == [
        "refund_failed"
    ] * 2
    before = await world.network.balance()
    await world.payments.void_due(await world.later(seconds=90))
    assert await world.network.balance() == before - 1299


async def test_many_capture_at_once(world: World) -> None:
    held = await world.hold()
    before = await world.network.balance()
    await asyncio.gather(*(world.payments.capture(CTX, id=held.id) for _ in range(6)))
    assert await world.network.balance() == before + 1299
    assert len(await world.told("payment.succeeded")) == 1


async def test_refunds_never_exceed_what_was_captured(world: World) -> None:
    id = await world.captured(minor=1000)
    answers = await asyncio.gather(
        *(world.payments.refund(CTX, id=id, refund_id=uuid4(), amount=usd(400)) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(a, RefundTooLarge) for a in answers) == 2
    with pytest.raises(RefundTooLarge) as error:
        await world.payments.refund(CTX, id=id, refund_id=uuid4(), amount=usd(201))
    assert error.value.data["left"] == 200
    assert (await world.there(id))["refundedMinor"] == 800
    assert await proof.prove(world.db) == []


async def test_the_same_refund_at_once_is_one(world: World) -> None:
    id, refund = await world.captured(minor=1000), uuid4()
    await asyncio.gather(
        *(world.payments.refund(CTX, id=id, refund_id=refund, amount=usd(400)) for _ in range(5))
    )
    assert (await world.there(id))["refundedMinor"] == 400
    assert len(await world.told("payment.refund")) == 1
    other = await world.captured()
    for payment, minor in ((id, 401), (other, 400)):
        with pytest.raises(PaymentConflict):
            await world.payments.refund(CTX, id=payment, refund_id=refund, amount=usd(minor))
    assert await proof.prove(world.db) == []


async def test_what_a_refund_needs(world: World) -> None:
    held = await world.hold()
    with pytest.raises(WrongPaymentState):
        await world.payments.refund(CTX, id=held.id, refund_id=uuid4(), amount=usd(1))
    with pytest.raises(NotFound):
        await world.payments.refund(CTX, id=uuid4(), refund_id=uuid4(), amount=usd(1))
    id = await world.captured()
    for amount in (usd(0), usd(-1), Money(minor=1, currency="EUR")):
        with pytest.raises(Invalid):
            await world.payments.refund(CTX, id=id, refund_id=uuid4(), amount=amount)


async def test_a_refund_that_waits(world: World) -> None:
    id = await world.captured(cards.REFUND_WAITS)
    refund = uuid4()
    given = await world.payments.refund(CTX, id=id, refund_id=refund, amount=usd(100))
    assert given.status == "pending"
    assert await world.told("payment.refund") == []

    async def done() -> bool:
        return len(await world.told("payment.refund")) == 1

    await until(done)
    await world.payments.ask_again(await world.later(minutes=2))
    given = await world.payments.refund(CTX, id=id, refund_id=refund, amount=usd(100))
    assert given.status == "done"
    assert len(await world.told("payment.refund")) == 1
    assert await proof.prove(world.db) == []


async def test_a_crash_between_the_intent_and_the_answer(world: World) -> None:
    """The process dies after the provider charged; a timer and the repeat both find it out."""
    held, other = await world.hold(cards.SUCCESS), await world.captured()
    refund = uuid4()
    await world.payments.refund(CTX, id=other, refund_id=refund, amount=usd(100))
    await world.until_heard("intent.authorized", "intent.captured", "intent.refunded")
    await world.db.execute(
        "UPDATE payments.payments SET status = 'created', rank = 0 WHERE id = $1", held.id
    )
    await world.db.execute(
        "UPDATE payments.payments SET status = 'authorized', rank = 3, captured_minor = 0,"
        " refunded_minor = 0 WHERE id = $1",
        other,
    )
    await world.db.execute("DELETE FROM payments.refunds")
    await world.payments.ask_again(CTX)
    assert await world.status(held.id) == "created"
    await world.payments.ask_again(await world.later(minutes=2))
    assert await world.status(held.id) == "authorized"
    assert await world.status(other) == "captured"
    given = await world.payments.refund(CTX, id=other, refund_id=refund, amount=usd(100))
    assert given.status == "done"
    assert (await world.there(other))["refundedMinor"] == 100


async def test_a_payment_nobody_comes_back_for_is_given_up(world: World) -> None:
    held = await world.hold()
    lost = "UPDATE payments.payments SET id = $1, status = 'created', rank = 0"
    await world.db.execute(lost, uuid4())
    await world.payments.ask_again(await world.later(hours=1))
    await world.payments.ask_again(await world.later(days=2))
    rows = await world.db.fetch("SELECT status, void_due FROM payments.payments")
    assert [tuple(row) for row in rows] == [("voided", True)]
    await world.payments.void_due(await world.later(days=3))
    assert not await world.db.fetchval("SELECT void_due FROM payments.payments")
    assert held.status == "authorized"


async def test_an_amount_that_is_not_ours_is_never_trusted(world: World) -> None:
    id, reference = uuid4(), uuid4()
    other = {"minor": 1, "currency": "USD"}
    body = {
        "id": str(id),
        "amount": other,
        "reference": str(reference),
        "returnUrl": "http://127.0.0.1:4004/checkout",
    }
    assert (await world.network.ask("POST", "/intents", body)).status_code == 201
    held = await world.hold(id=id, reference=reference)
    assert held.status == "declined"
    assert (await world.there(id))["status"] == "requires_payment"

    right = await world.hold()
    doc = await world.there(right.id) | {"status": "captured", "capturedMinor": 1, "amount": other}
    await world.hear({"type": "intent.captured", "data": {"object": doc}})
    [row] = await world.db.fetch("SELECT * FROM payments.payments WHERE id = $1", right.id)
    assert (row["status"], row["decline_code"]) == ("capture_failed", "amount_mismatch")
    assert await world.told("payment.succeeded") == []


async def test_the_same_id_for_another_payment(world: World) -> None:
    held = await world.hold(minor=500)
    with pytest.raises(PaymentConflict):
        await world.hold(id=held.id, minor=501)
    with pytest.raises(PaymentConflict):
        await world.hold(id=held.id, minor=500, reference=uuid4())
    with pytest.raises(Invalid):
        await world.hold(minor=0)
    with pytest.raises(ProviderUnknown):
        await world.payments.hold(
            CTX,
            id=uuid4(),
            reference=uuid4(),
            amount=usd(1),
            method=Method(provider="gold"),
            return_url="",
        )


async def test_forged_old_and_broken_webhooks_change_nothing(world: World) -> None:
    held = await world.hold()
    doc = {"type": "intent.voided", "data": {"object": await world.there(held.id)}}
    body = json.dumps(doc).encode()
    good = world.signed(doc)
    forged = [
        {},
        {**good, "webhook-signature": "v1,AAAA"},
        {**good, "webhook-signature": "ü"},
        {**good, "Webhook-Id": "evt_2"},
        {**good, "webhook-timestamp": "soon"},
        {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
        world.signed(doc, at=-400),
        world.signed(doc, at=400),
        world.signed({**doc, "type": "intent.captured"}),
    ]
    for headers in forged:
        with pytest.raises(SignatureInvalid):
            await world.payments.webhook(CTX, provider="test", headers=headers, body=body)
    wrong: list[object] = [[], {"type": "intent.voided"}, {"type": "x", "data": 3}]
    for broken in wrong:
        with pytest.raises(SignatureInvalid):
            await world.hear(broken)
    await world.hear({"type": "intent.voided", "data": {"object": {"id": "of another shop"}}})
    await world.hear({"type": "other.thing", "data": {"object": {}}}, id="evt_3")
    with pytest.raises(ProviderUnknown):
        await world.payments.webhook(CTX, provider="gold", headers={}, body=b"")
    assert await world.status(held.id) == "authorized"


async def test_states_only_move_forward(world: World) -> None:
    id = await world.captured()
    for n, status in enumerate(("authorized", "declined", "voided", "requires_action")):
        doc = await world.there(id) | {"status": status, "capturedMinor": 0}
        await world.hear({"type": f"intent.{status}", "data": {"object": doc}}, id=f"evt_{n}")
        assert await world.status(id) == "captured"
    assert [d["status"] for d in await world.told("payment.updated")] == ["authorized", "captured"]


async def test_messages_are_kept_without_secrets(world: World) -> None:
    doc = {"type": "x.y", "data": {"object": {"holder": "Ada", "id": "1", "token": "t"}}}
    await world.hear(doc)
    [row] = await world.db.fetch("SELECT payload FROM payments.provider_events")
    assert row["payload"]["data"]["object"] == {
        "holder": "[redacted]",
        "id": "1",
        "token": "[redacted]",
    }


@pytest.mark.parametrize(
    ("account", "status", "failure"),
    [("000123456789", "paid", None), ("000111111116", "failed", "no_account")],
)
async def test_payouts(world: World, account: str, status: str, failure: str | None) -> None:
    id, to = uuid4(), Destination(holder="Ada", account=account)
    for _ in range(2):
        paid = await world.payments.disburse(CTX, id=id, amount=usd(500), destination=to)
        assert (paid.status, paid.failure) == (status, failure)
    with pytest.raises(PaymentConflict):
        await world.payments.disburse(CTX, id=id, amount=usd(501), destination=to)
    await world.until_heard(f"payout.{status}")
    # Told only when the message was faster than the answer, and then once.
    assert len(await world.told("payment.payout_settled")) <= 1


@pytest.mark.parametrize(("account", "paid"), [("000999999991", True), ("000888888883", False)])
async def test_payouts_that_wait(world: World, account: str, paid: bool) -> None:
    id, to = uuid4(), Destination(holder="Ada", account=account)
    await world.payments.register(CTX)
    first = await world.payments.disburse(CTX, id=id, amount=usd(500), destination=to)
    assert first.status == "pending"
    await world.until_heard("payout.paid" if paid else "payout.failed")
    [settled] = await world.told("payment.payout_settled")
    assert (settled["payoutId"], settled["paid"]) == (str(id), paid)
    last = await world.payments.disburse(CTX, id=id, amount=usd(500), destination=to)
    assert last.status == ("paid" if paid else "failed")


async def test_lists_and_providers(world: World) -> None:
    ids = [(await world.hold()).id for _ in range(3)]
    first = await world.payments.listed(CTX, limit=2)
    rest = await world.payments.listed(CTX, limit=2, cursor=first.next)
    assert [p.id for p in (*first.items, *rest.items)] == ids[::-1]
    [provider] = await world.payments.providers(CTX)
    assert (provider.name, provider.kind, provider.test_mode) == ("test", "card", True)
    assert provider.token_url == f"{world.network.url}/tokens"
    assert (provider.saves_methods, provider.reports, provider.disburses) == (True, True, True)


async def test_a_provider_that_is_not_there(world: World) -> None:
    async with HttpClient() as http:
        settings = PaymentsSettings(
            testcard_url="http://127.0.0.1:1", testcard_secret_file=world.network.secret_file
        )
        away = PaymentsService(world.db, http, settings)
        id, reference = uuid4(), uuid4()

        async def hold(service: PaymentsService, token: str) -> Hold:
            return await service.hold(
                CTX,
                id=id,
                reference=reference,
                amount=usd(5),
                method=Method(token=token),
                return_url="",
            )

        with pytest.raises(ProviderAway):
            await hold(away, "tok_1")
        await away.register(CTX)
        await away.ask_again(await world.later(hours=1))
        assert await world.status(id) == "created"
        token = await world.network.token(cards.SUCCESS)
        assert (await hold(world.payments, token)).status == "authorized"
        await away.void(CTX, id=id)
        assert await world.status(id) == "voided"
        assert (await world.there(id))["status"] == "authorized"
        await world.payments.void_due(await world.later(minutes=1))
        assert (await world.there(id))["status"] == "voided"
        none = PaymentsService(world.db, http, PaymentsSettings(testcard_url=""))
        assert await none.providers(CTX) == []
