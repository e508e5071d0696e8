"""A bank's statement: which credits may be customers' transfers, which lines are our payouts and
refunds. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from haat.domains.money.ledger.api import provider_id
from haat.domains.money.payments.api import FundsMatch, FundsReceived, ReportLine
from haat.domains.money.reconciliation import proposals
from haat.domains.money.reconciliation.proposals import Hint
from haat.domains.money.reconciliation.reading import StatementLine
from haat.domains.money.reconciliation.rules import ids_in
from haat.kernel.ids import derive
from haat.kernel.money import Money

BANK = "bank"
Kind = Literal["capture", "refund", "payout", "dispute", "dispute_won", "fee", "other"]
_ACCOUNT = provider_id(BANK)
_EXPLAINED = frozenset({"captured", "already", "wrong_amount"})


@dataclass(slots=True)
class Plan:
    """What a statement says of what is under way. `paid` and `refunded` are to be settled; `funds`
    are credits that may be transfers we wait for."""

    paid: list[UUID] = field(default_factory=list)
    refunded: list[UUID] = field(default_factory=list)
    settled: set[UUID] = field(default_factory=set)
    funds: list[FundsReceived] = field(default_factory=list)
    hints: dict[str, Hint] = field(default_factory=dict)
    lines: dict[str, ReportLine] = field(default_factory=dict)  # by id, in the file's order
    credits: dict[UUID, str] = field(default_factory=dict)  # the line's id by that of its funds


def named(line: StatementLine) -> list[UUID]:
    """Every id of ours that a line may be about, the surest first."""
    found = [line.our_id] if line.our_id else []
    return [*found, *ids_in(line.end_to_end_id), *ids_in(line.text)]


def plan(
    lines: Sequence[StatementLine],
    waiting: Mapping[UUID, Money],
    due: Mapping[UUID, Money],
    ended: Collection[UUID],
) -> Plan:
    """`waiting`: bank payouts under way; `due`: refunds to be paid; `ended`: payouts that are paid,
    or that were seen to come back. All amounts are positive."""
    made = Plan()
    gone = {id for line in lines if line.amount.minor < 0 for id in named(line)}
    back = {id for line in lines if line.amount.minor > 0 for id in named(line)}
    for line in lines:
        if line.amount.minor > 0:
            _credit(made, line, waiting, ended)
        else:
            _debit(made, line, waiting, due, gone & back)
    return made


def _credit(
    made: Plan, line: StatementLine, waiting: Mapping[UUID, Money], ended: Collection[UUID]
) -> None:
    payout = next((id for id in named(line) if id in waiting or id in ended), None)
    if payout is not None:
        made.lines[line.id] = _report(line, "payout", payout)
        waits = waiting.get(payout) == line.amount
        made.hints[line.id] = proposals.returned(payout, line.amount, waits=waits)
        return
    made.lines[line.id] = _report(line, "other", None)
    if line.reversal:  # of a debit that was not ours to make
        return
    id = derive(_ACCOUNT, f"line {line.id}")
    made.credits[id] = line.id
    made.funds.append(
        FundsReceived(
            id=id,
            text=f"{line.text} {line.end_to_end_id}",
            amount=line.amount,
            booked_at=line.at,
            bank_ref=line.provider_ref or "",
        )
    )


def _debit(
    made: Plan,
    line: StatementLine,
    waiting: Mapping[UUID, Money],
    due: Mapping[UUID, Money],
    returned: Collection[UUID],
) -> None:
    ids = named(line)
    subject = next((id for id in ids if id in waiting or id in due), ids[0] if ids else None)
    kind: Kind = "payout" if subject in waiting else "refund" if subject in due else "other"
    made.lines[line.id] = _report(line, kind, subject)
    if subject is None:
        return
    expected = waiting.get(subject) or due.get(subject)
    if subject in waiting and subject in returned:
        made.hints[line.id] = proposals.went_and_returned(subject)
    elif expected == -line.amount and subject not in made.settled:
        (made.paid if subject in waiting else made.refunded).append(subject)
        made.settled.add(subject)
    elif subject in waiting and expected is not None and subject not in made.settled:
        made.hints[line.id] = proposals.other_amount(subject, line.amount, expected)


def explain(made: Plan, matches: Sequence[FundsMatch]) -> None:
    """Notes what became of the credits: which payment each is of, or what to do about it."""
    for match in matches:
        id = made.credits[match.id]
        line = made.lines[id]
        if match.outcome in _EXPLAINED:
            made.lines[id] = line.model_copy(update={"kind": "capture", "our_id": match.payment_id})
        hint = proposals.of_funds(match, line.amount)
        if hint is not None:
            made.hints[id] = hint


def as_report(lines: Sequence[StatementLine]) -> list[ReportLine]:
    """A provider's own report that came as a file."""
    return [_report(line, _known(line.kind), line.our_id) for line in lines]


def _known(kind: str) -> Kind:
    found: Kind = "other" if kind in ("credit", "debit") else kind  # type: ignore[assignment]
    return found


def _report(line: StatementLine, kind: Kind, our_id: UUID | None) -> ReportLine:
    return ReportLine(
        id=line.id,
        kind=kind,
        provider_ref=line.provider_ref,
        our_id=our_id,
        amount=line.amount,
        fee=line.fee,
        at=line.at,
        text=line.text,
    )
