"""Orders, money and pictures in memory: what returns stand on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.payouts.api import Payouts
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.media.api import Media, MediaFile
from haat.domains.trade.orders.api import (
    FulfilmentState,
    LinkInvalid,
    Order,
    OrderDelivered,
    OrderRefunded,
    Orders,
    PaymentState,
    VendorOrder,
)
from haat.domains.trade.returns import reactions
from haat.domains.trade.returns.api import Return, ReturnItem
from haat.domains.trade.returns.proof import prove
from haat.domains.trade.returns.service import ReturnsService
from haat.domains.trade.returns.settings import ReturnsSettings
from haat.domains.trade.settlement.api import (
    NotRefundable,
    RefundItem,
    RefundPreview,
    RefundResult,
    Repaid,
    Settlement,
)
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.errors import Unavailable
from haat.kernel.money import Money
from tests.domains.trade.order_parts import ADDRESS, NOW, emitted, eur, ids, line, part

Status = Literal["created", "done", "failed"]


class Market14(Market):
    """Goods may be returned for so many days from now on."""

    def __init__(self) -> None:
        self.days = 14

    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(
            name="Test",
            currency="EUR",
            country="BD",
            return_window_minutes=self.days * 24 * 60,
        )


class FakeMedia(Media):
    def __init__(self) -> None:
        self.known: set[UUID] = set()

    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]:
        return [
            MediaFile(id=id, content_type="image/png", size_bytes=1, width=1, height=1, ready=True)
            for id in ids
            if id in self.known
        ]


class FakePayouts(Payouts):
    """`blocked`: by vendor order, who keeps it back. An unblock cancels a later block."""

    def __init__(self) -> None:
        self.blocked: dict[UUID, set[UUID]] = {}
        self.lifted: set[UUID] = set()
        self.calls: list[tuple[str, UUID]] = []
        self.away = False

    async def block(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        source_id: UUID,
        kind: Literal["return", "dispute", "hold"],
    ) -> None:
        assert kind == "return"
        self._answer("block", source_id)
        if source_id not in self.lifted:
            self.blocked.setdefault(vendor_order_id, set()).add(source_id)

    async def unblock(self, ctx: Context, *, vendor_order_id: UUID, source_id: UUID) -> None:
        self._answer("unblock", source_id)
        self.lifted.add(source_id)
        self.blocked.get(vendor_order_id, set()).discard(source_id)

    def _answer(self, name: str, source_id: UUID) -> None:
        if self.away:
            raise Unavailable
        self.calls.append((name, source_id))


class FakeOrders(Orders):
    """Tokens are "link-" and the order's id."""

    def __init__(self) -> None:
        self.parts: dict[UUID, VendorOrder] = {}

    async def vendor_orders_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[VendorOrder]:
        return [self.parts[id] for id in ids if id in self.parts]

    async def order_by_link(self, ctx: Context, *, token: str) -> Order:
        for one in self.parts.values():
            if token == f"link-{one.order_id}":
                return _order(one)
        raise LinkInvalid


@dataclass
class FakeSettlement(Settlement):
    """Goods cost their unit price, shipping 490. `answer`: how a new refund stands; `meanwhile`
    runs while a refund is asked for."""

    orders: FakeOrders
    answer: Status = "done"
    away: bool = False
    made: dict[UUID, RefundResult] = field(default_factory=dict)
    restocked: set[UUID] = field(default_factory=set)
    asked: int = 0
    meanwhile: Callable[[], Awaitable[Any]] | None = None

    async def preview(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: list[RefundItem] | None = None,
        shipping: Money | None = None,
    ) -> RefundPreview:
        one = self.orders.parts[vendor_order_id]
        whole = items is None
        if items is None:
            items = [
                RefundItem(line_id=x.id, quantity=x.quantity - x.refunded_quantity)
                for x in one.lines
                if x.quantity > x.refunded_quantity
            ]
        lines = {x.id: x for x in one.lines}
        goods = 0
        for item in items:
            known = lines[item.line_id]
            if item.quantity > known.quantity - known.refunded_quantity:
                raise NotRefundable(refundable=eur(0).model_dump(by_alias=True))
            goods += known.unit_price.minor * item.quantity
        if not goods:
            raise NotRefundable(refundable=eur(0).model_dump(by_alias=True))
        carriage = 490 if whole else (shipping.minor if shipping else 0)
        return RefundPreview(
            amount=eur(goods + carriage),
            goods=eur(goods),
            shipping=eur(carriage),
            tax=eur(0),
            by_tender=[Repaid(provider="test", amount=eur(goods + carriage), status="created")],
            refundable=one.totals.total - one.refunded,
        )

    async def refund_return(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        items: list[RefundItem],
        shipping: Money | None = None,
        reason: str,
        restock: bool,
    ) -> RefundResult:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable
        if id not in self.made:
            found = await self.preview(
                ctx, vendor_order_id=vendor_order_id, items=items, shipping=shipping
            )
            self.made[id] = RefundResult(
                id=id,
                vendor_order_id=vendor_order_id,
                amount=found.amount,
                status=self.answer,
                reason=reason,
                items=items,
                shipping=found.shipping if found.shipping.minor else None,
                repaid=[Repaid(provider="test", amount=found.amount, status=self.answer)],
                created_at=ctx.now(),
            )
            if restock:
                self.restocked.add(id)
            if self.answer == "done":
                self.enter(id)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.made[id]

    def finish(self, id: UUID, status: Status) -> None:
        """The provider says how a pending refund ended."""
        self.made[id] = self.made[id].model_copy(update={"status": status})
        if status == "done":
            self.enter(id)

    def enter(self, id: UUID) -> None:
        """The order knows of it."""
        refund = self.made[id]
        self.give_back(refund.vendor_order_id, refund.items)

    def give_back(self, vendor_order_id: UUID, items: list[RefundItem]) -> None:
        one = self.orders.parts[vendor_order_id]
        gone = {item.line_id: item.quantity for item in items}
        lines = [
            x.model_copy(update={"refunded_quantity": x.refunded_quantity + gone.get(x.id, 0)})
            for x in one.lines
        ]
        paid = "partially_refunded"
        if all(x.quantity == x.refunded_quantity for x in lines):
            paid = "refunded"
        self.orders.parts[vendor_order_id] = one.model_copy(
            update={"lines": lines, "payment": paid}
        )


def _order(one: VendorOrder) -> Order:
    return Order(
        id=one.order_id,
        number=one.order_number,
        person_id=one.person_id,
        email="ada@example.org",
        ship_to=ADDRESS,
        bill_to=ADDRESS,
        prices_include_tax=False,
        totals=one.totals,
        refunded=one.refunded,
        payment=one.payment,
        fulfilment=one.fulfilment,
        vendor_orders=[one],
        placed_at=one.placed_at,
    )


class Counter:
    """A returns desk with everything it stands on. Its clock can be set."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = SettableClock(NOW)
        self.market, self.media, self.payouts = Market14(), FakeMedia(), FakePayouts()
        self.orders = FakeOrders()
        self.settlement = FakeSettlement(self.orders)
        self.returns = ReturnsService(
            db,
            self.market,
            self.media,
            self.payouts,
            self.orders,
            self.settlement,
            ReturnsSettings(),
        )

    async def forget(self) -> None:
        for table in ("lines", "messages", "tallies", "windows", "outbox", "returns"):
            await self.db.execute(f"DELETE FROM returns.{table}")

    def pass_days(self, days: float) -> None:
        self.clock.set(self.clock.now() + timedelta(days=days))

    def context(self, actor: Actor, *scopes: str, vendor_id: UUID | None = None) -> Context:
        return Context(actor, frozenset(scopes), vendor_id, clock=self.clock)

    @property
    def system(self) -> Context:
        return self.context(SYSTEM)

    @property
    def guest(self) -> Context:
        return self.context(GUEST)

    def person(self, id: UUID | None, *scopes: str) -> Context:
        return self.context(Actor("person", id or ids.new()), "person", *scopes)

    def vendor(self, vendor_id: UUID, *scopes: str) -> Context:
        held = ("person", *(scopes or ("vendor:orders",)))
        return self.context(Actor("person", ids.new()), *held, vendor_id=vendor_id)

    @property
    def staff(self) -> Context:
        return self.person(None, "staff", "staff:orders")

    async def sold(
        self,
        *,
        person_id: UUID | None = None,
        guest: bool = False,
        payment: PaymentState = "paid",
        fulfilment: FulfilmentState = "delivered",
        title: str = "Thing",
    ) -> VendorOrder:
        """A vendor order of two things at 500 and one at 1999, delivered just now."""
        seed = ids.new()
        goods = [line(seed, "a"), line(seed, "b", 1, 1999)]
        goods[0] = goods[0].model_copy(update={"title": title})
        draft = part(seed, "x", ids.new(), goods)
        now = self.clock.now()
        made = VendorOrder(
            **dict(draft),
            order_id=ids.new(),
            person_id=None if guest else (person_id or ids.new()),
            number="H-1-1",
            order_number="H-1",
            payment=payment,
            fulfilment=fulfilment,
            refunded=eur(0),
            placed_at=now,
            delivered_at=now if fulfilment == "delivered" else None,
        )
        self.orders.parts[made.id] = made
        if fulfilment == "delivered":
            await self.deliver(made)
        return made

    async def deliver(self, one: VendorOrder) -> None:
        now = self.clock.now()
        self.orders.parts[one.id] = one.model_copy(
            update={"fulfilment": "delivered", "delivered_at": now}
        )
        event = OrderDelivered(
            order_id=one.order_id,
            vendor_order_id=one.id,
            vendor_id=one.vendor_id,
            person_id=one.person_id,
            number=one.number,
            delivered_at=now,
        )
        await reactions.freeze_windows(self.returns, self.system, [event])

    async def asked(
        self, one: VendorOrder, *quantities: int, id: UUID | None = None, **more: Any
    ) -> Return:
        """Its customer asks for so many of its lines (two of the first without)."""
        given: dict[str, Any] = {"reason": "changed_mind", **more}
        items = [
            ReturnItem(line_id=x.id, quantity=count)
            for x, count in zip(one.lines, quantities or (2,), strict=False)
            if count
        ]
        return await self.returns.request(
            self.person(one.person_id),
            id=id or ids.new(),
            vendor_order_id=one.id,
            items=items,
            **given,
        )

    async def refunded(self, one: VendorOrder, amount: int = 1) -> None:
        """Orders say that something was given back."""
        event = OrderRefunded(
            order_id=one.order_id,
            vendor_order_id=one.id,
            vendor_id=one.vendor_id,
            person_id=one.person_id,
            number=one.number,
            amount=eur(amount),
        )
        await reactions.finish(self.returns, self.system, [event])

    async def need_sound(self) -> None:
        assert await prove(self.db, 10) == []

    async def stored(self, id: UUID) -> dict[str, Any]:
        row = await self.db.fetchrow("SELECT * FROM returns.returns WHERE id = $1", id)
        assert row is not None
        return dict(row)

    async def states(self, id: UUID) -> list[str]:
        """Where it moved, as announced."""
        told = await emitted(self.db, id, "order.return_updated")
        return [one["state"] for one in told]
