"""A Hypothesis state machine over everything that happens to money, with the books checked after
every step.

Run it for as long as you like: `bin/simulate --steps 100000 --seed 7` (docs/flows/simulation.md).
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, ClassVar, Literal
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from haat.domains.money.commissions.api import Rule
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Policy
from tests import postgres
from tests.sim.buying import Goods
from tests.sim.history import History
from tests.sim.standing import PEOPLE, VENDORS, Answer, Tender
from tests.sim.world import world

PROVE_EVERY = 50
NAMES = {"HAAT_BANK_IBAN": "GB82WEST12345698765432", "HAAT_BANK_HOLDER": "Haat Market"}
SETTINGS = {**NAMES, "HAAT_CASH_ON_DELIVERY": "1", "HAAT_WALLET_PAYOUT_PROVIDER": "test"}

vendors = st.integers(0, VENDORS - 1)
people = st.integers(0, PEOPLE - 1)
some = st.integers(0, 10_000)  # which of those there are
prices = st.sampled_from([1, 7, 99, 333, 999, 1000, 12_345]) | st.integers(1, 50_000)
goods = st.builds(
    Goods,
    vendor=vendors,
    category=st.integers(0, 2),
    quantity=st.integers(1, 5),
    price=prices,
    tax_bp=st.sampled_from([0, 500, 700, 1900, 2000]),
)
tenders: st.SearchStrategy[Tender] = st.sampled_from(
    ["card", "card", "credits", "split", "split", "cod", "bank"]
)
answers: st.SearchStrategy[Answer] = st.sampled_from(["paid", "paid", "pending", "failed"])
RefundEnd = Literal["done", "pending", "failed"]
ends: st.SearchStrategy[RefundEnd] = st.sampled_from(["done", "done", "pending", "failed"])
seldom = st.integers(0, 9).map(lambda n: n == 0)
often = st.integers(0, 3).map(lambda n: n > 0)


class MoneyMachine(RuleBasedStateMachine):
    """`server` is a PostgreSQL, `template` a migrated database on it. Each run has its own copy."""

    server: ClassVar[str]
    template: ClassVar[str]
    done: ClassVar[Counter[str]] = Counter()  # steps by name, of all runs in this process

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.history: History | None = None
        self.count = 0

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.loop.run_until_complete(coroutine)

    @property
    def now(self) -> History:
        assert self.history is not None
        return self.history

    @initialize(carts=st.lists(st.lists(goods, min_size=1, max_size=4), min_size=2, max_size=8))
    def begin(self, carts: list[list[Goods]]) -> None:
        """Some orders there are already, half of them on their way to be earned."""
        self.do(self._begin())
        for n, wanted in enumerate(carts):
            self.shop(wanted=wanted, person=n % PEOPLE, deliver=n % 2 == 0)

    async def _begin(self) -> None:
        copy = postgres.database(self.server, template=postgres.name_of(self.template))
        url = self.stack.enter_context(copy)
        self.history = History(await self.stack.enter_async_context(world(url)))
        await self.history.set_rate(1_000_000)
        account = Destination(holder="Vendor", account="GB82WEST12345698765432")
        for id in self.history.vendors:
            await self.history.payouts.set_destination(
                self.history.world.system(), vendor_id=id, destination=account
            )

    def one(self, which: int) -> UUID | None:
        """One of the vendor orders there are."""
        ids = list(self.now.books.parts)
        return ids[which % len(ids)] if ids else None

    @rule(
        wanted=st.lists(goods, min_size=1, max_size=4),
        inclusive=st.booleans(),
        person=people,
        tender=tenders,
        declined=seldom,
        lost=seldom,
    )
    def buy(
        self,
        wanted: list[Goods],
        inclusive: bool,
        person: int,
        tender: Tender,
        declined: bool,
        lost: bool,
    ) -> None:
        async def act() -> None:
            draft = await self.now.quote(wanted, inclusive=inclusive, person=person)
            await self.now.buy(draft, tender, declined=declined, lost=lost)

        self.do(act())
        self.count_step("buy")

    @rule(wanted=st.lists(goods, min_size=1, max_size=4), person=people, deliver=st.booleans())
    def shop(self, wanted: list[Goods], person: int, deliver: bool) -> None:
        """The plain case, so that it is not rare among all the others."""

        async def act() -> None:
            draft = await self.now.quote(wanted, inclusive=deliver, person=person)
            await self.now.buy(draft, "card")
            if deliver:
                for part in self.now.books.of_order(draft.id):
                    await self.now.deliver(part.id)

        self.do(act())
        self.count_step("shop")

    @rule(which=some, others=st.booleans())
    def deliver(self, which: int, others: bool) -> None:
        id = self.one(which)
        if id is not None:
            parts = self.now.books.of_order(self.now.books.parts[id].order_id)
            for part in parts if others else [self.now.books.parts[id]]:
                self.do(self.now.deliver(part.id))
        self.count_step("deliver")

    @rule(which=some)
    def cancel(self, which: int) -> None:
        id = self.one(which)
        if id is not None:
            self.do(self.now.cancel(id))
        self.count_step("cancel")

    @rule(which=some, hundredths=st.integers(1, 100), how=ends, lost=seldom)
    def refund_amount(
        self,
        which: int,
        hundredths: int,
        how: RefundEnd,
        lost: bool,
    ) -> None:
        id = self.one(which)
        if id is not None:
            left = self.now.books.parts[id].left
            amount = max(1, left * hundredths // 100)
            self.do(self.now.refund(id, amount=amount, how=how, lost=lost))
        self.count_step("refund an amount")

    @rule(
        which=some,
        pieces=st.dictionaries(st.integers(0, 2), st.integers(1, 3), max_size=2),
        shipping=st.sampled_from([0, 0, 1, 250, 490]),
        how=ends,
    )
    def refund_pieces(
        self,
        which: int,
        pieces: dict[int, int],
        shipping: int,
        how: RefundEnd,
    ) -> None:
        id = self.one(which)
        if id is not None and (pieces or shipping):
            self.do(self.now.refund(id, pieces=pieces, shipping=shipping, how=how))
        self.count_step("refund pieces")

    @rule(which=some, amount=prices, fee=st.sampled_from([0, 1500]))
    def dispute(self, which: int, amount: int, fee: int) -> None:
        id = self.one(which)
        if id is not None:
            self.do(self.now.dispute(id, amount, fee))
        self.count_step("dispute")

    @rule(which=some, won=st.booleans())
    def decide_dispute(self, which: int, won: bool) -> None:
        ids = list(self.now.disputed)
        if ids:
            self.do(self.now.decide_dispute(ids[which % len(ids)], won=won))
        self.count_step("decide a dispute")

    @rule(which=some, off_by=st.sampled_from([0, 0, 0, 0, -1, 500]))
    def transfer_arrives(self, which: int, off_by: int) -> None:
        ids = list(self.now.references)
        if ids:
            self.do(self.now.transfer_arrives(ids[which % len(ids)], off_by=off_by))
        self.count_step("a bank transfer")

    @rule(vendor=vendors, part=st.integers(1, 100), how=answers, lost=seldom)
    def pay_out(self, vendor: int, part: int, how: Answer, lost: bool) -> None:
        self.do(self.now.pay_out(vendor, part, how, lost=lost))
        self.count_step("pay out")

    @rule(vendor=vendors, minor=st.sampled_from([-2000, -5, 1, 100, 750]), tax=st.integers(0, 150))
    def charge(self, vendor: int, minor: int, tax: int) -> None:
        self.do(self.now.charge(vendor, minor, tax))
        self.count_step("charge")

    @rule(person=people, credits=st.integers(100, 60_000), declined=seldom)
    def top_up(self, person: int, credits: int, declined: bool) -> None:
        self.do(self.now.top_up(person, credits, declined=declined))
        self.count_step("top up")

    @rule(person=people, credits=st.integers(100, 5_000), how=answers)
    def withdraw(self, person: int, credits: int, how: Answer) -> None:
        self.do(self.now.withdraw(person, credits, how))
        self.count_step("withdraw")

    @rule(person=people, credits=st.integers(1, 1_000))
    def grant(self, person: int, credits: int) -> None:
        self.do(self.now.grant(person, credits))
        self.count_step("grant")

    @rule(micro=st.sampled_from([1_000_000, 500_000, 1_250_000, 3_333_333, 10_000]))
    def set_rate(self, micro: int) -> None:
        self.do(self.now.set_rate(micro))
        self.count_step("credit rate")

    @rule(
        rate_bp=st.integers(0, 4_000),
        fixed=st.sampled_from([0, 0, 30, 500]),
        floor=st.sampled_from([None, 1, 50]),
        shipping_bp=st.sampled_from([0, 200, 1_000]),
        tax_bp=st.sampled_from([0, 1_900]),
    )
    def set_rules(
        self, rate_bp: int, fixed: int, floor: int | None, shipping_bp: int, tax_bp: int
    ) -> None:
        now = self.now
        rules = [
            Rule(
                id=now.new_id(),
                name="One vendor",
                vendor_ids=[now.vendors[0]],
                rate_bp=rate_bp,
                fixed_minor=fixed,
            ),
            Rule(
                id=now.new_id(),
                name="A category",
                category_ids=[now.categories[1]],
                rate_bp=1_200,
                floor_minor=floor,
            ),
            Rule(id=now.new_id(), name="Dear goods", price_from=10_000, rate_bp=150, cap_minor=700),
            Rule(id=now.new_id(), name="Shipping", applies_to="shipping", rate_bp=shipping_bp),
        ]
        self.do(now.set_rules(rules, tax_bp))
        self.count_step("commission rules")

    @rule(
        kept=st.booleans(),
        fee=st.booleans(),
        reserve=st.sampled_from([0, 0, 1_000, 2_500]),
        days=st.sampled_from([0, 5, 30]),
    )
    def set_policy(self, kept: bool, fee: bool, reserve: int, days: int) -> None:
        policy = Policy(
            kept_commission=kept,
            vendor_bears_dispute_fee=fee,
            reserve_bp=reserve,
            reserve_days=days,
        )
        self.do(self.now.set_policy(policy))
        self.count_step("policy")

    @rule(days=st.sampled_from([1, 1, 3, 8]))
    def days_pass(self, days: int) -> None:
        self.do(self.now.days_pass(days))
        self.count_step("days pass")

    def count_step(self, name: str) -> None:
        self.count += 1
        MoneyMachine.done[name] += 1

    @invariant()
    def books_balance(self) -> None:
        if self.history is not None:
            self.do(self.history.check())
            if self.count % PROVE_EVERY == PROVE_EVERY - 1:
                self.do(self.history.prove())

    def teardown(self) -> None:
        try:
            if self.history is not None:
                self.do(self._end())
        finally:
            self.do(self.stack.aclose())
            self.loop.close()

    async def _end(self) -> None:
        await self.now.end()
        await self.now.prove()
