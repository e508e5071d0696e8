"""Runs against bank statements and reports that come as files."""

from datetime import timedelta
from uuid import uuid4

import pytest

from haat.domains.money.payments.api import (
    ProviderUnknown,
    WrongPaymentState,
)
from haat.domains.money.reconciliation.api import (
    FileUnreadable,
    NothingToBook,
    RunConflict,
)
from haat.kernel.errors import Problem
from tests.conftest import DatabaseOf
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import FragileLedger
from tests.domains.money.reconciling import (
    DECEMBER,
    HEAD,
    NOVEMBER,
    Office,
    brief,
    moved,
    statement,
    usd,
)


@pytest.fixture
async def office(database_of: DatabaseOf, database_url: str) -> Office:
    await emptied(database_url, "reconciliation")
    db = await database_of("reconciliation")
    return Office(db, FragileLedger(await database_of("ledger")))


async def test_a_bank_statement_brings_what_is_awaited(office: Office) -> None:
    bought, wrong, sent, owed = uuid4(), uuid4(), uuid4(), uuid4()
    office.payments.awaited = {"HT-1": (bought, usd(2500)), "HT-2": (wrong, usd(1000))}
    office.payments.due = {owed: usd(300)}
    office.bank.waiting = {sent: usd(4000)}
    text = statement(
        "2026-11-03,25.00,USD,Transfer HT-1,",
        "2026-11-04,12.00,USD,Transfer HT-2,",
        f"2026-11-05,-40.00,USD,Payout,{sent.hex}",
        f"2026-11-05,-3.00,USD,Refund {owed},",
        "2026-11-06,-9.99,USD,Account fee,",
        "2026-11-07,77.00,USD,From somebody,",
    )
    run = await office.upload(text)
    assert (run.lines, run.matched, run.open) == (6, 3, 3)
    assert office.bank.ended == {sent: True}
    assert (office.payments.due, office.payments.confirmed) == ({}, [bought])
    found = await office.found(run)
    assert brief(found) == [
        ("missing_here", -999, "book_difference"),
        ("missing_here", 1200, "confirm_transfer"),
        ("missing_here", 7700, "book_difference"),
    ]
    [more] = [one for one in found if one.proposal.action == "confirm_transfer"]
    assert more.proposal.target_id == wrong
    assert (await office.book(more)).status == "booked"
    assert office.payments.confirmed == [bought, wrong]
    # The next statement has these days again: what is left of the transfer is a difference.
    longer = await office.upload(f"{text}\n2026-11-08,1.00,USD,Interest,")
    assert brief(await office.found(longer, "open")) == [
        ("amount", 200, "book_difference"),
        ("missing_here", -999, "book_difference"),
        ("missing_here", 100, "book_difference"),
        ("missing_here", 7700, "book_difference"),
    ]


async def test_the_same_file_is_the_same_run(office: Office) -> None:
    text = statement("2026-11-06,-9.99,USD,Account fee,")
    run = await office.upload(text)
    assert await office.upload(text) == run
    assert await office.upload(text, id=run.id) == run
    with pytest.raises(RunConflict):
        await office.upload(statement("2026-11-06,-9.98,USD,Account fee,"), id=run.id)
    assert await office.db.fetchval("SELECT count(*) FROM reconciliation.files") == 0
    assert (run.since, run.until) == (NOVEMBER + timedelta(days=5), NOVEMBER + timedelta(days=6))


async def test_credits_that_are_nobodys_and_too_late(office: Office) -> None:
    paid, short = uuid4(), uuid4()
    office.payments.awaited = {"HT-1": (paid, usd(2500)), "HT-2": (short, usd(1000))}
    run = await office.upload(
        statement(
            "2026-11-03,25.00,USD,Transfer HT-1,",
            "2026-11-04,25.00,USD,Transfer HT-1 again,",
            "2026-11-04,9.00,USD,Transfer HT-2,",
        )
    )
    found = await office.found(run)
    assert brief(found) == [("missing_here", 900, "none"), ("missing_here", 2500, "refund")]
    for one in found:
        with pytest.raises(NothingToBook):
            await office.book(one)


async def test_a_payout_that_came_back(office: Office) -> None:
    soon, later, paid = uuid4(), uuid4(), uuid4()
    office.bank.waiting = {soon: usd(4000), later: usd(500), paid: usd(60)}
    both = [
        f"2026-11-05,-40.00,USD,Payout,{soon.hex}",
        f"2026-11-06,40.00,USD,Returned payout {soon},",
    ]
    run = await office.upload(
        statement(
            *both,
            f"2026-11-06,5.00,USD,Returned,{later.hex}",
            f"2026-11-06,-0.60,USD,Payout,{paid.hex}",
        )
    )
    assert office.bank.ended == {paid: True}
    found = await office.found(run)
    assert brief(found) == [
        ("missing_here", -4000, "none"),
        ("status", 500, "fail_payout"),
        ("status", 4000, "fail_payout"),
    ]
    for one in found:
        if one.proposal.action == "fail_payout":
            await office.book(one)
    assert office.bank.ended == {paid: True, soon: False, later: False}
    # One that was settled as paid cannot fail any more, and the lines of before are no news.
    next_run = await office.upload(statement(*both, f"2026-11-20,0.60,USD,Returned payout {paid},"))
    found = await office.found(next_run)
    assert sorted((one.kind, one.difference.minor, one.status) for one in found) == [
        ("missing_here", -4000, "open"),
        ("status", 60, "open"),
        ("status", 4000, "booked"),
    ]
    [late] = [one for one in found if one.difference.minor == 60]
    assert late.proposal.action == "book_difference"


async def test_a_payout_of_another_amount_and_what_payouts_refuses(office: Office) -> None:
    sent = uuid4()
    office.bank.waiting = {sent: usd(4000)}
    run = await office.upload(statement(f"2026-11-05,-39.00,USD,Payout,{sent.hex}"))
    [one] = await office.found(run)
    assert (one.proposal.action, one.proposal.target_id) == ("settle_payout", sent)
    office.bank.ended[sent] = False  # somebody was faster
    with pytest.raises(WrongPaymentState):
        await office.book(one)
    [still] = await office.found(run)
    assert (still.status, still.reason, still.decided_by) == ("open", "", None)
    del office.bank.ended[sent]
    assert (await office.book(one)).status == "booked"
    assert office.bank.ended == {sent: True}


async def test_a_transfer_read_long_after_is_no_missing_movement(office: Office) -> None:
    """It is captured when its statement is read, and stands in that statement alone."""
    office.payments.awaited = {"HT-1": (uuid4(), usd(2500))}
    office.clock.set(NOVEMBER + timedelta(days=24))
    first = await office.upload(statement("2026-11-03,25.00,USD,Transfer HT-1,"))
    second = await office.upload(
        statement("2026-11-20,1.00,USD,Interest,", "2026-11-30,1.00,USD,Interest,")
    )
    assert (first.differences, first.matched) == (0, 1)
    assert brief(await office.found(second)) == [("missing_here", 100, "book_difference")] * 2


async def test_a_providers_report_as_a_file(office: Office) -> None:
    payment = moved(1000).model_copy(update={"provider": office.provider})
    office.payments.moved = [payment]
    at = "2026-11-06T10:00:00Z"
    run = await office.upload(
        f"{HEAD}\nt1,capture,pi_1,{payment.id},10.00,0.35,USD,{at},\n"
        f"t2,refund,re_1,,-3.00,0.00,USD,{at},\n",
        provider=office.provider,
        since=NOVEMBER,
        until=DECEMBER,
    )
    assert (run.source, run.file_name, run.lines, run.matched) == ("file", "statement.csv", 2, 1)
    assert brief(await office.found(run)) == [
        ("fee", -35, "book_fee"),
        ("missing_here", -300, "book_difference"),
    ]


async def test_files_that_are_refused_leave_nothing(office: Office) -> None:
    for text, path in (("what is this", "content"), (statement(), "content")):
        with pytest.raises(FileUnreadable) as refused:
            await office.upload(text)
        assert [field.path for field in refused.value.fields] == [path]
    with pytest.raises(ProviderUnknown):
        await office.upload(statement("2026-11-03,1.00,USD,x,"), provider="nobody")
    with pytest.raises(Problem):
        await office.upload(statement("2026-11-03,1.00,USD,x,"), since=DECEMBER)
    assert await office.db.fetchval("SELECT count(*) FROM reconciliation.runs") == 0


async def test_a_file_left_by_a_crash_is_read_again(office: Office) -> None:
    text = statement("2026-11-06,-9.99,USD,Account fee,")
    run = await office.upload(text)
    await office.db.execute("DELETE FROM reconciliation.differences")
    await office.db.execute("DELETE FROM reconciliation.totals")
    await office.db.execute(
        "UPDATE reconciliation.runs SET status = 'running', leased_until = $1", office.clock.now()
    )
    await office.db.execute(
        "INSERT INTO reconciliation.files VALUES ($1, 'auto', $2)", run.id, text.encode()
    )
    await office.service.resume_runs(office.ctx)
    assert await office.service.run(office.ctx, id=run.id) == run
