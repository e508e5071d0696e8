import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.profiles.api import Address, AddressesFull, Profiles, SavedAddress
from haat.domains.people.profiles.routes import router
from haat.domains.people.profiles.rules import clean_address, clean_phone
from haat.domains.people.profiles.service import ProfilesService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, NotFound, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import HOSTILE, FakeIdentity, Rest, clock, guest, person, raw

HOME = Address(name="Ada", line1="1 Main St", city="Berlin", postal_code="10115", country="DE")


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("profiles")
    await db.execute("DELETE FROM profiles.addresses")
    await db.execute("DELETE FROM profiles.profiles")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def profiles(db: Database) -> ProfilesService:
    return ProfilesService(db, FakeIdentity())


async def defaults(profiles: ProfilesService, ctx: Any) -> list[UUID]:
    return [saved.id for saved in await profiles.addresses(ctx) if saved.is_default]


async def test_a_profile(profiles: ProfilesService, at: SettableClock) -> None:
    me = person(at)
    first = await profiles.profile(me)
    assert (first.person_id, first.name, first.phone) == (me.person_id, "Ada", "")
    for _ in range(2):
        changed = await profiles.change_profile(me, name="Ada King", phone=" +49  30 123 ")
        assert (changed.name, changed.phone) == ("Ada King", "+49 30 123")
    assert (await profiles.change_profile(me)).phone == "+49 30 123"
    assert (await profiles.change_profile(me, phone="")).phone == ""
    assert (await profiles.profile(person(at))).phone == ""
    with pytest.raises(Unauthenticated):
        await profiles.profile(guest(at))


async def test_the_first_address_is_the_default(
    profiles: ProfilesService, at: SettableClock
) -> None:
    me, ids = person(at), [uuid4() for _ in range(3)]
    first = await profiles.save_address(me, id=ids[0], address=HOME)
    assert first == SavedAddress(id=ids[0], address=HOME, is_default=True)
    at.advance(timedelta(seconds=1))
    assert not (await profiles.save_address(me, id=ids[1], address=HOME)).is_default
    for _ in range(2):
        third = await profiles.save_address(me, id=ids[2], address=HOME, is_default=True)
        assert third.is_default
    assert await defaults(profiles, me) == [ids[2]]
    assert (await profiles.addresses(me))[0].id == ids[2]
    # Saved again without a word about it, it stays the default.
    moved = HOME.model_copy(update={"city": "Bonn"})
    assert (await profiles.save_address(me, id=ids[2], address=moved)).is_default
    assert (await profiles.addresses(me))[0].address.city == "Bonn"
    await profiles.remove_address(me, id=ids[2])
    assert await defaults(profiles, me) == [ids[0]]
    for id in ids[:2]:
        await profiles.remove_address(me, id=id)
    assert await profiles.addresses(me) == []
    assert (await profiles.save_address(me, id=uuid4(), address=HOME)).is_default


async def test_another_persons_address_is_not_there(
    profiles: ProfilesService, at: SettableClock
) -> None:
    me, eve, id = person(at), person(at), uuid4()
    await profiles.save_address(me, id=id, address=HOME)
    assert await profiles.addresses(eve) == []
    with pytest.raises(NotFound):
        await profiles.save_address(eve, id=id, address=HOME.model_copy(update={"city": "X"}))
    with pytest.raises(NotFound):
        await profiles.remove_address(eve, id=id)
    assert [saved.address.city for saved in await profiles.addresses(me)] == ["Berlin"]
    for _ in range(2):
        with pytest.raises(NotFound):
            await profiles.remove_address(me, id=uuid4())
    for call in (profiles.addresses(guest(at)), profiles.remove_address(guest(at), id=id)):
        with pytest.raises(Unauthenticated):
            await call


async def test_many_at_once_leave_one_default(profiles: ProfilesService, at: SettableClock) -> None:
    me, ids = person(at), [uuid4() for _ in range(8)]
    saved = await asyncio.gather(*(profiles.save_address(me, id=id, address=HOME) for id in ids))
    assert sum(one.is_default for one in saved) == 1
    await asyncio.gather(
        *(profiles.save_address(me, id=id, address=HOME, is_default=True) for id in ids)
    )
    assert len(await defaults(profiles, me)) == 1
    await asyncio.gather(*(profiles.remove_address(me, id=id) for id in ids[:7]))
    assert await defaults(profiles, me) == [ids[7]]


async def test_there_is_an_end_to_addresses(profiles: ProfilesService, at: SettableClock) -> None:
    me = person(at)
    found = await asyncio.gather(
        *(profiles.save_address(me, id=uuid4(), address=HOME) for _ in range(55)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, AddressesFull) for one in found) == 5
    kept = await profiles.addresses(me)
    assert len(kept) == 50
    await profiles.save_address(me, id=kept[0].id, address=HOME)  # changing one is no addition


def test_lines_are_made_plain() -> None:
    messy = HOME.model_copy(update={"name": " Ada \r\n King ", "line2": "\t", "city": "Köln"})
    clean = clean_address(messy)
    assert (clean.name, clean.line2, clean.city) == ("Ada King", "", "Köln")
    for text in ("a\x00b", "\u202egnp", "\ud800", " "):
        with pytest.raises(Invalid) as refused:
            clean_address(HOME.model_copy(update={"line1": text, "city": " "}))
        assert {field.path for field in refused.value.fields} == {"line1", "city"}


@pytest.mark.parametrize("phone", ["+49 (30) 123-4 x5", "030/1234", ""])
def test_telephone_numbers(phone: str) -> None:
    assert clean_phone(phone) == phone


@pytest.mark.parametrize("phone", ["call me", "+", "1" * 41, "12\x0034", "'; --", "ext"])
def test_what_is_no_telephone_number(phone: str) -> None:
    with pytest.raises(Invalid):
        clean_phone(phone)


BODY = {"name": "Ada", "line1": "1 Main St", "city": "Berlin", "country": "DE"}


@pytest.mark.parametrize("path", ["/me/addresses", "/buyer/addresses"])
async def test_rest_addresses(profiles: ProfilesService, at: SettableClock, path: str) -> None:
    rest = Rest(at, {Profiles: profiles}, router)
    async with rest.client() as client:
        assert (await client.get(path)).status_code == 401
        assert (await client.post(path, json=BODY)).status_code == 401
    async with rest.client(person(at)) as client:
        made = await client.post(path, json={**BODY, "postalCode": "10115"})
        assert made.status_code == 201
        one = f"{path}/{made.json()['id']}"
        assert (made.json()["postalCode"], made.json()["isDefault"]) == ("10115", True)
        changed = await client.patch(one, json={"city": "Bonn"})
        assert (changed.json()["city"], changed.json()["postalCode"]) == ("Bonn", "10115")
        replaced = await client.put(one, json=BODY)
        assert (replaced.json()["city"], replaced.json()["postalCode"]) == ("Berlin", "")
        listed = (await client.get(path)).json()
        assert listed == {"items": [replaced.json()], "next": None}
        for method in ("PUT", "PATCH", "DELETE"):
            body = None if method == "DELETE" else BODY
            answer = await client.request(method, f"{path}/{uuid4()}", json=body)
            assert answer.status_code == 404
        refused: list[Any] = [None, [], {}, {**BODY, "extra": 1}, {**BODY, "line1": "x" * 121}]
        refused += [{**BODY, "country": c} for c in ("de", "DEU", 1, None)]
        refused += [{**BODY, "line1": t} for t in ("a\x00b", "\ud800", "\u202egnp", " ")]
        for body in refused:
            assert (await client.post(path, **raw(body))).status_code == 422, body
            assert (await client.put(one, **raw(body))).status_code == 422, body
        for text in HOSTILE:
            answer = await client.patch(one, **raw({"line2": text}))
            assert answer.status_code in (200, 422), text
    async with rest.client(person(at)) as client:
        for method in ("PUT", "PATCH", "DELETE"):
            body = None if method == "DELETE" else BODY
            assert (await client.request(method, one, json=body)).status_code == 404


async def test_rest_profile(profiles: ProfilesService, at: SettableClock) -> None:
    rest = Rest(at, {Profiles: profiles}, router)
    async with rest.client(person(at)) as client:
        answer = await client.patch("/me", json={"name": "Ada King", "phone": "123"})
        assert answer.json()["name"] == "Ada King"
        assert (await client.get("/me/profile")).json() == answer.json()
        for bad in ({"phone": "call me"}, {"phone": "1" * 41}, {"name": ""}, {"email": "x"}):
            assert (await client.patch("/me", json=bad)).status_code == 422
    async with rest.client() as client:
        assert (await client.patch("/me", json={})).status_code == 401
