"""The market's terms for vendors, by version, and who accepted which.

Part of the public file: `api` hands these names on. `Agreeing` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

TEXT_MAX_CHARS = 100_000


class TermsOutdated(Conflict, code="terms_outdated"):
    """There is a newer version of these terms; read that one."""


class Terms(Model):
    """One version. `grace_until`: until then vendors may go on under an older one."""

    version: int
    title: str
    text: str
    published_at: datetime
    grace_until: datetime


class TermsDraft(Model):
    title: Annotated[str, Field(min_length=1, max_length=120)]
    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX_CHARS)]
    grace_days: Annotated[int, Field(ge=0, le=365)] = 30


class Acceptance(Model):
    vendor_id: UUID
    version: int
    person_id: UUID
    at: datetime


class NotAccepted(Model):
    """A vendor that has not accepted the newest version. `accepted`: the newest it has, 0 for none;
    `held`: its listings are held back until it does."""

    vendor_id: UUID
    accepted: int
    reminded: bool
    held: bool


class TermsDue(Event, name="vendor_terms.due", key="vendor_id"):
    """It has not accepted the newest version yet, and the time for it is nearly over. Told once."""

    vendor_id: UUID
    version: int
    grace_until: datetime


class TermsPublished(Event, name="vendor_terms.published", key="version"):
    version: int
    grace_until: datetime


class Agreeing:
    """The part of onboarding's contract that is about terms."""

    @query()
    async def terms(self, ctx: Context, *, version: int | None = None) -> Terms | None:
        """That version, or the newest; None while there is none. NotFound for a version that is
        none."""

    @command(scope="vendor:profile", repeatable=True)
    async def accept_terms(self, ctx: Context, *, vendor_id: UUID, version: int) -> Acceptance:
        """For the vendor, by the actor; the first acceptance of a version stays. TermsOutdated,
        NotFound."""

    @command(scope="staff:settings")
    async def publish_terms(self, ctx: Context, *, id: UUID, draft: TermsDraft) -> Terms:
        """The next version; the same id again answers what it made."""

    @query(scope="staff:vendors")
    async def versions(self, ctx: Context) -> list[Terms]:
        """The newest 50, the newest first."""

    @query(scope="staff:vendors")
    async def not_accepted(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[NotAccepted]:
        """Approved vendors that have not accepted the newest version, by id. Who goes without the
        item is not among them."""

    @query(scope="staff:vendors")
    async def acceptances(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        version: int | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Acceptance]:
        """The newest first."""
