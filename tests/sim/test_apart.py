"""What is bad, away or another's keeps nothing else waiting, and says nothing about it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from haat.domains.money.ledger.api import Account, Code, Ledger, Transfer, provider_id
from haat.domains.money.payments.api import (
    Method,
    Payments,
    RefundTooLarge,
    WrongPaymentState,
)
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from haat.domains.money.wallet.settings import WalletSettings
from haat.domains.trade.orders.api import OrderDraft
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.errors import Conflict, NotFound, Problem
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests import postgres
from tests.sim.buying import Goods
from tests.sim.machine import SETTINGS
from tests.sim.network import Network
from tests.sim.office import Office
from tests.sim.standing import usd
from tests.sim.world import CURRENCY, world

HOUR = timedelta(hours=1)


class Other(Network):
    """Another provider, with money of its own."""


@pytest.fixture
async def office(
    postgres_url: str, template_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with world(url) as market:
            found = Office(market)
            await found.set_rate(1_000_000)
            yield found


def service(office: Office, contract: type[Any]) -> Any:
    return office.world.services[contract]


async def sold(office: Office, vendor: int = 0, *, credits: int = 0) -> OrderDraft:
    """An order that is paid for and delivered."""
    draft = await held(office, vendor, credits=credits)
    ctx = office.world.system()
    [taken] = await office.settlement.capture(ctx, order_ids=[draft.id])
    assert taken.outcome == "captured"
    book = office.order_book
    for call in (book.accept, book.ship, book.deliver):
        await call(ctx, id=draft.vendor_orders[0].id)
    await office.world.settle()
    return draft


async def held(office: Office, vendor: int = 0, *, credits: int = 0) -> OrderDraft:
    goods = [Goods(vendor=vendor, category=0, quantity=1, price=5_000, tax_bp=700)]
    draft = await office.quote(goods, inclusive=False, person=0)
    ctx = office.world.system()
    hold = await office.settlement.hold(
        ctx,
        order_id=draft.id,
        amount=draft.totals.total,
        method=Method(provider="test", token="ok"),
        return_url="",
        person_id=draft.person_id,
        credits=usd(credits) if credits else None,
    )
    assert hold.status == "authorized"
    await office.order_book.create(ctx, draft=draft)
    return draft


async def bad_transfer(office: Office, id: UUID) -> None:
    """The ledger knows this id with another content."""
    one = Transfer(
        id=id,
        debit=Account(kind="clearing", owner=provider_id("other"), currency=CURRENCY),
        credit=Account(kind="suspense", currency=CURRENCY),
        minor=1,
        code=Code.CAPTURE,
        reference=id,
    )
    await service(office, Ledger).post(office.world.system(), transfers=[one])


async def stage(office: Office, draft: OrderDraft) -> str:
    sql = "SELECT stage FROM payouts.earnings WHERE vendor_order_id = $1"
    rows = await office.world.pool.fetch(sql, draft.vendor_orders[0].id)
    return str(rows[0]["stage"])


async def test_a_bad_row_keeps_no_other_from_accruing(office: Office) -> None:
    bad, good = await sold(office), await sold(office, 1)
    await bad_transfer(office, derive(bad.vendor_orders[0].id, "earning"))
    office.world.clock.advance(timedelta(days=15))
    ctx = office.world.system()
    await service(office, Settlement).close_windows(ctx)
    assert (await stage(office, bad), await stage(office, good)) == ("accruing", "eligible")
    sql = "SELECT vendor_order_id FROM settlement.windows WHERE closed_at IS NULL"
    waiting = [row["vendor_order_id"] for row in await office.world.pool.fetch(sql)]
    assert waiting == [bad.vendor_orders[0].id]


async def test_a_bad_row_keeps_no_other_timer_waiting(office: Office) -> None:
    """Everything that a crash left half-way is gone over, whatever is wrong with one of it."""
    bad, good = await sold(office), await sold(office, 1)
    await bad_transfer(office, derive(bad.vendor_orders[0].id, "earning"))
    office.world.clock.advance(timedelta(days=15))
    ctx, pool = office.world.system(), office.world.pool
    await service(office, Settlement).close_windows(ctx)
    await pool.execute("UPDATE payouts.earnings SET stage = 'accruing' WHERE stage = 'eligible'")
    charge = office.new_id()
    await office.payouts.charge(
        ctx, id=charge, vendor_id=office.vendors[2], amount=usd(100), reason="Because"
    )
    await pool.execute("UPDATE payouts.charges SET posted = false")
    await pool.execute("DELETE FROM payouts.movements")
    office.world.clock.advance(HOUR)
    with pytest.raises(Conflict):
        await service(office, Payouts).resume_earnings(office.world.system())
    assert (await stage(office, bad), await stage(office, good)) == ("accruing", "eligible")
    assert [row["posted"] for row in await pool.fetch("SELECT posted FROM payouts.charges")] == [
        True
    ]


async def test_a_provider_that_is_away_keeps_no_other_waiting(office: Office) -> None:
    """However many of its own payments nobody knows the fate of."""
    other = Other(name="other")
    payments = service(office, Payments)
    payments._providers["other"] = other
    ctx = office.world.system()
    ids = {}
    for name, network in (("other", other), ("test", office.world.network)):
        for n in range(60 if name == "other" else 1):
            network.lose_answer = True
            id = ids[name] = derive(office.seed, f"{name} {n}")
            with pytest.raises(Problem):
                await payments.hold(
                    ctx,
                    id=id,
                    reference=id,
                    amount=usd(100),
                    method=Method(provider=name, token="ok"),
                    return_url="",
                )
            office.world.clock.advance(timedelta(seconds=1))

    async def away(*args: Any, **more: Any) -> Any:
        other.lose_answer = True
        other._maybe_lost()

    other.read = away  # type: ignore[method-assign]
    for _ in range(2):
        office.world.clock.advance(HOUR)
        await payments.ask_again(office.world.system())
    sql = "SELECT status FROM payments.payments WHERE id = $1"
    assert (await office.world.pool.fetch(sql, ids["test"]))[0]["status"] == "authorized"
    assert (await office.world.pool.fetch(sql, ids["other"]))[0]["status"] == "created"


async def test_no_provider_speaks_for_another(office: Office) -> None:
    """A message of one that names a refund of the other's moves nothing."""
    other = Other(name="other")
    payments, network = service(office, Payments), office.world.network
    payments._providers["other"] = other
    draft = await sold(office)
    network.next_refund = "pending"
    refund = await office.settlement.refund(
        office.world.system(),
        id=office.new_id(),
        vendor_order_id=draft.vendor_orders[0].id,
        reason="Because",
    )
    assert refund.status == "created"
    network.end_refunds()
    forged = network.messages.pop()
    other.events = network.events
    body = f'{{"event": "{forged}"}}'.encode()
    await payments.webhook(office.world.system(), provider="other", headers={}, body=body)
    sql = "SELECT status FROM payments.refunds"
    assert [row["status"] for row in await office.world.pool.fetch(sql)] == ["pending"]
    await payments.webhook(office.world.system(), provider="test", headers={}, body=body)
    assert [row["status"] for row in await office.world.pool.fetch(sql)] == ["done"]


async def test_credits_taken_for_an_order_that_had_ended(office: Office) -> None:
    """They come back, and the proof knows that their money was never moved."""
    await office.top_up(0, 10_000, declined=False)
    draft = await held(office, credits=2_000)
    ctx = office.world.system()
    await office.wallet.capture(ctx, id=derive(draft.id, "credits"))
    await office.settlement.void(ctx, order_id=draft.id)
    person = office.world.person(office.people[0])
    assert (await office.wallet.balance(person)).available.minor == 10_000
    assert await office.wallet.reconcile(ctx) == []


async def test_a_claim_that_broke_off_freezes_nobody_who_has_enough(office: Office) -> None:
    """Its credits were set aside, and it was not written how many: they are not looked for again
    in what is left."""
    network, ctx = office.world.network, office.world.system()
    await office.top_up(0, 10_000, declined=False)
    [payment] = network.payments
    network.dispute(payment, Money(minor=10_000, currency=CURRENCY), usd(0))
    await office.world.tell()
    pool = office.world.pool
    await pool.execute("UPDATE wallet.claims SET taken = NULL, followed = NULL")
    office.world.clock.advance(HOUR)
    await service(office, Wallet).claiming.resume(office.world.system())
    assert [row["taken"] for row in await pool.fetch("SELECT taken FROM wallet.claims")] == [10_000]
    assert (await office.wallet.frozen(ctx)).items == []
    assert await office.wallet.reconcile(ctx) == []


@pytest.mark.parametrize("paid", [True, False])
async def test_withdrawals_that_staff_pay_by_hand_end(office: Office, paid: bool) -> None:
    """No provider speaks of those that go through the bank."""
    wallet = service(office, Wallet)
    wallet.withdrawing._settings = WalletSettings(wallet_payout_provider="bank")
    await office.top_up(0, 10_000, declined=False)
    ctx, person = office.world.system(), office.world.person(office.people[0])
    asked = await office.wallet.withdraw(
        person,
        id=office.new_id(),
        credits_minor=4_000,
        holder="Ada Low",
        account="GB82 WEST 1234 5698 7654 32",
    )
    with pytest.raises(Conflict):
        await office.wallet.settle_withdrawals(ctx, ids=[asked.id], paid=paid)
    await office.wallet.decide_withdrawal(ctx, id=asked.id, decision="approve")
    [due] = (await office.wallet.withdrawals_due(ctx)).items
    assert (due.id, due.account, due.amount) == (asked.id, "GB82WEST12345698765432", usd(4_000))
    for _ in range(2):
        await office.wallet.settle_withdrawals(ctx, ids=[asked.id], paid=paid, reason="Closed")
        await office.world.settle()
    with pytest.raises(WrongPaymentState):
        await office.wallet.settle_withdrawals(ctx, ids=[asked.id], paid=not paid)
    with pytest.raises(NotFound):
        await office.wallet.settle_withdrawals(ctx, ids=[office.new_id()], paid=paid)
    [ended] = (await office.wallet.withdrawals(person)).items
    assert ended.status == ("paid" if paid else "failed")
    assert (await office.wallet.withdrawals_due(ctx)).items == []
    left = (await office.wallet.balance(person)).available.minor
    assert left == (6_000 if paid else 10_000)
    assert await office.wallet.reconcile(ctx) == []


async def test_a_refund_that_was_refused_stays_refused(office: Office) -> None:
    """Who sent it believes that it failed and refunds anew: its double must not pay as well."""
    draft = await sold(office)
    payments, ctx = service(office, Payments), office.world.system()
    payment, network = derive(draft.id, "card"), office.world.network
    ref = network.dispute(payment, draft.totals.total, usd(0))
    await office.world.tell()
    id = office.new_id()
    with pytest.raises(RefundTooLarge):
        await payments.refund(ctx, id=payment, refund_id=id, amount=usd(100))
    network.decide(ref, won=True)
    await office.world.tell()
    again = await payments.refund(ctx, id=payment, refund_id=id, amount=usd(100))
    assert again.status == "failed"
    assert id not in network.refunds
    assert await office.world.prove() == []
