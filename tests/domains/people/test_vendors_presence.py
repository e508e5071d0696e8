import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.media.api import Media
from haat.domains.people.vendors.api import (
    Absence,
    AbsenceInvalid,
    Application,
    Hours,
    Place,
    PlacesFull,
    Policies,
    Preferences,
    Span,
    TermsStanding,
    Vendor,
    VendorChange,
    Vendors,
    WrongVendorState,
)
from haat.domains.people.vendors.presence_routes import router
from haat.domains.people.vendors.service import VendorsService
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    NOON,
    FakeIdentity,
    FakeMedia,
    Rest,
    clock,
    guest,
    outbox,
    person,
    system,
)

FARM = Application(name="Green Farm", country="DE", contact_email="farm@example.com")
SHOP = Place(name="Farm shop", line1="Field 1", city="Hamm", country="DE")
WEEK = Hours(timezone="UTC", week=[[Span(opens="09:00", closes="17:00")]] * 7)
DAY = timedelta(days=1)


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("vendors")
    await db.execute("DELETE FROM vendors.places")
    await db.execute("DELETE FROM vendors.vendors")
    await db.execute("DELETE FROM vendors.outbox")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def vendors(db: Database) -> VendorsService:
    return VendorsService(db, FakeIdentity(), FakeMedia(), open_cache("memory://"))


async def active(vendors: VendorsService, at: SettableClock, name: str = "Green Farm") -> Vendor:
    application = FARM.model_copy(update={"name": name})
    vendor = await vendors.apply(person(at), id=uuid4(), application=application)
    return await vendors.decide(system(at), id=vendor.id, decision="approve")


def owner(at: SettableClock, vendor: Vendor) -> Context:
    return person(at, vendor=vendor.id, scopes=["vendor:profile"])


async def told(db: Database) -> list[str]:
    return [name for name, _ in await outbox(db)]


async def test_what_a_vendor_says_of_itself(vendors: VendorsService, at: SettableClock) -> None:
    vendor = await active(vendors, at)
    me = owner(at, vendor)
    await vendors.set_hours(me, vendor_id=vendor.id, hours=WEEK)
    policies = Policies(returns="30 days\r\nfree", shipping="By bike")
    await vendors.set_policies(me, vendor_id=vendor.id, policies=policies)
    change = VendorChange(
        support_email="Help@Example.com", support_phone=" +49  1 ", business_type="company"
    )
    await vendors.change(me, id=vendor.id, change=change)
    shown = await vendors.presence(guest(at), vendor_id=vendor.id)
    assert (shown.open_now, shown.changes_at) == (True, NOON + timedelta(hours=5))
    assert shown.policies.returns == "30 days\nfree"
    found = await vendors.find(guest(at), slug=vendor.slug)
    assert (found.support_email, found.support_phone) == ("Help@example.com", "+49 1")
    assert found.business_type == "company"
    at.advance(timedelta(hours=6))
    assert (await vendors.presence(guest(at), vendor_id=vendor.id)).open_now is False
    none = await vendors.set_hours(me, vendor_id=vendor.id, hours=None)
    assert (none.open_now, none.changes_at) == (None, None)
    await vendors.change(me, id=vendor.id, change=VendorChange(support_email="", support_phone=""))
    assert (await vendors.find(guest(at), slug=vendor.slug)).support_email == ""
    with pytest.raises(Invalid):
        await vendors.change(me, id=vendor.id, change=VendorChange(support_email="nowhere"))
    with pytest.raises(NotFound):
        await vendors.set_hours(person(at, vendor=uuid4()), vendor_id=vendor.id, hours=WEEK)


async def test_places(vendors: VendorsService, at: SettableClock) -> None:
    vendor, other = await active(vendors, at), await active(vendors, at, "Other")
    me, first = owner(at, vendor), uuid4()
    await vendors.save_place(me, id=first, vendor_id=vendor.id, place=SHOP)
    moved = SHOP.model_copy(update={"latitude": 51.7, "longitude": 7.8, "kind": "pickup"})
    await vendors.save_place(me, id=first, vendor_id=vendor.id, place=moved)
    [shown] = (await vendors.presence(guest(at), vendor_id=vendor.id)).places
    assert (shown.id, shown.latitude, shown.kind) == (first, 51.7, "pickup")
    with pytest.raises(NotFound):
        await vendors.save_place(owner(at, other), id=first, vendor_id=other.id, place=SHOP)
    wrong: tuple[dict[str, Any], ...] = ({"latitude": 1.0}, {"city": "  "}, {"line1": "a\0"})
    for given in wrong:
        place = SHOP.model_copy(update=given)
        with pytest.raises(Invalid):
            await vendors.save_place(me, id=uuid4(), vendor_id=vendor.id, place=place)
    results = await asyncio.gather(
        *(vendors.save_place(me, id=uuid4(), vendor_id=vendor.id, place=SHOP) for _ in range(52)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, PlacesFull) for one in results) == 3
    await vendors.remove_place(owner(at, other), id=first, vendor_id=other.id)
    await vendors.remove_place(me, id=first, vendor_id=vendor.id)
    places = (await vendors.presence(guest(at), vendor_id=vendor.id)).places
    assert len(places) == 49
    assert first not in {one.id for one in places}


async def test_preferences(vendors: VendorsService, at: SettableClock) -> None:
    vendor = await active(vendors, at)
    me = owner(at, vendor)
    assert await vendors.preferences(me, vendor_id=vendor.id) == Preferences()
    wanted = Preferences(handling_hours=12)
    await vendors.set_preferences(me, vendor_id=vendor.id, preferences=wanted)
    assert await vendors.preferences(me, vendor_id=vendor.id) == wanted
    # Everybody is told, also by a copy that was read before.
    assert (await vendors.find(guest(at), slug=vendor.slug)).handling_hours == 12
    assert [one.handling_hours for one in await vendors.by_ids(guest(at), ids=[vendor.id])] == [12]


async def test_an_absence_begins_and_ends_by_itself(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    me = owner(at, vendor)
    wanted = Absence(since=NOON + DAY, until=NOON + 3 * DAY, message="At sea", hidden=True)
    await told(db)
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=wanted)
    await vendors.turn_absences(system(at))
    assert await told(db) == []
    assert (await vendors.find(guest(at), slug=vendor.slug)).away is None
    at.advance(DAY)
    await asyncio.gather(*(vendors.turn_absences(system(at)) for _ in range(3)))
    assert await told(db) == ["vendor.away"]
    assert (await vendors.find(guest(at), slug=vendor.slug)).away == wanted
    assert (await vendors.by_ids(guest(at), ids=[vendor.id]))[0].away == wanted
    at.advance(2 * DAY)
    await asyncio.gather(*(vendors.turn_absences(system(at)) for _ in range(3)))
    assert await told(db) == ["vendor.back"]
    assert (await vendors.find(guest(at), slug=vendor.slug)).away is None
    assert await vendors.absence(me, vendor_id=vendor.id) is None


async def test_an_absence_from_now_on(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    me = owner(at, vendor)
    await told(db)
    now = Absence(since=NOON)
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=now)
    hidden = now.model_copy(update={"hidden": True})
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=hidden)
    later = Absence(since=NOON + DAY)
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=later)
    assert [(name, data.get("hidden")) for name, data in await outbox(db)] == [
        ("vendor.away", False), ("vendor.away", True), ("vendor.back", None),
    ]  # fmt: skip
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=now)
    for _ in range(2):
        await vendors.end_absence(me, vendor_id=vendor.id)
    assert await told(db) == ["vendor.away", "vendor.back"]
    for bad in (Absence(since=NOON, until=NOON), Absence(since=NOON - DAY, until=NOON)):
        with pytest.raises(AbsenceInvalid):
            await vendors.plan_absence(me, vendor_id=vendor.id, absence=bad)


async def test_suspension_and_absence_do_not_undo_each_other(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    me, desk = owner(at, vendor), system(at)
    away = Absence(since=NOON, until=NOON + DAY, hidden=True)
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=away)
    await vendors.decide(desk, id=vendor.id, decision="suspend", reason="Fakes")
    await told(db)
    await vendors.decide(desk, id=vendor.id, decision="reinstate")
    assert await told(db) == ["vendor.reinstated", "vendor.away"]
    await vendors.decide(desk, id=vendor.id, decision="suspend", reason="Fakes")
    await told(db)
    at.advance(2 * DAY)
    await vendors.turn_absences(system(at))
    assert await told(db) == []  # who is suspended does not come back by coming home
    await vendors.decide(desk, id=vendor.id, decision="reinstate")
    assert await told(db) == ["vendor.reinstated"]
    new = FARM.model_copy(update={"name": "New"})
    pending = await vendors.apply(person(at), id=uuid4(), application=new)
    with pytest.raises(WrongVendorState):
        await vendors.plan_absence(
            owner(at, pending), vendor_id=pending.id, absence=Absence(since=NOON)
        )


def stands(vendor: Vendor, *, needed: int = 0, accepted: int = 0) -> list[TermsStanding]:
    return [TermsStanding(vendor_id=vendor.id, needed=needed, accepted=accepted)]


async def test_listings_are_held_back(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    me = owner(at, vendor)
    await vendors.find(guest(at), slug=vendor.slug)  # a copy is kept
    await told(db)
    held = stands(vendor, needed=2, accepted=1)
    await asyncio.gather(*(vendors.follow_terms(system(at), standings=held) for _ in range(3)))
    assert [(name, data.get("hidden")) for name, data in await outbox(db)] == [
        ("vendor.held", None), ("vendor.away", True),
    ]  # fmt: skip
    assert (await vendors.find(me, slug=vendor.slug)).listings_held
    assert not (await vendors.find(guest(at), slug=vendor.slug)).listings_held  # nobody's business
    accepted = stands(vendor, accepted=2)
    await asyncio.gather(*(vendors.follow_terms(system(at), standings=accepted) for _ in range(3)))
    assert await told(db) == ["vendor.released", "vendor.back"]
    await vendors.follow_terms(system(at), standings=held)  # comes late
    assert await told(db) == []


async def test_who_accepted_first_is_never_held(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    await told(db)
    await vendors.follow_terms(system(at), standings=stands(vendor, accepted=3))
    await vendors.follow_terms(system(at), standings=stands(vendor, needed=3))
    assert await told(db) == []


async def test_being_held_suspended_and_away_do_not_undo_each_other(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    me, desk = owner(at, vendor), system(at)
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=Absence(since=NOON))
    await told(db)
    await vendors.follow_terms(desk, standings=stands(vendor, needed=1))
    assert [(name, data.get("hidden")) for name, data in await outbox(db)] == [
        ("vendor.held", None), ("vendor.away", True),
    ]  # fmt: skip
    await vendors.end_absence(me, vendor_id=vendor.id)  # home, and held all the same
    assert await told(db) == ["vendor.away"]
    await vendors.decide(desk, id=vendor.id, decision="suspend", reason="Fakes")
    await told(db)
    await vendors.decide(desk, id=vendor.id, decision="reinstate")
    assert await told(db) == ["vendor.reinstated", "vendor.away"]
    await vendors.plan_absence(me, vendor_id=vendor.id, absence=Absence(since=NOON))
    await told(db)
    await vendors.follow_terms(desk, standings=stands(vendor, accepted=1))
    assert [(name, data.get("hidden")) for name, data in await outbox(db)] == [
        ("vendor.released", None), ("vendor.away", False),
    ]  # fmt: skip
    await vendors.decide(desk, id=vendor.id, decision="suspend", reason="Fakes")
    await told(db)
    await vendors.follow_terms(desk, standings=stands(vendor, needed=2))
    assert await told(db) == ["vendor.held"]


async def test_closing(vendors: VendorsService, at: SettableClock, db: Database) -> None:
    vendor = await active(vendors, at)
    me = owner(at, vendor)
    await told(db)
    await asyncio.gather(*(vendors.close(me, vendor_id=vendor.id) for _ in range(3)))
    assert await told(db) == ["vendor.closing"]
    with pytest.raises(NotFound):
        await vendors.find(guest(at), slug=vendor.slug)
    assert await vendors.closing(system(at), limit=10) == [vendor.id]
    await vendors.stay_open(me, vendor_id=vendor.id)
    assert await told(db) == ["vendor.reinstated"]
    with pytest.raises(WrongVendorState):
        await vendors.end(system(at), vendor_id=vendor.id)
    await vendors.close(me, vendor_id=vendor.id)
    ended = await asyncio.gather(*(vendors.end(system(at), vendor_id=vendor.id) for _ in range(3)))
    assert sorted(ended) == [False, False, True]
    assert await told(db) == ["vendor.closing", "vendor.closed"]
    assert (await vendors.find(me, slug=vendor.slug)).status == "closed"
    for call in (vendors.close, vendors.stay_open):
        with pytest.raises(WrongVendorState):
            await call(me, vendor_id=vendor.id)
    again = await vendors.apply(
        person(at), id=uuid4(), application=FARM.model_copy(update={"name": "Green  farm!"})
    )
    assert again.slug != vendor.slug  # the address stays the closed store's


async def test_over_rest(vendors: VendorsService, at: SettableClock) -> None:
    vendor = await active(vendors, at)
    path = f"/vendors/{vendor.id}"
    rest = Rest(at, {Vendors: vendors, Media: FakeMedia()}, router)
    place: dict[str, Any] = SHOP.model_dump(by_alias=True)
    async with rest.client(owner(at, vendor)) as client:
        hours = {"timezone": "UTC", "week": [[{"opens": "09:00", "closes": "17:00"}]] * 7}
        assert (await client.put(f"{path}/hours", json=hours)).json()["openNow"] is True
        wrong = {"timezone": "UTC", "week": [[{"opens": "9", "closes": "17:00"}]] * 7}
        assert (await client.put(f"{path}/hours", json=wrong)).status_code == 422
        assert (await client.put(f"{path}/policies", json={"returns": "No"})).status_code == 200
        made = await client.post(f"{path}/places", json=place)
        assert made.status_code == 201
        here = f"{path}/places/{made.json()['id']}"
        assert (await client.put(here, json={**place, "name": "Barn"})).json()["name"] == "Barn"
        assert (await client.delete(here)).status_code == 204
        put = await client.put(f"{path}/preferences", json={"handlingHours": 24})
        assert put.json() == (await client.get(f"{path}/preferences")).json()
        away = {"since": NOON.isoformat(), "message": "Away"}
        assert (await client.put(f"{path}/absence", json=away)).status_code == 200
        assert (await client.get(path)).json()["away"]["message"] == "Away"
        assert (await client.delete(f"{path}/absence")).status_code == 204
        assert (await client.delete(f"{path}/hours")).status_code == 200
        assert (await client.post(f"{path}/close")).status_code == 204
        assert (await client.post(f"{path}/stay-open")).status_code == 204
    async with rest.client() as visitor:
        assert (await visitor.get(f"{path}/presence")).json()["openNow"] is None
        assert (await visitor.get(f"/vendors/{UUID(int=1)}/presence")).status_code == 404
        assert (await visitor.put(f"{path}/absence", json=away)).status_code in (401, 403)
