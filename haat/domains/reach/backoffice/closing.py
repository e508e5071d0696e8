"""Vendors that are about to close: they are closed when nothing of theirs is left to do."""

from typing import get_args
from uuid import UUID

from haat.domains.money.payouts.api import Payouts
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import FulfilmentState, OrderFilter, Orders
from haat.kernel.context import Context

AT_ONCE = 50
OVER = frozenset({"delivered", "rejected", "cancelled"})
ON_THE_WAY = tuple(sorted(frozenset(get_args(FulfilmentState)) - OVER))


class Closing:
    """The part of the back office that ends what owners and staff asked to close. The service gives
    the attributes."""

    _vendors: Vendors
    _orders: Orders
    _payouts: Payouts

    async def close_finished(self, ctx: Context) -> int:
        """How many were closed. A vendor whose orders are done, and whose balance is nothing, in
        escrow, reserve and payouts as well: until then every order goes on as ever, and staff see
        in the vendor's balance what it waits for."""
        closed, after = 0, None
        while ids := await self._vendors.closing(ctx, after=after, limit=AT_ONCE):
            after = ids[-1]
            for vendor_id in ids:  # few ever close at once, and nobody waits for it
                balance = await self._payouts.balance(ctx, vendor_id=vendor_id)
                parts = (balance.available, balance.pending, balance.reserved, balance.requested)
                if any(part.minor for part in parts):
                    continue
                if not await self._is_busy(ctx, vendor_id):
                    closed += await self._vendors.end(ctx, vendor_id=vendor_id)
        return closed

    async def _is_busy(self, ctx: Context, vendor_id: UUID) -> bool:
        for state in ON_THE_WAY:
            where = OrderFilter(fulfilment=state)
            page = await self._orders.vendor_orders(ctx, vendor_id=vendor_id, where=where, limit=1)
            if page.items:
                return True
        return False
