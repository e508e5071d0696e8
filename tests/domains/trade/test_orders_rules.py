"""The pure part of orders: both state machines, their projection, the sums."""

from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import By, FulfilmentState, OrderDraft, PaymentState
from haat.kernel.money import Money
from tests.domains.trade.order_parts import added, draft, eur, line, part

PAYMENTS = get_args(PaymentState)
FULFILMENTS = get_args(FulfilmentState)
payments = st.lists(st.sampled_from(PAYMENTS), min_size=1, max_size=6)
fulfilments = st.lists(st.sampled_from(FULFILMENTS), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("move", "payment", "fulfilment", "verdict"),
    [
        ("accept", "paid", "pending", "go"),
        ("accept", "partially_refunded", "pending", "go"),
        ("accept", "authorized", "pending", "refused"),
        ("accept", "refunded", "pending", "refused"),
        ("accept", "paid", "accepted", "made"),
        ("accept", "paid", "ready", "refused"),
        ("reject", "paid", "pending", "go"),
        ("reject", "paid", "accepted", "refused"),
        ("reject", "authorized", "pending", "refused"),
        ("ready", "paid", "accepted", "go"),
        ("ship", "paid", "accepted", "go"),
        ("ship", "paid", "ready", "go"),
        ("ship", "paid", "pending", "refused"),
        ("ship", "refunded", "ready", "refused"),
        ("deliver", "paid", "in_transit", "go"),
        ("deliver", "refunded", "in_transit", "go"),
        ("cancel", "paid", "ready", "go"),
        ("cancel", "refunded", "pending", "go"),
        ("cancel", "paid", "in_transit", "refused"),
        ("cancel", "voided", "cancelled", "made"),
        ("cancel", "paid", "rejected", "refused"),
        ("accept", "on_delivery", "pending", "go"),
        ("reject", "on_delivery", "pending", "go"),
        ("ready", "on_delivery", "accepted", "go"),
        ("ship", "on_delivery", "accepted", "go"),
        ("deliver", "on_delivery", "in_transit", "go"),
        ("cancel", "on_delivery", "ready", "go"),
        ("cancel", "on_delivery", "in_transit", "refused"),
        ("undelivered", "on_delivery", "in_transit", "go"),
        ("undelivered", "paid", "in_transit", "refused"),
        ("accept", "awaiting", "pending", "refused"),
        ("reject", "awaiting", "pending", "refused"),
        ("cancel", "awaiting", "pending", "go"),
    ],
)
def test_verdicts(
    move: rules.MoveName, payment: PaymentState, fulfilment: FulfilmentState, verdict: str
) -> None:
    assert rules.verdict(move, payment, fulfilment) == verdict


@given(st.lists(st.sampled_from(list(rules.MOVES)), max_size=30))
def test_no_sequence_of_moves_goes_back_or_leaves_an_end(moves: list[rules.MoveName]) -> None:
    rank = {state: n for n, state in enumerate(rules.STAGES)}
    state: FulfilmentState = "pending"
    for move in moves:
        if rules.verdict(move, "paid", state) == "go":
            target = rules.MOVES[move].target
            assert state not in rules.ENDED_EARLY
            assert state != "delivered"
            assert target in rules.ENDED_EARLY or rank[target] > rank[state]
            state = target
            assert rules.verdict(move, "paid", state) == "made"


@given(st.lists(st.sampled_from(list(rules.MOVES)), max_size=30))
def test_what_needs_no_parcel_is_never_on_its_way(moves: list[rules.MoveName]) -> None:
    state: FulfilmentState = "pending"
    for move in moves:
        if rules.verdict(move, "paid", state, way="done") == "go":
            state = rules.moves("done")[move].target
            assert state in {"accepted", "delivered"} | rules.ENDED_EARLY
    assert rules.moves_of("paid", "accepted", way="done") == ["deliver", "cancel"]


def test_nothing_moves_before_it_is_paid_for() -> None:
    for move, rule in rules.MOVES.items():
        for state in FULFILMENTS:
            if state != rule.target:
                assert rules.verdict(move, "authorized", state) == "refused"
                assert rules.verdict(move, "voided", state) == "refused"
                waits = rules.verdict(move, "awaiting", state)
                assert waits == "refused" or move == "cancel"


def test_only_what_is_paid_in_cash_comes_back_from_the_door() -> None:
    actors: tuple[By, ...] = ("customer", "vendor", "staff", "system")
    for actor in actors:
        back = rules.ending("on_delivery", "in_transit", actor)
        assert back == ("cancel" if actor == "customer" else "undelivered")
        assert rules.ending("paid", "in_transit", actor) == "cancel"
        assert rules.ending("on_delivery", "ready", actor) == "cancel"


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["pending"], "pending"),
        (["pending", "accepted"], "partially_accepted"),
        (["accepted", "ready"], "partially_ready"),
        (["pending", "in_transit"], "partially_shipped"),
        (["in_transit", "delivered"], "partially_delivered"),
        (["in_transit", "cancelled"], "in_transit"),
        (["delivered", "rejected"], "delivered"),
        (["rejected", "rejected"], "rejected"),
        (["rejected", "cancelled"], "cancelled"),
    ],
)
def test_fulfilment_projection(parts: list[FulfilmentState], whole: str) -> None:
    assert rules.fulfilment_of(parts) == whole


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["authorized", "paid"], "authorized"),
        (["paid", "voided"], "paid"),
        (["voided", "voided"], "voided"),
        (["paid", "refunded"], "partially_refunded"),
        (["refunded", "refunded"], "refunded"),
        (["refunded", "voided"], "refunded"),
        (["partially_refunded"], "partially_refunded"),
        (["awaiting", "voided"], "awaiting"),
        (["on_delivery", "paid"], "on_delivery"),
        (["paid", "voided", "refunded"], "partially_refunded"),
    ],
)
def test_payment_projection(parts: list[PaymentState], whole: PaymentState) -> None:
    assert rules.payment_of(parts) == whole


@given(payments, fulfilments, st.randoms())
def test_projections_know_no_order_and_agree_with_the_unanimous(
    paid: list[PaymentState], done: list[FulfilmentState], random: object
) -> None:
    assert rules.payment_of(paid) == rules.payment_of(paid[::-1]) == rules.payment_of(paid * 2)
    assert rules.fulfilment_of(done) == rules.fulfilment_of(done[::-1])
    if len(set(paid)) == 1:
        assert rules.payment_of(paid) == paid[0]
    if len(set(done)) == 1:
        assert rules.fulfilment_of(done) == done[0]
    assert rules.fulfilment_of(done) in {*FULFILMENTS} | {
        f"partially_{word}" for word in ("accepted", "ready", "shipped", "delivered")
    }


amounts = st.tuples(st.integers(1, 50), st.integers(0, 10_000_000), st.integers(0, 3000))


@given(st.lists(st.lists(amounts, min_size=1, max_size=5), min_size=1, max_size=4), st.booleans())
def test_whatever_is_built_of_lines_adds_up(
    vendors: list[list[tuple[int, int, int]]], inclusive: bool
) -> None:
    given_ = _order(vendors, inclusive)
    assert rules.discrepancy(given_) is None


@given(st.sampled_from(["goods", "shipping", "tax", "total"]), st.integers(1, 99))
def test_a_cent_too_many_is_named(name: str, off: int) -> None:
    whole = draft()
    one = whole.vendor_orders[0]
    wrong = one.totals.model_copy(update={name: getattr(one.totals, name) + eur(off)})
    changed = one.model_copy(update={"totals": wrong})
    order = whole.model_copy(update={"vendor_orders": [changed, *whole.vendor_orders[1:]]})
    assert str(one.id) in (rules.discrepancy(order) or "")
    totals = whole.totals.model_copy(update={name: getattr(whole.totals, name) + eur(off)})
    assert str(whole.id) in (rules.discrepancy(whole.model_copy(update={"totals": totals})) or "")


@pytest.mark.parametrize("name", ["commission", "commission_tax", "shipping_commission", "net"])
def test_a_cent_of_the_markets_part_is_named(name: str) -> None:
    whole = draft()
    one = whole.vendor_orders[0]
    changed = one.model_copy(update={name: getattr(one, name) + eur(1)})
    order = whole.model_copy(update={"vendor_orders": [changed, *whole.vendor_orders[1:]]})
    assert str(one.id) in (rules.discrepancy(order) or "")


def test_two_currencies_do_not_add_up() -> None:
    whole = draft()
    one = whole.vendor_orders[0].model_copy(update={"net": Money(minor=1, currency="USD")})
    assert "currency" in (
        rules.discrepancy(whole.model_copy(update={"vendor_orders": [one]})) or ""
    )


def _order(vendors: list[list[tuple[int, int, int]]], inclusive: bool) -> OrderDraft:
    seed = UUID(int=7)
    parts = [
        part(
            seed,
            str(n),
            UUID(int=n),
            [
                line(seed, f"{n}-{k}", quantity, price, tax_bp)
                for k, (quantity, price, tax_bp) in enumerate(lines)
            ],
            inclusive=inclusive,
        )
        for n, lines in enumerate(vendors)
    ]
    return draft().model_copy(
        update={
            "vendor_orders": parts,
            "totals": added([p.totals for p in parts], "EUR"),
            "prices_include_tax": inclusive,
        }
    )
