"""What staff see first: the work that waits, the market's numbers, letters nobody could read."""

from datetime import datetime
from typing import Any

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page


class Day(Model):
    day: str  # "2026-11-21", UTC
    orders: int
    total: Money


class Overview(Model):
    """Queues first, then numbers."""

    vendors_pending: int
    products_pending: int
    payouts_requested: int
    dead_letters: int
    orders_today: int
    sales_today: Money
    vendors_active: int
    commission_total: Money
    days: list[Day]  # the last 30, oldest first


class Stats(Model):
    """What anyone may know of the market."""

    vendors: int  # active ones
    products: int  # on sale in a category
    orders: int  # placed so far


class DeadLetter(Model):
    id: int
    subscriber: str
    type: str
    key: str
    error: str
    failed_at: datetime
    envelope: dict[str, Any]


class Backoffice(Contract, name="backoffice"):
    @query(scope="staff")
    async def overview(self, ctx: Context) -> Overview:
        """Queues are counted up to 1,000."""

    @query()
    async def stats(self, ctx: Context) -> Stats: ...

    @query(scope="staff:settings")
    async def dead_letters(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[DeadLetter]: ...

    @command(scope="staff:settings")
    async def replay(self, ctx: Context, *, id: int) -> None:
        """Hands the event to its subscriber again."""

    @command(scope="staff:settings")
    async def discard(self, ctx: Context, *, id: int) -> None: ...
