import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher

from haat.domains.people.identity import reactions
from haat.domains.people.identity.api import (
    AccountBlocked,
    DemoOnlyHere,
    Person,
    RefreshInvalid,
    SessionOver,
    SignedIn,
    TokenReused,
    TooManyAttempts,
    WrongCredentials,
)
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Tokens
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import NotFound
from haat.kernel.events import noted_in
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    HOSTILE,
    NOON,
    SECRET,
    clock,
    guest,
    identity_of,
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
def tokens(at: SettableClock) -> Tokens:
    return Tokens(SECRET, at)


@pytest.fixture
def identity(db: Database, at: SettableClock, tokens: Tokens) -> IdentityService:
    return identity_of(db, at, tokens=tokens)


@pytest.fixture
async def ada(identity: IdentityService, at: SettableClock) -> Person:
    return await identity.register(
        guest(at), id=uuid4(), email="ada@example.com", password=PASSWORD, name="Ada"
    )


async def sign_in(
    identity: IdentityService,
    at: SettableClock,
    password: str = PASSWORD,
    email: str = "ada@example.com",
    **more: Any,
) -> SignedIn:
    return await identity.sign_in(guest(at), email=email, password=password, **more)


async def refreshed(
    identity: IdentityService, at: SettableClock, token: str | None, vendor_id: UUID | None = None
) -> SignedIn:
    assert token is not None
    return await identity.refresh(guest(at), refresh_token=token, vendor_id=vendor_id)


async def test_signing_in(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person, db: Database
) -> None:
    found = await sign_in(identity, at, email=" ADA@example.com ", client="Browser\r\n/1")
    assert found.person.id == ada.id
    assert found.person.last_sign_in_at == NOON
    assert found.expires_at == NOON + timedelta(minutes=15)
    claims = tokens.read(found.access_token)
    assert (claims.person_id, claims.scopes, claims.vendor_id) == (
        ada.id,
        frozenset({"person"}),
        None,
    )
    assert found.refresh_token is not None
    assert found.refresh_token not in repr(found)
    assert found.access_token not in repr(found)
    kept = await db.fetch("SELECT t::text AS row FROM identity.refresh_tokens t")
    assert len(kept) == 1
    assert found.refresh_token not in kept[0]["row"]
    session = await db.fetchrow("SELECT * FROM identity.sessions")
    assert session is not None
    assert (session["id"], session["client"]) == (claims.session_id, "Browser/1")


@pytest.mark.parametrize("password", ["", "wrong horse", PASSWORD + " ", "x" * 500, *HOSTILE])
async def test_a_wrong_password(
    identity: IdentityService, at: SettableClock, ada: Person, db: Database, password: str
) -> None:
    with pytest.raises(WrongCredentials):
        await sign_in(identity, at, password)
    assert await db.fetchval("SELECT count(*) FROM identity.sessions") == 0


@pytest.mark.parametrize("email", ["eve@example.com", "", "ada", *HOSTILE])
async def test_an_unknown_account(
    identity: IdentityService, at: SettableClock, ada: Person, email: str
) -> None:
    with pytest.raises(WrongCredentials):
        await sign_in(identity, at, email=email)


async def test_an_unknown_account_costs_as_much(
    identity: IdentityService, at: SettableClock, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash is verified for either, so that the time does not tell which accounts exist."""
    verify = PasswordHasher.verify
    verified: list[str] = []

    def counted(self: PasswordHasher, hash: str, password: str) -> bool:
        verified.append(hash.rsplit("$", 2)[0])
        return bool(verify(self, hash, password))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for email in (ada.email, "eve@example.com"):
        with pytest.raises(WrongCredentials):
            await sign_in(identity, at, "wrong horse", email, origin="10.0.0.9")
    assert len(verified) == 2
    assert verified[0] == verified[1], "with the same parameters"


async def test_ten_failures_lock_the_account_for_that_client(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            await sign_in(identity, at, "wrong", origin="10.0.0.1")
        at.advance(timedelta(seconds=1))
    with pytest.raises(TooManyAttempts) as refused:
        await sign_in(identity, at, origin="10.0.0.1")
    assert 290 <= refused.value.data["retryAfterS"] <= 300
    await sign_in(identity, at, origin="10.0.0.2")  # from elsewhere it works
    at.advance(timedelta(seconds=300))
    await sign_in(identity, at, origin="10.0.0.1")
    for _ in range(10):  # and counting begins anew
        with pytest.raises(WrongCredentials):
            await sign_in(identity, at, "wrong", origin="10.0.0.1")


async def test_many_guesses_at_once_are_no_way_around(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    guesses = (sign_in(identity, at, f"wrong {n}", origin="10.0.0.1") for n in range(40))
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, WrongCredentials) for one in found) == 10
    assert sum(isinstance(one, TooManyAttempts) for one in found) == 30


async def test_guessing_from_many_places_is_stopped(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    guesses = (sign_in(identity, at, "wrong", origin=f"10.0.0.{n}") for n in range(120))
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, WrongCredentials) for one in found) == 100
    assert sum(isinstance(one, TooManyAttempts) for one in found) == 20
    at.advance(timedelta(minutes=6))
    await sign_in(identity, at)


async def test_one_locked_place_does_not_lock_the_account(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    for _ in range(150):
        with pytest.raises((WrongCredentials, TooManyAttempts)):
            await sign_in(identity, at, "wrong", origin="10.0.0.1")
    await sign_in(identity, at, origin="10.0.0.2")


async def test_many_may_sign_in_to_one_account_at_once(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    found = await asyncio.gather(*(sign_in(identity, at) for _ in range(24)))
    assert len({one.refresh_token for one in found}) == 24


async def test_blocked_and_demo_accounts(
    identity: IdentityService, at: SettableClock, ada: Person, db: Database
) -> None:
    before = await sign_in(identity, at)
    for _ in range(2):
        await identity.mark_demo(system(at), person_ids=[ada.id, uuid4()])
    with pytest.raises(DemoOnlyHere):
        await sign_in(identity, at)
    with pytest.raises(WrongCredentials):  # who does not know the password learns nothing
        await sign_in(identity, at, "wrong")
    await sign_in(identity, at, local=True)
    await db.execute("UPDATE identity.people SET status = 'blocked'")
    with pytest.raises(AccountBlocked):
        await sign_in(identity, at, local=True)
    with pytest.raises(AccountBlocked):
        await refreshed(identity, at, before.refresh_token)


async def test_a_hash_is_renewed_when_it_costs_more_now(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person, db: Database
) -> None:
    stronger = identity_of(db, at, tokens=tokens, password_memory_kib=128)
    await sign_in(stronger, at)
    kept = await db.fetchval("SELECT password_hash FROM identity.people")
    assert "m=128," in kept
    await sign_in(stronger, at)
    assert await db.fetchval("SELECT password_hash FROM identity.people") == kept


async def test_refreshing_rotates(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    first = await sign_in(identity, at)
    at.advance(timedelta(minutes=14))
    second = await refreshed(identity, at, first.refresh_token)
    assert second.refresh_token not in (None, first.refresh_token)
    assert second.expires_at == at.now() + timedelta(minutes=15)
    old, new = tokens.read(first.access_token), tokens.read(second.access_token)
    assert (old.session_id, old.person_id) == (new.session_id, new.person_id)
    at.advance(timedelta(days=29))
    third = await refreshed(identity, at, second.refresh_token)
    at.advance(timedelta(days=30, seconds=1))
    with pytest.raises(SessionOver):
        await refreshed(identity, at, third.refresh_token)


async def test_two_tabs_refresh_at_once(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    token = (await sign_in(identity, at)).refresh_token
    found = await asyncio.gather(*(refreshed(identity, at, token) for _ in range(8)))
    given = [one.refresh_token for one in found if one.refresh_token is not None]
    assert len(given) == 1
    assert all(one.access_token for one in found)
    at.advance(timedelta(seconds=30))
    late = await refreshed(identity, at, token)
    assert late.refresh_token is None
    assert (await refreshed(identity, at, given[0])).refresh_token is not None


async def test_a_reused_token_ends_the_session(
    identity: IdentityService, at: SettableClock, ada: Person, db: Database
) -> None:
    other = await sign_in(identity, at)
    first = await sign_in(identity, at)
    second = await refreshed(identity, at, first.refresh_token)
    at.advance(timedelta(seconds=31))
    with pytest.raises(TokenReused):
        await refreshed(identity, at, first.refresh_token)
    for token in (first.refresh_token, second.refresh_token):
        with pytest.raises(RefreshInvalid):
            await refreshed(identity, at, token)
    await refreshed(identity, at, other.refresh_token)  # another session goes on
    reasons = await db.fetch("SELECT end_reason FROM identity.sessions ORDER BY 1")
    assert [row["end_reason"] for row in reasons] == ["token_reused", None]


async def test_signing_out(identity: IdentityService, at: SettableClock, ada: Person) -> None:
    token = (await sign_in(identity, at)).refresh_token
    assert token is not None
    for _ in range(2):
        await identity.sign_out(guest(at), refresh_token=token)
    with pytest.raises(RefreshInvalid):
        await refreshed(identity, at, token)
    for text in ("", *HOSTILE):
        await identity.sign_out(guest(at), refresh_token=text)
        with pytest.raises(RefreshInvalid):
            await refreshed(identity, at, text)


async def test_signing_out_races_refreshing(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    for _ in range(10):
        token = (await sign_in(identity, at)).refresh_token
        assert token is not None
        found, _ = await asyncio.gather(
            refreshed(identity, at, token),
            identity.sign_out(guest(at), refresh_token=token),
            return_exceptions=True,
        )
        if isinstance(found, SignedIn):
            with pytest.raises(RefreshInvalid):
                await refreshed(identity, at, found.refresh_token)
        else:
            assert isinstance(found, RefreshInvalid)


async def test_acting_for_a_vendor(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    shop, stall = uuid4(), uuid4()
    before = await sign_in(identity, at)
    await identity.join_vendor(system(at), person_id=ada.id, vendor_id=shop, role="owner")
    at.advance(timedelta(seconds=1))
    await identity.join_vendor(system(at), person_id=ada.id, vendor_id=stall, role="staff")
    # A session that began before has the role from its next refresh on.
    after = await refreshed(identity, at, before.refresh_token)
    claims = tokens.read(after.access_token)
    assert (claims.vendor_id, claims.vendor_role) == (shop, "owner")
    assert "vendor:money" in claims.scopes
    chosen = await sign_in(identity, at, vendor_id=stall)
    claims = tokens.read(chosen.access_token)
    assert (claims.vendor_id, claims.vendor_role) == (stall, "staff")
    assert "vendor:money" not in claims.scopes
    assert chosen.person.scopes == sorted(claims.scopes)
    again = await refreshed(identity, at, chosen.refresh_token)  # the choice stays
    assert tokens.read(again.access_token).vendor_id == stall
    moved = await refreshed(identity, at, again.refresh_token, shop)
    assert tokens.read(moved.access_token).vendor_id == shop
    with pytest.raises(NotFound):
        await refreshed(identity, at, moved.refresh_token, uuid4())
    assert (await refreshed(identity, at, moved.refresh_token)).refresh_token is not None
    with pytest.raises(NotFound):
        await sign_in(identity, at, vendor_id=uuid4())


async def test_what_is_over_is_swept(
    identity: IdentityService, at: SettableClock, ada: Person, db: Database
) -> None:
    first = await sign_in(identity, at)
    await refreshed(identity, at, first.refresh_token)
    with pytest.raises(WrongCredentials):
        await sign_in(identity, at, "wrong")
    timer = next(one for one in noted_in(reactions).timers if one.handler.__name__ == "sweep")
    await timer.handler(identity, system(at))
    assert await db.fetchval("SELECT count(*) FROM identity.refresh_tokens") == 2
    assert await db.fetchval("SELECT count(*) FROM identity.attempts") == 2
    at.advance(timedelta(days=40))
    for timer in noted_in(reactions).timers:
        await timer.handler(identity, system(at))
    for table in ("sessions", "refresh_tokens", "attempts"):
        assert await db.fetchval(f"SELECT count(*) FROM identity.{table}") == 0
