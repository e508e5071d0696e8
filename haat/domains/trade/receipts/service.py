"""The receipts service. Nothing of it stands on the way of a checkout: a receipt is made when
somebody looks at it or wants it by mail."""

import asyncio
from datetime import timedelta
from uuid import UUID

from haat.domains.money.payments.api import Payments
from haat.domains.money.statements.api import Document
from haat.domains.people.market.api import Market
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.receipts import papers, rules
from haat.domains.trade.receipts.api import (
    CreditNote,
    NotGivenBack,
    NotPaidYet,
    Receipt,
    ReceiptRequested,
    Receipts,
)
from haat.domains.trade.settlement.api import RefundResult, Settlement
from haat.engines.pdf import Paper, render
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unauthenticated

AGAIN_AFTER = timedelta(minutes=1)  # until the same receipt is mailed once more
PDF = "application/pdf"
KEPT = Sql("SELECT document FROM receipts.receipts WHERE order_id = $1")
KEEP = Sql("""
INSERT INTO receipts.receipts (order_id, number, total, document, made_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (order_id) DO NOTHING
""")
LOCK = Sql("SELECT order_id FROM receipts.receipts WHERE order_id = $1 FOR UPDATE")
NOTES = Sql("SELECT document FROM receipts.credit_notes WHERE order_id = $1 ORDER BY place")
KEEP_NOTE = Sql("""
INSERT INTO receipts.credit_notes (refund_id, order_id, place, amount, document, made_at)
VALUES ($1, $2, $3, $4, $5, $6)
""")
ASK = Sql("""
WITH asked AS (
  UPDATE receipts.receipts SET asked_at = $2
   WHERE order_id = $1 AND (asked_at IS NULL OR asked_at <= $3)
  RETURNING order_id)
/*emit:asked*/
SELECT order_id FROM asked
""")


class ReceiptsService(Receipts):
    """Fulfils the contract. Who may see an order is for orders to say."""

    def __init__(
        self,
        db: Database,
        market: Market,
        payments: Payments,
        orders: Orders,
        settlement: Settlement,
    ) -> None:
        self._db = db
        self._market = market
        self._payments = payments
        self._orders = orders
        self._settlement = settlement

    async def receipt(self, ctx: Context, *, ref: str = "", link: str = "") -> Receipt:
        return await self._receipt(ctx, await self._order(ctx, ref, link), link)

    async def receipt_file(self, ctx: Context, *, ref: str = "", link: str = "") -> Document:
        found = await self.receipt(ctx, ref=ref, link=link)
        return await _file(f"receipt-{found.order_number}", papers.receipt_paper(found))

    async def credit_notes(
        self, ctx: Context, *, ref: str = "", link: str = ""
    ) -> list[CreditNote]:
        order = await self._order(ctx, ref, link)
        receipt = await self._receipt(ctx, order, link)
        paid = await self._settlement.receipt(ctx, order_id=order.id, link=link)
        done = sorted(
            (one for one in paid.refunds if one.status == "done"),
            key=lambda one: (one.created_at, one.id),
        )
        return await self._credited(ctx, order, receipt, done)

    async def credit_note_file(
        self, ctx: Context, *, refund_id: UUID, ref: str = "", link: str = ""
    ) -> Document:
        notes = await self.credit_notes(ctx, ref=ref, link=link)
        found = next((one for one in notes if one.refund_id == refund_id), None)
        if found is None:
            raise NotGivenBack
        return await _file(f"credit-note-{found.number}", papers.credit_paper(found))

    async def packing_slip(self, ctx: Context, *, id: UUID) -> Document:
        part, settings = await asyncio.gather(
            self._orders.vendor_order(ctx, id=id), self._market.settings(ctx)
        )
        return await _file(f"packing-slip-{part.number}", papers.packing_paper(part, settings.name))

    async def send(self, ctx: Context, *, ref: str = "", link: str = "") -> None:
        order = await self._order(ctx, ref, link)
        await self._receipt(ctx, order, link)
        now = ctx.now()
        asked = ReceiptRequested(order_id=order.id, number=order.number, person_id=order.person_id)
        await self._db.step(ctx, ASK, order.id, now, now - AGAIN_AFTER, emit=[asked])

    async def _order(self, ctx: Context, ref: str, link: str) -> Order:
        if link:
            return await self._orders.order_by_link(ctx, token=link)
        if ctx.actor.type == "guest":
            raise Unauthenticated
        return await self._orders.order(ctx, ref=ref)

    async def _receipt(self, ctx: Context, order: Order, link: str) -> Receipt:
        """As it was first made; who asks may see the order."""
        kept = await self._db.fetchval(KEPT, order.id)
        if kept is not None:
            return Receipt.model_validate(kept)
        if order.payment not in rules.PAID:
            raise NotPaidYet(payment=order.payment)
        paid, settings, labels = await asyncio.gather(
            self._settlement.receipt(ctx, order_id=order.id, link=link),
            self._market.settings(ctx),
            self._labels(ctx),
        )
        made = rules.receipt_of(order, paid.parts, settings, labels)
        if made is None:
            raise NotPaidYet(payment=order.payment)
        document = made.model_dump(mode="json")
        total = made.totals.total.minor
        await self._db.execute(KEEP, order.id, made.number, total, document, ctx.now())
        return Receipt.model_validate(await self._db.fetchval(KEPT, order.id))

    async def _credited(
        self, ctx: Context, order: Order, receipt: Receipt, done: list[RefundResult]
    ) -> list[CreditNote]:
        """Those there are, and those that are new behind them: a number once given stays."""
        labels = await self._labels(ctx)
        async with self._db.begin(ctx) as tx:
            await tx.fetchval(LOCK, order.id)
            notes = [
                CreditNote.model_validate(row["document"])
                for row in await tx.fetch(NOTES, order.id)
            ]
            known = {one.refund_id for one in notes}
            for refund in done:
                if refund.id in known:
                    continue
                place = len(notes) + 1
                note = rules.credit_note_of(order, receipt, refund, place, labels)
                document = note.model_dump(mode="json")
                await tx.execute(
                    KEEP_NOTE, refund.id, order.id, place, note.amount.minor, document, ctx.now()
                )
                notes.append(note)
        return notes

    async def _labels(self, ctx: Context) -> dict[str | None, str]:
        return {one.name: one.label for one in await self._payments.providers(ctx)}


async def _file(name: str, paper: Paper) -> Document:
    # Laying out takes tens of milliseconds: other requests go on meanwhile.
    content = await asyncio.to_thread(render, paper)
    return Document(name=f"{name}.pdf", media_type=PDF, content=content)
