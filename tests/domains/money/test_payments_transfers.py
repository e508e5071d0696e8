"""Bank transfers: references people type, credits matched once, and waits that end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payments import proof, transfers
from haat.domains.money.payments.api import (
    Destination,
    FundsMatch,
    FundsReceived,
    Hold,
    Method,
    ProviderUnknown,
    WrongPaymentState,
)
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.domains.money.payments.transfers import ALPHABET, reference_of, references_in
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from haat.kernel.clock import SystemClock
from haat.kernel.context import GUEST, SYSTEM, Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from tests.domains.money.emptying import emptied
from tests.domains.money.paying import CTX, Shifted, person, usd

SETTINGS = PaymentsSettings(
    testcard_url="",
    bank_iban="DE89 3704 0044 0532 0130 00",
    bank_bic="COBADEFFXXX",
    bank_holder="Haat Market",
    bank_transfer_days=7,
    cash_on_delivery=True,
    recorded_payments=True,
)
NOW = SystemClock().now()


@dataclass
class Till:
    db: Database
    payments: PaymentsService

    async def hold(self, provider: str = "bank", minor: int = 1299, **given: Any) -> Hold:
        id = given.pop("id", None) or uuid4()
        return await self.payments.hold(
            given.pop("ctx", CTX),
            id=id,
            reference=UUID(int=id.int ^ 1),
            amount=usd(minor),
            method=Method(provider=provider),
            return_url="",
            **given,
        )

    async def awaiting(self, minor: int = 1299) -> tuple[UUID, str]:
        hold = await self.hold(minor=minor)
        assert hold.instructions is not None
        return hold.id, hold.instructions.reference

    async def receive(self, *funds: FundsReceived) -> list[FundsMatch]:
        return await self.payments.receive_funds(CTX, funds=list(funds))

    async def status(self, id: UUID) -> str:
        query = "SELECT status FROM payments.payments WHERE id = $1"
        return str(await self.db.fetchval(query, id))

    async def told(self, name: str) -> list[dict[str, Any]]:
        query = "SELECT envelope FROM payments.outbox WHERE type = $1 ORDER BY seq"
        return [row["envelope"]["data"] for row in await self.db.fetch(query, name)]

    async def later(self, days: float) -> None:
        await self.payments.void_due(Context(actor=SYSTEM, clock=Shifted(timedelta(days=days))))


@pytest.fixture
async def till(
    database_of: Callable[[str], Awaitable[Database]], database_url: str
) -> AsyncIterator[Till]:
    await emptied(database_url, "payments")
    db = await database_of("payments")
    async with HttpClient() as http:
        yield Till(db, PaymentsService(db, http, SETTINGS))


def credit(text: str, minor: int = 1299, currency: str = "USD", **given: Any) -> FundsReceived:
    amount = Money(minor=minor, currency=currency)
    known: dict[str, Any] = {"id": uuid4(), "booked_at": NOW, "bank_ref": "A1"} | given
    return FundsReceived(text=text, amount=amount, **known)


@given(st.uuids(), st.integers(0, 7))
def test_a_reference_is_found_however_it_is_typed(id: UUID, attempt: int) -> None:
    reference = reference_of(id, attempt)
    assert len(reference) == len("HT-7K3Q-92XM")
    assert set(reference.replace("-", "")[2:]) <= set(ALPHABET)
    plain = reference.replace("-", "")
    slips = plain[:2] + plain[2:].replace("0", "o").replace("1", "l")
    for text in (
        reference,
        f"order {reference.lower()}, thanks",
        f"SVWZ+{plain}",
        f"Re {' '.join(plain)} for shoes",
        f"{plain[:6]}\n{plain[6:]}/EREF",
        slips,
    ):
        assert reference in references_in(text)


@given(st.uuids(), st.integers(0, 7), st.sampled_from(ALPHABET))
def test_a_wrong_symbol_is_seen(id: UUID, place: int, symbol: str) -> None:
    plain = reference_of(id).replace("-", "")
    at = place + 2
    wrong = plain[:at] + symbol + plain[at + 1 :]
    assert references_in(wrong) == ([] if wrong != plain else [reference_of(id)])


@given(st.uuids(), st.integers(0, 6))
def test_swapped_neighbours_are_seen(id: UUID, place: int) -> None:
    plain = reference_of(id).replace("-", "")
    at = place + 2
    pair = {plain[at], plain[at + 1]}
    swapped = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :]
    # Luhn's one blind spot: the lowest and the highest symbol beside each other.
    is_seen = swapped != plain and pair != {"0", "Z"}
    assert (references_in(swapped) == []) is is_seen


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert all(len(found) == 12 for found in references_in(text))


def test_references_do_not_change() -> None:
    """They stand on invoices: another algorithm would lose the money of those who wait."""
    assert reference_of(UUID(int=1)) == "HT-DWMS-ANGY"
    assert reference_of(UUID(int=1), 1) != reference_of(UUID(int=1))


async def test_a_transfer_is_awaited_and_comes(till: Till) -> None:
    hold = await till.hold(person_id=(buyer := uuid4()), purpose="topup")
    told = hold.instructions
    assert hold.status == "awaiting"
    assert told is not None
    assert (told.holder, told.iban) == ("Haat Market", "DE89370400440532013000")
    assert told.amount == usd(1299)
    assert timedelta(days=6, hours=23) < told.until - NOW < timedelta(days=7, hours=1)
    assert await till.hold(id=hold.id, person_id=buyer, purpose="topup") == hold
    assert (await till.payments.capture(CTX, id=hold.id)).status == "awaiting"
    one = credit(f"Thank you {told.reference.lower().replace('-', ' ')}!")
    for _ in range(2):
        [match] = await till.receive(one)
        assert (match.outcome, match.payment_id, match.expected) == (
            "captured",
            hold.id,
            usd(1299),
        )
    [own] = (await till.payments.own(person(buyer))).items
    assert (own.status, own.purpose, own.captured) == ("captured", "topup", usd(1299))
    [succeeded] = await till.told("payment.succeeded")
    assert succeeded["purpose"] == "topup"
    assert [u["status"] for u in await till.told("payment.updated")] == ["awaiting", "captured"]
    assert await proof.prove(till.db) == []


async def test_other_credits_take_nothing(till: Till) -> None:
    id, reference = await till.awaiting()
    ended, gone = await till.awaiting()
    await till.payments.void(CTX, id=ended)
    outcomes = await till.receive(
        credit("for my order"),
        credit("HT-0000-0001"),
        credit(reference, minor=1298),
        credit(reference, currency="EUR"),
        credit(gone),
    )
    assert [one.outcome for one in outcomes] == [
        "unmatched",
        "unmatched",
        "wrong_amount",
        "wrong_amount",
        "late",
    ]
    assert [one.payment_id for one in outcomes] == [None, None, id, id, ended]
    assert (await till.status(id), await till.status(ended)) == ("awaiting", "voided")
    [match] = await till.receive(credit(f"{gone} {reference}"))
    assert (match.outcome, match.payment_id) == ("captured", id)
    assert await proof.prove(till.db) == []


async def test_the_money_comes_twice(till: Till) -> None:
    id, reference = await till.awaiting()
    second = credit(reference, booked_at=NOW + timedelta(days=1))
    answers = await till.receive(second, credit(reference))
    assert [one.outcome for one in answers] == ["late", "captured"]
    assert [one.outcome for one in await till.receive(credit(reference))] == ["late"]
    assert len(await till.told("payment.succeeded")) == 1
    assert await till.status(id) == "captured"


async def test_statements_read_at_once(till: Till) -> None:
    ids = [await till.awaiting() for _ in range(4)]
    funds = [credit(reference) for _, reference in ids]
    again = [credit(reference) for _, reference in ids]
    answers = await asyncio.gather(
        *(till.receive(*funds) for _ in range(3)), till.receive(*again), till.receive(*again)
    )
    assert len(await till.told("payment.succeeded")) == 4
    assert answers[0] == answers[1] == answers[2]
    assert answers[3] == answers[4]
    both = [one.outcome for one in (*answers[0], *answers[3])]
    assert sorted(both) == ["captured"] * 4 + ["late"] * 4
    assert await proof.prove(till.db) == []


async def test_staff_confirm_a_transfer(till: Till) -> None:
    id, reference = await till.awaiting()
    staff = person(uuid4(), "staff:money")
    for _ in range(2):
        found = await till.payments.confirm_transfer(staff, payment_id=id, note="seen online")
        assert (found.status, found.captured) == ("captured", usd(1299))
    assert len(await till.told("payment.succeeded")) == 1
    [raw] = await till.payments.raw(CTX, payment_id=id)
    assert raw["payload"] == {"by": str(staff.actor.id), "note": "seen online"}
    # The statement that comes later explains it, once.
    first, second = await till.receive(credit(reference), credit(reference))
    assert sorted([first.outcome, second.outcome]) == ["already", "late"]
    other = await till.hold("cod")
    for wrong in (other.id, (await till.hold("recorded")).id):
        with pytest.raises(WrongPaymentState):
            await till.payments.confirm_transfer(staff, payment_id=wrong)
    with pytest.raises(NotFound):
        await till.payments.confirm_transfer(staff, payment_id=uuid4())
    assert await proof.prove(till.db) == []


async def test_a_transfer_nobody_makes(till: Till) -> None:
    id, reference = await till.awaiting()
    await till.later(days=6.9)
    assert await till.status(id) == "awaiting"
    for _ in range(2):
        await till.later(days=7.1)
        assert await till.status(id) == "voided"
    assert [u["status"] for u in await till.told("payment.updated")] == ["awaiting", "voided"]
    assert [one.outcome for one in await till.receive(credit(reference))] == ["late"]
    with pytest.raises(WrongPaymentState):
        await till.payments.confirm_transfer(CTX, payment_id=id)


async def test_a_taken_reference_is_replaced(till: Till) -> None:
    id = uuid4()
    _, taken = await till.awaiting()
    change = "UPDATE payments.payments SET transfer_ref = $2 WHERE transfer_ref = $1"
    await till.db.execute(change, taken, transfers.reference_of(id))
    hold = await till.hold(id=id)
    assert hold.instructions is not None
    assert hold.instructions.reference == transfers.reference_of(id, 1)
    [payment] = await till.payments.payments(CTX, references=[UUID(int=id.int ^ 1)])
    assert payment.provider_ref == transfers.reference_of(id, 1)
    assert [m.payment_id for m in await till.receive(credit(transfers.reference_of(id, 1)))] == [id]


async def test_refunds_wait_until_they_are_paid(till: Till) -> None:
    id, reference = await till.awaiting()
    await till.receive(credit(reference))
    done, back = uuid4(), uuid4()
    for refund in (done, back):
        given = await till.payments.refund(CTX, id=id, refund_id=refund, amount=usd(500))
        assert given.status == "pending"
    await till.payments.ask_again(Context(actor=SYSTEM, clock=Shifted(timedelta(days=1))))
    due = await till.payments.refunds_due(CTX, limit=1)
    rest = await till.payments.refunds_due(CTX, limit=1, cursor=due.next)
    assert {one.id for one in (*due.items, *rest.items)} == {done, back}
    for _ in range(2):
        await till.payments.settle_refunds(CTX, ids=[done], done=True)
        await till.payments.settle_refunds(CTX, ids=[back], done=False, reason="no such account")
    with pytest.raises(WrongPaymentState):
        await till.payments.settle_refunds(CTX, ids=[back, done], done=True)
    with pytest.raises(NotFound):
        await till.payments.settle_refunds(CTX, ids=[uuid4()], done=True)
    assert (await till.payments.refunds_due(CTX)).items == []
    [payment] = await till.payments.payments(CTX, references=[UUID(int=id.int ^ 1)])
    assert payment.refunded == usd(500)
    assert [data["refundId"] for data in await till.told("payment.refund")] == [str(done)]
    assert await proof.prove(till.db) == []


async def test_payouts_wait_for_the_bank(till: Till) -> None:
    to = Destination(holder="Ada", account="DE89370400440532013000")
    paid, back = uuid4(), uuid4()
    for id in (paid, back, paid):
        sent = await till.payments.disburse(
            CTX, id=id, amount=usd(700), destination=to, provider="bank"
        )
        assert sent.status == "pending"
    for _ in range(2):
        settle = till.payments.settle_disbursements
        await settle(CTX, ids=[paid], paid=True, provider_ref="B-7")
        await settle(CTX, ids=[back], paid=False, reason="account closed")
    settled = {data["payoutId"]: data for data in await till.told("payment.payout_settled")}
    assert len(await till.told("payment.payout_settled")) == 2
    assert settled[str(paid)]["providerRef"] == "B-7"
    assert (settled[str(back)]["paid"], settled[str(back)]["reason"]) == (False, "account closed")
    with pytest.raises(WrongPaymentState):
        await till.payments.settle_disbursements(CTX, ids=[paid, back], paid=False)
    again = await till.payments.disburse(
        CTX, id=back, amount=usd(700), destination=to, provider="bank"
    )
    assert (again.status, again.failure) == ("failed", "account closed")
    for provider in ("cod", "recorded"):
        with pytest.raises(ProviderUnknown):
            await till.payments.disburse(
                CTX, id=uuid4(), amount=usd(1), destination=to, provider=provider
            )
    [tally] = await till.payments.tallies(CTX)
    assert (tally.provider, tally.paid_out) == ("bank", 700)


async def test_cash_is_collected_on_delivery(till: Till) -> None:
    held = await till.hold("cod")
    assert (held.status, held.collect) == ("authorized", "on_delivery")
    assert (await till.payments.capture(CTX, id=held.id)).status == "authorized"
    for _ in range(2):
        assert (await till.payments.collected(CTX, id=held.id)).status == "captured"
    assert len(await till.told("payment.succeeded")) == 1
    bank, _ = await till.awaiting()
    with pytest.raises(WrongPaymentState):
        await till.payments.collected(CTX, id=bank)
    with pytest.raises(NotFound):
        await till.payments.collected(CTX, id=uuid4())


async def test_only_staff_record_payments(till: Till) -> None:
    id = uuid4()
    for ctx in (Context(actor=GUEST), person(uuid4())):
        refused = await till.hold("recorded", ctx=ctx, id=id)
        assert (refused.status, refused.decline_code) == ("declined", "provider_not_allowed")
        offered = [one.name for one in await till.payments.providers(ctx)]
        assert offered == ["bank", "cod"]
    # A timer that goes on with the customer's checkout does not make it staff's word.
    assert (await till.hold("recorded", id=id)).status == "declined"
    staff = person(uuid4(), "staff:orders")
    assert (await till.hold("recorded", ctx=staff)).status == "authorized"
    assert [one.name for one in await till.payments.providers(staff)] == ["bank", "cod", "recorded"]
