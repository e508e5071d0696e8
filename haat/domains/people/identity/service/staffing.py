"""The market's staff: who they are and what they may do. For super admins, of whom one stays."""

from uuid import UUID

from haat.domains.people.identity.api import (
    LastSuperAdmin,
    RoleGranted,
    StaffChanged,
    StaffMember,
    StaffRole,
)
from haat.domains.people.identity.service.keys import ApiKeys
from haat.engines.sql import ForeignKeyViolation, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

MEMBERS = Sql("""
SELECT p.id AS person_id, p.email, p.name, p.status, p.staff_roles AS roles,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name,
                                                     'scopes', to_jsonb(r.scopes))
                                  ORDER BY r.name_key), '[]')
          FROM identity.staff_customs c JOIN identity.roles r ON r.id = c.role_id
         WHERE c.person_id = p.id) AS custom_roles
  FROM identity.people p
 WHERE p.staff_roles <> '{}'
    OR EXISTS (SELECT 1 FROM identity.staff_customs c WHERE c.person_id = p.id)
 ORDER BY p.name, p.id LIMIT 1000
""")
MEMBER = Sql("""
SELECT p.id AS person_id, p.email, p.name, p.status, p.staff_roles AS roles,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name,
                                                     'scopes', to_jsonb(r.scopes))
                                  ORDER BY r.name_key), '[]')
          FROM identity.staff_customs c JOIN identity.roles r ON r.id = c.role_id
         WHERE c.person_id = p.id) AS custom_roles
  FROM identity.people p
 WHERE p.id = $1
""")
# All super admins and the person: two who take each other's role away at once come one after the
# other, and the second finds who is left.
LOCK = Sql("""
SELECT id FROM identity.people WHERE staff_roles @> ARRAY['super_admin'] OR id = $1
 ORDER BY id FOR UPDATE
""")
OTHERS = Sql("""
SELECT count(*) FROM identity.people
 WHERE staff_roles @> ARRAY['super_admin'] AND status <> 'blocked' AND id <> $1
""")
SET_ROLES = Sql("UPDATE identity.people SET staff_roles = $2::text[] WHERE id = $1")
CLEAR_CUSTOMS = Sql("""
DELETE FROM identity.staff_customs WHERE person_id = $1 AND NOT role_id = ANY($2::uuid[])
""")
SET_CUSTOMS = Sql("""
INSERT INTO identity.staff_customs (person_id, role_id)
SELECT $1, r.id FROM identity.roles r WHERE r.id = ANY($2::uuid[]) AND r.vendor_id IS NULL
ON CONFLICT DO NOTHING
""")
CUSTOMS_KNOWN = Sql("""
SELECT id FROM identity.roles WHERE id = ANY($1::uuid[]) AND vendor_id IS NULL
 ORDER BY id FOR SHARE
""")  # neither changed nor removed while they are given


class StaffDesk(ApiKeys):
    """The part of identity that is about the market's staff."""

    async def staff_members(self, ctx: Context) -> list[StaffMember]:
        return [_member(row) for row in await self._db.fetch(MEMBERS)]

    async def set_staff(
        self,
        ctx: Context,
        *,
        person_id: UUID,
        roles: list[StaffRole],
        custom_roles: list[UUID],
        reason: str = "",
    ) -> StaffMember:
        wanted, customs = sorted(set(roles)), sorted(set(custom_roles))
        try:
            async with self._db.begin(ctx) as tx:
                before = await self.locked_member(tx, person_id)
                if len(await tx.fetch(CUSTOMS_KNOWN, customs)) != len(customs):
                    raise Invalid.at("customRoles", "There is no such role.", "role_unknown")
                if sorted(before.roles) == wanted and customs == _customs(before):
                    return before
                ends = "super_admin" in before.roles and "super_admin" not in wanted
                if ends and not await tx.fetchval(OTHERS, person_id):
                    raise LastSuperAdmin
                await tx.execute(SET_ROLES, person_id, wanted)
                await tx.execute(CLEAR_CUSTOMS, person_id, customs)
                await tx.execute(SET_CUSTOMS, person_id, customs)
                after = _member(await tx.fetchrow(MEMBER, person_id))
                raised = await self._staff_changed(tx, before, after, reason)
        except ForeignKeyViolation:  # removed at this moment
            raise Invalid.at("customRoles", "There is no such role.", "role_unknown") from None
        self._recall(ctx, raised)
        return after

    async def locked_member(self, tx: Tx, person_id: UUID) -> StaffMember:
        """Them, and all super admins, locked until the transaction's end. NotFound."""
        await tx.fetch(LOCK, person_id)
        row = await tx.fetchrow(MEMBER, person_id)
        if row is None:
            raise NotFound("There is no such account.")
        return _member(row)

    async def _staff_changed(
        self, tx: Tx, before: StaffMember, after: StaffMember, reason: str
    ) -> dict[UUID, int]:
        id = after.person_id
        await self._write_down(
            tx,
            "staff_roles",
            person_id=id,
            before=", ".join(_names(before)),
            after=", ".join(_names(after)),
            reason=reason,
        )
        tx.emit(
            *(
                RoleGranted(person_id=id, role=role, vendor_id=None)
                for role in after.roles
                if role not in before.roles
            ),
            StaffChanged(person_id=id, roles=_names(after)),
        )
        return await self._raise(tx, [id])


def _member(row: Record) -> StaffMember:
    return StaffMember.model_validate(dict(row))


def _customs(member: StaffMember) -> list[UUID]:
    return sorted(one.id for one in member.custom_roles)


def _names(member: StaffMember) -> list[str]:
    return [*sorted(member.roles), *(one.name for one in member.custom_roles)]
