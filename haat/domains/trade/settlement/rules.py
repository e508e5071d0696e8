"""Decisions of settlement: what a tender's answer means, what each vendor order was paid with, and
how long to wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from haat.domains.money.payments.api import Hold, Status
from haat.domains.money.payouts.api import EarningDraft, EarningLine, Source
from haat.domains.trade.orders.api import Order, VendorOrder
from haat.kernel.ids import derive
from haat.kernel.money import Money, allocate

RETRY_FIRST_S = 2
RETRY_MOST_S = 300

Leg = Literal["card", "credits", "cod"]
Outcome = Literal["captured", "failed", "pending", "waiting"]


def retry_after(attempts: int) -> timedelta:
    """2 s, doubling, at most 5 minutes: for what waits for a provider that is away."""
    return timedelta(seconds=min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(attempts, 16)))


def captured_as(hold: Hold) -> Outcome:
    """What the provider's answer to a capture means. A payment that ended otherwise will never be
    captured; one that is not decided may be."""
    meaning: dict[Status, Outcome] = {
        "captured": "captured",
        "awaiting": "waiting",
        "capture_failed": "failed",
        "voided": "failed",
        "declined": "failed",
    }
    return meaning.get(hold.status, "pending")


@dataclass(frozen=True, slots=True)
class Tender:
    """A part that an order (or, in cash, a vendor order) is paid in. `provider` None: credits."""

    of_id: UUID
    leg: Leg
    provider: str | None
    minor: int
    state: str = "open"
    on_delivery: bool = False

    @property
    def id(self) -> UUID:
        """What wallet or provider know it by."""
        return derive(self.of_id, self.leg)


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a vendor order was paid by which tender."""

    tender: Tender
    minor: int

    def source(self, currency: str) -> Source:
        return source_of(self.tender.provider, self.tender.leg, self.minor, currency)


@dataclass(frozen=True, slots=True)
class SoldLine:
    """What is given back by: an order line, or shipping (`offer_id` None). Minor units, `gross`
    with tax."""

    id: UUID
    offer_id: UUID | None
    quantity: int
    gross: int
    tax: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A vendor order as it enters the books."""

    draft: EarningDraft
    lines: list[SoldLine]
    shares: list[Share]


def source_of(provider: str | None, leg: str, minor: int, currency: str) -> Source:
    amount = Money(minor=minor, currency=currency)
    return Source(provider=provider, collected=leg == "cod", amount=amount)


def shipping_line(vendor_order_id: UUID) -> UUID:
    return derive(vendor_order_id, "shipping")


def split(amounts: Sequence[int], totals: Sequence[int]) -> list[list[int]]:
    """How much of each amount pays each total (one row per amount); the sums of both are equal.

    By largest remainder over what the totals still lack, so that every row and every column adds
    up.
    """
    assert sum(amounts) == sum(totals), "tenders and totals differ"
    lacking = list(totals)
    rows = []
    for amount in amounts:
        row = allocate(amount, lacking) if amount else [0] * len(lacking)
        lacking = [left - part for left, part in zip(lacking, row, strict=True)]
        rows.append(row)
    return rows


def entries_in(order: Order, tenders: Sequence[Tender]) -> list[Entry]:
    """What each vendor earns of a captured order, and what paid for it. Vendor orders that cost
    nothing earn nothing."""
    parts = [part for part in order.vendor_orders if part.totals.total.minor > 0]
    if not parts:
        return []
    rows = split([t.minor for t in tenders], [part.totals.total.minor for part in parts])
    found = []
    for n, part in enumerate(parts):
        shares = [Share(t, row[n]) for t, row in zip(tenders, rows, strict=True) if row[n]]
        found.append(entry_of(order, part, shares))
    return found


def entry_of(order: Order, part: VendorOrder, shares: list[Share]) -> Entry:
    earned = _earning_lines(order, part)
    currency = part.totals.total.currency
    offers: Mapping[UUID, UUID] = {line.id: line.offer_id for line in part.lines}
    draft = EarningDraft(
        vendor_order_id=part.id,
        order_id=order.id,
        vendor_id=part.vendor_id,
        order_number=part.number,
        sold_at=part.placed_at,
        gross=part.totals.total,
        commission=part.commission,
        commission_tax=part.commission_tax,
        tax=part.totals.tax,
        net=part.net,
        sources=[share.source(currency) for share in shares],
        lines=[line for line in earned if line.gross.minor > 0],
    )
    lines = [
        SoldLine(
            line.id,
            offers.get(line.id),
            line.quantity if line.kind == "goods" else 0,
            line.gross.minor,
            line.tax.minor,
        )
        for line in earned
    ]
    return Entry(draft, lines, shares)


def _earning_lines(order: Order, part: VendorOrder) -> list[EarningLine]:
    """gross = net + commission + commission tax + tax, of every line of goods and of shipping."""
    inclusive = order.prices_include_tax
    found = []
    for line in part.lines:
        gross = line.amount if inclusive else line.amount + line.tax
        found.append(
            EarningLine(
                id=line.id,
                title=line.title,
                quantity=line.quantity,
                product_id=line.product_id,
                category_path=line.category_path,
                unit_price=line.unit_price,
                base=Money(minor=line.terms.base_minor, currency=gross.currency),
                gross=gross,
                commission=line.commission,
                commission_tax=line.commission_tax,
                tax=line.tax,
                net=gross - line.commission - line.commission_tax - line.tax,
                terms=line.terms,
            )
        )
    price = part.totals.shipping
    gross = price if inclusive else price + part.shipping_tax
    if gross.minor:
        kept = part.shipping_commission + part.shipping_commission_tax + part.shipping_tax
        found.append(
            EarningLine(
                id=shipping_line(part.id),
                kind="shipping",
                title=part.shipping_method,
                unit_price=price,
                base=Money(minor=part.shipping_terms.base_minor, currency=gross.currency),
                gross=gross,
                commission=part.shipping_commission,
                commission_tax=part.shipping_commission_tax,
                tax=part.shipping_tax,
                net=gross - kept,
                terms=part.shipping_terms,
            )
        )
    return found
