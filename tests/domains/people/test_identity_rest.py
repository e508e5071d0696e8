from typing import Any
from uuid import uuid4

import pytest

from haat.domains.people.identity.api import Identity, Person
from haat.domains.people.identity.routes import router
from haat.domains.people.identity.service import IdentityService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import HOSTILE, Rest, clock, guest, identity_of, raw, system

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


@pytest.fixture
async def ada(identity: IdentityService, at: SettableClock) -> Person:
    return await identity.register(
        guest(at), id=uuid4(), email="ada@example.com", password=PASSWORD, name="Ada"
    )


async def test_rest_from_registering_to_signing_out(
    identity: IdentityService, at: SettableClock
) -> None:
    rest = Rest(at, {Identity: identity}, router)
    account = {"email": "Bob@example.com", "password": "  spaces count  ", "name": " Bob "}
    async with rest.client() as client:
        made = await client.post("/auth/register", json=account)
        assert made.status_code == 201
        assert made.json()["name"] == "Bob"
        assert "password" not in made.text.lower()
        twice = await client.post("/auth/register", json=account)
        assert (twice.status_code, twice.json()["code"]) == (409, "email_taken")
        stripped = {"email": "bob@example.com", "password": "spaces count"}
        assert (await client.post("/auth/login", json=stripped)).status_code == 401
        login = await client.post(
            "/auth/login", json={"email": "bob@example.com", "password": "  spaces count  "}
        )
        tokens = login.json()
        assert tokens["tokenType"] == "Bearer"
        assert (await client.get("/auth/me")).status_code == 401
        signed = {"Authorization": f"Bearer {tokens['accessToken']}"}
        for path in ("/auth/me", "/me"):
            assert (await client.get(path, headers=signed)).json()["email"] == "bob@example.com"
        again = await client.post("/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
        assert again.json()["refreshToken"] != tokens["refreshToken"]
        out = {"refreshToken": again.json()["refreshToken"]}
        assert (await client.post("/auth/logout", json=out)).status_code == 204
        gone = await client.post("/auth/refresh", json=out)
        assert (gone.status_code, gone.json()["code"]) == (401, "refresh_token_invalid")


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"])
async def test_rest_refuses_bad_bodies(
    identity: IdentityService, at: SettableClock, path: str
) -> None:
    rest = Rest(at, {Identity: identity}, router)
    bodies: list[Any] = [None, [], "x", {}, {"email": 1}, {"email": {"$ne": ""}, "password": []}]
    bodies += [{"email": t, "password": t, "name": t, "refreshToken": t} for t in HOSTILE]
    bodies += [{"email": "a@b.example", "password": "x" * 201, "name": "x" * 121}]
    async with rest.client() as client:
        for body in bodies:
            answer = await client.post(path, **raw(body))
            assert answer.status_code == 422, body
            assert answer.json()["code"]


async def test_demo_accounts_sign_in_from_here_only(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    await identity.mark_demo(system(at), person_ids=[ada.id])
    rest = Rest(at, {Identity: identity}, router)
    body = {"email": "ada@example.com", "password": PASSWORD}

    async def answer(peer: str, **headers: str) -> int:
        async with rest.client(peer=peer) as client:
            found = await client.post("/auth/login", json=body, headers=headers)
            return found.status_code

    for here in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert await answer(here) == 200, here
    for elsewhere in ("10.0.0.1", "203.0.113.9", "::ffff:10.0.0.1", "fe80::1", "unknown", ""):
        assert await answer(elsewhere) == 403, elsewhere
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert await answer("127.0.0.1", **{name: "127.0.0.1"}) == 403, name


async def test_rest_says_when_to_try_again(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    rest = Rest(at, {Identity: identity}, router)
    async with rest.client() as client:
        for n in range(11):
            answer = await client.post(
                "/auth/login",
                json={"email": "ada@example.com", "password": "wrong"},
                headers={"User-Agent": f"Browser {n}"},  # not what failures are counted by
            )
        assert answer.status_code == 429
        assert answer.json()["code"] == "too_many_attempts"
        assert answer.headers["Retry-After"] == "300"
