"""A history of a market's money, one action after the other, with the books kept beside it.

`History` plays customers, vendors, staff, the payment provider and time. Each action is carried out
through the contracts and entered into `Books`; `check` holds the ledger against them, account by
account.
"""

from collections import Counter
from datetime import timedelta

from haat.domains.money.ledger.api import DEBIT_NORMAL, provider_id
from haat.domains.money.payouts.api import Policy
from haat.domains.money.wallet.api import CREDITS
from tests.sim.books import VendorOrderBooks
from tests.sim.office import Office
from tests.sim.standing import ACCOUNTS, RETURN_WINDOW, Place
from tests.sim.world import CURRENCY


class History(Office):
    """The whole of it."""

    def expected(self) -> Counter[Place]:
        """What every account of the ledger should hold."""
        books, network = self.books, self.world.network
        found: Counter[Place] = Counter()
        open_disputes = [one for one in network.disputes.values() if one.status == "open"]
        found["clearing", provider_id("test"), CURRENCY] = network.balance[CURRENCY] + sum(
            one.fee.minor for one in open_disputes
        )
        found["clearing", provider_id("bank"), CURRENCY] = self.bank_balance
        found["disputed", provider_id("test"), CURRENCY] = books.uncovered_losses + sum(
            one.amount.minor for one in open_disputes
        )
        found["fees", None, CURRENCY] = books.dispute_fees_borne
        found["commission", None, CURRENCY] = books.income("commission") + books.fees_kept
        found["commission_tax", None, CURRENCY] = books.income("commission_tax") + books.fee_tax
        found["tax", None, CURRENCY] = books.income("tax")
        found["exchange", None, CURRENCY] = self.exchanged
        found["exchange", None, CREDITS] = -sum(self.credits.values())
        for owner, credits in self.credits.items():
            found["wallet", owner, CREDITS] = credits
        for part in books.parts.values():
            found["escrow", part.id, CURRENCY] = books.escrow(part)
            if "cod" in part.by_tender and part.captured:
                if part.accrued:
                    found["owed", part.vendor_id, CURRENCY] -= part.left
                else:
                    found["cash", part.vendor_id, CURRENCY] += part.left
        for vendor in self.vendors:
            found["owed", vendor, CURRENCY] += (
                books.earned(vendor) - books.fees[vendor] - books.paid_out[vendor]
            )
        return found

    async def check(self) -> None:
        """Every account is what the books say, and debits are credits in every currency."""
        self.accrue()
        rows = await self.world.pool.fetch(ACCOUNTS)
        held: Counter[Place] = Counter()
        sums: Counter[str] = Counter()
        for row in rows:
            minor = row["credits"] - row["debits"]
            sums[row["currency"]] += minor
            kind = row["kind"]
            if kind in DEBIT_NORMAL:
                minor = -minor
            # What is held back is owed as well.
            place = "owed" if kind in ("payable", "reserve") else kind
            held[place, row["owner"], row["currency"]] += minor
            if kind in ("escrow", "wallet", "reserve"):
                assert minor >= row["pending_debits"], f"{kind} {row['owner']} is overdrawn"
        assert not any(sums.values()), f"debits and credits differ: {dict(sums)}"
        expected = self.expected()
        wrong = {
            place: (expected[place], held[place])
            for place in expected.keys() | held.keys()
            if expected[place] != held[place]
        }
        assert not wrong, f"after step {self.steps} (expected, held): {wrong}"

    async def prove(self) -> None:
        """The modules' own proofs find nothing."""
        found = await self.world.prove()
        found += await self.payouts.reconcile(self.world.system(), limit=5)
        found += await self.wallet.reconcile(self.world.system(), limit=5)
        assert not found, found

    async def end(self) -> None:
        """Everything comes to its end: disputes are decided, windows close, reserves are released,
        debts forgiven, balances paid out. Then each line's forecast is what was paid for it."""
        for order_id in list(self.disputed):
            await self.decide_dispute(order_id, won=True)
        await self.days_pass(RETURN_WINDOW.days + 1)
        await self.set_policy(Policy())
        await self.world.pass_time(timedelta(days=40))
        await self.world.pass_time(timedelta(minutes=10))
        ctx = self.world.system()
        for vendor, id in enumerate(self.vendors):
            found = await self.payouts.balance(ctx, vendor_id=id)
            assert found.reserved.minor == 0, found
            if found.available.minor <= 0:  # what is owed is let off, so that all can be paid out
                await self.charge(vendor, found.available.minor - 100, 0)
            await self.pay_out(vendor, 100, "paid", lost=False)
        await self.check()
        for part in self.books.parts.values():
            await self._check_forecasts(part)

    async def _check_forecasts(self, part: VendorOrderBooks) -> None:
        ctx = self.world.system()
        if not part.captured:
            return
        newest = {
            one.line_id: one for one in await self.payouts.forecast(ctx, vendor_order_id=part.id)
        }
        assert newest.keys() == {line.id for line in part.lines}
        for line in part.lines:
            told = await self.payouts.forecast_history(ctx, line_id=line.id)
            assert [one.number for one in told] == list(range(1, len(told) + 1))
            assert told[-1] == newest[line.id]
            changes = [one.change.minor for one in told]
            assert told[0].net.minor == line.sold_net
            assert [n for n in changes[1:] if n] == [n for n in line.effects if n], (
                f"line {line.id}: forecasts changed by {changes[1:]}, events by {line.effects}"
            )
            for one in told:
                lowers = sum(d.minor for d in one.deductions if d.kind != "reserve")
                assert one.gross.minor - lowers == one.net.minor, one
            if part.accrued or part.left == 0:
                assert told[-1].paid == told[-1].net, f"line {line.id}: {told[-1]}"
                assert told[-1].net.minor == line.sold_net + sum(line.effects)
