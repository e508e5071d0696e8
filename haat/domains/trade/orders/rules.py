"""The two state machines, their projection onto the order, and the sums of an order. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal, get_args

from haat.domains.trade.orders.api import (
    By,
    FulfilmentState,
    OrderDraft,
    Partly,
    PaymentState,
    Statuses,
    VendorOrderDraft,
)
from haat.kernel.context import Context
from haat.kernel.money import Money

MoveName = Literal["accept", "reject", "ready", "ship", "deliver", "cancel", "undelivered"]
Way = Literal["sent", "collected", "done"]
Verdict = Literal["go", "made", "refused"]

NUMBER = re.compile(r"[A-Z0-9]{1,6}-[0-9]{1,15}(-[0-9]{1,4})?")
STAGES: tuple[FulfilmentState, ...] = ("pending", "accepted", "ready", "in_transit", "delivered")
ENDED_EARLY: frozenset[FulfilmentState] = frozenset({"rejected", "cancelled"})
# Paid for: a held but not yet taken payment has to become one or the other first, so that a
# cancelled part is always one that can be refunded.
PAID: frozenset[PaymentState] = frozenset({"paid", "partially_refunded"})
TAKEN: frozenset[PaymentState] = PAID | {"refunded"}
# Nothing was taken of these yet; what is paid in cash goes on all the same.
WAITING: tuple[PaymentState, ...] = ("authorized", "awaiting", "on_delivery")
CASH: frozenset[PaymentState] = frozenset({"on_delivery"})


@dataclass(frozen=True, slots=True)
class Move:
    """From which fulfilment states to which one, and under which payment states."""

    sources: frozenset[FulfilmentState]
    target: FulfilmentState
    payments: frozenset[PaymentState]


MOVES: dict[MoveName, Move] = {
    "accept": Move(frozenset({"pending"}), "accepted", PAID | CASH),
    "reject": Move(frozenset({"pending"}), "rejected", TAKEN | CASH),
    "ready": Move(frozenset({"accepted"}), "ready", PAID | CASH),
    "ship": Move(frozenset({"accepted", "ready"}), "in_transit", PAID | CASH),
    "deliver": Move(frozenset({"in_transit"}), "delivered", TAKEN | CASH),
    "cancel": Move(
        frozenset({"pending", "accepted", "ready"}), "cancelled", TAKEN | CASH | {"awaiting"}
    ),
    # Refused at the door, or nobody there to pay: it comes back.
    "undelivered": Move(frozenset({"in_transit"}), "cancelled", CASH),
}
# What the customer collects is handed over without a parcel.
COLLECTED: dict[MoveName, Move] = {
    **{name: move for name, move in MOVES.items() if name not in ("ship", "undelivered")},
    "deliver": Move(frozenset({"accepted", "ready"}), "delivered", TAKEN | CASH),
}
# What needs no parcel is done, or at the customer's disposal, at once.
DONE: dict[MoveName, Move] = {name: COLLECTED[name] for name in COLLECTED if name != "ready"}
_MOVES: dict[Way, dict[MoveName, Move]] = {"sent": MOVES, "collected": COLLECTED, "done": DONE}

# An order whose parts differ is as far as all of them have come: none of it has left, for whoever
# asks in the words of the views below.
PARTLY: tuple[Partly, ...] = get_args(Partly)
# The status words of the specifications, as moves.
STATUS_WORDS: dict[str, MoveName] = {
    "processing": "accept",
    "accepted": "accept",
    "ready": "ready",
    "shipped": "ship",
    "in_transit": "ship",
    "delivered": "deliver",
    "cancelled": "cancel",
    "rejected": "reject",
}


def moves(way: Way) -> dict[MoveName, Move]:
    """Of goods that are sent, that the customer collects, or of what needs no parcel."""
    return _MOVES[way]


def way_of(part: VendorOrderDraft) -> Way:
    """How the customer comes by a vendor order's goods."""
    if part.without_parcel:
        return "done"
    return "sent" if part.pickup_id is None else "collected"


def verdict(
    name: MoveName, payment: PaymentState, fulfilment: FulfilmentState, *, way: Way = "sent"
) -> Verdict:
    """Whether a vendor order in these states may make this move; `made`: it did already."""
    move = moves(way).get(name)
    if move is None:
        return "refused"
    if fulfilment == move.target:
        return "made"
    allowed = fulfilment in move.sources and payment in move.payments
    return "go" if allowed else "refused"


def ending(part_payment: PaymentState, fulfilment: FulfilmentState, actor: By) -> MoveName:
    """Which move cancels a vendor order. Customers cannot call back what is on its way."""
    on_its_way = fulfilment == "in_transit" and part_payment in CASH
    return "undelivered" if on_its_way and actor != "customer" else "cancel"


def may_cancel_by_link(payment: PaymentState, fulfilment: FulfilmentState) -> bool:
    """Whoever has a guest's link may call back what its vendor has not begun with."""
    return fulfilment == "pending" and verdict("cancel", payment, fulfilment) == "go"


def payment_of(parts: Iterable[PaymentState]) -> PaymentState:
    """An order's payment from its vendor orders' (which stand in one order at least)."""
    states = set(parts)
    assert states, "an order has vendor orders"
    counting = states - {"voided"}
    if not counting:
        return "voided"
    for state in WAITING:
        if state in counting:
            return state
    if counting == {"refunded"}:
        return "refunded"
    return "paid" if counting == {"paid"} else "partially_refunded"


def fulfilment_of(parts: Iterable[FulfilmentState]) -> str:
    """An order's fulfilment from its vendor orders'.

    Parts that ended early do not count while others go on. Where the others differ it is
    "partially_" and how far the foremost is: partially_accepted, partially_ready,
    partially_shipped, partially_delivered.
    """
    states = set(parts)
    assert states, "an order has vendor orders"
    going = states - ENDED_EARLY
    if not going:
        return "rejected" if states == {"rejected"} else "cancelled"
    foremost = max(going, key=STAGES.index)
    if len(going) == 1:
        return foremost
    return "partially_" + ("shipped" if foremost == "in_transit" else foremost)


# Payment in four words.
PAYMENT_WORDS: Mapping[PaymentState, str] = {
    "authorized": "pending",
    "awaiting": "pending",
    "on_delivery": "pending",
    "paid": "paid",
    "partially_refunded": "partial",
    "refunded": "refunded",
    "voided": "failed",
}
_DELIVERY = {"accepted": "processing", "rejected": "cancelled"} | dict.fromkeys(
    PARTLY, "processing"
)
_FULFILMENT = {
    "pending": "unfulfilled",
    "accepted": "processing",
    "ready": "processing",
    "in_transit": "shipped",
    "rejected": "cancelled",
} | dict.fromkeys(PARTLY, "processing")
_SENT = {"in_transit": "shipped", "delivered": "delivered"}


@cache
def statuses(payment: PaymentState, fulfilment: str) -> Statuses:
    """The two states, a vendor order's or an order's, in the words of each view."""
    paid = PAYMENT_WORDS[payment]
    step = _FULFILMENT.get(fulfilment, fulfilment)
    ended = fulfilment in ENDED_EARLY
    if payment == "refunded":
        order = "refunded"
    elif ended or payment == "voided":
        order = "cancelled"
    else:
        order = _SENT.get(fulfilment, "pending" if payment in WAITING else "paid")
    return Statuses(
        payment=paid,
        delivery=_DELIVERY.get(fulfilment, fulfilment),
        fulfilment="returned" if step == "delivered" and payment == "refunded" else step,
        order=order,
    )


@cache
def states_of(view: str, word: str) -> frozenset[tuple[PaymentState, str]]:
    """Which (payment, fulfilment) a view calls that; none for a word it does not know."""
    fulfilments = (*get_args(FulfilmentState), *PARTLY)
    return frozenset(
        (payment, fulfilment)
        for payment, fulfilment in product(get_args(PaymentState), fulfilments)
        if getattr(statuses(payment, fulfilment), view) == word
    )


def moves_of(
    payment: PaymentState, fulfilment: FulfilmentState, *, way: Way = "sent"
) -> list[MoveName]:
    """What a vendor order in these states may be moved by."""
    known = moves(way)
    return [name for name in known if verdict(name, payment, fulfilment, way=way) == "go"]


def actor_of(ctx: Context, vendor_id: object) -> By:
    """As whom somebody acts on a vendor order of that vendor."""
    if ctx.actor.type == "system":
        return "system"
    if ctx.vendor_id is not None and ctx.vendor_id == vendor_id:
        return "vendor"
    return "staff" if sees_all(ctx) else "customer"


def sees_all(ctx: Context) -> bool:
    """Staff for orders, and the system."""
    return ctx.has("staff:orders")


def discrepancy(draft: OrderDraft) -> str | None:
    """What does not add up in an order, named; None when every cent has its place.

    goods + shipping (+ tax where prices do not include it) = total; a vendor order's goods, tax,
    commission and the tax on that are its lines' and its shipping's, its net is total - commission
    - commission tax - tax; an order's amounts are its vendor orders'.
    """
    currencies = {amount.currency for amount in _amounts(draft)}
    if len(currencies) > 1:
        return f"order {draft.id}: more than one currency"
    for part in draft.vendor_orders:
        wrong = _part_wrong(part, draft.prices_include_tax)
        if wrong:
            return f"vendor order {part.id}: {wrong}"
    for name in ("goods", "shipping", "tax", "total"):
        stated: int = getattr(draft.totals, name).minor
        parts = sum(getattr(part.totals, name).minor for part in draft.vendor_orders)
        if stated != parts:
            return f"order {draft.id}: {name} is {stated}, its vendor orders' come to {parts}"
    return None


def _amounts(draft: OrderDraft) -> Iterable[Money]:
    every = [draft.totals, *(part.totals for part in draft.vendor_orders)]
    for totals in every:
        yield from (totals.goods, totals.shipping, totals.tax, totals.total)
    for part in draft.vendor_orders:
        yield from (part.shipping_tax, part.shipping_commission, part.shipping_commission_tax)
        yield from (part.commission, part.commission_tax, part.net)
        for line in part.lines:
            yield from (line.unit_price, line.amount, line.tax)
            yield from (line.commission, line.commission_tax)


def _part_wrong(part: VendorOrderDraft, prices_include_tax: bool) -> str | None:
    goods, tax = 0, part.shipping_tax.minor
    commission = part.shipping_commission.minor
    on_commission = part.shipping_commission_tax.minor
    for line in part.lines:
        amount = line.amount.minor
        if line.quantity < 1 or amount != line.unit_price.minor * line.quantity:
            return f"line {line.id}: amount is not unit price × quantity"
        goods += amount
        tax += line.tax.minor
        commission += line.commission.minor
        on_commission += line.commission_tax.minor
    totals = part.totals
    on_top = 0 if prices_include_tax else totals.tax.minor
    kept = part.commission.minor + part.commission_tax.minor + totals.tax.minor
    checks = (
        ("goods", totals.goods.minor, goods),
        ("tax", totals.tax.minor, tax),
        ("commission", part.commission.minor, commission),
        ("commission tax", part.commission_tax.minor, on_commission),
        ("total", totals.total.minor, totals.goods.minor + totals.shipping.minor + on_top),
        ("net", part.net.minor, totals.total.minor - kept),
    )
    for name, stated, parts in checks:
        if stated != parts:
            return f"{name} is {stated}, its parts come to {parts}"
    return None
