"""Sessions that are listed and ended, tries to sign in that are kept, people who are kept out."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.people.identity.api import (
    AccountBlocked,
    Identity,
    NotYourself,
    Person,
    RefreshInvalid,
    SignedIn,
    WrongCredentials,
)
from haat.domains.people.identity.own_routes import router
from haat.domains.people.identity.rules import device
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import SessionEnded, Tokens
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, NotFound
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    NOON,
    SECRET,
    Rest,
    clock,
    guest,
    identity_of,
    outbox,
    person,
    system,
)

PASSWORD = "correct horse"
ADA, EVE = "ada@example.com", "eve@example.com"
FOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


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
    return identity_of(db, at, tokens=tokens)


@pytest.fixture
async def ada(identity: IdentityService, at: SettableClock) -> Person:
    return await identity.register(guest(at), id=uuid4(), email=ADA, password=PASSWORD, name="Ada")


async def sign_in(
    identity: IdentityService, at: SettableClock, password: str = PASSWORD, email: str = ADA
) -> SignedIn:
    return await identity.sign_in(
        guest(at), email=email, password=password, client=FOX, origin="10.0.0.1"
    )


def session_of(tokens: Tokens, found: SignedIn) -> UUID:
    return tokens.read(found.access_token).session_id


async def test_sessions_are_listed_and_ended(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    ctx = person(at, ada.id)
    first = await sign_in(identity, at)
    at.advance(timedelta(minutes=5))
    second = await sign_in(identity, at)
    at.advance(timedelta(minutes=5))
    assert first.refresh_token is not None
    first = await identity.refresh(guest(at), refresh_token=first.refresh_token)
    shown = await identity.sessions(ctx)
    one, two = session_of(tokens, first), session_of(tokens, second)
    assert [(s.id, s.used_at - NOON) for s in shown] == [
        (one, timedelta(minutes=10)),
        (two, timedelta(minutes=5)),
    ]
    assert (shown[0].device, shown[0].address) == ("Firefox on Windows", "10.0.0.1")
    eve = await identity.register(guest(at), id=uuid4(), email=EVE, password=PASSWORD, name="Eve")
    with pytest.raises(NotFound):
        await identity.end_session(person(at, eve.id), id=one)
    for _ in range(2):
        await identity.end_session(ctx, id=two)
    assert [s.id for s in await identity.sessions(ctx)] == [one]
    with pytest.raises(SessionEnded):
        tokens.read(second.access_token)
    assert second.refresh_token is not None
    with pytest.raises(RefreshInvalid):
        await identity.refresh(guest(at), refresh_token=second.refresh_token)
    third = await sign_in(identity, at)
    await identity.end_other_sessions(ctx, but=one)
    assert [s.id for s in await identity.sessions(ctx)] == [one]
    tokens.read(first.access_token)
    with pytest.raises(SessionEnded):
        tokens.read(third.access_token)


async def test_other_processes_hear_of_ended_sessions(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    elsewhere = Tokens(SECRET, at)
    out, gone = await sign_in(identity, at), await sign_in(identity, at)
    assert out.refresh_token is not None
    elsewhere.read(out.access_token)
    await identity.sign_out(guest(at), refresh_token=out.refresh_token)
    await identity.end_session(person(at, ada.id), id=session_of(tokens, gone))
    found = await identity.ended_sessions(system(at))
    assert {one.id for one in found} == {
        elsewhere.read(one.access_token).session_id for one in (out, gone)
    }
    elsewhere.end(one.id for one in found)
    for one in (out, gone):
        with pytest.raises(SessionEnded):
            elsewhere.read(one.access_token)
    later = at.now() + timedelta(seconds=1)
    assert await identity.ended_sessions(system(at), since=later) == []
    at.advance(timedelta(minutes=16))  # their tokens have run out by themselves
    assert await identity.ended_sessions(system(at)) == []


async def test_tries_are_kept_for_their_owner(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person, db: Database
) -> None:
    with pytest.raises(WrongCredentials):
        await sign_in(identity, at, "wrong")
    at.advance(timedelta(minutes=1))
    well = await sign_in(identity, at)
    with pytest.raises(WrongCredentials):
        await sign_in(identity, at, email="nobody@example.com")
    ctx = person(at, ada.id)
    found = (await identity.sign_ins(ctx)).items
    assert [(one.result, one.at - NOON) for one in found] == [
        ("signed_in", timedelta(minutes=1)),
        ("wrong_password", timedelta()),
    ]
    assert found[0].session_id == session_of(tokens, well)
    assert (found[0].device, found[0].address) == ("Firefox on Windows", "10.0.0.1")
    assert (await identity.sign_ins_of(system(at), person_id=ada.id)).items == found
    page = await identity.sign_ins(ctx, limit=1)
    rest = await identity.sign_ins(ctx, limit=1, cursor=page.next)
    assert page.items + rest.items == found
    with pytest.raises(Invalid):
        await identity.sign_ins(ctx, cursor="x")
    assert (await identity.sign_ins(person(at, uuid4()))).items == []
    at.advance(timedelta(days=2))
    await identity.sweep(system(at))
    assert await db.fetchval("SELECT count(*) FROM identity.sign_ins") == 2, (
        "the stranger's is gone"
    )
    at.advance(timedelta(days=90))
    await identity.sweep(system(at))
    assert await db.fetchval("SELECT count(*) FROM identity.sign_ins") == 0


async def test_registration_and_sign_in_are_events(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person, db: Database
) -> None:
    found = await sign_in(identity, at)
    assert await outbox(db) == [
        ("user.created", {"personId": str(ada.id)}),
        (
            "user.signed_in",
            {"personId": str(ada.id), "sessionId": str(session_of(tokens, found))},
        ),
    ]


async def test_who_is_blocked_is_out_at_once(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person, db: Database
) -> None:
    found = await sign_in(identity, at)
    await outbox(db)
    staff = person(at, scopes={"staff", "staff:settings"})
    for _ in range(2):
        await identity.block(staff, person_id=ada.id, reason="fraud")
    assert await outbox(db) == [("user.blocked", {"personId": str(ada.id), "reason": "fraud"})]
    with pytest.raises(SessionEnded):
        tokens.read(found.access_token)
    at.advance(timedelta(seconds=1))
    with pytest.raises(AccountBlocked):
        await sign_in(identity, at)
    assert (await identity.sign_ins(person(at, ada.id))).items[0].result == "blocked"
    await identity.unblock(staff, person_id=ada.id)
    assert [kind for kind, _ in await outbox(db)] == ["user.unblocked"]
    assert (await sign_in(identity, at)).person.status == "pending"
    with pytest.raises(NotFound):
        await identity.block(staff, person_id=uuid4(), reason="fraud")
    with pytest.raises(NotFound):
        await identity.unblock(staff, person_id=uuid4())
    with pytest.raises(NotYourself):
        await identity.block(person(at, ada.id), person_id=ada.id, reason="tired")


async def test_a_sign_in_at_the_moment_of_the_block(
    identity: IdentityService, at: SettableClock, ada: Person, db: Database
) -> None:
    for _ in range(4):
        await asyncio.gather(
            *(sign_in(identity, at) for _ in range(4)),
            identity.block(system(at), person_id=ada.id, reason="fraud"),
            return_exceptions=True,
        )
        assert await identity.sessions(person(at, ada.id)) == []
        await identity.unblock(system(at), person_id=ada.id)


async def test_over_rest(identity: IdentityService, at: SettableClock, ada: Person) -> None:
    rest = Rest(at, {Identity: identity}, router)
    found, other = await sign_in(identity, at), await sign_in(identity, at)
    async with rest.client() as client:
        client.headers["authorization"] = f"Bearer {found.access_token}"
        shown = (await client.get("/me/sessions")).json()
        assert sorted(one["current"] for one in shown) == [False, True]
        assert (await client.delete("/me/sessions")).status_code == 204
        assert [one["current"] for one in (await client.get("/me/sessions")).json()] == [True]
        assert len((await client.get("/me/sign-ins?limit=1")).json()["items"]) == 1
        assert (await client.get("/me/sign-ins?limit=0")).status_code == 422
        assert (await client.delete(f"/me/sessions/{uuid4()}")).status_code == 404
        assert (await client.get(f"/admin/people/{ada.id}/sign-ins")).status_code == 403
        asked = {"email": "nobody@example.com"}
        assert (await client.post("/auth/forgot-password", json=asked)).status_code == 204
        wrong = {"old": "wrong", "new": "battery staple"}
        answer = await client.put("/me/password", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
        spent = {"token": "x.0.y", "password": "battery staple"}
        answer = await client.post("/auth/reset-password", json=spent)
        assert (answer.status_code, answer.json()["code"]) == (422, "link_invalid")
        assert (await client.post("/me/verification")).status_code == 204
    assert other.refresh_token is not None
    with pytest.raises(RefreshInvalid):
        await identity.refresh(guest(at), refresh_token=other.refresh_token)


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (FOX, "Firefox on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
         "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
         "Chrome on Android"),
        ("shop-sync/2", "shop-sync/2"),
        ("", "unknown"),
    ],
)  # fmt: skip
def test_devices_have_names(client: str, name: str) -> None:
    assert device(client) == name
