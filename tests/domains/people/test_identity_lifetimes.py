"""How long a session may last and how many there may be, whoever uses them how often."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from haat.domains.people.identity.api import Identity, Person, RefreshInvalid, SessionOver, SignedIn
from haat.domains.people.identity.own_routes import router
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import SessionEnded, TokenExpired, Tokens
from haat.engines.rpc.door import local
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import ProofNeeded, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    NOON,
    SECRET,
    Rest,
    clock,
    guest,
    identity_of,
    person,
    system,
)

PASSWORD, ADA = "correct horse", "ada@example.com"
TIMES: dict[str, Any] = {"refresh_ttl_days": 30, "session_days": 90, "staff_idle_minutes": 120}


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
def tokens(at: SettableClock) -> Tokens:
    return Tokens(SECRET, at)


@pytest.fixture
def identity(db: Database, at: SettableClock, tokens: Tokens) -> IdentityService:
    return identity_of(db, at, tokens=tokens, sessions_max=3, staff_session_hours=12, **TIMES)


@pytest.fixture
async def ada(identity: IdentityService, at: SettableClock) -> Person:
    return await identity.register(guest(at), id=uuid4(), email=ADA, password=PASSWORD, name="Ada")


async def sign_in(identity: IdentityService, at: SettableClock) -> SignedIn:
    return await identity.sign_in(guest(at), email=ADA, password=PASSWORD)


async def refreshed(identity: IdentityService, at: SettableClock, found: SignedIn) -> SignedIn:
    assert found.refresh_token is not None
    return await identity.refresh(guest(at), refresh_token=found.refresh_token)


async def used_until(
    identity: IdentityService, at: SettableClock, found: SignedIn, until: timedelta, by: timedelta
) -> SignedIn:
    """The session, refreshed again and again until that long after noon."""
    while at.now() + by < NOON + until:
        at.advance(by)
        found = await refreshed(identity, at, found)
    at.advance(NOON + until - at.now())
    return found


async def test_a_session_ends_however_much_it_is_used(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    found = await sign_in(identity, at)
    assert found.session_ends_at == NOON + timedelta(days=90)
    nearly = timedelta(days=90) - timedelta(minutes=5)
    found = await used_until(identity, at, found, nearly, timedelta(days=20))
    found = await refreshed(identity, at, found)
    assert found.expires_at == found.session_ends_at == NOON + timedelta(days=90)
    (shown,) = await identity.sessions(person(at, ada.id))
    assert shown.expires_at == shown.ends_at == NOON + timedelta(days=90)
    session_id = tokens.read(found.access_token).session_id
    at.advance(timedelta(minutes=5))
    with pytest.raises(TokenExpired):
        tokens.read(found.access_token)
    for _ in range(2):
        with pytest.raises(SessionOver) as over:
            await refreshed(identity, at, found)
        assert over.value.data == {"reason": "age"}
    assert await identity.sessions(person(at, ada.id)) == []
    with pytest.raises(Unauthenticated):  # nor does a proof give it more
        await identity.prove(person(at, ada.id), session_id=session_id, password=PASSWORD)


async def test_staff_have_a_working_day(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    await identity.grant_staff(system(at), person_id=ada.id, role="support")
    found = await sign_in(identity, at)
    assert found.session_ends_at == NOON + timedelta(hours=12)
    found = await used_until(identity, at, found, timedelta(hours=12), timedelta(minutes=100))
    with pytest.raises(SessionOver) as over:
        await refreshed(identity, at, found)
    assert over.value.data == {"reason": "age"}
    found = await sign_in(identity, at)
    at.advance(timedelta(hours=2))
    with pytest.raises(SessionOver) as over:
        await refreshed(identity, at, found)
    assert over.value.data == {"reason": "idle"}


async def test_who_joins_the_staff_has_staffs_times(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    """Also in a session that began as a customer's."""
    found = await sign_in(identity, at)
    at.advance(timedelta(hours=11))
    found = await refreshed(identity, at, found)
    await identity.grant_staff(system(at), person_id=ada.id, role="support")
    at.advance(timedelta(minutes=61))
    with pytest.raises(SessionOver):
        await refreshed(identity, at, found)


async def test_a_shorter_life_counts_at_once(
    identity: IdentityService, db: Database, at: SettableClock, ada: Person
) -> None:
    found = await sign_in(identity, at)
    at.advance(timedelta(days=2))
    stricter = identity_of(db, at, session_days=1)
    with pytest.raises(SessionOver):
        await refreshed(stricter, at, found)
    await refreshed(identity, at, found)


async def test_the_session_used_longest_ago_makes_room(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    sittings = []
    for _ in range(3):
        sittings.append(await sign_in(identity, at))
        at.advance(timedelta(minutes=1))
    sittings[0] = await refreshed(identity, at, sittings[0])
    assert [one.others_ended for one in sittings] == [0, 0, 0]
    assert (await sign_in(identity, at)).others_ended == 1
    assert len(await identity.sessions(person(at, ada.id))) == 3
    with pytest.raises(SessionEnded):
        tokens.read(sittings[1].access_token)
    with pytest.raises(SessionOver) as over:
        await refreshed(identity, at, sittings[1])
    assert over.value.data == {"reason": "too_many"}
    for one in (sittings[0], sittings[2]):
        await refreshed(identity, at, one)


async def test_many_at_once_are_no_way_around(
    identity: IdentityService, db: Database, at: SettableClock, ada: Person
) -> None:
    found = await asyncio.gather(*(sign_in(identity, at) for _ in range(8)))
    alive = "SELECT count(*) FROM identity.sessions WHERE ended_at IS NULL"
    assert await db.fetchval(alive) == 3
    assert sum(one.others_ended for one in found) == 5
    ends = await asyncio.gather(
        *(refreshed(identity, at, one) for one in found), return_exceptions=True
    )
    assert sum(isinstance(one, SignedIn) for one in ends) == 3


async def test_ending_sessions_asks_for_proof(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    found = await sign_in(identity, at)
    here = tokens.read(found.access_token).session_id
    door = local(Identity, identity, caller=None)
    for call in (
        door.end_session(person(at, ada.id), id=here),
        door.end_other_sessions(person(at, ada.id), but=here),
        door.ask_phone_code(person(at, ada.id), number="+8801711123456"),
        door.forget_phone(person(at, ada.id)),
    ):
        with pytest.raises(ProofNeeded):
            await call
    assert len(await identity.sessions(person(at, ada.id))) == 1


async def test_rest_says_why(identity: IdentityService, at: SettableClock, ada: Person) -> None:
    found = await sign_in(identity, at)
    at.advance(timedelta(days=31))
    rest = Rest(at, {Identity: identity}, router)
    async with rest.client() as client:
        answer = await client.post("/auth/refresh", json={"refreshToken": found.refresh_token})
        assert answer.status_code == 401
        told = answer.json()
        assert (told["code"], told["reason"]) == ("session_over", "idle")
        answer = await client.post("/auth/refresh", json={"refreshToken": "no such token"})
        assert answer.json()["code"] == RefreshInvalid.code
