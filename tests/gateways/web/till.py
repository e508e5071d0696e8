"""The fake market's checkout, orders and parcels."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from haat.domains.money.commissions.api import Terms
from haat.domains.money.payments.api import TransferInstructions
from haat.domains.people.profiles.api import Address
from haat.domains.trade.checkout.api import (
    Checkout,
    OneClick,
    Placement,
    Quote,
    QuoteExpired,
    QuoteGroup,
    QuoteLine,
)
from haat.domains.trade.orders.api import (
    LinkInvalid,
    Order,
    OrderLine,
    Orders,
    OrderSummary,
    TimelineEntry,
    Totals,
    VendorOrder,
)
from haat.domains.trade.shipping.api import NoShipping, Option, Shipment, Shipping
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page

if TYPE_CHECKING:
    from tests.gateways.web.bazaar import Bazaar

NOW = datetime.now(UTC)
SLOW, FAST = UUID(int=1), UUID(int=2)
PAY_AT = "https://pay.test/pay/1"
ADDRESS = Address(
    name="Ana Reis", line1="Rua Um 1", city="Porto", postal_code="4000-001", country="PT"
)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


def option(method: UUID) -> Option:
    fast = method == FAST
    return Option(
        method_id=method, name="Express" if fast else "Standard",
        price=usd(900 if fast else 400), days_min=1 if fast else 2, days_max=2 if fast else 5,
    )  # fmt: skip


def line(title: str) -> dict[str, Any]:
    zero = usd(0)
    return {
        "id": uuid5(SLOW, title), "offer_id": uuid5(FAST, title), "product_id": SLOW,
        "product_slug": "mug", "variant_id": SLOW, "sku": "s", "title": title, "quantity": 2,
        "unit_price": usd(1299), "amount": usd(2598), "tax_bp": 0, "tax": zero,
        "commission": zero, "commission_tax": zero, "terms": Terms(source="default", rate_bp=300),
    }  # fmt: skip


# No commission on shipping, and no tax on any.
UNTAXED: dict[str, Any] = {
    "shipping_commission": usd(0), "shipping_commission_tax": usd(0),
    "shipping_terms": Terms(source="none"), "commission_tax": usd(0),
}  # fmt: skip


class FakeCheckout(Checkout):
    """`answers` are the statuses that place and resume give, one after the other."""

    def __init__(self, world: "Bazaar") -> None:
        self.world = world
        self.quotes: dict[UUID, Quote] = {}
        self.asked: list[dict[str, Any]] = []
        self.placed: list[dict[str, Any]] = []
        self.answers: list[str] = ["placed"]
        self.decline_code = "insufficient_funds"
        self.next_url = PAY_AT
        self.instructions: TransferInstructions | None = None
        self.refuses: list[Exception] = []

    async def quote(
        self, ctx: Any, *, id: UUID, ship_to: Address | None = None, **asked: Any
    ) -> Quote:
        self.asked.append({"ship_to": ship_to, **asked} if ship_to is None else asked)
        ship_to = ship_to or asked["bill_to"]
        assert ship_to is not None
        if ship_to.country == "AQ":
            vendor = next(iter(self.world.products.values())).vendor_id
            raise NoShipping(vendors=[str(vendor)])
        method = next(iter((asked.get("shipping") or {}).values()), SLOW)
        shipping = option(method).price
        totals = Totals(goods=usd(2598), shipping=shipping, tax=usd(0),
                        total=usd(2598) + shipping)  # fmt: skip
        group = QuoteGroup(
            vendor_id=UUID(int=9), vendor_name="Clay & Co", lines=[QuoteLine(**line("Mug"))],
            shipping=option(method), shipping_options=[option(SLOW), option(FAST)],
            shipping_tax_bp=0, shipping_tax=usd(0), totals=totals, commission=usd(78),
            **UNTAXED, net=usd(2500),
        )  # fmt: skip
        self.quotes[id] = Quote(
            id=id, cart_id=asked.get("cart_id"), person_id=ctx.actor.id,
            email=asked.get("email") or "ana@example.com", ship_to=ship_to, bill_to=ship_to,
            prices_include_tax=False, groups=[group], totals=totals, created_at=ctx.now(),
            expires_at=ctx.now() + timedelta(minutes=15),
        )  # fmt: skip
        return self.quotes[id]

    async def read_quote(self, ctx: Any, *, id: UUID) -> Quote:
        if id not in self.quotes or self.quotes[id].person_id != ctx.actor.id:
            raise NotFound
        return self.quotes[id]

    async def place(self, ctx: Any, *, quote_id: UUID, **given: Any) -> Placement:
        self.placed.append({"quote_id": quote_id, **given})
        if self.refuses:
            raise self.refuses.pop(0)
        if self.quotes[quote_id].expires_at <= ctx.now():
            raise QuoteExpired
        return self._answer(quote_id)

    async def one_click(self, ctx: Any) -> OneClick:
        return OneClick(missing=["preference", "address", "method"])

    async def resume(self, ctx: Any, *, id: UUID) -> Placement:
        if self.refuses:
            raise self.refuses.pop(0)
        return self._answer(id)

    def _answer(self, id: UUID) -> Placement:
        status: Any = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        placed = status == "placed"
        return Placement(
            checkout_id=id, status=status, total=usd(2998), order_id=id if placed else None,
            order_number="H-100001" if placed else None,
            order_link="/orders/link/signed" if placed else None,
            next_action_url=self.next_url if status == "needs_action" else None,
            decline_code=self.decline_code if status == "declined" else None,
            instructions=self.instructions if placed else None,
        )  # fmt: skip


def order(person_id: UUID | None = None, payment: Any = None) -> Order:
    """Two vendor orders: one that waits, one that is on its way with a refund. With `payment` both
    are in that state, and nothing was refunded."""
    back = usd(0) if payment else usd(500)
    totals = Totals(goods=usd(2598), shipping=usd(400), tax=usd(0), total=usd(2998))
    common: dict[str, Any] = {
        "lines": [OrderLine(**line("Mug"))], "shipping_method": "Standard",
        "shipping_tax": usd(0), "totals": totals, "commission": usd(78), "net": usd(2900),
        **UNTAXED,
        "order_id": UUID(int=50), "order_number": "H-100001", "payment": payment or "paid",
        "placed_at": NOW,
    }  # fmt: skip
    parcel = Shipment(
        id=UUID(int=60), vendor_order_id=UUID(int=52), vendor_id=UUID(int=8), carrier="Van",
        tracking_number="TR/1 2", status="in_transit", shipped_at=NOW, created_at=NOW,
    )  # fmt: skip
    waits = VendorOrder(
        id=UUID(int=51), vendor_id=UUID(int=9), vendor_name="Clay & Co", number="H-100001-1",
        fulfilment="pending", refunded=usd(0), **common,
    )  # fmt: skip
    sent = VendorOrder(
        id=UUID(int=52), vendor_id=UUID(int=8), vendor_name="The Loom", number="H-100001-2",
        fulfilment="in_transit", refunded=back, shipments=[parcel], **common,
    )  # fmt: skip
    return Order(
        id=UUID(int=50), number="H-100001", person_id=person_id, email="ana@example.com",
        ship_to=ADDRESS, bill_to=ADDRESS, prices_include_tax=False, totals=totals,
        refunded=back, payment=payment or "partially_refunded", fulfilment="partially_shipped",
        vendor_orders=[waits, sent], placed_at=NOW,
        timeline=[TimelineEntry(at=NOW, what="placed", actor="customer"),
                  TimelineEntry(at=NOW, what="in_transit", vendor_order_id=sent.id,
                                actor="vendor")],
    )  # fmt: skip


class FakeOrders(Orders):
    """One order, of ana@example.com, which staff see as well; `payment` as `order` has it."""

    def __init__(self, world: "Bazaar") -> None:
        self.world = world

    async def own(self, ctx: Any, **_: Any) -> Page[OrderSummary]:
        summary = OrderSummary(
            id=UUID(int=50), number="H-100001", payment="paid", fulfilment="pending",
            total=usd(2998), items=2, vendors=["Clay & Co"], placed_at=NOW,
        )  # fmt: skip
        return Page(items=[summary])

    async def order(self, ctx: Any, *, ref: str) -> Order:
        owner, _ = self.world.people.get("ana@example.com", (None, ""))
        is_own = owner is not None and ctx.person_id == owner.id
        known = ref in ("H-100001", str(UUID(int=50)))
        if not known or not (is_own or ctx.has("staff:orders")):
            raise NotFound
        return order(ctx.person_id, self.world.payment)

    async def order_by_link(self, ctx: Any, *, token: str) -> Order:
        if token != "signed":
            raise LinkInvalid
        return order(payment=self.world.payment)

    async def cancel(self, ctx: Any, *, id: UUID, reason: str) -> VendorOrder:
        self.world.searched = {"cancelled": id, "reason": reason}
        return order().vendor_orders[0]


class FakeShipping(Shipping):
    async def track(self, ctx: Any, *, tracking_number: str) -> Shipment:
        if tracking_number != "TR12":
            raise NotFound
        return order().vendor_orders[1].shipments[0]
