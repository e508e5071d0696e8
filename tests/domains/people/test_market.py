import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.people.market.api import (
    AlreadyOpened,
    Market,
    MarketSettings,
    NotOpened,
    SettingsChange,
)
from haat.domains.people.market.routes import router
from haat.domains.people.market.rules import changed, checked, market_name, support_address
from haat.domains.people.market.service import MarketOptions, MarketService
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.errors import Invalid
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import HOSTILE, Rest, clock, guest, outbox, person, raw, system

BAZAAR = MarketSettings(name="Bazaar", currency="EUR", country="DE")


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("market")
    await db.execute("DELETE FROM market.settings")
    await db.execute("DELETE FROM market.outbox")
    return db


def service(db: Database, stale_s: float = 0) -> MarketService:
    return MarketService(db, open_cache("memory://"), MarketOptions(market_stale_s=stale_s))


async def test_a_market_opens_once(db: Database) -> None:
    at = clock()
    market = service(db)
    assert not await market.is_open(guest(at))
    with pytest.raises(NotOpened):
        await market.settings(guest(at))
    with pytest.raises(NotOpened):
        await market.change(system(at), change=SettingsChange(name="No"))
    opened = await market.open(system(at), settings=BAZAAR)
    assert opened == BAZAAR == await market.settings(guest(at))
    assert await market.is_open(guest(at))
    with pytest.raises(AlreadyOpened):
        await market.open(system(at), settings=BAZAAR.model_copy(update={"currency": "USD"}))
    assert (await market.settings(guest(at))).currency == "EUR"
    assert await outbox(db) == [
        ("market.opened", {"name": "Bazaar", "currency": "EUR", "country": "DE"})
    ]


async def test_of_many_that_open_at_once_one_does(db: Database) -> None:
    at = clock()
    found = await asyncio.gather(
        *(service(db).open(system(at), settings=BAZAAR) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, MarketSettings) for one in found) == 1
    assert sum(isinstance(one, AlreadyOpened) for one in found) == 7
    assert len(await outbox(db)) == 1


async def test_a_change_is_seen_and_told(db: Database) -> None:
    at = clock()
    market = service(db)
    await market.open(system(at), settings=BAZAAR)
    logo = uuid4()
    change = SettingsChange(name="  Grand   Bazaar ", logo_id=logo, commission_bp=0)
    changed_to = await market.change(system(at), change=change)
    assert (changed_to.name, changed_to.logo_id, changed_to.commission_bp) == (
        "Grand Bazaar",
        logo,
        0,
    )
    assert changed_to.currency == "EUR"
    assert changed_to.return_window_minutes == BAZAAR.return_window_minutes
    assert await market.settings(guest(at)) == changed_to
    await market.change(system(at), change=change)  # again: nothing to tell
    events = await outbox(db)
    assert [name for name, _ in events] == ["market.opened", "market.changed"]
    assert events[1][1]["settings"]["commissionBp"] == 0


async def test_changes_at_once_do_not_undo_each_other(db: Database) -> None:
    at = clock()
    await service(db).open(system(at), settings=BAZAAR)
    changes = [SettingsChange(name="Other"), SettingsChange(commission_bp=1)]
    await asyncio.gather(*(service(db).change(system(at), change=c) for c in changes))
    found = await service(db).settings(guest(at))
    assert (found.name, found.commission_bp) == ("Other", 1)


async def test_another_process_sees_a_change_soon(db: Database) -> None:
    at = clock()
    here, there = service(db, 0.2), service(db, 0.2)
    await here.open(system(at), settings=BAZAAR)
    assert (await there.settings(guest(at))).name == "Bazaar"
    await here.change(system(at), change=SettingsChange(name="New"))
    assert (await here.settings(guest(at))).name == "New"
    assert (await there.settings(guest(at))).name == "Bazaar"
    await asyncio.sleep(0.21)
    assert (await there.settings(guest(at))).name == "New"
    assert MarketOptions().market_stale_s <= 2


async def test_the_operators_order_prefix_stands_above_the_staffs(db: Database) -> None:
    at = clock()
    market = service(db)
    await market.open(system(at), settings=BAZAAR)
    changed_to = await market.change(system(at), change=SettingsChange(order_prefix="BZ7"))
    assert changed_to.order_prefix == "BZ7"
    assert (await service(db).settings(guest(at))).order_prefix == "BZ7"
    fixed = MarketService(
        db, open_cache("memory://"), MarketOptions(market_stale_s=0, order_no_prefix="OPS")
    )
    assert (await fixed.settings(guest(at))).order_prefix == "OPS"
    kept = await fixed.change(system(at), change=SettingsChange(name="Bazaar 2"))
    assert kept.order_prefix == "OPS"
    assert (await service(db).settings(guest(at))).order_prefix == "BZ7"
    for bad in ("", "h", "TOO-LNG", "Ä"):
        with pytest.raises(ValueError, match="order_prefix"):
            SettingsChange.model_validate({"order_prefix": bad})


async def test_rest_shows_the_public_part_and_staff_change(db: Database) -> None:
    at = clock()
    market = service(db)
    rest = Rest(at, {Market: market}, router)
    async with rest.client() as client:
        assert (await client.get("/market")).status_code == 503
        await market.open(system(at), settings=BAZAAR)
        shown = (await client.get("/market")).json()
        assert shown["name"] == "Bazaar"
        assert shown["pricesIncludeTax"] is False
        assert "commissionBp" not in shown
        assert "orderPrefix" not in shown
        assert (await client.patch("/admin/settings", json={})).status_code == 401
    async with rest.client(person(at)) as client:
        assert (await client.patch("/admin/settings", json={})).status_code == 403
    async with rest.client(person(at, scopes=["staff", "staff:settings"])) as client:
        answer = await client.patch("/admin/settings", json={"commissionBp": 450})
        assert answer.json()["commissionBp"] == 450
        for bad in (
            {"currency": "USD"},
            {"commissionBp": 10_001},
            {"commissionBp": -1},
            {"commissionBp": "12"},
            {"commissionBp": 1.5},
            {"returnWindowMinutes": 10**12},
            {"name": ""},
            {"name": "x" * 81},
            {"supportEmail": "nobody"},
            {"logoId": "x"},
            {"nonsense": 1},
        ):
            answer = await client.patch("/admin/settings", json=bad)
            assert answer.status_code == 422, bad
        assert (await client.patch("/admin/settings", json=[])).status_code == 422
        for text in HOSTILE:
            answer = await client.patch("/admin/settings", **raw({"name": text}))
            assert answer.status_code in (200, 422), text
            assert "\n" not in (await service(db).settings(guest(at))).name
    assert (await service(db).settings(guest(at))).commission_bp == 450


@pytest.mark.parametrize("name", ["", "   ", "...", "a\x00b", "a\x07b"])
def test_a_name_must_be_readable(name: str) -> None:
    with pytest.raises(Invalid):
        market_name(name)


def test_a_support_address_is_normalised_or_cleared() -> None:
    assert support_address(" Help@EXAMPLE.com ") == "Help@example.com"
    assert support_address("") is None
    with_address = changed(BAZAAR, SettingsChange(support_email="a@b.example"))
    assert with_address.support_email == "a@b.example"
    assert changed(with_address, SettingsChange()).support_email == "a@b.example"
    assert changed(with_address, SettingsChange(support_email="")).support_email is None


@given(st.integers(0, 10_000), st.integers(0, 525_600), st.booleans())
def test_what_is_not_named_stays(commission: int, window: int, tax: bool) -> None:
    before = checked(BAZAAR.model_copy(update={"prices_include_tax": tax}))
    after = changed(before, SettingsChange(commission_bp=commission, return_window_minutes=window))
    assert (after.commission_bp, after.return_window_minutes) == (commission, window)
    assert after.prices_include_tax is tax
    assert changed(after, SettingsChange()) == after
