"""Vendors are paid, wallets fill and empty, staff change the rules, days pass."""

from datetime import timedelta
from typing import Literal

from haat.domains.money.commissions.api import Rule
from haat.domains.money.payments.api import Method
from haat.domains.money.payouts.api import Policy
from haat.kernel.errors import Conflict
from tests.sim.buying import Buying
from tests.sim.standing import Answer, money_for, usd
from tests.sim.world import CURRENCY


class Office(Buying):
    """What vendors, wallet owners and staff do."""

    async def pay_out(self, vendor: int, part_of: int, how: Answer, *, lost: bool) -> None:
        """A vendor asks for all or part of its balance; staff approve; the provider pays or not."""
        id = self.vendors[vendor]
        ctx = self.world.system()
        available = (await self.payouts.balance(ctx, vendor_id=id)).available.minor
        amount = available * part_of // 100
        if amount < 1:
            return
        network = self.world.network
        network.next_payout, network.lose_answer = how, lost
        payout_id = self.new_id()
        try:
            asked = await self.payouts.request(ctx, id=payout_id, vendor_id=id, amount=usd(amount))
        except Conflict:
            network.next_payout, network.lose_answer = "paid", False
            return
        if asked.status == "requested":
            decision: Literal["approve", "reject"] = "approve" if part_of % 7 else "reject"
            await self.again(
                lambda: self.payouts.decide(ctx, id=payout_id, decision=decision, reason="Because")
            )
        network.next_payout, network.lose_answer = "paid", False
        network.end_payouts(paid=part_of % 2 == 0)
        await self.world.tell(twice=True)
        await self.world.pass_time(timedelta(seconds=30))
        ended = await self.payouts.payout(ctx, id=payout_id)
        assert ended.status in ("paid", "failed", "rejected"), ended
        assert sum(item.amount.minor for item in ended.items) in (amount, 0)
        if ended.status == "paid":
            self.books.paid_out[id] += amount

    async def charge(self, vendor: int, minor: int, tax: int) -> None:
        id = self.vendors[vendor]
        await self.payouts.charge(
            self.world.system(),
            id=self.new_id(),
            vendor_id=id,
            amount=usd(minor),
            tax=usd(tax) if minor > 0 and tax else None,
            reason="Because",
        )
        await self.world.settle()
        charged_tax = tax if minor > 0 else 0
        self.books.fees[id] += minor + charged_tax
        self.books.fees_kept += minor
        self.books.fee_tax += charged_tax

    async def top_up(self, person: int, credits: int, *, declined: bool) -> None:
        id = self.people[person]
        price = money_for(credits, await self.micro())
        method = Method(provider="test", token="decline" if declined else "ok")
        ctx = self.world.person(id)
        made = await self.wallet.top_up(ctx, id=self.new_id(), credits_minor=credits, method=method)
        await self.world.tell()
        found = await self.wallet.topup(ctx, id=made.id)
        assert found.status == ("failed" if declined else "done"), found
        if not declined:
            assert found.price.minor == price
            self.credits[id] += credits
            self.exchanged += price

    async def withdraw(self, person: int, credits: int, how: Answer) -> None:
        id = self.people[person]
        ctx = self.world.person(id)
        amount = money_for(credits, await self.micro())
        try:
            made = await self.wallet.withdraw(
                ctx,
                id=self.new_id(),
                credits_minor=credits,
                holder="Ada Low",
                account="GB82WEST12345698765432",
            )
        except Conflict:
            return
        self.world.network.next_payout = how
        await self.wallet.decide_withdrawal(self.world.system(), id=made.id, decision="approve")
        self.world.network.next_payout = "paid"
        self.world.network.end_payouts(paid=True)
        await self.world.tell(twice=True)
        await self.world.pass_time(timedelta(minutes=2))
        page = await self.wallet.withdrawals(ctx)
        [found] = [one for one in page.items if one.id == made.id]
        assert found.status in ("paid", "failed"), found
        if found.status == "paid":
            self.credits[id] -= credits
            self.exchanged -= amount

    async def grant(self, person: int, credits: int) -> None:
        id = self.people[person]
        await self.wallet.grant(
            self.world.system(),
            id=self.new_id(),
            owner_id=id,
            credits_minor=credits,
            reason="Sorry",
        )
        self.credits[id] += credits

    async def set_rate(self, micro: int) -> None:
        self.world.clock.advance(timedelta(seconds=1))
        await self.wallet.set_rate(
            self.world.system(), id=self.new_id(), currency=CURRENCY, micro=micro
        )

    async def set_rules(self, rules: list[Rule], tax_bp: int) -> None:
        """Another commission list is switched on; sold lines keep their terms."""
        ctx = self.world.system()
        id = self.new_id()
        made = await self.commissions.draft(ctx, id=id, rules=rules, tax_bp=tax_bp)
        await self.commissions.activate(ctx, id=id, version=made.version, reason="Because")
        self.world.clock.advance(timedelta(seconds=2))  # older lists are remembered for a second

    async def set_policy(self, policy: Policy) -> None:
        await self.payouts.set_policy(self.world.system(), policy=policy, reason="Because")
        self.policy = policy

    async def days_pass(self, days: int) -> None:
        """Windows close, reserves are released, transfers that never came are given up."""
        for _ in range(days):
            await self.world.pass_time(timedelta(days=1))
            await self.take()
        self.accrue()

    def accrue(self) -> None:
        now = self.world.clock.now()
        for part in self.books.parts.values():
            due = part.delivered and part.closes_at is not None and part.closes_at <= now
            blocked = self.has_open_dispute(part.order_id) and "card" in part.by_tender
            if due and part.captured and not part.accrued and part.left and not blocked:
                part.accrued = True
