"""Runs against a provider's own report, what staff decide, and what is proved of it."""

import asyncio
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import pytest

from haat.domains.money.reconciliation.api import (
    DifferenceOver,
    RunConflict,
)
from haat.domains.money.reconciliation.proof import prove
from haat.kernel.errors import Invalid, NotFound
from tests.conftest import DatabaseOf
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Crash, FragileLedger
from tests.domains.money.reconciling import (
    DECEMBER,
    HEAD,
    NOVEMBER,
    STAFF,
    Office,
    brief,
    moved,
    reported,
    usd,
)


@pytest.fixture
async def office(database_of: DatabaseOf, database_url: str) -> Office:
    await emptied(database_url, "reconciliation")
    db = await database_of("reconciliation")
    return Office(db, FragileLedger(await database_of("ledger")))


# -- a provider's own report -----------------------------------------------------------------------


async def test_a_run_lists_what_differs_and_adds_up(office: Office) -> None:
    same, changed, ours = moved(1000), moved(500), moved(70)
    office.payments.moved = [
        m.model_copy(update={"provider": office.provider}) for m in (same, changed, ours)
    ]
    office.payments.lines = [
        reported(same, fee=29),
        reported(changed, minor=450, fee=31),
        reported(minor=33),
    ]
    office.payments.page = 2
    run = await office.start()
    assert (run.status, run.lines, run.matched, run.open) == ("done", 3, 1, 4)
    assert (run.our_total, run.their_total) == (usd(1570), usd(1423))
    found = await office.found(run)
    assert brief(found) == [
        ("amount", -50, "book_difference"),
        ("fee", -60, "book_fee"),
        ("missing_here", 33, "book_difference"),
        ("missing_there", -70, "book_difference"),
    ]
    assert usd(sum(one.difference.minor for one in found)) == run.their_total - run.our_total
    [amount] = [one for one in found if one.kind == "amount"]
    assert amount.ours is not None
    assert amount.theirs is not None
    assert amount.ours.amount - usd(50) == amount.theirs.amount
    assert amount.order_number == str(changed.reference)
    told = await office.db.fetch(
        "SELECT envelope FROM reconciliation.outbox WHERE key = $1", str(run.id)
    )
    assert [row["envelope"]["data"]["open"] for row in told] == [4]


async def test_the_same_run_again_is_the_same_run(office: Office) -> None:
    office.payments.lines = [reported(minor=33)]
    run = await office.start()
    office.payments.lines.append(reported(minor=34))
    assert await office.start(run.id) == run
    with pytest.raises(RunConflict):
        await office.start(run.id, until=DECEMBER - timedelta(days=1))


@pytest.mark.parametrize(
    ("provider", "since", "until", "path"),
    [
        ("cod", NOVEMBER, DECEMBER, "provider"),
        ("nobody", NOVEMBER, DECEMBER, "provider"),
        ("", DECEMBER, NOVEMBER, "until"),
        ("", NOVEMBER, NOVEMBER + timedelta(days=367), "until"),
        ("", datetime(2026, 11, 1), DECEMBER, "since"),  # noqa: DTZ001
    ],
)
async def test_what_cannot_be_started(
    office: Office, provider: str, since: datetime, until: datetime, path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await office.service.start(
            office.ctx,
            id=uuid4(),
            provider=provider or office.provider,
            since=since,
            until=until,
        )
    assert [field.path for field in refused.value.fields] == [path]


async def test_a_provider_that_is_away_is_asked_again(office: Office) -> None:
    office.payments.away = 2
    office.payments.lines = [reported(minor=33)]
    run = await office.start()
    assert (run.status, run.why) == ("running", "It sleeps.")
    for status in ("running", "running", "done"):
        await office.service.resume_runs(office.ctx)
        run = await office.service.run(office.ctx, id=run.id)
        if status != "done":
            office.clock.advance(timedelta(seconds=61))
    assert (run.status, run.open, run.why) == ("done", 1, "")


async def test_a_provider_that_stays_away_fails_the_run_and_a_repeat_tries_again(
    office: Office,
) -> None:
    office.payments.away = 12
    run = await office.start()
    for _ in range(12):
        office.clock.advance(timedelta(seconds=61))
        await office.service.resume_runs(office.ctx)
    run = await office.service.run(office.ctx, id=run.id)
    assert (run.status, run.why) == ("failed", "It sleeps.")
    office.payments.away = 0
    assert (await office.start(run.id)).status == "done"


async def test_two_runs_at_once_find_each_difference_once(office: Office) -> None:
    office.payments.lines = [reported(minor=minor, fee=1) for minor in range(10, 20)]
    runs = await asyncio.gather(*(office.start() for _ in range(4)))
    assert {run.status for run in runs} == {"done"}
    assert [run.open for run in runs] == [11] * 4
    page = await office.service.differences(office.ctx, status="open", limit=100)
    assert len(page.items) == 11
    assert all(one.repeats is None for one in page.items)


async def test_a_run_left_by_a_crash_goes_on(office: Office) -> None:
    """Written first: with a lease that nobody keeps."""
    office.payments.lines = [reported(minor=33)]
    id = uuid4()
    await office.db.execute(
        "INSERT INTO reconciliation.runs (id, provider, source, file_name, since, until, status,"
        " leased_until, started_at) VALUES ($1, $2, 'report', '', $3, $4, 'running', $5, $5)",
        id,
        office.provider,
        NOVEMBER,
        DECEMBER,
        office.clock.now(),
    )
    await office.service.resume_runs(office.ctx)
    assert (await office.service.run(office.ctx, id=id)).status == "done"


async def test_pages_of_runs(office: Office) -> None:
    started = []
    for _ in range(3):
        office.clock.advance(timedelta(seconds=1))
        started.append((await office.start()).id)
    first = await office.service.runs(office.ctx, provider=office.provider, limit=2)
    rest = await office.service.runs(
        office.ctx, provider=office.provider, limit=2, cursor=first.next
    )
    assert [run.id for run in (*first.items, *rest.items)] == started[::-1]
    assert rest.next is None
    assert (await office.service.runs(office.ctx, provider="nobody")).items == []
    everything = await office.service.runs(office.ctx)
    assert [run.id for run in everything.items] == started[::-1]


# -- booking ---------------------------------------------------------------------------------------


async def test_after_booking_clearing_is_what_the_provider_holds(office: Office) -> None:
    """Fees, refunds, disputes and payouts; what is missing on either side; a wrong amount."""
    dispute = moved(-900, "dispute", ref="dp_1")
    known = [
        moved(5000),
        moved(2400),
        moved(-700, "refund"),
        dispute,
        moved(-1500, "dispute_fee", id=dispute.id, ref="dp_1"),
        moved(-1000, "payout"),
        moved(310),
    ]
    office.payments.moved = [m.model_copy(update={"provider": office.provider}) for m in known]
    capture, wrong, refund, opened, _, sent, _ = office.payments.moved
    office.payments.lines = [
        reported(capture, fee=175),
        reported(wrong, minor=2300, fee=97),
        reported(refund, fee=-10),
        reported(opened, fee=1500),
        reported(sent),
        reported(minor=-250, kind="fee"),
        reported(minor=88),
    ]
    await office.known_to_books()
    run = await office.start()
    fees = await office.balance("fees", None)
    suspense = await office.balance("suspense", None)
    for one in await office.found(run):
        assert (await office.book(one)).status == "booked"
    held = sum(line.amount.minor - line.fee.minor for line in office.payments.lines)
    assert await office.clearing() == held == run.their_total.minor
    assert await office.balance("fees", None) - fees == 175 + 97 - 10 + 250
    assert await office.balance("suspense", None) - suspense == 88 - 310 - 100
    booked = [b for b in await office.service.booked(office.ctx) if b.provider == office.provider]
    assert [(b.currency, b.minor) for b in booked] == [
        ("USD", held - sum(one.amount.minor for one in known))
    ]
    again = await office.start()
    assert (again.open, again.differences) == (0, 0)
    assert again.our_total == again.their_total == usd(held)


async def test_a_difference_is_booked_once(office: Office) -> None:
    office.payments.lines = [reported(minor=33)]
    [one] = await office.found(await office.start())
    await asyncio.gather(*(office.book(one) for _ in range(5)))
    assert await office.clearing() == 33
    with pytest.raises(DifferenceOver):
        await office.service.book(office.ctx, id=one.id, reason="Something else")
    with pytest.raises(DifferenceOver):
        await office.service.dismiss(office.ctx, id=one.id, reason="No")
    with pytest.raises(NotFound):
        await office.service.book(office.ctx, id=uuid4(), reason="x")
    with pytest.raises(Invalid):
        await office.service.book(office.ctx, id=one.id, reason="  ")


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_booking_left_by_a_crash_is_finished(
    office: Office, dies: Literal["before", "after"]
) -> None:
    office.payments.lines = [reported(minor=33)]
    [one] = await office.found(await office.start())
    office.ledger.dies = dies
    with pytest.raises(Crash):
        await office.book(one)
    [seen] = (await office.service.differences(office.ctx, status="open")).items
    assert seen.id == one.id
    # A run between the two counts what was decided.
    assert (await office.start()).differences == 0
    office.clock.advance(timedelta(minutes=1))
    await office.service.resume_bookings(office.ctx)
    assert await office.clearing() == 33
    [seen] = (await office.service.differences(office.ctx, status="booked")).items
    assert (seen.id, seen.decided_by, seen.reason) == (one.id, STAFF, "Looked at")
    await office.service.resume_bookings(office.ctx)
    assert await office.clearing() == 33


async def test_what_another_run_finds_again_is_booked_once(office: Office) -> None:
    office.payments.lines = [reported(minor=33, fee=3)]
    first = await office.start()
    office.payments.lines.append(reported(minor=44, fee=4))
    second = await office.start()
    assert (first.open, second.open) == (2, 4)
    for one in await office.found(second):
        await office.book(one)
    assert await office.clearing() == 70
    assert {one.status for one in await office.found(first)} == {"booked"}
    assert (await office.service.run(office.ctx, id=first.id)).open == 0
    for one in await office.found(first, "booked"):
        assert await office.book(one) == one
    assert await office.clearing() == 70
    assert await office.found(first, "open") == []


async def test_dismissed_stays_dismissed_and_settled_is_seen(office: Office) -> None:
    late, odd = moved(50).model_copy(update={"provider": office.provider}), reported(minor=7)
    office.payments.moved, office.payments.lines = [late], [odd]
    first = await office.start()
    there, here = sorted(await office.found(first), key=lambda one: one.kind, reverse=True)
    done = await office.service.dismiss(office.ctx, id=here.id, reason="Ours anyway")
    assert (done.status, done.reason, done.decided_by) == ("dismissed", "Ours anyway", STAFF)
    assert await office.service.dismiss(office.ctx, id=here.id, reason="Ours anyway") == done
    with pytest.raises(DifferenceOver):
        await office.book(here)
    office.payments.lines.append(reported(late))
    second = await office.start()
    assert (second.open, second.differences) == (0, 1)
    [repeated] = await office.found(second)
    assert (repeated.status, repeated.repeats) == ("dismissed", here.id)
    states = {one.id: one.status for one in await office.found(first)}
    assert states == {there.id: "settled", here.id: "dismissed"}
    with pytest.raises(DifferenceOver):
        await office.book(there)


# -- size and proof --------------------------------------------------------------------------------


async def test_a_hundred_thousand_lines(office: Office) -> None:
    count = office.payments.page = 100_000
    at = NOVEMBER + timedelta(days=5)
    ids = [UUID(int=n + 1) for n in range(count)]
    office.payments.moved = [
        moved(100 + n % 7, id=id, provider=office.provider, at=at) for n, id in enumerate(ids)
    ]
    lines = (
        f"t{n},capture,,{id},{'2.00' if n == 77 else f'1.0{n % 7}'},0.01,USD,{at.isoformat()},"
        for n, id in enumerate(ids)
    )
    text = "\n".join([HEAD, *lines])
    run = await office.upload(text, provider=office.provider)
    assert (run.lines, run.matched, run.differences) == (count, count - 1, 2)
    assert brief(await office.found(run)) == [
        ("amount", 200 - 100 - 77 % 7, "book_difference"),
        ("fee", -count, "book_fee"),
    ]


async def test_each_invariant_is_named(office: Office) -> None:
    office.payments.lines = [reported(minor=33, fee=3)]
    await office.start()
    await office.start()
    for change, name in (
        ("UPDATE reconciliation.totals SET ours = ours + 1", "reconciliation.sums"),
        ("UPDATE reconciliation.fees SET minor = minor - 1", "reconciliation.fees"),
        (
            "UPDATE reconciliation.differences SET key = 'other' WHERE repeats IS NOT NULL"
            " AND kind <> 'fee'",
            "reconciliation.repeats",
        ),
    ):
        assert await prove(office.db, 1) == []
        async with office.db.begin(office.ctx) as tx:
            await tx.execute(change)
        assert [line.split(":")[0] for line in await prove(office.db, 1)] == [name]
        await office.db.execute("UPDATE reconciliation.totals SET ours = 0 WHERE ours = 1")
        await office.db.execute("UPDATE reconciliation.fees SET minor = -3")
