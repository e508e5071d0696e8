"""What a market's books should say, kept by other means: plain sums over what was agreed.

Nothing here is imported from the modules under test but the shapes of orders; shares are computed
anew from their definition (largest remainder, docs/flows/money.md), so that an error in the one is
not an error in the other.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from haat.domains.trade.orders.api import OrderDraft, VendorOrderDraft
from haat.kernel.ids import derive

Part = Literal["net", "commission", "commission_tax", "tax"]
PARTS: tuple[Part, ...] = ("net", "commission", "commission_tax", "tax")


def shares(whole: int, weights: list[int]) -> list[int]:
    """`whole` in proportion to `weights`, by largest remainder; ties go to the earlier."""
    total = sum(weights)
    if total == 0:
        assert whole == 0, "nothing to give it to"
        return [0] * len(weights)
    exact = [Fraction(whole * weight, total) for weight in weights]
    parts = [int(one) for one in exact]
    order = sorted(range(len(weights)), key=lambda n: (parts[n] - exact[n], n))
    for n in order[: whole - sum(parts)]:
        parts[n] += 1
    return parts


@dataclass
class LineBooks:
    """What is left of a line, by part; `sold` is its gross, `quantity` how many pieces. `effects`:
    how each event changed what the vendor gets of it."""

    id: UUID
    quantity: int
    left: dict[Part, int]
    sold: int
    sold_net: int
    position: int = 0  # in its vendor order; shipping comes last
    returned: int = 0
    effects: list[int] = field(default_factory=list)

    @property
    def gross(self) -> int:
        return sum(self.left.values())

    def take(self, gross: int) -> dict[Part, int]:
        """A refund of `gross` on this line, split over what is left of its parts."""
        given = shares(gross, [self.left[part] for part in PARTS])
        taken = dict(zip(PARTS, given, strict=True))
        for part in PARTS:
            self.left[part] -= taken[part]
        return taken

    def for_pieces(self, pieces: int) -> int:
        """The gross of so many more pieces: of what is left, the first bear the odd cents."""
        return sum(shares(self.gross, [1] * (self.quantity - self.returned))[:pieces])


@dataclass
class VendorOrderBooks:
    """One vendor order. `by_tender`: what paid for it; `refunded_by`: what of it went back."""

    id: UUID
    vendor_id: UUID
    order_id: UUID
    lines: list[LineBooks]
    by_tender: dict[str, int]
    total: int
    captured: bool = False
    delivered: bool = False
    cancelled: bool = False
    accrued: bool = False
    closes_at: datetime | None = None
    refunded_by: Counter[str] = field(default_factory=Counter)

    @property
    def shipping_id(self) -> UUID:
        return derive(self.id, "shipping")

    @property
    def left(self) -> int:
        return sum(line.gross for line in self.lines)

    def sum_of(self, part: Part) -> int:
        return sum(line.left[part] for line in self.lines)


@dataclass
class Books:
    """Everything the market owes and owns, in minor units of its currency."""

    orders: dict[UUID, OrderDraft] = field(default_factory=dict)
    parts: dict[UUID, VendorOrderBooks] = field(default_factory=dict)
    fees: Counter[UUID] = field(default_factory=Counter)  # vendor → charged less given back
    fee_tax: int = 0
    fees_kept: int = 0
    paid_out: Counter[UUID] = field(default_factory=Counter)
    on_the_way: Counter[UUID] = field(default_factory=Counter)
    dispute_fees_borne: int = 0  # by the market
    uncovered_losses: int = 0  # of lost disputes that exceeded what was left of their orders

    def sold(self, draft: OrderDraft, tenders: dict[str, int]) -> None:
        """A new order with its tenders (name → amount), split over its vendor orders."""
        self.orders[draft.id] = draft
        totals = [part.totals.total.minor for part in draft.vendor_orders]
        split: list[dict[str, int]] = [{} for _ in totals]
        left = list(totals)
        for name, amount in sorted(tenders.items()):
            for n, share in enumerate(shares(amount, left)):
                if share:
                    split[n][name] = share
                left[n] -= share
        for part, by_tender in zip(draft.vendor_orders, split, strict=True):
            self.parts[part.id] = VendorOrderBooks(
                id=part.id,
                vendor_id=part.vendor_id,
                order_id=draft.id,
                lines=_lines(part, inclusive=draft.prices_include_tax),
                by_tender=by_tender,
                total=part.totals.total.minor,
            )

    def of_order(self, order_id: UUID) -> list[VendorOrderBooks]:
        found = self.orders[order_id].vendor_orders
        return [self.parts[part.id] for part in found]

    def escrow(self, part: VendorOrderBooks) -> int:
        return part.left if part.captured and not part.accrued else 0

    def earned(self, vendor_id: UUID) -> int:
        """What accrued to a vendor and was not given back."""
        return sum(
            part.sum_of("net")
            for part in self.parts.values()
            if part.vendor_id == vendor_id and part.accrued
        )

    def income(self, part_name: Part) -> int:
        return sum(part.sum_of(part_name) for part in self.parts.values() if part.accrued)


def _lines(part: VendorOrderDraft, *, inclusive: bool) -> list[LineBooks]:
    found = []
    for line in part.lines:
        gross = line.amount.minor + (0 if inclusive else line.tax.minor)
        found.append(
            _line(
                line.id,
                line.quantity,
                gross,
                line.commission.minor,
                line.commission_tax.minor,
                line.tax.minor,
            )
        )
    shipping = part.totals.shipping.minor + (0 if inclusive else part.shipping_tax.minor)
    if shipping:
        found.append(
            _line(
                derive(part.id, "shipping"),
                1,
                shipping,
                part.shipping_commission.minor,
                part.shipping_commission_tax.minor,
                part.shipping_tax.minor,
            )
        )
    assert sum(line.sold for line in found) == part.totals.total.minor
    for position, one in enumerate(found):
        one.position = position
    return sorted(found, key=lambda line: line.id)  # ties go to the first by id


def _line(
    id: UUID, quantity: int, gross: int, commission: int, commission_tax: int, tax: int
) -> LineBooks:
    net = gross - commission - commission_tax - tax
    left: dict[Part, int] = {
        "net": net,
        "commission": commission,
        "commission_tax": commission_tax,
        "tax": tax,
    }
    return LineBooks(id, quantity, left, gross, net)
