"""What a receipt and a credit note say. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from haat.domains.people.market.api import MarketSettings
from haat.domains.trade.orders.api import Order, PaymentState, Totals, VendorOrder
from haat.domains.trade.receipts.api import (
    CreditedLine,
    CreditNote,
    PaidBy,
    Receipt,
    ReceiptLine,
    ReceiptPart,
    TaxLine,
)
from haat.domains.trade.settlement.api import RefundResult, TenderPart
from haat.kernel.money import Money, total

PAID: frozenset[PaymentState] = frozenset({"paid", "partially_refunded", "refunded"})
Labels = Mapping[str | None, str]


def receipt_of(
    order: Order, tenders: Sequence[TenderPart], market: MarketSettings, labels: Labels
) -> Receipt | None:
    """None for an order that is not paid, or whose payments are not known yet to the cent.

    What was cancelled before anything was collected for it is not on it.
    """
    if order.payment not in PAID:
        return None
    sold = [part for part in order.vendor_orders if part.payment in PAID]
    totals = _totals(sold, order.totals.total.currency)
    payments = _payments(tenders, labels, totals.total.currency)
    if sum(one.amount.minor for one in payments) != totals.total.minor:
        return None
    paid = [entry.at for entry in order.timeline if entry.what == "paid"]
    return Receipt(
        order_id=order.id,
        number=f"{order.number}-R",
        order_number=order.number,
        placed_at=order.placed_at,
        paid_at=max(paid, default=order.placed_at),
        market=market.name,
        contact=market.support_email or "",
        email=order.email,
        bill_to=order.bill_to,
        ship_to=order.ship_to,
        prices_include_tax=order.prices_include_tax,
        parts=[_part(part) for part in sold],
        taxes=_taxes(sold, inclusive=order.prices_include_tax),
        totals=totals,
        payments=payments,
    )


def credit_note_of(
    order: Order, receipt: Receipt, refund: RefundResult, place: int, labels: Labels
) -> CreditNote:
    """The `place`-th of its order. The market is called as on the receipt."""
    part = next(one for one in order.vendor_orders if one.id == refund.vendor_order_id)
    titles = {line.id: _name(line.title, line.variant_title) for line in part.lines}
    return CreditNote(
        refund_id=refund.id,
        number=f"{order.number}-C{place}",
        receipt_number=receipt.number,
        order_number=order.number,
        part_number=part.number,
        vendor_name=part.vendor_name,
        at=refund.created_at,
        market=receipt.market,
        contact=receipt.contact,
        bill_to=receipt.bill_to,
        lines=[
            CreditedLine(title=titles.get(item.line_id, ""), quantity=item.quantity)
            for item in refund.items
        ],
        shipping=refund.shipping,
        amount=refund.amount,
        reason=refund.reason,
        repaid=[
            PaidBy(label=_label(one.provider, labels), amount=one.amount)
            for one in refund.repaid
            if one.status == "done"
        ],
    )


def _part(part: VendorOrder) -> ReceiptPart:
    return ReceiptPart(
        number=part.number,
        vendor_name=part.vendor_name,
        lines=[
            ReceiptLine(
                title=_name(line.title, line.variant_title),
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                tax_bp=line.tax_bp,
                tax=line.tax,
            )
            for line in part.lines
        ],
        shipping_method=part.shipping_method,
        shipping=part.totals.shipping,
        shipping_tax_bp=part.shipping_tax_bp,
        shipping_tax=part.shipping_tax,
        total=part.totals.total,
    )


def _totals(sold: Sequence[VendorOrder], currency: str) -> Totals:
    return Totals(
        goods=total((part.totals.goods for part in sold), currency),
        shipping=total((part.totals.shipping for part in sold), currency),
        tax=total((part.totals.tax for part in sold), currency),
        total=total((part.totals.total for part in sold), currency),
    )


def _taxes(sold: Sequence[VendorOrder], *, inclusive: bool) -> list[TaxLine]:
    """By rate, the highest first; together they are the totals' tax."""
    found: dict[int, tuple[Money, Money]] = {}

    def add(rate_bp: int, amount: Money, tax: Money) -> None:
        zero = Money.zero(amount.currency)
        base, taxed = found.get(rate_bp, (zero, zero))
        found[rate_bp] = (base + (amount - tax if inclusive else amount), taxed + tax)

    for part in sold:
        for line in part.lines:
            add(line.tax_bp, line.amount, line.tax)
        if part.totals.shipping.minor:
            add(part.shipping_tax_bp, part.totals.shipping, part.shipping_tax)
    return [
        TaxLine(rate_bp=rate, base=base, tax=tax)
        for rate, (base, tax) in sorted(found.items(), reverse=True)
    ]


def _payments(tenders: Iterable[TenderPart], labels: Labels, currency: str) -> list[PaidBy]:
    """What was taken, by means of payment."""
    taken: dict[str | None, list[Money]] = {}
    for one in tenders:
        if one.captured:
            taken.setdefault(one.provider, []).append(one.amount)
    return [
        PaidBy(label=_label(provider, labels), amount=total(amounts, currency))
        for provider, amounts in taken.items()
    ]


def _label(provider: str | None, labels: Labels) -> str:
    if provider is None:
        return "Credits"
    return labels.get(provider) or provider.replace("_", " ").capitalize()


def _name(title: str, variant: str) -> str:
    return f"{title} ({variant})" if variant else title
