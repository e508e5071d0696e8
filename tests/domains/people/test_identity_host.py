"""The host system's tokens: whose they are, who they speak for, and what is refused."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.datastructures import State

from haat.domains.people.identity.api import (
    AccountBlocked,
    ConnectFirst,
    EmailMissing,
    HostTokenInvalid,
    Identity,
    SecondStepNeeded,
)
from haat.domains.people.identity.elsewhere_routes import router
from haat.domains.people.identity.host import HostOptions
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Tokens
from haat.engines.http.issuers import issuer_said
from haat.engines.sql import Database
from haat.gateways.rest.keys import ApiKeys
from haat.gateways.rest.paces import holder_of
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Problem
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import NOON, SECRET, Rest, clock, guest, identity_of, person
from tests.domains.people.providers import (
    ADA,
    FakeProvider,
    registered,
    unsigned,
    with_own_key,
    with_public_key,
)
from tests.journeys.box import environment

ISSUER = "https://host.example"
AUDIENCE = "market"


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
def host(at: SettableClock) -> FakeProvider:
    return FakeProvider(at, issuer=ISSUER)


def market_of(db: Database, at: SettableClock, host: FakeProvider, **more: Any) -> IdentityService:
    given = {"host_issuer": ISSUER, "host_audience": AUDIENCE, **more.pop("options", {})}
    return identity_of(db, at, http=host.http, host=HostOptions(**given), **more)


@pytest.fixture
def identity(db: Database, at: SettableClock, host: FakeProvider) -> IdentityService:
    return market_of(db, at, host)


def token(host: FakeProvider, **claims: Any) -> str:
    found = {**host.claims({}), "aud": AUDIENCE, **claims}
    return host.signed({name: value for name, value in found.items() if value is not None})


async def test_an_account_is_made_at_the_first_token(
    identity: IdentityService, at: SettableClock, host: FakeProvider, db: Database
) -> None:
    found = await asyncio.gather(
        *(identity.host_person(guest(at), token=token(host)) for _ in range(4))
    )
    assert len({one.person_id for one in found}) == 1
    assert found[0].scopes == ["person"]
    assert found[0].proved_until is None
    who = await identity.me(person(at, found[0].person_id))
    assert (who.email, who.name, who.status) == (ADA, "Ada Byron", "active")
    # The same id wherever it is made.
    await db.execute("DELETE FROM identity.people")
    again = await identity.host_person(guest(at), token=token(host))
    assert again.person_id == found[0].person_id
    other = await identity.host_person(
        guest(at), token=token(host, sub="eve", email="eve@example.com", aud=["x", AUDIENCE])
    )
    assert other.person_id != again.person_id


REFUSED: dict[str, dict[str, Any]] = {
    "for another system": {"aud": "other"},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://evil.example"},
    "expired": {"exp": int(NOON.timestamp()) - 61},
    "without an end": {"exp": None},
    "of the future": {"nbf": int(NOON.timestamp()) + 600},
    "of nobody": {"sub": None},
    "of true": {"sub": True},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED.keys())
async def test_refused(
    identity: IdentityService, at: SettableClock, host: FakeProvider, claims: dict[str, Any]
) -> None:
    with pytest.raises(HostTokenInvalid):
        await identity.host_person(guest(at), token=token(host, **claims))


async def test_forged(identity: IdentityService, at: SettableClock, host: FakeProvider) -> None:
    claims = {**host.claims({}), "aud": AUDIENCE}
    good = token(host)
    for made in (
        unsigned(claims),
        with_public_key(host, claims),
        with_own_key(claims),
        good[:-4] + "AAAA",
        "x",
        "",
        good + "x" * 20_000,
    ):
        with pytest.raises(HostTokenInvalid):
            await identity.host_person(guest(at), token=made)


async def test_without_a_host_nothing_is_accepted(
    db: Database, at: SettableClock, host: FakeProvider
) -> None:
    plain = identity_of(db, at, http=host.http)
    with pytest.raises(HostTokenInvalid):
        await plain.host_person(guest(at), token=token(host))
    assert host.calls == []


async def test_an_account_with_that_address_is_connected_by_its_owner(
    identity: IdentityService, at: SettableClock, host: FakeProvider
) -> None:
    owner = await registered(identity, at)
    with pytest.raises(ConnectFirst):
        await identity.host_person(guest(at), token=token(host))
    with pytest.raises(EmailMissing):
        await identity.host_person(guest(at), token=token(host, email=None))
    await identity.connect_host(person(at, owner.id), token=token(host))
    found = await identity.host_person(guest(at), token=token(host))
    assert found.person_id == owner.id


async def test_claims_by_other_names_and_roles(
    db: Database, at: SettableClock, host: FakeProvider
) -> None:
    names = {"host_claims": "sub=user.id, email=mail,name = fullName"}
    more = {"host_roles": "role:cfo=finance", "host_emails_verified": True}
    identity = market_of(db, at, host, options={**names, **more})
    given: dict[str, Any] = dict.fromkeys(("sub", "email", "email_verified", "name"))
    given["user.id"] = 4711
    given |= {"mail": "cfo@example.com", "fullName": "The CFO", "role": "cfo"}
    found = await identity.host_person(guest(at), token=token(host, **given))
    assert found.roles == ["finance"]
    assert "staff:payouts" in found.scopes
    assert (await identity.me(person(at, found.person_id))).status == "active"
    demoted = await identity.host_person(guest(at), token=token(host, **{**given, "role": "x"}))
    assert (demoted.roles, demoted.rights) == ([], found.rights + 1)


async def test_who_is_blocked_or_has_a_second_step(
    identity: IdentityService, at: SettableClock, host: FakeProvider, db: Database
) -> None:
    found = await identity.host_person(guest(at), token=token(host))
    await db.execute(
        "INSERT INTO identity.authenticators (person_id, secret, created_at, confirmed_at)"
        " VALUES ($1, 'x', $2, $2)",
        found.person_id,
        NOON,
    )
    with pytest.raises(SecondStepNeeded):
        await identity.host_person(guest(at), token=token(host))
    with pytest.raises(SecondStepNeeded) as needed:
        await identity.sign_in_with_host(guest(at), token=token(host))
    assert "challenge" in needed.value.data
    await db.execute("DELETE FROM identity.authenticators")
    boss = person(at, scopes=["staff:settings"])
    await identity.block(boss, person_id=found.person_id, reason="spam")
    for refused in (identity.host_person, identity.sign_in_with_host):
        with pytest.raises(AccountBlocked):
            await refused(guest(at), token=token(host))


async def test_a_proof_is_what_the_token_says(
    identity: IdentityService, at: SettableClock, host: FakeProvider
) -> None:
    when = NOON - timedelta(minutes=3)
    given = token(host, auth_time=int(when.timestamp()))
    found = await identity.host_person(guest(at), token=given)
    assert found.proved_until == when + timedelta(minutes=10)


async def test_a_shared_secret(db: Database, at: SettableClock, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 32 + "\n")
    host = FakeProvider(at, issuer=ISSUER)
    identity = market_of(db, at, host, options={"host_key_file": file})
    claims = {**host.claims({}), "aud": AUDIENCE}
    key = OctKey.import_key(b"s" * 32)
    made = jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"])
    assert (await identity.host_person(guest(at), token=made)).scopes == ["person"]
    with pytest.raises(HostTokenInvalid):
        await identity.host_person(guest(at), token=host.signed(claims))
    assert host.calls == [], "nothing is fetched"
    file.write_text("short")
    with pytest.raises(ValueError, match="32"):
        market_of(db, at, host, options={"host_key_file": file})


@pytest.mark.parametrize(
    "given",
    [
        {"host_issuer": ISSUER},
        {"host_issuer": "http://host.example", "host_audience": "m"},
        {"host_issuer": ISSUER, "host_audience": "m", "host_jwks_url": "http://10.0.0.1/keys"},
        {"host_issuer": ISSUER, "host_audience": "m", "host_roles": "x=y"},
    ],
)
def test_settings_that_make_no_sense_stop_the_start(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        HostOptions.model_validate(given)


async def test_as_a_bearer_token(
    identity: IdentityService, at: SettableClock, host: FakeProvider
) -> None:
    """Before whatever asks who calls, as in the market's own stack."""
    api = APIRouter(prefix="/api/v1")
    api.include_router(router)
    rest = Rest(at, {Identity: identity}, api)
    with environment({"HAAT_HOST_ISSUER": ISSUER}):
        state: State = rest.app.state
        stack = ApiKeys(rest.app, state, ("/api/v1",))
    transport = httpx.ASGITransport(stack, client=("127.0.0.1", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as client:

        async def me(given: str) -> httpx.Response:
            return await client.get("/api/v1/me", headers={"authorization": f"Bearer {given}"})

        assert (await me(token(host))).json()["email"] == ADA
        stale = await me(token(host, exp=int(NOON.timestamp()) - 100))
        assert (stale.status_code, stale.json()["code"]) == (401, "host_token_invalid")
        other = await me(token(host, iss="https://evil.example"))
        assert (other.status_code, other.json()["code"]) == (401, "token_invalid")
        signed = await client.post("/api/v1/auth/host", json={"token": token(host)})
        assert signed.status_code == 200
        assert (await me(signed.json()["accessToken"])).json()["email"] == ADA
        headers = {"authorization": f"Bearer {token(host)}"}
        asked = await client.post(
            "/api/v1/me/connections/host", json={"token": token(host)}, headers=headers
        )
        assert asked.json()["code"] == "proof_needed", "a token without a time is no proof"


def test_people_of_a_host_are_counted_apart(at: SettableClock, host: FakeProvider) -> None:
    """They all come from the host's own address."""
    state = State({"tokens": Tokens(SECRET, at)})
    with environment({"HAAT_HOST_ISSUER": ISSUER}):
        who = holder_of(state)
    plain = holder_of(state)

    def asked(given: str) -> dict[str, Any]:
        return {"headers": [(b"authorization", f"Bearer {given}".encode())]}

    ada, eve = asked(token(host)), asked(token(host, sub="eve"))
    assert who(ada) is not None
    assert who(ada) == who(ada) != who(eve)
    assert who(asked(token(host, iss="https://evil.example"))) is None
    assert plain(ada) is None


def test_what_a_token_says_of_itself() -> None:
    for nonsense in ("", "a", "a.b", "a.!.c", "..", "a.W10.c", "a." + "A" * 9_999 + ".c"):
        assert issuer_said(nonsense) == ""


async def test_nobody_else_is_asked(
    identity: IdentityService, at: SettableClock, host: FakeProvider
) -> None:
    found = await identity.host_person(guest(at), token=token(host))
    at.advance(timedelta(minutes=2))
    host.fails = 503  # keys are known for an hour, and go on after it
    assert (await identity.host_person(guest(at), token=token(host))) == found
    at.advance(timedelta(hours=2))
    assert (await identity.host_person(guest(at), token=token(host))) == found
    fresh = market_of(identity._db, at, host)
    with pytest.raises(Problem) as away:
        await fresh.host_person(guest(at), token=token(host))
    assert away.value.code == "sign_in_provider_away"
    asked = len(host.calls)
    for _ in range(3):  # nobody waits for it again and again
        with pytest.raises(Problem):
            await fresh.host_person(guest(at), token=token(host))
    assert len(host.calls) == asked
    host.fails = 0
    at.advance(timedelta(seconds=11))
    assert (await fresh.host_person(guest(at), token=token(host))).scopes == ["person"]
