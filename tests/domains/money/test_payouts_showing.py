"""What pages show beside balances: what keeps a vendor from being paid, sales by day, a bank file's
payouts, another's payout and charges for staff."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments.api import Destination, Disbursement
from haat.domains.money.payouts.api import Policy, VendorTerms
from haat.engines.sql import Database
from haat.kernel.context import Actor, Context
from haat.kernel.errors import NotFound
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Bank, FragileLedger, payouts_with
from tests.domains.money.test_payouts import CLOCK, CTX, World, draft, usd

IBAN = Destination(holder="Zoë Müller", account="DE02 1203 0000 0000 2020 51", bic="BYLADEM1001")
STAFF = Context(actor=Actor("person", uuid4()), clock=CLOCK)


@pytest.fixture
async def world(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> World:
    await emptied(database_url, "ledger", "payouts")
    db, books = await database_of("payouts"), await database_of("ledger")
    ledger, bank = FragileLedger(books), Bank()
    return World(db, books, ledger, bank, payouts_with(db, ledger, bank))


async def test_a_balance_says_what_keeps_it_from_being_paid(world: World) -> None:
    bare, held, known = uuid4(), uuid4(), uuid4()
    policy = Policy(kyc_required=True, threshold_minor=500, schedule="weekly", schedule_day=4)
    await world.payouts.set_policy(CTX, policy=policy, reason="Careful")
    await world.eligible(known)
    for terms in (
        VendorTerms(vendor_id=held, held=True, held_reason="A complaint", threshold_minor=0),
        VendorTerms(vendor_id=known, verified_at=CLOCK.now(), schedule="daily"),
    ):
        await world.payouts.set_terms(CTX, terms=terms, reason="Told so")
    first, second, third = await world.payouts.balances_of(CTX, vendor_ids=[held, known, bare])
    assert (first.blockers, first.held_reason) == (["hold", "kyc", "destination"], "A complaint")
    assert (first.threshold, first.schedule, first.schedule_day) == (usd(0), "weekly", 4)
    assert (second.blockers, second.held_reason, second.schedule) == ([], "", "daily")
    assert (second.threshold, second.available) == (usd(500), usd(970))
    assert (third.vendor_id, third.blockers) == (bare, ["kyc", "destination"])
    alone = await world.payouts.balance(CTX, vendor_id=held)
    assert alone == first


async def test_sales_by_day_in_utc(world: World) -> None:
    vendor, other = uuid4(), uuid4()
    now = CLOCK.now()
    sold = [draft(vendor), draft(vendor), draft(other)]
    await world.payouts.expect(CTX, earnings=sold)
    await world.refund(uuid4(), sold[0].vendor_order_id, usd(500))
    since = datetime(now.year, now.month, now.day, tzinfo=UTC)
    [day] = await world.payouts.sales(
        CTX, vendor_id=vendor, since=since, until=since + timedelta(days=1)
    )
    assert (day.day, day.vendor_orders) == (date(now.year, now.month, now.day), 2)
    assert (day.gross, day.net, day.refunded) == (usd(2160), usd(1940), usd(500))
    before = await world.payouts.sales(
        CTX, vendor_id=vendor, since=since - timedelta(days=9), until=since
    )
    assert before == []
    with pytest.raises(NotFound):
        await world.payouts.sales(STAFF, vendor_id=vendor, since=since, until=now)


async def test_a_bank_files_payouts_are_found_page_by_page(world: World) -> None:
    await world.payouts.set_policy(CTX, policy=Policy(method="bank"), reason="By transfer")
    world.bank.answers = [Disbursement(status="pending")]
    ids: list[UUID] = []
    for vendor in (uuid4(), uuid4(), uuid4()):
        await world.eligible(vendor)
        await world.payouts.set_destination(CTX, vendor_id=vendor, destination=IBAN)
        one = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
        ids.append(one.id)
        if len(ids) < 3:
            await world.payouts.decide(CTX, id=one.id, decision="approve")
    file = await world.payouts.make_bank_file(CTX, id=uuid4(), format="csv")
    first = await world.payouts.queue(CTX, bank_file_id=file.id, limit=1)
    rest = await world.payouts.queue(CTX, bank_file_id=file.id, limit=1, cursor=first.next)
    assert {one.id for one in (*first.items, *rest.items)} == set(ids[:2])
    assert rest.next is None
    assert (await world.payouts.queue(CTX, bank_file_id=uuid4())).items == []


async def test_staff_see_any_vendors_payout_and_charges(world: World) -> None:
    vendor = uuid4()
    await world.eligible(vendor)
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    with pytest.raises(NotFound):
        await world.payouts.payout(STAFF, id=asked.id)
    seen = await world.payouts.payout_of(STAFF, id=asked.id)
    assert sum(item.amount.minor for item in seen.items) == asked.amount.minor
    with pytest.raises(NotFound):
        await world.payouts.payout_of(STAFF, id=uuid4())
    await world.payouts.charge(CTX, id=uuid4(), vendor_id=vendor, amount=usd(300), reason="Fine")
    with pytest.raises(NotFound):
        await world.payouts.charges(STAFF, vendor_id=vendor)
    [charge] = (await world.payouts.charges_of(STAFF, vendor_id=vendor)).items
    assert (charge.amount, charge.reason) == (usd(300), "Fine")
