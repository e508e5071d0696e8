"""A history of a market's money, one action after the other, with the books kept beside it.

`History` plays customers, vendors, staff, the payment provider and time. Each action is carried out
through the contracts and entered into `Books`; `check` holds the ledger against them, account by
account.
"""

from collections import Counter

from haat.domains.money.ledger.api import DEBIT_NORMAL, provider_id
from haat.domains.money.wallet.api import CREDITS
from tests.sim.office import Office
from tests.sim.standing import ACCOUNTS, Place
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
