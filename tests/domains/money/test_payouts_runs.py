"""Who is paid when: thresholds, holds, runs by schedule, bank files, charges, dry runs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments.api import Destination, Disbursement, VendorAccount
from haat.domains.money.payouts.api import (
    BelowThreshold,
    ChargeConflict,
    Payout,
    PayoutsHeld,
    Policy,
    VendorTerms,
    WrongPayoutState,
)
from haat.engines.sql import Database
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import NOBODY, Bank, Crash, Flat, FragileLedger, payouts_with
from tests.domains.money.test_payouts import BANK_ACCOUNT, CLOCK, CTX, World, draft, line, usd
from tests.domains.money.test_payouts import draft_of as sale_of

IBAN = Destination(holder="Zoë Müller", account="DE02 1203 0000 0000 2020 51", bic="BYLADEM1001")


@pytest.fixture
async def world(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> World:
    await emptied(database_url, "ledger", "payouts")
    db, books = await database_of("payouts"), await database_of("ledger")
    ledger, bank = FragileLedger(books), Bank()
    return World(db, books, ledger, bank, payouts_with(db, ledger, bank))


async def ruled(world: World, **policy: Any) -> None:
    await world.payouts.set_policy(CTX, policy=Policy(**policy), reason="A test of it")


async def termed(world: World, vendor: UUID, **terms: Any) -> None:
    given = VendorTerms(vendor_id=vendor, **terms)
    await world.payouts.set_terms(CTX, terms=given, reason="A test of it")


async def ask(world: World, vendor: UUID, minor: int | None = None) -> Payout:
    amount = None if minor is None else usd(minor)
    return await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor, amount=amount)


async def test_what_keeps_a_vendor_from_being_paid(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    await ruled(world, threshold_minor=1000, kyc_required=True)
    with pytest.raises(PayoutsHeld) as held:
        await ask(world, vendor)
    assert held.value.data["blockers"] == ["kyc"]
    await termed(world, vendor, held=True, held_reason="Who is this?", verified_at=CLOCK.now())
    with pytest.raises(PayoutsHeld) as held:
        await ask(world, vendor)
    assert held.value.data["blockers"] == ["hold"]
    await termed(world, vendor, verified_at=CLOCK.now())
    with pytest.raises(BelowThreshold) as low:
        await ask(world, vendor)
    assert low.value.data["threshold"] == usd(1000).model_dump()
    await termed(world, vendor, verified_at=CLOCK.now(), threshold_minor=970)
    assert (await ask(world, vendor)).amount == usd(970)
    query = "SELECT reason, settings ->> 'held' AS held FROM payouts.term_changes ORDER BY number"
    assert [row["held"] for row in await world.db.fetch(query)] == ["true", "false", "false"]
    await world.proven()


async def test_a_policy_is_kept_with_its_history(world: World) -> None:
    assert await world.payouts.policy(CTX) == Policy()
    await ruled(world, reserve_bp=100)
    await ruled(world, reserve_bp=200)
    assert (await world.payouts.policy(CTX)).reserve_bp == 200
    assert await world.db.fetchval("SELECT count(*) FROM payouts.policies") == 2
    with pytest.raises(Invalid):
        await ruled(world, schedule="weekly", schedule_day=8)
    with pytest.raises(NotFound):
        await termed(world, NOBODY)


async def test_small_payouts_need_no_staff(world: World) -> None:
    await ruled(world, auto_approve_minor=500)
    vendor = uuid4()
    await world.eligible(vendor)
    small, large = await ask(world, vendor, 400), await ask(world, vendor)
    assert (small.status, small.approved_by) == ("paid", "rule")
    assert (large.status, large.approved_by) == ("requested", None)
    done = await world.payouts.decide(CTX, id=large.id, decision="approve")
    assert (done.status, done.approved_by) == ("paid", "staff")
    await world.proven()


async def test_a_payout_is_made_of_what_it_pays(world: World) -> None:
    vendor = uuid4()
    first, second = await world.eligible(vendor, 600), await world.eligible(vendor, 500)
    await world.refund(uuid4(), first.vendor_order_id, usd(71))
    one, two = await ask(world, vendor, 700), await ask(world, vendor)
    for asked, expected in (
        (one, [("earning", 600), ("earning", 160), ("reversal", -60)]),
        (two, [("earning", 340)]),
    ):
        found = await world.payouts.payout(CTX, id=asked.id)
        assert [(item.kind, item.amount.minor) for item in found.items] == expected
        assert sum(item.amount.minor for item in found.items) == found.amount.minor
    items = (await world.payouts.payout(CTX, id=two.id)).items
    assert (items[0].vendor_order_id, items[0].title) == (second.vendor_order_id, "A hat")
    with pytest.raises(NotFound):
        await world.payouts.payout(CTX, id=uuid4())
    await world.payouts.decide(CTX, id=one.id, decision="reject", reason="x")
    again = await ask(world, vendor)
    assert again.amount.minor == 700
    await world.proven()


async def test_a_vendors_own_account_at_the_provider_is_paid(world: World) -> None:
    known, unready = uuid4(), uuid4()
    for vendor, status in ((known, "ready"), (unready, "restricted")):
        await world.eligible(vendor)
        world.bank.onboarded[vendor] = VendorAccount.model_validate(
            {
                "vendorId": vendor,
                "provider": "test",
                "providerRef": f"acct_{status}",
                "status": status,
                "updatedAt": CLOCK.now(),
            }
        )
        made = await ask(world, vendor)
        await world.payouts.decide(CTX, id=made.id, decision="approve")
    assert [asked[2].provider_ref for asked in world.bank.asked] == ["acct_ready", None]


async def test_the_schedule_pays_each_vendor_once(world: World) -> None:
    CLOCK.advance(datetime(2027, 3, 3, 12, tzinfo=UTC) - CLOCK.now())  # a Wednesday
    await ruled(world, schedule="weekly", schedule_day=1, threshold_minor=100)
    due, small, manual, daily = uuid4(), uuid4(), uuid4(), uuid4()
    for vendor in (due, manual, daily):
        await world.eligible(vendor)
    await world.eligible(small, 50)
    await termed(world, manual, schedule="manual")
    await termed(world, daily, schedule="daily")
    await world.payouts.run_scheduled(CTX)
    assert (await world.payouts.queue(CTX)).items == []  # Monday was before the policy
    CLOCK.advance(timedelta(days=1))
    await world.payouts.run_scheduled(CTX)
    assert [p.vendor_id for p in (await world.payouts.queue(CTX)).items] == [daily]
    CLOCK.advance(timedelta(days=4))
    world.ledger.dies = "after"
    with pytest.raises(Crash):
        await world.payouts.run_scheduled(CTX)
    await asyncio.gather(*(world.payouts.run_scheduled(CTX) for _ in range(3)))
    await world.eligible(due)
    await world.payouts.run_scheduled(CTX)
    await world.resume()
    found = (await world.payouts.queue(CTX)).items
    assert sorted(p.vendor_id for p in found) == sorted([daily, due])
    assert {p.trigger for p in found} == {"schedule"}
    await world.proven()


async def test_staff_run_payouts_now(world: World) -> None:
    vendors = [uuid4() for _ in range(3)]
    for vendor in vendors:
        await world.eligible(vendor)
    await termed(world, vendors[2], held=True)
    runs = await asyncio.gather(*(world.payouts.run(CTX) for _ in range(3)))
    found = [payout for run in runs for payout in run]
    assert sorted(p.vendor_id for p in found) == sorted(vendors[:2])
    assert {p.status for p in found} == {"requested"}
    assert await world.payouts.run(CTX, vendor_ids=[vendors[2]]) == []
    await world.proven()


async def bank_payouts(world: World, count: int) -> list[Payout]:
    await ruled(world, method="bank", auto_approve_minor=10_000)
    world.bank.answers = [Disbursement(status="pending")]
    found = []
    for _ in range(count):
        vendor = uuid4()
        await world.eligible(vendor)
        await world.payouts.set_destination(CTX, vendor_id=vendor, destination=IBAN)
        found.append(await ask(world, vendor))
    return found


async def test_bank_payouts_go_into_one_file(world: World) -> None:
    asked = await bank_payouts(world, 3)
    assert {(p.status, p.method) for p in asked} == {("processing", "bank")}
    assert set(world.bank.through) == {"bank"}
    id = uuid4()
    made = await asyncio.gather(
        *(world.payouts.make_bank_file(CTX, id=id, format="csv") for _ in range(6))
    )
    file = await world.payouts.make_bank_file(CTX, id=id, format="csv")
    assert made == [file] * 6
    assert (file.payouts, file.total, file.settled) == (3, usd(2910), 0)
    text = await world.payouts.bank_file(CTX, id=id)
    assert all(str(payout.id) in text for payout in asked)
    assert "DE02120300000000202051" in text
    with pytest.raises(WrongPayoutState):
        await world.payouts.make_bank_file(CTX, id=id, format="pain.001")
    with pytest.raises(Invalid) as empty:
        await world.payouts.make_bank_file(CTX, id=uuid4(), format="csv")
    assert empty.value.code == "bank_file_empty"
    ids = [payout.id for payout in asked]
    paid = await world.payouts.settle_bank_payouts(CTX, ids=ids[:2], paid=True)
    [failed] = await world.payouts.settle_bank_payouts(
        CTX, ids=ids[2:], paid=False, reason="Account closed"
    )
    assert {p.status for p in paid} == {"paid"}
    assert (failed.status, failed.reason) == ("failed", "Account closed")
    assert (await world.balance(failed.vendor_id)).available.minor == 970
    assert await world.payouts.bank_file(CTX, id=id) == text
    assert (await world.payouts.bank_files(CTX)).items[0].settled == 3
    with pytest.raises(NotFound):
        await world.payouts.bank_file(CTX, id=uuid4())
    await world.proven()


async def test_a_file_the_bank_would_refuse_is_not_made(world: World) -> None:
    [asked] = await bank_payouts(world, 1)
    with pytest.raises(Invalid) as error:
        await world.payouts.make_bank_file(CTX, id=uuid4(), format="pain.001")
    assert error.value.code == "bank_file_currency"
    assert error.value.data["payout_id"] == str(asked.id)
    assert (await world.payouts.bank_files(CTX)).items == []
    other = await ask_in_test(world)
    with pytest.raises(WrongPayoutState):
        await world.payouts.settle_bank_payouts(CTX, ids=[other.id], paid=True)
    with pytest.raises(NotFound):
        await world.payouts.settle_bank_payouts(CTX, ids=[uuid4()], paid=True)


async def ask_in_test(world: World) -> Payout:
    await ruled(world)
    vendor = uuid4()
    await world.eligible(vendor)
    return await ask(world, vendor)


async def test_charges_and_credit_notes(world: World) -> None:
    vendor, fine, note = uuid4(), uuid4(), uuid4()
    for dies in ("before", "after", ""):
        world.ledger.dies = dies
        fined = world.payouts.charge(
            CTX, id=fine, vendor_id=vendor, amount=usd(500), tax=usd(100), reason="Late parcels"
        )
        if dies:
            with pytest.raises(Crash):
                await fined
        else:
            assert (await fined).amount == usd(500)
    assert (await world.balance(vendor)).available.minor == -600
    await world.payouts.charge(
        CTX, id=note, vendor_id=vendor, amount=usd(-200), tax=usd(-40), reason="Goodwill"
    )
    assert (await world.held("commission"), await world.held("commission_tax")) == (300, 60)
    with pytest.raises(ChargeConflict):
        await world.payouts.charge(
            CTX, id=fine, vendor_id=vendor, amount=usd(501), reason="Late parcels"
        )
    for amount, tax in (
        (usd(0), None),
        (usd(5), usd(-1)),
        (Money(minor=5, currency="EUR"), None),
    ):
        with pytest.raises(Invalid):
            await world.payouts.charge(
                CTX, id=uuid4(), vendor_id=vendor, amount=amount, tax=tax, reason="x"
            )
    with pytest.raises(NotFound):
        await world.payouts.charge(
            CTX, id=uuid4(), vendor_id=NOBODY, amount=usd(5), reason="Nobody"
        )
    CLOCK.advance(timedelta(seconds=1))
    world.ledger.dies = "before"
    with pytest.raises(Crash):
        await world.payouts.charge(
            CTX, id=uuid4(), vendor_id=vendor, amount=usd(10), reason="Again"
        )
    await world.resume()
    found = (await world.payouts.charges(CTX, vendor_id=vendor)).items
    assert found[0].amount.minor == 10
    await world.eligible(vendor)
    asked = await ask(world, vendor)
    items = (await world.payouts.payout(CTX, id=asked.id)).items
    assert [(i.kind, i.amount.minor) for i in items] == [
        ("fee", -600),
        ("credit_note", 240),
        ("fee", -10),
        ("earning", 970),
    ]
    await world.proven()


async def test_a_balance_as_of_a_past_moment(world: World) -> None:
    vendor = uuid4()
    one = await world.eligible(vendor)
    await world.payouts.expect(CTX, earnings=[draft(vendor, 400)])
    CLOCK.advance(timedelta(hours=1))
    then = CLOCK.now()
    CLOCK.advance(timedelta(hours=1))
    asked = await ask(world, vendor)
    await world.payouts.decide(CTX, id=asked.id, decision="approve")
    await world.refund(uuid4(), one.vendor_order_id, usd(108))
    now = await world.balance(vendor)
    assert (now.available.minor, now.pending.minor, now.paid.minor) == (-97, 400, 970)
    past = await world.payouts.balance(CTX, vendor_id=vendor, as_of=then)
    assert (past.available.minor, past.pending.minor, past.paid.minor) == (970, 400, 0)
    several = await world.payouts.balances_of(CTX, vendor_ids=[uuid4(), vendor])
    assert [one.available.minor for one in several] == [0, -97]
    assert await world.payouts.balances_of(CTX, vendor_ids=[]) == []


async def test_a_dry_run_assesses_what_was_really_sold(world: World) -> None:
    other_list = uuid4()
    flat = Flat(300, {other_list: 1000})
    service = payouts_with(world.db, world.ledger, world.bank, flat)
    old = draft(uuid4(), 970, 30)
    await service.expect(CTX, earnings=[old])
    CLOCK.advance(timedelta(days=40))
    vendors = [uuid4(), uuid4()]
    for vendor in vendors:
        lines = [line(uuid4(), 97, 3, 8) for _ in range(300)]
        await service.expect(CTX, earnings=[sale_of(vendor, *lines)])
    found = await service.dry_run(CTX, list_id=other_list, days=30)
    assert (found.lines, found.actual.minor, found.would_be.minor) == (600, 1800, 6000)
    assert [(one.lines, one.would_be.minor) for one in found.by_vendor] == [(300, 3000)] * 2
    assert flat.most == 500
    same = await service.dry_run(CTX, list_id=other_list, days=366)
    assert same.lines == 601


async def test_earnings_by_status_and_period(world: World) -> None:
    vendor = uuid4()
    paid = await world.eligible(vendor)
    asked = await ask(world, vendor)
    await world.payouts.decide(CTX, id=asked.id, decision="approve")
    CLOCK.advance(timedelta(days=1))
    start = CLOCK.now()
    pending, back = draft(vendor), draft(vendor)
    await world.payouts.expect(CTX, earnings=[pending, back])
    await world.refund(uuid4(), back.vendor_order_id, back.gross)
    status: Any
    for status, one in (("paid", paid), ("pending", pending), ("reversed", back)):
        page = await world.payouts.earnings(CTX, vendor_id=vendor, status=status)
        assert [found.vendor_order_id for found in page.items] == [one.vendor_order_id]
    assert (await world.payouts.earnings(CTX, vendor_id=vendor, status="eligible")).items == []
    page = await world.payouts.earnings(CTX, vendor_id=vendor, until=start)
    assert [found.vendor_order_id for found in page.items] == [paid.vendor_order_id]
    assert len((await world.payouts.earnings(CTX, vendor_id=vendor, since=start)).items) == 2


async def test_what_a_refused_payout_had_set_aside_comes_free(world: World) -> None:
    """One process was told no; another, asking for the same payout, was told yes and died."""
    vendor = uuid4()
    await world.eligible(vendor)
    await world.payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    world.ledger.dies = "after"
    with pytest.raises(Crash):
        await ask(world, vendor)
    await world.db.execute("UPDATE payouts.payouts SET status = 'refused'")
    await world.db.execute("UPDATE payouts.movements SET taken = 0")
    assert (await world.balance(vendor)).available.minor == 0
    await world.resume()
    assert (await world.balance(vendor)).available.minor == 970
    assert await world.db.fetchval("SELECT clear FROM payouts.payouts") is True
    await world.proven()
