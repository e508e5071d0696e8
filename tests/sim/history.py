"""A history of a market's money, one action after the other, with the books kept beside it.

`History` plays customers, vendors, staff, the payment provider and time. Each action is carried out
through the contracts and entered into `Books`; `check` holds the ledger against them, account by
account.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.commissions.api import Commissions, Rule, Sale
from haat.domains.money.ledger.api import DEBIT_NORMAL, provider_id
from haat.domains.money.payments.api import FundsReceived, Method, Payments
from haat.domains.money.payouts.api import Payouts, Policy
from haat.domains.money.wallet.api import CREDITS, Wallet
from haat.domains.people.profiles.api import Address
from haat.domains.trade.orders.api import (
    OrderDraft,
    OrderLine,
    Orders,
    Totals,
    VendorOrderDraft,
)
from haat.domains.trade.settlement.api import RefundItem, Settlement
from haat.kernel.errors import Conflict, Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.sim.books import Books, VendorOrderBooks, shares
from tests.sim.world import CURRENCY, World

Tender = Literal["card", "credits", "split", "cod", "bank"]
ADDRESS = Address(name="Ada Low", line1="1 Main St", city="Dhaka", country="BD")
VENDORS = 4
PEOPLE = 3
CATEGORIES = 3
DELIVERY_DAYS = 3


def usd(minor: int) -> Money:
    return Money(minor=minor, currency=CURRENCY)


@dataclass(frozen=True, slots=True)
class Goods:
    """One line to be bought: whose, what, how many, for how much each."""

    vendor: int
    category: int
    quantity: int
    price: int
    tax_bp: int


@dataclass
class History:
    """`waiting` are orders whose money is not taken yet, with their tenders."""

    world: World
    books: Books = field(default_factory=Books)
    seed: UUID = UUID(int=7)
    steps: int = 0
    waiting: dict[UUID, dict[str, int]] = field(default_factory=dict)
    credits: Counter[UUID] = field(default_factory=Counter)  # by owner, in minor units
    held_credits: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)
    exchanged: int = 0  # money the exchange holds
    bank_balance: int = 0  # what our bank account got, less what left it

    def __post_init__(self) -> None:
        self.vendors = [derive(self.seed, f"vendor {n}") for n in range(VENDORS)]
        self.people = [derive(self.seed, f"person {n}") for n in range(PEOPLE)]
        self.categories = [derive(self.seed, f"category {n}") for n in range(CATEGORIES)]
        self.settlement: Settlement = self.world.of(Settlement)
        self.payouts: Payouts = self.world.of(Payouts)
        self.payments: Payments = self.world.of(Payments)
        self.wallet: Wallet = self.world.of(Wallet)
        self.order_book: Orders = self.world.of(Orders)
        self.commissions: Commissions = self.world.of(Commissions)

    def new_id(self) -> UUID:
        self.steps += 1
        return derive(self.seed, f"step {self.steps}")

    # Buying

    async def quote(self, goods: list[Goods], *, inclusive: bool, person: int) -> OrderDraft:
        """The order these goods make at today's commission, as checkout would quote it."""
        ctx, id = self.world.system(), self.new_id()
        sales, sold = [], []
        for n, one in enumerate(goods):
            amount = one.price * one.quantity
            tax = _tax(amount, one.tax_bp, inclusive=inclusive)
            sold.append((derive(id, f"line {n}"), one, amount, tax))
            sales.append(
                Sale(
                    id=derive(id, f"line {n}"),
                    vendor_id=self.vendors[one.vendor],
                    product_id=derive(self.seed, f"product {one.price}"),
                    category_path=[self.categories[one.category]],
                    unit_price=usd(one.price),
                    quantity=one.quantity,
                    base=usd(amount - tax if inclusive else amount),
                    at=ctx.now(),
                )
            )
        vendors = sorted({one.vendor for one in goods})
        shipping = {vendor: 490 + 100 * vendor for vendor in vendors}
        for vendor in vendors:
            tax = _tax(shipping[vendor], 1000, inclusive=inclusive)
            sales.append(
                Sale(
                    id=derive(id, f"shipping {vendor}"),
                    kind="shipping",
                    vendor_id=self.vendors[vendor],
                    unit_price=usd(shipping[vendor]),
                    base=usd(shipping[vendor] - tax if inclusive else shipping[vendor]),
                    at=ctx.now(),
                )
            )
        found = {one.id: one for one in await self.commissions.assess(ctx, sales=sales)}
        parts = []
        for vendor in vendors:
            lines = [
                OrderLine(
                    id=line_id,
                    offer_id=derive(line_id, "offer"),
                    product_id=derive(self.seed, f"product {one.price}"),
                    product_slug="thing",
                    variant_id=derive(line_id, "variant"),
                    sku="S",
                    title=f"Thing of {one.price}",
                    quantity=one.quantity,
                    unit_price=usd(one.price),
                    amount=usd(amount),
                    tax_bp=one.tax_bp,
                    tax=usd(tax),
                    category_path=[self.categories[one.category]],
                    commission=found[line_id].commission,
                    commission_tax=found[line_id].commission_tax,
                    terms=found[line_id].terms,
                )
                for line_id, one, amount, tax in sold
                if one.vendor == vendor
            ]
            parts.append(self._part(id, vendor, lines, shipping[vendor], found, inclusive))
        return OrderDraft(
            id=id,
            person_id=self.people[person],
            email="customer@example.com",
            ship_to=ADDRESS,
            bill_to=ADDRESS,
            prices_include_tax=inclusive,
            totals=_added([part.totals for part in parts]),
            vendor_orders=parts,
        )

    def _part(
        self,
        order_id: UUID,
        vendor: int,
        lines: list[OrderLine],
        shipping: int,
        found: dict[UUID, Any],
        inclusive: bool,
    ) -> VendorOrderDraft:
        on_shipping = found[derive(order_id, f"shipping {vendor}")]
        shipping_tax = _tax(shipping, 1000, inclusive=inclusive)
        goods = sum(line.amount.minor for line in lines)
        tax = sum(line.tax.minor for line in lines) + shipping_tax
        total = goods + shipping + (0 if inclusive else tax)
        commission = sum(line.commission.minor for line in lines) + on_shipping.commission.minor
        commission_tax = (
            sum(line.commission_tax.minor for line in lines) + on_shipping.commission_tax.minor
        )
        return VendorOrderDraft(
            id=derive(order_id, f"vendor order {vendor}"),
            vendor_id=self.vendors[vendor],
            vendor_name=f"Vendor {vendor}",
            lines=lines,
            shipping_method="Standard",
            shipping_tax_bp=1000,
            shipping_tax=usd(shipping_tax),
            totals=Totals(
                goods=usd(goods), shipping=usd(shipping), tax=usd(tax), total=usd(total)
            ),
            shipping_commission=on_shipping.commission,
            shipping_commission_tax=on_shipping.commission_tax,
            shipping_terms=on_shipping.terms,
            commission=usd(commission),
            commission_tax=usd(commission_tax),
            net=usd(total - commission - commission_tax - tax),
        )


def _tax(minor: int, rate_bp: int, *, inclusive: bool) -> int:
    """The tax in, or on top of, an amount; half up."""
    if inclusive:
        return (2 * minor * rate_bp + 10_000 + rate_bp) // (2 * (10_000 + rate_bp))
    return (2 * minor * rate_bp + 10_000) // 20_000


def _added(parts: list[Totals]) -> Totals:
    return Totals(
        goods=usd(sum(p.goods.minor for p in parts)),
        shipping=usd(sum(p.shipping.minor for p in parts)),
        tax=usd(sum(p.tax.minor for p in parts)),
        total=usd(sum(p.total.minor for p in parts)),
    )
