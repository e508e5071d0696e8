"""Who may do what with a return, and what may be returned."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.trade.orders.api import FulfilmentState, PaymentState, VendorOrder
from haat.domains.trade.returns import rules
from haat.domains.trade.returns.api import By, Kind, ReturnReason, State
from haat.domains.trade.returns.rules import Days, Move, Refund, Standing
from tests.domains.trade.order_parts import NOW, eur, ids, line, part

DAYS = Days(answer=3, send=21, receive=14, escalate=10)
BYS, STATES, MOVES = get_args(By), get_args(State), get_args(Move)

# What each may do in each state, while nothing is escalated and no refund is under way.
OPEN = {
    ("customer", "requested"): "withdraw escalate",
    ("customer", "approved"): "send withdraw escalate",
    ("customer", "sent_back"): "withdraw escalate",
    ("customer", "refused"): "withdraw escalate",
    ("vendor", "requested"): "approve refuse escalate",
    ("vendor", "approved"): "receive escalate",
    ("vendor", "sent_back"): "receive escalate",
    ("vendor", "refused"): "approve",
    ("staff", "requested"): "approve refuse",
    ("staff", "approved"): "refuse receive",
    ("staff", "sent_back"): "refuse receive",
    ("staff", "received"): "refuse",
    ("staff", "refused"): "approve refuse",
    ("system", "requested"): "escalate",
    ("system", "approved"): "withdraw",
    ("system", "sent_back"): "escalate",
    ("system", "refused"): "refuse",
}


def open_to(by: By, s: Standing) -> set[str]:
    return {move for move in MOVES if rules.verdict(move, by, s) == "go"}


@pytest.mark.parametrize(("by", "state"), list(product(BYS, STATES)))
def test_who_may_do_what(by: By, state: State) -> None:
    assert open_to(by, Standing(state)) == set(OPEN.get((by, state), "").split())


def test_while_it_is_escalated_staff_decide_and_the_vendor_may_give_in() -> None:
    for state in ("requested", "refused"):
        s = Standing(state, escalated=True)
        assert open_to("vendor", s) == {"approve"}
        assert open_to("staff", s) == {"approve", "refuse"}
        assert open_to("customer", s) == {"withdraw"}
        assert rules.verdict("escalate", "customer", s) == "made"


@pytest.mark.parametrize("refund", ["due", "created"])
def test_nobody_moves_what_is_being_refunded(refund: Refund) -> None:
    for by, state in product(BYS, STATES):
        assert not open_to(by, Standing(state, refund=refund))


def test_a_refund_that_failed_is_for_staff() -> None:
    for state in ("approved", "received"):
        s = Standing(state, refund="failed", escalated=True)
        assert open_to("staff", s) == {"retry", "refuse"}
        for by in ("customer", "vendor", "system"):
            assert not open_to(by, s)
        again = rules.after("retry", "staff", s)
        assert (again.state, again.refund, again.tries) == (state, "due", 1)
        assert not again.escalated


def test_the_end_is_the_end() -> None:
    for s in (Standing("refunded", refund="done"), Standing("withdrawn"), Standing("refused")):
        ended = s if s.ended else Standing("refused", final=True)
        assert ended.ended
        for by in BYS:
            assert not open_to(by, ended)


@pytest.mark.parametrize(
    ("move", "by", "s"),
    [
        ("approve", "vendor", Standing("received", refund="due")),
        ("approve", "staff", Standing("refunded", refund="done")),
        ("refuse", "vendor", Standing("refused")),
        ("refuse", "vendor", Standing("refused", final=True)),
        ("refuse", "staff", Standing("refused", final=True)),
        ("send", "customer", Standing("received", refund="due")),
        ("receive", "vendor", Standing("refunded", refund="done")),
        ("withdraw", "customer", Standing("withdrawn")),
        ("escalate", "customer", Standing("refused", escalated=True)),
    ],
)
def test_what_was_done_already_is_done(move: Move, by: By, s: Standing) -> None:
    assert rules.verdict(move, by, s) == "made"


@pytest.mark.parametrize(
    ("move", "by", "s"),
    [
        ("refuse", "staff", Standing("withdrawn")),
        ("withdraw", "customer", Standing("refunded", refund="done")),
        ("approve", "vendor", Standing("withdrawn")),
        ("escalate", "customer", Standing("refused", final=True)),
        ("send", "customer", Standing("requested")),
        ("receive", "vendor", Standing("requested")),
    ],
)
def test_what_cannot_be_done(move: Move, by: By, s: Standing) -> None:
    assert rules.verdict(move, by, s) == "refused"


def test_where_nothing_is_sent_back_approving_is_refunding() -> None:
    s = Standing(send_back=False)
    approved = rules.after("approve", "vendor", s)
    assert (approved.state, approved.refund) == ("approved", "due")
    back = rules.after("approve", "vendor", s, send_back=True)
    assert (back.state, back.refund, back.send_back) == ("approved", None, True)
    kept = rules.after("approve", "vendor", Standing(), send_back=False)
    assert (kept.refund, kept.send_back) == ("due", False)
    assert open_to("customer", Standing("approved", send_back=False)) == {"withdraw", "escalate"}


def test_refusals_are_final_where_nobody_can_be_asked_any_more() -> None:
    assert not rules.after("refuse", "vendor", Standing()).final
    assert rules.after("refuse", "staff", Standing("refused", escalated=True)).final
    assert rules.after("refuse", "system", Standing("refused")).final


@pytest.mark.parametrize(
    ("s", "days", "then"),
    [
        (Standing(), 3, "escalate"),
        (Standing("approved"), 21, "withdraw"),
        (Standing("sent_back"), 14, "escalate"),
        (Standing("refused"), 10, "refuse"),
    ],
)
def test_time_goes_on_with_what_nobody_does(s: Standing, days: int, then: Move) -> None:
    assert rules.deadline(s, NOW, DAYS) == NOW + timedelta(days=days)
    assert rules.overdue(s) == then
    assert rules.verdict(then, "system", s) == "go"


@pytest.mark.parametrize(
    "s",
    [
        Standing(escalated=True),
        Standing("received", refund="due"),
        Standing("approved", refund="failed", escalated=True),
        Standing("refused", final=True),
        Standing("withdrawn"),
        Standing("refunded", refund="done"),
    ],
)
def test_what_waits_for_staff_or_ended_has_no_deadline(s: Standing) -> None:
    assert rules.deadline(s, NOW, DAYS) is None


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.sampled_from(BYS)), max_size=30))
def test_whatever_happens_it_stays_sound(steps: list[tuple[Move, By]]) -> None:
    s = Standing()
    for move, by in steps:
        if rules.verdict(move, by, s) != "go":
            continue
        before, s = s, rules.after(move, by, s)
        assert not before.ended
        assert not (s.ended and s.escalated)
        assert rules.verdict(move, by, s) != "go" or move == "refuse"
        if s.refund == "due":
            assert s.state in ("approved", "received")
            assert rules.refunded(s).ended
            s = rules.failed(s)
        if rules.deadline(s, NOW, DAYS) is not None:
            assert rules.verdict(rules.overdue(s), "system", s) == "go"


def sold(payment: PaymentState = "paid", fulfilment: FulfilmentState = "delivered") -> VendorOrder:
    seed = ids.new()
    draft = part(seed, "x", ids.new(), [line(seed, "a"), line(seed, "b", 1)])
    return VendorOrder(
        **dict(draft),
        order_id=seed,
        number="H-1-1",
        order_number="H-1",
        payment=payment,
        fulfilment=fulfilment,
        refunded=eur(0),
        placed_at=NOW,
    )


LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "reason", "one", "closes_at", "why"),
    [
        ("return", "changed_mind", sold(), LATER, None),
        ("return", "changed_mind", sold("partially_refunded"), LATER, None),
        ("return", "changed_mind", sold(), NOW, "window_closed"),
        ("return", "changed_mind", sold(), None, "not_delivered"),
        ("return", "changed_mind", sold(fulfilment="in_transit"), LATER, "not_delivered"),
        ("return", "changed_mind", sold("refunded"), LATER, "unpaid"),
        ("return", "changed_mind", sold("on_delivery"), LATER, "unpaid"),
        ("complaint", "damaged", sold(), NOW, None),
        ("complaint", "damaged", sold(fulfilment="accepted"), None, None),
        ("complaint", "not_received", sold(fulfilment="in_transit"), None, None),
        ("complaint", "not_received", sold(), NOW, None),
        ("complaint", "not_received", sold(fulfilment="ready"), None, "not_delivered"),
        ("complaint", "damaged", sold("voided"), None, "unpaid"),
        ("complaint", "damaged", sold(fulfilment="cancelled"), None, "not_delivered"),
    ],
)
def test_what_may_be_returned(
    kind: Kind, reason: ReturnReason, one: VendorOrder, closes_at: datetime | None, why: Any
) -> None:
    assert rules.why_not(kind, reason, one, closes_at, NOW) == why


def test_shipping_is_given_back_with_the_last_of_it() -> None:
    one = sold()
    a, b = one.lines
    assert rules.whole(one, {a.id: 2, b.id: 1})
    assert not rules.whole(one, {a.id: 2})
    assert not rules.whole(one, {a.id: 1, b.id: 1})
    rest = one.model_copy(update={"lines": [a.model_copy(update={"refunded_quantity": 1}), b]})
    assert rules.whole(rest, {a.id: 1, b.id: 1})
