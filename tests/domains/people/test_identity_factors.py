"""The second step: codes of an app, recovery codes, and proving again who one is."""

import asyncio
import base64
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.people.identity import totp
from haat.domains.people.identity.api import (
    ChallengeOver,
    CodeWrong,
    FactorMissing,
    FactorPresent,
    Identity,
    Person,
    SecondStepNeeded,
    SignedIn,
    TooManyAttempts,
    WrongPassword,
)
from haat.domains.people.identity.own_routes import router
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Tokens
from haat.engines.rpc.door import local
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Actor, Context
from haat.kernel.errors import SecondStepFirst, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    HOSTILE,
    SECRET,
    Post,
    Rest,
    clock,
    guest,
    identity_of,
    outbox,
    person,
    system,
)

PASSWORD = "correct horse"
ADA = "ada@example.com"


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
def identity(db: Database, at: SettableClock, tokens: Tokens, post: Post) -> IdentityService:
    return identity_of(db, at, tokens=tokens, post=post)


@pytest.fixture
async def ada(identity: IdentityService, at: SettableClock) -> Person:
    return await identity.register(guest(at), id=uuid4(), email=ADA, password=PASSWORD, name="Ada")


class App:
    """An authenticator app with its owner, in a session."""

    def __init__(self, identity: IdentityService, at: SettableClock, tokens: Tokens) -> None:
        self.identity, self.at, self.tokens = identity, at, tokens
        self.secret = ""
        self.codes: list[str] = []
        self.session: UUID = uuid4()

    @property
    def code(self) -> str:
        return totp.code_at(self.secret, int(self.at.now().timestamp()) // 30)

    async def set_up(self, ada: Person) -> "App":
        found = await self.identity.sign_in(guest(self.at), email=ADA, password=PASSWORD)
        self.session = self.tokens.read(found.access_token).session_id
        ctx = person(self.at, ada.id)
        self.secret = (await self.identity.set_up_app(ctx)).secret
        made = await self.identity.confirm_app(ctx, code=self.code, session_id=self.session)
        self.codes = made.codes
        self.at.advance(timedelta(seconds=30))
        return self

    async def challenge(self) -> str:
        with pytest.raises(SecondStepNeeded) as needed:
            await self.identity.sign_in(guest(self.at), email=ADA, password=PASSWORD)
        return str(needed.value.data["challenge"])

    async def finish(self, challenge: str, code: str) -> SignedIn:
        return await self.identity.finish_sign_in(guest(self.at), challenge=challenge, code=code)


@pytest.fixture
async def app(identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person) -> App:
    return await App(identity, at, tokens).set_up(ada)


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"),
        (1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_vectors_of_rfc_6238(at_s: int, code: str) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert totp.code_at(secret, at_s // 30, digits=8) == code
    for drift, late_s, fits in (
        (-1, 0, False), (0, 0, True), (29.9, 0, True), (30, 0, False), (59, 0, False),
        (-1, 30, False), (39, 10, True), (40, 10, False), (59, 30, True), (60, 30, False),
    ):  # fmt: skip
        found = totp.step_of(secret, code[2:], at_s // 30 * 30 + drift, late_s)
        assert found == (at_s // 30 if fits else None), (drift, late_s)


async def test_an_app_is_set_up(
    identity: IdentityService, at: SettableClock, ada: Person, db: Database, tokens: Tokens,
    post: Post,
) -> None:  # fmt: skip
    ctx = person(at, ada.id)
    found = await identity.sign_in(guest(at), email=ADA, password=PASSWORD)
    session = tokens.read(found.access_token).session_id
    with pytest.raises(FactorMissing):
        await identity.confirm_app(ctx, code="123456", session_id=session)
    first, setup = await identity.set_up_app(ctx), await identity.set_up_app(ctx)
    assert setup.uri.startswith("otpauth://totp/Bazaar:ada@example.com?secret=" + setup.secret)
    assert setup.qr_svg.startswith("<svg")
    assert setup.secret not in repr(setup)
    step = int(at.now().timestamp()) // 30
    with pytest.raises(CodeWrong):  # it was replaced
        await identity.confirm_app(ctx, code=totp.code_at(first.secret, step), session_id=session)
    # Not confirmed, it asks for nothing.
    await identity.sign_in(guest(at), email=ADA, password=PASSWORD)
    await outbox(db)
    code = totp.code_at(setup.secret, step)
    results = await asyncio.gather(
        *(identity.confirm_app(ctx, code=code, session_id=session) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, FactorPresent) for one in results) == 2
    assert await outbox(db) == [
        ("user.factor_changed", {"personId": str(ada.id), "change": "app_added"})
    ]
    with pytest.raises(FactorPresent):
        await identity.set_up_app(ctx)
    shown = await identity.factors(ctx)
    assert (shown.app_since, shown.recovery_codes_left) == (at.now(), 10)
    [session_shown] = [one for one in await identity.sessions(ctx) if one.id == session]
    assert session_shown.strong
    for table in ("authenticators", "recovery_codes", "letters", "outbox"):
        for row in await db.fetch(f"SELECT t::text AS row FROM identity.{table} t"):
            assert setup.secret not in row["row"]
    await identity.send_letters(system(at))
    assert post.sent[-1].subject.startswith("A second step protects")


async def test_signing_in_takes_two_steps(
    identity: IdentityService, at: SettableClock, app: App, ada: Person
) -> None:
    challenge = await app.challenge()
    assert (await identity.sign_ins(person(at, ada.id))).items[0].result == "second_step"
    with pytest.raises(CodeWrong):
        await app.finish(challenge, "000000")
    assert (await identity.sign_ins(person(at, ada.id))).items[0].result == "wrong_code"
    found = await app.finish(challenge, f" {app.code[:3]} {app.code[3:]}")
    assert found.refresh_token is not None
    tried = (await identity.sign_ins(person(at, ada.id))).items[0]
    session = app.tokens.read(found.access_token).session_id
    assert (tried.result, tried.session_id) == ("signed_in", session)
    for text in (*HOSTILE, "x", challenge[:-3]):
        with pytest.raises(ChallengeOver):
            await app.finish(text, app.code)
    late = await app.challenge()
    at.advance(timedelta(minutes=5))
    with pytest.raises(ChallengeOver):
        await app.finish(late, app.code)


async def test_a_code_is_good_for_its_thirty_seconds(
    db: Database, app: App, at: SettableClock, tokens: Tokens
) -> None:
    at.advance(timedelta(seconds=30 - at.now().timestamp() % 30))
    code, challenge = app.code, await app.challenge()
    at.advance(timedelta(seconds=30))
    with pytest.raises(CodeWrong):
        await app.finish(challenge, code)
    app.identity = identity_of(db, at, tokens=tokens, totp_late_s=10)
    at.advance(timedelta(seconds=9))
    await app.finish(challenge, code)


async def test_a_code_is_taken_once(app: App, at: SettableClock) -> None:
    challenges = [await app.challenge() for _ in range(4)]
    found = await asyncio.gather(
        *(app.finish(one, app.code) for one in challenges), return_exceptions=True
    )
    assert sum(isinstance(one, SignedIn) for one in found) == 1
    assert sum(isinstance(one, CodeWrong) for one in found) == 3
    at.advance(timedelta(seconds=30))
    earlier = totp.code_at(app.secret, int(at.now().timestamp()) // 30 - 1)
    with pytest.raises(CodeWrong):  # nor one of before it
        await app.finish(challenges[0], earlier)
    await app.finish(challenges[0], app.code)


async def test_a_recovery_code_is_taken_once(
    identity: IdentityService, at: SettableClock, app: App, ada: Person, post: Post, db: Database
) -> None:
    challenges = [await app.challenge() for _ in range(3)]
    await outbox(db)
    found = await asyncio.gather(
        *(app.finish(one, app.codes[0].lower()) for one in challenges), return_exceptions=True
    )
    assert sum(isinstance(one, SignedIn) for one in found) == 1
    changes = [data["change"] for kind, data in await outbox(db) if "factor" in kind]
    assert changes == ["code_used"]
    ctx = person(at, ada.id)
    assert (await identity.factors(ctx)).recovery_codes_left == 9
    await identity.send_letters(system(at))
    assert post.sent[-1].subject.startswith("A recovery code was used")
    fresh = await identity.renew_recovery_codes(ctx)
    with pytest.raises(CodeWrong):
        await app.finish(challenges[0], app.codes[1])
    await app.finish(challenges[0], fresh.codes[1])


async def test_codes_are_not_guessed(app: App, at: SettableClock) -> None:
    challenges = [await app.challenge() for _ in range(5)]
    guesses = [app.finish(one, f"{n:06}") for n in range(4) for one in challenges]
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, CodeWrong) for one in found) == 5
    assert sum(isinstance(one, TooManyAttempts) for one in found) == 15
    with pytest.raises(TooManyAttempts):
        await app.finish(challenges[0], app.code)
    at.advance(timedelta(minutes=5))
    await app.finish(await app.challenge(), app.code)


async def test_a_challenge_ends_with_the_password_and_the_account(
    identity: IdentityService, at: SettableClock, app: App, ada: Person
) -> None:
    challenge = await app.challenge()
    await identity.change_password(person(at, ada.id), old=PASSWORD, new="battery staple")
    with pytest.raises(ChallengeOver):
        await app.finish(challenge, app.code)


async def test_an_app_is_removed(
    identity: IdentityService, at: SettableClock, app: App, ada: Person
) -> None:
    ctx, challenge = person(at, ada.id), await app.challenge()
    await identity.remove_app(ctx)
    with pytest.raises(FactorMissing):
        await identity.remove_app(ctx)
    with pytest.raises(FactorMissing):
        await identity.renew_recovery_codes(ctx)
    with pytest.raises(ChallengeOver):
        await app.finish(challenge, app.codes[0])
    await identity.sign_in(guest(at), email=ADA, password=PASSWORD)
    assert (await identity.factors(ctx)).app_since is None
    assert not any(one.strong for one in await identity.sessions(ctx))


async def test_staff_need_it_where_the_market_says_so(
    db: Database, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    strict = identity_of(db, at, tokens=tokens, staff_second_step="required")
    await strict.grant_staff(system(at), person_id=ada.id, role="finance")
    weak = await strict.sign_in(guest(at), email=ADA, password=PASSWORD)
    claims = tokens.read(weak.access_token)
    assert (sorted(claims.scopes), claims.roles) == (["enrol", "person"], ())
    assert weak.person.scopes == ["enrol", "person"]
    assert (await strict.factors(person(at, ada.id))).required
    app = await App(strict, at, tokens).set_up(ada)
    found = await app.finish(await app.challenge(), app.code)
    assert {"staff", "staff:money"} <= tokens.read(found.access_token).scopes
    assert found.refresh_token is not None
    again = await strict.refresh(guest(at), refresh_token=found.refresh_token)
    assert "staff" in tokens.read(again.access_token).scopes
    await strict.remove_app(person(at, ada.id))
    assert again.refresh_token is not None
    third = await strict.refresh(guest(at), refresh_token=again.refresh_token)
    assert tokens.read(third.access_token).scopes == frozenset({"person", "enrol"})


async def test_staff_need_it_unless_the_market_is_a_demo(
    db: Database, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    real = identity_of(db, at, tokens=tokens, demo=False)
    await real.grant_staff(system(at), person_id=ada.id, role="finance")
    found = await real.sign_in(guest(at), email=ADA, password=PASSWORD)
    assert "staff" not in tokens.read(found.access_token).scopes
    said = identity_of(db, at, tokens=tokens, demo=False, staff_second_step="optional")
    found = await said.sign_in(guest(at), email=ADA, password=PASSWORD)
    assert "staff" in tokens.read(found.access_token).scopes


@pytest.mark.parametrize(("asked", "left"), [("money", True), ("required", False)])
async def test_vendors_need_it_where_the_market_says_so(
    db: Database, at: SettableClock, tokens: Tokens, ada: Person, asked: str, left: bool
) -> None:
    strict = identity_of(db, at, tokens=tokens, vendor_second_step=asked)
    vendor_id = uuid4()
    await strict.join_vendor(system(at), person_id=ada.id, vendor_id=vendor_id, role="owner")
    weak = await strict.sign_in(guest(at), email=ADA, password=PASSWORD)
    claims = tokens.read(weak.access_token)
    assert {"person", "enrol"} <= claims.scopes
    assert not {"vendor:money", "vendor:team", "vendor:keys"} & claims.scopes
    assert ("vendor:orders" in claims.scopes, claims.vendor_id == vendor_id) == (left, left)
    assert (await strict.factors(person(at, ada.id))).required
    app = await App(strict, at, tokens).set_up(ada)
    strong = await app.finish(await app.challenge(), app.code)
    claims = tokens.read(strong.access_token)
    assert ({"vendor:money"} <= claims.scopes, claims.vendor_id) == (True, vendor_id)


async def test_everybody_needs_it_where_the_market_says_so(
    db: Database, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    """Nobody is locked out: it is set up in the very session, which goes on."""
    strict = identity_of(db, at, tokens=tokens, customer_second_step="required")
    door = local(Identity, strict, caller=None)
    found = await strict.sign_in(guest(at), email=ADA, password=PASSWORD)
    claims = tokens.read(found.access_token)
    assert claims.scopes == {"enrol"}
    weak = Context(actor=Actor("person", ada.id), scopes=frozenset({"enrol", "proved"}), clock=at)
    for refused in (door.sessions(weak), door.change_name(weak, name="Eve")):
        with pytest.raises(SecondStepFirst):
            await refused
    assert (await door.factors(weak)).required
    secret = (await door.set_up_app(weak)).secret
    code = totp.code_at(secret, int(at.now().timestamp()) // 30)
    await door.confirm_app(weak, code=code, session_id=claims.session_id)
    assert found.refresh_token is not None
    found = await strict.refresh(guest(at), refresh_token=found.refresh_token)
    assert tokens.read(found.access_token).scopes == {"person"}


async def test_proving_it_again(
    identity: IdentityService, at: SettableClock, tokens: Tokens, ada: Person
) -> None:
    ctx = person(at, ada.id)
    found = await identity.sign_in(guest(at), email=ADA, password=PASSWORD)
    claims = tokens.read(found.access_token)
    assert claims.proved_until == at.now() + timedelta(minutes=10)
    session = claims.session_id
    at.advance(timedelta(minutes=11))
    assert found.refresh_token is not None
    stale = await identity.refresh(guest(at), refresh_token=found.refresh_token)
    proved = tokens.read(stale.access_token).proved_until
    assert proved is not None
    assert proved < at.now()
    with pytest.raises(WrongPassword):
        await identity.prove(ctx, session_id=session, password="wrong")
    with pytest.raises(Unauthenticated):  # another's session
        await identity.prove(ctx, session_id=uuid4(), password=PASSWORD)
    fresh = await identity.prove(ctx, session_id=session, password=PASSWORD)
    assert fresh.refresh_token is None
    assert tokens.read(fresh.access_token).proved_until == at.now() + timedelta(minutes=10)
    app = await App(identity, at, tokens).set_up(ada)
    with pytest.raises(CodeWrong):  # with an app a password is not enough
        await identity.prove(ctx, session_id=app.session, password=PASSWORD)
    assert (await identity.prove(ctx, session_id=app.session, code=app.code)).access_token


async def test_over_rest(
    identity: IdentityService, at: SettableClock, ada: Person, tokens: Tokens
) -> None:
    rest = Rest(at, {Identity: identity}, router)
    credentials = {"email": ADA, "password": PASSWORD}
    async with rest.client() as client:
        first = (await client.post("/auth/login", json=credentials)).json()
        client.headers["authorization"] = f"Bearer {first['accessToken']}"
        at.advance(timedelta(minutes=10))
        answer = await client.post("/auth/second-step/app")
        assert (answer.status_code, answer.json()["code"]) == (403, "proof_needed")
        proved = await client.post("/auth/prove", json={"password": PASSWORD})
        client.headers["authorization"] = f"Bearer {proved.json()['accessToken']}"
        secret = (await client.post("/auth/second-step/app")).json()["secret"]

        def code() -> dict[str, str]:
            return {"code": totp.code_at(secret, int(at.now().timestamp()) // 30)}

        codes = (await client.put("/auth/second-step/app", json=code())).json()["codes"]
        assert len(codes) == 10
        at.advance(timedelta(seconds=30))
        needed = await client.post("/auth/login", json=credentials)
        assert (needed.status_code, needed.json()["code"]) == (401, "second_step_needed")
        assert needed.json()["methods"] == ["app", "recovery_code"]
        challenge = {"challenge": needed.json()["challenge"]}
        wrong = await client.post("/auth/second-step", json=challenge | {"code": "000000"})
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "code")
        done = await client.post("/auth/second-step", json=challenge | code())
        assert done.json()["refreshToken"]
        assert (await client.get("/me/second-step")).json()["recoveryCodesLeft"] == 10
        assert (await client.delete("/auth/second-step/app")).status_code == 204
