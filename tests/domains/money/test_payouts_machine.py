"""Any sequence of sales, deliveries, blocks, refunds, charges and payouts, against a model.

The model keeps what each account should hold; after every step the ledger holds the same and
every proof passes. In the end all is paid out, and every line was paid what was forecast.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.domains.money.payments.api import Disbursement
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import (
    BalanceTooLow,
    EarningDraft,
    Policy,
    RefundLine,
    Source,
    WrongPayoutState,
)
from haat.domains.money.payouts.rules import Parts
from haat.engines.sql import Database
from haat.kernel.money import allocate
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Bank, FragileLedger, payouts_with
from tests.domains.money.test_payouts import (
    BANK_ACCOUNT,
    CARD,
    CLOCK,
    CTX,
    World,
    draft_of,
    line,
    usd,
)

ORDERS = 3
PAYMENTS: tuple[tuple[int, int, int], ...] = ((0, 1, 0), (1, 3, 0), (0, 0, 1), (1, 0, 2))
DEBIT_NORMAL = {"clearing", "cash"}


@dataclass
class Sold:
    """One vendor order as the model knows it; sources are (credits, card, collected)."""

    draft: EarningDraft
    left: list[Parts]
    cash: list[int]
    sources: list[int]
    held_back: list[int] = field(default_factory=lambda: [0, 0])
    reserve_bp: int = 0
    known: bool = False
    accrued: bool = False
    due: bool = False
    blocks: dict[UUID, Any] = field(default_factory=dict)  # what kind each is
    release_at: Any = None


@dataclass
class Model:
    orders: list[Sold]
    policy: Policy = field(default_factory=Policy)
    held: Counter[str] = field(default_factory=Counter)

    def move(self, debit: str, credit: str, minor: int) -> None:
        self.held[debit] += minor if debit in DEBIT_NORMAL else -minor
        self.held[credit] += -minor if credit in DEBIT_NORMAL else minor

    def accrue(self, sold: Sold) -> None:
        left = sum((one for one in sold.left), rules.NOTHING)
        if sold.accrued or left.gross == 0:
            return
        if sold.blocks:
            sold.due = True
            return
        sold.accrued = True
        for kind, minor in (
            ("payable", left.net),
            ("commission", left.commission),
            ("commission_tax", left.commission_tax),
            ("tax", left.tax),
        ):
            self.move("escrow", kind, minor)
        self.move("payable", "cash", sum(sold.cash))
        sold.reserve_bp = self.policy.reserve_bp
        sold.held_back = [self.reserve_of(sold, n) for n in range(2)]
        self.move("payable", "reserve", sum(sold.held_back))
        sold.release_at = CLOCK.now() + timedelta(days=self.policy.reserve_days)

    def reserve_of(self, sold: Sold, n: int) -> int:
        ours = max(sold.left[n].net - sold.cash[n], 0)
        return (ours * sold.reserve_bp + 5000) // 10_000

    def refund(self, sold: Sold, by_line: list[int], sources: list[int]) -> None:
        cash = sources[2]
        caps = [min(a, b) for a, b in zip(by_line, sold.cash, strict=True)]
        back = rules.within(cash, caps, [a - b for a, b in zip(sold.cash, caps, strict=True)])
        whole = rules.NOTHING
        for n, minor in enumerate(by_line):
            if minor:
                part = rules.split(minor, sold.left[n])
                sold.left[n] -= part
                whole += part
            sold.cash[n] -= back[n]
        if sold.accrued:
            for kind, minor in (
                ("payable", whole.net),
                ("commission", whole.commission),
                ("commission_tax", whole.commission_tax),
                ("tax", whole.tax),
            ):
                self.move(kind, "escrow", minor)
            self.move("cash", "payable", cash)
            for n in range(2):
                free = max(sold.held_back[n] - self.reserve_of(sold, n), 0)
                if sold.release_at is not None and free:
                    sold.held_back[n] -= free
                    self.move("reserve", "payable", free)
        for n, account in enumerate(("exchange", "clearing", "cash")):
            self.move("escrow", account, sources[n])
            sold.sources[n] -= sources[n]
        if self.policy.kept_commission:
            self.move("payable", "commission", whole.commission)
            self.move("payable", "commission_tax", whole.commission_tax)

    def release(self) -> None:
        for sold in self.orders:
            if "dispute" in sold.blocks.values():
                continue
            if sold.accrued and sold.release_at is not None and sold.release_at <= CLOCK.now():
                self.move("reserve", "payable", sum(sold.held_back))
                sold.held_back, sold.release_at = [0, 0], None


class Machine:
    """The steps, on the service and on the model."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.vendor = uuid4()
        self.model = Model([self.sale(n) for n in range(ORDERS + 1)])
        self.asked: list[tuple[UUID, int]] = []
        self.went_out = 0

    def sale(self, n: int) -> Sold:
        lines = [line(uuid4(), 900 + n, 60, 48, 12 * n), line(uuid4(), 97, 3 * n, 7)]
        gross = sum(one.gross.minor for one in lines)
        amounts = allocate(gross, list(PAYMENTS[n % len(PAYMENTS)]))
        sources = [
            Source(provider=provider, collected=collected, amount=usd(minor))
            for provider, collected, minor in zip(
                (None, CARD, "on_delivery"), (False, False, True), amounts, strict=True
            )
            if minor
        ]
        return Sold(
            draft=draft_of(self.vendor, *lines, sources=sources),
            left=[
                Parts(o.net.minor, o.commission.minor, o.commission_tax.minor, o.tax.minor)
                for o in lines
            ],
            cash=allocate(amounts[2], [one.gross.minor for one in lines]),
            sources=amounts,
        )

    async def expect(self, sold: Sold, n: int) -> None:
        await self.world.payouts.expect(CTX, earnings=[sold.draft])
        if not sold.known:
            sold.known = True
            for minor, account in zip(sold.sources, ("exchange", "clearing", "cash"), strict=True):
                self.model.move(account, "escrow", minor)

    async def deliver(self, sold: Sold, n: int) -> None:
        closes = CLOCK.now() + timedelta(days=n % 20)
        await self.world.payouts.delivered(CTX, windows={sold.draft.vendor_order_id: closes})

    async def block(self, sold: Sold, n: int) -> None:
        if sold.known:
            source, kind = uuid4(), "dispute" if n % 2 else "return"
            sold.blocks[source] = kind
            await self.world.payouts.block(
                CTX,
                vendor_order_id=sold.draft.vendor_order_id,
                source_id=source,
                kind=sold.blocks[source],
            )

    async def unblock(self, sold: Sold, n: int) -> None:
        if sold.blocks:
            source, _ = sold.blocks.popitem()
            await self.world.payouts.unblock(
                CTX, vendor_order_id=sold.draft.vendor_order_id, source_id=source
            )
            if not sold.blocks and sold.due:
                self.model.accrue(sold)

    async def accrue(self, sold: Sold, n: int) -> None:
        if sold.known:
            await self.world.payouts.accrue(CTX, vendor_order_ids=[sold.draft.vendor_order_id])
            self.model.accrue(sold)

    async def refund(self, sold: Sold, n: int) -> None:
        left = [one.gross for one in sold.left]
        minor = min(n, sum(left))
        if sold.known and minor:
            await self._refund(sold, allocate(minor, left), None)

    async def refund_line(self, sold: Sold, n: int) -> None:
        place = n % 2
        minor = min(n, sold.left[place].gross)
        if sold.known and minor:
            by_line = [minor if place == at else 0 for at in range(2)]
            id = sold.draft.lines[place].id
            await self._refund(sold, by_line, [RefundLine(line_id=id, gross=usd(minor))])

    async def _refund(self, sold: Sold, by_line: list[int], lines: list[RefundLine] | None) -> None:
        shares = allocate(sum(by_line), sold.sources)
        sources = [
            Source(provider=provider, collected=provider == "on_delivery", amount=usd(minor))
            for provider, minor in zip((None, CARD, "on_delivery"), shares, strict=True)
            if minor
        ]
        await self.world.refund(
            uuid4(),
            sold.draft.vendor_order_id,
            usd(sum(by_line)),
            lines=lines,
            sources=sources,
        )
        self.model.refund(sold, by_line, shares)

    async def charge(self, sold: Sold, n: int) -> None:
        amount = n if n % 3 else -n
        await self.world.payouts.charge(
            CTX, id=uuid4(), vendor_id=self.vendor, amount=usd(amount), reason="Because"
        )
        self.model.move("payable", "commission", amount)

    async def rule(self, sold: Sold, n: int) -> None:
        self.model.policy = Policy(
            kept_commission=n % 2 == 0, reserve_bp=n % 4 * 1000, reserve_days=10
        )
        await self.world.payouts.set_policy(CTX, policy=self.model.policy, reason="A change")

    async def days(self, sold: Sold, n: int) -> None:
        CLOCK.advance(timedelta(days=n % 12))
        await self.world.payouts.release_reserves(CTX)
        self.model.release()

    async def ask(self, sold: Sold, n: int) -> None:
        under_way = sum(minor for _, minor in self.asked)
        free = self.model.held["payable"] - under_way
        amount = None if n % 3 else usd(n)
        try:
            found = await self.world.payouts.request(
                CTX, id=uuid4(), vendor_id=self.vendor, amount=amount
            )
        except BalanceTooLow:
            assert free < (n if amount else 1)
        else:
            assert found.amount.minor == (n if amount else free)
            self.asked.append((found.id, found.amount.minor))

    async def decide(self, sold: Sold, n: int) -> None:
        if self.asked:
            id, minor = self.asked.pop(n % len(self.asked))
            paid = n % 3 != 0
            fails = Disbursement(status="failed", failure="no_account")
            self.world.bank.answers = [Disbursement(status="paid") if paid else fails]
            reject = n % 5 == 0
            await self.world.payouts.decide(
                CTX, id=id, decision="reject" if reject else "approve", reason="Because"
            )
            if paid and not reject:
                self.model.move("payable", "clearing", minor)
            other: Any = "approve" if reject else "reject"
            with pytest.raises(WrongPayoutState):
                await self.world.payouts.decide(CTX, id=id, decision=other, reason="Other")

    async def compare(self) -> None:
        held = self.model.held
        for kind in ("payable", "reserve", "cash"):
            assert await self.world.held(kind, self.vendor) == held[kind], kind
        for kind in ("clearing", "exchange", "commission", "commission_tax", "tax"):
            assert await self.world.held(kind) == held[kind], kind
        escrow = [
            await self.world.held("escrow", sold.draft.vendor_order_id)
            for sold in self.model.orders
        ]
        assert sum(escrow) == held["escrow"]
        await self.world.proven()

    async def finish(self) -> None:
        """Everything comes to its end: each line was paid what its last forecast said."""
        for sold in self.model.orders[:]:
            if sold.known:
                while sold.blocks:
                    await self.unblock(sold, 0)
                await self.accrue(sold, 0)
        while self.asked:
            await self.decide(self.model.orders[0], 1)
        await self.days(self.model.orders[0], 11)
        short = 1 - self.model.held["payable"]
        if short > 0:
            await self.world.payouts.charge(
                CTX, id=uuid4(), vendor_id=self.vendor, amount=usd(-short), reason="Even"
            )
            self.model.move("payable", "commission", -short)
        await self.ask(self.model.orders[0], 1)
        await self.decide(self.model.orders[0], 1)
        await self.compare()
        assert self.model.held["payable"] == self.model.held["reserve"] == 0
        for sold in self.model.orders:
            if sold.known:
                for one in await self.world.payouts.forecast(
                    CTX, vendor_order_id=sold.draft.vendor_order_id
                ):
                    assert one.paid == one.net
                    assert one.blockers == [] or sold.accrued is False


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            "expect expect deliver block unblock accrue accrue refund refund_line charge rule days"
            " ask ask decide decide".split()
        ),
        st.integers(0, ORDERS),
        st.integers(1, 1100),
    ),
    max_size=30,
)


@pytest.fixture
async def databases(
    database_of: Callable[[str], Awaitable[Database]], database_url: str
) -> tuple[Database, Database, str]:
    return await database_of("payouts"), await database_of("ledger"), database_url


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
async def test_every_sequence_keeps_the_books_and_its_forecasts(
    databases: tuple[Database, Database, str], steps: list[tuple[str, int, int]]
) -> None:
    db, books, url = databases
    await emptied(url, "ledger", "payouts")
    ledger, bank = FragileLedger(books), Bank()
    machine = Machine(World(db, books, ledger, bank, payouts_with(db, ledger, bank)))
    await machine.world.payouts.set_destination(
        CTX, vendor_id=machine.vendor, destination=BANK_ACCOUNT
    )
    for name, order, n in steps:
        await getattr(machine, name)(machine.model.orders[order], n)
        await machine.compare()
    await machine.finish()
