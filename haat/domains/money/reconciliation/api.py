"""Reconciliation runs, their differences, and the corrections staff booked.

Every line of the provider's report (or the bank's statement) and every movement we know of is
matched once: by our id, by the provider's reference, by order reference and amount. What is left,
or differs, is a difference.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.payments.api import Movement, ReportLine
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Currency, Money
from haat.kernel.page import Limit, Page

Reason = Annotated[str, Field(min_length=1, max_length=500)]
Format = Literal["auto", "csv", "camt.053", "mt940"]
DIFFERENCE_HEAD = [
    "difference",
    "kind",
    "status",
    "our_kind",
    "our_id",
    "our_reference",
    "our_amount",
    "our_time",
    "their_line",
    "their_reference",
    "their_amount",
    "their_fee",
    "their_time",
    "their_text",
    "amount",
    "currency",
    "proposal",
    "proposal_text",
    "reason",
]


class FileUnreadable(Invalid, code="statement_unreadable"):
    """The file cannot be read; `line` and `why` in the problem say where and what was expected.
    Nothing was taken from it."""


class DifferenceOver(Conflict, code="difference_over"):
    """Somebody has dealt with this difference already."""


class RunConflict(Conflict, code="reconciliation_conflict"):
    """A run with this id exists for another provider, period or file."""


class NothingToBook(Conflict, code="nothing_to_book"):
    """Its proposal is something for people to do: do it, then dismiss the difference."""


Kind = Literal[
    "missing_there",  # we know of it, the report does not
    "missing_here",  # the report has it, we do not
    "amount",  # both have it with different amounts
    "fee",  # the provider kept a fee that is not booked yet
    "status",  # a payout that came back, a transfer that ended differently
]


class Proposal(Model):
    """What booking it would do, in words and as transfers: (debit, credit, amount)."""

    action: Literal[
        "book_fee",
        "book_difference",
        "confirm_transfer",
        "settle_payout",
        "fail_payout",
        "refund",
        "none",
    ]
    text: str
    amount: Money | None = None
    target_id: UUID | None = None  # payment, payout


class Difference(Model):
    id: UUID
    run_id: UUID
    kind: Kind
    ours: Movement | None
    theirs: ReportLine | None
    difference: Money  # theirs − ours, and − what was booked for it before
    order_number: str = ""  # the order's or top-up's id: numbers are not known here
    proposal: Proposal
    status: Literal["open", "booked", "dismissed", "settled"]  # settled: a later run found it equal
    reason: str = ""
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    repeats: UUID | None = None  # an earlier run's, whose state it shares; booking books that one


class Totals(Model):
    """theirs = ours + Σ difference of this currency. `theirs` is after the fees the provider kept;
    `ours` has what was booked for these lines before."""

    currency: Currency
    ours: Money
    theirs: Money


class Booked(Model):
    """What booked corrections added to a provider's clearing account, in minor units."""

    provider: str
    currency: Currency
    minor: int


class Run(Model):
    """matched + differences account for every line of both sides:
    their_total = our_total + Σ difference. The two are of the market's currency; `totals` has every
    currency. `matched` counts a pair once; a fee that a provider kept counts by itself."""

    id: UUID
    provider: str  # "bank" for a bank statement
    source: Literal["report", "file"]
    file_name: str = ""
    since: datetime
    until: datetime
    lines: int
    matched: int
    differences: int = 0
    open: int
    our_total: Money
    their_total: Money
    totals: list[Totals] = []
    status: Literal["running", "done", "failed"]
    why: str = ""
    started_at: datetime
    started_by: UUID | None = None


def difference_cells(one: Difference) -> list[str]:
    """One difference as CSV has it, under DIFFERENCE_HEAD."""
    ours, theirs = one.ours, one.theirs
    return [
        str(one.id),
        one.kind,
        one.status,
        *(
            (ours.kind, str(ours.id), str(ours.reference), ours.amount.decimal())
            if ours
            else ("", "", "", "")
        ),
        f"{ours.at:%Y-%m-%dT%H:%M:%SZ}" if ours else "",
        *((theirs.id, theirs.provider_ref or "") if theirs else ("", "")),
        *((theirs.amount.decimal(), theirs.fee.decimal()) if theirs else ("", "")),
        f"{theirs.at:%Y-%m-%dT%H:%M:%SZ}" if theirs else "",
        theirs.text if theirs else "",
        one.difference.decimal(),
        one.difference.currency,
        one.proposal.action,
        one.proposal.text,
        one.reason,
    ]


class DifferencesFound(Event, name="reconciliation.differences_found", key="run_id"):
    run_id: UUID
    provider: str
    open: int


class Reconciliation(Contract, name="reconciliation"):
    @command(scope="staff:money", timeout_s=120)
    async def start(
        self, ctx: Context, *, id: UUID, provider: str, since: datetime, until: datetime
    ) -> Run:
        """Against the provider's own report, asked from it now. Harmless when repeated."""

    @command(scope="staff:money", timeout_s=120)
    async def read_file(
        self,
        ctx: Context,
        *,
        id: UUID,
        provider: str,
        name: Annotated[str, Field(max_length=200)],
        content: Annotated[bytes, Field(max_length=20_000_000)],
        format: Format = "auto",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Run:
        """Against a file: a bank statement (provider `bank`: CSV, CAMT.053, MT940), whose credits
        are matched with awaiting bank transfers and whose debits with bank payouts first; or a
        provider's report as CSV with the columns of docs/operate/reconciliation.md. The same file
        twice is the same run. FileUnreadable."""

    @query(scope="staff:money")
    async def runs(
        self,
        ctx: Context,
        *,
        provider: str | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Run]:
        """Newest first."""

    @query(scope="staff:money")
    async def run(self, ctx: Context, *, id: UUID) -> Run: ...

    @query(scope="staff:money")
    async def differences(
        self,
        ctx: Context,
        *,
        run_id: UUID | None = None,
        status: Literal["open", "booked", "dismissed", "settled"] | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Difference]:
        """Of a run, in the order of its report; without a run each difference once, newest
        first."""

    @command(scope="staff:money", timeout_s=30)
    async def book(self, ctx: Context, *, id: UUID, reason: Reason) -> Difference:
        """Does what the difference's proposal says. DifferenceOver, NothingToBook; what the called
        module refuses leaves it open."""

    @command(scope="staff:money")
    async def dismiss(self, ctx: Context, *, id: UUID, reason: Reason) -> Difference:
        """Looked at, nothing to book. DifferenceOver."""

    @query(scope="internal")
    async def booked(self, ctx: Context) -> list[Booked]:
        """The net effect of all booked corrections and fees on clearing."""
