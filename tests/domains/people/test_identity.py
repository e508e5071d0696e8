import asyncio
from uuid import uuid4

import pytest

from haat.domains.people.identity.api import (
    Contact,
    EmailInvalid,
    EmailTaken,
    Membership,
    PasswordWeak,
    Person,
)
from haat.domains.people.identity.service import IdentityService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, NotFound, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    HOSTILE,
    clock,
    guest,
    identity_of,
    outbox,
    person,
    system,
)

PASSWORD = "correct horse"


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("identity")
    for table in ("people", "letters", "sign_ins", "attempts", "outbox"):
        await db.execute(f"DELETE FROM identity.{table}")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def identity(db: Database, at: SettableClock) -> IdentityService:
    return identity_of(db, at)


async def register(
    identity: IdentityService, at: SettableClock, email: str = "ada@example.com"
) -> Person:
    return await identity.register(
        guest(at), id=uuid4(), email=email, password=PASSWORD, name="Ada Lovelace"
    )


async def test_somebody_registers(
    identity: IdentityService, at: SettableClock, db: Database
) -> None:
    ada = await register(identity, at, "Ada@Example.com")
    assert (ada.email, ada.name, ada.status) == ("ada@example.com", "Ada Lovelace", "pending")
    assert ada.scopes == ["person"]
    assert await identity.me(person(at, ada.id)) == ada
    assert await outbox(db) == [("user.created", {"personId": str(ada.id)})]
    kept = await db.fetchval("SELECT password_hash FROM identity.people WHERE id = $1", ada.id)
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


async def test_an_address_has_one_account(
    identity: IdentityService, at: SettableClock, db: Database
) -> None:
    await register(identity, at)
    with pytest.raises(EmailTaken) as refused:
        await register(identity, at, " ADA@EXAMPLE.COM ")
    assert refused.value.fields[0].path == "email"
    assert len(await outbox(db)) == 1


async def test_two_at_once_with_one_address(
    identity: IdentityService, at: SettableClock, db: Database
) -> None:
    found = await asyncio.gather(
        *(register(identity, at) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Person) for one in found) == 1
    assert sum(isinstance(one, EmailTaken) for one in found) == 5
    assert len(await outbox(db)) == 1
    assert await db.fetchval("SELECT count(*) FROM identity.people") == 1


async def test_registering_again_with_the_same_id(
    identity: IdentityService, at: SettableClock, db: Database
) -> None:
    id = uuid4()

    async def once(email: str = "ada@example.com", password: str = PASSWORD) -> Person:
        return await identity.register(guest(at), id=id, email=email, password=password, name="Ada")

    first, second = await asyncio.gather(once(), once())
    assert first == second == await once()
    with pytest.raises(EmailTaken):
        await once(password="another password")
    with pytest.raises(EmailTaken):
        await once(email="eve@example.com")
    assert len(await outbox(db)) == 1


async def test_bad_input_makes_no_account(
    identity: IdentityService, at: SettableClock, db: Database
) -> None:
    async def attempt(email: str, password: str, name: str) -> None:
        await identity.register(guest(at), id=uuid4(), email=email, password=password, name=name)

    with pytest.raises(EmailInvalid):
        await attempt("ada@", PASSWORD, "Ada")
    with pytest.raises(PasswordWeak):
        await attempt("ada@example.com", "1234567", "Ada")
    with pytest.raises(Invalid):
        await attempt("ada@example.com", PASSWORD, " \u200b ")
    for number, text in enumerate(HOSTILE):
        try:
            await attempt(f"ada{number}@example.com", PASSWORD, text)
        except Invalid:
            continue
    names = [row["name"] for row in await db.fetch("SELECT name FROM identity.people")]
    assert "<script>alert(1)</script>" in names  # text is text; who shows it escapes it
    assert not any(c in name for name in names for c in "\r\n\x00\u202e")


async def test_a_name_is_changed_by_its_owner(identity: IdentityService, at: SettableClock) -> None:
    ada = await register(identity, at)
    eve = await register(identity, at, "eve@example.com")
    changed = await identity.change_name(person(at, ada.id), name=" Ada  King ")
    assert changed.name == "Ada King"
    assert (await identity.me(person(at, eve.id))).name == eve.name
    with pytest.raises(Invalid):
        await identity.change_name(person(at, ada.id), name="\r\n")
    with pytest.raises(Unauthenticated):
        await identity.change_name(guest(at), name="Nobody")
    with pytest.raises(Unauthenticated):
        await identity.me(person(at, uuid4()))


async def test_joining_a_vendor(identity: IdentityService, at: SettableClock, db: Database) -> None:
    ada, vendor, other = await register(identity, at), uuid4(), uuid4()
    await outbox(db)
    join = identity.join_vendor
    for _ in range(2):
        await join(system(at), person_id=ada.id, vendor_id=vendor, role="owner")
    await join(system(at), person_id=ada.id, vendor_id=other, role="staff")
    await join(system(at), person_id=ada.id, vendor_id=other, role="owner")  # keeps their place
    bob = await register(identity, at, "bob@example.com")
    await join(system(at), person_id=bob.id, vendor_id=vendor, role="owner")  # there is one
    events = [data for type, data in await outbox(db) if type == "user.role_granted"]
    assert [(e["vendorId"], e["role"]) for e in events] == [
        (str(vendor), "owner"),
        (str(other), "staff"),
    ]
    assert await identity.team(system(at), vendor_ids=[vendor, uuid4()]) == [(vendor, ada.id)]
    me = await identity.me(person(at, ada.id, vendor=other))
    assert {m.vendor_id for m in me.memberships} == {vendor, other}
    assert me.scopes == ["person", "vendor:orders", "vendor:products:view"]
    assert Membership(vendor_id=vendor, role="owner") in me.memberships
    with pytest.raises(NotFound):
        await join(system(at), person_id=uuid4(), vendor_id=uuid4(), role="owner")


async def test_staff(identity: IdentityService, at: SettableClock, db: Database) -> None:
    ada = await register(identity, at)
    await outbox(db)
    await asyncio.gather(
        *(identity.grant_staff(system(at), person_id=ada.id, role="finance") for _ in range(4))
    )
    await identity.grant_staff(system(at), person_id=ada.id, role="support")
    assert await identity.staff(system(at)) == [ada.id]
    assert (await identity.me(person(at, ada.id))).staff_roles == ["finance", "support"]
    assert [data["role"] for _, data in await outbox(db)] == ["finance", "support"]
    with pytest.raises(NotFound):
        await identity.grant_staff(system(at), person_id=uuid4(), role="finance")


async def test_contacts(identity: IdentityService, at: SettableClock) -> None:
    ada = await register(identity, at)
    assert await identity.contacts(system(at), person_ids=[ada.id, uuid4()]) == [
        Contact(person_id=ada.id, email="ada@example.com", name="Ada Lovelace")
    ]


async def test_everybody_in_pages(identity: IdentityService, at: SettableClock) -> None:
    everybody = [await register(identity, at, f"p{n}@example.com") for n in range(7)]
    found: list[Person] = []
    cursor = None
    for _ in range(3):
        page = await identity.people(system(at), limit=3, cursor=cursor)
        found += page.items
        cursor = page.next
    assert cursor is None
    assert sorted(p.id for p in found) == sorted(p.id for p in everybody)
    for bad in ("x", "W10", "WyJhIiwiYiJd", "\x00", "é"):
        with pytest.raises(Invalid):
            await identity.people(system(at), cursor=bad)
