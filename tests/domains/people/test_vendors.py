import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.identity.api import EmailUnverified
from haat.domains.people.media.api import Media
from haat.domains.people.vendors import reactions
from haat.domains.people.vendors.api import (
    Application,
    Location,
    Vendor,
    VendorApplied,
    VendorChange,
    VendorNameTaken,
    Vendors,
    WrongVendorState,
)
from haat.domains.people.vendors.routes import router
from haat.domains.people.vendors.service import VendorsService
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, NotFound, Unauthenticated
from haat.kernel.events import noted_in
from haat.kernel.rating import Rating
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    HOSTILE,
    FakeIdentity,
    FakeMedia,
    Rest,
    clock,
    guest,
    outbox,
    person,
    raw,
    system,
)

FARM = Application(name="Green Farm", country="DE", contact_email="farm@example.com")
STAFF = ("staff", "staff:vendors")


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("vendors")
    await db.execute("DELETE FROM vendors.vendors")
    await db.execute("DELETE FROM vendors.outbox")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def identity() -> FakeIdentity:
    return FakeIdentity()


@pytest.fixture
def media() -> FakeMedia:
    return FakeMedia()


@pytest.fixture
def vendors(db: Database, identity: FakeIdentity, media: FakeMedia) -> VendorsService:
    return VendorsService(db, identity, media, open_cache("memory://"))


async def applied(
    vendors: VendorsService, at: SettableClock, name: str = "Green Farm", owner: UUID | None = None
) -> Vendor:
    application = FARM.model_copy(update={"name": name})
    return await vendors.apply(person(at, owner), id=uuid4(), application=application)


async def active(vendors: VendorsService, at: SettableClock, name: str = "Green Farm") -> Vendor:
    vendor = await applied(vendors, at, name)
    return await vendors.decide(system(at), id=vendor.id, decision="approve")


async def test_applying(
    vendors: VendorsService, at: SettableClock, identity: FakeIdentity, db: Database
) -> None:
    me, id = person(at), uuid4()
    first = await vendors.apply(me, id=id, application=FARM)
    assert (first.status, first.slug, first.country) == ("pending", "green-farm", "DE")
    assert identity.joined == {(id, me.person_id): "owner"}
    assert await vendors.apply(me, id=id, application=FARM) == first
    assert await outbox(db) == [
        (
            "vendor.applied",
            {"vendorId": str(id), "personId": str(me.person_id), "name": "Green Farm"},
        )
    ]
    with pytest.raises(NotFound):
        await vendors.apply(person(at), id=id, application=FARM)
    with pytest.raises(Unauthenticated):
        await vendors.apply(guest(at), id=uuid4(), application=FARM)


async def test_who_has_not_proved_an_address_does_not_apply(
    vendors: VendorsService, at: SettableClock, identity: FakeIdentity, db: Database
) -> None:
    identity.status = "pending"
    me = person(at)
    with pytest.raises(EmailUnverified):
        await vendors.apply(me, id=uuid4(), application=FARM)
    assert await outbox(db) == []
    identity.status = "active"
    await vendors.apply(me, id=uuid4(), application=FARM)


async def test_an_application_cut_short_is_finished(
    vendors: VendorsService, at: SettableClock, identity: FakeIdentity
) -> None:
    me, id = person(at), uuid4()
    identity.fails = True
    with pytest.raises(NotFound):
        await vendors.apply(me, id=id, application=FARM)
    identity.fails = False
    [reaction, named] = [r for r in noted_in(reactions).reactions if r.event is VendorApplied]
    event = VendorApplied(vendor_id=id, person_id=me.person_id, name="Green Farm")
    for _ in range(2):
        await reaction.handler(vendors, system(at), [event])
    assert identity.joined == {(id, me.person_id): "owner"}
    assert not reaction.writes
    await named.handler(vendors, system(at), [event])
    assert identity.known == {id: "Green Farm"}


async def test_a_name_is_one_vendors(vendors: VendorsService, at: SettableClock) -> None:
    first = await applied(vendors, at)
    for same in ("Green Farm", "GREEN  farm", "Ｇreen Farm"):
        with pytest.raises(VendorNameTaken):
            await applied(vendors, at, same)
    # Another name that makes the same address gets one of its own.
    second = await applied(vendors, at, "Green-Farm!")
    assert second.slug == f"green-farm-{second.id.hex[-8:]}"
    await vendors.decide(system(at), id=first.id, decision="reject", reason="No papers")
    third = await applied(vendors, at)
    assert third.slug == f"green-farm-{third.id.hex[-8:]}"


async def test_names_race(vendors: VendorsService, at: SettableClock, db: Database) -> None:
    found = await asyncio.gather(*(applied(vendors, at) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, Vendor) for one in found) == 1
    assert sum(isinstance(one, VendorNameTaken) for one in found) == 5
    assert len(await outbox(db)) == 1
    alike = await asyncio.gather(*(applied(vendors, at, f"Red{c}Shop") for c in "-+*/~ "))
    assert len({vendor.slug for vendor in alike}) == 6


async def test_decisions_are_told_once(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await applied(vendors, at)
    await outbox(db)
    staff = person(at, scopes=STAFF)
    for _ in range(2):
        assert (await vendors.decide(staff, id=vendor.id, decision="approve")).status == "active"
    with pytest.raises(Invalid):
        await vendors.decide(staff, id=vendor.id, decision="suspend")
    for _ in range(2):
        found = await vendors.decide(
            staff, id=vendor.id, decision="suspend", reason="Fakes\nreported"
        )
        assert (found.status, found.reason) == ("suspended", "Fakes reported")
    found = await vendors.decide(staff, id=vendor.id, decision="reinstate")
    assert (found.status, found.reason) == ("active", None)
    with pytest.raises(WrongVendorState):
        await vendors.decide(staff, id=vendor.id, decision="reject", reason="Late")
    with pytest.raises(NotFound):
        await vendors.decide(staff, id=uuid4(), decision="approve")
    assert await outbox(db) == [
        (
            "vendor.approved",
            {
                "vendorId": str(vendor.id),
                "slug": "green-farm",
                "name": "Green Farm",
                "country": "DE",
            },
        ),
        ("vendor.suspended", {"vendorId": str(vendor.id), "reason": "Fakes reported"}),
        ("vendor.reinstated", {"vendorId": str(vendor.id)}),
    ]


async def test_two_decisions_at_once(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    for n in range(8):
        vendor = await applied(vendors, at, f"Shop {n}")
        await outbox(db)
        found = await asyncio.gather(
            vendors.decide(system(at), id=vendor.id, decision="approve"),
            vendors.decide(system(at), id=vendor.id, decision="reject", reason="No"),
            vendors.decide(system(at), id=vendor.id, decision="approve"),
            return_exceptions=True,
        )
        [event] = await outbox(db)
        after = (await vendors.by_ids(guest(at), ids=[vendor.id]))[0].status
        assert event[0] == {"active": "vendor.approved", "rejected": "vendor.rejected"}[after]
        for one in found:
            assert isinstance(one, WrongVendorState) or (
                isinstance(one, Vendor) and one.status == after
            )


async def test_who_sees_what(vendors: VendorsService, at: SettableClock) -> None:
    owner = uuid4()
    vendor = await applied(vendors, at, owner=owner)
    team = person(at, vendor=vendor.id)
    inside = (team, person(at, owner), person(at, scopes=STAFF), system(at))
    outside = (guest(at), person(at), person(at, vendor=uuid4()))
    for ctx in inside:
        for name in (vendor.slug, str(vendor.id)):
            found = await vendors.find(ctx, slug=name)
            assert found.contact_email == "farm@example.com"
    for ctx in outside:
        for name in (vendor.slug, str(vendor.id)):
            with pytest.raises(NotFound):
                await vendors.find(ctx, slug=name)
    await vendors.decide(system(at), id=vendor.id, decision="approve")
    await vendors.set_commission(system(at), id=vendor.id, commission_bp=250)
    for ctx in outside:
        found = await vendors.find(ctx, slug=vendor.slug)
        assert (found.contact_email, found.commission_bp, found.reason) == (None, None, None)
    assert (await vendors.by_ids(guest(at), ids=[vendor.id]))[0].contact_email is None
    assert (await vendors.listed(system(at))).items[0].contact_email is None
    with pytest.raises(NotFound):
        await vendors.find(guest(at), slug="nobody")


async def test_lists(vendors: VendorsService, at: SettableClock) -> None:
    names = ["delta", "Alpha", "charlie", "Bravo", "écho"]
    for name in names:
        await active(vendors, at, f"{name} shop")
    await applied(vendors, at, "Pending shop")
    found: list[str] = []
    cursor = None
    for _ in range(3):
        page = await vendors.listed(guest(at), limit=2, cursor=cursor)
        found += [vendor.name.split()[0] for vendor in page.items]
        cursor = page.next
    assert found == ["Alpha", "Bravo", "charlie", "delta", "écho"]
    assert cursor is None
    assert len((await vendors.queue(system(at))).items) == 6
    waiting = await vendors.queue(system(at), status="pending")
    assert [vendor.name for vendor in waiting.items] == ["Pending shop"]
    page = await vendors.queue(system(at), limit=4)
    rest = await vendors.queue(system(at), limit=4, cursor=page.next)
    assert len(page.items) + len(rest.items) == 6
    assert [v.name for v in await vendors.named(system(at), words="SHOP", limit=2)] == [
        "Alpha shop",
        "Bravo shop",
    ]
    assert [v.name for v in await vendors.named(system(at), words="pending SHOP")] == [
        "Pending shop"
    ]
    assert await vendors.named(system(at), words=" \0 ") == []
    assert await vendors.named(system(at), words="%") == []
    for bad in ("x", "WyJhIl0", "é"):
        for asked in (vendors.listed, vendors.queue):
            with pytest.raises(Invalid):
                await asked(system(at), cursor=bad)


async def test_changing_a_profile(
    vendors: VendorsService, at: SettableClock, media: FakeMedia, db: Database
) -> None:
    vendor, other = await active(vendors, at), await active(vendors, at, "Other")
    await outbox(db)
    team = person(at, vendor=vendor.id)
    logo = (await media.upload(team, id=uuid4(), content=b"x")).id
    change = VendorChange(name="Greener Farm", logo_id=logo, contact_email="New@example.com")
    changed = await vendors.change(team, id=vendor.id, change=change)
    assert (changed.name, changed.slug, changed.logo_id, changed.contact_email) == (
        "Greener Farm",
        "green-farm",  # an address that was given stays
        logo,
        "New@example.com",
    )
    assert await vendors.change(team, id=vendor.id, change=change) == changed
    told = await outbox(db)
    assert told[0] == (
        "vendor.changed",
        {
            "vendorId": str(vendor.id), "slug": "green-farm", "name": "Greener Farm",
            "country": vendor.country,
            "shown": {"location": None, "verified": False, "rating": None},
        },
    )  # fmt: skip
    await vendors.claim_pictures(team.as_system(), [vendor.id, other.id])
    assert media.claimed[f"vendor:{vendor.id}"].ids == [logo]
    assert media.claimed[f"vendor:{other.id}"].ids == []
    for ctx in (guest(at), person(at), person(at, vendor=other.id)):
        with pytest.raises((NotFound, Unauthenticated)):
            await vendors.change(ctx, id=vendor.id, change=change)
    with pytest.raises(VendorNameTaken):
        await vendors.change(team, id=vendor.id, change=VendorChange(name="OTHER"))
    with pytest.raises(Invalid):
        await vendors.change(team, id=vendor.id, change=VendorChange(logo_id=uuid4()))
    with pytest.raises(Invalid):
        await vendors.change(team, id=vendor.id, change=VendorChange(contact_email="nobody"))
    with pytest.raises(NotFound):
        await vendors.change(system(at), id=uuid4(), change=VendorChange(name="Nobody"))
    assert await vendors.find(team, slug=vendor.slug) == changed
    assert await outbox(db) == []


async def test_where_it_is_and_how_good(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    vendor = await active(vendors, at)
    team = person(at, vendor=vendor.id)
    here = Location(latitude=23.78, longitude=90.4, place="Dhaka")
    moved = await vendors.change(team, id=vendor.id, change=VendorChange(location=here))
    assert moved.location == here
    kept = await vendors.change(team, id=vendor.id, change=VendorChange(description="Fresh"))
    assert kept.location == here
    await outbox(db)
    for _ in range(2):
        assert (await vendors.verify(system(at), id=vendor.id, verified=True)).verified
    told = await outbox(db)
    assert [(name, data["shown"]["verified"]) for name, data in told] == [("vendor.changed", True)]
    await vendors.set_rating(
        system(at), vendor_id=vendor.id, rating=Rating(value=450, count=2), version=2
    )
    await vendors.set_rating(
        system(at), vendor_id=vendor.id, rating=Rating(value=100, count=1), version=1
    )
    found = await vendors.find(guest(at), slug=vendor.slug)
    assert (found.rating, found.verified) == (Rating(value=450, count=2), True)
    await vendors.set_rating(system(at), vendor_id=vendor.id, rating=None, version=3)
    assert (await vendors.find(guest(at), slug=vendor.slug)).rating is None
    gone = await vendors.change(team, id=vendor.id, change=VendorChange(leaves_location=True))
    assert gone.location is None
    with pytest.raises(NotFound):
        await vendors.verify(system(at), id=uuid4(), verified=True)


async def test_commissions(vendors: VendorsService, at: SettableClock) -> None:
    vendor = await active(vendors, at)
    assert await vendors.commissions(system(at), ids=[vendor.id, uuid4()]) == {vendor.id: None}
    for rate in (250, 250, 0, None):
        found = await vendors.set_commission(system(at), id=vendor.id, commission_bp=rate)
        assert found.commission_bp == rate
        assert await vendors.commissions(system(at), ids=[vendor.id]) == {vendor.id: rate}
    with pytest.raises(NotFound):
        await vendors.set_commission(system(at), id=uuid4(), commission_bp=1)


async def test_a_rate_is_known_in_every_process_and_old_in_none(
    db: Database, at: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, fetch, asked = open_cache("memory://"), db.fetch, list[str]()
    here, there = (VendorsService(db, FakeIdentity(), FakeMedia(), cache) for _ in range(2))
    vendor = await active(here, at)

    async def fetching(sql: str, *args: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, *args)

    monkeypatch.setattr(db, "fetch", fetching)
    for rate in (300, None, 200):
        await here.set_commission(system(at), id=vendor.id, commission_bp=rate)
        asked.clear()
        for one in (here, there, here, there):
            assert await one.commissions(system(at), ids=[vendor.id]) == {vendor.id: rate}
        assert len(asked) == 2


BODY = {"name": "Green Farm", "country": "DE", "contactEmail": "farm@example.com"}


async def test_rest_from_application_to_profile(
    vendors: VendorsService, at: SettableClock, media: FakeMedia
) -> None:
    rest = Rest(at, {Vendors: vendors, Media: media}, router)
    async with rest.client() as client:
        assert (await client.post("/vendors/apply", json=BODY)).status_code == 401
    async with rest.client(person(at)) as client:
        made = await client.post("/vendors/apply", json=BODY)
        assert made.status_code == 201
        vendor = made.json()
        path, admin = f"/vendors/{vendor['id']}", f"/admin/vendors/{vendor['id']}"
        assert (await client.put(f"{admin}/commission", json={})).status_code in (403, 422)
        assert (await client.get("/admin/vendors")).status_code == 403
        assert (await client.patch(path, json={"name": "No"})).status_code == 403
    async with rest.client(person(at, scopes=STAFF)) as client:
        listed = await client.get("/admin/vendors", params={"status": "pending"})
        assert [item["id"] for item in listed.json()["items"]] == [vendor["id"]]
        assert (await client.get("/admin/vendors?status=odd")).status_code == 422
        await vendors.decide(system(at), id=UUID(vendor["id"]), decision="approve")
        answer = await client.put(f"{admin}/commission", json={"commissionBp": 500})
        assert answer.json()["commissionBp"] == 500
        assert (await client.put(f"{admin}/commission", json={})).status_code == 422
        answer = await client.put(f"{admin}/commission", json={"commissionBp": 10_001})
        assert answer.status_code == 422
    async with rest.client() as client:
        for address in (path, "/vendors/green-farm"):
            shown = await client.get(address)
            assert (shown.status_code, shown.json()["contactEmail"]) == (200, None)
        assert len((await client.get("/vendors")).json()["items"]) == 1
        for query in ("limit=0", "limit=101", "cursor=!", "limit=x"):
            assert (await client.get(f"/vendors?{query}")).status_code == 422
    await _profile_by_rest(rest, at, UUID(vendor["id"]))


async def _profile_by_rest(rest: Rest, at: SettableClock, id: UUID) -> None:
    path = f"/vendors/{id}"
    picture = {"file": ("logo.png", b"picture", "image/png")}
    async with rest.client(person(at, vendor=id, scopes=["vendor:profile"])) as client:
        answer = await client.patch(path, json={"description": "Jars"})
        assert answer.json()["description"] == "Jars"
        answer = await client.post(f"{path}/logo", files=picture)
        assert answer.json()["logoId"]
        assert (await client.post(f"{path}/logo")).status_code == 422
        assert (await client.post(f"{path}/logo", json={})).status_code == 415
        assert (await client.patch(path, json={"status": "active"})).status_code == 422
        assert (await client.patch("/vendors/x", json={})).status_code == 422
    async with rest.client(person(at, vendor=uuid4(), scopes=["vendor:profile"])) as client:
        assert (await client.patch(path, json={"name": "Mine"})).status_code == 404
        assert (await client.post(f"{path}/logo", files=picture)).status_code == 404


async def test_rest_refuses_bad_applications(
    vendors: VendorsService, at: SettableClock, db: Database
) -> None:
    path = "/vendors/apply"
    rest = Rest(at, {Vendors: vendors}, router)
    refused: list[Any] = [None, [], {}, {**BODY, "status": "active"}, {**BODY, "name": "x" * 81}]
    refused += [{**BODY, "country": c} for c in ("de", "DEU", "", 1, "\x00\x00")]
    refused += [{**BODY, "contactEmail": e} for e in ("", "x", "a@b", "x" * 255, *HOSTILE)]
    refused += [{**BODY, "description": "x" * 2001}, {**BODY, "description": "a\x00b"}]
    async with rest.client(person(at)) as client:
        for body in refused:
            answer = await client.post(path, **raw(body))
            assert answer.status_code == 422, body
        assert await db.fetchval("SELECT count(*) FROM vendors.vendors") == 0
        for text in HOSTILE:
            answer = await client.post(path, **raw({**BODY, "name": text}))
            assert answer.status_code in (201, 422), text
