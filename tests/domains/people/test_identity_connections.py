"""Accounts elsewhere: whose account it is here, who is let in, and what rights it brings."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.identity import totp
from haat.domains.people.identity.api import (
    AccountBlocked,
    ConnectedElsewhere,
    ConnectFirst,
    ElsewhereRefused,
    EmailMissing,
    FactorPresent,
    LastWayIn,
    SecondStepNeeded,
)
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Signer, TokenExpired, Tokens
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import NotFound
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    NOON,
    SECRET,
    Post,
    clock,
    guest,
    identity_of,
    outbox,
    person,
    system,
)
from tests.domains.people.providers import (
    ADA,
    CLIENT,
    FakeProvider,
    market_with,
    query_of,
    registered,
    signs_in,
)

ROLES = "realm:market-admin=super_admin, client:desk=support, groups:/money=finance"


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("identity")
    for table in ("people", "letters", "sign_ins", "attempts", "rights_changes", "outbox"):
        await db.execute(f"DELETE FROM identity.{table}")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def tokens(at: SettableClock) -> Tokens:
    return Tokens(SECRET, at)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def there(at: SettableClock) -> FakeProvider:
    return FakeProvider(at)


@pytest.fixture
def identity(
    db: Database, at: SettableClock, tokens: Tokens, post: Post, there: FakeProvider
) -> IdentityService:
    return market_with(db, at, there, tokens=tokens, post=post)


# -- whose account it is ------------------------------------------------------------------------


@pytest.mark.parametrize("verified", [True, "true", False, None, "yes", 1])
async def test_an_account_with_that_address_is_never_taken_over(
    identity: IdentityService, at: SettableClock, there: FakeProvider, verified: Any
) -> None:
    owner = await registered(identity, at)
    there.person["email_verified"] = verified
    there.person["email"] = "ADA@Example.com"
    with pytest.raises(ConnectFirst) as refused:
        await signs_in(identity, at, there)
    assert (await identity.ways_in(person(at, owner.id))).connections == []
    ticket = refused.value.data.get("ticket")
    assert (ticket is not None) == (verified is True or verified == "true")
    if ticket is None:
        return
    eve = await registered(identity, at, "eve@example.com")
    with pytest.raises(ElsewhereRefused):
        await identity.connect_by_ticket(person(at, eve.id), ticket=ticket)
    made = await identity.connect_by_ticket(person(at, owner.id), ticket=ticket)
    same = await identity.connect_by_ticket(person(at, owner.id), ticket=ticket)
    assert made == same
    assert (await signs_in(identity, at, there)).person.id == owner.id
    at.advance(timedelta(minutes=11))
    with pytest.raises(ElsewhereRefused):
        await identity.connect_by_ticket(person(at, owner.id), ticket=ticket)


async def test_an_address_that_nobody_proved_makes_a_pending_account(
    identity: IdentityService, at: SettableClock, there: FakeProvider, post: Post, db: Database
) -> None:
    there.person["email_verified"] = False
    made = await signs_in(identity, at, there)
    assert made.person.status == "pending"
    await identity.send_letters(system(at))
    # Its real owner takes it by the link, and whoever made it is out.
    await identity.ask_reset(guest(at), email=ADA)
    await identity.send_letters(system(at))
    await identity.reset_password(guest(at), token=post.link(ADA), password="battery staple")
    with pytest.raises(ConnectFirst):
        await signs_in(identity, at, there)
    own = await identity.sign_in(guest(at), email=ADA, password="battery staple")
    ways = await identity.ways_in(person(at, own.person.id))
    assert (ways.password, ways.connections) == (True, [])


async def test_a_proved_owner_keeps_their_connections_through_a_reset(
    identity: IdentityService, at: SettableClock, there: FakeProvider, post: Post
) -> None:
    made = await signs_in(identity, at, there)
    await identity.ask_reset(guest(at), email=ADA)
    await identity.send_letters(system(at))
    await identity.reset_password(guest(at), token=post.link(ADA), password="battery staple")
    assert (await signs_in(identity, at, there)).person.id == made.person.id


@pytest.mark.parametrize("email", [None, "", "nonsense", 7, ["ada@example.com"], "a@b", "é" * 300])
async def test_without_an_address_there_is_no_account(
    identity: IdentityService, at: SettableClock, there: FakeProvider, email: Any
) -> None:
    there.person["email"] = email
    with pytest.raises(EmailMissing):
        await signs_in(identity, at, there)


async def test_two_first_visits_at_once_make_one_account(
    identity: IdentityService, at: SettableClock, there: FakeProvider, db: Database
) -> None:
    found = await asyncio.gather(*(signs_in(identity, at, there) for _ in range(4)))
    assert len({one.person.id for one in found}) == 1
    assert await db.fetchval("SELECT count(*) FROM identity.connections") == 1


async def test_names_that_cannot_be_shown(
    identity: IdentityService, at: SettableClock, there: FakeProvider
) -> None:
    for n, name in enumerate(("\u202egnp", "a\x07b", "", None, 7, "x" * 500, "   ")):
        there.person = {"sub": str(n), "email": f"p{n}@example.com", "name": name}
        made = await signs_in(identity, at, there)
        assert made.person.name in (f"p{n}", "x" * 120)


async def test_connecting_and_its_end(
    identity: IdentityService, at: SettableClock, there: FakeProvider, post: Post, db: Database
) -> None:
    owner, other = await registered(identity, at), await registered(identity, at, "b@example.com")
    who = person(at, owner.id)
    there.person |= {"email": "elsewhere@example.com"}
    asked = await identity.ask_connection(who, provider="acme")
    answered = there.visited(asked.url)
    with pytest.raises(ElsewhereRefused):  # begun by somebody else
        await identity.connect(
            person(at, other.id), provider="acme", kept=asked.kept, answered=answered
        )
    made = await identity.connect(who, provider="acme", kept=asked.kept, answered=answered)
    assert (await signs_in(identity, at, there)).person.id == owner.id
    asked = await identity.ask_connection(person(at, other.id), provider="acme")
    with pytest.raises(ConnectedElsewhere):
        await identity.connect(
            person(at, other.id),
            provider="acme",
            kept=asked.kept,
            answered=there.visited(asked.url),
        )
    with pytest.raises(NotFound):
        await identity.disconnect(person(at, other.id), id=made.id)
    await identity.disconnect(who, id=made.id)
    with pytest.raises(NotFound):
        await identity.disconnect(who, id=made.id)
    await identity.send_letters(system(at))
    subjects = [one.subject for one in post.sent if one.to == ADA]
    assert [one.partition(" · ")[0] for one in subjects] == [
        "Another way to sign in was added",
        "A way to sign in was removed",
    ]
    kinds = [data["change"] for kind, data in await outbox(db) if "connection" in kind]
    assert kinds == ["connected", "disconnected"]


async def test_the_last_way_in_stays(
    identity: IdentityService, at: SettableClock, there: FakeProvider
) -> None:
    made = await signs_in(identity, at, there)
    who = person(at, made.person.id)
    first = (await identity.ways_in(who)).connections[0].id
    with pytest.raises(LastWayIn):
        await identity.disconnect(who, id=first)
    there.person["sub"] = "ada-2"
    asked = await identity.ask_connection(who, provider="acme")
    second = await identity.connect(
        who, provider="acme", kept=asked.kept, answered=there.visited(asked.url)
    )
    ended = await asyncio.gather(
        identity.disconnect(who, id=first),
        identity.disconnect(who, id=second.id),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in ended) == ["LastWayIn", "NoneType"]


async def test_a_passkey_may_be_the_last_way_in(
    identity: IdentityService, at: SettableClock, there: FakeProvider, db: Database
) -> None:
    made = await signs_in(identity, at, there)
    who, key = person(at, made.person.id), uuid4()
    await db.execute(
        "INSERT INTO identity.passkeys"
        " (credential_id, id, person_id, public_key, sign_count, name, created_at)"
        " VALUES ($1, $2, $3, 'x', 0, 'key', $4)",
        key.bytes,
        key,
        made.person.id,
        at.now(),
    )
    connection = (await identity.ways_in(who)).connections[0].id
    ended = await asyncio.gather(
        identity.disconnect(who, id=connection),
        identity.remove_passkey(who, id=key),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in ended) == ["LastWayIn", "NoneType"]


async def test_a_connection_to_a_provider_that_is_gone_is_no_way_in(
    db: Database, at: SettableClock, there: FakeProvider
) -> None:
    made = await signs_in(market_with(db, at, there), at, there)
    who = person(at, made.person.id)
    renamed = identity_of(db, at, http=there.http, sign_in={"new": there.options()})
    there.person["sub"] = "ada-2"
    asked = await renamed.ask_connection(who, provider="new")
    answered = there.visited(asked.url)
    kept = await renamed.connect(who, provider="new", kept=asked.kept, answered=answered)
    with pytest.raises(LastWayIn):
        await renamed.disconnect(who, id=kept.id)


# -- who is let in ------------------------------------------------------------------------------


async def with_app(identity: IdentityService, db: Database, at: SettableClock, id: UUID) -> str:
    """An authenticator app; its secret."""
    secret = totp.new_secret()
    sealed = Signer(SECRET, at).seal(f"authenticator {id}", secret, NOON.replace(year=9999))
    await db.execute(
        "INSERT INTO identity.authenticators (person_id, secret, created_at, confirmed_at)"
        " VALUES ($1, $2, $3, $3)",
        id,
        sealed,
        at.now(),
    )
    return secret


async def test_the_second_step_is_asked_for_as_after_a_password(
    identity: IdentityService, at: SettableClock, there: FakeProvider, db: Database
) -> None:
    made = await signs_in(identity, at, there)
    secret = await with_app(identity, db, at, made.person.id)
    with pytest.raises(SecondStepNeeded) as needed:
        await signs_in(identity, at, there)
    code = totp.code_at(secret, int(at.now().timestamp()) // 30)
    done = await identity.finish_sign_in(
        guest(at), challenge=needed.value.data["challenge"], code=code
    )
    assert done.person.id == made.person.id
    with pytest.raises(FactorPresent):
        await identity.ask_proof_elsewhere(person(at, made.person.id), provider="acme")


async def test_a_blocked_person_stays_out(
    identity: IdentityService, at: SettableClock, there: FakeProvider
) -> None:
    made = await signs_in(identity, at, there)
    boss = person(at, scopes=["staff:settings"])
    await identity.block(boss, person_id=made.person.id, reason="spam")
    at.advance(timedelta(seconds=1))
    with pytest.raises(AccountBlocked):
        await signs_in(identity, at, there)
    tries = await identity.sign_ins_of(boss, person_id=made.person.id)
    assert tries.items[0].result == "blocked"


@pytest.mark.parametrize(
    ("words", "claims", "strong"),
    [
        ("", {"amr": ["mfa"]}, False),
        ("mfa", {"amr": ["pwd", "mfa"]}, True),
        ("mfa", {"amr": "mfa"}, False),
        ("gold,mfa", {"acr": "gold"}, True),
        ("gold", {"acr": "golden"}, False),
        ("gold", {}, False),
    ],
)
async def test_staff_need_a_second_step_that_the_operator_believes(
    db: Database,
    at: SettableClock,
    there: FakeProvider,
    words: str,
    claims: dict[str, Any],
    strong: bool,
) -> None:
    provider = {"second_step": words, "roles": ROLES}
    identity = market_with(db, at, there, provider=provider, staff_second_step="required")
    there.person |= {"realm_access": {"roles": ["market-admin"]}, **claims}
    made = await signs_in(identity, at, there)
    assert (made.person.staff_roles == ["super_admin"]) == strong
    assert ("staff:people" in made.person.scopes) == strong


async def test_a_proof_is_as_old_as_the_provider_says(
    identity: IdentityService, at: SettableClock, there: FakeProvider, tokens: Tokens
) -> None:
    there.person["auth_time"] = int((NOON - timedelta(hours=1)).timestamp())
    made = await signs_in(identity, at, there)
    claims = tokens.read(made.access_token)
    assert claims.proved_until is not None
    assert claims.proved_until < NOON
    who, session = person(at, made.person.id), claims.session_id
    asked = await identity.ask_proof_elsewhere(who, provider="acme")
    query = query_of(asked.url)
    assert (query["prompt"], query["max_age"]) == ("login", "0")
    with pytest.raises(ElsewhereRefused):  # it did not ask
        await identity.prove_elsewhere(
            who,
            provider="acme",
            kept=asked.kept,
            answered=there.visited(asked.url),
            session_id=session,
        )
    there.person["auth_time"] = int(NOON.timestamp())
    asked = await identity.ask_proof_elsewhere(who, provider="acme")
    proved = await identity.prove_elsewhere(
        who, provider="acme", kept=asked.kept, answered=there.visited(asked.url), session_id=session
    )
    until = tokens.read(proved.access_token).proved_until
    assert until is not None
    assert until > NOON
    there.person |= {"sub": "eve", "email": "eve@example.com"}
    asked = await identity.ask_proof_elsewhere(who, provider="acme")
    with pytest.raises(ElsewhereRefused):  # somebody else's account there
        await identity.prove_elsewhere(
            who,
            provider="acme",
            kept=asked.kept,
            answered=there.visited(asked.url),
            session_id=session,
        )


# -- roles --------------------------------------------------------------------------------------


async def test_rights_follow_at_each_sign_in(
    db: Database, at: SettableClock, there: FakeProvider, tokens: Tokens
) -> None:
    identity = market_with(db, at, there, tokens=tokens, provider={"roles": ROLES})
    await registered(identity, at, "boss@example.com")
    boss = await identity.look_up(system(at), emails=["boss@example.com"])
    await identity.grant_staff(system(at), person_id=boss[0].person_id, role="super_admin")
    there.person["realm_access"] = {"roles": ["market-admin", "offline_access"]}
    first = await signs_in(identity, at, there)
    assert first.person.staff_roles == ["super_admin"]
    id = first.person.id
    await identity.grant_staff(system(at), person_id=id, role="support")  # by hand
    there.person |= {"realm_access": {"roles": []}, "groups": ["/money"]}
    at.advance(timedelta(seconds=1))
    second = await signs_in(identity, at, there)
    assert sorted(second.person.staff_roles) == ["finance", "support"]
    assert (await identity.ways_in(person(at, id))).connections[0].roles == ["finance"]
    claims = tokens.read(second.access_token)
    assert "staff:payouts" in claims.scopes
    with pytest.raises(TokenExpired):
        tokens.read(first.access_token)  # with rights that are no more
    history = await identity.rights_history(system(at))
    assert [(one.before, one.after, one.reason) for one in history.items] == [
        ("super_admin, support", "finance, support", "signed in at Acme"),
        ("", "super_admin", "signed in at Acme"),
    ]
    # The provider gives what stands by hand already, and takes it back: it stays.
    there.person["resource_access"] = {CLIENT: {"roles": ["desk"]}}
    await signs_in(identity, at, there)
    del there.person["resource_access"]
    third = await signs_in(identity, at, there)
    assert sorted(third.person.staff_roles) == ["finance", "support"]
    # Without the mapping, what it gave is gone.
    plain = market_with(db, at, there, tokens=tokens)
    assert (await signs_in(plain, at, there)).person.staff_roles == ["support"]


async def test_the_last_super_admin_stays_one(
    db: Database, at: SettableClock, there: FakeProvider
) -> None:
    identity = market_with(db, at, there, provider={"roles": ROLES})
    there.person["realm_access"] = {"roles": ["market-admin"]}
    await signs_in(identity, at, there)
    there.person["realm_access"] = {"roles": []}
    assert (await signs_in(identity, at, there)).person.staff_roles == ["super_admin"]


async def test_roles_go_with_the_connection(
    db: Database, at: SettableClock, there: FakeProvider
) -> None:
    identity = market_with(db, at, there, provider={"roles": ROLES})
    owner = await registered(identity, at, "own@example.com")
    who = person(at, owner.id)
    asked = await identity.ask_connection(who, provider="acme")
    made = await identity.connect(
        who, provider="acme", kept=asked.kept, answered=there.visited(asked.url)
    )
    there.person["groups"] = ["/money"]
    assert (await signs_in(identity, at, there)).person.staff_roles == ["finance"]
    await identity.disconnect(who, id=made.id)
    assert (await identity.me(who)).staff_roles == []


async def test_where_addresses_need_no_proof_a_second_step_stays_through_a_reset(
    db: Database, at: SettableClock, there: FakeProvider, post: Post
) -> None:
    identity = market_with(db, at, there, post=post, email_verification="off")
    there.person["email_verified"] = False
    made = await signs_in(identity, at, there)
    assert made.person.status == "active"
    await with_app(identity, db, at, made.person.id)
    await identity.ask_reset(guest(at), email=ADA)
    await identity.send_letters(system(at))
    await identity.reset_password(guest(at), token=post.link(ADA), password="battery staple")
    with pytest.raises(SecondStepNeeded):
        await identity.sign_in(guest(at), email=ADA, password="battery staple")
    with pytest.raises(ConnectFirst):  # what nobody proved opens it no more
        await signs_in(identity, at, there)
