"""What the demo's market takes and how it pays: commission lists and the rules of payouts.

The first list is active from the start; a month before the present another follows, and a draft
waits for somebody to try it on the last days' sales. Every step may be repeated.
"""

from datetime import datetime, timedelta
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.cast import as_staff, id_of
from haat.domains.money.commissions.api import Commissions, Rule
from haat.domains.money.payouts.api import Payouts, Policy

TAX_BP = 800  # on the commission itself
CHANGED_AGO = 30  # days
FOOD = Rule(
    id=id_of("rule:food"),
    name="Food and drink",
    category_ids=[id_of("category:food")],
    rate_bp=500,
)
CERAMICS = Rule(
    id=id_of("rule:ceramics"),
    name="Ceramics and vases: fragile, and we answer for it",
    category_ids=[id_of("category:ceramics"), id_of("category:vases")],
    rate_bp=800,
    floor_minor=50,
    cap_minor=1_500,
)
SHIPPING = Rule(id=id_of("rule:shipping"), name="Shipping", applies_to="shipping", rate_bp=200)
SMALL = Rule(
    id=id_of("rule:small"),
    name="Small things: a card payment costs us the same",
    price_to=1_200,
    rate_bp=300,
    fixed_minor=15,
)


class Terms:
    """Set by the market's finance."""

    def __init__(self, runtime: Runtime, finance: UUID) -> None:
        self._commissions: Commissions = runtime.inner[Commissions]
        self._payouts: Payouts = runtime.inner[Payouts]
        self._finance = finance

    async def open(self, at: datetime, payday: int) -> None:
        """What holds from the first day on; `payday` is a weekday, 1 to 7."""
        await self._activate("first", [FOOD, SHIPPING], "The market's first rules", at)
        policy = Policy(
            reserve_bp=500,
            reserve_days=14,
            schedule="weekly",
            schedule_day=payday,
            threshold_minor=2_000,
        )
        ctx = as_staff("policy", at, self._finance)
        if await self._payouts.policy(ctx) != policy:
            reason = "Weekly, with a small reserve for late refunds"
            await self._payouts.set_policy(ctx, policy=policy, reason=reason)

    async def change(self, at: datetime) -> None:
        """Ceramics cost more from now on; what was sold keeps its terms."""
        rules = [FOOD, CERAMICS, SHIPPING]
        await self._activate("second", rules, "Breakage in the kilns' corner of the market", at)

    async def propose(self, at: datetime) -> None:
        """A draft that nobody has decided on yet."""
        ctx = as_staff("list:third", at, self._finance)
        rules = [FOOD, CERAMICS, SMALL, SHIPPING]
        note = "To discuss: what would a fee on small things bring?"
        id = id_of("list:third")
        if id not in {one.id for one in (await self._commissions.lists(ctx)).items}:
            await self._commissions.draft(ctx, id=id, rules=rules, tax_bp=TAX_BP, note=note)

    async def _activate(self, name: str, rules: list[Rule], note: str, at: datetime) -> None:
        id = id_of(f"list:{name}")
        ctx = as_staff(f"list:{name}", at, self._finance)
        listed = await self._commissions.lists(ctx)
        known = {one.id: one for one in listed.items}
        if id not in known:
            known[id] = await self._commissions.draft(
                ctx, id=id, rules=rules, tax_bp=TAX_BP, note=note
            )
        if known[id].status == "draft":
            later = as_staff(f"activate:{name}", at + timedelta(hours=1), self._finance)
            version = known[id].version
            await self._commissions.activate(later, id=id, version=version, reason=note)
