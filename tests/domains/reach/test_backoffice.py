"""What staff see first."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.reach.backoffice.api import Backoffice
from haat.domains.reach.backoffice.routes import router
from haat.domains.reach.backoffice.rules import DAYS_SHOWN, chart, counted
from haat.domains.reach.backoffice.service import BackofficeService
from haat.domains.trade.orders.api import OrderCreated, OrderPaid
from haat.engines.sql import Database
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import NOON, Rest, clock, guest, person, system
from tests.domains.reach.doubles import (
    FakeCatalog,
    FakeLedger,
    FakeLetters,
    FakeMarket,
    FakeOrders,
    FakePayouts,
    FakeVendors,
    heard,
    usd,
)


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("backoffice")
    for table in ("days", "vendors"):
        await db.execute(f"DELETE FROM backoffice.{table}")
    return db


@pytest.fixture
def backoffice(db: Database) -> BackofficeService:
    return BackofficeService(
        db,
        FakeLetters(),
        FakeMarket(),
        FakeCatalog(),
        FakeLedger(),
        FakePayouts(),
        FakeVendors(),
        FakeOrders(),
    )


def created(minor: int, days_ago: int = 0) -> OrderCreated:
    at = NOON - timedelta(days=days_ago)
    event = OrderCreated(
        order_id=uuid4(), number="H-1", person_id=None, total=usd(minor), vendor_orders=[]
    )
    return heard(event, at)


def paid(minor: int, days_ago: int = 0) -> OrderPaid:
    event = OrderPaid(
        order_id=uuid4(), number="H-1", person_id=None, total=usd(minor), vendor_orders=[]
    )
    return heard(event, NOON - timedelta(days=days_ago))


async def count(
    service: BackofficeService, db: Database, *events: OrderCreated | OrderPaid
) -> None:
    async with db.begin(system(clock())) as tx:
        await service.count(tx, events)


async def test_the_overview(backoffice: BackofficeService, db: Database) -> None:
    empty = await backoffice.overview(system(clock()))
    assert (empty.orders_today, empty.sales_today, empty.vendors_active) == (0, usd(0), 0)
    await count(backoffice, db, created(500), paid(500), created(900), paid(300, 1), created(1, 40))
    await count(backoffice, db, created(1), paid(100))
    found = await backoffice.overview(system(clock()))
    assert (found.orders_today, found.sales_today) == (3, usd(600))
    assert len(found.days) == DAYS_SHOWN
    assert [(day.orders, day.total.minor) for day in found.days[-2:]] == [(0, 300), (3, 600)]
    assert found.days[-1].day == NOON.date().isoformat()
    assert (found.products_pending, found.payouts_requested, found.dead_letters) == (130, 2, 1)
    assert found.commission_total == usd(4321)


async def test_counting_at_once(backoffice: BackofficeService, db: Database) -> None:
    rounds = (count(backoffice, db, paid(10, n % 3), created(10, (n + 1) % 3)) for n in range(12))
    await asyncio.gather(*rounds)
    found = await backoffice.overview(system(clock()))
    assert sum(day.total.minor for day in found.days) == 120
    assert sum(day.orders for day in found.days) == 12


async def test_where_vendors_stand(backoffice: BackofficeService, db: Database) -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    applied = [VendorApplied(vendor_id=id, person_id=uuid4(), name="x") for id in (one, two, three)]
    approved = VendorApproved(vendor_id=one, slug="x", name="x", country="US")
    async with db.begin(system(clock())) as tx:
        await backoffice.stand(tx, applied)
        await backoffice.stand(tx, [approved])
        await backoffice.stand(tx, [VendorRejected(vendor_id=two, reason="no")])
    found = await backoffice.overview(system(clock()))
    assert (found.vendors_active, found.vendors_pending) == (1, 1)
    async with db.begin(system(clock())) as tx:
        await backoffice.stand(tx, [VendorSuspended(vendor_id=one, reason="no")])
    assert (await backoffice.stats(guest(clock()))).vendors == 0
    async with db.begin(system(clock())) as tx:
        await backoffice.stand(tx, [VendorReinstated(vendor_id=one)])
    assert (await backoffice.stats(guest(clock()))).vendors == 1


async def test_over_rest(backoffice: BackofficeService, db: Database) -> None:
    await count(backoffice, db, created(500))
    rest = Rest(clock(), {Backoffice: backoffice}, router)
    assert (await rest.client().get("/marketplace/stats")).json() == {
        "vendors": 0,
        "products": 7,
        "orders": 1,
    }
    assert (await rest.client().get("/admin/overview")).status_code == 401
    customer = rest.client(person(clock()))
    assert (await customer.get("/admin/overview")).status_code == 403
    support = rest.client(person(clock(), scopes=["staff"]))
    assert (await support.get("/admin/overview")).json()["ordersToday"] == 1
    assert (await support.get("/admin/dead-letters")).status_code == 403
    admin = rest.client(person(clock(), scopes=["staff", "staff:settings"]))
    letters = (await admin.get("/admin/dead-letters")).json()
    assert letters["items"][0]["subscriber"] == "search.listings_changed"
    assert (await admin.post("/admin/dead-letters/7/replay")).status_code == 204
    assert (await admin.delete("/admin/dead-letters/7")).status_code == 404
    assert (await admin.post("/admin/dead-letters/7/discard")).status_code == 404
    for wrong in ("0", "-1", "abc", str(1 << 63)):
        assert (await admin.post(f"/admin/dead-letters/{wrong}/replay")).status_code == 422


def test_days_in_order_and_zero_where_nothing_was() -> None:
    found = counted([paid(5), created(1, 2), created(1), paid(7)])
    assert list(found.values()) == [(1, 0), (1, 12)]
    days = chart({}, NOON, "USD")
    assert [day.day for day in days] == sorted(day.day for day in days)
    assert {day.total for day in days} == {usd(0)}
