"""What events of money leave open, asked for a whole batch at once."""

from collections.abc import Sequence
from uuid import UUID

from haat.domains.money.payments.api import (
    Payment,
    PaymentDisputed,
    PaymentFailed,
    Payments,
    TransferInstructions,
)
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import TeamChanged, TeamInvited
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.notifications.notice import Known
from haat.domains.trade.orders.api import OrderCreated, OrderRefunded, Orders
from haat.domains.trade.settlement.api import Repaid, Settlement
from haat.kernel.context import Context
from haat.kernel.events import Event


class Asking:
    """Each module is asked once, and only for what the batch needs."""

    def __init__(
        self,
        orders: Orders,
        payments: Payments,
        payouts: Payouts,
        settlement: Settlement,
        vendors: Vendors,
    ) -> None:
        self._vendors = vendors
        self._orders = orders
        self._payments = payments
        self._payouts = payouts
        self._settlement = settlement

    async def known(self, ctx: Context, events: Sequence[Event]) -> Known:
        failed = [one for one in events if isinstance(one, PaymentFailed)]
        disputed = [one for one in events if isinstance(one, PaymentDisputed)]
        refunded = [one for one in events if isinstance(one, OrderRefunded)]
        awaited = {
            one.order_id
            for one in events
            if isinstance(one, OrderCreated) and one.payment == "awaiting"
        }
        ids = {one.reference for one in failed if one.purpose == "order"}
        ids |= {one.reference for one in disputed if one.purpose == "order"}
        orders = await self._orders.by_ids(ctx, ids=sorted(ids)) if ids else []
        payments = await self._paid_by(ctx, awaited | {one.reference for one in failed})
        return Known(
            instructions=_instructions(payments, awaited),
            repaid=await self._repaid(ctx, refunded),
            earned=await self._earned(ctx, refunded),
            orders={one.id: one for one in orders},
            vendors=await self._names(ctx, events),
            payers={one.id: one.person_id for one in payments if one.person_id is not None},
        )

    async def _names(self, ctx: Context, events: Sequence[Event]) -> dict[UUID, str]:
        ids = {one.vendor_id for one in events if isinstance(one, TeamInvited | TeamChanged)}
        found = await self._vendors.by_ids(ctx, ids=sorted(ids)) if ids else []
        return {one.id: one.name for one in found}

    async def _paid_by(self, ctx: Context, references: set[UUID]) -> list[Payment]:
        if not references:
            return []
        return await self._payments.payments(ctx, references=sorted(references))

    async def _repaid(
        self, ctx: Context, events: Sequence[OrderRefunded]
    ) -> dict[UUID, list[Repaid]]:
        if not events:
            return {}
        ids = sorted({one.vendor_order_id for one in events})
        found = await self._settlement.refunds(ctx, vendor_order_ids=ids)
        return {one.id: one.repaid for one in found}

    async def _earned(self, ctx: Context, events: Sequence[OrderRefunded]) -> frozenset[UUID]:
        if not events:
            return frozenset()
        ids = sorted({one.vendor_order_id for one in events})
        found = await self._payouts.earnings_of(ctx, vendor_order_ids=ids)
        return frozenset(one.vendor_order_id for one in found if one.eligible_at is not None)


def _instructions(
    payments: Sequence[Payment], orders: set[UUID]
) -> dict[UUID, TransferInstructions]:
    return {
        one.reference: one.instructions
        for one in payments
        if one.reference in orders and one.instructions is not None
    }
