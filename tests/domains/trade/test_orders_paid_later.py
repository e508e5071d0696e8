"""Orders that are paid later, in cash or by bank transfer, and refunds by line, on PostgreSQL."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.orders.api import RefundedLine, WrongOrderState
from haat.domains.trade.orders.proof import prove
from haat.domains.trade.orders.service import OrdersService
from haat.domains.trade.orders.service.cash import LOCK_ORDERS
from haat.engines.sql import Database
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    FakeMarket,
    FakeShipping,
    caught_up,
    draft,
    emitted,
    eur,
    ids,
    person,
    signer,
    staff,
    system,
    vendor,
)


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("orders")


@pytest.fixture
def shipping() -> FakeShipping:
    return FakeShipping()


@pytest.fixture
def orders(db: Database, shipping: FakeShipping) -> OrdersService:
    return OrdersService(db, FakeMarket(), shipping, signer())


async def test_refunds_by_line(orders: OrdersService, db: Database) -> None:
    whole = draft()
    await orders.create(system, draft=whole)
    await orders.mark_paid(system, order_ids=[whole.id])
    given = whole.vendor_orders[0]
    line, shipping = given.lines[0], derive(given.id, "shipping")
    gave = [
        RefundedLine(line_id=line.id, quantity=1, gross=eur(550)),
        RefundedLine(line_id=shipping, quantity=0, gross=eur(100)),
    ]
    id = ids.new()

    async def refund(id: UUID, amount: int, lines: list[RefundedLine]) -> None:
        await orders.record_refund(
            system, refund_id=id, vendor_order_id=given.id, amount=eur(amount), note="",
            lines=lines,
        )  # fmt: skip

    await asyncio.gather(*(refund(id, 650, gave) for _ in range(4)))
    part = await orders.vendor_order(system, id=given.id)
    assert (part.lines[0].refunded_quantity, part.lines[0].refunded) == (1, eur(550))
    assert (part.lines[1].refunded_quantity, part.lines[1].refunded) == (0, eur(0))
    assert part.refunded == eur(650)
    strange = RefundedLine(line_id=ids.new(), quantity=1, gross=eur(650))
    for amount, wrong in ((651, gave), (1300, gave * 2), (650, [strange])):
        with pytest.raises(Invalid):
            await refund(ids.new(), amount, wrong)
    await caught_up(orders)
    assert await prove(db, 10) == []


async def test_paid_on_delivery_part_by_part(orders: OrdersService, db: Database) -> None:
    """Vendors work as if it were paid; the order is paid once, when nothing is awaited any more."""
    who = ids.new()
    given = draft(who, [ids.new() for _ in range(3)], payment="on_delivery")
    assert (await orders.create(system, draft=given)).payment == "on_delivery"
    one, two, three = given.vendor_orders
    for part in (one, two):
        ctx = vendor(part.vendor_id)
        await orders.accept(ctx, id=part.id)
        await orders.ship(ctx, id=part.id)
        assert (await orders.deliver(ctx, id=part.id)).payment == "on_delivery"
    cancelled = await orders.cancel(person(who), id=three.id, reason="not that one")
    assert (cancelled.payment, cancelled.fulfilment) == ("voided", "cancelled")
    await asyncio.gather(
        *(orders.mark_vendor_orders_paid(system, ids=[part.id]) for part in (one, two) * 3)
    )
    order = (await orders.by_ids(system, ids=[given.id]))[0]
    assert [part.payment for part in order.vendor_orders] == ["paid", "paid", "voided"]
    assert order.payment == "paid"
    (event,) = await emitted(db, given.id, "order.paid")
    assert [p["vendorOrderId"] for p in event["vendorOrders"]] == [str(one.id), str(two.id)]
    assert event["total"]["minor"] == (one.totals.total + two.totals.total).minor


async def test_the_last_awaited_part_is_cancelled(orders: OrdersService, db: Database) -> None:
    who = ids.new()
    given = draft(who, payment="on_delivery")
    await orders.create(system, draft=given)
    one, two = given.vendor_orders
    await orders.mark_vendor_orders_paid(system, ids=[one.id])
    assert await emitted(db, given.id, "order.paid") == []
    for _ in range(2):
        await orders.cancel(person(who), id=two.id, reason="not that one")
    (event,) = await emitted(db, given.id, "order.paid")
    assert event["total"]["minor"] == one.totals.total.minor
    assert len(await emitted(db, given.id, "order.cancelled")) == 1


async def test_who_moves_a_part_never_waits_for_who_holds_the_order(
    orders: OrdersService, db: Database
) -> None:
    """Who holds the order goes on to its parts, and who has a part notes it at the order: a wait
    there would be a deadlock."""
    given = draft(payment="on_delivery")
    await orders.create(system, draft=given)
    part = given.vendor_orders[0]
    async with db.pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK_ORDERS, [part.id])
        moved = await asyncio.wait_for(orders.accept(vendor(part.vendor_id), id=part.id), 60)
    assert moved.fulfilment == "accepted"


async def test_refused_at_the_door(orders: OrdersService, shipping: FakeShipping) -> None:
    who = ids.new()
    given = draft(who, payment="on_delivery")
    await orders.create(system, draft=given)
    mine = given.vendor_orders[0]
    ctx = vendor(mine.vendor_id)
    await orders.accept(ctx, id=mine.id)
    await orders.ship(ctx, id=mine.id)
    with pytest.raises(WrongOrderState):  # what is on its way is not called back from afar
        await orders.cancel(person(who), id=mine.id, reason="no")
    back = await orders.cancel(ctx, id=mine.id, reason="Nobody had the cash.")
    assert (back.payment, back.fulfilment) == ("voided", "cancelled")
    assert [s.status for s in shipping.rows.values()] == ["cancelled"]
    await orders.mark_vendor_orders_paid(system, ids=[mine.id])
    assert (await orders.vendor_order(system, id=mine.id)).payment == "voided"


async def test_what_awaits_a_bank_transfer(orders: OrdersService, db: Database) -> None:
    who = ids.new()
    given = draft(who, payment="awaiting")
    await orders.create(system, draft=given)
    one, two = given.vendor_orders
    ctx = vendor(one.vendor_id)
    for refused in (orders.accept(ctx, id=one.id), orders.reject(ctx, id=one.id, reason="no")):
        with pytest.raises(WrongOrderState):
            await refused
    with pytest.raises(WrongOrderState):  # vendors wait
        await orders.cancel(ctx, id=one.id, reason="no")
    part = await orders.cancel(person(who), id=one.id, reason="too slow")
    assert (part.payment, part.fulfilment) == ("awaiting", "cancelled")
    await orders.cancel(staff(), id=two.id, reason="asked by phone")
    for _ in range(2):
        await orders.mark_unpaid(system, order_id=given.id, reason="Cancelled.")
    order = (await orders.by_ids(system, ids=[given.id]))[0]
    assert (order.payment, order.fulfilment) == ("voided", "cancelled")
    assert [p.reason for p in order.vendor_orders] == ["too slow", "asked by phone"]
    assert await emitted(db, given.id, "order.unpaid") == []  # who cancelled it knows


async def test_what_was_cancelled_while_a_transfer_was_awaited(
    orders: OrdersService, db: Database
) -> None:
    """Its vendor does not begin; all of the money came, and its part of it is given back."""
    who = ids.new()
    given = draft(who, payment="awaiting")
    await orders.create(system, draft=given)
    one, two = given.vendor_orders
    await orders.cancel(person(who), id=one.id, reason="too slow")
    await orders.mark_paid(system, order_ids=[given.id])
    (event,) = await emitted(db, given.id, "order.paid")
    assert [part["vendorOrderId"] for part in event["vendorOrders"]] == [str(two.id)]
    assert event["total"]["minor"] == given.totals.total.minor
    order = (await orders.by_ids(system, ids=[given.id]))[0]
    assert [part.payment for part in order.vendor_orders] == ["paid", "paid"]
    late = draft(payment="awaiting")
    await orders.create(system, draft=late)
    await orders.mark_paid(system, order_ids=[late.id])
    assert (await orders.by_ids(system, ids=[late.id]))[0].payment == "paid"


@pytest.mark.parametrize("payment", ["authorized", "awaiting", "on_delivery"])
async def test_events_say_what_was_waited_for(
    orders: OrdersService, db: Database, payment: Any
) -> None:
    """Who is told what depends on it, and by then the order says something else."""
    one, two = draft(payment=payment), draft(payment=payment)
    for given in (one, two):
        await orders.create(system, draft=given)
        (event,) = await emitted(db, given.id, "order.created")
        assert event["payment"] == payment
    if payment == "on_delivery":
        await orders.mark_vendor_orders_paid(system, ids=[part.id for part in one.vendor_orders])
    else:
        await orders.mark_paid(system, order_ids=[one.id])
    (event,) = await emitted(db, one.id, "order.paid")
    assert event["was"] == payment
    await orders.mark_unpaid(system, order_id=two.id, reason="The payment did not arrive.")
    (event,) = await emitted(db, two.id, "order.unpaid")
    assert event["was"] == payment
    refund = ids.new()
    await orders.record_refund(
        system, refund_id=refund, vendor_order_id=one.vendor_orders[0].id, amount=eur(1), note=""
    )
    (event,) = await emitted(db, one.id, "order.refunded")
    assert event["refundId"] == str(refund)
