"""Vendors' teams and the market's staff: rights that count at once, owners who stay."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from haat.app.recalls import hear_once
from haat.app.wiring import Doors
from haat.domains.people.identity.api import (
    AlreadyInvited,
    AlreadyMember,
    BeyondYours,
    EmailInvalid,
    Identity,
    InvitationOver,
    LastOwner,
    LastSuperAdmin,
    NotInvited,
    Person,
    RoleInUse,
    RoleNameTaken,
    SignedIn,
    TeamFull,
    VendorRole,
)
from haat.engines.http import TokenExpired, Tokens
from haat.engines.http.signing import LinkExpired, LinkInvalid
from haat.engines.rpc.door import local
from haat.engines.sql import Database
from haat.kernel.clock import Clock
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import SECRET, clock, guest, identity_of, outbox, person, system

PASSWORD = "correct horse"
SHOP, STALL = uuid4(), uuid4()


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("identity")
    for table in ("invitations", "people", "roles", "rights_changes", "attempts", "outbox"):
        await db.execute(f"DELETE FROM identity.{table}")
    return db


class House:
    """Identity, and the people of a shop by their first names."""

    def __init__(self, db: Database) -> None:
        self.db, self.at = db, clock()
        self.tokens = Tokens(SECRET, self.at)
        self.identity = identity_of(db, self.at, tokens=self.tokens)

    async def person(self, name: str) -> Person:
        return await self.identity.register(
            guest(self.at), id=uuid4(), email=f"{name}@example.com", password=PASSWORD, name=name
        )

    async def seat(self, name: str, role: VendorRole, shop: UUID = SHOP) -> Context:
        """Somebody new in the team, as their token would say."""
        found = await self.person(name)
        await self.db.execute(
            "INSERT INTO identity.memberships VALUES ($1, $2, $3, $4)",
            *(found.id, shop, role, self.at.now()),
        )
        return await self.of(found.id, shop)

    async def of(self, id: UUID, shop: UUID = SHOP) -> Context:
        """Who they are now, acting for that shop."""
        found = await self.identity.me(person(self.at, id, vendor=shop))
        return person(self.at, id, vendor=shop, scopes=found.scopes)

    async def sign_in(self, name: str) -> SignedIn:
        return await self.identity.sign_in(
            guest(self.at), email=f"{name}@example.com", password=PASSWORD
        )

    async def link(self, id: UUID) -> str:
        [letter] = await self.identity.letters(system(self.at), ids=[id])
        return letter.token

    async def roles(self, shop: UUID = SHOP) -> dict[str, str]:
        rows = await self.db.fetch(
            "SELECT p.name, m.role FROM identity.memberships m JOIN identity.people p"
            " ON p.id = m.person_id WHERE m.vendor_id = $1 AND m.active",
            shop,
        )
        return {row["name"]: row["role"] for row in rows}


@pytest.fixture
def house(db: Database) -> House:
    return House(db)


async def outcome(call: Awaitable[Any]) -> Any:
    """What it answers, or the class of what it raises."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - it is what the test looks at
        return type(error)


async def test_an_invitation_from_mail_to_member(house: House) -> None:
    identity, owner = house.identity, await house.seat("ada", "owner")
    await outbox(house.db)
    id = uuid4()
    wanted: dict[str, Any] = {"vendor_id": SHOP, "email": "BOB@example.com", "role": "staff"}
    invited = await identity.invite(owner, id=id, **wanted)
    assert await identity.invite(owner, id=id, **wanted) == invited, "sent twice"
    assert invited.email == "bob@example.com"
    assert await identity.invitations(owner, vendor_id=SHOP) == [invited]
    [(type, data)] = await outbox(house.db)
    assert type == "team.invited"
    assert set(data) == {"vendorId", "invitationId", "sent"}, "neither address nor link"
    with pytest.raises(AlreadyInvited):
        await identity.invite(owner, id=uuid4(), **wanted)
    link = await house.link(id)
    assert (await identity.invitation(guest(house.at), token=link)).email == "bob@example.com"

    eve, bob = await house.person("eve"), await house.person("bob")
    with pytest.raises(NotInvited):
        await identity.accept_invitation(person(house.at, eve.id), token=link)
    with pytest.raises(Unauthenticated):
        await identity.accept_invitation(guest(house.at), token=link)
    for wrong in (link[:-2], link + "x", "a.b.c", "", "\x00"):
        with pytest.raises(LinkInvalid):
            await identity.invitation(guest(house.at), token=wrong)
    as_bob = person(house.at, bob.id)
    found = await asyncio.gather(
        *(outcome(identity.accept_invitation(as_bob, token=link)) for _ in range(4))
    )
    assert found == [SHOP] * 4, "once, and the same again"
    assert await house.roles() == {"ada": "owner", "bob": "staff"}
    news = [data["what"] for type, data in await outbox(house.db) if type == "team.changed"]
    assert news == ["joined"]
    with pytest.raises(InvitationOver):
        await identity.accept_invitation(person(house.at, eve.id), token=link)
    with pytest.raises(AlreadyMember):
        await identity.invite(owner, id=uuid4(), **wanted)
    await identity.remove_member(owner, vendor_id=SHOP, person_id=bob.id)
    assert await identity.accept_invitation(as_bob, token=link) == SHOP
    assert await house.roles() == {"ada": "owner"}, "a used link brings nobody back"


async def test_links_that_are_over(house: House) -> None:
    identity, owner = house.identity, await house.seat("ada", "owner")
    bob = person(house.at, (await house.person("bob")).id)
    id = uuid4()
    wanted: dict[str, Any] = {"vendor_id": SHOP, "email": "bob@example.com", "role": "manager"}
    await identity.invite(owner, id=id, **wanted)
    first = await house.link(id)
    await identity.invite_again(owner, vendor_id=SHOP, id=id)
    assert await house.link(id) == first, "not twice within a minute"
    house.at.advance(timedelta(minutes=2))
    await identity.invite_again(owner, vendor_id=SHOP, id=id)
    second = await house.link(id)
    with pytest.raises(InvitationOver):
        await identity.accept_invitation(bob, token=first)
    house.at.advance(timedelta(days=8))
    with pytest.raises(LinkExpired):
        await identity.accept_invitation(bob, token=second)
    assert await identity.invitations(owner, vendor_id=SHOP) == []
    again = uuid4()
    await identity.invite(owner, id=again, **wanted)
    third = await house.link(again)
    for _ in range(2):
        await identity.withdraw_invitation(owner, vendor_id=SHOP, id=again)
    assert await identity.letters(system(house.at), ids=[again]) == []
    with pytest.raises(InvitationOver):
        await identity.accept_invitation(bob, token=third)
    with pytest.raises(InvitationOver):
        await identity.invite_again(owner, vendor_id=SHOP, id=again)
    assert await house.roles() == {"ada": "owner"}


async def test_nobody_gives_or_takes_more_than_they_have(house: House) -> None:
    identity, owner = house.identity, await house.seat("ada", "owner")
    admin, manager = await house.seat("bob", "admin"), await house.seat("cleo", "manager")
    other = await house.seat("eve", "owner", STALL)
    ids = {"ada": owner.person_id, "bob": admin.person_id, "cleo": manager.person_id}
    before = await house.roles()
    at_bob: dict[str, Any] = {"vendor_id": SHOP, "person_id": ids["bob"]}
    at_ada: dict[str, Any] = {"vendor_id": SHOP, "person_id": ids["ada"]}
    refused: list[tuple[Any, type[Exception]]] = [
        (identity.change_role(admin, **at_bob, role="owner"), BeyondYours),
        (identity.change_role(admin, **at_ada, role="staff"), BeyondYours),
        (identity.remove_member(admin, **at_ada), BeyondYours),
        (identity.set_active(admin, **at_ada, active=False), BeyondYours),
        (identity.hand_over(admin, vendor_id=SHOP, person_id=ids["cleo"]), BeyondYours),
        (identity.remove_member(manager, vendor_id=SHOP, person_id=ids["bob"]), BeyondYours),
        (identity.remove_member(other, vendor_id=SHOP, person_id=ids["bob"]), NotFound),
        (identity.members(other, vendor_id=SHOP), NotFound),
        (identity.invitations(other, vendor_id=SHOP), NotFound),
        (identity.roles(other, vendor_id=SHOP), NotFound),
        (identity.team_history(other, vendor_id=SHOP), NotFound),
        (identity.change_role(owner, vendor_id=SHOP, person_id=uuid4(), role="staff"), NotFound),
        (identity.change_role(owner, vendor_id=SHOP, person_id=ids["bob"], role="custom"), Invalid),
        (
            identity.invite(owner, id=uuid4(), vendor_id=SHOP, email="x@example.com", role="owner"),
            Invalid,
        ),
        (
            identity.invite(owner, id=uuid4(), vendor_id=SHOP, email="x@", role="staff"),
            EmailInvalid,
        ),
    ]  # fmt: skip
    for call, error in refused:
        assert issubclass(await outcome(call), error)
    assert await house.roles() == before
    lean = await identity.change_role(admin, vendor_id=SHOP, person_id=ids["cleo"], role="staff")
    assert (lean.role, lean.scopes) == ("staff", ["vendor:orders", "vendor:products:view"])
    # A token from before does not carry over what its holder lost meanwhile.
    await identity.change_role(owner, vendor_id=SHOP, person_id=ids["bob"], role="manager")
    with pytest.raises(BeyondYours):
        await identity.change_role(admin, vendor_id=SHOP, person_id=ids["cleo"], role="manager")


async def test_the_last_owner_stays_whatever_comes_at_once(house: House) -> None:
    identity = house.identity
    for turn in range(6):
        await house.db.execute("DELETE FROM identity.people")
        await house.db.execute("DELETE FROM identity.memberships")
        ada, bob = await house.seat("ada", "owner"), await house.seat("bob", "owner")
        a, b = ada.person_id, bob.person_id
        calls: list[tuple[Any, Any]] = [
            (
                identity.change_role(ada, vendor_id=SHOP, person_id=b, role="staff"),
                identity.change_role(bob, vendor_id=SHOP, person_id=a, role="staff"),
            ),
            (identity.leave(ada, vendor_id=SHOP), identity.leave(bob, vendor_id=SHOP)),
            (
                identity.remove_member(ada, vendor_id=SHOP, person_id=b),
                identity.set_active(bob, vendor_id=SHOP, person_id=a, active=False),
            ),
        ]
        for n, pair in enumerate(calls):
            if n == turn % 3:
                await asyncio.gather(*(outcome(call) for call in pair))
            else:
                for call in pair:
                    call.close()
        assert list((await house.roles()).values()).count("owner") == 1, turn
    [(name, _)] = [one for one in (await house.roles()).items() if one[1] == "owner"]
    last = ada if name == "ada" else bob
    for call in (
        identity.leave(last, vendor_id=SHOP),
        identity.remove_member(last, vendor_id=SHOP, person_id=last.person_id),
        identity.set_active(last, vendor_id=SHOP, person_id=last.person_id, active=False),
        identity.change_role(last, vendor_id=SHOP, person_id=last.person_id, role="admin"),
    ):
        assert await outcome(call) is LastOwner


async def test_a_store_is_handed_over(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    bob = await house.seat("bob", "staff")
    await identity.set_active(ada, vendor_id=SHOP, person_id=bob.person_id, active=False)
    with pytest.raises(Invalid):
        await identity.hand_over(ada, vendor_id=SHOP, person_id=bob.person_id)
    await identity.set_active(ada, vendor_id=SHOP, person_id=bob.person_id, active=True)
    await outbox(house.db)
    found = await identity.hand_over(ada, vendor_id=SHOP, person_id=bob.person_id)
    assert {one.name: one.role for one in found} == {"ada": "admin", "bob": "owner"}
    assert await house.roles() == {"ada": "admin", "bob": "owner"}
    owners = [data["owners"] for type, data in await outbox(house.db) if type == "team.changed"]
    assert owners[-1] == [str(bob.person_id)]
    again = await house.of(ada.person_id)
    await identity.hand_over(again, vendor_id=SHOP, person_id=bob.person_id)  # sent twice
    # An application that is sent again does not take the store back.
    await identity.join_vendor(
        system(house.at), person_id=ada.person_id, vendor_id=SHOP, role="owner"
    )
    assert await house.roles() == {"ada": "admin", "bob": "owner"}


async def test_another_vendors_row_is_logged(house: House) -> None:
    eve = await house.seat("eve", "owner", STALL)
    outside = local(Identity, house.identity, caller=None)
    with capture_logs() as logs, pytest.raises(NotFound) as refused:
        await outside.members(eve, vendor_id=SHOP)
    assert refused.value.document() == NotFound().document(), "it reads like any other"
    [first] = [one for one in logs if one["event"] == "other_vendors_row"]
    assert (first["call"], first["actor"]) == ("identity.members", str(eve.person_id))
    assert first["acts_for"] == str(STALL)


class Process:
    """Another process of the market."""

    def __init__(self, house: House, tokens: Tokens) -> None:
        self.clock: Clock = house.at
        self.tokens = tokens
        self.inner: Doors = {Identity: house.identity}

    def system_context(self, request_id: str) -> Context:
        return system(self.clock)


async def test_a_change_counts_at_once(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    bob = await house.seat("bob", "manager")
    elsewhere = Tokens(SECRET, house.at)  # another process
    held, ada_held = await house.sign_in("bob"), await house.sign_in("ada")
    for tokens in (house.tokens, elsewhere):
        assert "vendor:stock" in tokens.read(held.access_token).scopes
    since = house.at.now()
    await identity.change_role(ada, vendor_id=SHOP, person_id=bob.person_id, role="staff")
    with pytest.raises(TokenExpired):
        house.tokens.read(held.access_token)
    assert elsewhere.read(held.access_token), "until it has asked"

    await hear_once(Process(house, elsewhere), since)
    with pytest.raises(TokenExpired):
        elsewhere.read(held.access_token)
    assert elsewhere.read(ada_held.access_token), "nobody else's"
    assert held.refresh_token
    renewed = await identity.refresh(guest(house.at), refresh_token=held.refresh_token)
    for tokens in (house.tokens, elsewhere):
        assert "vendor:stock" not in tokens.read(renewed.access_token).scopes
    assert renewed.refresh_token
    await identity.remove_member(ada, vendor_id=SHOP, person_id=bob.person_id)
    with pytest.raises(TokenExpired):
        house.tokens.read(renewed.access_token)
    gone = await identity.refresh(guest(house.at), refresh_token=renewed.refresh_token)
    claims = house.tokens.read(gone.access_token)
    assert (claims.vendor_id, set(claims.scopes)) == (None, {"person"})


async def test_who_left_the_store_they_acted_for_acts_for_none(house: House) -> None:
    ada = await house.seat("ada", "owner")
    bob = await house.seat("bob", "admin")
    await house.db.execute(
        "INSERT INTO identity.memberships VALUES ($1, $2, 'owner', $3)",
        *(bob.person_id, STALL, house.at.now() + timedelta(seconds=1)),
    )
    session = await house.sign_in("bob")
    assert house.tokens.read(session.access_token).vendor_id == SHOP
    await house.identity.set_active(ada, vendor_id=SHOP, person_id=bob.person_id, active=False)
    assert session.refresh_token
    after = await house.identity.refresh(guest(house.at), refresh_token=session.refresh_token)
    assert house.tokens.read(after.access_token).vendor_id is None
    assert [one.vendor_id for one in after.person.memberships] == [STALL]
    assert await house.identity.team(system(house.at), vendor_ids=[SHOP]) == [(SHOP, ada.person_id)]


async def test_roles_of_a_stores_own(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    bob, cleo = await house.seat("bob", "admin"), await house.seat("cleo", "staff")
    id = uuid4()
    packer: dict[str, Any] = {"vendor_id": SHOP, "name": "Packer"}
    role = await identity.save_role(
        bob, id=id, **packer, scopes=["vendor:orders", "vendor:stock", "vendor:orders"]
    )
    assert role.scopes == ["vendor:orders", "vendor:stock"]
    for scopes, error in (
        (["vendor:orders", "vendor:money"], BeyondYours),
        (["staff:orders"], Invalid), (["internal"], Invalid), (["x"], Invalid), ([], Invalid),
    ):  # fmt: skip
        call = identity.save_role(bob, id=uuid4(), vendor_id=SHOP, name="More", scopes=scopes)
        assert issubclass(await outcome(call), error)
    with pytest.raises(RoleNameTaken):
        await identity.save_role(
            bob, id=uuid4(), vendor_id=SHOP, name="PACKER ", scopes=role.scopes
        )
    given = {"vendor_id": SHOP, "person_id": cleo.person_id}
    member = await identity.change_role(bob, **given, role="custom", role_id=id)
    assert (member.role, member.role_name, member.scopes) == ("custom", "Packer", role.scopes)
    held = await house.sign_in("cleo")
    assert "vendor:stock" in house.tokens.read(held.access_token).scopes
    await identity.save_role(bob, id=id, **packer, scopes=["vendor:orders"])
    with pytest.raises(TokenExpired):
        house.tokens.read(held.access_token)
    assert "vendor:stock" not in (await house.of(cleo.person_id)).scopes
    with pytest.raises(RoleInUse):
        await identity.remove_role(ada, vendor_id=SHOP, id=id)
    eve = await house.seat("eve", "owner", STALL)
    with pytest.raises(NotFound):
        await identity.save_role(eve, id=id, vendor_id=STALL, name="Mine", scopes=role.scopes)
    await identity.remove_role(eve, vendor_id=STALL, id=id)
    at_eve: dict[str, Any] = {"vendor_id": STALL, "person_id": eve.person_id}
    with pytest.raises(Invalid):  # another vendor's role
        await identity.change_role(eve, **at_eve, role="custom", role_id=id)
    assert [one.name for one in await identity.roles(ada, vendor_id=SHOP)] == ["Packer"]
    await identity.change_role(bob, **given, role="staff")
    await identity.remove_role(ada, vendor_id=SHOP, id=id)
    # The owner made the role "money"; an admin, who has no money, cannot give it.
    money = uuid4()
    await identity.save_role(ada, id=money, vendor_id=SHOP, name="Books", scopes=["vendor:money"])
    with pytest.raises(BeyondYours):
        await identity.change_role(bob, **given, role="custom", role_id=money)


async def test_a_team_has_a_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from haat.domains.people.identity.service import inviting

    monkeypatch.setattr(inviting, "INVITED_A_DAY", 3)
    ada = await house.seat("ada", "owner")

    async def invite(n: int) -> Any:
        return await house.identity.invite(
            ada, id=uuid4(), vendor_id=SHOP, email=f"p{n}@example.com", role="staff"
        )

    found = await asyncio.gather(*(outcome(invite(n)) for n in range(8)))
    assert found.count(TeamFull) == 5
    house.at.advance(timedelta(days=1, seconds=1))
    await invite(99)


async def test_what_is_done_to_rights_is_written_down(house: House) -> None:
    identity, ada = house.identity, await house.seat("ada", "owner")
    bob = await house.seat("bob", "manager")
    for role in ("staff", "staff", "admin"):
        house.at.advance(timedelta(seconds=1))
        await identity.change_role(ada, vendor_id=SHOP, person_id=bob.person_id, role=role)
    house.at.advance(timedelta(seconds=1))
    await identity.leave(bob, vendor_id=SHOP)
    page = await identity.team_history(ada, vendor_id=SHOP, limit=2)
    assert [(one.what, one.before, one.after) for one in page.items] == [
        ("team_left", "admin", ""), ("team_role", "staff", "admin"),
    ]  # fmt: skip
    assert [one.actor_id for one in page.items] == [bob.person_id, ada.person_id]
    rest = await identity.team_history(ada, vendor_id=SHOP, cursor=page.next)
    assert [(one.before, one.after) for one in rest.items] == [("manager", "staff")]


async def test_staff_and_the_last_super_admin(house: House) -> None:
    identity, at = house.identity, house.at
    chief, second = await house.person("ada"), await house.person("bob")
    for one in (chief, second):
        await identity.grant_staff(system(at), person_id=one.id, role="super_admin")
    ctx = person(at, chief.id, scopes=["staff", "staff:people"])
    kept = await asyncio.gather(
        outcome(identity.block(person(at, chief.id), person_id=second.id, reason="quarrel")),
        outcome(identity.block(person(at, second.id), person_id=chief.id, reason="quarrel")),
    )
    assert kept.count(LastSuperAdmin) == 1
    for one in (chief, second):
        await identity.unblock(system(at), person_id=one.id)

    def end(id: UUID) -> Awaitable[Any]:
        return outcome(identity.set_staff(ctx, person_id=id, roles=["support"], custom_roles=[]))

    found = await asyncio.gather(end(chief.id), end(second.id))
    assert found.count(LastSuperAdmin) == 1
    await identity.set_staff(ctx, person_id=chief.id, roles=["super_admin"], custom_roles=[])
    role = uuid4()
    for scopes in (["staff:people"], ["vendor:orders"], ["person"], []):
        with pytest.raises(Invalid):
            await identity.save_staff_role(ctx, id=role, name="Desk", scopes=scopes)
    await identity.save_staff_role(ctx, id=role, name="Desk", scopes=["staff:orders"])
    held = await house.sign_in("bob")
    at.advance(timedelta(seconds=1))
    after = await identity.set_staff(
        ctx, person_id=second.id, roles=[], custom_roles=[role], reason="Moved"
    )
    assert [one.name for one in after.custom_roles] == ["Desk"]
    with pytest.raises(TokenExpired):
        house.tokens.read(held.access_token)
    assert (await identity.me(person(at, second.id))).scopes == ["person", "staff", "staff:orders"]
    assert sorted(await identity.staff(system(at))) == sorted([chief.id, second.id])
    with pytest.raises(RoleInUse):
        await identity.remove_staff_role(ctx, id=role)
    for bad in ({"custom_roles": [uuid4()]}, {"person_id": uuid4()}):
        wanted: dict[str, Any] = {"person_id": second.id, "roles": [], "custom_roles": [], **bad}
        assert issubclass(await outcome(identity.set_staff(ctx, **wanted)), Invalid | NotFound)
    [newest] = (await identity.rights_history(ctx, limit=1)).items
    assert (newest.what, newest.after, newest.reason) == ("staff_roles", "Desk", "Moved")
    await identity.set_staff(ctx, person_id=second.id, roles=[], custom_roles=[])
    assert (await identity.me(person(at, second.id))).scopes == ["person"]
    await identity.remove_staff_role(ctx, id=role)
    assert [one.person_id for one in await identity.staff_members(ctx)] == [chief.id]
