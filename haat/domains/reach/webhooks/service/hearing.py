"""Events become deliveries: one for each endpoint that hears them, however often they come."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from haat.domains.reach.webhooks.catalogue import News, news_of
from haat.domains.reach.webhooks.rules import message_id
from haat.domains.reach.webhooks.service import statements as sql
from haat.domains.reach.webhooks.service.deliveries import DeliveryCases
from haat.domains.trade.orders.api import Order, OrderCreated, OrderPaid, Orders, OrderUnpaid
from haat.engines.sql import Record
from haat.kernel.context import Context
from haat.kernel.events import Event
from haat.kernel.ids import derive


class HearingCases(DeliveryCases):
    """The part of webhooks that is for its reactions."""

    _orders: Orders

    async def hear(self, ctx: Context, events: Sequence[Event]) -> int:
        """How many deliveries there are to make that were not there before. A batch that nobody
        listens to costs one look."""
        concerned = {news.vendor_id for one in events for news in news_of(one, {})} - {None}
        unsaid = any(isinstance(one, OrderUnpaid) for one in events)
        types = sorted({one.event_name for one in events})
        listening = await self._db.fetch(sql.LISTENING, sorted(concerned), types, unsaid)
        if not listening:
            return 0
        orders = await self._asked(ctx, events, listening)
        made = [
            (derive(endpoint["id"], str(news.event.id)), endpoint["id"], news)
            for event in events
            for news in news_of(event, orders)
            for endpoint in listening
            if endpoint["vendor_id"] == news.vendor_id and news.type in endpoint["events"]
        ]
        if not made:
            return 0
        rows = await self._db.fetch(sql.DELIVER, *_columns(made), ctx.now())
        if rows:
            self._sender_wakes()
        return len(rows)

    async def _asked(
        self, ctx: Context, events: Sequence[Event], listening: Sequence[Record]
    ) -> Mapping[UUID, Order]:
        """The orders of which vendors that listen are told more than the events say. What is told
        of them never changes."""
        wanted = {
            (row["vendor_id"], type)
            for row in listening
            if row["vendor_id"] is not None
            for type in row["events"]
        }
        types = {type for _, type in wanted}
        ids: set[UUID] = set()
        for one in events:
            if isinstance(one, OrderUnpaid):
                asked = one.event_name in types
            elif isinstance(one, OrderCreated | OrderPaid):
                asked = _sold_by(one, wanted)
            else:
                continue
            if asked:
                ids.add(one.order_id)
        found: dict[UUID, Order] = {}
        every = sorted(ids)
        for start in range(0, len(every), 100):
            for order in await self._orders.by_ids(ctx, ids=every[start : start + 100]):
                found[order.id] = order
        return found


def _sold_by(event: OrderCreated | OrderPaid, wanted: set[tuple[UUID, str]]) -> bool:
    return any((part.vendor_id, event.event_name) in wanted for part in event.vendor_orders)


def _columns(
    made: Sequence[tuple[UUID, UUID, News]],
) -> tuple[list[UUID], list[UUID], list[UUID], list[str], list[str]]:
    return (
        [id for id, _, _ in made],
        [endpoint for _, endpoint, _ in made],
        [news.event.id for _, _, news in made],
        [news.type for _, _, news in made],
        [news.body(message_id(id)) for id, _, news in made],
    )
