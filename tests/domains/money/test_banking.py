import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.banking.api import (
    AccountInUse,
    AccountRefused,
    AccountsFull,
    BankAccount,
    Banking,
)
from haat.domains.money.banking.routes import router
from haat.domains.money.banking.rules import checked
from haat.domains.money.banking.service import BankingOptions, BankingService
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import Identity, Member
from haat.domains.people.onboarding.api import BankState, Onboarding
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Unavailable
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import NOON, Rest, clock, outbox, person, system

IBAN = BankAccount(holder="Green Farm", account="DE89 3704 0044 0532 0130 00", country="DE")
OTHER = BankAccount(holder="Green Farm", account="GB82-WEST-1234-5698-7654-32", country="GB")
USA = BankAccount(holder="Farm", account="000123456789", routing="021000021", country="US")
OWNER = uuid4()


class Told(Payouts):
    """Remembers where payouts go; `away` while it does not answer."""

    def __init__(self) -> None:
        self.to: dict[UUID, list[str]] = {}
        self.newest: dict[UUID, datetime] = {}
        self.holder: dict[UUID, str] = {}
        self.away = False

    async def set_destination(
        self, ctx: Context, *, vendor_id: UUID, destination: Destination, at: datetime | None = None
    ) -> None:
        if self.away:
            raise Unavailable
        assert at is not None
        known = self.to.setdefault(vendor_id, [])
        self.holder[vendor_id] = destination.holder
        if at >= self.newest.get(vendor_id, at) and known[-1:] != [destination.account]:
            self.newest[vendor_id] = at
            known.append(destination.account)


class List(Onboarding):
    """Remembers what it was told of bank accounts."""

    def __init__(self) -> None:
        self.banks: dict[UUID, BankState] = {}

    async def note_bank(self, ctx: Context, *, vendor_id: UUID, state: BankState, at: Any) -> None:
        self.banks[vendor_id] = state


class Team(Identity):
    async def members(self, ctx: Context, *, vendor_id: UUID) -> list[Member]:
        def member(id: UUID, role: Any) -> Member:
            return Member(person_id=id, email="a@b.example", name="A", role=role, joined_at=NOON)

        return [member(uuid4(), "staff"), member(OWNER, "owner")]


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("banking")
    for table in ("accounts", "desks", "outbox"):
        await db.execute(f"DELETE FROM banking.{table}")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def payouts() -> Told:
    return Told()


@pytest.fixture
def checklist() -> List:
    return List()


@pytest.fixture
def banking(db: Database, payouts: Told, checklist: List) -> BankingService:
    return BankingService(db, payouts, checklist, Team(), BankingOptions())


def owner(at: SettableClock, vendor: UUID) -> Context:
    return person(at, vendor=vendor, scopes=["vendor:money", "proved"])


def staff(at: SettableClock) -> Context:
    return person(at, scopes=["staff", "staff:payouts", "proved"])


async def test_the_first_account_is_paid_to(
    banking: BankingService, at: SettableClock, payouts: Told, checklist: List, db: Database
) -> None:
    vendor = uuid4()
    me = owner(at, vendor)
    found = await asyncio.gather(
        *(banking.add(me, id=uuid4(), vendor_id=vendor, account=IBAN) for _ in range(4))
    )
    assert len({one.id for one in found}) == 1
    assert found[0].account == "•" * 18 + "3000"
    second = await banking.add(me, id=uuid4(), vendor_id=vendor, account=OTHER)
    assert payouts.to[vendor] == ["DE89370400440532013000"]
    assert checklist.banks == {vendor: "unverified"}
    there = await banking.accounts(me, vendor_id=vendor)
    assert [(one.is_default, one.status) for one in there] == [
        (True, "unverified"), (False, "unverified"),
    ]  # fmt: skip
    await asyncio.gather(*(banking.choose(me, id=second.id, vendor_id=vendor) for _ in range(3)))
    assert payouts.to[vendor][-1] == "GB82WEST12345698765432"
    events = await outbox(db)
    assert [data["what"] for _, data in events] == ["added", "added", "default"]
    assert {tuple(data["owners"]) for _, data in events} == {(str(OWNER),)}
    assert "GB82WEST12345698765432" not in str(events)
    with pytest.raises(AccountInUse):
        await banking.remove(me, id=second.id, vendor_id=vendor)
    await banking.remove(me, id=found[0].id, vendor_id=vendor)
    again = await banking.add(me, id=uuid4(), vendor_id=vendor, account=IBAN)
    assert again.is_default is False


async def test_the_same_number_with_another_holder_corrects_it(
    banking: BankingService, at: SettableClock, payouts: Told, db: Database
) -> None:
    vendor = uuid4()
    me = owner(at, vendor)
    first = await banking.add(me, id=uuid4(), vendor_id=vendor, account=IBAN)
    await banking.check(staff(at), id=first.id, verified=True)
    same = await banking.add(me, id=uuid4(), vendor_id=vendor, account=IBAN)
    assert (same.id, same.status) == (first.id, "verified")
    renamed = IBAN.model_copy(update={"holder": "Another Holder"})
    corrected = await banking.add(me, id=uuid4(), vendor_id=vendor, account=renamed)
    assert (corrected.id, corrected.holder) == (first.id, "Another Holder")
    assert (corrected.status, corrected.is_default) == ("unverified", True)
    [kept] = await banking.accounts(me, vendor_id=vendor)
    assert kept == corrected
    assert payouts.holder[vendor] == "Another Holder"
    said = [data["what"] for _, data in await outbox(db)]
    assert said == ["added", "verified", "corrected"]


async def test_two_defaults_at_once_are_one(
    banking: BankingService, at: SettableClock, payouts: Told
) -> None:
    vendor = uuid4()
    me = owner(at, vendor)
    made = [
        await banking.add(me, id=uuid4(), vendor_id=vendor, account=one)
        for one in (IBAN, OTHER, USA)
    ]
    await asyncio.gather(
        *(banking.choose(me, id=one.id, vendor_id=vendor) for one in made for _ in range(3))
    )
    [chosen] = [one for one in await banking.accounts_of(staff(at), vendor_id=vendor)
                if one.is_default]  # fmt: skip
    await banking.tell_rest(system(at))
    await banking._tell(system(at), vendor)
    assert payouts.to[vendor][-1] == chosen.account


async def test_staff_check_an_account(
    banking: BankingService, at: SettableClock, checklist: List, db: Database
) -> None:
    vendor = uuid4()
    account = await banking.add(owner(at, vendor), id=uuid4(), vendor_id=vendor, account=IBAN)
    [whole] = await banking.accounts_of(staff(at), vendor_id=vendor)
    assert whole.account == "DE89370400440532013000"
    for _ in range(2):
        await banking.check(staff(at), id=account.id, verified=True)
    assert checklist.banks[vendor] == "verified"
    with pytest.raises(Invalid):
        await banking.check(staff(at), id=account.id, verified=False)
    await banking.check(staff(at), id=account.id, verified=False, reason="Another name on it")
    assert checklist.banks[vendor] == "none"
    with pytest.raises(AccountRefused):
        await banking.choose(owner(at, vendor), id=account.id, vendor_id=vendor)
    assert [data["what"] for _, data in await outbox(db)] == ["added", "verified", "refused"]


async def test_where_it_is_required_nothing_is_paid_before(
    db: Database, at: SettableClock, payouts: Told, checklist: List
) -> None:
    options = BankingOptions(bank_verification="required")
    banking = BankingService(db, payouts, checklist, Team(), options)
    vendor = uuid4()
    account = await banking.add(owner(at, vendor), id=uuid4(), vendor_id=vendor, account=IBAN)
    assert account.waits
    assert payouts.to == {}
    checked_one = await banking.check(staff(at), id=account.id, verified=True)
    assert not checked_one.waits
    assert payouts.to[vendor] == ["DE89370400440532013000"]


async def test_what_a_crash_kept_from_being_told_is_told(
    banking: BankingService, at: SettableClock, payouts: Told, checklist: List
) -> None:
    vendor = uuid4()
    payouts.away = True
    with pytest.raises(Unavailable):
        await banking.add(owner(at, vendor), id=uuid4(), vendor_id=vendor, account=IBAN)
    payouts.away = False
    at.advance(timedelta(minutes=1))
    await banking.tell_rest(system(at))
    assert payouts.to[vendor] == ["DE89370400440532013000"]
    assert checklist.banks[vendor] == "unverified"


async def test_there_are_at_most_ten(banking: BankingService, at: SettableClock) -> None:
    vendor = uuid4()
    local = [
        IBAN.model_copy(update={"account": f"12345{number}", "country": "IN"})
        for number in range(100, 113)
    ]
    found = await asyncio.gather(
        *(
            banking.add(owner(at, vendor), id=uuid4(), vendor_id=vendor, account=one)
            for one in local
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, AccountsFull) for one in found) == 3


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"account": "DE88370400440532013000"}, "account"),
        ({"account": "12 3"}, "account"),
        ({"account": "1234;DROP"}, "account"),
        ({"account": "ß1234567"}, "account"),
        ({"holder": " "}, "holder"),
        ({"holder": "A\u202eB"}, "holder"),
        ({"bic": "SHORT"}, "bic"),
        ({"country": "US", "account": "1234567"}, "routing"),
        ({"country": "US", "account": "1234567", "routing": "021000022"}, "routing"),
    ],
)
def test_numbers_that_are_none(given: dict[str, str], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(IBAN.model_copy(update=given))
    assert path in [one.path for one in refused.value.fields]


def test_numbers_that_are_some() -> None:
    assert checked(IBAN).account == "DE89370400440532013000"
    assert checked(USA).routing == "021000021"
    local = IBAN.model_copy(
        update={"account": "12-3456 789", "country": "IN", "routing": "HDFC0001"}
    )
    assert checked(local).account == "123456789"


async def test_over_rest(banking: BankingService, at: SettableClock) -> None:
    vendor, other = uuid4(), uuid4()
    rest = Rest(at, {Banking: banking}, router)
    path = f"/vendors/{vendor}/bank-accounts"
    body = IBAN.model_dump(by_alias=True)
    async with rest.client(owner(at, vendor)) as client:
        made = (await client.post(path, json=body)).json()
        assert made["isDefault"] is True
        assert (await client.get(path)).json() == [made]
        assert (await client.put(f"{path}/{made['id']}/default")).status_code == 200
        assert (await client.delete(f"{path}/{made['id']}")).json()["code"] == "bank_account_in_use"
        wrong = await client.post(path, json={**body, "account": "DE00370400440532013000"})
        assert wrong.json()["errors"][0]["path"] == "account"
        assert (await client.get(f"/admin{path}")).status_code == 403
    async with rest.client(owner(at, other)) as stranger:
        assert (await stranger.get(path)).status_code == 404
        there = f"/vendors/{other}/bank-accounts/{made['id']}"
        assert (await stranger.put(f"{there}/default")).status_code == 404
        assert (await stranger.delete(there)).status_code == 404
    async with rest.client(staff(at)) as desk:
        here = f"/admin/bank-accounts/{made['id']}"
        assert (await desk.put(here, json={"verified": True})).json()["status"] == "verified"
        assert (await desk.put(f"/admin/bank-accounts/{vendor}", json={"verified": True})
                ).status_code == 404  # fmt: skip
    with pytest.raises(NotFound):
        await banking.remove(owner(at, other), id=UUID(made["id"]), vendor_id=other)
    assert at.now() == NOON
