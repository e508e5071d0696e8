"""Lists of orders: read from tables of their own, which this module's reaction keeps from its
events (docs/flows/orders.md).

An order's rows are always written from the order as it stands. States only go forward, so that the
sum of their ranks is a version: what was read earlier never overwrites what was read later, however
late, doubled or out of order an event comes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import (
    OrderFilter,
    OrderSummary,
    RebuiltLists,
    VendorOrderSummary,
)
from haat.domains.trade.orders.service.reading import Reading
from haat.engines.sql import Sql, Tx
from haat.engines.telemetry import gauge
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.events import Event
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

LAG = "haat_orders_lists_lag_seconds"
RECENT = timedelta(hours=1)  # a buyer's own order is found without the list for so long
REBUILT_AT_ONCE = 1000
MENDED_AMONG = 5000
MEND_AFTER = timedelta(seconds=30)  # what is younger is on its way

_RANKS = """
       CASE v.fulfilment WHEN 'pending' THEN 0 WHEN 'accepted' THEN 1 WHEN 'ready' THEN 2
                         WHEN 'in_transit' THEN 3 WHEN 'delivered' THEN 4 ELSE 5 END AS stage,
       CASE v.payment WHEN 'paid' THEN 1 WHEN 'partially_refunded' THEN 2 WHEN 'refunded' THEN 3
                      WHEN 'voided' THEN 4 ELSE 0 END AS rank
"""
# The CASEs are rules.payment_of and rules.fulfilment_of; a test holds them against each other.
_SUMS = """
  SELECT order_id,
         CASE WHEN bool_and(payment = 'voided') THEN 'voided'
              WHEN bool_or(payment = 'authorized') THEN 'authorized'
              WHEN bool_or(payment = 'awaiting') THEN 'awaiting'
              WHEN bool_or(payment = 'on_delivery') THEN 'on_delivery'
              WHEN bool_and(payment IN ('refunded', 'voided')) THEN 'refunded'
              WHEN bool_and(payment IN ('paid', 'voided')) THEN 'paid'
              ELSE 'partially_refunded' END AS payment,
         CASE WHEN bool_and(fulfilment = 'rejected') THEN 'rejected'
              WHEN bool_and(stage = 5) THEN 'cancelled'
              WHEN count(DISTINCT stage) FILTER (WHERE stage < 5) = 1
                THEN max(fulfilment) FILTER (WHERE stage < 5)
              ELSE 'partially_' || (ARRAY['accepted', 'ready', 'shipped', 'delivered'])[
                   max(stage) FILTER (WHERE stage < 5)] END AS fulfilment,
         sum(refunded)::bigint AS refunded, sum(items)::int AS items,
         array_agg(vendor_name ORDER BY position) AS vendors,
         sum(stage + rank + refunded)::bigint AS version
    FROM {parts} GROUP BY order_id
"""
# $2: also where nothing moved, as after a correction of what is written down.
RELIST = Sql(f"""
WITH parts AS (
  SELECT v.id, v.order_id, v.position, v.vendor_id, v.vendor_name, v.number, v.payment,
         v.fulfilment, v.currency, v.total, v.net, v.refunded, v.items, v.placed_at, {_RANKS}
    FROM orders.vendor_orders v WHERE v.order_id = ANY($1::uuid[])),
put AS (
  INSERT INTO orders.part_list AS l (id, order_id, vendor_id, number, ship_to_name, payment,
         fulfilment, currency, total, net, refunded, items, placed_at, version)
  SELECT p.id, p.order_id, p.vendor_id, p.number, o.ship_to ->> 'name', p.payment, p.fulfilment,
         p.currency, p.total, p.net, p.refunded, p.items, p.placed_at,
         p.stage + p.rank + p.refunded
    FROM parts p JOIN orders.orders o ON o.id = p.order_id
   ORDER BY p.id
  ON CONFLICT (id) DO UPDATE
     SET payment = excluded.payment, fulfilment = excluded.fulfilment,
         refunded = excluded.refunded, ship_to_name = excluded.ship_to_name,
         version = excluded.version
   WHERE excluded.version > l.version OR ($2 AND excluded.version = l.version)),
sums AS ({_SUMS.format(parts="parts")})
INSERT INTO orders.order_list AS l (id, number, person_id, email, ship_to_name, words, payment,
       fulfilment, currency, total, refunded, items, vendors, placed_at, version)
SELECT o.id, o.number, o.person_id, o.email, o.ship_to ->> 'name',
       array_to_tsvector(array_remove(regexp_split_to_array(
         lower((o.ship_to ->> 'name') || ' ' || o.email), '\\s+'), '')),
       s.payment, s.fulfilment, o.currency, o.total, s.refunded, s.items, s.vendors, o.placed_at,
       s.version
  FROM orders.orders o JOIN sums s ON s.order_id = o.id
 ORDER BY o.id
ON CONFLICT (id) DO UPDATE
   SET payment = excluded.payment, fulfilment = excluded.fulfilment, refunded = excluded.refunded,
       email = excluded.email, ship_to_name = excluded.ship_to_name, words = excluded.words,
       version = excluded.version
 WHERE excluded.version > l.version OR ($2 AND excluded.version = l.version)
""")  # noqa: S608
NEXT_TO_REBUILD = Sql("SELECT id, seq FROM orders.orders WHERE seq > $1 ORDER BY seq LIMIT $2")
# Those of the newest orders whose list rows are missing or behind.
BEHIND = Sql(f"""
WITH newest AS (
  SELECT id FROM (SELECT id, placed_at FROM orders.orders ORDER BY seq DESC LIMIT $1) n
   WHERE placed_at < $2),
parts AS (
  SELECT v.order_id, v.refunded, {_RANKS}
    FROM orders.vendor_orders v JOIN newest n ON n.id = v.order_id),
sums AS (SELECT order_id, sum(stage + rank + refunded)::bigint AS version FROM parts GROUP BY 1)
SELECT s.order_id FROM sums s LEFT JOIN orders.order_list l ON l.id = s.order_id
 WHERE l.version IS DISTINCT FROM s.version
""")  # noqa: S608

_ROW = """
SELECT l.id, l.number, l.payment, l.fulfilment, l.currency, l.total, l.refunded, l.items,
       l.vendors, l.placed_at, l.email, l.ship_to_name
  FROM orders.order_list l
"""
# What this person ordered so lately that the list may not have it yet stands in the orders.
OWN = Sql(f"""
WITH fresh AS MATERIALIZED (
  SELECT o.id FROM orders.orders o
   WHERE o.person_id = $1::uuid AND o.placed_at > $5::timestamptz
     AND ($2::timestamptz IS NULL OR (o.placed_at, o.id) < ($2, $3::uuid))
     AND NOT EXISTS (SELECT FROM orders.order_list l WHERE l.id = o.id)),
parts AS (
  SELECT v.order_id, v.position, v.vendor_name, v.payment, v.fulfilment, v.refunded, v.items,
         {_RANKS}
    FROM orders.vendor_orders v JOIN fresh f ON f.id = v.order_id),
sums AS ({_SUMS.format(parts="parts")}),
listed AS (
  {_ROW} WHERE l.person_id = $1
     AND ($2 IS NULL OR (l.placed_at, l.id) < ($2, $3))
   ORDER BY l.placed_at DESC, l.id DESC LIMIT $4)
SELECT * FROM listed
UNION ALL
SELECT o.id, o.number, s.payment, s.fulfilment, o.currency, o.total, s.refunded, s.items,
       s.vendors, o.placed_at, '', ''
  FROM sums s JOIN orders.orders o ON o.id = s.order_id
 ORDER BY placed_at DESC, id DESC LIMIT $4
""")  # noqa: S608
_PART_ROW = """
SELECT l.id, l.order_id, l.number, l.payment, l.fulfilment, l.currency, l.total, l.net,
       l.refunded, l.items, l.ship_to_name, l.placed_at
  FROM orders.part_list l
"""
_NEWEST = "ORDER BY l.placed_at DESC, l.id DESC LIMIT {}"
# What each part of a filter asks for. Composed, so that each list is planned for what it has.
_BOTH = {
    "payment": "l.payment = {}",
    "fulfilment": "l.fulfilment = {}",
    "states": "(l.payment || ' ' || l.fulfilment) = ANY({}::text[])",
    "since": "l.placed_at >= {}",
    "until": "l.placed_at < {}",
    "total_min": "l.total >= {}",
    "total_max": "l.total <= {}",
    "after": "(l.placed_at, l.id) < ({}::timestamptz, {}::uuid)",
}
_OF_ORDERS = _BOTH | {
    "vendor_id": "l.id IN (SELECT p.order_id FROM orders.part_list p WHERE p.vendor_id = {})",
    "number": "l.id IN (SELECT v.order_id FROM orders.vendor_orders v WHERE v.number = {0}"
    " UNION ALL SELECT o.id FROM orders.orders o WHERE o.number = {0})",
    "words": "l.words @@ {}::tsquery",
}
_OF_PARTS = _BOTH | {
    "vendor_id": "l.vendor_id = {}",
    "number": "(l.number = {0} OR l.number LIKE {0} || '-%')",
    "words": "strpos(lower(l.ship_to_name), {}) > 0",
}


class Listing(Reading):
    """The lists, and what keeps them."""

    async def own(
        self, ctx: Context, *, limit: int = 20, cursor: str | None = None
    ) -> Page[OrderSummary]:
        after = _after(cursor) or (None, None)
        rows = await self._db.fetch(OWN, ctx.person_id, *after, limit + 1, ctx.now() - RECENT)
        return page_of([_summary(row) for row in rows], limit, "placed_at", "id")

    async def listed(
        self,
        ctx: Context,
        *,
        where: OrderFilter | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[OrderSummary]:
        given = _given(where or OrderFilter(), cursor, _tsquery)
        rows = await self._db.fetch(*_composed(_ROW, _OF_ORDERS, given, limit + 1))
        found = [_summary(row, inside=True) for row in rows]
        return page_of(found, limit, "placed_at", "id")

    async def vendor_orders(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        where: OrderFilter | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[VendorOrderSummary]:
        if vendor_id != ctx.vendor_id and not rules.sees_all(ctx):
            raise NotFound
        given = _given(where or OrderFilter(), cursor, " ".join)
        given["vendor_id"] = vendor_id
        rows = await self._db.fetch(*_composed(_PART_ROW, _OF_PARTS, given, limit + 1))
        return page_of([_part_summary(row) for row in rows], limit, "placed_at", "id")

    async def keep_lists(self, tx: Tx, events: Sequence[Event]) -> None:
        """Writes the rows of what these events are about, as it stands now."""
        ids = {event.order_id for event in events}  # type: ignore[attr-defined]
        await tx.execute(RELIST, list(ids), False)
        heard = [event.occurred_at for event in events if event.occurred_at is not None]
        if heard:
            lag = tx.ctx.now() - min(heard)
            gauge(LAG, "How old the oldest event of the last batch was.").set(lag.total_seconds())

    async def relist(self, ids: Sequence[UUID]) -> None:
        """At once, for who has just moved these orders and looks at a list next."""
        await self._db.execute(RELIST, list(ids), False)

    async def rebuild_lists(self, ctx: Context, *, after: int = 0) -> RebuiltLists:
        rows = await self._db.fetch(NEXT_TO_REBUILD, after, REBUILT_AT_ONCE)
        if not rows:
            return RebuiltLists(done=0, next=None)
        await self._db.execute(RELIST, [row["id"] for row in rows], True)
        more = len(rows) == REBUILT_AT_ONCE
        return RebuiltLists(done=len(rows), next=rows[-1]["seq"] if more else None)

    async def mend_lists(self, ctx: Context) -> int:
        """Writes the rows of new orders that are missing or behind; how many there were. None,
        unless an event was lost (a dead letter, a queue that was emptied by hand)."""
        rows = await self._db.fetch(BEHIND, MENDED_AMONG, ctx.now() - MEND_AFTER)
        if rows:
            structlog.get_logger().warning("order_lists_mended", count=len(rows))
            await self._db.execute(RELIST, [row["order_id"] for row in rows], False)
        return len(rows)


def _after(cursor: str | None) -> list[Any] | None:
    return decode_cursor(cursor, datetime.fromisoformat, UUID)


def _given(where: OrderFilter, cursor: str | None, worded: Any) -> dict[str, Any]:
    """The conditions that are set, by name."""
    given = where.model_dump(by_alias=False, exclude_none=True, exclude={"view", "status", "q"})
    if (where.view is None) != (where.status is None):
        raise Invalid.at("status", "Give a view and a status of it, both.", "status_unknown")
    if where.view is not None and where.status is not None:
        states = rules.states_of(where.view, where.status)
        if not states:
            raise Invalid.at("status", "That view has no such status.", "status_unknown")
        given["states"] = sorted(" ".join(pair) for pair in states)
    words = (where.q or "").replace("\x00", " ").split()
    if len(words) == 1 and rules.NUMBER.fullmatch(words[0].upper()):
        given["number"] = words[0].upper()
    elif words:
        given["words"] = worded([word.lower() for word in words])
    after = _after(cursor)
    if after is not None:
        given["after"] = after
    return given


def _tsquery(words: Iterable[str]) -> str:
    """Each of them, or what begins with it: "'ada@x':* & 'low':*"."""

    def quoted(word: str) -> str:
        escaped = word.replace("\\", "\\\\").replace("'", "''")
        return f"'{escaped}':*"

    return " & ".join(map(quoted, words))


def _composed(
    head: str, known: Mapping[str, str], given: Mapping[str, Any], limit: int
) -> tuple[Any, ...]:
    """The statement with the conditions that are set, and its arguments."""
    conditions: list[str] = []
    args: list[Any] = []
    for name, condition in known.items():
        if name not in given:
            continue
        values = given[name] if name == "after" else [given[name]]
        places = [f"${len(args) + n}" for n in range(1, len(values) + 1)]
        conditions.append(condition.format(*places))
        args.extend(values)
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    return (f"{head} {where}{_NEWEST.format(f'${len(args) + 1}')}", *args, limit)


def _summary(row: Mapping[str, Any], *, inside: bool = False) -> OrderSummary:
    currency = row["currency"]
    return OrderSummary(
        id=row["id"],
        number=row["number"],
        payment=row["payment"],
        fulfilment=row["fulfilment"],
        total=Money(minor=row["total"], currency=currency),
        refunded=Money(minor=row["refunded"], currency=currency),
        items=row["items"],
        vendors=row["vendors"],
        placed_at=row["placed_at"],
        statuses=rules.statuses(row["payment"], row["fulfilment"]),
        email=row["email"] if inside else "",
        ship_to_name=row["ship_to_name"] if inside else "",
    )


def _part_summary(row: Mapping[str, Any]) -> VendorOrderSummary:
    known: dict[str, Any] = {
        name: Money(minor=row[name], currency=row["currency"])
        for name in ("total", "net", "refunded")
    }
    for name in "id order_id number payment fulfilment items ship_to_name placed_at".split():
        known[name] = row[name]
    return VendorOrderSummary(
        **known,
        statuses=rules.statuses(row["payment"], row["fulfilment"]),
    )
