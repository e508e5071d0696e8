"""Shipping on PostgreSQL: a vendor's methods, rates in one batch, shipments sent once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.people.vendors.api import Vendor, VendorApproved, Vendors
from haat.domains.trade.shipping import reactions, rules
from haat.domains.trade.shipping.api import (
    Band,
    MethodsFull,
    NoShipping,
    Parcel,
    Shipment,
    ShipmentDelivered,
    ShippingMethod,
)
from haat.domains.trade.shipping.service import METHODS_MAX, ShippingService
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    CLOCK,
    FakeMarket,
    emitted,
    eur,
    guest,
    ids,
    staff,
    system,
    vendor,
)


class FakeVendors(Vendors):
    """Knows every vendor but one."""

    unknown = UUID(int=1)

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return [
            Vendor(id=id, slug="v", name="V", status="active", country="BD", created_at=ctx.now())
            for id in ids
            if id != self.unknown
        ]


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("shipping")


@pytest.fixture
def shipping(db: Database) -> ShippingService:
    return ShippingService(db, FakeMarket(), FakeVendors(), open_cache("memory://"))


def method(vendor_id: UUID, price: int = 700, **given: Any) -> ShippingMethod:
    return ShippingMethod(
        **{
            "id": ids.new(), "vendor_id": vendor_id, "name": "Express",
            "bands": [Band(price=eur(price))], **given,
        }
    )  # fmt: skip


def parcel(vendor_id: UUID, weight_g: int = 100, goods: int = 1000, country: str = "BD") -> Parcel:
    return Parcel(vendor_id=vendor_id, weight_g=weight_g, goods=eur(goods), country=country)


async def book(shipping: ShippingService, vendor_id: UUID, **given: Any) -> Shipment:
    return await shipping.book(
        system,
        **{
            "id": ids.new(), "vendor_order_id": ids.new(), "vendor_id": vendor_id,
            "carrier": "DHL", **given,
        },
    )  # fmt: skip


async def test_an_approved_vendor_can_ship(shipping: ShippingService) -> None:
    shop = ids.new()
    before = await shipping.options(system, parcels=[parcel(shop)])
    told = [VendorApproved(vendor_id=shop, slug="s", name="S", country="BD")]
    for _ in range(2):
        await reactions.approved(shipping, system, told)
    after = await shipping.options(system, parcels=[parcel(shop)])
    assert before == after
    (only,) = after[0].options
    assert (only.name, only.price, only.method_id) == (
        "Standard", eur(490), rules.standard(shop, "EUR").id,
    )  # fmt: skip
    assert [m.id for m in await shipping.methods(guest, vendor_id=shop)] == [only.method_id]


async def test_options_come_per_parcel_in_order_cheapest_first(shipping: ShippingService) -> None:
    one, two = ids.new(), ids.new()
    table = [
        Band(weight_g_max=1000, price=eur(300)), Band(weight_g_max=5000, price=eur(900)),
    ]  # fmt: skip
    await shipping.save_method(vendor(one), method=method(one, bands=table, name="Post"))
    await shipping.save_method(vendor(one), method=method(one, 800))
    await shipping.save_method(vendor(one), method=method(one, 100, active=False))
    asked = [parcel(two), parcel(one), parcel(one, weight_g=2000), parcel(one, weight_g=6000)]
    found = await shipping.options(system, parcels=asked)
    assert [f.vendor_id for f in found] == [two, one, one, one]
    assert [[(o.name, o.price.minor) for o in f.options] for f in found[1:]] == [
        [("Post", 300), ("Express", 800)],
        [("Express", 800), ("Post", 900)],
        [("Express", 800)],
    ]


async def test_methods_are_known_in_every_process_and_old_in_none(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, fetch, asked = open_cache("memory://"), db.fetch, list[str]()
    here, there = (ShippingService(db, FakeMarket(), FakeVendors(), cache) for _ in range(2))
    one, two = ids.new(), ids.new()

    async def fetching(sql: str, *args: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, *args)

    async def cheapest(shipping: ShippingService) -> list[int]:
        found = await shipping.rates(guest, parcels=[parcel(one), parcel(two)])
        return [each.options[0].price.minor for each in found]

    monkeypatch.setattr(db, "fetch", fetching)
    for service in (here, there):
        assert await cheapest(service) == [490, 490]  # nobody has a method: the one they will have
    post = method(one, 300)
    for price in (300, 200):
        changed = post.model_copy(update={"bands": [Band(price=eur(price))]})
        await here.save_method(vendor(one), method=changed)
        asked.clear()
        for service in (here, there, here, there):
            assert await cheapest(service) == [price, 490]
        assert len(asked) == 2
    told = VendorApproved(vendor_id=two, slug="s", name="S", country="BD")
    await reactions.approved(there, system, [told])
    assert await cheapest(here) == [200, 490]


async def test_no_way_to_a_country_is_named(shipping: ShippingService) -> None:
    near, far = ids.new(), ids.new()
    await shipping.save_method(vendor(near), method=method(near, countries=["BD", "IN", "BD"]))
    await shipping.save_method(vendor(far), method=method(far))
    asked = [parcel(far, country="US"), parcel(near, country="US")]
    with pytest.raises(NoShipping) as refused:
        await shipping.options(system, parcels=asked)
    assert refused.value.data == {"vendors": [str(near)]}
    rates = await shipping.rates(guest, parcels=asked)
    assert [len(one.options) for one in rates] == [1, 0]


async def test_free_from_an_amount_on(shipping: ShippingService) -> None:
    shop = ids.new()
    await shipping.save_method(vendor(shop), method=method(shop, free_from=eur(5000)))
    asked = [parcel(shop, goods=4999), parcel(shop, goods=5000)]
    found = await shipping.options(system, parcels=asked)
    assert [f.options[0].price.minor for f in found] == [700, 0]


async def test_methods_are_the_vendors_own(shipping: ShippingService) -> None:
    shop = ids.new()
    mine = method(shop)
    saved = await shipping.save_method(vendor(shop), method=mine)
    assert saved == mine == await shipping.save_method(vendor(shop), method=mine)
    rival = ids.new()
    for ctx, given in (
        (vendor(rival), mine),
        (vendor(rival), mine.model_copy(update={"vendor_id": rival, "name": "Mine now"})),
    ):
        with pytest.raises(NotFound):
            await shipping.save_method(ctx, method=given)
    assert await shipping.methods(guest, vendor_id=shop) == [mine]
    off = mine.model_copy(update={"active": False})
    with pytest.raises(NotFound):
        await shipping.save_method(staff(), method=off)
    await shipping.save_method(vendor(shop), method=off)
    assert await shipping.methods(guest, vendor_id=shop) == []
    assert await shipping.methods(vendor(shop), vendor_id=shop) == [off]
    with pytest.raises(NotFound):
        await shipping.methods(guest, vendor_id=FakeVendors.unknown)


async def test_methods_are_bounded(shipping: ShippingService) -> None:
    shop = ids.new()
    made = [method(shop) for _ in range(METHODS_MAX)]
    for one in made:
        await shipping.save_method(vendor(shop), method=one)
    with pytest.raises(MethodsFull):
        await shipping.save_method(vendor(shop), method=method(shop))
    await shipping.save_method(vendor(shop), method=made[3])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"bands": [Band(price=eur(1)), Band(price=eur(2))]}, "bands.0.weightGMax"),
        (
            {"bands": [Band(weight_g_max=9, price=eur(1)), Band(weight_g_max=9, price=eur(2))]},
            "bands.1.weightGMax",
        ),
        ({"bands": [Band(price=eur(-1))]}, "bands.0.price"),
        (
            {"bands": [Band(price=eur(1).model_copy(update={"currency": "USD"}))]},
            "bands.0.price",
        ),
        ({"free_from": eur(-1)}, "freeFrom"),
        ({"days_min": 9, "days_max": 3}, "daysMax"),
    ],
)
async def test_bad_methods_name_the_field(
    shipping: ShippingService, change: dict[str, Any], path: str
) -> None:
    shop = ids.new()
    with pytest.raises(Invalid) as refused:
        await shipping.save_method(vendor(shop), method=method(shop, **change))
    assert [one.path for one in refused.value.fields] == [path]


async def test_a_shipment_is_booked_once(shipping: ShippingService, db: Database) -> None:
    shop, id, part = ids.new(), ids.new(), ids.new()
    booked = await asyncio.gather(
        *(book(shipping, shop, id=id, vendor_order_id=part, carrier=f"C{n}") for n in range(4))
    )
    assert len({one.carrier for one in booked}) == 1
    assert booked[0].tracking_number.startswith("HT")
    assert booked[0].status == "in_transit"
    events = await emitted(db, part, "shipping.status.updated")
    assert [event["status"] for event in events] == ["in_transit"]
    assert await shipping.shipments_of(system, vendor_order_ids=[part, ids.new()]) == [booked[0]]
    found = await shipping.track(guest, tracking_number=f" {booked[0].tracking_number} ")
    assert found == booked[0]


async def test_delivered_once(shipping: ShippingService, db: Database) -> None:
    one = await book(shipping, ids.new(), tracking_number="T-1")
    CLOCK.advance(timedelta(days=1))
    at = CLOCK.now()
    for _ in range(2):
        (done,) = await shipping.deliver(system, vendor_order_id=one.vendor_order_id)
        assert (done.status, done.delivered_at) == ("delivered", at)
        CLOCK.advance(timedelta(days=1))
    events = await emitted(db, one.vendor_order_id, "shipping.status.updated")
    assert [event["status"] for event in events] == ["in_transit", "delivered"]
    with pytest.raises(ShipmentDelivered):
        await shipping.cancel(system, id=one.id)
    assert await shipping.deliver(system, vendor_order_id=ids.new()) == []


async def test_cancelled_once(shipping: ShippingService, db: Database) -> None:
    one = await book(shipping, ids.new(), tracking_number="T-2")
    await asyncio.gather(*(shipping.cancel(system, id=one.id) for _ in range(3)))
    await shipping.cancel(system, id=ids.new())
    events = await emitted(db, one.vendor_order_id, "shipping.status.updated")
    assert [event["status"] for event in events] == ["in_transit", "cancelled"]
    assert await shipping.deliver(system, vendor_order_id=one.vendor_order_id) == []
    with pytest.raises(NotFound):
        await shipping.track(guest, tracking_number="T-2")


async def test_shipments_are_the_vendors_own(shipping: ShippingService) -> None:
    shop = ids.new()
    made = []
    for _ in range(3):
        made.append(await book(shipping, shop))
        CLOCK.advance(timedelta(seconds=1))
    first = await shipping.shipments(vendor(shop), vendor_id=shop, limit=2)
    rest = await shipping.shipments(vendor(shop), vendor_id=shop, limit=2, cursor=first.next)
    assert [*first.items, *rest.items] == made[::-1]
    assert rest.next is None
    assert await shipping.shipment(vendor(shop), id=made[0].id) == made[0]
    assert await shipping.shipment(staff(), id=made[0].id) == made[0]
    rival = vendor(ids.new())
    with pytest.raises(NotFound):
        await shipping.shipments(rival, vendor_id=shop)
    for ctx, id in ((rival, made[0].id), (vendor(shop), ids.new())):
        with pytest.raises(NotFound):
            await shipping.shipment(ctx, id=id)
    with pytest.raises(NotFound):
        await shipping.track(guest, tracking_number="unknown")
