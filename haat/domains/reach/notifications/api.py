"""Messages to people: mails about orders, approvals and payouts, and the list in the account.

Texts are made when they are sent; who needs to be reached is asked then, never kept in events.
"""

from datetime import datetime
from uuid import UUID

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page


class Notification(Model):
    id: UUID
    kind: str  # "order_placed", "vendor_approved" …
    title: str
    body: str
    path: str  # where it leads on the site
    read_at: datetime | None = None
    created_at: datetime


class Notifications(Contract, name="notifications"):
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
