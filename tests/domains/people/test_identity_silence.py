"""Whether an account is there is told neither by words nor by work: what is hashed and what the
database is asked are counted, as clocks on a busy machine tell nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from haat.domains.people.identity.api import WrongCredentials
from haat.domains.people.identity.passwords import Passwords
from haat.domains.people.identity.rules import PASSWORD_MAX_CHARS
from haat.domains.people.identity.service import IdentityService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Problem
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import Post, clock, guest, identity_of, system

PASSWORD = "correct horse"
KNOWN, UNKNOWN, BLOCKED = "ada@example.com", "nobody@example.com", "eve@example.com"
ASKED = ("fetch", "fetchrow", "fetchval", "execute", "step")


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
def post() -> Post:
    return Post()


@pytest.fixture
async def identity(db: Database, at: SettableClock, post: Post) -> IdentityService:
    found = identity_of(db, at, post=post)
    for email in (KNOWN, BLOCKED):
        made = await found.register(
            guest(at), id=uuid4(), email=email, password=PASSWORD, name="Ada"
        )
        if email == BLOCKED:
            await db.execute("UPDATE identity.people SET status = 'blocked' WHERE id = $1", made.id)
    # The hash that is nobody's is made once in a process.
    with pytest.raises(WrongCredentials):
        await found.sign_in(guest(at), email="first@example.com", password="wrong")
    await found.send_letters(system(at))
    post.sent.clear()
    return found


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """What is asked of the database, by statement, and what Argon2 is."""
    seen: Counter[str] = Counter()

    def counting(kind: type[Any], name: str, key: Any) -> None:
        real = getattr(kind, name)

        def noted(self: Any, *args: Any, **more: Any) -> Any:
            seen[key(args)] += 1
            return real(self, *args, **more)

        patch.setattr(kind, name, noted)

    with patch.context() as patch:
        counting(Passwords, "_verify", lambda args: f"argon2 of {len(args[0])}")
        counting(Passwords, "hash", lambda args: "argon2")
        for name in ASKED:
            counting(Database, name, lambda args: next(str(a) for a in args if isinstance(a, str)))
        yield seen


async def told(identity: IdentityService, at: SettableClock, **asked: Any) -> dict[str, Any]:
    with pytest.raises(Problem) as refused:
        await identity.sign_in(guest(at), **asked)
    return refused.value.document()


@pytest.mark.parametrize("password", ["wrong", "", "x" * (PASSWORD_MAX_CHARS + 50), "\ud800"])
async def test_signing_in_costs_the_same(
    identity: IdentityService,
    at: SettableClock,
    password: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    for email in (KNOWN, UNKNOWN, BLOCKED, "no address"):
        with counted(monkeypatch) as seen:
            document = await told(identity, at, email=email, password=password, origin="10.0.0.1")
        found.append((document, seen))
        assert sum(count for what, count in seen.items() if what.startswith("argon2")) == 1, email
    assert all(one == found[0] for one in found)


async def test_only_who_knows_the_password_hears_of_a_block(
    identity: IdentityService, at: SettableClock
) -> None:
    right = await told(identity, at, email=BLOCKED, password=PASSWORD)
    wrong = await told(identity, at, email=BLOCKED, password="wrong")
    assert (right["code"], wrong["code"]) == ("account_blocked", WrongCredentials.code)


async def test_guessing_is_slowed_alike(identity: IdentityService, at: SettableClock) -> None:
    """An account that is not there is locked as one that is."""
    found = []
    for email in (KNOWN, UNKNOWN):
        answers = [
            await told(identity, at, email=email, password="wrong", origin="10.0.0.1")
            for _ in range(12)
        ]
        found.append(answers)
    assert found[0] == found[1]
    assert found[0][-1]["code"] == "too_many_attempts"


async def test_asking_for_a_new_password_costs_the_same(
    identity: IdentityService,
    at: SettableClock,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    for email in (KNOWN, UNKNOWN, BLOCKED):
        with counted(monkeypatch) as seen:
            for _ in range(5):  # beyond what is sent, too
                await identity.ask_reset(guest(at), email=email, origin="10.0.0.1")
        found.append(seen)
    assert all(one == found[0] for one in found)
    assert post.sent == []  # what differs is done later, by a timer
    await identity.send_letters(system(at))
    assert KNOWN in {mail.to for mail in post.sent}
    assert UNKNOWN not in {mail.to for mail in post.sent}
