"""Invitations: a link by mail, made from the invitation whenever it is needed, good once."""

from datetime import timedelta
from uuid import UUID

from haat.domains.people.identity.api import (
    AlreadyInvited,
    AlreadyMember,
    Invitation,
    InvitationOver,
    Letter,
    NotInvited,
    PersonVerified,
    TeamFull,
    TeamInvited,
    VendorRole,
)
from haat.domains.people.identity.rules import normal_email
from haat.domains.people.identity.service import team_statements as sql
from haat.domains.people.identity.service.teams import A_DAY, TeamSeats, locked
from haat.domains.people.identity.teams import INVITED_A_DAY, TEAM_MAX
from haat.engines.http import Signer
from haat.engines.http.signing import LinkInvalid
from haat.engines.sql import Record, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

PURPOSE = "team invitation"
GOOD_FOR = timedelta(days=7)
AGAIN_AFTER = timedelta(minutes=1)
KEPT = timedelta(days=90)  # an invitation that is over, for who looks into it


class Inviting(TeamSeats):
    """The part of identity that is about invitations. The service gives `_signer`."""

    _signer: Signer

    async def invitations(self, ctx: Context, *, vendor_id: UUID) -> list[Invitation]:
        ctx.need_vendor(vendor_id)
        rows = await self._db.fetch(sql.OPEN, vendor_id, ctx.now())
        return [_invitation(row) for row in rows]

    async def invite(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        email: str,
        role: VendorRole,
        role_id: UUID | None = None,
    ) -> Invitation:
        ctx.need_vendor(vendor_id)
        address, now = normal_email(email), ctx.now()
        if role == "owner":
            raise Invalid.at("role", "Invite somebody, then hand the store over.", "role_invalid")
        async with self._db.begin(ctx) as tx:
            team = await locked(tx, vendor_id)
            given, role_name = await self._given(tx, vendor_id, role, role_id)
            team.check(ctx, given)
            if any(seat.email == address for seat in team.seats.values()):
                raise AlreadyMember.at("email", AlreadyMember().detail, "already_member")
            await tx.execute(sql.END_EXPIRED, vendor_id, now)
            counted = await tx.fetchrow(sql.COUNT_INVITED, vendor_id, now - A_DAY)
            assert counted is not None
            wanted = (vendor_id, address, role, role_id, ctx.person_id)
            new = await tx.fetchrow(sql.INVITE, id, *wanted, now, now + GOOD_FOR)
            if new is None:
                return _same(await tx.fetch(sql.BY_ID, [id]), vendor_id, address)
            if len(team.seats) + counted["open"] >= TEAM_MAX or counted["today"] >= INVITED_A_DAY:
                raise TeamFull
            await self._write_down(tx, "team_invited", vendor_id=vendor_id, after=role_name or role)
            tx.emit(TeamInvited(vendor_id=vendor_id, invitation_id=id, sent=1))
        return Invitation(
            id=id,
            vendor_id=vendor_id,
            email=address,
            role=role,
            role_id=role_id,
            role_name=role_name,
            invited_by=ctx.person_id,
            created_at=now,
            expires_at=now + GOOD_FOR,
        )

    async def invite_again(self, ctx: Context, *, vendor_id: UUID, id: UUID) -> Invitation:
        ctx.need_vendor(vendor_id)
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            team = await locked(tx, vendor_id)
            found = await self._open(tx, id, vendor_id)
            given, _ = await self._given(tx, vendor_id, found.role, found.role_id)
            team.check(ctx, given)
            again = (id, vendor_id, now, now + GOOD_FOR, now - AGAIN_AFTER)
            sent = await tx.fetchval(sql.AGAIN, *again)
            if sent is None:
                return found
            tx.emit(TeamInvited(vendor_id=vendor_id, invitation_id=id, sent=sent))
        return found.model_copy(update={"expires_at": now + GOOD_FOR})

    async def _open(self, tx: Tx, id: UUID, vendor_id: UUID) -> Invitation:
        """An invitation of this vendor's that is not over, or ran out. NotFound,
        InvitationOver."""
        for row in await tx.fetch(sql.BY_ID, [id]):
            if row["vendor_id"] == vendor_id:
                if row["ended_at"] is not None:
                    raise InvitationOver
                return _invitation(row)
        raise NotFound

    async def withdraw_invitation(self, ctx: Context, *, vendor_id: UUID, id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        async with self._db.begin(ctx) as tx:
            (await locked(tx, vendor_id)).check(ctx)
            if await tx.fetchrow(sql.WITHDRAW, id, vendor_id, ctx.now()) is not None:
                await self._write_down(tx, "team_invitation_withdrawn", vendor_id=vendor_id)

    async def invitation(self, ctx: Context, *, token: str) -> Invitation:
        id, sent = self._read(token)
        rows = await self._db.fetch(sql.BY_ID, [id])
        if not rows or not _is_open(rows[0], sent, ctx):
            raise InvitationOver
        return _invitation(rows[0])

    async def accept_invitation(self, ctx: Context, *, token: str) -> UUID:
        id, sent = self._read(token)
        person_id, raised = ctx.person_id, dict[UUID, int]()
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(sql.ACCEPT, id, person_id, ctx.now(), sent)
            if row is None:
                return _accepted_by(await tx.fetch(sql.BY_ID, [id]), person_id, sent, ctx)
            vendor_id: UUID = row["vendor_id"]
            if await tx.fetchrow(sql.PROVED, person_id, ctx.now()) is not None:
                tx.emit(PersonVerified(person_id=person_id))
            await tx.fetchrow(sql.ROLE_HELD, row["role_id"], vendor_id)
            seat = (person_id, vendor_id, row["role"], row["role_id"], ctx.now())
            if await tx.fetchrow(sql.SIT, *seat) is not None:
                team = await locked(tx, vendor_id)
                after = team.seat(person_id)
                raised = await self._changed(tx, team, person_id, "joined", None, after)
        self._recall(ctx, raised)
        return vendor_id

    async def letters(self, ctx: Context, *, ids: list[UUID]) -> list[Letter]:
        rows = await self._db.fetch(sql.BY_ID, ids)
        return [
            Letter(
                invitation=_invitation(row),
                token=self._signer.sign(PURPOSE, f"{row['id']}:{row['sent']}", row["expires_at"]),
            )
            for row in rows
            if _is_open(row, row["sent"], ctx)
        ]

    def _read(self, token: str) -> tuple[UUID, int]:
        """Which invitation a link is of, and which of its links. LinkInvalid, LinkExpired."""
        id, _, sent = self._signer.verify(PURPOSE, token).partition(":")
        try:
            return UUID(id), int(sent)
        except ValueError:
            raise LinkInvalid from None

    async def sweep_invitations(self, ctx: Context) -> None:
        """Forgets those that are over for long: addresses are not kept without a reason."""
        await self._db.execute(sql.SWEEP_INVITATIONS, ctx.now() - KEPT)


def _is_open(row: Record, sent: int, ctx: Context) -> bool:
    fresh: bool = row["ended_at"] is None and row["expires_at"] > ctx.now()
    return fresh and row["sent"] == sent


def _same(rows: list[Record], vendor_id: UUID, address: str) -> Invitation:
    """The invitation that was made by the same call before. AlreadyInvited for another."""
    for row in rows:
        if row["vendor_id"] == vendor_id and row["email"] == address and not row["ended_at"]:
            return _invitation(row)
    raise AlreadyInvited.at("email", AlreadyInvited().detail, "already_invited")


def _accepted_by(rows: list[Record], person_id: UUID, sent: int, ctx: Context) -> UUID:
    """The vendor, where this person accepted before. NotInvited, InvitationOver."""
    for row in rows:
        if row["accepted_by"] == person_id:
            return UUID(str(row["vendor_id"]))
        if _is_open(row, sent, ctx):
            raise NotInvited
    raise InvitationOver


def _invitation(row: Record) -> Invitation:
    return Invitation(**{name: row[name] for name in Invitation.model_fields})
