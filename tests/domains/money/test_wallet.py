"""Wallets on the real ledger: to the unit, repeated, raced and broken off."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.money.ledger.api import Account, Code, Transfer
from haat.domains.money.payments.api import (
    PaymentConflict,
    RefundTooLarge,
    WrongPaymentState,
)
from haat.domains.money.wallet import proof, rules
from haat.domains.money.wallet.api import CREDITS, RATE_UNIT, NoRate, RateOverlaps
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from haat.kernel.money import Money
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


@pytest.fixture
async def world(database_of: DatabaseOf, database_url: str) -> World:
    return await opened_world(database_of, database_url)


# Rates


async def test_rates_have_a_history_and_none_begins_in_the_past(world: World) -> None:
    first = await world.wallet.rate(CTX, currency="USD")
    assert (first.micro, first.valid_to) == (RATE_UNIT, None)
    await world.wallet.rating.begin(CTX, "USD")
    CLOCK.advance(timedelta(hours=1))
    id, later = uuid4(), CLOCK.now() + timedelta(days=1)
    for _ in range(2):
        second = await world.wallet.set_rate(
            STAFF, id=id, currency="USD", micro=2 * RATE_UNIT, valid_from=later, note=" sale "
        )
    assert (second.set_by, second.note) == (STAFF.actor.id, "sale")
    now = await world.wallet.rate(CTX, currency="USD")
    assert (now.id, now.valid_to) == (first.id, later)
    assert (await world.wallet.rate(CTX, currency="USD", at=later)).micro == 2 * RATE_UNIT
    page = await world.wallet.rates(CTX, currency="USD", limit=1)
    assert [one.id for one in page.items] == [id]
    rest = await world.wallet.rates(CTX, limit=1, cursor=page.next)
    assert ([one.valid_to for one in rest.items], rest.next) == ([later], None)
    with pytest.raises(RateOverlaps):
        await world.wallet.set_rate(
            STAFF, id=uuid4(), currency="USD", micro=3, valid_from=CLOCK.now() - timedelta(1)
        )
    with pytest.raises(RateOverlaps):
        await world.wallet.set_rate(STAFF, id=uuid4(), currency="USD", micro=3, valid_from=later)
    with pytest.raises(Conflict):
        await world.wallet.set_rate(STAFF, id=id, currency="EUR", micro=3)
    with pytest.raises(NoRate):
        await world.wallet.rate(CTX, currency="EUR")
    with pytest.raises(NoRate):
        await world.wallet.rate(CTX, currency="USD", at=first.valid_from - timedelta(seconds=1))


async def test_the_rate_of_the_first_call_stands(world: World) -> None:
    owner = await world.person(1000)
    hold = await world.holding(owner, 400)
    await world.wallet.set_rate(STAFF, id=uuid4(), currency="USD", micro=2 * RATE_UNIT)
    again = await world.holding(owner, 400, hold)
    assert await world.balance(owner) == (600, 400)
    other = await world.holding(owner, 400)
    assert await world.balance(owner) == (400, 600)
    for id in (again, other):
        await world.wallet.capture(CTX, id=id)
    assert (await world.wallet.spendable(CTX, owner_id=owner, currency="USD")).minor == 800
    assert (await world.wallet.balance(of(owner))).spendable == usd(800)
    await world.proven()


# Holds


async def test_from_hold_to_capture(world: World) -> None:
    owner = await world.person(1000)
    id = await world.holding(owner, 700)
    await world.holding(owner, 700, id)
    assert await world.balance(owner) == (300, 700)
    assert (await world.wallet.spendable(CTX, owner_id=owner, currency="USD")).minor == 300
    for _ in range(2):
        assert (await world.wallet.capture(CTX, id=id)).status == "captured"
    assert await world.balance(owner) == (300, 0)
    assert await world.held("exchange", CREDITS) == -300
    with pytest.raises(WrongPaymentState):
        await world.wallet.void(CTX, id=id)
    hold = await world.wallet.hold(CTX, id=id, reference=id, owner_id=owner, amount=usd(700))
    assert hold.status == "captured"
    await world.proven()


async def test_what_keeps_credits_from_being_held(world: World) -> None:
    owner = await world.person(500)

    async def tried(amount: Money, id: UUID | None = None) -> str | None:
        id = id or uuid4()
        for _ in range(2):
            hold = await world.wallet.hold(CTX, id=id, reference=id, owner_id=owner, amount=amount)
            assert hold.status == "declined"
        assert (await world.wallet.capture(CTX, id=id)).status == "declined"
        return hold.decline_code

    assert await tried(usd(501)) == "credits_too_low"
    assert await tried(Money(minor=5, currency="EUR")) == "credit_rate_missing"
    await world.wallet.freeze(STAFF, owner_id=owner, frozen=True, reason="Odd")
    assert await tried(usd(1)) == "wallet_frozen"
    assert (await world.wallet.spendable(CTX, owner_id=owner, currency="USD")).minor == 0
    stopped = await world.wallet.balance(of(owner))
    assert stopped.frozen
    assert stopped.spendable == usd(0)
    [frozen] = (await world.wallet.frozen(STAFF)).items
    assert (frozen.owner_id, frozen.reason, frozen.claim_id) == (owner, "Odd", None)
    await world.wallet.freeze(STAFF, owner_id=owner, frozen=False, reason="Fine")
    await world.holding(owner, 500)
    with pytest.raises(Invalid):
        await tried(usd(0))
    await world.resume(timedelta(minutes=11))
    await world.proven()


async def test_a_repeat_with_another_amount_is_refused(world: World) -> None:
    owner = await world.person(500)
    id = await world.holding(owner, 100)
    for whose, reference, amount in (
        (owner, id, usd(101)),
        (uuid4(), id, usd(100)),
        (owner, uuid4(), usd(100)),
    ):
        with pytest.raises(PaymentConflict):
            await world.wallet.hold(CTX, id=id, reference=reference, owner_id=whose, amount=amount)


async def test_voiding_gives_back_and_keeps_a_late_hold_from_holding(world: World) -> None:
    owner = await world.person(500)
    id = await world.holding(owner, 500)
    for _ in range(2):
        await world.wallet.void(CTX, id=id)
    assert await world.balance(owner) == (500, 0)
    assert (await world.wallet.capture(CTX, id=id)).status == "voided"
    never = uuid4()
    for _ in range(2):
        await world.wallet.void(CTX, id=never)
    hold = await world.wallet.hold(CTX, id=never, reference=never, owner_id=owner, amount=usd(5))
    assert hold.status == "voided"
    assert await world.balance(owner) == (500, 0)
    for call in (world.wallet.capture, world.wallet.void):
        granted = await world.db.fetchval("SELECT id FROM wallet.moves WHERE kind = 'granted'")
        with pytest.raises(NotFound):
            await call(CTX, id=granted)
    with pytest.raises(NotFound):
        await world.wallet.capture(CTX, id=uuid4())
    await world.proven()


async def test_holds_at_once_never_overspend(world: World) -> None:
    owner = await world.person(1000)
    answers = await asyncio.gather(
        *(
            world.wallet.hold(CTX, id=id, reference=id, owner_id=owner, amount=usd(300))
            for id in [uuid4() for _ in range(8)] * 2
        )
    )
    assert len({a.id for a in answers if a.status == "authorized"}) == 3
    assert await world.balance(owner) == (100, 900)
    await asyncio.gather(
        *(world.wallet.capture(CTX, id=a.id) for a in answers if a.status == "authorized")
    )
    assert await world.balance(owner) == (100, 0)
    await world.resume(timedelta(minutes=11))
    await world.proven()


async def test_holding_capturing_and_voiding_at_once_is_one_end(world: World) -> None:
    owner = await world.person(10_000)
    ids = [uuid4() for _ in range(10)]

    async def hold(id: UUID) -> None:
        await world.wallet.hold(CTX, id=id, reference=id, owner_id=owner, amount=usd(100))

    async def end(call: Callable[..., Awaitable[object]], id: UUID) -> None:
        with suppress(WrongPaymentState, NotFound):
            await call(CTX, id=id)

    calls = [(world.wallet.void, id) for id in ids] + [(world.wallet.capture, id) for id in ids * 2]
    await asyncio.gather(*(hold(id) for id in ids * 2), *(end(call, id) for call, id in calls))
    await world.resume(timedelta(minutes=11))
    states = await world.db.fetch("SELECT state FROM wallet.moves WHERE kind = 'spent'")
    spent = sum(row["state"] == "done" for row in states)
    assert {row["state"] for row in states} <= {"done", "undone"}
    assert await world.balance(owner) == (10_000 - 100 * spent, 0)
    await world.proven()


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("step", ["hold", "capture", "void", "refund"])
async def test_a_crash_around_the_ledger_is_made_good(world: World, step: str, dies: str) -> None:
    owner = await world.person(1000)
    id, refund = uuid4(), uuid4()

    async def run(name: str) -> object:
        if name == "hold":
            return await world.wallet.hold(
                CTX, id=id, reference=id, owner_id=owner, amount=usd(400)
            )
        if name == "refund":
            return await world.wallet.refund(CTX, id=id, refund_id=refund, amount=usd(150))
        return await getattr(world.wallet, name)(CTX, id=id)

    path = {"hold": [], "capture": ["hold"], "void": ["hold"], "refund": ["hold", "capture"]}
    for before in path[step]:
        await run(before)
    world.ledger.dies = "before" if dies == "before" else "after"
    with pytest.raises(Crash):
        await run(step)
    if step == "hold":
        await world.wallet.void(CTX, id=id)  # settlement gives up
        await world.resume(timedelta(minutes=11))
    else:
        await world.resume()
    expected = {"hold": 1000, "capture": 600, "void": 1000, "refund": 750}
    assert await world.balance(owner) == (expected[step], 0)
    await run("void" if step == "hold" else step)
    assert await world.balance(owner) == (expected[step], 0)
    await world.proven()


async def test_a_post_that_comes_after_the_void_holds_nothing(world: World) -> None:
    owner = await world.person(1000)
    id = uuid4()
    world.ledger.dies = "before"
    with pytest.raises(Crash):
        await world.wallet.hold(CTX, id=id, reference=id, owner_id=owner, amount=usd(400))
    late = await world.wallet.moving.find(id)
    await world.wallet.void(CTX, id=id)
    assert (await world.wallet.moving.set_aside(CTX, late))["state"] == "voiding"
    assert await world.balance(owner) == (1000, 0)
    await world.resume()
    assert (await world.wallet.moving.find(id) or {})["state"] == "undone"


async def test_forgotten_holds_are_named(world: World) -> None:
    owner = await world.person(1000)
    id = await world.holding(owner, 400)
    assert not await world.wallet.moving.stale(CTX)
    CLOCK.advance(timedelta(days=2))
    assert [row["id"] for row in await world.wallet.moving.stale(CTX)] == [id]


# Refunds


async def test_refunds_in_parts_give_back_exactly_what_was_spent(world: World) -> None:
    await world.wallet.set_rate(STAFF, id=uuid4(), currency="USD", micro=2_718_281)
    owner = await world.person(5000)
    id = await world.holding(owner, 1000)
    with pytest.raises(WrongPaymentState):
        await world.wallet.refund(CTX, id=id, refund_id=uuid4(), amount=usd(1))
    await world.wallet.capture(CTX, id=id)
    spent = rules.credits_for(1000, 2_718_281)
    assert await world.balance(owner) == (5000 - spent, 0)
    parts = [333, 1, 1, 1, 332, 332]
    ids = [uuid4() for _ in parts]
    for refund_id, part in zip(ids, parts, strict=True):
        for _ in range(2):
            done = await world.wallet.refund(CTX, id=id, refund_id=refund_id, amount=usd(part))
            assert done.status == "done"
    assert await world.balance(owner) == (5000, 0)
    for amount, error in (
        (usd(1), RefundTooLarge),
        (Money(minor=1, currency="EUR"), PaymentConflict),
        (usd(0), Invalid),
    ):
        with pytest.raises(error):
            await world.wallet.refund(CTX, id=id, refund_id=uuid4(), amount=amount)
    with pytest.raises(PaymentConflict):
        await world.wallet.refund(CTX, id=id, refund_id=ids[0], amount=usd(332))
    with pytest.raises(NotFound):
        await world.wallet.refund(CTX, id=uuid4(), refund_id=uuid4(), amount=usd(1))
    await world.proven()


async def test_refunds_at_once_give_back_no_more_than_was_spent(world: World) -> None:
    await world.wallet.set_rate(STAFF, id=uuid4(), currency="USD", micro=333_333)
    owner = await world.person(5000)
    id = await world.holding(owner, 1000)
    await world.wallet.capture(CTX, id=id)
    answers = await asyncio.gather(
        *(
            world.wallet.refund(CTX, id=id, refund_id=refund, amount=usd(170))
            for refund in [uuid4() for _ in range(8)] * 2
        ),
        return_exceptions=True,
    )
    assert {type(a) for a in answers if isinstance(a, Exception)} == {RefundTooLarge}
    row = await world.wallet.moving.find(id)
    assert row is not None
    assert row["refunded_minor"] == 850
    await world.wallet.refund(CTX, id=id, refund_id=uuid4(), amount=usd(150))
    assert await world.balance(owner) == (5000, 0)
    await world.proven()


# What owners and staff read


async def test_a_statement_tells_every_movement_as_of_any_moment(world: World) -> None:
    owner = await world.person(1000)
    CLOCK.advance(timedelta(minutes=1))
    spent = await world.holding(owner, 400)
    CLOCK.advance(timedelta(minutes=1))
    await world.wallet.capture(CTX, id=spent)
    CLOCK.advance(timedelta(minutes=1))
    before = CLOCK.now()
    CLOCK.advance(timedelta(minutes=1))
    await world.wallet.refund(CTX, id=spent, refund_id=uuid4(), amount=usd(100))
    CLOCK.advance(timedelta(minutes=1))
    await world.wallet.void(CTX, id=await world.holding(owner, 7))
    outside = Transfer(
        id=uuid4(),
        debit=Account(kind="custom", owner=uuid4(), currency=CREDITS),
        credit=rules.wallet_of(owner),
        minor=9,
        code=Code.CUSTOM,
        reference=uuid4(),
    )
    CLOCK.advance(timedelta(minutes=1))
    await world.ledger.post(CTX, transfers=[outside])
    page = await world.wallet.statement(of(owner), limit=3)
    rest = await world.wallet.statement(of(owner), limit=3, cursor=page.next)
    entries = [*page.items, *rest.items]
    assert [(e.kind, e.credits.minor, e.money and e.money.minor, e.status) for e in entries] == [
        ("outside", 9, None, "done"),
        ("spent", -7, 7, "undone"),
        ("refunded", 100, 100, "done"),
        ("spent", -400, 400, "done"),
        ("granted", 1000, None, "done"),
    ]
    assert (entries[-1].note, entries[3].reference) == ("Welcome", spent)
    then = await world.wallet.statement(of(owner), as_of=before)
    assert [e.kind for e in then.items] == ["spent", "granted"]
    assert await world.wallet.reconcile(CTX) != []  # no order has the 300 that were spent
    await world.proven()


async def test_whose_wallet_may_be_seen(world: World) -> None:
    vendor = uuid4()
    member = replace(of(uuid4()), vendor_id=vendor)
    keeper = replace(member, scopes=frozenset({"person", "vendor:money"}))
    assert (await world.wallet.balance(keeper, vendor_id=vendor)).owner_id == vendor
    with pytest.raises(Forbidden):
        await world.wallet.balance(member, vendor_id=vendor)
    with pytest.raises(NotFound):
        await world.wallet.balance(keeper, vendor_id=uuid4())
    for call in (world.wallet.balance, world.wallet.statement, world.wallet.topups):
        with pytest.raises(Unauthenticated):
            await call(Context(clock=CLOCK))


async def test_grants_are_given_once_to_somebody(world: World) -> None:
    owner, id = await world.person(), uuid4()
    for _ in range(2):
        entry = await world.wallet.grant(
            STAFF, id=id, owner_id=owner, credits_minor=250, reason="Sorry"
        )
    assert (entry.kind, entry.credits.minor, entry.note) == ("granted", 250, "Sorry")
    assert await world.balance(owner) == (250, 0)
    with pytest.raises(PaymentConflict):
        await world.wallet.grant(STAFF, id=id, owner_id=owner, credits_minor=251, reason="x")
    with pytest.raises(Invalid):
        await world.wallet.grant(STAFF, id=uuid4(), owner_id=owner, credits_minor=0, reason="x")
    with pytest.raises(NotFound):
        await world.wallet.grant(STAFF, id=uuid4(), owner_id=uuid4(), credits_minor=1, reason="x")
    with pytest.raises(NotFound):
        await world.wallet.freeze(STAFF, owner_id=uuid4(), frozen=True, reason="x")
    await world.proven()


async def test_the_flow_by_days_and_what_backs_it(world: World) -> None:
    owner = await world.person(1000)
    CLOCK.advance(timedelta(days=1))
    spent = await world.holding(owner, 400)
    await world.wallet.capture(CTX, id=spent)
    await world.wallet.refund(CTX, id=spent, refund_id=uuid4(), amount=usd(100))
    flow = await world.wallet.flow(STAFF, days=3)
    assert flow.circulating == Money(minor=700, currency=CREDITS)
    assert (flow.worth, flow.backing) == (usd(700), usd(0))
    assert [(d.granted, d.spent, d.refunded, d.topup) for d in flow.days] == [
        (0, 0, 0, 0),
        (1000, 0, 0, 0),
        (0, 400, 100, 0),
    ]
    assert flow.flags == []
    for _ in range(rules.DECLINED):
        await world.wallet.hold(
            CTX, id=uuid4(), reference=uuid4(), owner_id=owner, amount=usd(9999)
        )
    [flag] = (await world.wallet.flow(STAFF)).flags
    assert (flag.owner_id, flag.rule, flag.why) == (
        owner,
        "many_declined",
        "5 declined attempts in one day",
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE wallet.moves SET refunded_credits = refunded_credits + 1", "hold"),
        ("UPDATE wallet.moves SET credits = credits + 1 WHERE kind = 'spent'", "hold"),
        ("UPDATE wallet.moves SET minor = minor + 1 WHERE kind = 'refunded'", "hold"),
    ],
)
async def test_a_changed_amount_is_named(
    world: World, database_url: str, change: str, named: str
) -> None:
    owner = await world.person(1000)
    spent = await world.holding(owner, 400)
    await world.wallet.capture(CTX, id=spent)
    await world.wallet.refund(CTX, id=spent, refund_id=uuid4(), amount=usd(100))
    await world.proven()
    if "refunded_credits" in change:
        change += " WHERE kind = 'spent'"
    await world.db.execute(change)
    [line] = await proof.prove(world.db, 1)
    assert f"{named} {spent}" in line
    await world.db.execute("UPDATE wallet.moves SET credits = credits + 5 WHERE kind = 'granted'")
    assert any(str(owner) in line for line in await world.wallet.reconcile(CTX))
