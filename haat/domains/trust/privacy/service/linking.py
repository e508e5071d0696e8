"""What guests ask of an order's data, by the order's signed link."""

from uuid import UUID

from haat.domains.trust.privacy.api import (
    Erasure,
    Export,
    LinkedErasure,
    OrderOfAccount,
    Piece,
)
from haat.domains.trust.privacy.service.exporting import Exporting
from haat.kernel.context import Context


class Linking(Exporting):
    """The part of privacy that guests reach. A link names one order, and opens no other's."""

    async def erasure_by_link(self, ctx: Context, *, token: str) -> LinkedErasure:
        order_id = await self._linked(ctx, token)
        found = await self.gathered_of_guest(ctx, order_id)
        return LinkedErasure(erasure=await self._latest(order_id), obstacles=found.obstacles)

    async def ask_erasure_by_link(self, ctx: Context, *, id: UUID, token: str) -> Erasure:
        order_id = await self._linked(ctx, token)
        found = await self.gathered_of_guest(ctx, order_id)
        return await self._ask(ctx, id, order_id, ctx.now() + self._cooling, found, guest=True)

    async def withdraw_erasure_by_link(self, ctx: Context, *, token: str) -> Erasure:
        return await self._withdraw(ctx, await self._linked(ctx, token))

    async def ask_export_by_link(self, ctx: Context, *, id: UUID, token: str) -> Export:
        order_id = await self._linked(ctx, token)
        found = await self.gathered_of_guest(ctx, order_id)
        return await self._ask_export(ctx, id, order_id, found, guest=True)

    async def exports_by_link(self, ctx: Context, *, token: str) -> list[Export]:
        return await self._exports(await self._linked(ctx, token))

    async def take_export_by_link(
        self, ctx: Context, *, id: UUID, token: str, cursor: str | None = None
    ) -> Piece:
        return await self._take_export(ctx, id, await self._linked(ctx, token), cursor)

    async def _linked(self, ctx: Context, token: str) -> UUID:
        """The order's id. LinkInvalid; OrderOfAccount."""
        order = await self._orders.order_by_link(ctx, token=token)
        if order.person_id is not None:
            raise OrderOfAccount
        return order.id
