"""Roles that vendors put together for their teams, and the market for its staff."""

import unicodedata
from collections.abc import Iterable
from uuid import UUID

from haat.domains.people.identity.api import (
    STAFF_SCOPES,
    SUPER_ADMINS_ALONE,
    VENDOR_SCOPES,
    CustomRole,
    RoleInUse,
    RoleNameTaken,
    RolesFull,
)
from haat.domains.people.identity.roles import scopes_in_team
from haat.domains.people.identity.service import team_statements as sql
from haat.domains.people.identity.service.inviting import Inviting
from haat.domains.people.identity.service.teams import locked
from haat.engines.sql import ForeignKeyViolation, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.text import is_plain_line

ROLES_MAX = 50
FOR_STAFF = frozenset(STAFF_SCOPES) - {SUPER_ADMINS_ALONE}


class CustomRoles(Inviting):
    """The part of identity that is about custom roles."""

    async def roles(self, ctx: Context, *, vendor_id: UUID) -> list[CustomRole]:
        ctx.need_vendor(vendor_id)
        return await self._roles(vendor_id)

    async def staff_roles(self, ctx: Context) -> list[CustomRole]:
        return await self._roles(None)

    async def _roles(self, vendor_id: UUID | None) -> list[CustomRole]:
        rows = await self._db.fetch(sql.ROLES, vendor_id)
        return [CustomRole(**dict(row)) for row in rows]

    async def save_role(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, name: str, scopes: list[str]
    ) -> CustomRole:
        ctx.need_vendor(vendor_id)
        given = known_scopes(scopes, VENDOR_SCOPES)
        try:
            async with self._db.begin(ctx) as tx:
                team = await locked(tx, vendor_id)
                before = await tx.fetchrow(sql.ROLE, id, vendor_id)
                had = scopes_in_team("custom", before["scopes"] if before else [])
                team.check(ctx, given, had)
                saved, raised = await self._save(tx, id, vendor_id, name, given, "")
        except UniqueViolation:
            raise RoleNameTaken.at("name", RoleNameTaken().detail, "role_name_taken") from None
        self._recall(ctx, raised)
        return saved

    async def save_staff_role(
        self, ctx: Context, *, id: UUID, name: str, scopes: list[str], reason: str = ""
    ) -> CustomRole:
        given = known_scopes(scopes, FOR_STAFF)
        try:
            async with self._db.begin(ctx) as tx:
                saved, raised = await self._save(tx, id, None, name, given, reason)
        except UniqueViolation:
            raise RoleNameTaken.at("name", RoleNameTaken().detail, "role_name_taken") from None
        self._recall(ctx, raised)
        return saved

    async def _save(
        self,
        tx: Tx,
        id: UUID,
        vendor_id: UUID | None,
        name: str,
        scopes: frozenset[str],
        reason: str,
    ) -> tuple[CustomRole, dict[UUID, int]]:
        """The role as it is now, and whom to recall. UniqueViolation for a name that is taken."""
        called = readable(name)
        before = await tx.fetchrow(sql.ROLE, id, vendor_id)
        saved = CustomRole(id=id, vendor_id=vendor_id, name=called, scopes=sorted(scopes))
        if before is not None and (before["name"], before["scopes"]) == (called, saved.scopes):
            return saved, {}
        wanted = (id, vendor_id, called, called.casefold(), saved.scopes, tx.ctx.now())
        if await tx.fetchrow(sql.SAVE_ROLE, *wanted) is None:
            raise NotFound  # another's
        if len(await tx.fetch(sql.ROLES, vendor_id)) > ROLES_MAX:
            raise RolesFull
        await self._write_down(
            tx,
            "role_saved",
            vendor_id=vendor_id,
            before=f"{before['name']}: {' '.join(before['scopes'])}" if before else "",
            after=f"{called}: {' '.join(saved.scopes)}",
            reason=reason,
        )
        holders = [row["person_id"] for row in await tx.fetch(sql.HOLDERS, id)]
        return saved, await self._raise(tx, holders)

    async def remove_role(self, ctx: Context, *, vendor_id: UUID, id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        try:
            async with self._db.begin(ctx) as tx:
                team = await locked(tx, vendor_id)
                before = await tx.fetchrow(sql.ROLE, id, vendor_id)
                if before is not None:
                    team.check(ctx, scopes_in_team("custom", before["scopes"]))
                    await self._remove_role(tx, id, vendor_id)
        except ForeignKeyViolation:
            raise RoleInUse from None

    async def remove_staff_role(self, ctx: Context, *, id: UUID) -> None:
        try:
            async with self._db.begin(ctx) as tx:
                await self._remove_role(tx, id, None)
        except ForeignKeyViolation:
            raise RoleInUse from None

    async def _remove_role(self, tx: Tx, id: UUID, vendor_id: UUID | None) -> None:
        row = await tx.fetchrow(sql.REMOVE_ROLE, id, vendor_id)
        if row is not None:
            await self._write_down(tx, "role_removed", vendor_id=vendor_id, before=row["name"])


def known_scopes(scopes: Iterable[str], those: Iterable[str]) -> frozenset[str]:
    """These, all of which must be of those; at least one."""
    given = frozenset(scopes)
    unknown = sorted(given - frozenset(those))
    if unknown or not given:
        message = f"There is no right {unknown[0]!r}." if unknown else "Choose at least one right."
        raise Invalid.at("scopes", message, "scope_unknown" if unknown else "scopes_empty")
    return given


def readable(name: str) -> str:
    called = unicodedata.normalize("NFC", " ".join(name.split()))
    if not called or not is_plain_line(called):
        raise Invalid.at("name", "Give the role a name of plain characters.", "name_invalid")
    return called
