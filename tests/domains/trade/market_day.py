"""A market day: checkout and settlement for real, on PostgreSQL, over a world in memory."""

from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import Method, PaymentUpdated
from haat.domains.trade.checkout import reactions
from haat.domains.trade.checkout.api import BuyLine, CheckoutPlaced, Placement, Quote
from haat.domains.trade.checkout.service import CheckoutOptions, CheckoutService
from haat.domains.trade.orders.api import OrderCancelled
from haat.domains.trade.settlement.service import SettlementService
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.domains.trade.buying import ADDRESS, World


class Day:
    """One world with the two services. `restart` is a new process over the same databases."""

    def __init__(self, checkout_db: Database, settlement_db: Database) -> None:
        self.world = World()
        self.checkout_db = checkout_db
        self.settlement_db = settlement_db
        self.restart()

    async def forget(self) -> None:
        """What other tests left for the timers is none of this day's business."""
        await self.checkout_db.execute("UPDATE checkout.checkouts SET due_at = NULL")
        await self.settlement_db.execute("UPDATE settlement.refunds SET due_at = NULL")
        await self.settlement_db.execute("UPDATE settlement.tenders SET due_at = NULL")
        await self.settlement_db.execute("UPDATE settlement.disputes SET due_at = NULL")
        await self.settlement_db.execute("UPDATE settlement.cancellations SET due_at = NULL")
        await self.settlement_db.execute("UPDATE settlement.windows SET closed_at = closes_at")

    def restart(self) -> None:
        world = self.world
        world.faults.revive()
        self.settlement = SettlementService(
            world.at(self.settlement_db),
            world.market,
            world.at(world.inventory),
            world.at(world.payments),
            world.at(world.wallet),
            world.at(world.payouts),
            world.at(world.orders),
        )
        self.checkout = CheckoutService(
            world.at(self.checkout_db),
            CheckoutOptions(),
            world.market,
            world.identity,
            world.vendors,
            world.catalog,
            world.pricing,
            world.at(world.inventory),
            world.commissions,
            world.at(world.payments),
            world.profiles,
            world.at(world.wallet),
            world.shipping,
            world.at(world.cart),
            world.at(world.orders),
            world.at(self.settlement),
        )

    async def quote(self, ctx: Context, *offers: UUID, quantity: int = 1, **more: Any) -> Quote:
        given: dict[str, Any] = {
            "id": ctx.new_id(),
            "email": "ada@example.org",
            "ship_to": ADDRESS,
            "items": [BuyLine(offer_id=offer, quantity=quantity) for offer in offers],
        }
        return await self.checkout.quote(ctx, **{**given, **more})

    async def place(
        self,
        ctx: Context,
        quote: Quote,
        token: str | None = "ok",
        *,
        provider: str = "test",
        credits: Money | None = None,
    ) -> Placement:
        method = Method(provider=provider, token=token)
        return await self.checkout.place(ctx, quote_id=quote.id, method=method, credits=credits)

    async def resume(self, ctx: Context, quote: Quote) -> Placement:
        return await self.checkout.resume(ctx, id=quote.id)

    async def payment_updated(self, quote: Quote, status: Any) -> None:
        event = PaymentUpdated(payment_id=card(quote.id), reference=quote.id, status=status)
        await reactions.go_on(self.checkout, self.world.system(), [event])

    async def placed(self, *ids: UUID) -> list[CheckoutPlaced]:
        """What checkout announced of these."""
        rows = await self.checkout_db.fetch(
            "SELECT event_id, envelope FROM checkout.outbox WHERE key = ANY($1) ORDER BY seq",
            [str(id) for id in ids],
        )
        return [
            CheckoutPlaced.model_validate({**row["envelope"]["data"], "event_id": row["event_id"]})
            for row in rows
        ]

    async def deliver(self, *ids: UUID) -> None:
        """The bus brings checkout its own events."""
        events = await self.placed(*ids)
        if events:
            await reactions.settle(self.checkout, self.world.system(), events)

    async def timers(self) -> None:
        ctx = self.world.system()
        await self.checkout.resume_stuck(ctx)
        await self.checkout.settle_late(ctx)
        await self.settlement.collect_cash(ctx)
        await self.settlement.finish_disputes(ctx)
        await self.settlement.finish_refunds(ctx)
        await self.settlement.finish_cancellations(ctx)
        await self.settlement.close_windows(ctx)

    async def state(self, id: UUID) -> str | None:
        found = await self.checkout_db.fetchval(
            "SELECT state FROM checkout.checkouts WHERE id = $1", id
        )
        return None if found is None else str(found)

    async def charge(self, id: UUID) -> str | None:
        found = await self.settlement_db.fetchval(
            "SELECT state FROM settlement.charges WHERE order_id = $1", id
        )
        return None if found is None else str(found)

    async def need_consistent(self, quote: Quote) -> str:
        """Goods, money and order tell the same story; which one it is."""
        world, id = self.world, quote.id
        state = await self.state(id) or "none"
        payment = world.payments.known.get(card(id))
        held = world.inventory.held.get(derive(id, "reservation"))
        if state == "placed":
            assert world.orders.payment[id] == "paid"
            spent = world.wallet.known.get(derive(id, "credits"))
            whole = quote.totals.total.minor
            if spent is not None:
                assert spent.status == "captured"
                whole -= spent.minor
            if whole:
                assert payment is not None
                assert (payment.charges, payment.captured) == (1, whole)
            assert held is not None
            assert held.state == "committed"
            assert await self.charge(id) == "booked"
            expected = [e.gross.minor for e in world.payouts.expected.values() if e.order_id == id]
            assert sum(expected) == quote.totals.total.minor
            assert len(await self.placed(id)) == 1
        else:
            assert state in ("none", "declined", "expired", "undone"), state
            assert id not in world.orders.drafts
            assert payment is None or payment.status in ("voided", "declined")
            spent = world.wallet.known.get(derive(id, "credits"))
            assert spent is None or spent.status in ("voided", "declined")
            now = world.clock.now()
            assert held is None or world.inventory.state(held, now) in ("expired", "released")
        return state


def card(order_id: UUID) -> UUID:
    return derive(order_id, "card")


def cancelled(quote: Quote, index: int = 0, *, id: UUID) -> OrderCancelled:
    """The event of a vendor order that was cancelled."""
    one = quote.groups[index]
    return OrderCancelled(
        event_id=id,
        order_id=quote.id,
        vendor_order_id=derive(quote.id, f"vendor-order:{one.vendor_id}"),
        vendor_id=one.vendor_id,
        person_id=None,
        number="H-1-1",
        kind="cancelled",
        reason="Changed my mind",
        total=one.totals.total,
        lines=[(line.offer_id, line.quantity) for line in one.lines],
    )
