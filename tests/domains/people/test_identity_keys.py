"""API keys: shown once, never more than their maker has, over at once when they are over."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from haat.domains.people.identity.api import BeyondYours, KeyInvalid, KeyOver, KeysFull
from haat.engines.sql import Database
from haat.kernel.errors import Invalid, NotFound
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import guest
from tests.domains.people.test_identity_teams import SHOP, STALL, House, outcome


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("identity")
    for table in ("invitations", "people", "roles", "rights_changes", "attempts", "outbox"):
        await db.execute(f"DELETE FROM identity.{table}")
    return db


@pytest.fixture
def house(db: Database) -> House:
    return House(db)


async def held(house: House, secret: str) -> Any:
    """What the key may now, or the class of why not."""
    found = await outcome(house.identity.key_holder(guest(house.at), secret=secret))
    return found if isinstance(found, type) else set(found.scopes)


async def test_a_key_may_what_its_maker_may_and_was_given(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    bob = await house.seat("bob", "admin")
    wanted: dict[str, Any] = {
        "vendor_id": SHOP,
        "name": " Shop  sync ",
        "scopes": ["vendor:products"],
    }
    made = await identity.make_key(ada, id=uuid4(), **wanted)
    assert made.key.name == "Shop sync"
    assert made.secret.startswith(made.key.prefix)
    assert made.secret not in repr(made)
    assert await held(house, made.secret) == {"vendor:products", "vendor:products:view"}
    kept = str(await house.db.fetch("SELECT * FROM identity.api_keys"))
    assert made.secret not in kept, "only its hash"
    changes = str(await house.db.fetch("SELECT * FROM identity.rights_changes"))
    assert made.secret not in changes
    changed: tuple[dict[str, Any], ...] = (
        {"scopes": ["staff:money"]}, {"scopes": ["person"]}, {"scopes": []}, {"name": "\x00"},
        {"expires_at": house.at.now()}, {"id": made.key.id},
    )  # fmt: skip
    for change in changed:
        with pytest.raises(Invalid):
            await identity.make_key(ada, **{"id": uuid4(), **wanted, **change})
    with pytest.raises(BeyondYours):  # an admin makes no keys
        await identity.make_key(bob, id=uuid4(), **wanted)
    eve = await house.seat("eve", "owner", STALL)
    with pytest.raises(NotFound):
        await identity.make_key(eve, id=uuid4(), **wanted)
    for call in (
        identity.api_keys(eve, vendor_id=SHOP),
        identity.revoke_key(eve, vendor_id=SHOP, key_id=made.key.id),
        identity.revoke_key(eve, vendor_id=STALL, key_id=made.key.id),
        identity.rotate_key(eve, id=uuid4(), vendor_id=STALL, key_id=made.key.id),
    ):
        assert issubclass(await outcome(call), NotFound)
    await identity.hand_over(ada, vendor_id=SHOP, person_id=bob.person_id)
    assert await held(house, made.secret) == {"vendor:products", "vendor:products:view"}
    chief = await house.of(bob.person_id)
    given = {"vendor_id": SHOP, "person_id": ada.person_id}
    await identity.change_role(chief, **given, role="staff")  # may look alone
    assert await held(house, made.secret) == {"vendor:products:view"}
    await identity.set_active(chief, **given, active=False)
    assert await held(house, made.secret) is KeyInvalid
    await identity.set_active(chief, **given, active=True)
    await identity.remove_member(chief, **given)
    assert await held(house, made.secret) is KeyInvalid


async def test_a_key_is_over(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    wanted: dict[str, Any] = {"vendor_id": SHOP, "name": "Sync", "scopes": ["vendor:orders"]}
    soon = house.at.now() + timedelta(days=10)
    made = await identity.make_key(ada, id=uuid4(), **wanted, expires_at=soon)
    for wrong in (made.secret[:-1], made.secret + "x", "haat_", "", "\x00", "é"):
        assert await held(house, wrong) is KeyInvalid
    ids: dict[str, Any] = {"vendor_id": SHOP, "key_id": made.key.id}
    new = await identity.rotate_key(ada, id=uuid4(), **ids, overlap_s=3600)
    assert (new.key.name, new.key.scopes) == ("Sync", ["vendor:orders"])
    assert new.key.expires_at == soon
    both = await asyncio.gather(held(house, made.secret), held(house, new.secret))
    assert list(both) == [{"vendor:orders"}] * 2, "both go on for an hour"
    house.at.advance(timedelta(hours=1))
    assert await held(house, made.secret) is KeyInvalid
    with pytest.raises(KeyOver):
        await identity.rotate_key(ada, id=uuid4(), **ids)
    for _ in range(2):
        await identity.revoke_key(ada, vendor_id=SHOP, key_id=new.key.id)
    assert await held(house, new.secret) is KeyInvalid
    what = [one.what for one in (await identity.team_history(ada, vendor_id=SHOP)).items]
    assert sorted(what) == ["api_key_made", "api_key_made", "api_key_revoked"]
    house.at.advance(timedelta(days=91))
    await identity.sweep_keys(ada)
    assert await identity.api_keys(ada, vendor_id=SHOP) == []


async def test_use_is_noted_once_a_minute(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    made = await identity.make_key(
        ada, id=uuid4(), vendor_id=SHOP, name="Sync", scopes=["vendor:orders"]
    )

    async def used() -> Any:
        await held(house, made.secret)
        return (await identity.api_keys(ada, vendor_id=SHOP))[0].last_used_at

    first = await used()
    assert first == house.at.now()
    house.at.advance(timedelta(seconds=59))
    assert await used() == first
    house.at.advance(timedelta(seconds=2))
    assert await used() == house.at.now()


async def test_a_vendor_has_so_many_keys(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from haat.domains.people.identity.service import keys

    monkeypatch.setattr(keys, "KEYS_MAX", 3)
    ada = await house.seat("ada", "owner")
    wanted: dict[str, Any] = {"vendor_id": SHOP, "name": "Sync", "scopes": ["vendor:orders"]}
    made = [outcome(house.identity.make_key(ada, id=uuid4(), **wanted)) for _ in range(5)]
    assert (await asyncio.gather(*made)).count(KeysFull) == 2
