"""What credits are worth: exact, half up, and consistent with one another."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.ledger.api import Transfer
from haat.domains.money.wallet import rules
from haat.domains.money.wallet.api import RATE_UNIT
from haat.domains.money.wallet.rules import Claim, Move
from haat.kernel.errors import Invalid

CREDITS = st.integers(1, 10**9)
MICRO = st.integers(1, 10**12)


@pytest.mark.parametrize(("currency", "micro"), [("USD", 10**6), ("JPY", 10**4), ("KWD", 10**7)])
def test_a_market_begins_with_one_credit_for_one_unit(currency: str, micro: int) -> None:
    assert rules.default_micro(currency) == micro
    unit = {"USD": 100, "JPY": 1, "KWD": 1000}[currency]
    assert rules.worth(100, micro) == unit
    assert rules.credits_for(unit, micro) == 100


@pytest.mark.parametrize(
    ("minor", "micro", "credits"),
    [(1, RATE_UNIT, 1), (5, 2 * RATE_UNIT, 3), (4, 3 * RATE_UNIT, 1), (1, 9 * RATE_UNIT, 1)],
)
def test_prices_in_credits_round_half_up_and_are_never_nothing(
    minor: int, micro: int, credits: int
) -> None:
    assert rules.credits_for(minor, micro) == credits


@pytest.mark.parametrize(
    ("credits", "micro", "minor"),
    [(150, RATE_UNIT // 100, 2), (149, RATE_UNIT // 100, 1), (49, RATE_UNIT // 100, 0)],
)
def test_worth_rounds_half_up(credits: int, micro: int, minor: int) -> None:
    assert rules.worth(credits, micro) == minor


def test_what_is_worth_nothing_or_too_much_has_no_price() -> None:
    for credits, micro in ((100, 1), (10_000_000, 10**18)):
        with pytest.raises(Invalid):
            rules.price_of(credits, micro)


@given(CREDITS, MICRO)
def test_spendable_is_the_largest_price_that_the_credits_pay(credits: int, micro: int) -> None:
    most = rules.spendable(credits, micro)
    if most > 0:
        assert rules.credits_for(most, micro) <= credits
    if most < 10**15:
        assert rules.credits_for(most + 1, micro) > credits
    assert rules.spendable(0, micro) == 0


@given(st.integers(1, 10**9), MICRO)
def test_there_and_back_is_within_half_a_unit(credits: int, micro: int) -> None:
    exact = credits * micro
    assert abs(rules.worth(credits, micro) * RATE_UNIT - exact) * 2 <= RATE_UNIT


def directions(transfers: list[Transfer]) -> list[tuple[str, str, int, str, bool]]:
    return [(t.debit.kind, t.credit.kind, t.minor, t.code.value, t.pending) for t in transfers]


def test_the_transfers_of_every_movement() -> None:
    owner = uuid4()

    def legs(kind: rules.Kind) -> list[tuple[str, str, int, str, bool]]:
        move = Move(uuid4(), kind, owner, uuid4(), 500, "USD", 700, "stripe")
        return directions([*move.money_leg(), *move.credit_leg()])

    assert legs("topup") == [
        ("clearing", "exchange", 700, "topup", False),
        ("exchange", "wallet", 500, "credits_issued", False),
    ]
    assert legs("withdrawn") == [
        ("exchange", "clearing", 700, "withdrawal", False),
        ("wallet", "exchange", 500, "credits_spent", True),
    ]
    assert legs("spent") == [("wallet", "exchange", 500, "credits_spent", True)]
    assert legs("refunded") == [("exchange", "wallet", 500, "credits_refunded", False)]
    assert legs("granted") == [("exchange", "wallet", 500, "grant", False)]
    assert Move(uuid4(), "refunded", owner, uuid4(), 0).credit_leg() == []


def test_the_money_of_a_claim_goes_where_the_provider_says() -> None:
    claim = Claim(uuid4(), uuid4(), "stripe", "USD", 700, 15)
    opened = [
        ("disputed", "clearing", 700, "dispute", False),
        ("fees", "clearing", 15, "dispute_fee", False),
    ]
    assert directions(claim.legs("open")) == opened
    won = ("clearing", "disputed", 700, "dispute_won", False)
    lost = ("exchange", "disputed", 700, "dispute_lost", False)
    assert directions(claim.legs("won")) == [*opened, won]
    assert directions(claim.legs("lost")) == [*opened, lost]
    assert directions(claim.legs("refunded")) == [("exchange", "clearing", 700, "refund", False)]
    assert {t.id for t in claim.legs("open")} < {t.id for t in claim.legs("lost")}


@pytest.mark.parametrize("account", ["DE89 3704 0044 0532 0130 00", "0001 2345-6789", "1234"])
def test_bank_accounts(account: str) -> None:
    assert rules.checked_account(account) == account.replace(" ", "").replace("-", "")


@pytest.mark.parametrize("account", ["DE88 3704 0044 0532 0130 00", "äöüß", "12 3", "1" * 40])
def test_what_is_no_bank_account(account: str) -> None:
    with pytest.raises(Invalid):
        rules.checked_account(account)


def test_accounts_are_masked() -> None:
    assert rules.masked("DE89370400440532013000") == "•" * 18 + "3000"
    assert rules.masked("1234") == "••••1234"
