"""Orders on PostgreSQL: created once, moved by who may, provable to the cent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import get_args
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.money.payments.api import RefundTooLarge
from haat.domains.trade.orders.api import (
    DoesNotAddUp,
    LinkInvalid,
    OrderDraft,
    OrderFilter,
    OrderSummary,
    PaymentState,
    RefundedLine,
    WrongOrderState,
)
from haat.domains.trade.orders.proof import prove
from haat.domains.trade.orders.service import OrdersService
from haat.engines.sql import Database
from haat.kernel.errors import Invalid, NotFound, Unavailable
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    CLOCK,
    NOW,
    FakeMarket,
    FakeShipping,
    caught_up,
    draft,
    emitted,
    eur,
    guest,
    ids,
    person,
    signer,
    staff,
    system,
    vendor,
)

Made = Callable[..., Awaitable[OrderDraft]]


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("orders")


@pytest.fixture
def shipping() -> FakeShipping:
    return FakeShipping()


@pytest.fixture
def orders(db: Database, shipping: FakeShipping) -> OrdersService:
    return OrdersService(db, FakeMarket(), shipping, signer())


@pytest.fixture
def paid(orders: OrdersService) -> Made:
    async def make(person_id: UUID | None = None, vendors: list[UUID] | None = None) -> OrderDraft:
        made = draft(person_id, vendors)
        await orders.create(system, draft=made)
        await orders.mark_paid(system, order_ids=[made.id])
        return made

    return make


async def test_an_order_is_read_as_it_was_placed(orders: OrdersService, db: Database) -> None:
    who = ids.new()
    given = draft(who, inclusive=True, placed_at=NOW - timedelta(days=40))
    made = await orders.create(system, draft=given)
    assert made.number.startswith("H-")
    assert (made.payment, made.fulfilment, made.items) == ("authorized", "pending", 6)
    read = await orders.order(person(who), ref=made.number.lower())
    assert read == await orders.order(person(who), ref=str(given.id))
    assert read.totals == given.totals
    assert (read.ship_to, read.email, read.prices_include_tax) == (given.ship_to, given.email, True)
    assert read.placed_at == given.placed_at
    assert [p.number for p in read.vendor_orders] == [f"{made.number}-1", f"{made.number}-2"]
    for shown, frozen in zip(read.vendor_orders, given.vendor_orders, strict=True):
        assert shown.lines == frozen.lines
        assert (shown.totals, shown.net, shown.shipping_tax) == (
            frozen.totals,
            frozen.net,
            frozen.shipping_tax,
        )
    assert [entry.what for entry in read.timeline] == ["placed"]
    (event,) = await emitted(db, given.id, "order.created")
    assert event["number"] == made.number
    assert [p["vendorOrderId"] for p in event["vendorOrders"]] == [
        str(p.id) for p in given.vendor_orders
    ]


async def test_the_same_id_again_answers_the_order(orders: OrdersService, db: Database) -> None:
    given = draft()
    first = await orders.create(system, draft=given)
    assert await orders.create(system, draft=given) == first
    assert len(await emitted(db, given.id, "order.created")) == 1


async def test_placed_at_once_it_is_one_order(orders: OrdersService, db: Database) -> None:
    given = draft()
    made = await asyncio.gather(*(orders.create(system, draft=given) for _ in range(5)))
    assert len({one.number for one in made}) == 1
    assert len(await emitted(db, given.id, "order.created")) == 1
    assert len((await orders.by_ids(system, ids=[given.id]))[0].vendor_orders) == 2


async def test_an_order_that_does_not_add_up_is_not_written(orders: OrdersService) -> None:
    given = draft()
    off = given.model_copy(update={"totals": given.totals.model_copy(update={"total": eur(1)})})
    with pytest.raises(DoesNotAddUp):
        await orders.create(system, draft=off)
    assert await orders.by_ids(system, ids=[given.id]) == []


async def test_paid_as_a_set_tells_only_what_changed(orders: OrdersService, db: Database) -> None:
    one, two = draft(), draft()
    for given in (one, two):
        await orders.create(system, draft=given)
    await orders.mark_paid(system, order_ids=[one.id])
    await asyncio.gather(
        *(orders.mark_paid(system, order_ids=[two.id, one.id, ids.new()]) for _ in range(4))
    )
    for given in (one, two):
        (event,) = await emitted(db, given.id, "order.paid")
        assert event["total"] == {"minor": given.totals.total.minor, "currency": "EUR"}
        assert len(event["vendorOrders"]) == 2
    found = await orders.by_ids(system, ids=[one.id, two.id])
    assert [order.payment for order in found] == ["paid", "paid"]
    assert [entry.what for entry in found[0].timeline] == ["placed", "paid"]


async def test_from_accepted_to_delivered(
    orders: OrdersService, paid: Made, db: Database, shipping: FakeShipping
) -> None:
    who = ids.new()
    given = await paid(who)
    mine = given.vendor_orders[0]
    ctx = vendor(mine.vendor_id)
    for _ in range(2):  # every move may be repeated
        assert (await orders.accept(ctx, id=mine.id)).fulfilment == "accepted"
    for _ in range(2):
        assert (await orders.ready(ctx, id=mine.id)).fulfilment == "ready"
    for _ in range(2):
        shipped = await orders.ship(ctx, id=mine.id, carrier="DHL", tracking_number="T1")
        assert shipped.fulfilment == "in_transit"
        assert [s.tracking_number for s in shipped.shipments] == ["T1"]
    assert (await orders.order(person(who), ref=str(given.id))).fulfilment == "partially_shipped"
    CLOCK.advance(timedelta(days=2))
    for _ in range(2):
        delivered = await orders.deliver(ctx, id=mine.id)
        assert delivered.fulfilment == "delivered"
        assert delivered.delivered_at == CLOCK.now()
        assert delivered.shipments[0].status == "delivered"
    for type, count in {
        "order.status.updated": 2,
        "order.shipped": 1,
        "order.fulfilled": 1,
    }.items():
        assert len(await emitted(db, given.id, type)) == count
    timeline = await orders.timeline(person(who), ref=str(given.id))
    assert [(e.what, e.actor) for e in timeline] == [
        ("placed", "customer"), ("paid", "system"), ("accepted", "vendor"), ("ready", "vendor"),
        ("in_transit", "vendor"), ("delivered", "vendor"),
    ]  # fmt: skip
    assert set(shipping.rows) == {derive(mine.id, "shipment")}


async def test_moves_out_of_turn_are_refused(orders: OrdersService, paid: Made) -> None:
    given = draft()
    await orders.create(system, draft=given)
    unpaid = given.vendor_orders[0]
    ctx = vendor(unpaid.vendor_id)
    with pytest.raises(WrongOrderState) as refused:
        await orders.accept(ctx, id=unpaid.id)
    assert refused.value.data == {"state": "pending", "payment": "authorized", "allowed": []}
    mine = (await paid()).vendor_orders[0]
    ctx = vendor(mine.vendor_id)
    for move in (orders.ready, orders.ship, orders.deliver):
        with pytest.raises(WrongOrderState):
            await move(ctx, id=mine.id)
    await orders.reject(ctx, id=mine.id, reason="sold out")
    with pytest.raises(WrongOrderState) as refused:
        await orders.accept(ctx, id=mine.id)
    assert refused.value.data["state"] == "rejected"
    with pytest.raises(WrongOrderState) as refused:
        await orders.deliver(ctx, id=(await paid(vendors=[mine.vendor_id])).vendor_orders[0].id)
    assert refused.value.data["allowed"] == ["accept", "reject", "cancel"]


async def test_rejecting_and_cancelling_tell_settlement(
    orders: OrdersService, paid: Made, db: Database
) -> None:
    who = ids.new()
    given = await paid(who)
    one, two = given.vendor_orders
    rejected = await orders.reject(vendor(one.vendor_id), id=one.id, reason="sold out")
    assert (rejected.fulfilment, rejected.reason) == ("rejected", "sold out")
    await orders.accept(vendor(two.vendor_id), id=two.id)
    for _ in range(2):
        cancelled = await orders.cancel(person(who), id=two.id, reason="too late")
        assert cancelled.fulfilment == "cancelled"
    events = await emitted(db, given.id, "order.cancelled")
    assert [(e["kind"], e["reason"]) for e in events] == [
        ("rejected", "sold out"), ("cancelled", "too late"),
    ]  # fmt: skip
    assert events[0]["lines"] == [[str(ln.offer_id), ln.quantity] for ln in one.lines]
    assert (await orders.order(person(who), ref=str(given.id))).fulfilment == "cancelled"


async def test_a_whole_order_is_cancelled_as_far_as_it_goes(
    orders: OrdersService, paid: Made
) -> None:
    who = ids.new()
    given = await paid(who)
    one = given.vendor_orders[0]
    await orders.accept(vendor(one.vendor_id), id=one.id)
    await orders.ship(vendor(one.vendor_id), id=one.id)
    order = await orders.cancel_order(person(who), id=given.id, reason="changed my mind")
    assert [p.fulfilment for p in order.vendor_orders] == ["in_transit", "cancelled"]
    with pytest.raises(WrongOrderState):
        await orders.cancel_order(person(who), id=given.id, reason="again")
    with pytest.raises(NotFound):
        await orders.cancel_order(person(ids.new()), id=given.id, reason="not mine")


async def test_others_orders_are_not_there(orders: OrdersService, paid: Made) -> None:
    given = await paid(ids.new())
    mine, other = given.vendor_orders
    stranger, rival = person(ids.new()), vendor(ids.new())
    for ctx in (stranger, rival, vendor(other.vendor_id)):
        for move in (orders.accept, orders.ready, orders.ship, orders.deliver):
            with pytest.raises(NotFound):
                await move(ctx, id=mine.id)
        for end in (orders.reject, orders.cancel):
            with pytest.raises(NotFound):
                await end(ctx, id=mine.id, reason="no")
        with pytest.raises(NotFound):
            await orders.vendor_order(ctx, id=mine.id)
        with pytest.raises(NotFound):
            await orders.order(ctx, ref=str(given.id))
        with pytest.raises(NotFound):
            await orders.vendor_orders(ctx, vendor_id=mine.vendor_id)
    with pytest.raises(NotFound):
        await orders.timeline(rival, ref=str(given.id))
    # The customer may cancel, but not do the vendor's work.
    with pytest.raises(NotFound):
        await orders.accept(person(given.person_id or ids.new()), id=mine.id)
    # A member of the team without orders among its scopes cannot cancel.
    with pytest.raises(NotFound):
        await orders.cancel(vendor(mine.vendor_id, "vendor:products"), id=mine.id, reason="no")
    assert (await orders.vendor_order(staff(), id=mine.id)).fulfilment == "pending"


async def test_vendors_see_their_own_timeline(orders: OrdersService, paid: Made) -> None:
    one, two = (await paid()).vendor_orders
    await orders.accept(vendor(one.vendor_id), id=one.id)
    await orders.accept(vendor(two.vendor_id), id=two.id)
    entries = await orders.timeline(vendor(one.vendor_id), ref=str(one.id))
    assert [(e.what, e.vendor_order_id) for e in entries] == [
        ("placed", None), ("paid", None), ("accepted", one.id),
    ]  # fmt: skip


async def test_staff_move_by_status_words(orders: OrdersService, paid: Made) -> None:
    mine = (await paid()).vendor_orders[0]
    for word, state in (
        ("processing", "accepted"), ("ready", "ready"), ("shipped", "in_transit"),
        ("delivered", "delivered"),
    ):  # fmt: skip
        moved = await orders.set_status(staff(), id=mine.id, status=word)
        assert moved.fulfilment == state
    other = (await paid()).vendor_orders[0]
    with pytest.raises(Invalid, match="why"):
        await orders.set_status(staff(), id=other.id, status="cancelled")
    with pytest.raises(Invalid):
        await orders.set_status(staff(), id=other.id, status="lost")
    moved = await orders.set_status(staff(), id=other.id, status="cancelled", reason="fraud")
    assert moved.fulfilment == "cancelled"


async def test_shipping_that_loses_to_a_cancel_leaves_no_parcel(
    orders: OrdersService, paid: Made, shipping: FakeShipping
) -> None:
    who = ids.new()
    mine = (await paid(who)).vendor_orders[0]
    ctx = vendor(mine.vendor_id)
    await orders.accept(ctx, id=mine.id)

    async def meanwhile() -> None:
        shipping.on_book = None
        await orders.cancel(person(who), id=mine.id, reason="never mind")

    shipping.on_book = meanwhile
    with pytest.raises(WrongOrderState):
        await orders.ship(ctx, id=mine.id)
    assert [s.status for s in shipping.rows.values()] == ["cancelled"]
    assert (await orders.vendor_order(ctx, id=mine.id)).shipments == []


async def test_a_ship_that_died_half_way_can_be_sent_again_or_cancelled(
    orders: OrdersService, paid: Made, shipping: FakeShipping
) -> None:
    who = ids.new()
    mine = (await paid(who)).vendor_orders[0]
    ctx = vendor(mine.vendor_id)
    await orders.accept(ctx, id=mine.id)
    shipping.down = True
    with pytest.raises(Unavailable):
        await orders.ship(ctx, id=mine.id)
    shipping.down = False
    await shipping.book(  # booked, and then the process died
        system, id=derive(mine.id, "shipment"), vendor_order_id=mine.id,
        vendor_id=mine.vendor_id, carrier="DHL",
    )  # fmt: skip
    await orders.cancel(person(who), id=mine.id, reason="never mind")
    assert [s.status for s in shipping.rows.values()] == ["cancelled"]


async def test_shipped_twice_at_once_is_one_parcel(
    orders: OrdersService, paid: Made, shipping: FakeShipping, db: Database
) -> None:
    given = await paid()
    mine = given.vendor_orders[0]
    ctx = vendor(mine.vendor_id)
    await orders.accept(ctx, id=mine.id)
    done = await asyncio.gather(*(orders.ship(ctx, id=mine.id) for _ in range(4)))
    assert {part.fulfilment for part in done} == {"in_transit"}
    assert [s.status for s in shipping.rows.values()] == ["in_transit"]
    assert len(await emitted(db, given.id, "order.shipped")) == 1


async def test_accept_and_cancel_at_once_end_in_one_story(
    orders: OrdersService, paid: Made, db: Database
) -> None:
    who = ids.new()
    for _ in range(10):
        given = await paid(who)
        mine = given.vendor_orders[0]
        await asyncio.gather(
            orders.reject(vendor(mine.vendor_id), id=mine.id, reason="no"),
            orders.cancel(person(who), id=mine.id, reason="no"),
            orders.accept(vendor(mine.vendor_id), id=mine.id),
            return_exceptions=True,
        )
        cancelled = await emitted(db, given.id, "order.cancelled")
        assert len(cancelled) <= 1
        words = [e.what for e in await orders.timeline(system, ref=str(mine.id))][2:]
        state = (await orders.vendor_order(system, id=mine.id)).fulfilment
        assert words in (["accepted"], [state], ["accepted", "cancelled"])


async def test_refunds_count_once_and_never_exceed(
    orders: OrdersService, paid: Made, db: Database
) -> None:
    given = await paid()
    mine = given.vendor_orders[0]
    total = mine.totals.total
    first, rest = ids.new(), total - eur(100)

    async def refund(id: UUID, amount: int) -> None:
        await orders.record_refund(
            system, refund_id=id, vendor_order_id=mine.id, amount=eur(amount), note="late"
        )

    await asyncio.gather(*(refund(first, 100) for _ in range(4)))
    part = await orders.vendor_order(system, id=mine.id)
    assert (part.refunded, part.payment) == (eur(100), "partially_refunded")
    with pytest.raises(RefundTooLarge) as refused:
        await refund(ids.new(), rest.minor + 1)
    assert refused.value.data["refundable"]["minor"] == rest.minor
    both = await asyncio.gather(
        *(refund(ids.new(), rest.minor) for _ in range(4)), return_exceptions=True
    )
    assert [type(one) for one in both if one is not None] == [RefundTooLarge] * 3
    part = await orders.vendor_order(system, id=mine.id)
    assert (part.refunded, part.payment) == (total, "refunded")
    await refund(first, 100)
    assert len(await emitted(db, given.id, "order.refunded")) == 2
    order = (await orders.by_ids(system, ids=[given.id]))[0]
    assert (order.payment, order.refunded) == ("partially_refunded", total)


async def test_bad_refunds(orders: OrdersService) -> None:
    given = draft()
    await orders.create(system, draft=given)
    part = given.vendor_orders[0]
    for amount in (eur(0), eur(-1), eur(1).model_copy(update={"currency": "USD"})):
        with pytest.raises(Invalid):
            await orders.record_refund(
                system, refund_id=ids.new(), vendor_order_id=part.id, amount=amount, note=""
            )
    with pytest.raises(WrongOrderState):
        await orders.record_refund(
            system, refund_id=ids.new(), vendor_order_id=part.id, amount=eur(1), note=""
        )
    with pytest.raises(NotFound):
        await orders.record_refund(
            system, refund_id=ids.new(), vendor_order_id=ids.new(), amount=eur(1), note=""
        )


async def test_unpaid_is_voided_and_cancelled(
    orders: OrdersService, paid: Made, db: Database
) -> None:
    given = draft()
    await orders.create(system, draft=given)
    for _ in range(2):
        await orders.mark_unpaid(system, order_id=given.id, reason="card declined")
    order = (await orders.by_ids(system, ids=[given.id]))[0]
    assert (order.payment, order.fulfilment) == ("voided", "cancelled")
    (event,) = await emitted(db, given.id, "order.unpaid")
    assert len(event["lines"]) == 4
    assert await emitted(db, given.id, "order.cancelled") == []
    await orders.mark_paid(system, order_ids=[given.id])
    assert await emitted(db, given.id, "order.paid") == []
    with pytest.raises(WrongOrderState):
        await orders.mark_unpaid(system, order_id=(await paid()).id, reason="late")
    with pytest.raises(NotFound):
        await orders.mark_unpaid(system, order_id=ids.new(), reason="none")


async def test_a_guest_reads_by_a_signed_link(orders: OrdersService) -> None:
    given = draft()
    await orders.create(system, draft=given)
    token = (await orders.links(system, order_ids=[given.id]))[given.id]
    assert (await orders.order_by_link(guest, token=token)).id == given.id
    other = signer().sign("something else", str(given.id))
    gone = signer().sign("order", str(ids.new()))
    for bad in (token[:-2] + "xx", "", "a.b.c", other, gone, token + "é"):
        with pytest.raises(LinkInvalid):
            await orders.order_by_link(guest, token=bad)
    CLOCK.advance(timedelta(days=181))
    with pytest.raises(LinkInvalid):
        await orders.order_by_link(guest, token=token)


async def test_lists_page_through_everything_once(orders: OrdersService, paid: Made) -> None:
    who, shop = ids.new(), ids.new()
    made = []
    for _ in range(5):
        made.append(await paid(who, vendors=[shop, ids.new()]))
        CLOCK.advance(timedelta(seconds=1))
    seen: list[UUID] = []
    cursor = None
    for _ in range(3):
        page = await orders.own(person(who), limit=2, cursor=cursor)
        seen += [summary.id for summary in page.items]
        cursor = page.next
    assert cursor is None
    assert seen == [given.id for given in reversed(made)]
    await orders.accept(vendor(shop), id=made[0].vendor_orders[0].id)
    await caught_up(orders)
    where = OrderFilter(fulfilment="accepted")
    accepted = await orders.vendor_orders(vendor(shop), vendor_id=shop, where=where)
    assert [s.order_id for s in accepted.items] == [made[0].id]
    first = await orders.vendor_orders(vendor(shop), vendor_id=shop, limit=3)
    rest = await orders.vendor_orders(vendor(shop), vendor_id=shop, limit=3, cursor=first.next)
    assert len(first.items) + len(rest.items) == 5
    assert first.items[0].ship_to_name == "Ada Low"
    with pytest.raises(Invalid):
        await orders.own(person(who), cursor="nonsense")


async def test_the_payment_filter_is_the_projection(orders: OrdersService, paid: Made) -> None:
    given = await paid()
    one, two = given.vendor_orders
    for part in (one, two):
        await orders.record_refund(
            system, refund_id=ids.new(), vendor_order_id=part.id, amount=part.totals.total, note=""
        )
    voided = draft()
    await orders.create(system, draft=voided)
    await orders.mark_unpaid(system, order_id=voided.id, reason="x")
    for state in ("authorized", "awaiting", "on_delivery"):
        await orders.create(system, draft=draft(payment=state))
    half = await paid()
    first = half.vendor_orders[0]
    await orders.record_refund(
        system, refund_id=ids.new(), vendor_order_id=first.id, amount=first.totals.total, note=""
    )
    await caught_up(orders)
    whole = [s async for s in _all(orders, None)]
    states: tuple[PaymentState, ...] = get_args(PaymentState)
    for state in states:
        found = {s.id for s in whole if s.payment == state}
        assert {s.id async for s in _all(orders, state)} == found, state
        assert found


async def _all(orders: OrdersService, payment: PaymentState | None) -> AsyncIterator[OrderSummary]:
    cursor = None
    while True:
        where = OrderFilter(payment=payment)
        page = await orders.listed(staff(), where=where, limit=100, cursor=cursor)
        for summary in page.items:
            yield summary
        cursor = page.next
        if cursor is None:
            return


@pytest.mark.parametrize("ref", ["", "H-", "H-1-2-3", "nonsense", "0" * 400, "H-999999999", "\x00"])
async def test_bad_references_are_not_found(orders: OrdersService, ref: str) -> None:
    with pytest.raises(NotFound):
        await orders.order(person(ids.new()), ref=ref)
    with pytest.raises(NotFound):
        await orders.vendor_order_by_ref(vendor(ids.new()), ref=ref)


async def test_the_proof_names_what_does_not_add_up(
    orders: OrdersService, paid: Made, db: Database
) -> None:
    given = await paid()
    line = given.vendor_orders[0].lines[0]
    refund_id = ids.new()
    await orders.record_refund(
        system, refund_id=refund_id, vendor_order_id=given.vendor_orders[0].id,
        amount=eur(5), note="", lines=[RefundedLine(line_id=line.id, quantity=1, gross=eur(5))],
    )  # fmt: skip
    await caught_up(orders)
    assert await prove(db, 10) == []
    mine = await orders.vendor_order(system, id=given.vendor_orders[0].id)
    grow = "UPDATE orders.refund_lines SET gross = gross + $2 WHERE refund_id = $1"
    await db.execute(grow, refund_id, 1)
    assert {wrong.split(": ")[1] for wrong in await prove(db, 10)} == {f"order {mine.number}"}
    await db.execute(grow, refund_id, -1)
    tampering = (
        ("lines", "amount = amount + 1", mine.lines[0].id, mine.number),
        ("lines", "refunded = refunded + 1", mine.lines[0].id, mine.number),
        ("lines", "refunded_quantity = refunded_quantity - 1", mine.lines[0].id, mine.number),
        ("vendor_orders", "commission = commission + 1, net = net - 1", mine.id, mine.number),
        (
            "vendor_orders",
            "commission_tax = commission_tax + 1, net = net - 1",
            mine.id,
            mine.number,
        ),
        ("vendor_orders", "shipping_commission = shipping_commission + 1", mine.id, mine.number),
        ("vendor_orders", "net = net + 1", mine.id, mine.number),
        ("vendor_orders", "total = total + 1, net = net + 1", mine.id, mine.number),
        ("vendor_orders", "refunded = refunded + 1", mine.id, mine.number),
        ("vendor_orders", "payment = 'paid'", mine.id, mine.number),
        ("orders", "total = total - 1", given.id, mine.order_number),
    )
    for table, change, id, number in tampering:
        columns = ", ".join(part.split(" = ")[0] for part in change.split(", "))
        was = await db.fetchrow(f"SELECT {columns} FROM orders.{table} WHERE id = $1", id)
        assert was is not None
        await db.execute(f"UPDATE orders.{table} SET {change} WHERE id = $1", id)
        (first,) = await prove(db)
        assert first.split(": ")[1] == f"order {number}", (first, change)
        back = ", ".join(f"{c} = ${n}" for n, c in enumerate(columns.split(", "), 2))
        await db.execute(f"UPDATE orders.{table} SET {back} WHERE id = $1", id, *was)
    assert await prove(db, 10) == []
