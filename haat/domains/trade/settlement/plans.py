"""What a refund takes from which line and gives back by which tender. Pure.

Every share is of what is left, by largest remainder: whatever the steps, giving back all that is
left of a line, of a tender, of a vendor order takes exactly the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from haat.domains.trade.settlement.api import NotRefundable, RefundItem
from haat.kernel.errors import Invalid
from haat.kernel.money import Money, allocate


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands; `offer_id` None is shipping. Minor units."""

    id: UUID
    offer_id: UUID | None
    quantity: int
    gross: int
    tax: int
    refunded_quantity: int
    refunded: int

    @property
    def left(self) -> int:
        return self.gross - self.refunded

    @property
    def units_left(self) -> int:
        return self.quantity - self.refunded_quantity

    def tax_in(self, gross: int) -> int:
        """The tax in the next `gross` that is given back; of the last one, what is left of it."""
        if not self.gross:
            return 0
        upto = self.refunded + gross
        return self.tax * upto // self.gross - self.tax * self.refunded // self.gross


@dataclass(frozen=True, slots=True)
class Paid:
    """A vendor order's share of a tender as it stands."""

    leg: str
    of_id: UUID
    provider: str | None
    amount: int
    refunded: int

    @property
    def left(self) -> int:
        return self.amount - self.refunded


@dataclass(frozen=True, slots=True)
class Sold:
    """A vendor order as it stands: what is left of it, its lines (none for orders from before
    refunds by line), what it was paid with."""

    currency: str
    rest: int
    lines: list[Line]
    shares: list[Paid]

    def money(self, minor: int) -> Money:
        return Money(minor=minor, currency=self.currency)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: an amount, or items and shipping, or, with none of them, everything."""

    amount: Money | None = None
    items: Sequence[RefundItem] | None = None
    shipping: Money | None = None

    @property
    def by_line(self) -> bool:
        return bool(self.items) or self.shipping is not None


@dataclass(frozen=True, slots=True)
class Given:
    """Part of a line that goes back."""

    line: Line
    quantity: int
    gross: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`lines` and `legs` both add up to `minor`; without lines it is of the amount at large."""

    minor: int
    lines: list[Given]
    legs: list[tuple[Paid, int]]


def units(line: Line, count: int) -> int:
    """What `count` more of the line's units come to: the first ones bear the odd cents."""
    each, odd = divmod(line.left, line.units_left)
    return count * each + min(count, odd)


def plan(sold: Sold, wanted: Wanted) -> Plan:
    """NotRefundable, saying how much is left; Invalid at what makes no sense."""
    _need_sense(sold, wanted)
    if wanted.by_line:
        lines = _items(sold, wanted.items or []) + _shipping(sold, wanted.shipping)
        minor = sum(one.gross for one in lines)
    else:
        minor = sold.rest if wanted.amount is None else wanted.amount.minor
        lines = at_large(sold, minor) if minor <= sold.rest else []
    if not 0 < minor <= sold.rest:
        raise not_refundable(sold)
    return Plan(minor, lines, by_tender(sold, minor))


def at_large(sold: Sold, minor: int) -> list[Given]:
    """An amount over all lines, in proportion to what is left of them. All that is left takes every
    unit with it, of goods that cost nothing, too."""
    if not sold.lines:
        return []
    if minor == sold.rest:
        return [Given(x, x.units_left, x.left) for x in sold.lines if x.left or x.units_left]
    parts = allocate(minor, [line.left for line in sold.lines])
    return [Given(line, 0, part) for line, part in zip(sold.lines, parts, strict=True) if part]


def by_tender(sold: Sold, minor: int) -> list[tuple[Paid, int]]:
    """The amount over the tenders, in proportion to what is left of each."""
    parts = allocate(minor, [share.left for share in sold.shares])
    return [(share, part) for share, part in zip(sold.shares, parts, strict=True) if part]


def not_refundable(sold: Sold, detail: str = "", **more: Any) -> NotRefundable:
    rest = sold.money(sold.rest).model_dump(by_alias=True)
    return NotRefundable(detail, refundable=rest, **more)


def _need_sense(sold: Sold, wanted: Wanted) -> None:
    if wanted.amount is not None and wanted.by_line:
        raise Invalid.at("amount", "Give an amount, or items and shipping.", "ambiguous")
    if wanted.by_line and not sold.lines:
        raise Invalid.at(
            "items", "This order is older than refunds by line: give an amount.", "lines_unknown"
        )
    for path, money in (("amount", wanted.amount), ("shipping", wanted.shipping)):
        if money is not None and money.minor <= 0:
            raise Invalid.at(f"{path}.minor", "Refund more than nothing.", "amount_invalid")
        if money is not None and money.currency != sold.currency:
            raise Invalid.at(f"{path}.currency", "It was paid in another currency.", "currency")


def _items(sold: Sold, items: Sequence[RefundItem]) -> list[Given]:
    goods = {line.id: line for line in sold.lines if line.offer_id is not None}
    counts: dict[UUID, int] = {}
    for n, item in enumerate(items):
        if item.line_id not in goods:
            raise Invalid.at(f"items.{n}.lineId", "That is no line of it.", "line_unknown")
        counts[item.line_id] = counts.get(item.line_id, 0) + item.quantity
    for id, count in counts.items():
        if count > goods[id].units_left:
            raise not_refundable(
                sold,
                "Fewer of these are left to be given back.",
                lineId=str(id),
                quantity=goods[id].units_left,
            )
    return [Given(goods[id], count, units(goods[id], count)) for id, count in counts.items()]


def _shipping(sold: Sold, wanted: Money | None) -> list[Given]:
    if wanted is None:
        return []
    line = next((line for line in sold.lines if line.offer_id is None), None)
    left = 0 if line is None else line.left
    if line is None or wanted.minor > left:
        raise not_refundable(
            sold,
            "Less of the shipping is left to be given back.",
            shipping=sold.money(left).model_dump(by_alias=True),
        )
    return [Given(line, 0, wanted.minor)]
