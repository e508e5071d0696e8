"""Who lost every second factor: two people of staff, a time to stop it, mails that tell of it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.identity import reactions, totp
from haat.domains.people.identity.api import (
    FactorMissing,
    FactorReset,
    Identity,
    LinkUsed,
    NotYourself,
    Person,
    RefreshInvalid,
    ResetOpen,
    ResetOver,
    SameHands,
    SecondStepNeeded,
)
from haat.domains.people.identity.own_routes import router
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Tokens
from haat.engines.rpc.door import local
from haat.engines.sms import SmsAway
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Forbidden, NotFound, ProofNeeded
from haat.kernel.events import noted_in
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    SECRET,
    Post,
    Rest,
    Texts,
    clock,
    guest,
    identity_of,
    outbox,
    person,
    system,
)

PASSWORD, ADA = "correct horse", "ada@example.com"
SHOWN = "A passport in a video call, compared with the store's papers."
STAFF = frozenset({"staff", "staff:settings", "proved"})
DELAY = timedelta(hours=48)


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
def post() -> Post:
    return Post()


@pytest.fixture
def texts() -> Texts:
    return Texts()


@pytest.fixture
def identity(
    db: Database, at: SettableClock, tokens: Tokens, post: Post, texts: Texts
) -> IdentityService:
    return identity_of(db, at, tokens=tokens, post=post, texts=texts, email_verification="off")


class Lost:
    """Ada, who has an authenticator app, and two people of staff."""

    def __init__(self, identity: IdentityService, at: SettableClock, ada: Person) -> None:
        self.identity, self.at, self.ada = identity, at, ada
        self.first, self.second = uuid4(), uuid4()
        self.secret = ""

    async def ask(self, by: UUID | None = None) -> FactorReset:
        ctx = person(self.at, by or self.first, scopes=STAFF)
        return await self.identity.ask_factor_reset(
            ctx, id=uuid4(), person_id=self.ada.id, evidence=SHOWN
        )

    async def approve(self, reset: FactorReset, by: UUID | None = None) -> FactorReset:
        ctx = person(self.at, by or self.second, scopes=STAFF)
        return await self.identity.approve_factor_reset(ctx, id=reset.id)

    async def state(self) -> str:
        found = await self.identity.factor_resets(system(self.at), person_id=self.ada.id)
        return found[0].state

    async def tick(self) -> None:
        """All that identity does by itself."""
        for timer in noted_in(reactions).timers:
            await timer.handler(self.identity, system(self.at))

    async def challenge(self) -> str:
        with pytest.raises(SecondStepNeeded) as needed:
            await self.identity.sign_in(guest(self.at), email=ADA, password=PASSWORD)
        return str(needed.value.data["challenge"])

    @property
    def code(self) -> str:
        return totp.code_at(self.secret, int(self.at.now().timestamp()) // 30)


@pytest.fixture
async def lost(identity: IdentityService, at: SettableClock, tokens: Tokens) -> Lost:
    ada = await identity.register(guest(at), id=uuid4(), email=ADA, password=PASSWORD, name="Ada")
    found = Lost(identity, at, ada)
    session = await identity.sign_in(guest(at), email=ADA, password=PASSWORD)
    ctx = person(at, ada.id)
    found.secret = (await identity.set_up_app(ctx)).secret
    session_id = tokens.read(session.access_token).session_id
    await identity.confirm_app(ctx, code=found.code, session_id=session_id)
    at.advance(timedelta(seconds=30))
    return found


async def test_two_people_let_somebody_in_again(
    identity: IdentityService, db: Database, at: SettableClock, post: Post, lost: Lost
) -> None:
    app = await identity.finish_sign_in(guest(at), challenge=await lost.challenge(), code=lost.code)
    await lost.tick()
    post.sent.clear()
    reset = await lost.ask()
    assert (reset.state, reset.due_at) == ("asked", None)
    await lost.tick()
    assert [one.subject for one in post.sent] == [
        "Somebody asks us to remove your second step · Bazaar"
    ]
    approved = await lost.approve(reset)
    assert (approved.state, approved.due_at) == ("approved", at.now() + DELAY)
    assert await lost.approve(reset) == approved, "sent twice, it is approved once"
    await lost.tick()
    assert "in 48 hours" in post.sent[-1].text
    at.advance(DELAY - timedelta(seconds=1))
    await lost.tick()
    await lost.challenge()
    await outbox(db)
    at.advance(timedelta(seconds=1))
    await lost.tick()
    await lost.tick()
    assert await lost.state() == "done"
    assert post.sent[-1].subject.startswith("Your second step was removed")
    changed = [data["change"] for kind, data in await outbox(db) if kind == "user.factor_changed"]
    assert changed in ([], ["reset_by_staff"]), "told once, where somebody hears it"
    assert app.refresh_token is not None
    with pytest.raises(RefreshInvalid):
        await identity.refresh(guest(at), refresh_token=app.refresh_token)
    await identity.sign_in(guest(at), email=ADA, password=PASSWORD)
    with pytest.raises(FactorMissing):
        await lost.ask()


async def test_four_eyes(db: Database, at: SettableClock, lost: Lost) -> None:
    with pytest.raises(NotYourself):
        await lost.ask(by=lost.ada.id)
    reset = await lost.ask()
    with pytest.raises(ResetOpen):
        await lost.ask(by=lost.second)
    for who, refusal in ((lost.first, SameHands), (lost.ada.id, NotYourself)):
        with pytest.raises(refusal):
            await lost.approve(reset, by=who)
    assert await lost.state() == "asked"
    with pytest.raises(
        Exception, match="ck_factor_resets_hands"
    ):  # nor by any other way into the table
        await db.execute(
            "UPDATE identity.factor_resets SET approved_by = asked_by WHERE id = $1", reset.id
        )
    at.advance(DELAY * 2)
    await lost.tick()
    await lost.challenge()
    with pytest.raises(NotFound):
        await lost.approve(reset.model_copy(update={"id": uuid4()}))


async def test_many_at_once(at: SettableClock, lost: Lost) -> None:
    asked = await asyncio.gather(*(lost.ask() for _ in range(5)), return_exceptions=True)
    (reset,) = [one for one in asked if isinstance(one, FactorReset)]
    assert sum(isinstance(one, ResetOpen) for one in asked) == 4
    ctx = person(at, lost.first, scopes=STAFF)
    await asyncio.gather(
        *(lost.approve(reset, by=uuid4()) for _ in range(4)),
        lost.identity.withdraw_factor_reset(ctx, id=reset.id),
        return_exceptions=True,
    )
    assert await lost.state() == "withdrawn"
    with pytest.raises(ResetOver):
        await lost.approve(reset)


async def test_its_owner_stops_it(at: SettableClock, post: Post, lost: Lost) -> None:
    reset = await lost.ask()
    await lost.approve(reset)
    await lost.tick()
    token = post.link(ADA)
    for _ in range(2):
        await lost.identity.stop_factor_reset(guest(at), token=token)
    assert await lost.state() == "stopped"
    at.advance(DELAY)
    await lost.tick()
    await lost.challenge()
    with pytest.raises(ResetOver):
        await lost.approve(reset)
    reset = await lost.ask()
    await lost.approve(reset)
    await lost.tick()
    token = post.link(ADA)
    at.advance(DELAY)
    await lost.tick()
    with pytest.raises(ResetOver):
        await lost.identity.stop_factor_reset(guest(at), token=token)


async def test_who_signs_in_with_it_has_not_lost_it(at: SettableClock, lost: Lost) -> None:
    await lost.approve(await lost.ask())
    challenge = await lost.challenge()
    assert await lost.state() == "approved", "a password alone stops nothing"
    await lost.identity.finish_sign_in(guest(at), challenge=challenge, code=lost.code)
    assert await lost.state() == "stopped"


async def test_nothing_is_done_before_it_is_told(at: SettableClock, post: Post, lost: Lost) -> None:
    await lost.approve(await lost.ask())
    post.problem = SmsAway()
    at.advance(DELAY)
    await lost.tick()
    assert await lost.state() == "approved"
    post.problem = None
    at.advance(timedelta(minutes=10))
    await lost.tick()
    await lost.tick()
    assert await lost.state() == "done"


async def test_a_telephone_is_told_as_well(at: SettableClock, texts: Texts, lost: Lost) -> None:
    ctx = person(at, lost.ada.id)
    await lost.identity.ask_phone_code(ctx, number="+8801711123456")
    await lost.identity.verify_phone(ctx, code=texts.code())
    reset = await lost.ask()
    texts.problem = SmsAway()
    await lost.tick()
    texts.problem = None
    for _ in range(2):
        await lost.tick()
    assert len(texts.sent) == 2
    await lost.approve(reset)
    for _ in range(2):
        await lost.tick()
    assert len(texts.sent) == 3
    assert "from 03 Mar 12:00 UTC" in texts.sent[-1].text


async def test_what_it_asks_for(at: SettableClock, lost: Lost) -> None:
    door = local(Identity, lost.identity, caller=None)
    ask: dict[str, Any] = {"id": uuid4(), "person_id": lost.ada.id, "evidence": SHOWN}
    with pytest.raises(Forbidden):
        await door.ask_factor_reset(person(at, scopes={"staff", "proved"}), **ask)
    with pytest.raises(ProofNeeded):
        await door.ask_factor_reset(person(at, scopes=STAFF - {"proved"}), **ask)
    with pytest.raises(ProofNeeded):
        await door.approve_factor_reset(person(at, scopes=STAFF - {"proved"}), id=uuid4())
    eve = await lost.identity.register(
        guest(at), id=uuid4(), email="eve@example.com", password=PASSWORD, name="Eve"
    )
    with pytest.raises(FactorMissing):
        await door.ask_factor_reset(person(at, scopes=STAFF), **ask | {"person_id": eve.id})
    with pytest.raises(NotFound):
        await door.ask_factor_reset(person(at, scopes=STAFF), **ask | {"person_id": uuid4()})


async def test_over_rest(at: SettableClock, post: Post, lost: Lost) -> None:
    rest = Rest(at, {Identity: lost.identity}, router)
    path = f"/admin/people/{lost.ada.id}/factor-resets"
    async with (
        rest.client(person(at, lost.first, scopes=STAFF)) as first,
        rest.client(person(at, lost.second, scopes=STAFF)) as second,
    ):
        short = await first.post(path, json={"evidence": "yes"})
        assert (short.status_code, short.json()["errors"][0]["path"]) == (422, "evidence")
        asked = await first.post(path, json={"evidence": SHOWN})
        assert asked.status_code == 201
        approve = f"/admin/factor-resets/{asked.json()['id']}/approve"
        refused = await first.post(approve)
        assert (refused.status_code, refused.json()["code"]) == (409, "same_hands")
        assert (await second.post(approve)).json()["state"] == "approved"
        await lost.tick()
        stopped = await first.post("/auth/factor-reset/stop", json={"token": post.link(ADA)})
        assert stopped.status_code == 204
        assert [one["state"] for one in (await second.get(path)).json()] == ["stopped"]
    with pytest.raises(LinkUsed):  # one that is swept, or was never sent
        await lost.identity._letter(uuid4(), "factor_reset")
