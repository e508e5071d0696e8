"""Reading orders: whole ones, vendor orders, timelines and guests' links."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.market.api import Market
from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import (
    FulfilmentState,
    LinkInvalid,
    Order,
    OrderSummary,
    TimelineEntry,
    VendorOrder,
)
from haat.domains.trade.shipping.api import Shipment, Shipping
from haat.engines.http import Signer
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Gone, Invalid, NotFound
from haat.kernel.money import Money

LINK_DAYS = 180
SHIPPED: frozenset[FulfilmentState] = frozenset({"in_transit", "delivered"})

_LINES = (
    "(SELECT json_agg(l ORDER BY l.position) FROM orders.lines l"
    " WHERE l.vendor_order_id = v.id) AS lines"
)
_WHOLE = f"""
SELECT o.*,
       (SELECT json_agg(p ORDER BY p.position)
          FROM (SELECT v.*, {_LINES} FROM orders.vendor_orders v WHERE v.order_id = o.id) p
       ) AS parts,
       (SELECT json_agg(t ORDER BY t.id) FROM orders.timeline t WHERE t.order_id = o.id) AS timeline
  FROM orders.orders o
"""  # noqa: S608
_PART = f"""
SELECT v.*, o.number AS order_number, o.ship_to, {_LINES}
  FROM orders.vendor_orders v JOIN orders.orders o ON o.id = v.order_id
"""  # noqa: S608
_SUMMARY = """
SELECT o.id, o.number, o.currency, o.total, o.placed_at,
       s.payments, s.fulfilments, s.vendors, s.items
  FROM orders.orders o
 CROSS JOIN LATERAL (
   SELECT array_agg(v.payment) AS payments, array_agg(v.fulfilment) AS fulfilments,
          array_agg(v.vendor_name ORDER BY v.position) AS vendors, sum(v.items) AS items
     FROM orders.vendor_orders v WHERE v.order_id = o.id) s
"""
# The array comes out of a subquery: of one it can look into, PostgreSQL makes a new plan each time.
ORDERS_BY_IDS = Sql(f"{_WHOLE} WHERE o.id = ANY((SELECT $1::uuid[])::uuid[]) ORDER BY o.seq")
ORDER_BY_REF = Sql(
    f"{_WHOLE} WHERE (o.id = $1::uuid OR o.number = $2::text)"
    " AND ($3::boolean OR o.person_id = $4::uuid)"
)
PARTS_BY_IDS = Sql(f"{_PART} WHERE v.id = ANY($1::uuid[]) ORDER BY o.seq, v.position")
# Who may: everything ($3), one's own vendor ($4), one's own orders ($5).
PART_BY_REF = Sql(
    f"{_PART} WHERE (v.id = $1::uuid OR v.number = $2::text)"
    " AND ($3::boolean OR v.vendor_id = $4::uuid OR v.person_id = $5::uuid)"
)
SUMMARY_BY_ID = Sql(f"{_SUMMARY} WHERE o.id = $1::uuid")
TIMELINE = Sql("""
WITH found AS (
  SELECT o.id AS order_id, NULL::uuid AS part FROM orders.orders o
   WHERE (o.id = $1::uuid OR o.number = $2::text) AND ($3::boolean OR o.person_id = $5::uuid)
  UNION ALL
  SELECT v.order_id, v.id FROM orders.vendor_orders v
   WHERE (v.id = $1 OR v.number = $2)
     AND ($3 OR v.vendor_id = $4::uuid OR v.person_id = $5))
SELECT t.at, t.what, t.vendor_order_id, t.actor, t.note
  FROM found f JOIN orders.timeline t ON t.order_id = f.order_id
   AND (f.part IS NULL OR t.vendor_order_id IS NULL OR t.vendor_order_id = f.part)
 ORDER BY t.id
""")


class Reading:
    """The queries of orders."""

    def __init__(self, db: Database, market: Market, shipping: Shipping, signer: Signer) -> None:
        self._db = db
        self._market = market
        self._shipping = shipping
        self._signer = signer

    async def order(self, ctx: Context, *, ref: str) -> Order:
        id, number = parse_ref(ref)
        row = await self._db.fetchrow(ORDER_BY_REF, id, number, rules.sees_all(ctx), _person(ctx))
        if row is None:
            raise NotFound
        return (await self._whole(ctx, [row]))[0]

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Order]:
        return await self._whole(ctx, await self._db.fetch(ORDERS_BY_IDS, ids))

    async def order_by_link(self, ctx: Context, *, token: str) -> Order:
        try:
            id = UUID(self._signer.verify("order", token))
        except (Invalid, Gone, ValueError):
            raise LinkInvalid from None
        found = await self.by_ids(ctx, ids=[id])
        if not found:
            raise LinkInvalid
        return found[0]

    async def links(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, str]:
        until = ctx.now() + timedelta(days=LINK_DAYS)
        return {id: self._signer.sign("order", str(id), until) for id in order_ids}

    async def vendor_orders_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[VendorOrder]:
        return await self._parts(ctx, await self._db.fetch(PARTS_BY_IDS, ids))

    async def vendor_order(self, ctx: Context, *, id: UUID) -> VendorOrder:
        return await self._shown(ctx, await self._part(ctx, id, None))

    async def vendor_order_by_ref(self, ctx: Context, *, ref: str) -> VendorOrder:
        return await self._shown(ctx, await self._part(ctx, *parse_ref(ref)))

    async def timeline(self, ctx: Context, *, ref: str) -> list[TimelineEntry]:
        rows = await self._db.fetch(
            TIMELINE, *parse_ref(ref), rules.sees_all(ctx), _team_of(ctx), _person(ctx)
        )
        if not rows:  # every order has "placed"
            raise NotFound
        return [TimelineEntry.model_validate(_entry(row)) for row in rows]

    async def _part(
        self, ctx: Context, id: UUID | None, number: str | None, *, customer: bool = False
    ) -> VendorOrder:
        """The acting vendor's (any, for staff; the customer's own with `customer`)."""
        vendor_id = _team_of(ctx) if customer else ctx.vendor_id
        person_id = _person(ctx) if customer else None
        row = await self._db.fetchrow(
            PART_BY_REF, id, number, rules.sees_all(ctx), vendor_id, person_id
        )
        if row is None:
            raise NotFound
        return _vendor_order(row)

    async def _shown(self, ctx: Context, part: VendorOrder) -> VendorOrder:
        """With its shipments."""
        if part.fulfilment not in SHIPPED:
            return part
        shipments = await self._shipments(ctx, [part.id])
        return part.model_copy(update={"shipments": shipments.get(part.id, [])})

    async def _parts(self, ctx: Context, rows: list[Any]) -> list[VendorOrder]:
        shipments = await self._shipments(
            ctx, [row["id"] for row in rows if row["fulfilment"] in SHIPPED]
        )
        return [_vendor_order(row, shipments.get(row["id"], [])) for row in rows]

    async def _whole(self, ctx: Context, rows: list[Any]) -> list[Order]:
        parts = [part for row in rows for part in row["parts"]]
        shipments = await self._shipments(
            ctx, [UUID(part["id"]) for part in parts if part["fulfilment"] in SHIPPED]
        )
        return [_order(row, shipments) for row in rows]

    async def _shipments(self, ctx: Context, ids: list[UUID]) -> dict[UUID, list[Shipment]]:
        found: dict[UUID, list[Shipment]] = {}
        if ids:
            for shipment in await self._shipping.shipments_of(ctx, vendor_order_ids=ids):
                if shipment.status != "cancelled":
                    found.setdefault(shipment.vendor_order_id, []).append(shipment)
        return found


def parse_ref(ref: str) -> tuple[UUID | None, str | None]:
    """An id or a human number; NotFound for anything else."""
    try:
        return UUID(ref), None
    except ValueError:
        number = ref.upper()
        if not rules.NUMBER.fullmatch(number):
            raise NotFound from None
        return None, number


def summary_of(row: Mapping[str, Any]) -> OrderSummary:
    return OrderSummary(
        id=row["id"],
        number=row["number"],
        payment=rules.payment_of(row["payments"]),
        fulfilment=rules.fulfilment_of(row["fulfilments"]),
        total=Money(minor=row["total"], currency=row["currency"]),
        items=row["items"],
        vendors=row["vendors"],
        placed_at=row["placed_at"],
    )


def _person(ctx: Context) -> UUID | None:
    return ctx.actor.id if ctx.actor.type == "person" else None


def _team_of(ctx: Context) -> UUID | None:
    """For whose orders the actor acts, where the door did not ask for the scope already."""
    return ctx.vendor_id if "vendor:orders" in ctx.scopes else None


# Documents of plain values, made into models at once: a model of each amount by itself costs more
# than all else that reading an order does.


def _money(row: Mapping[str, Any], *names: str, currency: str) -> dict[str, Any]:
    """These columns as Money."""
    return {name: {"minor": row[name], "currency": currency} for name in names}


def _totals(row: Mapping[str, Any]) -> dict[str, Any]:
    return _money(row, "goods", "shipping", "tax", "total", currency=row["currency"])


def _plain(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


_LINE_PLAIN = (
    "id offer_id product_id product_slug variant_id sku title variant_title picture quantity"
    " tax_bp category_path terms refunded_quantity kind"
).split()
_PART_MONEY = (
    "shipping_tax shipping_commission shipping_commission_tax commission commission_tax net"
    " refunded"
).split()
_PART_PLAIN = (
    "id order_id person_id number vendor_id vendor_name payment fulfilment reason shipping_method"
    " pickup_id days_min days_max handling_hours ship_by"
    " shipping_tax_bp shipping_terms placed_at delivered_at"
).split()


def _line(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    names = ("unit_price", "amount", "tax", "commission", "commission_tax", "refunded")
    return _plain(row, _LINE_PLAIN) | _money(row, *names, currency=currency)


def _part(
    row: Mapping[str, Any],
    order_number: str,
    shipments: Iterable[Shipment] = (),
    *,
    ship_to: Any = None,
) -> dict[str, Any]:
    currency = row["currency"]
    return {
        **_plain(row, _PART_PLAIN),
        **_money(row, *_PART_MONEY, currency=currency),
        "order_number": order_number,
        "totals": _totals(row),
        "lines": [_line(line, currency) for line in row["lines"]],
        "statuses": rules.statuses(row["payment"], row["fulfilment"]),
        "shipments": list(shipments),
        "ship_to": ship_to,
    }


def _vendor_order(row: Mapping[str, Any], shipments: Iterable[Shipment] = ()) -> VendorOrder:
    """From a row of _PART."""
    part = _part(row, row["order_number"], shipments, ship_to=row["ship_to"])
    return VendorOrder.model_validate(part)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return _plain(row, ("at", "what", "vendor_order_id", "actor", "note"))


def _order(row: Mapping[str, Any], shipments: Mapping[UUID, list[Shipment]]) -> Order:
    parts = [_part(p, row["number"], shipments.get(UUID(p["id"]), [])) for p in row["parts"]]
    names = "id number person_id email ship_to bill_to prices_include_tax placed_at".split()
    currency = row["currency"]
    payment = rules.payment_of(part["payment"] for part in row["parts"])
    fulfilment = rules.fulfilment_of(part["fulfilment"] for part in row["parts"])
    order = {
        **_plain(row, names),
        "totals": _totals(row),
        "refunded": {"minor": sum(p["refunded"] for p in row["parts"]), "currency": currency},
        "payment": payment,
        "fulfilment": fulfilment,
        "statuses": rules.statuses(payment, fulfilment),
        "vendor_orders": parts,
        "timeline": [_entry(entry) for entry in row["timeline"]],
    }
    return Order.model_validate(order)
