"""Money out of the demo: payouts that the week's run asks for and finance decides on, a bank
account that was mistyped, and a refund that comes after the vendor was paid."""

from datetime import datetime, timedelta
from functools import partial

from haat.app.runtime import Runtime
from haat.app.seeding.assortment import STORES
from haat.app.seeding.cast import Crowd, Member, as_member, as_staff, id_of
from haat.app.seeding.opening import ACCOUNT, MISTYPED, Scene
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import BalanceTooLow, BelowThreshold, Payout, Payouts
from haat.domains.trade.orders.api import VendorOrder
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.page import LIMIT_MAX

DECIDED_AFTER = timedelta(hours=6)
LATE_REASON = "The glaze came off after two weeks"


class Payday:
    """Every step may be repeated."""

    def __init__(self, runtime: Runtime, scene: Scene, crowd: Crowd) -> None:
        self._payouts: Payouts = runtime.inner[Payouts]
        self._settlement: Settlement = runtime.inner[Settlement]
        self._scene = scene
        self._crowd = crowd

    async def decide(self, now: datetime, *, most: int | None = None) -> int:
        """Finance looks at what was asked for before today, at `most` so many; how many."""
        ctx = as_staff(f"queue:{now:%m%d}", now, self._scene.finance)
        page = await self._payouts.queue(ctx, status="requested", limit=LIMIT_MAX)
        due = [one for one in page.items if one.requested_at <= now - DECIDED_AFTER]
        due = sorted(due, key=lambda one: one.id)[:most]
        await self._crowd.all([partial(self._decide, payout, now) for payout in due])
        return len(due)

    async def _decide(self, payout: Payout, now: datetime) -> None:
        ctx = as_staff(f"decide:{payout.id}", now, self._scene.finance)
        if payout.id.int % 29 == 0:
            await self._payouts.decide(
                ctx, id=payout.id, decision="reject", reason="Confirm your bank account first"
            )
        else:
            await self._payouts.decide(ctx, id=payout.id, decision="approve")

    async def ask(self, member: Member, now: datetime) -> None:
        """A vendor does not wait for the week's run."""
        label = f"payout:{member.vendor_id}"
        ctx = as_member(label, now, member)
        try:
            await self._payouts.request(ctx, id=id_of(label), vendor_id=member.vendor_id)
        except (BalanceTooLow, BelowThreshold):
            return  # it has sold nothing since

    async def mend(self, now: datetime) -> None:
        """The vendor whose first payout came back gives its right bank account."""
        member = self._scene.members[MISTYPED]
        destination = Destination(holder=STORES[MISTYPED].owner, account=ACCOUNT)
        ctx = as_member("mend", now, member)
        await self._payouts.set_destination(
            ctx, vendor_id=member.vendor_id, destination=destination
        )

    async def refund_late(self, parts: list[VendorOrder], now: datetime) -> None:
        """Of these (paid out, nothing given back) the one whose vendor owes most after it."""
        if not parts:
            return
        vendors = sorted({part.vendor_id for part in parts})
        ctx = as_staff("refund:late", now, self._scene.finance)
        balances = await self._payouts.balances_of(ctx, vendor_ids=vendors)
        left = {one.vendor_id: one.available.minor for one in balances}
        if min(left.values()) < 0:
            return  # an earlier run did it, or another refund has
        part = min(parts, key=lambda one: (left[one.vendor_id] - one.net.minor, one.id))
        await self._settlement.refund(
            ctx, id=id_of(f"refund:{part.id}"), vendor_order_id=part.id, reason=LATE_REASON
        )
