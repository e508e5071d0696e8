"""Receipts, credit notes and packing slips as they are laid out."""

from haat.domains.people.profiles.api import Address
from haat.domains.trade.orders.api import OrderLine, VendorOrder
from haat.domains.trade.receipts.api import CreditNote, Receipt, ReceiptPart
from haat.engines.pdf import Grid, Paper

_SOLD = [46, 10, 16, 12, 16]  # widths of the columns
_SUMS = [75, 25]


def receipt_paper(found: Receipt) -> Paper:
    totals, currency = found.totals, found.totals.total.currency
    sums = [["Goods", totals.goods.decimal()], ["Shipping", totals.shipping.decimal()]]
    if not found.prices_include_tax:
        sums.append(["Tax", totals.tax.decimal()])
    taxes = [[_rate(one.rate_bp), one.base.decimal(), one.tax.decimal()] for one in found.taxes]
    facts = [
        ("Receipt", found.number),
        ("Order", found.order_number),
        ("Ordered", f"{found.placed_at:%Y-%m-%d}"),
        ("Paid", f"{found.paid_at:%Y-%m-%d}"),
        ("Currency", currency),
    ]
    if found.ship_to != found.bill_to:
        facts.append(("Goes to", ", ".join(_address(found.ship_to))))
    return Paper(
        title="Receipt",
        made_at=found.paid_at,
        sender=_sender(found.market, found.contact),
        recipient=_address(found.bill_to),
        facts=facts,
        grids=[
            *(_part(part) for part in found.parts),
            Grid(
                head=["Sum", currency],
                rows=sums,
                totals=[["Total", totals.total.decimal()]],
                align="lr",
                widths=_SUMS,
            ),
            Grid(
                head=["Tax rate", "On", "Tax"],
                rows=taxes,
                align="lrr",
                widths=[50, 25, 25],
                totals=[["Tax in all", "", totals.tax.decimal()]],
                title="Tax" if not found.prices_include_tax else "Tax inside the prices",
            ),
            Grid(
                head=["Paid by", currency],
                rows=[[one.label, one.amount.decimal()] for one in found.payments],
                totals=[["Paid", totals.total.decimal()]],
                align="lr",
                widths=_SUMS,
            ),
        ],
        notes=["What is given back later stands on credit notes; this receipt does not change."],
    )


def credit_paper(found: CreditNote) -> Paper:
    currency = found.amount.currency
    rows = [[line.title, str(line.quantity)] for line in found.lines]
    if found.shipping is not None:
        rows.append([f"Shipping: {found.shipping.decimal()}", ""])
    if not rows:
        rows.append(["Of the amount at large", ""])
    return Paper(
        title="Credit note",
        made_at=found.at,
        sender=_sender(found.market, found.contact),
        recipient=_address(found.bill_to),
        facts=[
            ("Credit note", found.number),
            ("For receipt", found.receipt_number),
            ("Order", found.part_number),
            ("Sold by", found.vendor_name),
            ("Date", f"{found.at:%Y-%m-%d}"),
            ("Reason", found.reason),
        ],
        grids=[
            Grid(head=["Given back", "Quantity"], rows=rows, align="lr", widths=_SUMS),
            Grid(
                head=["Paid back by", currency],
                rows=[[one.label, one.amount.decimal()] for one in found.repaid],
                totals=[["Given back in all, tax included", found.amount.decimal()]],
                align="lr",
                widths=_SUMS,
            ),
        ],
    )


def packing_paper(found: VendorOrder, market: str) -> Paper:
    """Without prices: it lies in the parcel, which may be a present."""
    return Paper(
        title="Packing slip",
        made_at=found.placed_at,
        sender=[found.vendor_name, f"sold on {market}"],
        recipient=_address(found.ship_to) if found.ship_to else [],
        facts=[
            ("Order", found.number),
            ("Ordered", f"{found.placed_at:%Y-%m-%d}"),
            ("Shipping", found.shipping_method),
        ],
        grids=[
            Grid(
                head=["Quantity", "SKU", "Goods", "Packed"],
                rows=[
                    [str(line.quantity - line.refunded_quantity), line.sku, _title(line), ""]
                    for line in found.lines
                    if line.quantity > line.refunded_quantity
                ],
                align="rlll",
                widths=[12, 22, 54, 12],
            )
        ],
    )


def _part(part: ReceiptPart) -> Grid:
    rows = [
        [
            line.title,
            str(line.quantity),
            line.unit_price.decimal(),
            _rate(line.tax_bp),
            line.amount.decimal(),
        ]
        for line in part.lines
    ]
    shipping = [f"Shipping: {part.shipping_method}", "", "", _rate(part.shipping_tax_bp)]
    return Grid(
        head=["Goods", "Quantity", "Each", "Tax", "Amount"],
        rows=[*rows, [*shipping, part.shipping.decimal()]],
        totals=[[f"Part {part.number}", "", "", "", part.total.decimal()]],
        title=f"Sold by {part.vendor_name}",
        align="lrrrr",
        widths=_SOLD,
    )


def _sender(market: str, contact: str) -> list[str]:
    return [market, contact] if contact else [market]


def _address(one: Address) -> list[str]:
    place = " ".join(filter(None, (one.postal_code, one.city)))
    lines = (one.name, one.line1, one.line2, place, one.region, one.country)
    return [line for line in lines if line]


def _rate(points: int) -> str:
    return f"{points / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _title(line: OrderLine) -> str:
    return f"{line.title} ({line.variant_title})" if line.variant_title else line.title
