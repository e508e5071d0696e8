"""Second factors taken away by staff, for who lost every one of them.

Part of the public file: `api` hands these names on. `FactorResets` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.people.identity.recovering import LinkToken
from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model

Evidence = Annotated[str, Field(min_length=10, max_length=1000)]
# "withdrawn": by staff; "stopped": by the account's owner, or by a sign-in with a second step.
ResetState = Literal["asked", "approved", "done", "withdrawn", "stopped"]


class ResetOpen(Conflict, code="factor_reset_open"):
    """A reset of this account's second step is under way already."""


class ResetOver(Conflict, code="factor_reset_over"):
    """This reset is approved, done or taken back already."""


class SameHands(Conflict, code="same_hands"):
    """Who asked for this does not approve it: it takes a second person."""


class FactorReset(Model):
    """`evidence` says what the person showed and what it was compared with. Once a second person of
    staff approved it, it is done at `due_at`, unless it is stopped before."""

    id: UUID
    person_id: UUID
    state: ResetState
    evidence: Annotated[str, Field(repr=False)]
    asked_by: UUID
    asked_at: datetime
    approved_by: UUID | None = None
    due_at: datetime | None = None
    ended_at: datetime | None = None


class FactorResets:
    """The part of identity's contract that is about who lost every second factor."""

    @command(scope="staff:settings", proof=True)
    async def ask_factor_reset(
        self, ctx: Context, *, id: UUID, person_id: UUID, evidence: Evidence
    ) -> FactorReset:
        """The person is told at once. NotFound, NotYourself, ResetOpen; FactorMissing where there
        is nothing to take away."""

    @command(scope="staff:settings", proof=True, repeatable=True)
    async def approve_factor_reset(self, ctx: Context, *, id: UUID) -> FactorReset:
        """By another one of staff. The person is told when it will be done and how to stop it.
        NotFound, NotYourself, SameHands, ResetOver."""

    @command(scope="staff:settings", repeatable=True)
    async def withdraw_factor_reset(self, ctx: Context, *, id: UUID) -> FactorReset:
        """Also by who asked for it. NotFound, ResetOver."""

    @command()
    async def stop_factor_reset(self, ctx: Context, *, token: LinkToken) -> None:
        """By the link that its owner got. Again, it changes nothing. LinkInvalid, LinkExpired,
        LinkUsed; ResetOver when it was too late."""

    @query(scope="staff")
    async def factor_resets(self, ctx: Context, *, person_id: UUID) -> list[FactorReset]:
        """Of one person, the last first, at most 20."""
