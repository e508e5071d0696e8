"""Deliveries: listed with their tries, sent again, sent to try an endpoint."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from haat.domains.reach.webhooks.api import (
    Attempt,
    Delivery,
    DeliveryDetail,
    DeliveryState,
    EndpointOff,
    Replayed,
    TooManyTests,
)
from haat.domains.reach.webhooks.catalogue import TEST, trial_body
from haat.domains.reach.webhooks.rules import message_id
from haat.domains.reach.webhooks.service import statements as sql
from haat.domains.reach.webhooks.service.endpoints import EndpointCases, need_owner
from haat.engines.sql import Record
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.page import Page, decode_cursor, page_of

TESTS_MAX, TESTS_SPAN = 30, timedelta(hours=1)
REPLAYED_MAX = 1000


class DeliveryCases(EndpointCases):
    """The part of webhooks that shows deliveries and sends them again."""

    async def deliveries(
        self,
        ctx: Context,
        *,
        endpoint_id: UUID,
        vendor_id: UUID | None = None,
        state: DeliveryState | None = None,
        type: str | None = None,
        limit: int = 30,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        await self.endpoint(ctx, id=endpoint_id, vendor_id=vendor_id)
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        rows = await self._db.fetch(sql.DELIVERIES, endpoint_id, state, type, *key, limit + 1)
        return page_of([_shown(row) for row in rows], limit, "created_at", "id")

    async def delivery(
        self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None
    ) -> DeliveryDetail:
        need_owner(ctx, vendor_id)
        row = await self._db.fetchrow(sql.DELIVERY, id, vendor_id)
        if row is None:
            raise NotFound
        tries = await self._db.fetch(sql.TRIES, id)
        return DeliveryDetail(
            delivery=_shown(row), body=row["body"], tries=[Attempt(**dict(one)) for one in tries]
        )

    async def replay(self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None) -> Delivery:
        need_owner(ctx, vendor_id)
        row = await self._db.fetchrow(sql.REPLAY, id, vendor_id, ctx.now())
        if row is None:
            await self.delivery(ctx, id=id, vendor_id=vendor_id)  # NotFound
            raise EndpointOff
        self._sender_wakes()
        return _shown(row)

    async def replay_failed(
        self,
        ctx: Context,
        *,
        endpoint_id: UUID,
        vendor_id: UUID | None = None,
        since: datetime,
    ) -> Replayed:
        found = await self.endpoint(ctx, id=endpoint_id, vendor_id=vendor_id)
        if not found.enabled:
            raise EndpointOff
        rows = await self._db.fetch(sql.REPLAY_FAILED, endpoint_id, since, ctx.now(), REPLAYED_MAX)
        self._sender_wakes()
        return Replayed(count=len(rows), more=len(rows) == REPLAYED_MAX)

    async def send_test(
        self, ctx: Context, *, id: UUID, endpoint_id: UUID, vendor_id: UUID | None = None
    ) -> Delivery:
        need_owner(ctx, vendor_id)
        now = ctx.now()
        body = trial_body(message_id(id), endpoint_id, now)
        async with self._db.begin(ctx) as tx:
            enabled = await tx.fetchval(sql.HOLD, endpoint_id, vendor_id)
            if enabled is None:
                raise NotFound
            if not enabled:
                raise EndpointOff
            if await tx.fetchval(sql.TESTED, endpoint_id, now - TESTS_SPAN, id) >= TESTS_MAX:
                raise TooManyTests
            await tx.fetch(sql.DELIVER, [id], [endpoint_id], [id], [TEST], [body], now)
        self._sender_wakes()
        found = await self.delivery(ctx, id=id, vendor_id=vendor_id)
        if found.delivery.endpoint_id != endpoint_id:
            raise Conflict("This id was used; take a new one.", code="id_used")
        return found.delivery


def _shown(row: Record) -> Delivery:
    facts: dict[str, Any] = dict(row)
    facts.pop("body", None)
    if facts["state"] != "waiting":
        facts["due_at"] = None
    return Delivery(message_id=message_id(facts["id"]), **facts)
