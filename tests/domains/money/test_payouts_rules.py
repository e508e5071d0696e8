"""How refunds are borne, and any sequence of sales, refunds, accruals and payouts."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.domains.money.payouts.api import BalanceTooLow, ReversalTooLarge
from haat.domains.money.payouts.rules import Books, Parts, masked, split
from haat.domains.money.payouts.service import PayoutsService
from haat.engines.sql import Database
from haat.kernel.errors import Invalid
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Bank, FragileLedger, OneMarket, SomeVendors
from tests.domains.money.test_payouts import BANK_ACCOUNT, CTX, World, draft, usd

PARTS = st.builds(Parts, *[st.integers(0, 10**9)] * 3)


@pytest.mark.parametrize(
    ("gross", "left", "expected"),
    [
        (108, Parts(970, 30, 80), Parts(97, 3, 8)),
        (1, Parts(970, 30, 80), Parts(1, 0, 0)),
        (2, Parts(1, 1, 1), Parts(1, 1, 0)),
        (1080, Parts(970, 30, 80), Parts(970, 30, 80)),
        (7, Parts(0, 0, 7), Parts(0, 0, 7)),
    ],
)
def test_splits(gross: int, left: Parts, expected: Parts) -> None:
    assert split(gross, left) == expected


def test_splits_that_cannot_be() -> None:
    with pytest.raises(ReversalTooLarge) as error:
        split(6, Parts(3, 1, 1))
    assert error.value.data["left"] == 5
    with pytest.raises(Invalid):
        split(0, Parts(3, 1, 1))


@given(PARTS, st.lists(st.integers(1, 10**9), max_size=12))
def test_refunds_in_any_pieces_never_take_more_than_a_part(frozen: Parts, asked: list[int]) -> None:
    left = frozen
    for minor in asked:
        if minor <= left.gross:
            taken = split(minor, left)
            assert taken.gross == minor
            left = left - taken
            assert min(left.net, left.commission, left.tax) >= 0
    if left.gross:
        assert left - split(left.gross, left) == Parts(0, 0, 0)


@given(PARTS, st.booleans())
def test_transfers_of_a_reversal_leave_escrow_as_it_should_be(parts: Parts, late: bool) -> None:
    books = Books(UUID(int=1), UUID(int=2), "USD")
    moved = books.reversal(UUID(int=3), parts, after_accrual=late)
    escrow = sum(
        t.minor * ((t.credit.kind == "escrow") - (t.debit.kind == "escrow")) for t in moved
    )
    assert escrow == (0 if late else -parts.gross)
    assert len({t.id for t in moved}) == len(moved)


@pytest.mark.parametrize(
    ("account", "seen"), [("000123456789", "••••••••6789"), ("1234", "••••1234")]
)
def test_masks(account: str, seen: str) -> None:
    assert masked(account) == seen


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["expect", "reverse", "accrue", "ask", "approve", "reject", "resume"]),
        st.integers(0, 2),
        st.integers(1, 700),
    ),
    max_size=25,
)


@pytest.fixture
async def databases(
    database_of: Callable[[str], Awaitable[Database]], database_url: str
) -> tuple[Database, Database, str]:
    return await database_of("payouts"), await database_of("ledger"), database_url


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
async def test_every_sequence_ends_balanced(
    databases: tuple[Database, Database, str], steps: list[tuple[str, int, int]]
) -> None:
    db, books, url = databases
    await emptied(url, "ledger", "payouts")
    ledger, bank = FragileLedger(books), Bank()
    payouts = PayoutsService(db, OneMarket(), SomeVendors(), ledger, bank)
    world, vendor = World(db, books, ledger, bank, payouts), uuid4()
    await payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    sales = [draft(vendor, 900 + n, 30 * n, 77) for n in range(3)]
    known: set[UUID] = set()
    asked: list[UUID] = []
    for name, n, minor in steps:
        order = sales[n].vendor_order_id
        try:
            if name == "expect":
                await payouts.expect(CTX, earnings=[sales[n]])
                known.add(order)
            elif name == "reverse" and order in known:
                await payouts.reverse(
                    CTX, refund_id=uuid4(), vendor_order_id=order, gross=usd(minor)
                )
            elif name == "accrue" and known:
                await payouts.accrue(CTX, vendor_order_ids=list(known))
            elif name == "ask":
                asked.append(uuid4())
                await payouts.request(CTX, id=asked[-1], vendor_id=vendor, amount=usd(minor))
            elif name == "approve" and asked:
                await payouts.decide(CTX, id=asked.pop(), decision="approve")
            elif name == "reject" and asked:
                await payouts.decide(CTX, id=asked.pop(), decision="reject", reason="x")
            elif name == "resume":
                await world.resume()
        except ReversalTooLarge:
            pass
        except BalanceTooLow:
            asked.pop()
        await world.proven()
