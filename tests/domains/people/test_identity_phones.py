"""Telephone numbers and their codes; the ways that text messages go."""

import asyncio
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from haat.domains.people.identity.api import (
    CodeWrong,
    Identity,
    Phone,
    PhoneInvalid,
    TextsAway,
    TooManyLetters,
)
from haat.domains.people.identity.elsewhere_routes import router
from haat.domains.people.identity.rules import phone_number
from haat.domains.people.identity.service import IdentityService
from haat.engines.http.client import HttpClient
from haat.engines.sms import Sms, SmsAway, Text, open_sms
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import Rest, Texts, clock, guest, identity_of, person, system

NUMBER = "+8801711123456"


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("identity")
    for table in ("people", "attempts", "outbox"):
        await db.execute(f"DELETE FROM identity.{table}")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def texts() -> Texts:
    return Texts()


@pytest.fixture
def identity(db: Database, at: SettableClock, texts: Texts) -> IdentityService:
    return identity_of(db, at, texts=texts)


async def somebody(identity: IdentityService, at: SettableClock, name: str = "ada") -> Context:
    made = await identity.register(
        system(at), id=uuid4(), email=f"{name}@example.com", password="correct horse", name="Ada"
    )
    return person(at, made.id)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+880 1711-123456", NUMBER),
        ("008801711123456", NUMBER),
        (" +44 (20) 7946.0958 ", "+442079460958"),
        ("+4915112345678", "+4915112345678"),
        ("01711123456", None),
        ("+0171112345", None),
        ("+123456", None),
        ("+1234567890123456", None),
        ("+88017111234x6", None),
        ("+৮৮০১৭১১১২৩৪৫৬", None),
        ("+8801711123456\n+49", None),
        ("", None),
    ],
)
def test_numbers(text: str, number: str | None) -> None:
    if number is not None:
        assert phone_number(text) == number
        return
    with pytest.raises(PhoneInvalid):
        phone_number(text)


async def test_a_number_is_proved(
    identity: IdentityService, at: SettableClock, texts: Texts, db: Database
) -> None:
    who = await somebody(identity, at)
    assert await identity.phone(who) == Phone()
    asked = await identity.ask_phone_code(who, number="+880 1711 123456")
    assert (asked.number, asked.pending) == (None, NUMBER)
    assert texts.sent[0].to == NUMBER
    code = texts.code()
    assert len(code) == 6
    stored = await db.fetchval("SELECT p::text FROM identity.phones p")
    assert code not in stored
    with pytest.raises(CodeWrong):
        await identity.verify_phone(await somebody(identity, at, "eve"), code=code)
    found = await identity.verify_phone(who, code=f" {code[:3]}-{code[3:]} ")
    assert (found.number, found.verified_at, found.pending) == (NUMBER, at.now(), None)
    with pytest.raises(CodeWrong):
        await identity.verify_phone(who, code=code)
    # Another number waits beside the one that is proved.
    await identity.ask_phone_code(who, number="+442079460958")
    assert (await identity.phone(who)).number == NUMBER
    changed = await identity.verify_phone(who, code=texts.code())
    assert changed.number == "+442079460958"
    assert await identity.forget_phone(who) == Phone()
    assert await identity.phone(who) == Phone()


async def test_a_code_ends(identity: IdentityService, at: SettableClock, texts: Texts) -> None:
    who = await somebody(identity, at)
    await identity.ask_phone_code(who, number=NUMBER)
    at.advance(timedelta(minutes=10))
    assert (await identity.phone(who)).pending is None
    with pytest.raises(CodeWrong):
        await identity.verify_phone(who, code=texts.code())
    await identity.ask_phone_code(who, number=NUMBER)
    first = texts.code()
    await identity.ask_phone_code(who, number=NUMBER)
    if texts.code() != first:
        with pytest.raises(CodeWrong):
            await identity.verify_phone(who, code=first)
    await identity.verify_phone(who, code=texts.code())


async def test_five_tries_also_at_once(
    identity: IdentityService, at: SettableClock, texts: Texts
) -> None:
    who = await somebody(identity, at)
    await identity.ask_phone_code(who, number=NUMBER)
    right = texts.code()
    wrong = [f"{(int(right) + n) % 1_000_000:06}" for n in range(1, 6)]
    found = await asyncio.gather(
        *(identity.verify_phone(who, code=one) for one in wrong), return_exceptions=True
    )
    assert all(isinstance(one, CodeWrong) for one in found)
    with pytest.raises(CodeWrong):
        await identity.verify_phone(who, code=right)
    for nonsense in ("", "é", "\x00", "0" * 20):
        with pytest.raises(CodeWrong):
            await identity.verify_phone(who, code=nonsense)
    await identity.ask_phone_code(who, number=NUMBER)
    await identity.verify_phone(who, code=texts.code())


async def test_how_many_are_sent(
    identity: IdentityService, at: SettableClock, texts: Texts
) -> None:
    ada, eve = await somebody(identity, at), await somebody(identity, at, "eve")
    for n in range(5):
        await identity.ask_phone_code(ada, number=f"+44207946095{n}")
    with pytest.raises(TooManyLetters):
        await identity.ask_phone_code(ada, number=NUMBER)
    assert len(texts.sent) == 5
    at.advance(timedelta(minutes=61))
    for _ in range(4):
        await identity.ask_phone_code(ada, number=NUMBER)
    await identity.ask_phone_code(eve, number=NUMBER)
    with pytest.raises(TooManyLetters):  # to one telephone, whoever asks
        await identity.ask_phone_code(eve, number=NUMBER)
    many = [await somebody(identity, at, f"p{n}") for n in range(21)]
    for n, who in enumerate(many[:20]):
        await identity.ask_phone_code(who, number=f"+4420794610{n:02}", origin="9.9.9.9")
    with pytest.raises(TooManyLetters):
        await identity.ask_phone_code(many[20], number="+442079461999", origin="9.9.9.9")


async def test_nothing_goes_out(identity: IdentityService, at: SettableClock, texts: Texts) -> None:
    who = await somebody(identity, at)
    texts.problem = SmsAway()
    with pytest.raises(TextsAway):
        await identity.ask_phone_code(who, number=NUMBER)
    texts.problem = None
    await identity.ask_phone_code(who, number=NUMBER)
    await identity.verify_phone(who, code=texts.code())


async def test_over_rest(identity: IdentityService, at: SettableClock, texts: Texts) -> None:
    rest = Rest(at, {Identity: identity}, router)
    async with rest.client(await somebody(identity, at)) as client:
        bad = await client.post("/me/phone", json={"number": "12"})
        assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "number")
        assert (await client.post("/me/phone", json={"number": NUMBER})).json()["pending"] == NUMBER
        wrong = await client.put("/me/phone", json={"code": "nothing"})
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "code")
        found = await client.put("/me/phone", json={"code": texts.code()})
        assert found.json()["number"] == NUMBER
        assert (await client.delete("/me/phone")).json()["number"] is None
    async with rest.client() as client:
        assert (await client.get("/me/phone")).status_code == 401


# -- the ways they go ---------------------------------------------------------------------------

TEXT = Text(id=UUID(int=7), to=NUMBER, text="123456 is your code for Bazaar.")


async def test_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "sms"
    sms: Sms = open_sms(f"file://{folder}", token="", http=HttpClient())
    await sms.send(guest(clock()), TEXT)
    await sms.send(guest(clock()), TEXT)
    (file,) = folder.iterdir()
    assert file.read_text() == f"To: {NUMBER}\n\n{TEXT.text}\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (tmp_path / "taken").write_text("")
    with pytest.raises(SmsAway):
        await open_sms(str(tmp_path / "taken"), token="", http=HttpClient()).send(
            guest(clock()), TEXT
        )


async def test_to_a_webhook() -> None:
    asked: list[httpx.Request] = []
    statuses = [202, 503, 200, 400]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(statuses[len(asked) - 1])

    http = HttpClient(transport=httpx.MockTransport(answer), retries=1)
    sms = open_sms("https://texts.example/send?x=1", token="shh", http=http)
    await sms.send(guest(clock()), TEXT)
    said: dict[str, Any] = json.loads(asked[0].content)
    assert said == {"id": str(TEXT.id), "to": NUMBER, "text": TEXT.text}
    assert asked[0].headers["authorization"] == "Bearer shh"
    assert asked[0].headers["idempotency-key"] == str(TEXT.id)
    await sms.send(guest(clock()), TEXT)  # busy once
    with pytest.raises(SmsAway):
        await sms.send(guest(clock()), TEXT)
    with pytest.raises(ValueError, match="ftp"):
        open_sms("ftp://texts.example", token="", http=http)
