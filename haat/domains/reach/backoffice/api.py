"""What staff see first: the work that waits, the market's numbers, letters nobody could read, and
what `haat doctor` found."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.events import Event
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


Verdict = Literal["green", "red", "not_run"]


class DoctorAtWork(Conflict, code="doctor_at_work"):
    """Another doctor is at work on this market. `since` says since when."""


class ReportOver(Conflict, code="doctor_report_over"):
    """This report is over: another doctor took this one's place, which was not heard of."""


class DrillRefused(Invalid, code="drill_refused"):
    """What a drill's poison message is answered until it is mended."""


class Drill(Model):
    """`evidence`: what was seen, one sentence each, numbers in it. `cause`: what is broken and
    where to look, for a red one; why, for one that was not run; else ''."""

    name: str
    title: str
    verdict: Verdict
    seconds: float = 0.0
    evidence: list[str] = []
    cause: str = ""


class DoctorReport(Model):
    """`verdict`: running; green or red at its end; broken_off when its doctor was not heard of."""

    id: UUID
    started_at: datetime
    finished_at: datetime | None = None
    site: str  # where the drills bought
    verdict: Literal["running", "green", "red", "broken_off"] = "running"
    drills: list[Drill] = []


class DrillMessage(Model):
    """`thread` is what orders them. `poison`: its subscriber refuses it until the report's messages
    are mended."""

    thread: Annotated[str, Field(max_length=80)]
    number: int
    poison: bool = False


class Heard(Model):
    """A drill's message as it was heard: `times` is more than once when it was not deduplicated."""

    thread: str
    number: int
    times: int


class DrillSent(Event, name="doctor.drilled", key="thread"):
    """A message of a drill; `thread` begins with the report's id."""

    report_id: UUID
    thread: str
    number: int
    poison: bool = False


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

    @query(scope="staff:settings")
    async def doctor_reports(
        self, ctx: Context, *, limit: Limit = 30, cursor: str | None = None
    ) -> Page[DoctorReport]:
        """Newest first."""

    @query(scope="staff:settings")
    async def doctor_report(self, ctx: Context, *, id: UUID) -> DoctorReport: ...

    @command(scope="internal")
    async def begin_report(self, ctx: Context, *, id: UUID, site: str) -> DoctorReport:
        """DoctorAtWork while another is; one that was not heard of for a while is broken off.
        Harmless when repeated."""

    @command(scope="internal")
    async def keep_report(self, ctx: Context, *, report: DoctorReport) -> None:
        """Writes how far it is, and that its doctor lives; its verdict ends it. ReportOver."""

    @command(scope="internal")
    async def send_drill(
        self,
        ctx: Context,
        *,
        report_id: UUID,
        messages: Annotated[list[DrillMessage], Field(max_length=100)],
    ) -> None:
        """Announces these, in this order."""

    @command(scope="internal")
    async def mend_drill(self, ctx: Context, *, report_id: UUID) -> None:
        """From now on nothing of this report is refused."""

    @query(scope="internal")
    async def heard_drill(self, ctx: Context, *, report_id: UUID) -> list[Heard]:
        """What was heard of a report that is running, in the order it was heard."""
