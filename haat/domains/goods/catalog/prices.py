"""Types of prices over time: what an offer cost before, and what it will cost from when until when.

Part of the public file: `api` hands these names on. `PricesOverTime` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

ScheduleState = Literal["waiting", "running", "over"]
Reason = Annotated[str, Field(max_length=120)]


class ScheduleOverlaps(Conflict, code="schedule_overlaps"):
    """Another scheduled price of this offer has a part of that time."""


class SchedulesFull(Conflict, code="schedules_full"):
    """An offer has at most 50 scheduled prices to come."""


class ScheduleDraft(Model):
    """From `starts_at` (None: now) until `ends_at` the offer costs `price`."""

    price: Money
    compare_at: Money | None = None
    starts_at: datetime | None = None
    ends_at: datetime


class ScheduledPrice(Model):
    """A price from `starts_at` until (not at) `ends_at`. What is charged follows from the time
    alone; `state` says how far lists and the price history have followed it."""

    id: UUID
    offer_id: UUID
    price: Money
    compare_at: Money | None = None
    starts_at: datetime
    ends_at: datetime
    state: ScheduleState = "waiting"
    lowest_before: Money | None = None

    def runs(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


class PriceStep(Model):
    """What an offer cost from `at` until the next step."""

    at: datetime
    price: Money
    compare_at: Money | None = None


class PricesOverTime:
    """The part of the catalogue's contract that is about prices over time."""

    @query(scope="vendor:products:view")
    async def price_history(
        self, ctx: Context, *, offer_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[PriceStep]:
        """What one of the acting vendor's offers cost, the latest step first. NotFound."""

    @query(scope="vendor:products:view")
    async def scheduled(self, ctx: Context, *, offer_id: UUID) -> list[ScheduledPrice]:
        """Its scheduled prices that are not over, the next one first. NotFound."""

    @command(scope="vendor:products")
    async def schedule(
        self, ctx: Context, *, id: UUID, offer_id: UUID, draft: ScheduleDraft
    ) -> ScheduledPrice:
        """Sets a price for a time. The same id again answers it. ScheduleOverlaps, SchedulesFull,
        Invalid at `endsAt`, `price` or `compareAt`."""

    @command(scope="vendor:products")
    async def unschedule(self, ctx: Context, *, id: UUID) -> None:
        """Takes back one that waits, and ends one that runs. Harmless when repeated. NotFound."""
