"""How refunds are borne by parts and lines, when payouts run, and what transfers come to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payouts.api import Policy, ReversalTooLarge
from haat.domains.money.payouts.books import Books
from haat.domains.money.payouts.rules import (
    Bearing,
    Parts,
    Schedule,
    bearings,
    effective,
    masked,
    next_run,
    percent,
    slot_of,
    split,
    within,
)
from haat.kernel.errors import Invalid

PARTS = st.builds(Parts, *[st.integers(0, 10**9)] * 4)


@pytest.mark.parametrize(
    ("gross", "left", "expected"),
    [
        (108, Parts(970, 30, 0, 80), Parts(97, 3, 0, 8)),
        (1, Parts(970, 30, 0, 80), Parts(1, 0, 0, 0)),
        (2, Parts(1, 1, 0, 1), Parts(1, 1, 0, 0)),
        (510, Parts(900, 60, 12, 48), Parts(450, 30, 6, 24)),
        (1080, Parts(970, 30, 0, 80), Parts(970, 30, 0, 80)),
        (7, Parts(0, 0, 0, 7), Parts(0, 0, 0, 7)),
    ],
)
def test_splits(gross: int, left: Parts, expected: Parts) -> None:
    assert split(gross, left) == expected


def test_splits_that_cannot_be() -> None:
    with pytest.raises(ReversalTooLarge) as error:
        split(6, Parts(3, 1, 0, 1))
    assert error.value.data["left"] == 5
    with pytest.raises(Invalid):
        split(0, Parts(3, 1, 0, 1))


@given(PARTS, st.lists(st.integers(1, 10**9), max_size=12))
def test_refunds_in_any_pieces_never_take_more_than_a_part(frozen: Parts, asked: list[int]) -> None:
    left = frozen
    for minor in asked:
        if minor <= left.gross:
            taken = split(minor, left)
            assert taken.gross == minor
            left = left - taken
            assert min(left.net, left.commission, left.commission_tax, left.tax) >= 0
    if left.gross:
        assert left - split(left.gross, left) == Parts(0, 0, 0, 0)


@given(st.data())
def test_what_is_shared_fits_its_caps(data: st.DataObject) -> None:
    caps = data.draw(st.lists(st.integers(0, 1000), min_size=1, max_size=6))
    rest = data.draw(st.lists(st.integers(0, 1000), min_size=len(caps), max_size=len(caps)))
    minor = data.draw(st.integers(0, sum(caps) + sum(rest)))
    found = within(minor, caps, rest)
    assert sum(found) == minor
    most = caps if minor <= sum(caps) else [a + b for a, b in zip(caps, rest, strict=True)]
    assert all(0 <= part <= cap for part, cap in zip(found, most, strict=True))


def a_line(number: int, **more: Any) -> dict[str, Any]:
    zero = (
        "refunded_net refunded_commission refunded_commission_tax refunded_tax fees cash"
        " cash_returned accrued_reserve released paid"
    )
    row: dict[str, Any] = dict.fromkeys(zero.split(), 0)
    frozen = {"net": 900, "commission": 60, "commission_tax": 12, "tax": 48}
    return {**row, **frozen, "id": UUID(int=number), **more}


def test_lines_bear_what_is_asked_of_them() -> None:
    lines = [a_line(1, accrued_reserve=90), a_line(2, cash=1020), a_line(3)]
    asked = {UUID(int=1): 510, UUID(int=2): 1020}
    found = bearings(lines, asked, kept=True, provider_fee=15, cash=1020, reserve_bp=1000)
    assert found == [
        Bearing(UUID(int=1), Parts(450, 30, 6, 24), 30, 6, 5, 0, 45),
        Bearing(UUID(int=2), Parts(900, 60, 12, 48), 60, 12, 10, 1020, 0),
    ]


@given(
    PARTS,
    st.booleans(),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_transfers_of_a_reversal_leave_escrow_as_it_should_be(
    parts: Parts, late: bool, cash: int, released: int, fee: int
) -> None:
    books = Books(UUID(int=1), UUID(int=2), "USD")
    row = {
        "refund_id": UUID(int=3),
        "after_accrual": late,
        "cause": "refund",
        "cash": cash,
        "released": released,
        "fee": fee,
        "fee_tax": fee,
        "provider_fee": fee,
        "borne_fee": 0,
        "fee_provider": "test",
        "sources": [{"source": "test", "leg": "", "provider": "test", "minor": parts.gross}],
    }
    moved = books.reversal(row, parts)

    def change(kind: str) -> int:
        return sum(t.minor * ((t.credit.kind == kind) - (t.debit.kind == kind)) for t in moved)

    assert change("escrow") == (0 if late else -parts.gross)
    assert change("payable") == (cash + released - parts.net if late else 0) - 3 * fee
    assert len({t.id for t in moved}) == len(moved)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "day", "at", "newest", "following"),
    [
        ("daily", 1, "2026-03-04T10:00", "2026-03-04", "2026-03-05"),
        ("weekly", 1, "2026-03-04T10:00", "2026-03-02", "2026-03-09"),
        ("weekly", 3, "2026-03-04T10:00", "2026-03-04", "2026-03-11"),
        ("weekly", 1, "2026-03-02T00:00", "2026-03-02", "2026-03-02"),
        ("monthly", 15, "2026-03-04T10:00", "2026-02-15", "2026-03-15"),
        ("monthly", 4, "2026-12-04T10:00", "2026-12-04", "2027-01-04"),
        ("monthly", 28, "2026-01-04T10:00", "2025-12-28", "2026-01-28"),
    ],
)
def test_when_payouts_run(
    schedule: Schedule, day: int, at: str, newest: str, following: str
) -> None:
    assert slot_of(schedule, day, moment(at)).isoformat() == newest
    assert next_run(schedule, day, moment(at)) == moment(following)


@given(
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.integers(1, 7),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
)
def test_the_next_run_is_the_first_that_is_not_before(
    schedule: Schedule, day: int, at: datetime
) -> None:
    at = at.replace(tzinfo=UTC)
    found = next_run(schedule, day, at)
    assert at <= found <= at + timedelta(days=31)
    assert slot_of(schedule, day, found) == found.date()
    assert next_run("manual", day, at) == at


def test_a_vendors_exceptions_go_before_the_policy() -> None:
    policy = Policy(reserve_bp=500, reserve_days=30, schedule="weekly", schedule_day=2)
    own = {"reserve_bp": 0, "reserve_days": None, "schedule": None}
    found = effective(policy, own)
    assert (found.reserve_bp, found.reserve_days, found.schedule) == (0, 30, "weekly")
    assert effective(policy, None).reserve_bp == 500


@pytest.mark.parametrize(
    ("bp", "words"), [(300, "3 %"), (1250, "12.5 %"), (1, "0.01 %"), (0, "0 %")]
)
def test_percents(bp: int, words: str) -> None:
    assert percent(bp) == words


@pytest.mark.parametrize(
    ("account", "seen"), [("000123456789", "••••••••6789"), ("1234", "••••1234")]
)
def test_masks(account: str, seen: str) -> None:
    assert masked(account) == seen
