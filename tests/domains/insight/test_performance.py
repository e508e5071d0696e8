"""How vendors do: counted from events in whatever order, held against thresholds, told once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.domains.insight.performance import rules
from haat.domains.insight.performance.api import Measure, Performance, Policy
from haat.domains.insight.performance.routes import router
from haat.domains.insight.performance.service import PerformanceService
from haat.domains.money.payments.api import PaymentDisputed
from haat.domains.people.vendors.api import Vendor
from haat.domains.trade.orders.api import (
    OrderAdvanced,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderShipped,
    OrderUnpaid,
    VendorPart,
)
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.events import Event
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import NOON, Rest, clock, person, system
from tests.domains.reach.doubles import FakeMarket, FakePayouts, FakeVendors, heard, usd

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Known(FakeVendors):
    async def find(self, ctx: Context, *, slug: str) -> Vendor:
        return (await self.by_ids(ctx, ids=[UUID(slug)]))[0]


class NoSales(FakePayouts):
    async def sales(self, ctx: Context, **asked: Any) -> list[Any]:
        return []


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("performance")
    for table in ("orders", "returns", "chargebacks", "vendors", "policy", "outbox"):
        await db.execute(f"DELETE FROM performance.{table}")
    return db


@pytest.fixture
def service(db: Database) -> PerformanceService:
    return PerformanceService(db, FakeMarket(), Known(), NoSales())


class Sold:
    """One vendor order and what may happen to it. It begins at `at` and is promised in a day."""

    def __init__(
        self, vendor_id: UUID, at: datetime = NOON - 2 * DAY, *, parts: int = 1, cash: bool = False
    ) -> None:
        self.vendor_id, self.at, self.cash = vendor_id, at, cash
        self.order_id, self.id = uuid4(), uuid4()
        part = VendorPart(
            vendor_order_id=self.id, vendor_id=vendor_id, number="H-1-1", total=usd(5), net=usd(4),
            ship_by=at + DAY,
        )  # fmt: skip
        others = [
            part.model_copy(update={"vendor_order_id": uuid4(), "vendor_id": uuid4()})
            for _ in range(parts - 1)
        ]
        self.parts = [part, *others]

    @property
    def of_order(self) -> dict[str, Any]:
        return {"order_id": self.order_id, "person_id": None, "number": "H-1-1"}

    @property
    def of_part(self) -> dict[str, Any]:
        return {**self.of_order, "vendor_order_id": self.id, "vendor_id": self.vendor_id}

    def created(self) -> OrderCreated:
        payment: Any = "on_delivery" if self.cash else "authorized"
        event = OrderCreated(
            **self.of_order, total=usd(5), vendor_orders=self.parts, payment=payment
        )
        return heard(event, self.at)

    def paid(self, at: datetime | None = None) -> OrderPaid:
        was: Any = "on_delivery" if self.cash else "authorized"
        event = OrderPaid(**self.of_order, total=usd(5), vendor_orders=self.parts, was=was)
        return heard(event, at or self.at)

    def shipped(self, after: timedelta = HOUR) -> OrderShipped:
        event = OrderShipped(**self.of_part, carrier="Own", tracking_number="1")
        return heard(event, self.at + after)

    def ready(self, after: timedelta = HOUR) -> OrderAdvanced:
        event = OrderAdvanced(**self.of_part, fulfilment="ready", pickup_id=uuid4())
        return heard(event, self.at + after)

    def delivered(self, after: timedelta = 20 * HOUR) -> OrderDelivered:
        event = OrderDelivered(**self.of_part, delivered_at=self.at + after)
        return heard(event, self.at + after)

    def cancelled(self, by: Any = "vendor", after: timedelta = 2 * HOUR) -> OrderCancelled:
        event = OrderCancelled(
            **self.of_part, kind="cancelled", reason="no", by=by, total=usd(5), lines=[]
        )
        return heard(event, self.at + after)

    def unpaid(self) -> OrderUnpaid:
        return heard(OrderUnpaid(**self.of_order, reason="no", total=usd(5), lines=[]), self.at)

    def returned(self, reason: Any, *states: Any, escalated: bool = False) -> list[Event]:
        same: dict[str, Any] = {
            "return_id": uuid4(), "number": "R-1", "order_id": self.order_id,
            "order_number": "H-1", "vendor_order_id": self.id, "vendor_id": self.vendor_id,
            "person_id": None,
        }  # fmt: skip
        asked = ReturnRequested(**same, kind="return", reason=reason, amount=usd(5))
        events: list[Event] = [heard(asked, self.at + 30 * HOUR)]
        for n, state in enumerate(states):
            update = ReturnUpdated(**same, state=state, escalated=escalated)
            events.append(heard(update, self.at + (31 + n) * HOUR))
        return events

    def disputed(self, *statuses: Any) -> list[Event]:
        id = uuid4()
        return [
            heard(
                PaymentDisputed(
                    dispute_id=id,
                    payment_id=uuid4(),
                    reference=self.order_id,
                    purpose="order",
                    provider="test",
                    amount=usd(5),
                    fee=usd(1),
                    reason="fraud",
                    status=status,
                )
            )
            for status in statuses
        ]


async def hear(service: PerformanceService, db: Database, *events: Event) -> None:
    """As the bus hands them over: each subscriber a batch in a transaction."""
    returns = [one for one in events if isinstance(one, ReturnRequested | ReturnUpdated)]
    disputes = [one for one in events if isinstance(one, PaymentDisputed)]
    rest = [one for one in events if one not in returns and one not in disputes]
    async with db.begin(system(clock())) as tx:
        await service.hear_orders(tx, cast(Any, rest))
        await service.hear_returns(tx, returns)
        await service.hear_disputes(tx, disputes)


async def counts(
    service: PerformanceService, vendor_id: UUID, at: SettableClock | None = None
) -> dict[str, int]:
    card = await service.of(system(at or clock()), vendor_id=vendor_id)
    window = card.windows[0]
    found = {one.measure: one.orders for one in window.figures}
    return {"orders": window.orders, **{name: n for name, n in found.items() if n}}


WHAT: dict[str, tuple[Any, dict[str, int]]] = {
    "in time": (lambda o: [o.created(), o.paid(), o.shipped()], {}),
    "ready to collect": (lambda o: [o.created(), o.paid(), o.ready(), o.delivered(50 * HOUR)], {}),
    "late": (lambda o: [o.created(), o.paid(), o.shipped(25 * HOUR)], {"late": 1}),
    "still not sent": (lambda o: [o.created(), o.paid()], {"late": 1}),
    "cancelled": (lambda o: [o.created(), o.paid(), o.cancelled()], {"cancelled": 1}),
    "cancelled too late": (
        lambda o: [o.created(), o.paid(), o.cancelled(after=30 * HOUR)],
        {"cancelled": 1},
    ),
    "by the customer": (lambda o: [o.created(), o.paid(), o.cancelled("customer")], {}),
    "by the customer, who waited": (
        lambda o: [o.created(), o.paid(), o.cancelled("customer", 30 * HOUR)],
        {"late": 1},
    ),
    "refused at the door": (
        lambda o: [o.created(), o.paid(), o.shipped(), o.cancelled(after=9 * HOUR)],
        {},
    ),
    "broken": (
        lambda o: [o.paid(), o.shipped(), *o.returned("damaged", "approved", "refunded")],
        {"faulty": 1},
    ),
    "does not like it": (
        lambda o: [o.paid(), o.shipped(), *o.returned("changed_mind", "approved", "refunded")],
        {},
    ),
    "not given back": (lambda o: [o.paid(), o.shipped(), *o.returned("damaged", "refused")], {}),
    "escalated": (
        lambda o: [o.paid(), o.shipped(), *o.returned("other", "requested", escalated=True)],
        {"disputed": 1},
    ),
    "decided for the vendor": (
        lambda o: [o.paid(), o.shipped(), *o.returned("other", "refused", escalated=True)],
        {},
    ),
    "charged back": (
        lambda o: [o.created(), o.paid(), o.shipped(), *o.disputed("open", "lost")],
        {"disputed": 1},
    ),
    "a chargeback that was won": (
        lambda o: [o.created(), o.paid(), o.shipped(), *o.disputed("open", "won")],
        {},
    ),
}


@pytest.mark.parametrize("name", WHAT)
async def test_what_counts_as_what(service: PerformanceService, db: Database, name: str) -> None:
    events, wanted = WHAT[name]
    order = Sold(uuid4())
    await hear(service, db, *events(order))
    assert await counts(service, order.vendor_id) == {"orders": 1, **wanted}


async def test_what_does_not_count_at_all(service: PerformanceService, db: Database) -> None:
    vendor = uuid4()
    waits, failed, cash = Sold(vendor), Sold(vendor), Sold(vendor, cash=True)
    await hear(service, db, waits.created(), failed.created(), failed.unpaid())
    await hear(service, db, cash.created(), cash.unpaid())
    await hear(service, db, Sold(vendor, NOON - 40 * DAY).paid())
    assert await counts(service, vendor) == {"orders": 0}


async def test_cash_begins_when_it_is_ordered(service: PerformanceService, db: Database) -> None:
    order = Sold(uuid4(), cash=True)
    await hear(service, db, order.created(), order.shipped(), order.paid(NOON))
    assert await counts(service, order.vendor_id) == {"orders": 1}
    [row] = (await service.kept(system(clock()), ids=[order.id])).values()
    assert (row.begun, row.ship_by, row.parts) == (True, order.at + DAY, 1)


async def test_nobody_knows_whose_goods_a_chargeback_is_about(
    service: PerformanceService, db: Database
) -> None:
    order = Sold(uuid4(), parts=2)
    await hear(service, db, order.created(), order.paid(), order.shipped(), *order.disputed("open"))
    assert await counts(service, order.vendor_id) == {"orders": 1}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), name=st.sampled_from(sorted(WHAT)))
async def test_any_order_and_any_repetition_count_the_same(
    service: PerformanceService, db: Database, data: st.DataObject, name: str
) -> None:
    """Each event twice or thrice, shuffled, in batches cut anywhere."""
    events, wanted = WHAT[name]
    order = Sold(uuid4())
    once: list[Event] = events(order)
    again = once + data.draw(st.lists(st.sampled_from(once), max_size=6))
    shuffled = data.draw(st.permutations(again))
    cut = data.draw(st.integers(0, len(shuffled)))
    await hear(service, db, *shuffled[:cut])
    await hear(service, db, *shuffled[cut:])
    assert await counts(service, order.vendor_id) == {"orders": 1, **wanted}


@given(
    count=st.integers(0, 10_000), orders=st.integers(1, 10_000), threshold=st.integers(0, 10_000)
)
def test_exceeding_is_exact(count: int, orders: int, threshold: int) -> None:
    policy = Policy(orders_min=1, cases_min=1, late_bp=threshold)
    numbers = {"orders": orders, "late": count, "cancelled": 0, "faulty": 0, "disputed": 0}
    late = rules.window(policy, 30, numbers).figures[0]
    assert late.exceeded == (count / orders > threshold / 10_000)
    assert abs(late.share_bp - count * 10_000 / orders) <= 0.5


async def told(db: Database) -> list[str]:
    rows = await db.fetch("SELECT type FROM performance.outbox ORDER BY seq")
    return [row["type"] for row in rows]


async def test_a_fall_and_a_recovery_are_told_once(
    service: PerformanceService, db: Database
) -> None:
    vendor, at = uuid4(), clock()
    good = [Sold(vendor) for _ in range(9)]
    await hear(service, db, *(event for one in good for event in (one.paid(), one.shipped())))
    await hear(service, db, Sold(vendor).paid(), Sold(vendor).paid())
    await service.judge(system(at))
    assert await told(db) == []  # two may be chance
    await hear(service, db, Sold(vendor).paid())
    at.advance(timedelta(minutes=20))
    await asyncio.gather(*(service.judge(system(at)) for _ in range(4)))
    assert await told(db) == ["vendor.fell_below"]
    [short] = (await service.queue(system(at))).items
    assert (short.vendor_id, short.below, short.since) == (vendor, ["late"], at.now())
    at.advance(timedelta(minutes=20))
    await service.judge(system(at))
    assert await told(db) == ["vendor.fell_below"]
    await service.set_policy(system(at), policy=Policy(late_bp=3000))
    await asyncio.gather(*(service.judge(system(at)) for _ in range(4)))
    assert await told(db) == ["vendor.fell_below", "vendor.recovered"]
    assert (await service.queue(system(at))).items == []
    assert (await service.of(system(at), vendor_id=vendor)).below == []


async def test_too_few_orders_are_not_judged(service: PerformanceService, db: Database) -> None:
    vendor = uuid4()
    await hear(service, db, *(Sold(vendor).paid() for _ in range(9)))
    assert await service.judge(system(clock())) == 1
    assert await told(db) == []
    card = await service.of(system(clock()), vendor_id=vendor)
    assert (card.windows[0].judged, card.windows[0].figures[0].share_bp) == (False, 10_000)


async def test_what_is_late_becomes_so_by_the_clock(
    service: PerformanceService, db: Database
) -> None:
    at, vendor = clock(), uuid4()
    await hear(service, db, *(Sold(vendor, NOON).paid() for _ in range(10)))
    assert await counts(service, vendor, at) == {"orders": 10}
    await service.judge(system(at))
    at.advance(DAY + HOUR)
    assert await counts(service, vendor, at) == {"orders": 10, "late": 10}
    await service.judge(system(at))
    assert await told(db) == ["vendor.fell_below"]
    at.advance(40 * DAY)  # none of them is of the last 30 days any more
    await service.judge(system(at))
    assert await told(db) == ["vendor.fell_below", "vendor.recovered"]


async def _listed(
    service: PerformanceService, ctx: Context, vendor_id: UUID, measure: Measure
) -> list[UUID]:
    found: list[UUID] = []
    cursor: str | None = None
    while True:
        page = await service.own_orders(
            ctx, vendor_id=vendor_id, measure=measure, days=90, limit=2, cursor=cursor
        )
        found += [one.vendor_order_id for one in page.items]
        cursor = page.next
        if cursor is None:
            return found


async def test_windows_days_and_the_orders_that_counted(
    service: PerformanceService, db: Database
) -> None:
    vendor, at = uuid4(), clock()
    sold = [Sold(vendor, NOON - n * DAY) for n in (2, 5, 29, 30, 60, 89, 90)]
    await hear(service, db, *(one.paid() for one in sold))
    me = person(at, vendor=vendor, scopes=["vendor:analytics"])
    card = await service.own(me, vendor_id=vendor)
    assert [one.orders for one in card.windows] == [3, 6]
    assert [one.days for one in card.windows] == [30, 90]
    assert sum(day.late for day in card.days) == card.windows[1].figures[0].orders == 6
    assert await _listed(service, me, vendor, "late") == [one.id for one in sold[:6]]
    assert await _listed(service, me, vendor, "cancelled") == []


async def test_over_rest(service: PerformanceService, db: Database) -> None:
    vendor, at = uuid4(), clock()
    await hear(service, db, *(Sold(vendor).paid() for _ in range(12)))
    await service.judge(system(at))
    rest = Rest(at, {Performance: service}, router)
    own = f"/vendors/{vendor}/performance"
    me = rest.client(person(at, vendor=vendor, scopes=["vendor:analytics"]))
    assert (await me.get(own)).json()["below"] == ["late"]
    [late, *_] = (await me.get(f"{own}/orders", params={"measure": "late"})).json()["items"]
    assert late["countsAs"] == ["late"]
    for wrong in ("", "?measure=x", "?measure=late&days=31"):
        assert (await me.get(f"{own}/orders{wrong}")).status_code == 422
    other = rest.client(person(at, vendor=uuid4(), scopes=["vendor:analytics"]))
    assert (await other.get(own)).status_code == 404
    assert (await rest.client().get(own)).status_code == 401
    public = (await rest.client().get(f"/vendors/{vendor}/stats")).json()
    assert (public["orders"], public["inTimeBp"], public["sales"]) == (12, 0, None)
    inside = (await me.get(f"/vendors/{vendor}/stats")).json()
    assert inside["performance"]["orders"] == 12
    assert inside["sales"] == {
        "vendorOrders": 0,
        "gross": {"minor": 0, "currency": "USD"},
        "net": {"minor": 0, "currency": "USD"},
    }
    staff = rest.client(person(at, scopes=["staff", "staff:vendors"]))
    assert len((await staff.get("/admin/vendor-performance")).json()["items"]) == 1
    assert (await staff.get(f"/admin/vendors/{vendor}/performance")).json()["vendorId"] == str(
        vendor
    )
    policy = "/admin/vendor-performance/policy"
    assert (await staff.get(policy)).json()["lateBp"] == 400
    assert (await staff.put(policy, json={"lateBp": 1})).status_code == 403
    admin = rest.client(person(at, scopes=["staff", "staff:settings", "staff:vendors"]))
    refused = await admin.put(policy, json={"lateBp": 10_001, "days": 60})
    assert {one["path"] for one in refused.json()["errors"]} == {"lateBp", "days"}
    assert (await admin.put(policy, json={"lateBp": 10_000})).json()["lateBp"] == 10_000
    await service.judge(system(at))
    assert (await staff.get("/admin/vendor-performance")).json()["items"] == []
