"""Matching: what is planted is found, and nothing else."""

import csv
import gzip
import io
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payments.api import Movement, ReportLine
from haat.domains.money.reconciliation.rules import (
    Before,
    FeeBefore,
    Found,
    Known,
    Outcome,
    Period,
    key_of,
    reconcile,
)
from haat.kernel.money import Money

GIVEN = os.environ.get("HAAT_TEST_DATA")
OLIST = Path(GIVEN or ".") / "olist"
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD = Period(NOVEMBER, NOVEMBER + timedelta(days=30))
SIGNS = {
    "capture": 1,
    "refund": -1,
    "payout": -1,
    "dispute": -1,
    "dispute_won": 1,
    "dispute_fee": -1,
}


def moved(
    kind: str = "capture",
    minor: int = 1000,
    *,
    id: UUID | None = None,
    ref: str | None = None,
    day: float = 5,
    currency: str = "USD",
) -> Movement:
    known: Any = kind
    return Movement(
        id=id or uuid4(),
        kind=known,
        provider="stripe",
        provider_ref=ref,
        reference=uuid4(),
        amount=Money(minor=minor, currency=currency),
        at=NOVEMBER + timedelta(days=day),
    )


def reported(
    id: str,
    kind: str = "capture",
    minor: int = 1000,
    *,
    our_id: UUID | None = None,
    ref: str | None = None,
    fee: int = 0,
    text: str = "",
    day: float = 5,
    currency: str = "USD",
) -> ReportLine:
    known: Any = kind
    return ReportLine(
        id=id,
        kind=known,
        provider_ref=ref,
        our_id=our_id,
        amount=Money(minor=minor, currency=currency),
        fee=Money(minor=fee, currency=currency),
        at=NOVEMBER + timedelta(days=day),
        text=text,
    )


def told(outcome: Outcome) -> list[tuple[str, int]]:
    return [(one.kind, one.minor) for one in outcome.found]


def hold(lines: list[ReportLine], movements: list[Movement], known: Known | None = None) -> Outcome:
    """Checked to add up in every currency."""
    outcome = reconcile(lines, movements, PERIOD, known or Known())
    assert_adds_up(outcome)
    return outcome


def assert_adds_up(outcome: Outcome) -> None:
    differences: defaultdict[str, int] = defaultdict(int)
    for one in outcome.found:
        differences[one.currency] += one.minor
        assert one.minor != 0
    for currency, sums in outcome.sums.items():
        assert sums.theirs == sums.ours + differences[currency]
    assert set(differences) <= set(outcome.sums)


def later(outcome: Outcome, known: Known, *, booked: bool) -> Known:
    """What is known after a run, with all its differences booked or all open."""
    status = "booked" if booked else "open"
    made = Known(1, dict(known.pairs), set(known.paired), dict(known.before), dict(known.fees))
    for entry, movement in outcome.pairs:
        made.pairs[entry.key] = movement
        made.paired.add(key_of(movement))
    for one in outcome.found:
        id = uuid4()
        if one.kind == "fee":
            for entry in one.fees:
                made.fees[entry.key] = FeeBefore(id, status, entry.minor)
            continue
        made.before[one.key] = Before(
            id=id,
            key=one.key,
            status=status,
            entry=one.entry.key if one.entry else None,
            movement=key_of(one.movement) if one.movement else None,
            booked=one.minor if booked else 0,
        )
    return made


# -- a table of cases ------------------------------------------------------------------------------


def test_equal_sides_differ_in_nothing() -> None:
    capture, refund = moved(), moved("refund", -300, ref="re_1")
    lines = [
        reported("1", our_id=capture.id),
        reported("2", "refund", -300, ref="re_1"),
    ]
    outcome = hold(lines, [capture, refund])
    assert (told(outcome), outcome.matched, outcome.lines) == ([], 2, 2)


def test_each_kind_of_difference() -> None:
    known, changed = moved(), moved(minor=500)
    lines = [
        reported("changed", minor=450, our_id=changed.id),
        reported("unknown", minor=70, our_id=uuid4()),
        reported("back", "payout", 900, our_id=uuid4()),
    ]
    assert sorted(told(hold(lines, [known, changed]))) == [
        ("amount", -50),
        ("missing_here", 70),
        ("missing_there", -1000),
        ("status", 900),
    ]


def test_fees_of_a_run_are_one_difference_for_each_currency() -> None:
    a, b, c = moved(), moved(), moved(currency="EUR")
    lines = [
        reported("1", our_id=a.id, fee=59),
        reported("2", our_id=b.id, fee=60),
        reported("3", our_id=c.id, fee=61, currency="EUR"),
        reported("4", "fee", -200),
    ]
    outcome = hold(lines, [a, b, c])
    assert told(outcome) == [("fee", -319), ("fee", -61)]
    assert [len(one.fees) for one in outcome.found] == [3, 1]
    assert hold([reported("5", fee=-3), reported("6", fee=3)], []).found[0].kind == "missing_here"


@pytest.mark.parametrize("as_line", [True, False])
def test_the_fee_of_a_dispute_is_known(as_line: bool) -> None:
    """Providers tell it with the dispute, or as a line of its own."""
    dispute = moved("dispute", -1000, ref="dp_1")
    fee = moved("dispute_fee", -1500, id=dispute.id, ref="dp_1")
    lines = [reported("1", "dispute", -1000, ref="dp_1", fee=0 if as_line else 1500)]
    if as_line:
        lines.append(reported("2", "fee", -1500, ref="dp_1"))
    outcome = hold(lines, [dispute, fee])
    assert (told(outcome), outcome.matched) == ([], 2)


def test_one_id_with_several_movements_is_told_apart_by_kind() -> None:
    opened = moved("dispute", -800, ref="dp")
    won = moved("dispute_won", 800, id=opened.id, ref="dp")
    lines = [reported("1", "dispute_won", 800, ref="dp"), reported("2", "dispute", -800, ref="dp")]
    assert told(hold(lines, [opened, won])) == []


def test_a_right_line_is_preferred_to_a_changed_one() -> None:
    payment = moved(ref="pi_1")
    lines = [reported("1", minor=990, our_id=payment.id), reported("2", ref="pi_1")]
    outcome = hold(lines, [payment])
    assert [(f.kind, f.minor, f.entry and f.entry.line.id) for f in outcome.found] == [
        ("missing_here", 990, "1")
    ]


def test_a_duplicate_is_no_second_match() -> None:
    payment = moved()
    lines = [reported(str(n), our_id=payment.id) for n in range(3)]
    assert told(hold(lines, [payment])) == [("missing_here", 1000)] * 2


def test_the_text_names_the_order_only_where_nothing_else_fits() -> None:
    one, two = moved(), moved()
    named = reported("1", text=f"Order {one.reference} thanks")
    assert told(hold([named], [one])) == []
    assert told(hold([reported("1", text=f"order {one.reference.hex}")], [one, two])) == [
        ("missing_there", -1000)
    ]
    # A text that could be either's, or two texts for one, decide nothing.
    both = reported("1", text=f"{one.reference} {two.reference}")
    assert len(hold([both], [one, two]).found) == 3
    again = reported("2", text=f"Order {one.reference}")
    assert len(hold([named, again], [one]).found) == 3
    assert len(hold([reported("1", minor=999, text=str(one.reference))], [one]).found) == 2


def test_the_edges_of_a_period() -> None:
    """What the provider booked the day after counts; what has nothing to do with it does not."""
    late, early = moved(day=29.9), moved(day=-0.1)
    lines = [
        reported("1", our_id=late.id, day=30.2, fee=10),
        reported("2", our_id=early.id, day=0.1),
        reported("3", day=31),
        reported("4", day=-1),
    ]
    outcome = hold(lines, [late, early, moved(day=31), moved(day=-2)])
    assert (told(outcome), outcome.matched, outcome.lines) == ([], 2, 1)
    assert outcome.sums["USD"].theirs == 2000


def test_what_was_matched_stays_matched_and_its_movement_is_not_missed() -> None:
    payment = moved(minor=500)
    first = hold([reported("1", our_id=payment.id, minor=500)], [payment])
    known = later(first, Known(), booked=False)
    assert told(hold([], [payment], known)) == []
    assert told(hold([reported("1", our_id=payment.id, minor=500)], [], known)) == []
    # The same payment charged twice is seen, also in a later report.
    assert told(hold([reported("2", our_id=payment.id, minor=500)], [payment], known)) == [
        ("missing_here", 500)
    ]


def test_a_late_report_settles_what_was_missing() -> None:
    payment = moved()
    known = later(hold([], [payment]), Known(), booked=False)
    outcome = hold([reported("1", our_id=payment.id)], [payment], known)
    [before] = known.before.values()
    assert (told(outcome), outcome.settled) == ([], [before.id])


def test_what_is_found_again_repeats_what_was_found() -> None:
    payment, line = moved(), reported("1", fee=30)
    known = later(hold([line], [payment]), Known(), booked=False)
    outcome = hold([line, reported("2", minor=5, fee=7)], [payment], known)
    assert outcome.settled == []
    repeats = {(one.kind, one.minor): one.repeats for one in outcome.found}
    assert repeats[("fee", -7)] is None
    assert repeats[("missing_here", 5)] is None
    assert repeats[("fee", -30)] == known.fees["1", "fee"].difference_id
    assert {repeats["missing_here", 1000], repeats["missing_there", -1000]} == {
        one.id for one in known.before.values()
    }


def test_a_correction_that_turns_out_wrong_is_found_with_the_opposite_sign() -> None:
    payment = moved()
    line = reported("1", our_id=payment.id)
    known = later(hold([line], []), Known(), booked=True)
    assert told(hold([line], [], known)) == []
    # The webhook came after all: now our books have it twice.
    assert told(hold([line], [payment], known)) == [("amount", -1000)]
    missing = later(hold([], [payment]), Known(), booked=True)
    assert told(hold([line], [payment], missing)) == [("amount", 1000)]


def test_a_fee_that_turns_out_to_be_a_disputes_is_no_other_fee() -> None:
    line = reported("1", "fee", -1500, ref="dp_1")
    fees = [line, reported("2", "fee", -40)]
    known = later(hold(fees, []), Known(), booked=False)
    outcome = hold(fees, [moved("dispute_fee", -1500, ref="dp_1")], known)
    assert told(outcome) == [("fee", -40)]
    assert outcome.found[0].repeats is None
    assert outcome.settled == [known.fees["1", "amount"].difference_id]


# -- random reports --------------------------------------------------------------------------------


@dataclass(slots=True)
class Planted:
    lines: list[ReportLine]
    movements: list[Movement]
    expected: list[tuple[str, str, int]]  # kind, currency, theirs − ours
    fees: defaultdict[str, int]


def named(draw: st.DrawFn, movement: Movement, *, by_text: bool) -> dict[str, Any]:
    """How a line says which movement it is."""
    ways = ["id", "ref", "both"] + ["text"] * by_text
    way = draw(st.sampled_from(ways))
    if way == "text":
        return {"text": f"paid {movement.reference} ok"}
    found: dict[str, Any] = {}
    if way != "ref":
        found["our_id"] = movement.id
    if way != "id":
        found["ref"] = movement.provider_ref
    return found


@st.composite
def planted(draw: st.DrawFn) -> Planted:
    made = Planted([], [], [], defaultdict(int))
    for n in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(sorted(SIGNS)))
        currency = draw(st.sampled_from(["USD", "EUR", "JPY"]))
        minor = SIGNS[kind] * draw(st.integers(1, 40))
        said = "fee" if kind == "dispute_fee" else kind
        movement = moved(kind, minor, ref=f"ref_{n}", currency=currency)
        what = draw(st.sampled_from(["same", "drop", "new", "change", "double", "fee"]))
        if what != "new":
            made.movements.append(movement)
        if what == "drop":
            made.expected.append(("missing_there", currency, -minor))
            continue
        by_text = what in ("same", "fee") and said != "fee"
        means = named(draw, movement, by_text=by_text)
        shown, fee = minor, 0
        if what == "change":
            shown = minor * 2
            made.expected.append(("amount", currency, shown - minor))
        elif what == "new":
            means = {"our_id": uuid4(), "ref": f"other_{n}"}
        if what == "fee":
            fee = draw(st.integers(-9, 9).filter(bool))
            made.fees[currency] -= fee
        line = reported(f"{n}", said, shown, fee=fee, currency=currency, **means)
        made.lines.append(line)
        extra = None
        if what == "new":
            extra = line
        elif what == "double":
            extra = line.model_copy(update={"id": f"{n}b"})
            made.lines.append(extra)
        if extra is not None and said == "fee":
            made.fees[currency] += minor
        elif extra is not None:
            made.expected.append(("missing_here", currency, minor))
    made.lines = draw(st.permutations(made.lines))
    made.movements = draw(st.permutations(made.movements))
    return made


def seen(found: list[Found]) -> list[tuple[str, str, int]]:
    return sorted((one.kind, one.currency, one.minor) for one in found)


@given(planted())
def test_exactly_what_was_planted_is_found(plan: Planted) -> None:
    outcome = hold(plan.lines, plan.movements)
    fees = [("fee", currency, minor) for currency, minor in plan.fees.items() if minor]
    assert seen(outcome.found) == sorted(plan.expected + fees)
    about = [one.entry.key for one in outcome.found if one.entry]
    assert len(about) == len(set(about))
    assert len({key_of(movement) for _, movement in outcome.pairs}) == len(outcome.pairs)


@given(planted(), st.data())
def test_a_second_look_finds_what_is_open_and_nothing_that_was_booked(
    plan: Planted, data: st.DataObject
) -> None:
    first = hold(plan.lines, plan.movements)
    booked = data.draw(st.booleans())
    known = later(first, Known(), booked=booked)
    second = hold(plan.lines, plan.movements, known)
    assert second.settled == []
    assert second.pairs == []
    assert seen(second.found) == ([] if booked else seen(first.found))
    assert all(one.repeats is not None for one in second.found)


# -- real data -------------------------------------------------------------------------------------


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(OLIST / f"{name}.csv.gz") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8"))


@pytest.mark.skipif(not OLIST.exists(), reason="HAAT_TEST_DATA has no olist")
def test_real_orders_whose_payments_do_not_match_their_items() -> None:
    """A provider's report made of the payments, our movements made of the items."""
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows("olist_order_payments_dataset"):
        paid[row["order_id"]] += Decimal(row["payment_value"])
    sold: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows("olist_order_items_dataset"):
        sold[row["order_id"]] += Decimal(row["price"]) + Decimal(row["freight_value"])
    lines = [
        reported(order, minor=int(value * 100), our_id=UUID(order), currency="BRL")
        for order, value in paid.items()
    ]
    movements = [
        moved(minor=int(value * 100), id=UUID(order), currency="BRL")
        for order, value in sold.items()
    ]
    found = {
        (one.entry.line.id if one.entry else one.movement.id.hex if one.movement else ""): one
        for one in hold(lines, movements).found
    }
    differ = {
        order: int((paid[order] - sold[order]) * 100)
        for order in paid.keys() | sold.keys()
        if paid.get(order, Decimal(0)) != sold.get(order, Decimal(0))
    }
    assert differ, "an extract without such an order shows nothing"
    assert {order: one.minor for order, one in found.items()} == differ
    assert {one.kind for one in found.values()} <= {"amount", "missing_here", "missing_there"}
