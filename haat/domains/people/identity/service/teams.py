"""Who is in a vendor's team and as what: changed under a lock on the team's rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from haat.domains.people.identity.api import (
    BeyondYours,
    LastOwner,
    Member,
    RoleGranted,
    TeamChanged,
    VendorRole,
)
from haat.domains.people.identity.roles import scopes_in_team
from haat.domains.people.identity.service import team_statements as sql
from haat.domains.people.identity.service.rights import Rights
from haat.domains.people.identity.teams import TeamNews
from haat.engines.sql import Record, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Team:
    """A vendor's team as it is while its rows are locked."""

    vendor_id: UUID
    seats: Mapping[UUID, Member]
    acting: frozenset[UUID]  # whose place and account are both active

    def owners(self, *, without: UUID | None = None) -> list[UUID]:
        """Owners that act."""
        return [
            id
            for id, seat in self.seats.items()
            if seat.role == "owner" and id in self.acting and id != without
        ]

    def seat(self, person_id: UUID) -> Member:
        """NotFound for who is not in the team."""
        found = self.seats.get(person_id)
        if found is None:
            raise NotFound("There is nobody like that in the team.")
        return found

    def rights_of(self, ctx: Context) -> frozenset[str]:
        """What who asks may do here now, whatever their token says."""
        if ctx.actor.type == "system":
            return scopes_in_team("owner", [])
        seat = self.seats.get(ctx.person_id)
        if seat is None or seat.person_id not in self.acting:
            raise NotFound
        return frozenset(seat.scopes) & ctx.scopes

    def check(self, ctx: Context, *wanted: frozenset[str], needs: str = "vendor:team") -> None:
        """BeyondYours unless the actor has all of these rights, and that to change teams."""
        own = self.rights_of(ctx)
        if needs not in own or not all(one <= own for one in wanted):
            raise BeyondYours

    def is_owner(self, ctx: Context) -> bool:
        return ctx.actor.type == "system" or (
            ctx.person_id in self.acting and self.seat(ctx.person_id).role == "owner"
        )


class TeamSeats(Rights):
    """The part of identity that is about places in teams."""

    async def members(self, ctx: Context, *, vendor_id: UUID) -> list[Member]:
        ctx.need_vendor(vendor_id)
        return [member_of(row) for row in await self._db.fetch(sql.SEATS, vendor_id)]

    async def change_role(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        person_id: UUID,
        role: VendorRole,
        role_id: UUID | None = None,
    ) -> Member:
        ctx.need_vendor(vendor_id)
        raised: dict[UUID, int] = {}
        async with self._db.begin(ctx) as tx:
            team = await locked(tx, vendor_id)
            given, role_name = await self._given(tx, vendor_id, role, role_id)
            seat = team.seat(person_id)
            team.check(ctx, given, frozenset(seat.scopes))
            if "owner" in (role, seat.role) and role != seat.role and not team.is_owner(ctx):
                raise BeyondYours
            if seat.role == "owner" and role != "owner":
                self._keep_owner(team, person_id)
            after = seat.model_copy(
                update={
                    "role": role,
                    "role_id": role_id,
                    "role_name": role_name,
                    "scopes": sorted(given),
                }
            )
            if (role, role_id) == (seat.role, seat.role_id):
                return after
            await tx.execute(sql.SET_ROLE, vendor_id, person_id, role, role_id)
            if not given >= frozenset(seat.scopes):
                await tx.execute(sql.WITHDRAW_OF, vendor_id, person_id, ctx.now())
            raised = await self._changed(tx, team, person_id, "role", seat, after)
        self._recall(ctx, raised)
        return after

    async def set_active(
        self, ctx: Context, *, vendor_id: UUID, person_id: UUID, active: bool
    ) -> Member:
        ctx.need_vendor(vendor_id)
        raised: dict[UUID, int] = {}
        async with self._db.begin(ctx) as tx:
            team = await locked(tx, vendor_id)
            seat = team.seat(person_id)
            team.check(ctx, frozenset(seat.scopes))
            if seat.role == "owner" and not team.is_owner(ctx):
                raise BeyondYours
            after = seat.model_copy(update={"active": active})
            if seat.active == active:
                return seat
            if seat.role == "owner" and not active:
                self._keep_owner(team, person_id)
            await tx.execute(sql.SET_ACTIVE, vendor_id, person_id, active)
            if not active:
                await tx.execute(sql.WITHDRAW_OF, vendor_id, person_id, ctx.now())
            what: TeamNews = "activated" if active else "deactivated"
            raised = await self._changed(tx, team, person_id, what, seat, after)
        self._recall(ctx, raised)
        return after

    async def remove_member(self, ctx: Context, *, vendor_id: UUID, person_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        await self._remove(ctx, vendor_id, person_id, "removed")

    async def leave(self, ctx: Context, *, vendor_id: UUID) -> None:
        await self._remove(ctx, vendor_id, ctx.person_id, "left")

    async def _remove(self, ctx: Context, vendor_id: UUID, person_id: UUID, what: TeamNews) -> None:
        async with self._db.begin(ctx) as tx:
            team = await locked(tx, vendor_id)
            if what == "removed":
                team.check(ctx)
            seat = team.seat(person_id)
            if what == "removed":
                team.check(ctx, frozenset(seat.scopes))
                if seat.role == "owner" and not team.is_owner(ctx):
                    raise BeyondYours
            if seat.role == "owner":
                self._keep_owner(team, person_id)
            await tx.execute(sql.REMOVE, vendor_id, person_id)
            await tx.execute(sql.WITHDRAW_OF, vendor_id, person_id, ctx.now())
            raised = await self._changed(tx, team, person_id, what, seat, None)
        self._recall(ctx, raised)

    async def hand_over(self, ctx: Context, *, vendor_id: UUID, person_id: UUID) -> list[Member]:
        ctx.need_vendor(vendor_id)
        raised: dict[UUID, int] = {}
        async with self._db.begin(ctx) as tx:
            team = await locked(tx, vendor_id)
            seat, own = team.seat(person_id), team.seat(ctx.person_id)
            if seat.role == "owner" and own.role != "owner":
                return list(team.seats.values())  # done before
            if not team.is_owner(ctx):
                raise BeyondYours
            if person_id == ctx.person_id or person_id not in team.acting:
                raise Invalid.at(
                    "personId", "Choose an active member of the team.", "member_inactive"
                )
            heir = _as(seat, "owner")
            before = _as(own, "admin")
            await tx.execute(sql.SET_ROLE, vendor_id, person_id, "owner", None)
            raised = await self._changed(tx, team, person_id, "owner", seat, heir)
            await tx.execute(sql.SET_ROLE, vendor_id, ctx.person_id, "admin", None)
            await tx.execute(sql.WITHDRAW_OF, vendor_id, ctx.person_id, ctx.now())
            after = Team(vendor_id, {**team.seats, person_id: heir}, team.acting)
            raised |= await self._changed(tx, after, ctx.person_id, "role", own, before)
        self._recall(ctx, raised)
        return list({**after.seats, ctx.person_id: before}.values())

    def _keep_owner(self, team: Team, person_id: UUID) -> None:
        """LastOwner when nobody else would be left who owns and acts."""
        if not team.owners(without=person_id):
            raise LastOwner

    async def _given(
        self, tx: Tx, vendor_id: UUID, role: VendorRole, role_id: UUID | None
    ) -> tuple[frozenset[str], str]:
        """What a role gives and, where it is the vendor's own, how it is called. Invalid when it is
        not there."""
        if (role == "custom") != (role_id is not None):
            raise Invalid.at("roleId", "A role of your own has an id, others have none.", "invalid")
        if role_id is None:
            return scopes_in_team(role, []), ""
        row = await tx.fetchrow(sql.ROLE_HELD, role_id, vendor_id)
        if row is None:
            raise Invalid.at("roleId", "There is no such role.", "role_unknown")
        return scopes_in_team(role, row["scopes"]), row["name"]

    async def _changed(
        self,
        tx: Tx,
        team: Team,
        person_id: UUID,
        what: TeamNews,
        before: Member | None,
        after: Member | None,
    ) -> dict[UUID, int]:
        """Counts, writes down and announces a change that was made; what to recall."""
        seats = {id: seat for id, seat in team.seats.items() if id != person_id}
        acting = team.acting - {person_id}
        if after is not None:
            seats[person_id] = after
            if after.active and (person_id in team.acting or what in ("activated", "joined")):
                acting |= {person_id}
        owners = Team(team.vendor_id, seats, acting).owners()
        await self._write_down(
            tx,
            f"team_{what}",
            person_id=person_id,
            vendor_id=team.vendor_id,
            before=_words(before),
            after=_words(after),
        )
        if after is not None and what in ("joined", "role", "owner"):
            name = after.role_name or after.role
            tx.emit(RoleGranted(person_id=person_id, role=name, vendor_id=team.vendor_id))
        tx.emit(
            TeamChanged(
                vendor_id=team.vendor_id,
                person_id=person_id,
                what=what,
                role=(after.role_name or after.role) if after else None,
                owners=owners,
            )
        )
        # What somebody gains is in their next token; only what they lose cannot wait for it.
        gains = what in ("joined", "activated")
        return {} if gains else await self._raise(tx, [person_id])


async def locked(tx: Tx, vendor_id: UUID) -> Team:
    """The vendor's team, which nobody else changes until the transaction ends."""
    await tx.fetch(sql.LOCK, vendor_id)
    rows = await tx.fetch(sql.SEATS, vendor_id)
    return Team(
        vendor_id,
        {row["person_id"]: member_of(row) for row in rows},
        frozenset(row["person_id"] for row in rows if row["active"] and row["status"] != "blocked"),
    )


def member_of(row: Record) -> Member:
    return Member(
        person_id=row["person_id"],
        email=row["email"],
        name=row["name"],
        role=row["role"],
        role_id=row["role_id"],
        role_name=row["role_name"],
        scopes=sorted(scopes_in_team(row["role"], row["scopes"])),
        active=row["active"],
        joined_at=row["joined_at"],
    )


def _as(seat: Member, role: VendorRole) -> Member:
    """The same member with one of the roles that every vendor has."""
    given = sorted(scopes_in_team(role, []))
    return seat.model_copy(update={"role": role, "role_id": None, "role_name": "", "scopes": given})


def _words(seat: Member | None) -> str:
    if seat is None:
        return ""
    return (seat.role_name or seat.role) + ("" if seat.active else " (inactive)")
