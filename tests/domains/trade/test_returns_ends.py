"""Returns when something is away, dies, fails or is late."""

import asyncio
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.returns import reactions
from haat.domains.trade.returns.api import WrongReturnState
from haat.domains.trade.settlement.api import RefundItem
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import emitted
from tests.domains.trade.returning import Counter


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database_of: DatabaseOf) -> Counter:
    found = Counter(await database_of("returns"))
    await found.forget()
    return found


async def test_who_is_away_is_told_later(desk: Counter) -> None:
    """The process died, or payouts did not answer, between the write and the call."""
    one = await desk.sold()
    desk.payouts.away = True
    made = await desk.asked(one, 1)
    assert (await desk.stored(made.id))["block"] == "wanted"
    desk.payouts.away = False
    await reactions.finish_due(desk.returns, desk.system)
    assert one.id not in desk.payouts.blocked  # not due yet
    desk.pass_days(0.01)
    await reactions.finish_due(desk.returns, desk.system)
    assert desk.payouts.blocked[one.id] == {made.id}
    assert (await desk.stored(made.id))["block"] == "set"
    assert await desk.returns.finish_due(desk.system) == 0
    desk.payouts.away = True
    await desk.returns.withdraw(desk.person(one.person_id), id=made.id)
    desk.payouts.away = False
    desk.pass_days(0.01)
    await reactions.finish_due(desk.returns, desk.system)
    assert desk.payouts.blocked[one.id] == set()
    await desk.need_sound()


async def test_withdrawn_before_payouts_heard_of_it(desk: Counter) -> None:
    one = await desk.sold()
    desk.payouts.away = True
    made = await desk.asked(one, 1)
    desk.payouts.away = False
    await desk.returns.withdraw(desk.person(one.person_id), id=made.id)
    assert desk.payouts.calls == [("unblock", made.id)]
    await desk.need_sound()


class Died(Exception):
    """The process ended here."""


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_crash_around_the_refund(desk: Counter, where: str) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 2)
    await desk.returns.approve(shop, id=made.id)

    async def die() -> None:
        raise Died

    if where == "after":  # settlement gave it back, we never learnt
        desk.settlement.meanwhile = die
        with pytest.raises(Died):
            await desk.returns.receive(shop, id=made.id)
    else:
        desk.settlement.away = True
        await desk.returns.receive(shop, id=made.id)
    assert (await desk.returns.one(shop, id=made.id)).state == "received"
    desk.settlement.meanwhile, desk.settlement.away = None, False
    desk.pass_days(0.01)
    await asyncio.gather(*(reactions.finish_due(desk.returns, desk.system) for _ in range(3)))
    assert (await desk.returns.one(shop, id=made.id)).state == "refunded"
    assert len(desk.settlement.made) == 1
    assert await desk.states(made.id) == ["approved", "received", "refunded"]
    assert desk.payouts.blocked[one.id] == set()
    await desk.need_sound()


async def test_a_refund_that_is_pending_is_finished_by_its_event(desk: Counter) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 1)
    await desk.returns.approve(shop, id=made.id)
    desk.settlement.answer = "created"
    pending = await desk.returns.receive(shop, id=made.id)
    assert (pending.state, pending.refund_id) == ("received", None)
    with pytest.raises(WrongReturnState):
        await desk.returns.withdraw(desk.person(one.person_id), id=made.id)
    await desk.refunded(one)  # another refund of the same vendor order: nothing changes
    assert (await desk.returns.one(shop, id=made.id)).state == "received"
    desk.settlement.finish(derive(made.id, "refund"), "done")
    await desk.refunded(one, 500)
    assert (await desk.returns.one(shop, id=made.id)).state == "refunded"
    await desk.need_sound()


async def test_a_refund_that_failed_is_tried_again_by_staff(desk: Counter) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 1)
    await desk.returns.approve(shop, id=made.id)
    desk.settlement.answer = "failed"
    stuck = await desk.returns.receive(shop, id=made.id)
    assert (stuck.state, stuck.escalated, stuck.refund_failed) == ("received", True, True)
    assert stuck.messages[-1].text == "The refund failed: nothing was given back."
    assert [x.id for x in (await desk.returns.queue(desk.staff, escalated=True)).items] == [made.id]
    assert (await desk.stored(made.id))["due_at"] is None
    with pytest.raises(WrongReturnState):
        await desk.returns.refuse(shop, id=made.id, text="x")
    desk.settlement.answer = "done"
    done = await desk.returns.approve(desk.staff, id=made.id)
    assert (done.state, done.refund_id) == ("refunded", derive(made.id, "refund:1"))
    assert not done.refund_failed
    await desk.need_sound()


async def test_what_was_given_back_meanwhile_is_for_staff(desk: Counter) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 2)
    await desk.returns.approve(shop, id=made.id)
    desk.settlement.give_back(one.id, [RefundItem(line_id=one.lines[0].id, quantity=2)])
    stuck = await desk.returns.receive(shop, id=made.id)
    assert (stuck.state, stuck.refund_failed) == ("received", True)
    closed = await desk.returns.refuse(desk.staff, id=made.id, text="We refunded it by hand.")
    assert closed.final
    assert desk.payouts.blocked[one.id] == set()
    await desk.need_sound()


async def test_time_goes_on_with_what_nobody_answers(desk: Counter) -> None:
    asked = await desk.asked(await desk.sold(), 1)
    approved, refused, sent = [(await desk.sold()) for _ in range(3)]
    made = {x.id: await desk.asked(x, 1) for x in (approved, refused, sent)}
    for x in (approved, sent):
        await desk.returns.approve(desk.vendor(x.vendor_id), id=made[x.id].id)
    await desk.returns.sent_back(desk.person(sent.person_id), id=made[sent.id].id)
    await desk.returns.refuse(desk.vendor(refused.vendor_id), id=made[refused.id].id, text="No.")

    async def look(id: UUID) -> tuple[str, bool, bool]:
        one = await desk.returns.one(desk.staff, id=id)
        return one.state, one.escalated, one.final

    await reactions.end_overdue(desk.returns, desk.system)
    assert await look(asked.id) == ("requested", False, False)
    desk.pass_days(3)
    await asyncio.gather(*(reactions.end_overdue(desk.returns, desk.system) for _ in range(3)))
    assert await look(asked.id) == ("requested", True, False)
    [told] = await emitted(desk.db, asked.id, "order.return_updated")
    assert told["note"] == "Nobody answered in time: staff decide."
    desk.pass_days(11)
    await reactions.end_overdue(desk.returns, desk.system)
    assert await look(made[sent.id].id) == ("sent_back", True, False)
    assert await look(made[refused.id].id) == ("refused", False, True)
    desk.pass_days(7)
    await reactions.end_overdue(desk.returns, desk.system)
    assert await look(made[approved.id].id) == ("withdrawn", False, False)
    assert await desk.returns.end_overdue(desk.system) == 0
    assert desk.payouts.blocked[approved.id] == set()
    assert desk.payouts.blocked[refused.id] == set()
    await desk.need_sound()
