"""Roles of staff's that a provider gives: they follow what it says at each sign-in.

A connection remembers which roles it gave, so that what somebody here gave by hand stays when the
provider gives it no more.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from haat.domains.people.identity.api import StaffMember, StaffRole
from haat.domains.people.identity.service.connection_statements import (
    ONE,
    ROLES_ELSEWHERE,
    SET_GIVEN,
)
from haat.domains.people.identity.service.passkeys import WithPasskeys
from haat.domains.people.identity.service.staffing import OTHERS, SET_ROLES
from haat.engines.sql import Tx
from haat.kernel.context import Context

log = structlog.get_logger()


class RolesElsewhere(WithPasskeys):
    """The part about roles that providers give."""

    async def _follow(
        self,
        ctx: Context,
        found: Mapping[str, Any],
        wanted: frozenset[StaffRole] | None,
        label: str,
    ) -> bool:
        """Gives and takes what the provider says now; whether anything changed. None: it has no say
        in roles (any more)."""
        wanted = wanted or frozenset()
        if frozenset(found["given"]) <= wanted <= frozenset(found["staff_roles"]):
            return False
        async with self._db.begin(ctx) as tx:
            member = await self.locked_member(tx, found["id"])
            row = await tx.fetchrow(ONE, found["connection_id"], found["id"])
            if row is None:  # disconnected at this moment
                return False
            raised = await self._give(tx, member, row, wanted, f"signed in at {label}")
        self._recall(ctx, raised)
        return bool(raised)

    async def _give(
        self,
        tx: Tx,
        member: StaffMember,
        connection: Mapping[str, Any],
        wanted: frozenset[StaffRole],
        reason: str,
    ) -> dict[UUID, int]:
        """These by this connection and no others; what `_recall` wants after the commit. `member`
        is locked."""
        held, given = frozenset(member.roles), frozenset(connection["roles"])
        others = await tx.fetchval(ROLES_ELSEWHERE, member.person_id, connection["id"])
        elsewhere = frozenset(others)
        ends = given - wanted - elsewhere
        if "super_admin" in ends and not await tx.fetchval(OTHERS, member.person_id):
            # Without one nobody could make one. It is given by hand from here on.
            log.error("last_super_admin_kept", person=str(member.person_id), reason=reason)
            ends -= {"super_admin"}
        by_hand = held - given - elsewhere
        await tx.execute(SET_GIVEN, connection["id"], sorted(wanted - by_hand))
        roles = sorted((held - ends) | wanted)
        if roles == sorted(held):
            return {}
        await tx.execute(SET_ROLES, member.person_id, roles)
        after = member.model_copy(update={"roles": roles})
        return await self._staff_changed(tx, member, after, reason)
