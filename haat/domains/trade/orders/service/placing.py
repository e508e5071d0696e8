"""Creating an order: the one write that checkout hands over to."""

from datetime import datetime, timedelta
from typing import Any

from pydantic_core import to_json

from haat.domains.people.market.api import Market
from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import (
    DoesNotAddUp,
    OrderCreated,
    OrderDraft,
    OrderSummary,
    VendorOrderDraft,
    VendorPart,
)
from haat.domains.trade.orders.service.numbering import Numbers
from haat.domains.trade.orders.service.reading import SUMMARY_BY_ID, summary_of
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context

CREATE = Sql("""
WITH new_order AS (
  INSERT INTO orders.orders (id, seq, number, person_id, email, ship_to, bill_to,
         prices_include_tax, currency, goods, shipping, tax, total, placed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT (id) DO NOTHING
  RETURNING id, person_id, currency, placed_at),
new_parts AS (
  INSERT INTO orders.vendor_orders (id, order_id, position, number, vendor_id, vendor_name,
         person_id, payment, fulfilment, shipping_method, pickup_id, days_min, days_max,
         handling_hours, ship_by, shipping_tax_bp, shipping_tax, currency, items, goods,
         shipping, tax, total,
         shipping_commission, shipping_commission_tax, shipping_terms, commission,
         commission_tax, net, placed_at)
  SELECT p.id, o.id, p.position, p.number, p.vendor_id, p.vendor_name, o.person_id,
         $17, 'pending', p.shipping_method, p.pickup_id, p.days_min, p.days_max,
         p.handling_hours,
         CASE WHEN $17 = 'on_delivery' THEN o.placed_at + p.handling_hours * interval '1 hour' END,
         p.shipping_tax_bp, p.shipping_tax, o.currency, p.items, p.goods, p.shipping, p.tax,
         p.total, p.shipping_commission, p.shipping_commission_tax, p.shipping_terms, p.commission,
         p.commission_tax, p.net, o.placed_at
    FROM new_order o, jsonb_to_recordset($15::jsonb) AS p (
         id uuid, position smallint, number text, vendor_id uuid, vendor_name text,
         shipping_method text, pickup_id uuid, days_min smallint, days_max smallint,
         handling_hours smallint, shipping_tax_bp int, shipping_tax bigint, items int,
         goods bigint, shipping bigint,
         tax bigint, total bigint,
         shipping_commission bigint, shipping_commission_tax bigint, shipping_terms jsonb,
         commission bigint, commission_tax bigint, net bigint)
  RETURNING id),
new_lines AS (
  INSERT INTO orders.lines (id, vendor_order_id, position, offer_id, product_id, product_slug,
         variant_id, sku, title, variant_title, picture, quantity, unit_price, amount, tax_bp, tax,
         category_path, commission, commission_tax, terms, kind)
  SELECT l.id, l.vendor_order_id, l.position, l.offer_id, l.product_id, l.product_slug,
         l.variant_id, l.sku, l.title, l.variant_title, l.picture, l.quantity, l.unit_price,
         l.amount, l.tax_bp, l.tax, l.category_path, l.commission, l.commission_tax, l.terms,
         l.kind
    FROM new_order, jsonb_to_recordset($16::jsonb) AS l (
         id uuid, vendor_order_id uuid, position smallint, offer_id uuid, product_id uuid,
         product_slug text, variant_id uuid, sku text, title text, variant_title text,
         picture jsonb, quantity int, unit_price bigint, amount bigint, tax_bp int, tax bigint,
         category_path uuid[], commission bigint, commission_tax bigint, terms jsonb, kind text)
  RETURNING id),
noted AS (
  INSERT INTO orders.timeline (order_id, at, what, actor, note)
  SELECT id, placed_at, 'placed', 'customer', '' FROM new_order)
/*emit:new_order*/
SELECT id FROM new_order
""")


class Placing:
    """Creating orders."""

    _db: Database
    _market: Market
    _numbers: Numbers

    async def create(self, ctx: Context, *, draft: OrderDraft) -> OrderSummary:
        wrong = rules.discrepancy(draft)
        if wrong is not None:
            raise DoesNotAddUp(wrong)
        # The number goes into the event, so it is taken before the order is written.
        seq = await self._numbers.next(ctx)
        settings = await self._market.settings(ctx)
        number = f"{settings.order_prefix}-{seq}"
        at = draft.placed_at or ctx.now()  # one moment, for the row and for what is told of it
        written = await self._db.step(
            ctx, CREATE, *_columns(draft, seq, number, at), emit=[_created(draft, number, at)]
        )
        if written:
            return _summary(draft, number, at)
        # Somebody was first with this id: theirs is the order.
        row = await self._db.fetchrow(SUMMARY_BY_ID, draft.id)
        assert row is not None, f"order {draft.id} was there and is not"
        return summary_of(row)


def part_number(number: str, position: int) -> str:
    """ "H-100001-2": the second vendor order of H-100001."""
    return f"{number}-{position}"


def _columns(draft: OrderDraft, seq: int, number: str, placed_at: datetime) -> tuple[Any, ...]:
    """The parameters of CREATE; documents as pydantic writes them, in a quarter of json's time."""
    totals = draft.totals
    parts = [_part(part, number, place) for place, part in enumerate(draft.vendor_orders, 1)]
    lines = [_line(part, place) for part in draft.vendor_orders for place in range(len(part.lines))]
    return (
        draft.id,
        seq,
        number,
        draft.person_id,
        draft.email,
        draft.ship_to.model_dump_json(by_alias=False),
        draft.bill_to.model_dump_json(by_alias=False),
        draft.prices_include_tax,
        totals.total.currency,
        totals.goods.minor,
        totals.shipping.minor,
        totals.tax.minor,
        totals.total.minor,
        placed_at,
        to_json(parts).decode(),
        to_json(lines).decode(),
        draft.payment,
    )


def _part(part: VendorOrderDraft, number: str, position: int) -> dict[str, Any]:
    return {
        "id": part.id,
        "position": position,
        "number": part_number(number, position),
        "vendor_id": part.vendor_id,
        "vendor_name": part.vendor_name,
        "shipping_method": part.shipping_method,
        "pickup_id": part.pickup_id,
        "days_min": part.days_min,
        "days_max": part.days_max,
        "handling_hours": part.handling_hours,
        "shipping_tax_bp": part.shipping_tax_bp,
        "shipping_tax": part.shipping_tax.minor,
        "items": sum(line.quantity for line in part.lines),
        "goods": part.totals.goods.minor,
        "shipping": part.totals.shipping.minor,
        "tax": part.totals.tax.minor,
        "total": part.totals.total.minor,
        "shipping_commission": part.shipping_commission.minor,
        "shipping_commission_tax": part.shipping_commission_tax.minor,
        "shipping_terms": part.shipping_terms.model_dump(by_alias=False),
        "commission": part.commission.minor,
        "commission_tax": part.commission_tax.minor,
        "net": part.net.minor,
    }


def _line(part: VendorOrderDraft, place: int) -> dict[str, Any]:
    line = part.lines[place]
    return {
        **line.model_dump(by_alias=False),
        "vendor_order_id": part.id,
        "position": place + 1,
        "unit_price": line.unit_price.minor,
        "amount": line.amount.minor,
        "tax": line.tax.minor,
        "commission": line.commission.minor,
        "commission_tax": line.commission_tax.minor,
    }


def _created(draft: OrderDraft, number: str, placed_at: datetime) -> OrderCreated:
    return OrderCreated(
        order_id=draft.id,
        number=number,
        person_id=draft.person_id,
        total=draft.totals.total,
        payment=draft.payment,
        vendor_orders=[
            VendorPart(
                vendor_order_id=part.id,
                vendor_id=part.vendor_id,
                number=part_number(number, place),
                total=part.totals.total,
                net=part.net,
                ship_by=_ship_by(part, placed_at) if draft.payment == "on_delivery" else None,
            )
            for place, part in enumerate(draft.vendor_orders, 1)
        ],
    )


def _ship_by(part: VendorOrderDraft, begun_at: datetime) -> datetime | None:
    """When it was promised to be sent; the statements reckon the same."""
    return begun_at + timedelta(hours=part.handling_hours) if part.handling_hours else None


def _summary(draft: OrderDraft, number: str, placed_at: datetime) -> OrderSummary:
    return OrderSummary(
        id=draft.id,
        number=number,
        payment=draft.payment,
        fulfilment="pending",
        total=draft.totals.total,
        items=sum(line.quantity for part in draft.vendor_orders for line in part.lines),
        vendors=[part.vendor_name for part in draft.vendor_orders],
        placed_at=placed_at,
    )
