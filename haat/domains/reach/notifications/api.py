"""Messages to people: mails about orders, approvals and payouts, and the list in the account.

Texts are made when they are sent; who needs to be reached is asked then, never kept in events.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


class Notification(Model):
    id: UUID
    kind: str  # "order_placed", "vendor_approved" …
    title: str
    body: str
    path: str  # where it leads on the site
    read_at: datetime | None = None
    created_at: datetime


class StillThere(Conflict, code="in_stock"):
    """It can be had now: there is nothing to wait for."""


class Notifications(Contract, name="notifications", trail=False):
    @query(scope="person")
    async def own(
        self, ctx: Context, *, limit: Limit = 20, cursor: str | None = None
    ) -> Page[Notification]: ...

    @query(scope="person")
    async def unread(self, ctx: Context) -> int: ...

    @command(scope="person")
    async def mark_read(self, ctx: Context, *, ids: list[UUID] | None = None) -> None:
        """These, or all."""

    @command(scope="person")
    async def remove(self, ctx: Context, *, id: UUID) -> None: ...

    @command()
    async def wait_for(
        self,
        ctx: Context,
        *,
        offer_id: UUID,
        email: Annotated[str, Field(max_length=254, pattern=EMAIL)] | None = None,
    ) -> None:
        """Tells the person, or a guest at `email`, once, when a sold out offer can be had again.
        StillThere; NotFound; Invalid at "email" for a guest without one. Harmless when repeated."""

    @command()
    async def stop_waiting(self, ctx: Context, *, token: str) -> None:
        """With the link from the mail; harmless when repeated. LinkInvalid."""
