"""Who hears what of payments, refunds, disputes, payouts, credits and the books."""

from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments.api import (
    Payment,
    PaymentDisputed,
    PaymentFailed,
    PaymentFailuresSpiked,
    TransferInstructions,
)
from haat.domains.money.payouts.api import PayoutProcessed
from haat.domains.money.reconciliation.api import DifferencesFound
from haat.domains.money.statements.api import InvoiceIssued
from haat.domains.money.wallet.api import CREDITS, CreditsToppedUp, WithdrawalEnded
from haat.domains.reach.notifications import texts
from haat.domains.reach.notifications.reactions import tell_of_declines, tell_of_money
from haat.domains.trade.orders.api import (
    OrderCreated,
    OrderPaid,
    OrderRefunded,
    OrderUnpaid,
    VendorPart,
)
from haat.domains.trade.returns.api import ReturnUpdated
from haat.domains.trade.settlement.api import RefundResult, Repaid
from haat.kernel.events import Event
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import NOON
from tests.domains.reach.doubles import heard, order, usd
from tests.domains.reach.test_notifications import ADA, HELPER, OWNER, VENDOR, Told

BOSS, CLERK, GUEST = uuid4(), uuid4(), uuid4()
Waits = Literal["authorized", "awaiting", "on_delivery"]


@pytest.fixture
async def told(database_of: DatabaseOf) -> Told:
    db = await database_of("notifications")
    for table in ("notes", "mails"):
        await db.execute(f"DELETE FROM notifications.{table}")
    made = Told(db)
    made.identity.office = [BOSS, CLERK]
    return made


async def bodies(told: Told, id: UUID) -> list[str]:
    return [note.body for note in (await told.service.own(told.of(id))).items]


async def paths(told: Told, id: UUID) -> list[str]:
    return [note.path for note in (await told.service.own(told.of(id))).items]


def part() -> VendorPart:
    return VendorPart(
        vendor_order_id=uuid4(), vendor_id=VENDOR, number="H-1-1", total=usd(2700), net=usd(2440)
    )


def created(payment: Waits, id: UUID | None = None) -> OrderCreated:
    return heard(
        OrderCreated(
            order_id=id or uuid4(),
            number="H-1",
            person_id=ADA,
            total=usd(2700),
            vendor_orders=[part()],
            payment=payment,
        )
    )


def paid(was: Waits) -> OrderPaid:
    return heard(
        OrderPaid(
            order_id=uuid4(),
            number="H-1",
            person_id=ADA,
            total=usd(2700),
            vendor_orders=[part()],
            was=was,
        )
    )


def payment(reference: UUID, person: UUID | None = ADA, **more: Any) -> Payment:
    return Payment(
        id=uuid4(),
        reference=reference,
        person_id=person,
        provider="bank",
        amount=usd(2700),
        captured=usd(0),
        refunded=usd(0),
        disputed=usd(0),
        status="awaiting",
        created_at=NOON,
        **more,
    )


async def test_cash_on_delivery_is_told_to_vendors_when_it_is_ordered(told: Told) -> None:
    event = created("on_delivery")
    await told.tell(event)
    await told.tell(event)
    for member in (OWNER, HELPER):
        assert await told.titles(member) == ["New order H-1-1, paid in cash"]
    assert await paths(told, OWNER) == [f"/vendor/orders/{event.vendor_orders[0].vendor_order_id}"]
    assert "you earn 24.40 USD" in (await bodies(told, OWNER))[0]
    assert "you pay in cash" in (await bodies(told, ADA))[0]
    await told.tell(paid("on_delivery"))
    assert len(await told.titles(OWNER)) == 1
    # Of the same moment of the test's clock: in no order.
    assert {*await told.titles(ADA)} == {"Order H-1 is placed", "Your receipt for order H-1"}


async def test_a_bank_transfer_is_asked_for_with_what_it_needs(told: Told) -> None:
    event = created("awaiting")
    instructions = TransferInstructions(
        holder="Haat Ltd",
        iban="DE02120300000000202051",
        bic="BYLADEM1001",
        reference="HAAT-7Q4K",
        amount=usd(2000),  # the rest were credits
        until=NOON,
    )
    told.payments.known = [payment(event.order_id), payment(event.order_id, None)]
    told.payments.known[1] = told.payments.known[1].model_copy(
        update={"instructions": instructions}
    )
    told.orders.known[event.order_id] = order(event.order_id, person=ADA)
    await told.tell(event)
    assert await told.titles(ADA) == ["Order H-1: please transfer 20.00 USD"]
    [body] = await bodies(told, ADA)
    account = "DE02 1203 0000 0000 2020 51, BIC BYLADEM1001"
    for word in ("27.00 USD", "Haat Ltd", account, "HAAT-7Q4K", f"{NOON:%Y-%m-%d}"):
        assert word in body
    assert await told.titles(OWNER) == []
    await told.send()
    [mail] = told.mail.sent.values()
    assert "2 × Bowl & <Plate> (Red)" in mail.text


async def test_a_transfer_without_instructions_leads_to_the_orders_page(told: Told) -> None:
    await told.tell(created("awaiting"))
    assert await told.titles(ADA) == ["Order H-1 waits for your payment"]


@pytest.mark.parametrize(
    ("was", "customer"), [("authorized", []), ("awaiting", ["Your payment for H-1 arrived"])]
)
async def test_who_waited_for_the_money_hears_that_it_came(
    told: Told, was: Waits, customer: list[str]
) -> None:
    await told.tell(paid(was))
    assert await told.titles(ADA) == customer
    assert await told.titles(OWNER) == ["New order H-1-1"]


@pytest.mark.parametrize(
    ("was", "title"),
    [("authorized", "Order H-1 could not be paid"), ("awaiting", "Order H-1 is cancelled")],
)
async def test_a_transfer_that_never_came_is_no_declined_card(
    told: Told, was: Waits, title: str
) -> None:
    event = OrderUnpaid(
        order_id=uuid4(),
        number="H-1",
        person_id=ADA,
        reason="The payment did not arrive.",
        total=usd(2700),
        lines=[],
        was=was,
    )
    await told.tell(heard(event))
    assert await told.titles(ADA) == [title]


def refunded(refund_id: UUID | None) -> OrderRefunded:
    return heard(
        OrderRefunded(
            order_id=uuid4(),
            vendor_order_id=uuid4(),
            vendor_id=VENDOR,
            person_id=ADA,
            number="H-1-1",
            amount=usd(700),
            refund_id=refund_id,
        )
    )


async def test_a_refund_says_by_which_ways_it_comes(told: Told) -> None:
    event = refunded(uuid4())
    assert event.refund_id is not None
    told.settlement.known = [
        RefundResult(
            id=event.refund_id,
            vendor_order_id=event.vendor_order_id,
            amount=usd(900),
            status="failed",
            reason="Broken",
            repaid=[
                Repaid(provider="stripe", amount=usd(500), status="done"),
                Repaid(provider=None, amount=usd(200), status="done"),
                Repaid(provider="bank", amount=usd(200), status="failed"),
            ],
            created_at=NOON,
        )
    ]
    await told.tell(event)
    assert await told.titles(ADA) == ["7.00 USD refunded for H-1-1"]
    [body] = await bodies(told, ADA)
    ways = "5.00 USD to the card it came from and 2.00 USD as credits in your wallet"
    assert body.startswith(f"You get {ways}.")
    assert "bank transfer" not in body


async def test_a_vendor_hears_of_a_refund_that_lowered_its_balance(told: Told) -> None:
    early, late = refunded(None), refunded(uuid4())
    told.payouts.eligible = {late.vendor_order_id}
    await told.tell(early, late)
    assert await told.titles(OWNER) == ["A refund for H-1-1 lowered your balance"]
    assert "7.00 USD" in (await bodies(told, OWNER))[0]
    assert len(await told.titles(ADA)) == 2


async def test_a_failed_payment_is_told_in_the_account_of_who_paid(told: Told) -> None:
    ordered, quoted, topup, guests, unknown = (uuid4() for _ in range(5))
    told.orders.known[ordered] = order(ordered, person=HELPER)
    payers = {ordered: HELPER, quoted: ADA, topup: GUEST, guests: None}
    told.payments.known = [payment(id, person) for id, person in payers.items()]
    ids = {one.reference: one.id for one in told.payments.known}
    events = [
        heard(
            PaymentFailed(
                payment_id=ids.get(reference, uuid4()),
                reference=reference,
                purpose="topup" if reference == topup else "order",
                decline_code="lost_card",
            )
        )
        for reference in (ordered, quoted, topup, guests, unknown)
    ]
    await tell_of_declines(told.service, told.ctx, events)
    await tell_of_declines(told.service, told.ctx, events)
    assert await told.titles(ADA) == ["Your payment was declined"]
    assert await paths(told, ADA) == ["/cart"]
    assert await told.titles(GUEST) == ["Your payment for credits was declined"]
    assert len(await told.db.fetch("SELECT 1 FROM notifications.notes")) == 2
    assert await told.waiting() == 0


def disputed(
    reference: UUID, status: str, purpose: Literal["order", "topup"] = "order"
) -> PaymentDisputed:
    return heard(
        PaymentDisputed.model_validate(
            {
                "dispute_id": uuid4(),
                "payment_id": uuid4(),
                "reference": reference,
                "purpose": purpose,
                "provider": "stripe",
                "amount": usd(2700),
                "fee": usd(1500),
                "reason": "product_not_received",
                "status": status,
            }
        )
    )


async def test_a_dispute_is_told_to_the_orders_vendors_and_to_staff(told: Told) -> None:
    found = order(uuid4(), person=ADA)
    parts = [found.vendor_orders[0].model_copy(update={"vendor_id": VENDOR})]
    told.orders.known[found.id] = found.model_copy(update={"vendor_orders": parts})
    for status in ("open", "won", "lost"):
        await tell_of_money(told.service, told.ctx, [disputed(found.id, status)])
    assert sorted(await told.titles(OWNER)) == [
        "The dispute about H-1-1 is lost",
        "The dispute about H-1-1 is won",
        "The payment of H-1-1 is disputed",
    ]
    assert await told.titles(ADA) == []
    for one in (BOSS, CLERK):
        assert await told.titles(one) == ["A payment of order H-1 is disputed"]
        assert await paths(told, one) == [f"/admin/disputes/{found.id}"]
    assert "product not received" in (await bodies(told, BOSS))[0]


async def test_a_disputed_top_up_is_for_staff_alone(told: Told) -> None:
    event = disputed(uuid4(), "open", "topup")
    await tell_of_money(told.service, told.ctx, [event])
    assert await told.titles(BOSS) == ["A payment of a top-up is disputed"]
    assert await paths(told, BOSS) == [f"/admin/payments/{event.reference}"]


@pytest.mark.parametrize(
    ("status", "reason", "vendor", "office"),
    [
        ("paid", "", "The money is on its way to your bank account.", 0),
        ("failed", "account_closed", "Reason: account_closed.", 1),
        ("failed", "", "The bank did not take it, so it is on your balance again. Check", 1),
        ("rejected", "Who are you?", "Reason: Who are you?.", 0),
        ("rejected", "", "The amount is on your balance again.", 0),
    ],
)
async def test_a_payout_says_why_it_failed(
    told: Told, status: str, reason: str, vendor: str, office: int
) -> None:
    event = PayoutProcessed.model_validate(
        {
            "payout_id": uuid4(),
            "vendor_id": VENDOR,
            "amount": usd(500),
            "status": status,
            "reason": reason,
        }
    )
    await told.tell(heard(event))
    assert vendor in (await bodies(told, OWNER))[0]
    assert await paths(told, OWNER) == [f"/vendor/money/payouts/{event.payout_id}"]
    assert len(await told.titles(BOSS)) == office


async def test_an_invoice_is_told_to_the_team(told: Told) -> None:
    event = InvoiceIssued(number="CI-2026-000001", vendor_id=VENDOR, month="2026-02", total=usd(90))
    await tell_of_money(told.service, told.ctx, [heard(event)])
    assert await told.titles(HELPER) == ["Invoice CI-2026-000001 for 2026-02"]
    assert "0.90 USD" in (await bodies(told, HELPER))[0]


def credits(minor: int) -> Money:
    return Money(minor=minor, currency=CREDITS)


async def test_wallets_are_persons_or_vendors(told: Told) -> None:
    events: list[Event] = [
        CreditsToppedUp(owner_id=id, topup_id=uuid4(), credits=credits(1250), price=usd(1000))
        for id in (ADA, VENDOR)
    ]
    events += [
        WithdrawalEnded.model_validate(
            {
                "owner_id": ADA,
                "withdrawal_id": uuid4(),
                "credits": credits(500),
                "amount": usd(400),
                "status": status,
            }
        )
        for status in ("paid", "failed", "rejected")
    ]
    await tell_of_money(told.service, told.ctx, [heard(one) for one in events])
    assert sorted(await told.titles(ADA)) == [
        "12.50 credits are in your wallet",
        "4.00 USD was paid out",
        "A withdrawal of 4.00 USD failed",
        "A withdrawal of 4.00 USD was not approved",
    ]
    assert set(await paths(told, ADA)) == {"/account/wallet"}
    for member in (OWNER, HELPER):
        assert await told.titles(member) == ["12.50 credits are in your wallet"]
        assert await paths(told, member) == ["/vendor/wallet"]


async def test_staff_hear_what_needs_them_once(told: Told) -> None:
    run_id = uuid4()
    escalated = ReturnUpdated(
        return_id=uuid4(),
        number="R-1",
        order_id=uuid4(),
        order_number="H-1",
        vendor_order_id=uuid4(),
        vendor_id=VENDOR,
        person_id=ADA,
        state="refused",
        escalated=True,
    )
    events = [
        heard(PaymentFailuresSpiked(provider="stripe", failed=9, tried=12, minutes=15)),
        heard(DifferencesFound(run_id=run_id, provider="bank", open=3)),
        heard(escalated),
    ]
    for _ in range(2):
        await told.tell(*events)
    assert sorted(await told.titles(CLERK)) == [
        "Payments fail at stripe",
        "Return R-1 is yours to decide",
        "bank's report differs from our books",
    ]
    assert f"/admin/reconciliation/runs/{run_id}" in await paths(told, CLERK)
    assert f"/admin/returns/{escalated.return_id}" in await paths(told, CLERK)
    assert "9 of 12 in the last 15 minutes." in await bodies(told, CLERK)
    rows = await told.db.fetch("SELECT kind FROM notifications.mails WHERE person_id = $1", CLERK)
    assert sorted(row["kind"] for row in rows) == [
        "staff_failures_spiked",
        "staff_return_escalated",
    ]


async def test_without_staff_nobody_is_told(told: Told) -> None:
    told.identity.office = []
    await told.tell(heard(DifferencesFound(run_id=uuid4(), provider="bank", open=3)))
    assert await told.db.fetch("SELECT 1 FROM notifications.notes") == []


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("bank", "7.00 USD by bank transfer"),
        ("cod", "7.00 USD from the vendor in cash"),
        ("paypal", "7.00 USD to your PayPal account"),
        ("anything", "7.00 USD to the card it came from"),
    ],
)
def test_every_way_of_a_refund_has_words(provider: str, words: str) -> None:
    way = {"provider": provider, "amount": {"minor": 700, "currency": "USD"}}
    assert words in texts.written("order_refunded_by", {"ways": [way]}).body
