"""Credits bought, withdrawn and taken back: exactly once, whatever breaks off in between."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.ledger.api import provider_id
from haat.domains.money.payments.api import (
    Disbursement,
    Hold,
    Method,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PaymentUpdated,
    PayoutSettled,
    ProviderAway,
    ProviderUnknown,
    TransferInstructions,
)
from haat.domains.money.wallet import proof, reactions, rules
from haat.domains.money.wallet.api import (
    CREDITS,
    RATE_UNIT,
    CreditsTooLow,
    NoRate,
    TopUp,
    WalletFrozen,
    Withdrawal,
)
from haat.domains.people.market.api import MarketOpened
from haat.kernel.errors import Conflict, Invalid, NotFound
from tests.domains.money.payers import Crash
from tests.domains.money.wallet_parts import (
    CTX,
    STAFF,
    DatabaseOf,
    World,
    of,
    opened_world,
    usd,
)
from tests.domains.trade.order_parts import CLOCK

IBAN = "DE89370400440532013000"
NO_ID = UUID(int=0)


@pytest.fixture
async def world(database_of: DatabaseOf, database_url: str) -> World:
    return await opened_world(database_of, database_url)


async def buy(world: World, owner: UUID, credits: int = 1000, id: UUID | None = None) -> TopUp:
    return await world.wallet.top_up(
        of(owner), id=id or uuid4(), credits_minor=credits, method=Method(token="tok")
    )


async def withdraw(
    world: World, owner: UUID, credits: int = 1000, id: UUID | None = None
) -> Withdrawal:
    return await world.wallet.withdraw(
        of(owner), id=id or uuid4(), credits_minor=credits, holder="Ada Lovelace", account=IBAN
    )


async def disputed(
    world: World, topup: TopUp, status: Any, id: UUID, fee: int = 15, minor: int | None = None
) -> None:
    event = PaymentDisputed(
        dispute_id=id,
        payment_id=topup.id,
        reference=topup.id,
        purpose="topup",
        provider="test",
        amount=usd(minor or topup.price.minor),
        fee=usd(fee),
        reason="fraudulent",
        status=status,
    )
    await reactions.disputed(world.wallet, CTX, [event])


# Top-ups


async def test_credits_are_bought_once_however_often_it_is_told(world: World) -> None:
    await world.wallet.set_rate(STAFF, id=uuid4(), currency="USD", micro=RATE_UNIT * 3 // 2)
    owner, id = await world.person(), uuid4()
    found = await asyncio.gather(*(buy(world, owner, 1001, id) for _ in range(3)))
    assert {one.status for one in found} == {"done"}
    assert found[0].price == usd(1502)
    told = PaymentSucceeded(payment_id=id, reference=id, purpose="topup", amount=usd(1502))
    await reactions.succeeded(world.wallet, CTX, [told, told])
    assert (await buy(world, owner, 1001, id)).status == "done"
    assert await world.balance(owner) == (1001, 0)
    assert (await world.clearing(), await world.held("exchange")) == (1502, 1502)
    assert await world.told("wallet.topped_up") == 1
    assert {(h[0], h[1].minor, h[3]) for h in world.cashier.held} == {(id, 1502, "topup")}
    assert [t.id for t in (await world.wallet.topups(of(owner))).items] == [id]
    assert (await world.wallet.topup(of(owner), id=id)).credits.minor == 1001
    for ctx in (of(uuid4()), of(await world.person())):
        with pytest.raises(NotFound):
            await world.wallet.topup(ctx, id=id)
    await world.proven()


async def test_how_a_top_up_is_asked_for(world: World) -> None:
    owner = await world.person()
    topup = await buy(world, owner)
    with pytest.raises(Conflict):
        await buy(world, owner, 1001, topup.id)
    with pytest.raises(NotFound):
        await buy(world, await world.person(), 1000, topup.id)
    for provider, error in (("cash", Invalid), ("nobody", ProviderUnknown)):
        with pytest.raises(error):
            await world.wallet.top_up(
                of(owner), id=uuid4(), credits_minor=100, method=Method(provider=provider)
            )
    await world.wallet.freeze(STAFF, owner_id=owner, frozen=True, reason="Odd")
    with pytest.raises(WalletFrozen):
        await buy(world, owner)
    await world.db.execute("DELETE FROM wallet.rates")
    with pytest.raises(NoRate):
        await buy(world, await world.person())
    assert len(world.cashier.held) == 1


async def test_a_step_for_the_customer_and_then_the_money(world: World) -> None:
    owner = await world.person()
    world.cashier.holds = [Hold(id=NO_ID, status="needs_action", next_action_url="https://a/3ds")]
    topup = await buy(world, owner)
    assert (topup.status, topup.next_action_url) == ("needs_action", "https://a/3ds")
    assert await world.balance(owner) == (0, 0)
    event = PaymentUpdated(
        payment_id=topup.id, reference=topup.id, purpose="topup", status="authorized"
    )
    await reactions.updated(world.wallet, CTX, [event])
    after = await world.wallet.topup(of(owner), id=topup.id)
    assert (after.status, after.next_action_url) == ("done", None)
    assert await world.balance(owner) == (1000, 0)
    await world.proven()


async def test_a_bank_transfer_waits_with_its_instructions(world: World) -> None:
    owner = await world.person()
    instructions = TransferInstructions(
        holder="Haat",
        iban=IBAN,
        reference="HX-1234",
        amount=usd(1000),
        until=CLOCK.now() + timedelta(days=7),
    )
    world.cashier.holds = [Hold(id=NO_ID, status="awaiting", instructions=instructions)]
    topup = await world.wallet.top_up(
        of(owner), id=uuid4(), credits_minor=1000, method=Method(provider="bank")
    )
    assert (topup.status, topup.instructions) == ("awaiting", instructions)
    again = await world.wallet.topup(of(owner), id=topup.id)
    assert again.instructions == instructions
    told = PaymentSucceeded(
        payment_id=topup.id, reference=topup.id, purpose="topup", amount=usd(1000)
    )
    order = PaymentSucceeded(payment_id=uuid4(), reference=uuid4(), amount=usd(5))
    await reactions.succeeded(world.wallet, CTX, [order, told])
    assert await world.clearing("bank") == 1000
    assert (await world.wallet.topup(of(owner), id=topup.id)).status == "done"
    await world.proven()


async def test_a_declined_top_up_brings_nothing(world: World) -> None:
    owner = await world.person()
    world.cashier.holds = [Hold(id=NO_ID, status="declined", decline_code="card_declined")]
    for _ in range(rules.DECLINED):
        topup = await buy(world, owner)
        assert (topup.status, topup.decline_code) == ("failed", "card_declined")
    world.cashier.holds = [Hold(id=NO_ID, status="needs_action")]
    late = await buy(world, owner)
    failed = PaymentFailed(
        payment_id=late.id, reference=late.id, purpose="topup", decline_code="expired"
    )
    await reactions.failed(world.wallet, CTX, [failed, failed])
    assert (await world.wallet.topup(of(owner), id=late.id)).decline_code == "expired"
    assert await world.balance(owner) == (0, 0)
    assert [f.rule for f in (await world.wallet.flow(STAFF)).flags] == ["many_declined"]
    await world.proven()


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_crash_while_a_top_up_is_booked(world: World, dies: Any) -> None:
    owner, id = await world.person(), uuid4()
    world.ledger.dies = dies
    with pytest.raises(Crash):
        await buy(world, owner, id=id)
    assert (await world.wallet.topup(of(owner), id=id)).status == "open"
    await world.resume()
    assert (await world.wallet.topup(of(owner), id=id)).status == "done"
    assert await world.balance(owner) == (1000, 0)
    assert await world.told("wallet.topped_up") == 1
    await world.proven()


async def test_a_provider_that_is_away_is_asked_again_without_the_card(world: World) -> None:
    owner, id = await world.person(), uuid4()
    world.cashier.holds = [ProviderAway, ProviderAway, Hold(id=NO_ID, status="captured")]
    with pytest.raises(ProviderAway):
        await buy(world, owner, id=id)
    await world.resume()
    assert (await world.wallet.topup(of(owner), id=id)).status == "open"
    await world.resume()
    assert await world.balance(owner) == (1000, 0)
    assert [h[2].token for h in world.cashier.held] == ["tok", None, None]
    await world.proven()


# Withdrawals


async def test_a_withdrawal_is_decided_and_paid(world: World) -> None:
    owner, id = await world.person(), uuid4()
    await buy(world, owner, 2500)
    CLOCK.advance(timedelta(minutes=1))
    asked = await asyncio.gather(*(withdraw(world, owner, 2000, id) for _ in range(3)))
    assert {one.status for one in asked} == {"requested"}
    assert (asked[0].amount, asked[0].account) == (usd(2000), "•" * 18 + "3000")
    assert await world.balance(owner) == (500, 2000)
    assert [w.id for w in (await world.wallet.withdrawal_queue(STAFF)).items] == [id]
    for _ in range(2):
        done = await world.wallet.decide_withdrawal(STAFF, id=id, decision="approve")
        assert done.status == "paid"
    assert await world.balance(owner) == (500, 0)
    assert (await world.held("exchange"), await world.clearing("bank")) == (500, -2000)
    assert [(s[0], s[1], s[2].account, s[3]) for s in world.cashier.sent] == [
        (id, usd(2000), IBAN, "bank")
    ]
    assert await world.told("wallet.withdrawal_ended") == 1
    with pytest.raises(Conflict):
        await world.wallet.decide_withdrawal(STAFF, id=id, decision="reject", reason="late")
    kinds = [(e.kind, e.credits.minor) for e in (await world.wallet.statement(of(owner))).items]
    assert kinds == [("withdrawn", -2000), ("topup", 2500)]
    flags = (await world.wallet.flow(STAFF)).flags
    assert [(f.rule, f.why) for f in flags] == [
        ("in_and_out", "20.00 credits withdrawn of 25.00 bought within 72 hours")
    ]
    await world.proven()


async def test_what_a_withdrawal_needs(world: World) -> None:
    owner = await world.person(1000)
    first = await withdraw(world, owner, 600)
    with pytest.raises(CreditsTooLow) as low:
        await withdraw(world, owner, 600)
    assert low.value.data["available"] == {"minor": 400, "currency": CREDITS}
    with pytest.raises(Conflict):
        await withdraw(world, owner, 601, first.id)
    with pytest.raises(NotFound):
        await withdraw(world, await world.person(600), 600, first.id)
    with pytest.raises(Invalid):
        await world.wallet.withdraw(
            of(owner), id=uuid4(), credits_minor=100, holder="A", account="DE88370400440532013000"
        )
    with pytest.raises(Invalid):
        await world.wallet.decide_withdrawal(STAFF, id=first.id, decision="reject", reason=" ")
    with pytest.raises(NotFound):
        await world.wallet.decide_withdrawal(STAFF, id=uuid4(), decision="approve")
    with pytest.raises(Invalid):
        await world.wallet.withdrawal_queue(STAFF, status="odd")
    await world.wallet.freeze(STAFF, owner_id=owner, frozen=True, reason="Odd")
    with pytest.raises(WalletFrozen):
        await withdraw(world, owner, 100)
    with pytest.raises(WalletFrozen):
        await world.wallet.decide_withdrawal(STAFF, id=first.id, decision="approve")
    for _ in range(2):
        done = await world.wallet.decide_withdrawal(
            STAFF, id=first.id, decision="reject", reason="Odd"
        )
        assert (done.status, done.reason) == ("rejected", "Odd")
    assert await world.balance(owner) == (1000, 0)
    assert world.cashier.sent == []
    listed = (await world.wallet.withdrawals(of(owner))).items
    assert [(w.id, w.status) for w in listed] == [(first.id, "rejected")]
    await world.resume(timedelta(minutes=11))
    await world.proven()


async def test_withdrawals_and_holds_at_once_never_overspend(world: World) -> None:
    owner = await world.person(1000)
    ids = [uuid4() for _ in range(4)]
    answers = await asyncio.gather(
        *(withdraw(world, owner, 400, id) for id in ids),
        *(
            world.wallet.hold(CTX, id=id, reference=id, owner_id=owner, amount=usd(400))
            for id in (uuid4(), uuid4())
        ),
        return_exceptions=True,
    )
    asked = sum(isinstance(a, Withdrawal) for a in answers)
    held = sum(isinstance(a, Hold) and a.status == "authorized" for a in answers)
    assert asked + held == 2
    assert await world.balance(owner) == (200, 800)
    await world.resume(timedelta(minutes=11))
    await world.proven()


async def test_small_withdrawals_need_no_staff_unless_frozen(world: World) -> None:
    owner = await world.person(3000)
    auto = world.auto(1000)

    async def asked(credits: int) -> str:
        done = await auto.withdraw(
            of(owner), id=uuid4(), credits_minor=credits, holder="A", account=IBAN
        )
        return done.status

    assert [await asked(1000), await asked(1001)] == ["paid", "requested"]


async def test_the_bank_says_later_how_it_ended(world: World) -> None:
    owner = await world.person(3000)
    world.cashier.payouts = [Disbursement(status="pending", provider_ref="b-1")]
    good, bad = [await withdraw(world, owner) for _ in range(2)]
    for one in (good, bad):
        sent = await world.wallet.decide_withdrawal(STAFF, id=one.id, decision="approve")
        assert sent.status == "processing"
    await world.resume()
    ends = [
        PayoutSettled(payout_id=uuid4(), paid=True, provider_ref="theirs"),
        PayoutSettled(payout_id=good.id, paid=True, provider_ref="b-1"),
        PayoutSettled(payout_id=bad.id, paid=False, provider_ref="", reason="account closed"),
    ]
    for _ in range(2):
        await reactions.settled(world.wallet, CTX, ends)
    ended = {w.id: w for w in (await world.wallet.withdrawals(of(owner))).items}
    assert (ended[good.id].status, ended[bad.id].status) == ("paid", "failed")
    assert ended[bad.id].reason == "account closed"
    assert await world.balance(owner) == (2000, 0)
    assert await world.told("wallet.withdrawal_ended") == 2
    await world.proven()


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("step", ["ask", "approve", "reject"])
async def test_a_crash_around_a_withdrawal(world: World, step: str, dies: Any) -> None:
    owner, id = await world.person(1000), uuid4()
    if step != "ask":
        await withdraw(world, owner, 1000, id)
    decision: Any = step

    async def run() -> None:
        if step == "ask":
            await withdraw(world, owner, 1000, id)
        else:
            await world.wallet.decide_withdrawal(STAFF, id=id, decision=decision, reason="x")

    world.ledger.dies = dies
    with pytest.raises(Crash):
        await run()
    await world.resume()
    [found] = (await world.wallet.withdrawals(of(owner))).items
    status = {"ask": "requested", "approve": "paid", "reject": "rejected"}[step]
    left = {"ask": (0, 1000), "approve": (0, 0), "reject": (1000, 0)}[step]
    assert (found.status, await world.balance(owner)) == (status, left)
    assert len(world.cashier.sent) == (1 if step == "approve" else 0)
    await world.proven()


async def test_a_provider_that_is_away_pays_once_it_is_back(world: World) -> None:
    owner = await world.person(1000)
    world.cashier.payouts = [ProviderAway, ProviderAway, Disbursement(status="paid")]
    asked = await withdraw(world, owner)
    done = await world.wallet.decide_withdrawal(STAFF, id=asked.id, decision="approve")
    assert done.status == "processing"
    await world.resume()
    await world.resume()
    assert {one[0] for one in world.cashier.sent} == {asked.id}
    [found] = (await world.wallet.withdrawals(of(owner))).items
    assert found.status == "paid"
    await world.proven()


# What providers take back


async def test_a_lost_dispute_takes_the_credits_back(world: World) -> None:
    owner, id = await world.person(), uuid4()
    topup = await buy(world, owner)
    CLOCK.advance(timedelta(minutes=1))
    for _ in range(2):
        await disputed(world, topup, "open", id)
    assert await world.balance(owner) == (0, 1000)
    assert not (await world.wallet.balance(of(owner))).frozen
    held = await world.held("disputed", owner=provider_id("test"))
    assert (held, await world.clearing(), await world.held("fees")) == (1000, -15, 15)
    for _ in range(2):
        await disputed(world, topup, "lost", id)
    await disputed(world, topup, "won", id)  # a verdict is final
    assert await world.balance(owner) == (0, 0)
    assert await world.held("disputed", owner=provider_id("test")) == 0
    assert await world.held("exchange") == 0
    [entry, _] = (await world.wallet.statement(of(owner))).items
    assert (entry.kind, entry.credits.minor) == ("reversed", -1000)
    await world.proven()


async def test_a_won_dispute_gives_them_back_and_thaws(world: World) -> None:
    owner, id = await world.person(), uuid4()
    topup = await buy(world, owner)
    await world.wallet.capture(CTX, id=await world.holding(owner, 700))
    await disputed(world, topup, "open", id)
    assert await world.balance(owner) == (0, 300)
    [frozen] = (await world.wallet.frozen(STAFF)).items
    assert (frozen.owner_id, frozen.claim_id) == (owner, id)
    await disputed(world, topup, "won", id)
    assert await world.balance(owner) == (300, 0)
    assert not (await world.wallet.balance(of(owner))).frozen
    assert await world.clearing() == 985
    await world.proven()


async def test_what_is_spent_already_is_lost_and_the_wallet_frozen(world: World) -> None:
    owner = await world.person()
    topup = await buy(world, owner)
    await world.wallet.capture(CTX, id=await world.holding(owner, 700))
    event = PaymentRefunded(
        payment_id=topup.id,
        refund_id=uuid4(),
        reference=topup.id,
        purpose="topup",
        amount=usd(1000),
    )
    await reactions.refunded(world.wallet, CTX, [event, event])
    assert await world.balance(owner) == (0, 0)
    assert (await world.wallet.balance(of(owner))).frozen
    assert (await world.clearing(), await world.held("exchange")) == (0, 0)
    await world.proven()


async def test_a_part_is_disputed_while_it_is_spent(world: World) -> None:
    owner, id = await world.person(), uuid4()
    topup = await buy(world, owner)
    holds = [uuid4() for _ in range(6)]
    await asyncio.gather(
        disputed(world, topup, "open", id, minor=600),
        disputed(world, topup, "open", id, minor=600),
        *(
            world.wallet.hold(CTX, id=one, reference=one, owner_id=owner, amount=usd(150))
            for one in holds
        ),
    )
    taken = int(await world.db.fetchval("SELECT taken FROM wallet.claims"))
    available, held = await world.balance(owner)
    assert available + held == 1000
    assert (await world.wallet.balance(of(owner))).frozen == (taken < 600)
    for one in holds:
        await world.wallet.void(CTX, id=one)
    await disputed(world, topup, "lost", id, minor=600)
    await world.resume(timedelta(minutes=11))
    assert await world.balance(owner) == (1000 - taken, 0)
    await world.proven()


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_crash_while_a_dispute_is_followed(world: World, dies: Any) -> None:
    owner, id = await world.person(), uuid4()
    topup = await buy(world, owner)
    for status, left in (("open", (0, 1000)), ("lost", (0, 0))):
        world.ledger.dies = dies
        with pytest.raises(Crash):
            await disputed(world, topup, status, id)
        await world.resume()
        assert await world.balance(owner) == left
    await world.proven()


async def test_a_dispute_of_an_unknown_top_up_changes_nothing(world: World) -> None:
    topup = await buy(world, await world.person())
    await disputed(world, topup.model_copy(update={"id": uuid4()}), "open", uuid4())
    assert await world.held("disputed", owner=provider_id("test")) == 0


# The rest


async def test_a_market_opens_with_a_rate(world: World) -> None:
    event = MarketOpened(name="Haat", currency="JPY", country="JP")
    await reactions.opened(world.wallet, CTX, [event, event])
    rate = await world.wallet.rate(CTX, currency="JPY")
    assert rate.micro == RATE_UNIT // 100


async def test_many_top_ups_and_large_ones_are_flagged(world: World) -> None:
    many, large = await world.person(), await world.person()
    for _ in range(rules.VELOCITY):
        await buy(world, many, 100)
    await buy(world, large, rules.LARGE)
    flags = {(f.owner_id, f.rule, f.why) for f in (await world.wallet.flow(STAFF)).flags}
    assert flags == {
        (many, "velocity", "5 top-ups in one day"),
        (large, "large", "1000.00 credits at once"),
    }
    flow = await world.wallet.flow(STAFF, days=1)
    assert (flow.days[0].topup, flow.backing) == (100_500, usd(100_500))
    assert flow.circulating.currency == CREDITS


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE wallet.topups SET minor = minor + 1", "converted: top-up"),
        ("UPDATE wallet.topups SET status = 'failed'", "endings: top-up"),
        ("UPDATE wallet.withdrawals SET credits = credits + 1", "converted: withdrawal"),
        ("UPDATE wallet.withdrawals SET status = 'failed'", "endings: withdrawal"),
        ("UPDATE wallet.claims SET taken = taken - 1", "claims: claim"),
    ],
)
async def test_a_changed_row_is_named(world: World, change: str, named: str) -> None:
    owner = await world.person()
    topup = await buy(world, owner, 2000)
    asked = await withdraw(world, owner, 500)
    await world.wallet.decide_withdrawal(STAFF, id=asked.id, decision="approve")
    await disputed(world, topup, "lost", uuid4(), minor=300)
    await world.proven()
    await world.db.execute(change)
    found = await proof.prove(world.db, 3)
    assert found[0].startswith(f"wallet.{named} "), found
    row = named.partition(": ")[2]
    assert all(f": {row} " in line for line in found), found
