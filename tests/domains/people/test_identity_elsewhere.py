"""Signing in at another provider: what is believed, who is let in, and what is refused."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from haat.domains.people.identity.api import (
    Answered,
    ElsewhereAway,
    ElsewhereRefused,
    ProviderUnknown,
    WrongCredentials,
)
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Tokens
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
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
)
from tests.domains.people.providers import (
    ADA,
    CLIENT,
    FakeProvider,
    market_with,
    query_of,
    signs_in,
    unsigned,
    with_key_inside,
    with_own_key,
    with_public_key,
)


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


# -- the way there and back ---------------------------------------------------------------------


async def test_who_is_new_gets_an_account(
    identity: IdentityService, at: SettableClock, there: FakeProvider, db: Database, tokens: Tokens
) -> None:
    asked = await identity.ask_elsewhere(guest(at), provider="acme")
    query = query_of(asked.url)
    assert asked.url.startswith("https://id.example/authorize?")
    assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
    assert (query["code_challenge_method"], query["scope"]) == ("S256", "openid email profile")
    assert query["redirect_uri"] == "http://localhost:4004/sign-in/with/acme/back"
    assert query["state"] not in asked.kept, "what the browser keeps cannot be read"
    made = await signs_in(identity, at, there)
    assert (made.person.email, made.person.name, made.person.status) == (ADA, "Ada Byron", "active")
    assert tokens.read(made.access_token).person_id == made.person.id
    assert [kind for kind, _ in await outbox(db)] == ["user.created", "user.signed_in"]
    again = await signs_in(identity, at, there)
    assert again.person.id == made.person.id
    who = person(at, made.person.id)
    ways = await identity.ways_in(who)
    assert (ways.password, ways.passkeys) == (False, 0)
    assert [(one.provider, one.label, one.email) for one in ways.connections] == [
        ("acme", "Acme", ADA)
    ]
    assert ways.connections[0].used_at == at.now()
    tries = await identity.sign_ins(who)
    assert [one.result for one in tries.items] == ["signed_in", "signed_in"]
    with pytest.raises(WrongCredentials):
        await identity.sign_in(guest(at), email=ADA, password="")


async def test_the_code_is_exchanged_with_proof(
    db: Database, at: SettableClock, there: FakeProvider
) -> None:
    await signs_in(market_with(db, at, there), at, there)
    assert "authorization" in there.headers[there.calls.index("/token")]
    assert "client_secret" not in there.forms[0]
    there.document_lies = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await signs_in(market_with(db, at, there), at, there)
    assert there.forms[1]["client_secret"] == "a client's secret"
    await signs_in(market_with(db, at, there, provider={"client_secret": ""}), at, there)
    assert (there.forms[2]["client_id"], "client_secret" in there.forms[2]) == (CLIENT, False)


Lie = dict[str, Any]
LIES: dict[str, Lie] = {
    "for another client": {"aud": "other"},
    "for nobody": {"aud": None},
    "for several, and not said who asked": {"aud": [CLIENT, "other"]},
    "asked for by another": {"azp": "other"},
    "of another issuer": {"iss": "https://evil.example"},
    "of an issuer that looks alike": {"iss": "https://id.example/"},
    "expired": {"exp": int(NOON.timestamp()) - 61},
    "without an end": {"exp": None},
    "an end that is no number": {"exp": "never"},
    "an end that is no time": {"exp": True},
    "of tomorrow": {"iat": int(NOON.timestamp()) + 86_400},
    "not valid yet": {"nbf": int(NOON.timestamp()) + 600},
    "another nonce": {"nonce": "replayed"},
    "no nonce": {"nonce": None},
    "a nonce that is no text": {"nonce": ["a"]},
    "of nobody": {"sub": None},
    "of an empty somebody": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "a subject too long": {"sub": "x" * 256},
    "an access token of another": {"at_hash": "A" * 22},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_an_id_token_that_is_not_what_it_must_be(
    identity: IdentityService, at: SettableClock, there: FakeProvider, db: Database, lie: Lie
) -> None:
    there.lies = lie
    with pytest.raises(ElsewhereRefused):
        await signs_in(identity, at, there)
    assert await db.fetchval("SELECT count(*) FROM identity.people") == 0


Forger = Callable[[FakeProvider], Callable[[dict[str, Any]], str]]
FORGERS: dict[str, Forger] = {
    "alg none": lambda there: unsigned,
    "the public key as a secret": lambda there: lambda c: with_public_key(there, c),
    "another key of that name": lambda there: with_own_key,
    "its own key inside": lambda there: with_key_inside,
    "an unknown key": lambda there: lambda c: there.signed(c, kid="two"),
    "a changed body": lambda there: (
        lambda c: (
            there.signed({**c, "sub": "eve"}).rpartition(".")[0]
            + "."
            + there.signed(c).rpartition(".")[2]
        )
    ),
    "no token": lambda there: lambda c: "",
    "nonsense": lambda there: lambda c: "a.b.c",
    "too long": lambda there: lambda c: there.signed({**c, "x": "y" * 20_000}),
}


@pytest.mark.parametrize("forger", FORGERS.values(), ids=FORGERS.keys())
async def test_a_forged_id_token(
    identity: IdentityService, at: SettableClock, there: FakeProvider, forger: Forger
) -> None:
    there.sign = forger(there)
    with pytest.raises(ElsewhereRefused):
        await signs_in(identity, at, there)


async def test_an_answer_counts_once_and_in_its_own_browser(
    db: Database, at: SettableClock, there: FakeProvider
) -> None:
    options = {"acme": there.options(), "other": there.options()}
    identity = identity_of(db, at, http=there.http, sign_in=options)
    mine = await identity.ask_elsewhere(guest(at), provider="acme")
    theirs = await identity.ask_elsewhere(guest(at), provider="acme")
    answered = there.visited(mine.url)
    given: list[tuple[str, str, Answered]] = [
        ("acme", theirs.kept, answered),  # another browser's note
        ("other", mine.kept, answered),  # sent to one provider, back from another
        ("acme", "nothing", answered),
        ("acme", mine.kept, answered.model_copy(update={"state": ""})),
        ("acme", mine.kept, answered.model_copy(update={"state": "é\U0001f600"})),
    ]
    for provider, kept, said in given:
        with pytest.raises(ElsewhereRefused):
            await identity.sign_in_elsewhere(guest(at), provider=provider, kept=kept, answered=said)
    with pytest.raises(ElsewhereRefused):  # a sign-in's note connects nothing
        await identity.connect(person(at), provider="acme", kept=mine.kept, answered=answered)
    assert there.forms == [], "no code was spent"
    both = await asyncio.gather(
        *(
            identity.sign_in_elsewhere(
                guest(at), provider="acme", kept=mine.kept, answered=answered
            )
            for _ in range(2)
        ),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in both) == ["ElsewhereRefused", "SignedIn"]
    at.advance(timedelta(minutes=11))
    with pytest.raises(ElsewhereRefused):
        await identity.sign_in_elsewhere(
            guest(at), provider="acme", kept=theirs.kept, answered=there.visited(theirs.url)
        )
    with pytest.raises(ProviderUnknown):
        await identity.ask_elsewhere(guest(at), provider="nobody")


async def test_a_code_of_another_flow_is_refused(
    identity: IdentityService, at: SettableClock, there: FakeProvider
) -> None:
    """Somebody's stolen code, with a note and a state that are fine: PKCE and the nonce."""
    stolen = there.visited((await identity.ask_elsewhere(guest(at), provider="acme")).url)
    own = await identity.ask_elsewhere(guest(at), provider="acme")
    swapped = there.visited(own.url).model_copy(update={"code": stolen.code})
    with pytest.raises(ElsewhereRefused):
        await identity.sign_in_elsewhere(
            guest(at), provider="acme", kept=own.kept, answered=swapped
        )


@pytest.mark.parametrize(
    ("document", "said", "fine"),
    [
        ({}, {"iss": "https://id.example"}, True),
        ({}, {"iss": "https://evil.example"}, False),
        ({"authorization_response_iss_parameter_supported": True}, {}, False),
        ({}, {"error": "access_denied", "code": ""}, False),
        ({}, {"error": "access_denied"}, False),
        ({}, {"code": ""}, False),
    ],
)
async def test_who_answers(
    db: Database,
    at: SettableClock,
    there: FakeProvider,
    document: dict[str, Any],
    said: dict[str, str],
    fine: bool,
) -> None:
    there.document_lies = document
    identity = market_with(db, at, there)
    asked = await identity.ask_elsewhere(guest(at), provider="acme")
    answered = there.visited(asked.url, **said)
    given: dict[str, Any] = {"provider": "acme", "kept": asked.kept, "answered": answered}
    if fine:
        assert (await identity.sign_in_elsewhere(guest(at), **given)).person.email == ADA
    else:
        with pytest.raises(ElsewhereRefused):
            await identity.sign_in_elsewhere(guest(at), **given)
        assert "/token" not in there.calls


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://id.example/authorize"},
        {"authorization_endpoint": "https://x:y@id.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
)
async def test_a_document_that_is_not_believed(
    db: Database, at: SettableClock, there: FakeProvider, document: dict[str, Any]
) -> None:
    there.document_lies = document
    with pytest.raises(ElsewhereAway):
        await market_with(db, at, there).ask_elsewhere(guest(at), provider="acme")


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
async def test_plain_http_is_not_called(
    db: Database, at: SettableClock, there: FakeProvider, endpoint: str
) -> None:
    there.document_lies = {endpoint: "http://169.254.169.254/latest"}
    del there.person["email"]  # so that user info is asked
    with pytest.raises(ElsewhereAway):
        await signs_in(market_with(db, at, there), at, there)
    assert "/latest" not in there.calls


async def test_a_provider_that_is_away(
    identity: IdentityService, at: SettableClock, there: FakeProvider
) -> None:
    there.fails = 503
    with pytest.raises(ElsewhereAway):
        await identity.ask_elsewhere(guest(at), provider="acme")
    there.fails = 0
    await signs_in(identity, at, there)
    asked = await identity.ask_elsewhere(guest(at), provider="acme")
    there.fails = 500
    with pytest.raises(ElsewhereAway):
        await identity.sign_in_elsewhere(
            guest(at), provider="acme", kept=asked.kept, answered=there.visited(asked.url)
        )


async def test_keys_are_rotated(
    identity: IdentityService, at: SettableClock, there: FakeProvider
) -> None:
    await signs_in(identity, at, there)
    assert there.calls.count("/keys") == 1
    there.key = type(there.key).generate_key(2048, {"kid": "two"})
    there.published.append(there.key)
    with pytest.raises(ElsewhereRefused):  # asked for a moment ago: nobody makes us ask again
        await signs_in(identity, at, there)
    assert there.calls.count("/keys") == 1
    at.advance(timedelta(seconds=11))
    await signs_in(identity, at, there)
    assert there.calls.count("/keys") == 2
    there.published = there.published[1:]
    at.advance(timedelta(hours=2))
    await signs_in(identity, at, there)
    assert there.calls.count("/keys") == 3, "the old ones are forgotten in time"
    at.advance(timedelta(hours=2))
    document = len(there.calls)
    there.document_lies = {"jwks_uri": "https://id.example/gone"}
    await signs_in(identity, at, there)
    assert len(there.calls) > document, "known keys go on while new ones cannot be had"
