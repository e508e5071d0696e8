"""Earnings and payouts on the real ledger: to the cent, repeated, raced and broken off."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.commissions.api import Terms
from haat.domains.money.ledger import proof as ledger_proof
from haat.domains.money.ledger.api import Account, provider_id
from haat.domains.money.payments.api import Destination, Disbursement
from haat.domains.money.payouts import proof
from haat.domains.money.payouts.api import (
    BalanceTooLow,
    EarningConflict,
    EarningDraft,
    EarningLine,
    NoDestination,
    PayoutsHeld,
    Reversal,
    ReversalTooLarge,
    Source,
    VendorBalance,
    WrongPayoutState,
)
from haat.domains.money.payouts.service import PayoutsService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import AWAY, OUR_ACCOUNT, Bank, Crash, FragileLedger, payouts_with

CLOCK = SettableClock(datetime(2026, 11, 21, 8, 0, tzinfo=UTC))
CTX = Context(actor=SYSTEM, clock=CLOCK)
BANK_ACCOUNT = Destination(holder="Ada Lovelace", account="0001 2345-6789")


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


TERMS = Terms(source="default", rate_bp=300, tax_bp=2000)
CARD = "test"


def line(
    id: UUID, net: int, commission: int = 0, tax: int = 0, commission_tax: int = 0
) -> EarningLine:
    base = usd(net + commission + commission_tax)
    return EarningLine(
        id=id,
        kind="goods",
        title="A hat",
        product_id=uuid4(),
        category_path=[uuid4(), uuid4()],
        unit_price=base,
        base=base,
        gross=usd(net + commission + commission_tax + tax),
        commission=usd(commission),
        commission_tax=usd(commission_tax),
        tax=usd(tax),
        net=usd(net),
        terms=TERMS,
    )


def draft_of(
    vendor: UUID,
    *lines: EarningLine,
    order: UUID | None = None,
    sources: list[Source] | None = None,
) -> EarningDraft:
    def whole(name: str) -> Money:
        return usd(sum(getattr(one, name).minor for one in lines))

    gross = whole("gross")
    return EarningDraft(
        vendor_order_id=order or uuid4(),
        order_id=uuid4(),
        vendor_id=vendor,
        order_number="H-1-A",
        sold_at=CLOCK.now(),
        gross=gross,
        commission=whole("commission"),
        commission_tax=whole("commission_tax"),
        tax=whole("tax"),
        net=whole("net"),
        sources=sources or [Source(provider=CARD, amount=gross)],
        lines=list(lines),
    )


def draft(
    vendor: UUID, net: int = 970, commission: int = 30, tax: int = 80, order: UUID | None = None
) -> EarningDraft:
    """One line, paid by card."""
    order = order or uuid4()
    return draft_of(vendor, line(derive(order, "1"), net, commission, tax), order=order)


@dataclass
class World:
    db: Database
    books: Database
    ledger: FragileLedger
    bank: Bank
    payouts: PayoutsService

    async def held(self, kind: str, owner: UUID | None = None) -> int:
        if kind in ("clearing", "disputed") and owner is None:
            owner = provider_id(CARD)
        account = Account.model_validate({"kind": kind, "owner": owner, "currency": "USD"})
        [balance] = await self.ledger.balances(CTX, accounts=[account])
        return balance.minor

    async def proven(self) -> None:
        assert await proof.prove(self.db, 3) == []
        assert await ledger_proof.prove(self.books, 3) == []
        assert await self.payouts.reconcile(CTX) == []

    async def told(self, name: str) -> int:
        query = "SELECT count(*) FROM payouts.outbox WHERE type = $1"
        return int(await self.db.fetchval(query, name))

    async def eligible(self, vendor: UUID, net: int = 970) -> EarningDraft:
        one = draft(vendor, net)
        await self.payouts.expect(CTX, earnings=[one])
        await self.payouts.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
        await self.payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
        return one

    async def refund(
        self, refund_id: UUID, vendor_order_id: UUID, gross: Money, **more: Any
    ) -> Reversal:
        given = {"sources": [Source(provider=CARD, amount=gross)], **more}
        return await self.payouts.reverse(
            CTX, refund_id=refund_id, vendor_order_id=vendor_order_id, gross=gross, **given
        )

    async def balance(self, vendor: UUID) -> VendorBalance:
        return await self.payouts.balance(CTX, vendor_id=vendor)

    async def resume(self) -> None:
        CLOCK.advance(timedelta(minutes=1))
        await self.payouts.resume_earnings(CTX)
        await self.payouts.resume_payouts(CTX)


@pytest.fixture
async def world(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> World:
    await emptied(database_url, "ledger", "payouts")
    db, books = await database_of("payouts"), await database_of("ledger")
    ledger, bank = FragileLedger(books), Bank()
    return World(db, books, ledger, bank, payouts_with(db, ledger, bank))


async def test_from_capture_to_the_vendors_balance(world: World) -> None:
    vendor = uuid4()
    batch = [draft(vendor), draft(vendor, 500, 15, 0), draft(uuid4(), 100, 3, 9)]
    for _ in range(2):
        await world.payouts.expect(CTX, earnings=batch)
    assert await world.held("clearing") == 1080 + 515 + 112
    balance = await world.payouts.balance(CTX, vendor_id=vendor)
    assert (balance.available.minor, balance.pending.minor) == (0, 1470)
    for _ in range(2):
        await world.payouts.accrue(CTX, vendor_order_ids=[batch[0].vendor_order_id])
    balance = await world.payouts.balance(CTX, vendor_id=vendor)
    assert (balance.available.minor, balance.pending.minor) == (970, 500)
    assert (await world.held("commission"), await world.held("tax")) == (30, 80)
    assert await world.told("earning.eligible") == 1
    page = await world.payouts.earnings(CTX, vendor_id=vendor, limit=1)
    assert page.next is not None
    rest = await world.payouts.earnings(CTX, vendor_id=vendor, limit=1, cursor=page.next)
    assert {e.status for e in (*page.items, *rest.items)} == {"pending", "eligible"}
    assert rest.next is None
    await world.proven()


async def test_a_repeat_with_other_amounts_is_refused(world: World) -> None:
    one = draft(uuid4())
    await world.payouts.expect(CTX, earnings=[one])
    other = draft(one.vendor_id, 960, 40, 80, order=one.vendor_order_id)
    with pytest.raises(EarningConflict):
        await world.payouts.expect(CTX, earnings=[other])
    wrong = one.model_copy(update={"net": usd(971)})
    with pytest.raises(Invalid):
        await world.payouts.expect(CTX, earnings=[wrong])
    await world.payouts.expect(CTX, earnings=[])
    await world.payouts.accrue(CTX, vendor_order_ids=[])
    with pytest.raises(NotFound):
        await world.payouts.accrue(CTX, vendor_order_ids=[uuid4(), one.vendor_order_id])
    assert await world.held("payable", one.vendor_id) == 970


async def test_a_refund_before_the_window_closes_comes_out_of_escrow(world: World) -> None:
    one = draft(uuid4())
    await world.payouts.expect(CTX, earnings=[one])
    refund = uuid4()
    for _ in range(2):
        back = await world.refund(refund, one.vendor_order_id, usd(108))
        assert (back.net.minor, back.commission.minor, back.tax.minor) == (97, 3, 8)
    assert await world.held("escrow", one.vendor_order_id) == 972
    await world.payouts.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
    assert await world.held("payable", one.vendor_id) == 873
    assert await world.held("clearing") == 972
    await world.proven()


async def test_a_whole_refund_leaves_nothing_to_accrue(world: World) -> None:
    one = draft(uuid4())
    await world.payouts.expect(CTX, earnings=[one])
    for minor in (333, 333, 414):
        await world.refund(uuid4(), one.vendor_order_id, usd(minor))
    with pytest.raises(ReversalTooLarge):
        await world.refund(uuid4(), one.vendor_order_id, usd(1))
    await world.payouts.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
    [earning] = await world.payouts.earnings_of(CTX, vendor_order_ids=[one.vendor_order_id])
    assert (earning.status, earning.refunded.minor) == ("reversed", 1080)
    for kind in ("clearing", "commission", "tax"):
        assert await world.held(kind) == 0
    assert await world.told("earning.eligible") == 0
    await world.proven()


async def test_a_refund_after_a_payout_makes_the_balance_negative(world: World) -> None:
    vendor = uuid4()
    one = await world.eligible(vendor)
    paid = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    paid = await world.payouts.decide(CTX, id=paid.id, decision="approve")
    assert paid.status == "paid"
    await world.refund(uuid4(), one.vendor_order_id, usd(1080))
    balance = await world.payouts.balance(CTX, vendor_id=vendor)
    assert (balance.available.minor, balance.paid.minor) == (-970, 970)
    assert await world.held("commission") == await world.held("tax") == 0
    assert await world.held("clearing") == -970
    with pytest.raises(BalanceTooLow):
        await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    await world.eligible(vendor, 1000)
    assert (await world.payouts.balance(CTX, vendor_id=vendor)).available.minor == 30
    await world.proven()


async def test_a_reversal_is_asked_for_correctly(world: World) -> None:
    one, other = draft(uuid4()), draft(uuid4())
    await world.payouts.expect(CTX, earnings=[one, other])
    refund = uuid4()
    await world.refund(refund, one.vendor_order_id, usd(10))
    for order, gross, error in (
        (one.vendor_order_id, usd(11), EarningConflict),
        (other.vendor_order_id, usd(10), EarningConflict),
        (uuid4(), usd(10), NotFound),
    ):
        with pytest.raises(error):
            await world.refund(refund, order, gross)
    for gross, wrong in ((usd(0), Invalid), (Money(minor=1, currency="EUR"), EarningConflict)):
        with pytest.raises(wrong):
            await world.refund(uuid4(), one.vendor_order_id, gross)
    await world.proven()


async def test_accrual_and_refunds_race(world: World) -> None:
    vendor = uuid4()
    batch = [draft(vendor) for _ in range(8)]
    await world.payouts.expect(CTX, earnings=batch)
    ids = [one.vendor_order_id for one in batch]
    refunds = [(uuid4(), id) for id in ids for _ in range(3)]
    await asyncio.gather(
        *(world.refund(r, id, usd(77)) for r, id in refunds * 2),
        *(world.payouts.accrue(CTX, vendor_order_ids=ids[::step]) for step in (1, -1, 2, -2)),
    )
    assert await world.held("clearing") == 8 * (1080 - 3 * 77)
    for id in ids:
        assert await world.held("escrow", id) == 0
    assert await world.told("earning.eligible") == 8
    await world.proven()


async def test_two_requests_cannot_overdraw(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor, 1000)
    answers = await asyncio.gather(
        *(
            world.payouts.request(CTX, id=uuid4(), vendor_id=vendor, amount=usd(400))
            for _ in range(6)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(a, BalanceTooLow) for a in answers) == 4
    balance = await world.payouts.balance(CTX, vendor_id=vendor)
    assert (balance.available.minor, balance.requested.minor) == (200, 800)
    assert len((await world.payouts.payouts(CTX, vendor_id=vendor)).items) == 2
    assert await world.told("payout.requested") == 2
    await world.proven()


async def test_a_repeated_request_is_one_payout(world: World) -> None:
    vendor, id = uuid4(), uuid4()
    await world.eligible(vendor)
    asked = [world.payouts.request(CTX, id=id, vendor_id=vendor) for _ in range(4)]
    found = await asyncio.gather(*asked)
    assert {payout.status for payout in found} == {"requested"}
    assert await world.told("payout.requested") == 1
    with pytest.raises(WrongPayoutState):
        await world.payouts.request(CTX, id=id, vendor_id=vendor, amount=usd(1))
    with pytest.raises(NotFound):
        await world.payouts.request(CTX, id=id, vendor_id=uuid4())


async def test_what_a_request_needs(world: World) -> None:
    vendor = uuid4()
    one = draft(vendor)
    await world.payouts.expect(CTX, earnings=[one])
    await world.payouts.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
    with pytest.raises(NoDestination):
        await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    await world.payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    for amount in (usd(0), usd(-5), Money(minor=5, currency="EUR")):
        with pytest.raises(Invalid):
            await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor, amount=amount)
    with pytest.raises(BalanceTooLow) as low:
        await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor, amount=usd(971))
    assert low.value.data["available"] == {"minor": 970, "currency": "USD"}


async def test_rejecting_gives_the_amount_back(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    with pytest.raises(Invalid):
        await world.payouts.decide(CTX, id=asked.id, decision="reject", reason="  ")
    for _ in range(2):
        done = await world.payouts.decide(CTX, id=asked.id, decision="reject", reason="No proof")
        assert (done.status, done.reason) == ("rejected", "No proof")
    with pytest.raises(WrongPayoutState):
        await world.payouts.decide(CTX, id=asked.id, decision="approve")
    with pytest.raises(NotFound):
        await world.payouts.decide(CTX, id=uuid4(), decision="approve")
    assert (await world.payouts.balance(CTX, vendor_id=vendor)).available.minor == 970
    assert world.bank.asked == []
    assert await world.told("payout.processed") == 1
    await world.proven()


async def test_approving_and_rejecting_at_once_is_one_decision(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    await asyncio.gather(
        *(world.payouts.decide(CTX, id=asked.id, decision="approve") for _ in range(3)),
        *(world.payouts.decide(CTX, id=asked.id, decision="reject", reason="x") for _ in range(3)),
        return_exceptions=True,
    )
    [payout] = (await world.payouts.queue(CTX)).items
    balance = await world.payouts.balance(CTX, vendor_id=vendor)
    assert (payout.status, balance.available.minor) in (("paid", 0), ("rejected", 970))
    assert await world.told("payout.processed") == 1
    await world.proven()


WHY = """
SELECT envelope -> 'data' ->> 'reason' FROM payouts.outbox WHERE type = 'payout.processed'
 ORDER BY seq DESC LIMIT 1
"""


async def test_a_payout_the_bank_refuses(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    world.bank.answers = [Disbursement(status="failed", failure="no_account", provider_ref="po1")]
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    failed = await world.payouts.decide(CTX, id=asked.id, decision="approve")
    assert (failed.status, failed.reason, failed.provider_ref) == ("failed", "no_account", "po1")
    assert await world.db.fetchval(WHY) == "no_account"
    assert (await world.payouts.balance(CTX, vendor_id=vendor)).available.minor == 970
    await world.proven()


async def test_why_it_was_approved_is_not_why_it_failed(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    world.bank.answers = [Disbursement(status="failed")]
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    failed = await world.payouts.decide(CTX, id=asked.id, decision="approve", reason="Known well")
    assert (failed.status, failed.reason) == ("failed", None)
    assert await world.db.fetchval(WHY) == ""
    world.bank.answers = [Disbursement(status="paid")]
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    paid = await world.payouts.decide(CTX, id=asked.id, decision="approve", reason="Known well")
    assert (paid.status, paid.reason) == ("paid", "Known well")


@pytest.mark.parametrize("paid", [True, False])
async def test_a_pending_payout_ends_when_the_provider_says_so(world: World, paid: bool) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    world.bank.answers = [Disbursement(status="pending", provider_ref="po1")]
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    waits = await world.payouts.decide(CTX, id=asked.id, decision="approve")
    assert (waits.status, waits.provider_ref) == ("processing", "po1")
    await world.resume()
    for _ in range(3):
        await world.payouts.settled(CTX, asked.id, paid, "po1")
    await world.payouts.settled(CTX, uuid4(), paid, "po2")
    [done] = (await world.payouts.payouts(CTX, vendor_id=vendor)).items
    assert done.status == ("paid" if paid else "failed")
    assert await world.told("payout.processed") == 1
    await world.proven()


async def test_a_provider_that_is_away_is_asked_again(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    world.bank.answers = [AWAY, AWAY, Disbursement(status="paid")]
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    approved = await world.payouts.decide(CTX, id=asked.id, decision="approve")
    assert approved.status == "approved"
    await world.resume()
    await world.resume()
    [done] = (await world.payouts.payouts(CTX, vendor_id=vendor)).items
    assert done.status == "paid"
    assert {id for id, _, _ in world.bank.asked} == {asked.id}
    assert world.bank.asked[0][2].account == "000123456789"


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("step", ["expect", "accrue", "early", "late", "ask", "pay", "reject"])
async def test_a_crash_at_every_step_is_finished(world: World, dies: str, step: str) -> None:
    vendor, one = uuid4(), draft(uuid4())
    one = one.model_copy(update={"vendor_id": vendor})
    order, payout, payouts = one.vendor_order_id, uuid4(), world.payouts

    async def run(name: str) -> None:
        world.ledger.dies = dies if name == step else ""  # type: ignore[assignment]
        match name:
            case "expect":
                await payouts.expect(CTX, earnings=[one])
            case "accrue":
                await payouts.accrue(CTX, vendor_order_ids=[order])
            case "early" | "late":
                await world.refund(uuid4(), order, usd(500))
            case "ask":
                await payouts.request(CTX, id=payout, vendor_id=vendor, amount=usd(50))
            case "pay":
                await payouts.decide(CTX, id=payout, decision="approve")
            case "reject":
                await payouts.decide(CTX, id=payout, decision="reject", reason="x")

    await payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    way = ["expect", "early", "accrue", "late", "ask", "reject" if step == "reject" else "pay"]
    for name in way:
        if name == step:
            with pytest.raises(Crash):
                await run(name)
            await world.resume()
        else:
            await run(name)
    await world.proven()
    [ended] = (await payouts.payouts(CTX, vendor_id=vendor)).items
    assert ended.status == ("rejected" if step == "reject" else "paid")
    assert await world.told("earning.eligible") == 1
    assert await world.told("payout.processed") == 1
    assert await world.held("escrow", order) == 0


async def test_other_vendors_money_is_not_there(world: World) -> None:
    mine, theirs = uuid4(), uuid4()
    await world.eligible(theirs)
    me = replace(
        CTX, actor=Actor("person", uuid4()), vendor_id=mine, scopes=frozenset({"vendor:money"})
    )
    payouts = world.payouts
    for call in (
        payouts.balance(me, vendor_id=theirs),
        payouts.earnings(me, vendor_id=theirs),
        payouts.payouts(me, vendor_id=theirs),
        payouts.destination(me, vendor_id=theirs),
        payouts.set_destination(me, vendor_id=theirs, destination=BANK_ACCOUNT),
        payouts.request(me, id=uuid4(), vendor_id=theirs),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await payouts.balance(me, vendor_id=mine)).available.minor == 0
    assert await payouts.destination(me, vendor_id=mine) is None


async def test_the_bank_account_is_masked(world: World) -> None:
    vendor = uuid4()
    await world.payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    shown = await world.payouts.destination(CTX, vendor_id=vendor)
    assert shown == Destination(holder="Ada Lovelace", account="••••••••6789")
    for account in ("12 3", "1234;DROP", "ß1234567", "1" * 35):
        with pytest.raises(Invalid):
            await world.payouts.set_destination(
                CTX, vendor_id=vendor, destination=Destination(holder="A", account=account)
            )


async def test_the_queue_shows_what_staff_must_decide(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    asked = [
        await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor, amount=usd(10))
        for _ in range(3)
    ]
    await world.payouts.decide(CTX, id=asked[0].id, decision="approve")
    waiting = await world.payouts.queue(CTX, status="requested", limit=1)
    more = await world.payouts.queue(CTX, status="requested", limit=1, cursor=waiting.next)
    assert {p.id for p in (*waiting.items, *more.items)} == {asked[1].id, asked[2].id}
    assert more.next is None
    assert len((await world.payouts.queue(CTX)).items) == 3
    for status in ("reserving", "nonsense"):
        with pytest.raises(Invalid):
            await world.payouts.queue(CTX, status=status)


async def test_the_proofs_name_what_was_changed(world: World) -> None:
    vendor = uuid4()
    one = await world.eligible(vendor)
    await world.db.execute("UPDATE payouts.earnings SET refunded_net = 5")
    [line] = await proof.prove(world.db)
    assert str(one.vendor_order_id) in line
    await world.db.execute("UPDATE payouts.earnings SET refunded_net = 0, accrued_net = 960")
    [line] = await proof.prove(world.db)
    assert "accrued net 960" in line
    await world.db.execute("UPDATE payouts.earnings SET accrued_net = 970")
    await world.db.execute("UPDATE payouts.movements SET minor = 960")
    [line] = await proof.prove(world.db)
    assert "moved the balance by 960, expected 970" in line
    [line] = await world.payouts.reconcile(CTX)
    assert f"vendor {vendor}: payable should be 960 USD" in line
    await world.db.execute("UPDATE payouts.movements SET minor = 970")
    await world.db.execute("UPDATE payouts.forecasts SET net = 969, change = 969")
    [line] = await proof.prove(world.db)
    assert "the newest forecast says 969, the line comes to 970" in line
    await world.db.execute(
        "UPDATE payouts.forecasts SET net = 970, change = 970 - 970 * (number - 1)"
    )
    await world.db.execute("UPDATE payouts.forecasts SET paid = 1 WHERE number = 2")
    [line] = await proof.prove(world.db)
    assert "says 1 was paid, the line 0" in line
    await world.db.execute("UPDATE payouts.forecasts SET paid = 0")
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    await world.db.execute("UPDATE payouts.payout_items SET minor = 969")
    movement, payout = await proof.prove(world.db, 2)
    assert "payouts took 970 and paid 0 of it, their items say 969" in movement
    assert f"payout {asked.id}: 970, but its items add up to 969" in payout
    await world.db.execute("UPDATE payouts.payout_items SET minor = 970")
    await world.proven()


async def test_payouts_wait_after_the_account_was_changed(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    other = Destination(holder="Ada Lovelace", account="987654321")
    settings = OUR_ACCOUNT.model_copy(update={"bank_cooling_off_hours": 48})
    payouts = payouts_with(world.db, world.ledger, world.bank, settings=settings)
    await payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    assert (await payouts.balance(CTX, vendor_id=vendor)).blockers == []
    await payouts.set_destination(CTX, vendor_id=vendor, destination=other)
    await payouts.set_destination(CTX, vendor_id=vendor, destination=other)
    assert (await payouts.balance(CTX, vendor_id=vendor)).blockers == ["cooling_off"]
    with pytest.raises(PayoutsHeld) as held:
        await payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    assert held.value.data["blockers"] == ["cooling_off"]
    assert await payouts.run(CTX, vendor_ids=[vendor]) == []
    later = replace(CTX, clock=SettableClock(CTX.now() + timedelta(hours=49)))
    assert (await payouts.balance(later, vendor_id=vendor)).blockers == []
    [paid] = await payouts.run(later, vendor_ids=[vendor])
    assert paid.vendor_id == vendor
