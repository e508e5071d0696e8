"""The lists of orders: kept from events that may come late, twice or never, and narrowed."""

import asyncio
from datetime import timedelta
from importlib import import_module
from itertools import combinations
from typing import Any, get_args
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.orders import reactions, rules
from haat.domains.trade.orders.api import (
    FulfilmentState,
    Order,
    OrderDraft,
    OrderFilter,
    PaymentState,
    View,
)
from haat.domains.trade.orders.proof import prove
from haat.domains.trade.orders.service import OrdersService
from haat.engines.sql import Database
from haat.engines.telemetry import render_metrics
from haat.kernel.errors import Invalid
from haat.kernel.events import Event, noted_in
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    ADDRESS,
    CLOCK,
    FakeMarket,
    FakeShipping,
    caught_up,
    draft,
    ids,
    person,
    signer,
    staff,
    system,
    vendor,
)

KINDS = {one.event.event_name: one.event for one in noted_in(reactions).reactions}


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("orders")


@pytest.fixture
def orders(db: Database) -> OrdersService:
    return OrdersService(db, FakeMarket(), FakeShipping(), signer())


async def heard(orders: OrdersService, db: Database, made: Event | list[Event]) -> None:
    events = made if isinstance(made, list) else [made]
    async with db.begin(system) as tx:
        await orders.keep_lists(tx, events)


async def stated(db: Database, id: UUID) -> list[Event]:
    """What was announced of an order, oldest first."""
    rows = await db.fetch(
        "SELECT type, envelope FROM orders.outbox WHERE key = $1 ORDER BY seq", str(id)
    )
    found = [KINDS[row["type"]].model_validate(row["envelope"]["data"]) for row in rows]
    return [one.model_copy(update={"occurred_at": CLOCK.now()}) for one in found]


async def listed(orders: OrdersService, **where: Any) -> list[UUID]:
    page = await orders.listed(staff(), where=OrderFilter(**where), limit=100)
    return [one.id for one in page.items]


async def row(orders: OrdersService, number: str) -> Any:
    (found,) = (await orders.listed(staff(), where=OrderFilter(q=number))).items
    return found


async def walked(orders: OrdersService) -> tuple[OrderDraft, Order]:
    """An order of two parts that saw everything: paid, shipped, delivered, refunded, rejected."""
    given = draft(ids.new())
    await orders.create(system, draft=given)
    await orders.mark_paid(system, order_ids=[given.id])
    one, two = given.vendor_orders
    await orders.accept(vendor(one.vendor_id), id=one.id)
    await orders.ship(vendor(one.vendor_id), id=one.id)
    await orders.deliver(vendor(one.vendor_id), id=one.id)
    await orders.reject(vendor(two.vendor_id), id=two.id, reason="sold out")
    await orders.record_refund(
        system, refund_id=ids.new(), vendor_order_id=two.id, amount=two.totals.total, note=""
    )
    return given, (await orders.by_ids(system, ids=[given.id]))[0]


@pytest.mark.parametrize("way", ["in order", "backwards", "twice", "last alone", "each alone"])
async def test_however_events_come_the_list_says_what_is(
    orders: OrdersService, db: Database, way: str
) -> None:
    given, order = await walked(orders)
    await db.execute("DELETE FROM orders.order_list WHERE id = $1", given.id)
    await db.execute("DELETE FROM orders.part_list WHERE order_id = $1", given.id)
    events = await stated(db, given.id)
    assert len(events) == 7
    if way == "backwards":
        events.reverse()
    elif way == "twice":
        events += events
    elif way == "last alone":
        events = events[-1:]
    batches = [[one] for one in events] if way == "each alone" else [events]
    for batch in batches:
        await heard(orders, db, batch)
    found = await row(orders, order.number)
    assert (found.payment, found.fulfilment) == (order.payment, order.fulfilment)
    assert (found.payment, found.fulfilment) == ("partially_refunded", "delivered")
    assert (found.refunded, found.total, found.items) == (order.refunded, order.totals.total, 6)
    assert (found.email, found.ship_to_name) == ("ada@example.org", "Ada Low")
    for part in order.vendor_orders:
        page = await orders.vendor_orders(vendor(part.vendor_id), vendor_id=part.vendor_id)
        (mine,) = page.items
        assert (mine.payment, mine.fulfilment) == (part.payment, part.fulfilment)
        assert (mine.number, mine.refunded, mine.net) == (part.number, part.refunded, part.net)
    assert "haat_orders_lists_lag_seconds" in render_metrics().decode()


async def test_what_was_read_earlier_overwrites_nothing(
    orders: OrdersService, db: Database
) -> None:
    """A writer that slept between its look at the order and its write comes too late."""
    given = draft()
    await orders.create(system, draft=given)
    await orders.relist([given.id])
    await orders.mark_paid(system, order_ids=[given.id])
    await orders.relist([given.id])
    number = (await orders.by_ids(system, ids=[given.id]))[0].number
    assert (await row(orders, number)).payment == "paid"
    back = "UPDATE orders.vendor_orders SET payment = $2 WHERE order_id = $1"
    await db.execute(back, given.id, "authorized")  # what it had seen
    await orders.relist([given.id])
    await orders.rebuild_lists(staff())
    assert (await row(orders, number)).payment == "paid"
    await db.execute(back, given.id, "paid")


async def test_writers_at_once(orders: OrdersService) -> None:
    made = [draft() for _ in range(6)]
    for given in made:
        await orders.create(system, draft=given)
    every = [given.id for given in made]
    await asyncio.gather(
        *(orders.relist(every) for _ in range(4)),
        *(orders.mark_paid(system, order_ids=[id]) for id in every),
        *(orders.relist([id]) for id in reversed(every)),
    )
    await orders.relist(every)
    found = set(await listed(orders, payment="paid"))
    assert found.issuperset(every)


async def test_who_has_just_ordered_or_moved_sees_it_at_once(orders: OrdersService) -> None:
    """No event was heard yet."""
    who = ids.new()
    old, new = draft(who, placed_at=CLOCK.now() - timedelta(minutes=5)), draft(who)
    await orders.create(system, draft=old)
    await orders.relist([old.id])
    await orders.create(system, draft=new)
    page = await orders.own(person(who), limit=1)
    assert [one.id for one in page.items] == [new.id]
    assert page.items[0].vendors == ["Vendor 0", "Vendor 1"]
    rest = await orders.own(person(who), limit=1, cursor=page.next)
    assert [one.id for one in rest.items] == [old.id]
    assert rest.next is None
    await orders.mark_paid(system, order_ids=[new.id])
    part = new.vendor_orders[0]
    await orders.accept(vendor(part.vendor_id), id=part.id)
    shown = await orders.vendor_orders(vendor(part.vendor_id), vendor_id=part.vendor_id)
    assert [one.fulfilment for one in shown.items] == ["accepted"]


async def test_filters(orders: OrdersService, db: Database) -> None:
    CLOCK.advance(timedelta(seconds=1))
    start = CLOCK.now()
    shop = ids.new()
    cheap = draft(ids.new(), [shop])
    name = ADDRESS.model_copy(update={"name": "Zoë O'Hara \\ Smith"})
    changed = {"email": "Zoë@Example.org", "ship_to": name}
    dear = draft(ids.new(), [ids.new(), ids.new()]).model_copy(update=changed)
    numbers = {}
    for given in (cheap, dear):
        CLOCK.advance(timedelta(hours=2))
        numbers[given.id] = (await orders.create(system, draft=given)).number
    await orders.mark_paid(system, order_ids=[cheap.id])
    await caught_up(orders)
    only = {"since": start}
    low, high = cheap.totals.total.minor, dear.totals.total.minor
    for where, found in (
        ({}, [dear.id, cheap.id]),
        ({"payment": "authorized"}, [dear.id]),
        ({"fulfilment": "pending"}, [dear.id, cheap.id]),
        ({"fulfilment": "delivered"}, []),
        ({"view": "order", "status": "paid"}, [cheap.id]),
        ({"view": "payment", "status": "pending"}, [dear.id]),
        ({"vendor_id": shop}, [cheap.id]),
        ({"until": start + timedelta(hours=3)}, [cheap.id]),
        ({"total_max": low}, [cheap.id]),
        ({"total_min": low + 1, "total_max": high}, [dear.id]),
        ({"q": numbers[dear.id].lower()}, [dear.id]),
        ({"q": numbers[dear.id] + "-2"}, [dear.id]),
        ({"q": "H-999999999"}, []),
        ({"q": "zoë@example.org"}, [dear.id]),
        ({"q": "ZOË@exam"}, [dear.id]),
        ({"q": "o'hara zo"}, [dear.id]),
        ({"q": "\\"}, [dear.id]),
        ({"q": "low"}, [cheap.id]),
        ({"q": "' | 'a'"}, []),
        ({"q": "low\x00", "vendor_id": shop, "payment": "paid", "total_min": 1}, [cheap.id]),
    ):
        assert await listed(orders, **only, **where) == found, where
    for where, count in (
        ({}, 1),
        ({"q": numbers[cheap.id]}, 1),
        ({"q": "ADA"}, 1),
        ({"q": "ada@example.org"}, 0),  # the address is not the vendor's to know
        ({"view": "fulfilment", "status": "unfulfilled"}, 1),
        ({"payment": "refunded"}, 0),
        ({"since": start, "total_max": low}, 1),
    ):
        page = await orders.vendor_orders(vendor(shop), vendor_id=shop, where=OrderFilter(**where))
        assert len(page.items) == count, where
    for bad in ({"view": "order"}, {"status": "paid"}, {"view": "order", "status": "lost"}):
        with pytest.raises(Invalid):
            await listed(orders, **bad)
    assert await prove(db) == []


async def test_orders_of_before_are_listed_by_the_migration(
    orders: OrdersService, db: Database
) -> None:
    await walked(orders)
    await orders.create(system, draft=draft(ids.new(), payment="awaiting"))
    await db.execute("DELETE FROM orders.order_list")
    await db.execute("DELETE FROM orders.part_list")
    assert await prove(db) != []
    migration = import_module("haat.domains.trade.orders.migrations.0003_lists_of_their_own")
    await db.execute(migration.FILL)
    assert await prove(db) == []
    CLOCK.advance(timedelta(minutes=1))
    assert await orders.mend_lists(system) == 0


async def test_a_rare_payment_state_is_found_by_an_index(
    orders: OrdersService, db: Database
) -> None:
    await caught_up(orders)
    async with db.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(
            "EXPLAIN SELECT * FROM orders.order_list l WHERE l.payment = 'voided'"
            " AND (l.placed_at, l.id) < (now(), '00000000-0000-0000-0000-000000000000'::uuid)"
            " ORDER BY l.placed_at DESC, l.id DESC LIMIT 51"
        )
    text = "\n".join(line[0] for line in plan)
    assert "ix_order_list_by_payment" in text
    assert "Sort" not in text


async def test_what_an_event_did_not_bring_is_mended(orders: OrdersService, db: Database) -> None:
    lost, moved = draft(), draft()
    for given in (lost, moved):
        await orders.create(system, draft=given)
    await orders.relist([moved.id])
    await orders.mark_paid(system, order_ids=[moved.id])
    assert await orders.mend_lists(system) == 0  # they are on their way
    assert len(await prove(db, 10)) >= 2
    CLOCK.advance(timedelta(minutes=1))
    assert await orders.mend_lists(system) >= 2
    assert await orders.mend_lists(system) == 0
    assert await prove(db) == []


async def test_parts_paid_in_cash_and_awaited_ones_that_ended_are_told(
    orders: OrdersService, db: Database
) -> None:
    cash, transfer = draft(payment="on_delivery"), draft(ids.new(), payment="awaiting")
    for given in (cash, transfer):
        await orders.create(system, draft=given)
    await orders.mark_vendor_orders_paid(system, ids=[cash.vendor_orders[0].id])
    await orders.cancel_order(person(transfer.person_id or ids.new()), id=transfer.id, reason="x")
    await orders.mark_unpaid(system, order_id=transfer.id, reason="cancelled")
    for given, payment in ((cash, "on_delivery"), (transfer, "voided")):
        events = await stated(db, given.id)
        assert events[-1].event_name == "order.payment.updated"
        await heard(orders, db, events[-1])
        number = (await orders.by_ids(system, ids=[given.id]))[0].number
        assert (await row(orders, number)).payment == payment
    assert await prove(db) == []


async def test_the_lists_project_as_the_rules_do(orders: OrdersService, db: Database) -> None:
    """Every set of up to three states, as payment and as fulfilment."""
    payments, steps = get_args(PaymentState), get_args(FulfilmentState)
    sets = [
        *(("payment", one) for n in (1, 2, 3) for one in combinations(payments, n)),
        *(("fulfilment", one) for n in (1, 2, 3) for one in combinations(steps, n)),
    ]
    made = [draft(None, [ids.new() for _ in one]) for _, one in sets]
    for given in made:
        await orders.create(system, draft=given)
    for column in ("payment", "fulfilment"):
        rows = [
            (part.id, state)
            for (about, one), given in zip(sets, made, strict=True)
            for part, state in zip(given.vendor_orders, one, strict=True)
            if about == column
        ]
        await db.execute(
            f"UPDATE orders.vendor_orders v SET {column} = t.state"
            " FROM unnest($1::uuid[], $2::text[]) AS t (id, state) WHERE v.id = t.id",
            [id for id, _ in rows],
            [state for _, state in rows],
        )
    await orders.relist([given.id for given in made])
    found = {
        one["id"]: one
        for one in await db.fetch(
            "SELECT id, payment, fulfilment FROM orders.order_list WHERE id = ANY($1::uuid[])",
            [given.id for given in made],
        )
    }
    for (column, one), given in zip(sets, made, strict=True):
        project: Any = rules.payment_of if column == "payment" else rules.fulfilment_of
        assert found[given.id][column] == project(one), one


# payment, fulfilment → payment, delivery, fulfilment and order in the views' words
VIEWS = """
authorized pending            pending pending unfulfilled pending
awaiting pending              pending pending unfulfilled pending
paid pending                  paid pending unfulfilled paid
paid accepted                 paid processing processing paid
paid ready                    paid ready processing paid
paid in_transit               paid in_transit shipped shipped
paid delivered                paid delivered delivered delivered
on_delivery in_transit        pending in_transit shipped shipped
partially_refunded delivered  partial delivered delivered delivered
refunded delivered            refunded delivered returned refunded
paid cancelled                paid cancelled cancelled cancelled
refunded rejected             refunded cancelled cancelled refunded
voided cancelled              failed cancelled cancelled cancelled
paid partially_shipped        paid processing processing paid
paid partially_delivered      paid processing processing paid
"""


@pytest.mark.parametrize("case", VIEWS.split("\n")[1:-1])
def test_views(case: str) -> None:
    payment, fulfilment, *words = case.split()
    found = rules.statuses(payment, fulfilment)
    assert [found.payment, found.delivery, found.fulfilment, found.order] == words


WORDS: dict[View, str] = {
    "payment": "pending paid partial refunded failed",
    "delivery": "pending processing ready in_transit delivered cancelled",
    "fulfilment": "unfulfilled processing shipped delivered returned cancelled",
    "order": "pending paid shipped delivered refunded cancelled",
}


@pytest.mark.parametrize("view", get_args(View))
def test_each_state_has_one_word_of_each_view(view: View) -> None:
    pairs = [
        (payment, fulfilment)
        for payment in get_args(PaymentState)
        for fulfilment in (*get_args(FulfilmentState), *rules.PARTLY)
    ]
    named = [pair for word in WORDS[view].split() for pair in rules.states_of(view, word)]
    assert sorted(named) == sorted(pairs)
    assert rules.states_of(view, "lost") == frozenset()


def test_states_only_go_forward() -> None:
    """What the lists' version rests on: each move raises the rank of a state and lowers none."""
    stage = {state: n for n, state in enumerate(rules.STAGES)} | dict.fromkeys(
        rules.ENDED_EARLY, len(rules.STAGES)
    )
    for move in rules.MOVES.values():
        for source in move.sources:
            assert stage[move.target] > stage[source]
