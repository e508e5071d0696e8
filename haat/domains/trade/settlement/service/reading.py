"""How orders were paid and what was given back of them, as others see it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import (
    NotRefundable,
    Receipt,
    RefundItem,
    RefundPreview,
    RefundResult,
    Repaid,
    TenderPart,
)
from haat.domains.trade.settlement.plans import Line, Paid, Sold, Wanted, plan
from haat.domains.trade.settlement.service.tenders import tender_in
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money

_SOLD = """
SELECT b.vendor_order_id, b.order_id, b.currency, b.total - b.refunded AS rest,
       b.booked_at IS NOT NULL AS booked,
       (SELECT json_agg(l ORDER BY l.line_id) FROM settlement.lines l
         WHERE l.vendor_order_id = b.vendor_order_id) AS lines,
       (SELECT json_agg(s ORDER BY s.leg) FROM settlement.shares s
         WHERE s.vendor_order_id = b.vendor_order_id) AS shares
  FROM settlement.balances b
"""
SOLD = Sql(f"{_SOLD} WHERE b.vendor_order_id = ANY($1::uuid[]) ORDER BY b.vendor_order_id")
_REFUNDS = """
SELECT r.id, r.vendor_order_id, r.order_id, r.amount, r.currency, r.state, r.reason, r.restock,
       r.dispute_id, r.fee, r.attempts, r.created_at,
       (SELECT json_agg(g ORDER BY g.leg) FROM settlement.refund_legs g
         WHERE g.refund_id = r.id) AS legs,
       (SELECT json_agg(json_build_object('line_id', x.line_id, 'quantity', x.quantity,
                                          'gross', x.gross, 'offer_id', l.offer_id)
                        ORDER BY x.line_id)
          FROM settlement.refund_lines x JOIN settlement.lines l USING (line_id)
         WHERE x.refund_id = r.id) AS lines
  FROM settlement.refunds r
"""
REFUND = Sql(f"{_REFUNDS} WHERE r.id = $1")
# Found by its own id, or by what wallet or provider call a part of it.
UNFINISHED = Sql(
    f"""{_REFUNDS}
 WHERE r.state = 'created'
   AND r.id = ANY($1::uuid[] || ARRAY(SELECT g.refund_id FROM settlement.refund_legs g
                                       WHERE g.id = ANY($1::uuid[])))"""  # noqa: S608
)
OF = Sql(
    f"{_REFUNDS} WHERE r.vendor_order_id = ANY($1::uuid[])"
    " ORDER BY r.created_at DESC, r.id DESC LIMIT 1000"
)
TENDERS = Sql("""
SELECT t.order_id, t.of_id, t.leg, t.provider, t.amount, t.currency, t.state, t.on_delivery,
       coalesce((SELECT sum(s.refunded) FROM settlement.shares s
                  WHERE s.of_id = t.of_id AND s.leg = t.leg), 0)::bigint AS refunded
  FROM settlement.tenders t
 WHERE t.order_id = ANY($1::uuid[]) AND t.amount > 0
   AND NOT (t.state = 'voided' AND t.on_delivery AND t.leg = 'card')
 ORDER BY t.order_id, t.leg, t.of_id
""")


def sold_in(row: Mapping[str, Any]) -> Sold:
    return Sold(
        currency=row["currency"],
        rest=row["rest"],
        lines=[
            Line(
                id=UUID(line["line_id"]),
                offer_id=UUID(line["offer_id"]) if line["offer_id"] else None,
                quantity=line["quantity"],
                gross=line["gross"],
                tax=line["tax"],
                refunded_quantity=line["refunded_quantity"],
                refunded=line["refunded"],
            )
            for line in row["lines"] or []
        ],
        shares=[
            Paid(s["leg"], UUID(s["of_id"]), s["provider"], s["amount"], s["refunded"])
            for s in row["shares"] or []
        ],
    )


def result_of(row: Mapping[str, Any]) -> RefundResult:
    currency = row["currency"]
    lines: list[dict[str, Any]] = row["lines"] or []
    shipping = sum(line["gross"] for line in lines if line["offer_id"] is None)
    return RefundResult(
        id=row["id"],
        vendor_order_id=row["vendor_order_id"],
        amount=Money(minor=row["amount"], currency=currency),
        status=row["state"],
        reason=row["reason"],
        items=[
            RefundItem(line_id=UUID(line["line_id"]), quantity=line["quantity"])
            for line in lines
            if line["quantity"]
        ],
        shipping=Money(minor=shipping, currency=currency) if shipping else None,
        repaid=[
            Repaid(
                provider=leg["provider"],
                amount=Money(minor=leg["amount"], currency=currency),
                status=leg["state"],
            )
            for leg in row["legs"] or []
        ],
        created_at=row["created_at"],
    )


class Reading:
    def __init__(self, db: Database, orders: Orders) -> None:
        self._db = db
        self._orders = orders

    async def refunds(self, vendor_order_ids: list[UUID]) -> list[RefundResult]:
        """Newest first."""
        return [result_of(row) for row in await self._db.fetch(OF, vendor_order_ids)]

    async def preview(self, ctx: Context, vendor_order_id: UUID, wanted: Wanted) -> RefundPreview:
        rows = await self._db.fetch(SOLD, [vendor_order_id])
        sold = await self.refundable(ctx, vendor_order_id, rows[0] if rows else None)
        found = plan(sold, wanted)
        goods = sum(one.gross for one in found.lines if one.line.offer_id is not None)
        if not found.lines:  # of the amount at large
            goods = found.minor
        return RefundPreview(
            amount=sold.money(found.minor),
            goods=sold.money(goods),
            shipping=sold.money(found.minor - goods),
            tax=sold.money(sum(one.line.tax_in(one.gross) for one in found.lines)),
            by_tender=[
                Repaid(provider=share.provider, amount=sold.money(minor), status="created")
                for share, minor in found.legs
            ],
            refundable=sold.money(sold.rest),
        )

    async def receipt(self, ctx: Context, order_id: UUID, link: str) -> Receipt:
        """Orders says whether whoever asks may see it."""
        if link:
            order = await self._orders.order_by_link(ctx, token=link)
        else:
            order = await self._orders.order(ctx, ref=str(order_id))
        if order.id != order_id:
            raise NotFound
        parts = await self.tenders([order_id])
        refunds = await self.refunds([part.id for part in order.vendor_orders])
        return Receipt(parts=parts.get(order_id, []), refunds=refunds)

    async def refundable(self, ctx: Context, vendor_order_id: UUID, row: Record | None) -> Sold:
        """What is left of it; NotRefundable before its money is in the books, NotFound when there
        is no such vendor order."""
        if row is not None and row["booked"]:
            return sold_in(row)
        found = await self._orders.vendor_orders_by_ids(ctx, ids=[vendor_order_id])
        if not found:
            raise NotFound
        rest = Money.zero(found[0].totals.total.currency)
        raise NotRefundable("It is not paid yet.", refundable=rest.model_dump(by_alias=True))

    async def tenders(self, order_ids: list[UUID]) -> dict[UUID, list[TenderPart]]:
        found: dict[UUID, list[TenderPart]] = {}
        for row in await self._db.fetch(TENDERS, order_ids):
            found.setdefault(row["order_id"], []).append(
                TenderPart(
                    id=tender_in(row).id,
                    provider=row["provider"],
                    amount=Money(minor=row["amount"], currency=row["currency"]),
                    captured=row["state"] in ("captured", "booked"),
                    refunded=Money(minor=row["refunded"], currency=row["currency"]),
                )
            )
        return found
