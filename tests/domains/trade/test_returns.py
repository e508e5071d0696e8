"""Returns from the request to the refund, on PostgreSQL, over fakes of what they stand on."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.orders.api import LinkInvalid
from haat.domains.trade.returns.api import (
    NotReturnable,
    Return,
    ReturnItem,
    Returns,
    WrongReturnState,
)
from haat.domains.trade.returns.proof import prove
from haat.domains.trade.settlement.api import RefundItem
from haat.engines.rpc import loopback
from haat.kernel.errors import Forbidden, Invalid, NotFound, Unauthenticated
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import emitted, eur, ids
from tests.domains.trade.returning import Counter

NASTY = "<script>alert('x')</script>\r\n'; DROP TABLE returns.returns;-- \u202e"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database_of: DatabaseOf) -> Counter:
    found = Counter(await database_of("returns"))
    await found.forget()
    return found


async def test_there_and_back(desk: Counter) -> None:
    one = await desk.sold()
    who, shop = desk.person(one.person_id), desk.vendor(one.vendor_id)
    made = await desk.asked(one, 2)
    assert (made.state, made.number[:2], made.amount) == ("requested", "R-", eur(1000))
    assert not made.refund_shipping  # the other line stays
    assert made.respond_by is not None
    assert desk.payouts.blocked[one.id] == {made.id}
    approved = await desk.returns.approve(shop, id=made.id, text="Send it back, please.")
    assert (approved.state, approved.refund_id) == ("approved", None)
    assert approved.send_by is not None
    sent = await desk.returns.sent_back(who, id=made.id, tracking_number="HT9")
    assert (sent.state, sent.tracking_number) == ("sent_back", "HT9")
    done = await desk.returns.receive(shop, id=made.id)
    assert (done.state, done.amount) == ("refunded", eur(1000))
    assert done.refund_id == derive(made.id, "refund")
    assert done.refund_id in desk.settlement.restocked
    assert [line.received_quantity for line in done.lines] == [2]
    told = [(m.by, m.what, m.text) for m in done.messages]
    assert told == [
        ("customer", "requested", ""),
        ("vendor", "approved", "Send it back, please."),
        ("customer", "sent_back", ""),
        ("vendor", "received", ""),
        ("system", "refunded", ""),
    ]
    assert await desk.states(made.id) == ["approved", "sent_back", "received", "refunded"]
    [asked] = await emitted(desk.db, made.id, "order.return_requested")
    assert asked["number"] == made.number
    assert asked["amount"] == {"minor": 1000, "currency": "EUR"}
    assert desk.payouts.blocked[one.id] == set()
    assert (await desk.stored(made.id))["due_at"] is None
    await desk.need_sound()


async def test_the_whole_order_gives_the_shipping_back(desk: Counter) -> None:
    one = await desk.sold()
    shown = await desk.returns.preview(
        desk.person(one.person_id),
        vendor_order_id=one.id,
        items=[ReturnItem(line_id=x.id, quantity=x.quantity) for x in one.lines],
    )
    assert (shown.amount, shown.shipping) == (eur(2999 + 490), eur(490))
    made = await desk.asked(one, 2, 1)
    assert (made.refund_shipping, made.amount) == (True, eur(2999 + 490))
    shop = desk.vendor(one.vendor_id)
    cheaper = await desk.returns.approve(shop, id=made.id, refund_shipping=False)
    assert (cheaper.refund_shipping, cheaper.amount) == (False, eur(2999))
    assert (await desk.returns.receive(shop, id=made.id)).amount == eur(2999)
    await desk.need_sound()


async def test_a_complaint_is_refunded_when_it_is_approved(desk: Counter) -> None:
    one = await desk.sold(fulfilment="in_transit")
    made = await desk.asked(one, 0, 1, kind="complaint", reason="not_received")
    assert not made.send_back
    with pytest.raises(Invalid) as refused:
        await desk.returns.approve(desk.vendor(one.vendor_id), id=made.id, send_back=True)
    assert refused.value.fields[0].path == "sendBack"
    done = await desk.returns.approve(desk.vendor(one.vendor_id), id=made.id)
    assert (done.state, done.amount) == ("refunded", eur(1999))
    assert await desk.states(made.id) == ["approved", "refunded"]
    assert not desk.settlement.restocked
    await desk.need_sound()


async def test_the_customer_may_keep_what_is_not_wanted_back(desk: Counter) -> None:
    one = await desk.sold()
    made = await desk.asked(one, 1, reason="damaged")
    shop = desk.vendor(one.vendor_id)
    done = await desk.returns.approve(shop, id=made.id, send_back=False, refund_shipping=True)
    assert (done.state, done.amount) == ("refunded", eur(500 + 490))


@pytest.mark.parametrize(
    ("sold", "asked", "why"),
    [
        ({"payment": "authorized"}, {}, "unpaid"),
        ({"fulfilment": "accepted"}, {}, "not_delivered"),
        (
            {"fulfilment": "accepted"},
            {"kind": "complaint", "reason": "not_received"},
            "not_delivered",
        ),
    ],
)
async def test_what_cannot_be_returned(
    desk: Counter, sold: dict[str, Any], asked: dict[str, Any], why: str
) -> None:
    one = await desk.sold(**sold)
    with pytest.raises(NotReturnable) as refused:
        await desk.asked(one, 1, **asked)
    assert refused.value.data["why"] == why
    assert not desk.payouts.calls


async def test_the_window_is_as_long_as_it_was_at_delivery(desk: Counter) -> None:
    one = await desk.sold()
    desk.market.days = 1
    desk.pass_days(13)
    assert (await desk.asked(one, 1)).state == "requested"
    desk.pass_days(1)
    with pytest.raises(NotReturnable) as refused:
        await desk.asked(one, 1)
    assert refused.value.data["why"] == "window_closed"
    assert (await desk.asked(one, 1, kind="complaint", reason="damaged")).state == "requested"
    await desk.need_sound()


async def test_never_more_than_was_bought(desk: Counter) -> None:
    one = await desk.sold()
    who = desk.person(one.person_id)
    first = await desk.asked(one, 1)
    [a, b] = await desk.returns.returnable(who, vendor_order_id=one.id)
    assert (a.quantity, b.quantity) == (1, 1)
    with pytest.raises(NotReturnable) as refused:
        await desk.asked(one, 2, 1)
    assert refused.value.data == {"why": "quantity", "lineIds": [str(one.lines[0].id)]}
    await desk.need_sound()  # the other line was not taken either
    second = await desk.asked(one, 1)
    assert [x.quantity for x in await desk.returns.returnable(who, vendor_order_id=one.id)] == [1]
    await desk.returns.withdraw(who, id=second.id)
    # One came back outside of returns: with the one that is asked for nothing is left.
    desk.settlement.give_back(one.id, [RefundItem(line_id=one.lines[0].id, quantity=1)])
    assert [x.line_id for x in await desk.returns.returnable(who, vendor_order_id=one.id)] == [
        one.lines[1].id
    ]
    with pytest.raises(NotReturnable):
        await desk.asked(one, 1)
    assert (await desk.returns.one(who, id=first.id)).state == "requested"
    await desk.need_sound()


async def test_two_ask_for_the_last_piece_and_one_gets_it(desk: Counter) -> None:
    one = await desk.sold()
    answers: list[Any] = await asyncio.gather(
        *(desk.asked(one, 0, 1) for _ in range(6)), return_exceptions=True
    )
    assert len([x for x in answers if isinstance(x, Return)]) == 1
    lost = [x for x in answers if not isinstance(x, Return)]
    assert [x.data["why"] for x in lost] == ["quantity"] * 5
    assert await desk.db.fetchval("SELECT count(*) FROM returns.returns") == 1
    assert len(await desk.db.fetch("SELECT * FROM returns.outbox")) == 1
    await desk.need_sound()


async def test_lines_in_whatever_order_at_once(desk: Counter) -> None:
    one = await desk.sold()
    a, b = one.lines
    who = desk.person(one.person_id)

    async def ask(*lines: UUID) -> Return:
        items = [ReturnItem(line_id=id, quantity=1) for id in lines]
        return await desk.returns.request(
            who, id=ids.new(), vendor_order_id=one.id, items=items, reason="other"
        )

    answers = await asyncio.gather(
        *(ask(a.id, b.id) if n % 2 else ask(b.id, a.id) for n in range(8)), return_exceptions=True
    )
    assert len([x for x in answers if isinstance(x, Return)]) == 1
    assert all(isinstance(x, Return | NotReturnable) for x in answers)
    await desk.need_sound()


async def test_a_request_twice_is_one(desk: Counter) -> None:
    one = await desk.sold()
    id = ids.new()
    answers = await asyncio.gather(*(desk.asked(one, 2, id=id) for _ in range(4)))
    assert {x.id for x in answers} == {id}
    assert len({x.number for x in answers}) == 1
    again = await desk.asked(one, 2, id=id)
    assert len(again.messages) == 1
    other = await desk.sold(person_id=one.person_id)
    with pytest.raises(Invalid) as refused:
        await desk.asked(other, 2, id=id)
    assert refused.value.code == "id_taken"
    await desk.need_sound()


async def test_approving_against_withdrawing(desk: Counter) -> None:
    for _ in range(4):
        one = await desk.sold()
        made = await desk.asked(one, 1, kind="complaint", reason="damaged")
        answers = await asyncio.gather(
            desk.returns.approve(desk.vendor(one.vendor_id), id=made.id),
            desk.returns.withdraw(desk.person(one.person_id), id=made.id),
            return_exceptions=True,
        )
        end = await desk.returns.one(desk.staff, id=made.id)
        assert end.state in ("refunded", "withdrawn")
        won = [x for x in answers if isinstance(x, Return)]
        assert len(won) == 1
        assert len([x for x in answers if isinstance(x, WrongReturnState)]) == 1
        assert (derive(made.id, "refund") in desk.settlement.made) == (end.state == "refunded")
        assert desk.payouts.blocked[one.id] == set()
    await desk.need_sound()


async def test_received_twice_is_refunded_once(desk: Counter) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 2)
    await desk.returns.approve(shop, id=made.id)
    answers = await asyncio.gather(*(desk.returns.receive(shop, id=made.id) for _ in range(4)))
    assert {x.state for x in answers} <= {"received", "refunded"}
    assert list(desk.settlement.made) == [derive(made.id, "refund")]
    assert (await desk.returns.receive(shop, id=made.id)).state == "refunded"
    assert await desk.states(made.id) == ["approved", "received", "refunded"]
    await desk.need_sound()


async def test_fewer_came_back(desk: Counter) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 2, 1)
    await desk.returns.approve(shop, id=made.id, refund_shipping=False)
    came = [ReturnItem(line_id=one.lines[0].id, quantity=1)]
    with pytest.raises(Invalid) as refused:
        await desk.returns.receive(shop, id=made.id, items=came)
    assert refused.value.fields[0].path == "text"
    done = await desk.returns.receive(
        shop, id=made.id, items=came, text="The lid is missing.", restock=False
    )
    assert (done.state, done.amount) == ("refunded", eur(500))
    assert [line.received_quantity for line in done.lines] == [1, 0]
    assert not desk.settlement.restocked
    left = await desk.returns.returnable(desk.person(one.person_id), vendor_order_id=one.id)
    assert [x.quantity for x in left] == [1, 1]
    await desk.need_sound()


async def test_bad_counts_are_told_by_path(desk: Counter) -> None:
    one = await desk.sold()
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 1)
    await desk.returns.approve(shop, id=made.id)
    a, b = one.lines
    for items, path, code in (
        ([], "items", "missing"),
        ([(b.id, 1)], "items.0.lineId", "line_unknown"),
        ([(a.id, 1), (a.id, 1)], "items.1.lineId", "line_repeated"),
        ([(a.id, 2)], "items.0.quantity", "quantity_too_large"),
    ):
        given = [ReturnItem(line_id=id, quantity=count) for id, count in items]
        with pytest.raises(Invalid) as refused:
            await desk.returns.receive(shop, id=made.id, items=given, text="x")
        assert (refused.value.fields[0].path, refused.value.code) == (path, code)


async def test_bad_requests_are_told_by_path(desk: Counter) -> None:
    one = await desk.sold()
    who = desk.person(one.person_id)
    a = one.lines[0].id
    for items, more, path in (
        ([(ids.new(), 1)], {}, "items.0.lineId"),
        ([(a, 1), (a, 1)], {}, "items.1.lineId"),
        ([], {}, "items"),
        ([(a, 1)], {"reason": "not_received"}, "kind"),
        ([(a, 1)], {"picture_ids": [ids.new()]}, "pictureIds.0"),
    ):
        given = [ReturnItem(line_id=id, quantity=count) for id, count in items]
        with pytest.raises(Invalid) as refused:
            await desk.returns.request(
                who,
                id=ids.new(),
                vendor_order_id=one.id,
                items=given,
                **{"reason": "other", **more},  # type: ignore[arg-type]
            )
        assert refused.value.fields[0].path == path
    with pytest.raises(NotReturnable) as few:
        await desk.asked(one, 3)
    assert few.value.data["why"] == "quantity"
    assert await desk.db.fetchval("SELECT count(*) FROM returns.returns") == 0
    await desk.need_sound()


async def test_pictures_and_whatever_people_write(desk: Counter) -> None:
    one = await desk.sold(title=NASTY)
    picture = ids.new()
    desk.media.known.add(picture)
    made = await desk.asked(one, 1, text=NASTY, picture_ids=[picture, picture])
    assert made.messages[0].text == NASTY
    assert [x.media_id for x in made.messages[0].pictures] == [picture]
    assert made.lines[0].title == NASTY
    who, message = desk.person(one.person_id), ids.new()
    for _ in range(2):  # a double click says it once
        said = await desk.returns.say(
            who, id=made.id, message_id=message, text="Well? ♥", picture_ids=[picture]
        )
    assert [m.text for m in said.messages] == [NASTY, "Well? ♥"]
    answer = await desk.returns.say(
        desk.vendor(one.vendor_id), id=made.id, message_id=ids.new(), text="Soon."
    )
    assert (answer.messages[-1].by, answer.messages[-1].what) == ("vendor", "said")
    other = await desk.asked(await desk.sold(), 1)
    with pytest.raises(Invalid) as refused:
        await desk.returns.say(desk.staff, id=other.id, message_id=message, text="x")
    assert refused.value.code == "id_taken"
    assert NASTY not in str(await desk.db.fetch("SELECT envelope::text FROM returns.outbox"))


async def test_staff_have_the_last_word(desk: Counter) -> None:
    one = await desk.sold()
    who, shop = desk.person(one.person_id), desk.vendor(one.vendor_id)
    made = await desk.asked(one, 1)
    refused = await desk.returns.refuse(shop, id=made.id, text="It was used.")
    assert (refused.state, refused.final) == ("refused", False)
    assert desk.payouts.blocked[one.id] == {made.id}  # it may still be asked about
    asked = await desk.returns.escalate(who, id=made.id, text="It was not!")
    assert asked.escalated
    assert (await desk.returns.escalate(who, id=made.id, text="Hello?")).escalated
    with pytest.raises(Forbidden):
        await desk.returns.refuse(who, id=made.id, text="x")
    final = await desk.returns.refuse(desk.staff, id=made.id, text="It was.")
    assert (final.state, final.final, final.escalated) == ("refused", True, False)
    assert desk.payouts.blocked[one.id] == set()
    with pytest.raises(WrongReturnState) as over:
        await desk.returns.escalate(who, id=made.id, text="No!")
    assert over.value.data == {"state": "refused", "escalated": False}
    with pytest.raises(WrongReturnState):
        await desk.returns.say(who, id=made.id, message_id=ids.new(), text="No!")
    assert await desk.states(made.id) == ["refused", "refused", "refused"]
    left = await desk.returns.returnable(who, vendor_order_id=one.id)
    assert [x.quantity for x in left] == [2, 1]
    await desk.need_sound()


async def test_staff_overrule_a_refusal(desk: Counter) -> None:
    one = await desk.sold()
    made = await desk.asked(one, 1)
    await desk.returns.refuse(desk.vendor(one.vendor_id), id=made.id, text="No.")
    await desk.returns.escalate(desk.person(one.person_id), id=made.id, text="Why?")
    done = await desk.returns.approve(desk.staff, id=made.id, send_back=False)
    assert (done.state, done.escalated) == ("refunded", False)
    await desk.need_sound()


async def test_others_find_nothing(desk: Counter) -> None:
    one = await desk.sold()
    made = await desk.asked(one, 1)
    rival, stranger = desk.vendor(ids.new()), desk.person(None)
    hand = desk.vendor(one.vendor_id, "vendor:products")  # of the team, but not for orders
    clerk = desk.person(None, "staff", "staff:money")
    returns = desk.returns
    for who in (rival, stranger, hand, clerk):
        for call in (
            returns.one(who, id=made.id),
            returns.approve(who, id=made.id),
            returns.refuse(who, id=made.id, text="x"),
            returns.receive(who, id=made.id),
            returns.withdraw(who, id=made.id),
            returns.sent_back(who, id=made.id),
            returns.escalate(who, id=made.id, text="x"),
            returns.say(who, id=made.id, message_id=ids.new(), text="x"),
            returns.returnable(who, vendor_order_id=one.id),
            returns.of_order(who, vendor_order_id=one.id),
        ):
            with pytest.raises(NotFound):
                await call
    with pytest.raises(NotFound):
        await returns.of_vendor(rival, vendor_id=one.vendor_id)
    with pytest.raises(NotFound):
        await returns.one(stranger, id=ids.new())
    for call in (
        returns.one(desk.guest, id=made.id),
        returns.withdraw(desk.guest, id=made.id),
        returns.returnable(desk.guest, vendor_order_id=one.id),
    ):
        with pytest.raises(Unauthenticated):
            await call
    with pytest.raises(Forbidden):
        await returns.withdraw(desk.vendor(one.vendor_id), id=made.id)
    with pytest.raises(Forbidden):  # nobody decides about their own
        await returns.approve(desk.person(one.person_id, "staff:orders"), id=made.id)
    assert (await returns.one(desk.staff, id=made.id)).state == "requested"


async def test_guests_with_the_link_of_the_order(desk: Counter) -> None:
    one, other = await desk.sold(guest=True), await desk.sold(guest=True)
    token, wrong = f"link-{one.order_id}", f"link-{other.order_id}"
    items = [ReturnItem(line_id=one.lines[0].id, quantity=1)]
    ask: dict[str, Any] = {"vendor_order_id": one.id, "items": items, "reason": "damaged"}
    returns, guest = desk.returns, desk.guest
    with pytest.raises(NotFound):
        await returns.request(guest, id=ids.new(), token=wrong, **ask)
    with pytest.raises(LinkInvalid):
        await returns.request(guest, id=ids.new(), token="nonsense", **ask)
    with pytest.raises(Unauthenticated):
        await returns.request(guest, id=ids.new(), **ask)
    made = await returns.request(guest, id=ids.new(), token=token, **ask)
    assert made.person_id is None
    assert len(await returns.returnable(guest, vendor_order_id=one.id, token=token)) == 2
    [found] = await returns.of_order(guest, vendor_order_id=one.id, token=token)
    assert found.number == made.number
    with pytest.raises(NotFound):
        await returns.one(guest, id=made.id, token=wrong)
    with pytest.raises(NotFound):  # nobody's return is not every stranger's
        await returns.one(desk.person(None), id=made.id)
    await returns.approve(desk.vendor(one.vendor_id), id=made.id)
    sent = await returns.sent_back(guest, id=made.id, token=token)
    assert sent.state == "sent_back"
    said = await returns.say(guest, id=made.id, message_id=ids.new(), text="There?", token=token)
    assert said.messages[-1].by == "customer"
    assert (await returns.withdraw(guest, id=made.id, token=token)).state == "withdrawn"
    await desk.need_sound()


async def pages(call: Any, **given: Any) -> list[str]:
    found, cursor = [], None
    for _ in range(20):
        page = await call(limit=2, cursor=cursor, **given)
        assert len(page.items) <= 2
        found += [one.number for one in page.items]
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError


async def test_lists_are_walked_page_by_page(desk: Counter) -> None:
    person_id = ids.new()
    vendor_id = None
    made = []
    for _ in range(5):
        one = await desk.sold(person_id=person_id)
        vendor_id = vendor_id or one.vendor_id
        desk.orders.parts[one.id] = one.model_copy(update={"vendor_id": vendor_id})
        made.append(await desk.asked(one, 1))
        desk.pass_days(0.001)
    assert vendor_id is not None
    await desk.asked(await desk.sold(), 1)
    newest = [x.number for x in reversed(made)]
    who, shop = desk.person(person_id), desk.vendor(vendor_id)

    async def own(**given: Any) -> Any:
        return await desk.returns.own(who, **given)

    async def theirs(**given: Any) -> Any:
        return await desk.returns.of_vendor(shop, vendor_id=vendor_id, **given)

    async def queue(**given: Any) -> Any:
        return await desk.returns.queue(desk.staff, **given)

    assert await pages(own) == newest
    assert await pages(theirs) == newest
    await desk.returns.escalate(who, id=made[1].id, text="x")
    await desk.returns.escalate(who, id=made[3].id, text="x")
    await desk.returns.withdraw(who, id=made[0].id)
    queued = await pages(queue)
    assert queued[:2] == [made[3].number, made[1].number]
    assert len(queued) == len(set(queued)) == 6
    assert await pages(queue, escalated=True) == queued[:2]
    assert await pages(queue, escalated=False) == queued[2:]
    assert await pages(queue, state="withdrawn") == [made[0].number]
    assert await pages(queue, state="requested", escalated=True) == queued[:2]
    assert await pages(theirs, state="withdrawn") == [made[0].number]
    parts = [x.vendor_order_id for x in made[:2]]
    found = await desk.returns.of_orders(desk.system, vendor_order_ids=parts)
    assert [x.number for x in found] == [made[1].number, made[0].number]
    with pytest.raises(Invalid):
        await desk.returns.queue(desk.staff, cursor="nonsense")


async def test_the_proof_names_what_was_changed(desk: Counter) -> None:
    one = await desk.sold()
    made = await desk.asked(one, 2)
    for change, undo in (
        ("UPDATE returns.tallies SET open = 1", "UPDATE returns.tallies SET open = 2"),
        ("UPDATE returns.returns SET items = 3", "UPDATE returns.returns SET items = 2"),
        ("UPDATE returns.returns SET block = 'free'", "UPDATE returns.returns SET block = 'set'"),
        ("UPDATE returns.lines SET quantity = 1", "UPDATE returns.lines SET quantity = 2"),
    ):
        await desk.need_sound()
        await desk.db.execute(change)
        [found] = await prove(desk.db)
        assert (made.number in found) or (str(one.lines[0].id) in found)
        await desk.db.execute(undo)
    await desk.need_sound()


async def test_over_the_wire(desk: Counter) -> None:
    """Every answer survives being encoded, and the door asks for scopes."""
    one = await desk.sold()
    door = loopback(Returns, desk.returns, caller=None)
    shop = desk.vendor(one.vendor_id)
    made = await desk.asked(one, 2)
    assert (await door.one(shop, id=made.id)).model_dump() == made.model_dump()
    assert (await door.of_vendor(shop, vendor_id=one.vendor_id)).items[0].id == made.id
    for call in (
        door.queue(shop),
        door.of_orders(shop, vendor_order_ids=[one.id]),
        door.of_vendor(desk.person(one.person_id), vendor_id=one.vendor_id),
    ):
        with pytest.raises(Forbidden):
            await call
    with pytest.raises(Unauthenticated):
        await door.approve(desk.guest, id=made.id)
    with pytest.raises(WrongReturnState) as refused:
        await door.receive(shop, id=made.id)
    assert refused.value.data["state"] == "requested"


async def test_the_database_refuses_more_than_was_bought(desk: Counter) -> None:
    one = await desk.sold()
    await desk.asked(one, 2)
    with pytest.raises(Exception, match="ck_tallies_bought"):
        await desk.db.execute("UPDATE returns.tallies SET open = open + 1")
