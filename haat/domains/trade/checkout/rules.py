"""What a quote comes to, and how a checkout may move."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog.api import OfferLine
from haat.domains.goods.inventory.api import Available, OutOfStock
from haat.domains.goods.pricing.api import BestPrice, PriceAsk, TaxableLine, TaxedLine
from haat.domains.money.commissions.api import Assessment, Sale
from haat.domains.money.payments.api import Hold
from haat.domains.people.profiles.api import Address
from haat.domains.trade.cart.api import Item, NotBuyable
from haat.domains.trade.checkout.api import BuyLine, NotHandedOver, Quote, QuoteGroup, QuoteLine
from haat.domains.trade.orders.api import OrderDraft, OrderLine, Totals, VendorOrderDraft
from haat.domains.trade.shipping.api import Option, Parcel, VendorOptions
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import MINOR_MAX, Money, money_of

State = Literal[
    "reserving", "needs_action", "processing", "placed", "declined", "expired", "undone"
]
OPEN: frozenset[str] = frozenset({"reserving", "needs_action", "processing"})
ENDED: frozenset[str] = frozenset({"placed", "declined", "expired", "undone"})
# The steps between (hold, promise, create) leave no state of their own: each may be sent again
# under the same id, so going on simply starts with the reservation, or behind it.
MOVES: Mapping[str, frozenset[str]] = {
    "reserving": OPEN | ENDED,
    "needs_action": OPEN - {"reserving"} | ENDED,
    "processing": OPEN - {"reserving"} | ENDED,
    **dict.fromkeys(ENDED, frozenset[str]()),
}
QUANTITY_MAX = 999
SHIPPING_TAX_CLASS = "standard"
RESERVED = timedelta(minutes=15)  # longer than customers take for 3-D Secure
ASK_AGAIN = timedelta(seconds=60)  # how often the provider is asked when no webhook comes
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s.\x00-\x1f]+(\.[^@\s.\x00-\x1f]+)+")


def may_move(old: str, new: str) -> bool:
    """Whether a checkout in state `old` may become `new`. What has ended stays as it is."""
    return new in MOVES[old]


def retry_after(attempt: int) -> timedelta:
    """2 s, doubling, at most a minute: before a checkout is tried again."""
    return timedelta(seconds=min(60, 2 ** min(max(attempt, 1), 6)))


def checked_email(email: str) -> str:
    """The address as it is kept; Invalid at "email" when it cannot be one."""
    found = email.strip()
    if len(found) > 254 or not _EMAIL.fullmatch(found):
        raise Invalid.at("email", "That is not an e-mail address.", "email_invalid")
    return found


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the goods go, and who pays; `shipped_to_bill`: the first is only the second's."""

    ship_to: Address
    bill_to: Address
    shipped_to_bill: bool = False


def addressed(ship_to: Address | None, bill_to: Address | None) -> Addresses:
    """Either address stands for the other. Invalid at "shipTo" where there is none."""
    if ship_to is not None:
        return Addresses(ship_to, bill_to or ship_to)
    if bill_to is not None:
        return Addresses(bill_to, bill_to, shipped_to_bill=True)
    raise Invalid.at("shipTo", "Give an address.", "required")


def need_address(made: "Basket", addresses: Addresses) -> None:
    """Invalid at "shipTo" when goods are to be sent and nobody said where."""
    if addresses.shipped_to_bill and made.ships:
        raise Invalid.at("shipTo", "Say where the goods go.", "required")


def merged(items: Iterable[BuyLine | Item]) -> dict[UUID, int]:
    """Quantity per offer, in order of first appearance; Invalid when one comes to over 999."""
    found: dict[UUID, int] = {}
    for index, item in enumerate(items):
        found[item.offer_id] = found.get(item.offer_id, 0) + item.quantity
        if found[item.offer_id] > QUANTITY_MAX:
            raise Invalid.at(
                f"items.{index}.quantity", f"At most {QUANTITY_MAX} of one offer.", "too_many"
            )
    return found


def need_buyable(wanted: Mapping[UUID, int], offers: Iterable[OfferLine], currency: str) -> None:
    """NotBuyable, naming them, unless every offer is on sale here."""
    on_sale = {o.offer_id for o in offers if o.buyable and o.price.currency == currency}
    missing = [str(id) for id in wanted if id not in on_sale]
    if missing:
        raise NotBuyable(offers=missing)


def need_stock(wanted: Mapping[UUID, int], stock: Sequence[Available]) -> None:
    """OutOfStock, naming them, when less is available than wanted, sent or collected: a courtesy,
    the reservation decides."""
    left = {one.offer_id: one.available for one in stock}
    for one in stock:
        for place in one.pickups:
            left[one.offer_id] = max(left[one.offer_id], place.available)
    lacking = [
        {"offerId": str(id), "available": max(0, left.get(id, 0))}
        for id, quantity in wanted.items()
        if left.get(id, 0) < quantity
    ]
    if lacking:
        raise OutOfStock(offers=lacking)


@dataclass(slots=True)
class Goods:
    """One offer in a quote being made, at what it costs this customer. Amounts in minor units.
    `usual`: what it costs everybody, where a price list (`note`) makes it cheaper."""

    id: UUID
    offer: OfferLine
    quantity: int
    minor: int
    usual: Money | None = None
    note: str = ""


@dataclass(slots=True)
class Part:
    """One vendor's part of a quote being made."""

    vendor_id: UUID
    shipping_id: UUID  # of its shipping among the taxed lines
    name: str = ""
    handling_hours: int | None = None
    goods: list[Goods] = field(default_factory=list)
    shipping: Option | None = None
    options: list[Option] = field(default_factory=list)

    @property
    def minor(self) -> int:
        return sum(one.minor for one in self.goods)

    @property
    def physical(self) -> list[Goods]:
        """What of it is sent or collected."""
        return [one for one in self.goods if one.offer.kind == "physical"]

    @property
    def chosen(self) -> Option:
        assert self.shipping is not None, "shipping is chosen before the sums are made"
        return self.shipping


@dataclass(slots=True)
class Basket:
    """A quote being made: each step adds what it learnt."""

    id: UUID
    currency: str
    inclusive: bool  # prices include tax
    parts: list[Part]
    handling_hours: int | None = None  # of vendors who do not say otherwise

    def money(self, minor: int) -> Money:
        return money_of(minor, self.currency)

    @property
    def ships(self) -> bool:
        """Whether anything in it is sent or collected."""
        return any(part.physical for part in self.parts)

    def parcels(self, country: str) -> list[Parcel]:
        """What each vendor would send, of those who send anything."""
        return [
            Parcel(
                vendor_id=part.vendor_id,
                weight_g=sum(one.offer.weight_g * one.quantity for one in goods),
                goods=self.money(sum(one.minor for one in goods)),
                country=country,
            )
            for part in self.parts
            if (goods := part.physical)
        ]

    def taxable(self, billed_in: str) -> list[TaxableLine]:
        """Every line of goods, and the shipping of each part. What is not sent is taxed where
        its buyer is."""
        found = []
        for part in self.parts:
            for one in part.goods:
                amount = self.money(one.minor)
                found.append(
                    TaxableLine(
                        id=one.id,
                        tax_class=one.offer.tax_class,
                        amount=amount,
                        country=None if one.offer.kind == "physical" else billed_in,
                    )
                )
            found.append(
                TaxableLine(
                    id=part.shipping_id,
                    tax_class=SHIPPING_TAX_CLASS,
                    amount=part.chosen.price,
                )
            )
        return found

    def sales(self, taxes: Mapping[UUID, TaxedLine], at: datetime) -> list[Sale]:
        """What commission is asked for: every line of goods and each part's shipping, its amount
        without tax. `taxes` matter where prices include them."""
        found = []
        for part in self.parts:
            for one in part.goods:
                offer = one.offer
                found.append(
                    Sale(
                        id=one.id,
                        vendor_id=part.vendor_id,
                        product_id=offer.product_id,
                        category_path=offer.category_path,
                        unit_price=offer.price,
                        quantity=one.quantity,
                        base=self._untaxed(one.id, one.minor, taxes),
                        at=at,
                    )
                )
            id, price = part.shipping_id, part.chosen.price
            found.append(
                Sale(
                    id=id,
                    kind="shipping",
                    vendor_id=part.vendor_id,
                    unit_price=price,
                    base=self._untaxed(id, price.minor, taxes),
                    at=at,
                )
            )
        return found

    def _untaxed(self, id: UUID, minor: int, taxes: Mapping[UUID, TaxedLine]) -> Money:
        return self.money(minor - (taxes[id].tax.minor if self.inclusive else 0))


def basket(
    id: UUID,
    wanted: Mapping[UUID, int],
    offers: Iterable[OfferLine],
    currency: str,
    *,
    inclusive: bool,
    best: Mapping[UUID, BestPrice] | None = None,
) -> Basket:
    """The goods by vendor, in order of first appearance; Invalid when the sum is beyond money.
    `best`: what some of them cost this customer by a price list."""
    by_id = {offer.offer_id: offer for offer in offers}
    parts: dict[UUID, Part] = {}
    for offer_id, quantity in wanted.items():
        offer = by_id[offer_id]
        part = parts.get(offer.vendor_id)
        if part is None:
            part = Part(offer.vendor_id, derive(id, f"shipping:{offer.vendor_id}"))
            parts[offer.vendor_id] = part
        line_id = derive(id, f"line:{offer_id}")
        usual, note, found = None, "", best.get(offer_id) if best else None
        if found is not None and found.note:
            usual, note = offer.price, found.note
            offer = offer.model_copy(update={"price": found.price})
        minor = offer.price.minor * quantity
        part.goods.append(Goods(line_id, offer, quantity, minor, usual, note))
    _need_countable(part.minor for part in parts.values())
    return Basket(id, currency, inclusive, list(parts.values()))


def asks(wanted: Mapping[UUID, int], offers: Iterable[OfferLine]) -> list[PriceAsk]:
    """What is asked of pricing: each offer at everybody's price, and how many of it."""
    return [
        PriceAsk(
            offer_id=one.offer_id,
            vendor_id=one.vendor_id,
            category_path=one.category_path,
            tax_class=one.tax_class,
            quantity=wanted[one.offer_id],
            price=one.price,
        )
        for one in offers
    ]


def _need_countable(minors: Iterable[int]) -> None:
    """A third of the largest sum leaves room for tax."""
    if sum(minors) > MINOR_MAX // 3:
        raise Invalid("That is more than one order can come to.", code="order_too_large")


def choose_shipping(
    parts: Sequence[Part], found: Iterable[VendorOptions], chosen: Mapping[UUID, UUID]
) -> None:
    """Gives each part the method chosen for its vendor, or its first (cheapest) one. Invalid at
    "shipping" for a method the vendor does not offer there, or when the sum is beyond money."""
    by_vendor = {one.vendor_id: one.options for one in found}
    for part in parts:
        part.options = by_vendor[part.vendor_id]
        wanted = chosen.get(part.vendor_id)
        matching = [o for o in part.options if wanted is None or o.method_id == wanted]
        if not matching:
            raise Invalid.at(
                f"shipping.{part.vendor_id}",
                "This vendor does not ship that way to this address.",
                "shipping_method_unknown",
            )
        part.shipping = matching[0]
    _need_countable(part.minor + part.chosen.price.minor for part in parts)


def group(
    made: Basket,
    part: Part,
    taxes: Mapping[UUID, TaxedLine],
    assessed: Mapping[UUID, Assessment],
) -> QuoteGroup:
    """One vendor's part with all its sums: goods + shipping (+ tax on top) = total, and
    net = total − commission − its tax − tax."""
    lines = [_line(made, one, taxes[one.id], assessed[one.id]) for one in part.goods]
    on_shipping, of_shipping = taxes[part.shipping_id], assessed[part.shipping_id]
    shipping = part.chosen
    tax = sum(line.tax.minor for line in lines) + on_shipping.tax.minor
    commission = sum(line.commission.minor for line in lines) + of_shipping.commission.minor
    on_it = sum(line.commission_tax.minor for line in lines) + of_shipping.commission_tax.minor
    total = part.minor + shipping.price.minor + (0 if made.inclusive else tax)
    return QuoteGroup(
        vendor_id=part.vendor_id,
        vendor_name=part.name,
        lines=lines,
        shipping=shipping,
        shipping_options=part.options,
        shipping_tax_bp=on_shipping.rate_bp,
        shipping_tax=on_shipping.tax,
        shipping_commission=of_shipping.commission,
        shipping_commission_tax=of_shipping.commission_tax,
        shipping_terms=of_shipping.terms,
        totals=Totals(
            goods=made.money(part.minor),
            shipping=shipping.price,
            tax=made.money(tax),
            total=made.money(total),
        ),
        commission=made.money(commission),
        commission_tax=made.money(on_it),
        net=made.money(total - commission - on_it - tax),
        handling_hours=part.handling_hours if part.physical else None,
    )


def _line(made: Basket, one: Goods, tax: TaxedLine, assessed: Assessment) -> QuoteLine:
    offer = one.offer
    return QuoteLine(
        id=one.id,
        offer_id=offer.offer_id,
        product_id=offer.product_id,
        product_slug=offer.product_slug,
        variant_id=offer.variant_id,
        sku=offer.sku,
        title=offer.title,
        variant_title=offer.variant_title,
        picture=offer.picture,
        quantity=one.quantity,
        unit_price=offer.price,
        usual_price=one.usual,
        price_note=one.note,
        amount=made.money(one.minor),
        tax_bp=tax.rate_bp,
        tax=tax.tax,
        category_path=offer.category_path,
        kind=offer.kind,
        commission=assessed.commission,
        commission_tax=assessed.commission_tax,
        terms=assessed.terms,
    )


def totals(groups: Iterable[QuoteGroup], currency: str) -> Totals:
    """The order's totals: the sums of its parts'."""
    goods = shipping = tax = whole = 0
    for one in groups:
        goods += one.totals.goods.minor
        shipping += one.totals.shipping.minor
        tax += one.totals.tax.minor
        whole += one.totals.total.minor
    return Totals(
        goods=money_of(goods, currency),
        shipping=money_of(shipping, currency),
        tax=money_of(tax, currency),
        total=money_of(whole, currency),
    )


def wrong_sum(quote: Quote) -> str | None:
    """The first sum of a quote that its details do not make; None when every cent is accounted."""
    for one in quote.groups:
        tax = sum(line.tax.minor for line in one.lines) + one.shipping_tax.minor
        goods = sum(line.unit_price.minor * line.quantity for line in one.lines)
        on_top = 0 if quote.prices_include_tax else tax
        commission = sum(x.commission.minor for x in one.lines) + one.shipping_commission.minor
        on_it = sum(x.commission_tax.minor for x in one.lines) + one.shipping_commission_tax.minor
        kept = one.commission.minor + one.commission_tax.minor + tax
        sums = {
            "goods": (one.totals.goods.minor, goods),
            "amounts": (sum(line.amount.minor for line in one.lines), goods),
            "shipping": (one.totals.shipping.minor, one.shipping.price.minor),
            "tax": (one.totals.tax.minor, tax),
            "total": (one.totals.total.minor, goods + one.shipping.price.minor + on_top),
            "commission": (one.commission.minor, commission),
            "commission tax": (one.commission_tax.minor, on_it),
            "net": (one.net.minor + kept, one.totals.total.minor),
        }
        for name, (stored, derived) in sums.items():
            if stored != derived:
                return f"{name} of vendor {one.vendor_id}: {stored}, but its details make {derived}"
    whole = totals(quote.groups, quote.totals.total.currency)
    return None if whole == quote.totals else "totals are not the sum of the vendors' parts"


def vendor_order_id(checkout_id: UUID, vendor_id: UUID) -> UUID:
    return derive(checkout_id, f"vendor-order:{vendor_id}")


Payment = Literal["authorized", "awaiting", "on_delivery"]


def payment_of(hold: Hold) -> Payment | None:
    """How an order is paid that is placed with this answer of its tenders; None: not placed."""
    if hold.status == "awaiting":
        return "awaiting"
    if hold.status not in ("authorized", "captured"):
        return None
    return "on_delivery" if hold.collect == "on_delivery" else "authorized"


def need_met(quote: Quote) -> None:
    """NotHandedOver, naming whose, when a vendor's part of it has nobody who could take cash."""
    unmet = [str(one.vendor_id) for one in quote.groups if not one.is_met]
    if unmet:
        raise NotHandedOver(vendors=unmet)


def need_credits(quote: Quote, credits: Money) -> None:
    """Invalid unless that much of the quote can be paid from its person's wallet at all."""
    if quote.person_id is None:
        raise Invalid.at("credits", "Sign in to pay with credits.", "credits_need_account")
    total = quote.totals.total
    if credits.currency != total.currency:
        raise Invalid.at("credits.currency", "Give it in the order's currency.", "currency")
    if not 0 < credits.minor <= total.minor:
        raise Invalid.at("credits.minor", "More than nothing, at most the total.", "amount_invalid")


def draft(quote: Quote, payment: Payment = "authorized") -> OrderDraft:
    """The order a quote becomes, to the cent."""
    return OrderDraft(
        id=quote.id,
        person_id=quote.person_id,
        email=quote.email,
        ship_to=quote.ship_to,
        bill_to=quote.bill_to,
        prices_include_tax=quote.prices_include_tax,
        totals=quote.totals,
        vendor_orders=[_vendor_order(quote.id, one) for one in quote.groups],
        payment=payment,
        placed_at=None,
    )


def _vendor_order(checkout_id: UUID, one: QuoteGroup) -> VendorOrderDraft:
    return VendorOrderDraft(
        id=vendor_order_id(checkout_id, one.vendor_id),
        vendor_id=one.vendor_id,
        vendor_name=one.vendor_name,
        lines=[OrderLine(**line.__dict__) for line in one.lines],  # the same fields
        shipping_method=one.shipping.name,
        pickup_id=one.shipping.method_id if one.shipping.pickup else None,
        days_min=one.shipping.days_min,
        days_max=one.shipping.days_max,
        shipping_tax_bp=one.shipping_tax_bp,
        shipping_tax=one.shipping_tax,
        totals=one.totals,
        shipping_commission=one.shipping_commission,
        shipping_commission_tax=one.shipping_commission_tax,
        shipping_terms=one.shipping_terms,
        commission=one.commission,
        commission_tax=one.commission_tax,
        net=one.net,
        handling_hours=one.handling_hours,
    )
