"""The returns' use cases: reading, requesting, deciding and finishing, a file each."""

from uuid import UUID

from haat.domains.money.payouts.api import Payouts
from haat.domains.people.market.api import Market
from haat.domains.people.media.api import Media
from haat.domains.trade.orders.api import OrderDelivered, Orders
from haat.domains.trade.returns.api import (
    Kind,
    Return,
    ReturnItem,
    ReturnLine,
    ReturnReason,
    Returns,
    ReturnSummary,
    State,
)
from haat.domains.trade.returns.rules import Days
from haat.domains.trade.returns.service.deciding import Deciding
from haat.domains.trade.returns.service.finishing import Finishing
from haat.domains.trade.returns.service.reading import Reading, return_of
from haat.domains.trade.returns.service.requesting import Requesting
from haat.domains.trade.returns.settings import ReturnsSettings
from haat.domains.trade.settlement.api import RefundPreview, Settlement
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.page import Page


class ReturnsService(Returns):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(
        self,
        db: Database,
        market: Market,
        media: Media,
        payouts: Payouts,
        orders: Orders,
        settlement: Settlement,
        settings: ReturnsSettings,
    ) -> None:
        days = Days(
            answer=settings.return_answer_days,
            send=settings.return_send_days,
            receive=settings.return_receive_days,
            escalate=settings.return_escalate_days,
        )
        self._reading = Reading(db, orders)
        self._finishing = Finishing(db, payouts, settlement, self._reading)
        self._requesting = Requesting(
            db, market, media, settlement, self._reading, self._finishing, days
        )
        self._deciding = Deciding(db, media, settlement, self._reading, self._finishing, days)

    async def returnable(
        self, ctx: Context, *, vendor_order_id: UUID, token: str | None = None
    ) -> list[ReturnLine]:
        return await self._requesting.returnable(ctx, vendor_order_id, token)

    async def preview(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        items: list[ReturnItem],
        refund_shipping: bool | None = None,
        token: str | None = None,
    ) -> RefundPreview:
        return await self._requesting.preview(ctx, vendor_order_id, items, refund_shipping, token)

    async def request(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        kind: Kind = "return",
        items: list[ReturnItem],
        reason: ReturnReason,
        text: str = "",
        picture_ids: list[UUID] | None = None,
        token: str | None = None,
    ) -> Return:
        return await self._requesting.request(
            ctx,
            id=id,
            vendor_order_id=vendor_order_id,
            kind=kind,
            items=items,
            reason=reason,
            text=text,
            picture_ids=picture_ids or [],
            token=token,
        )

    async def own(
        self, ctx: Context, *, limit: int = 20, cursor: str | None = None
    ) -> Page[ReturnSummary]:
        return await self._reading.own(ctx, limit, cursor)

    async def one(self, ctx: Context, *, id: UUID, token: str | None = None) -> Return:
        row, _ = await self._reading.seen(ctx, id, token)
        return return_of(row)

    async def of_order(
        self, ctx: Context, *, vendor_order_id: UUID, token: str | None = None
    ) -> list[ReturnSummary]:
        part = await self._reading.bought(ctx, vendor_order_id, token)
        return await self._reading.of_orders([part.id])

    async def of_orders(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[ReturnSummary]:
        return await self._reading.of_orders(vendor_order_ids)

    async def of_vendor(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        state: State | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ReturnSummary]:
        return await self._reading.of_vendor(ctx, vendor_id, state, limit, cursor)

    async def queue(
        self,
        ctx: Context,
        *,
        state: State | None = None,
        escalated: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ReturnSummary]:
        return await self._reading.queue(state, escalated, limit, cursor)

    async def approve(
        self,
        ctx: Context,
        *,
        id: UUID,
        refund_shipping: bool | None = None,
        send_back: bool | None = None,
        text: str = "",
    ) -> Return:
        return await self._deciding.approve(ctx, id, refund_shipping, send_back, text)

    async def refuse(self, ctx: Context, *, id: UUID, text: str) -> Return:
        return await self._deciding.refuse(ctx, id, text)

    async def sent_back(
        self, ctx: Context, *, id: UUID, tracking_number: str = "", token: str | None = None
    ) -> Return:
        return await self._deciding.sent_back(ctx, id, tracking_number, token)

    async def receive(
        self,
        ctx: Context,
        *,
        id: UUID,
        items: list[ReturnItem] | None = None,
        restock: bool = True,
        text: str = "",
    ) -> Return:
        return await self._deciding.receive(ctx, id, items, restock, text)

    async def withdraw(self, ctx: Context, *, id: UUID, token: str | None = None) -> Return:
        return await self._deciding.withdraw(ctx, id, token)

    async def escalate(
        self, ctx: Context, *, id: UUID, text: str, token: str | None = None
    ) -> Return:
        return await self._deciding.escalate(ctx, id, text, token)

    async def say(
        self,
        ctx: Context,
        *,
        id: UUID,
        message_id: UUID,
        text: str,
        picture_ids: list[UUID] | None = None,
        token: str | None = None,
    ) -> Return:
        return await self._deciding.say(ctx, id, message_id, text, picture_ids or [], token)

    async def freeze_windows(self, ctx: Context, events: list[OrderDelivered]) -> None:
        """Notes until when what was delivered may be returned."""
        await self._requesting.freeze(ctx, events)

    async def refunded(self, ctx: Context, vendor_order_ids: list[UUID]) -> None:
        """Something of these was given back: finishes the returns that wait for it."""
        await self._finishing.finish_of(ctx, vendor_order_ids)

    async def finish_due(self, ctx: Context) -> int:
        """Goes on with what others have to be told; how many returns there were."""
        return await self._finishing.finish_due(ctx)

    async def end_overdue(self, ctx: Context) -> int:
        """Goes on with returns that nobody answered in time; how many there were."""
        return await self._deciding.end_overdue(ctx)
