"""The two state machines, their projection onto the order, and the sums of an order. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from haat.domains.trade.orders.api import (
    FulfilmentState,
    OrderDraft,
    PaymentState,
    Totals,
    VendorOrderDraft,
)
from haat.kernel.context import Context
from haat.kernel.money import Money, total

ActorKind = Literal["customer", "vendor", "staff", "system"]
MoveName = Literal["accept", "reject", "ready", "ship", "deliver", "cancel"]
Verdict = Literal["go", "made", "refused"]

STAGES: tuple[FulfilmentState, ...] = ("pending", "accepted", "ready", "in_transit", "delivered")
ENDED_EARLY: frozenset[FulfilmentState] = frozenset({"rejected", "cancelled"})
# Paid for: a held but not yet taken payment has to become one or the other first, so that a
# cancelled part is always one that can be refunded.
PAID: frozenset[PaymentState] = frozenset({"paid", "partially_refunded"})
TAKEN: frozenset[PaymentState] = PAID | {"refunded"}


@dataclass(frozen=True, slots=True)
class Move:
    """From which fulfilment states to which one, and under which payment states."""

    sources: frozenset[FulfilmentState]
    target: FulfilmentState
    payments: frozenset[PaymentState]


MOVES: dict[MoveName, Move] = {
    "accept": Move(frozenset({"pending"}), "accepted", PAID),
    "reject": Move(frozenset({"pending"}), "rejected", TAKEN),
    "ready": Move(frozenset({"accepted"}), "ready", PAID),
    "ship": Move(frozenset({"accepted", "ready"}), "in_transit", PAID),
    "deliver": Move(frozenset({"in_transit"}), "delivered", TAKEN),
    "cancel": Move(frozenset({"pending", "accepted", "ready"}), "cancelled", TAKEN),
}

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


def verdict(name: MoveName, payment: PaymentState, fulfilment: FulfilmentState) -> Verdict:
    """Whether a vendor order in these states may make this move; `made`: it did already."""
    move = MOVES[name]
    if fulfilment == move.target:
        return "made"
    allowed = fulfilment in move.sources and payment in move.payments
    return "go" if allowed else "refused"


def after_refund(total_minor: int, refunded_minor: int) -> PaymentState:
    """The payment state of a paid vendor order of which that much is given back."""
    if refunded_minor == 0:
        return "paid"
    return "refunded" if refunded_minor >= total_minor else "partially_refunded"


def payment_of(parts: Iterable[PaymentState]) -> PaymentState:
    """An order's payment from its vendor orders' (which stand in one order at least)."""
    states = set(parts)
    assert states, "an order has vendor orders"
    counting = states - {"voided"}
    if not counting:
        return "voided"
    if "authorized" in counting:
        return "authorized"
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


def actor_of(ctx: Context, vendor_id: object) -> ActorKind:
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

    goods + shipping (+ tax where prices do not include it) = total; a vendor order's goods, tax
    and commission are its lines' (and the shipping's tax), its net is total - commission - tax;
    an order's amounts are its vendor orders'.
    """
    currency = draft.totals.total.currency
    if any(m.currency != currency for m in _amounts(draft)):
        return f"order {draft.id}: more than one currency"
    for part in draft.vendor_orders:
        wrong = _part_wrong(part, draft.prices_include_tax)
        if wrong:
            return f"vendor order {part.id}: {wrong}"
    if draft.totals != added([part.totals for part in draft.vendor_orders], currency):
        return f"order {draft.id}: its totals are not the sum of its vendor orders'"
    return None


def added(parts: list[Totals], currency: str) -> Totals:
    """Totals, amount by amount."""
    return Totals(
        goods=total((p.goods for p in parts), currency),
        shipping=total((p.shipping for p in parts), currency),
        tax=total((p.tax for p in parts), currency),
        total=total((p.total for p in parts), currency),
    )


def _amounts(draft: OrderDraft) -> Iterable[Money]:
    every = [draft.totals, *(part.totals for part in draft.vendor_orders)]
    for totals in every:
        yield from (totals.goods, totals.shipping, totals.tax, totals.total)
    for part in draft.vendor_orders:
        yield from (part.shipping_tax, part.commission, part.net)
        for line in part.lines:
            yield from (line.unit_price, line.amount, line.tax, line.commission)


def _part_wrong(part: VendorOrderDraft, prices_include_tax: bool) -> str | None:
    for line in part.lines:
        if line.quantity < 1 or line.amount.minor != line.unit_price.minor * line.quantity:
            return f"line {line.id}: amount is not unit price × quantity"
    totals, currency = part.totals, part.totals.total.currency
    on_top = 0 if prices_include_tax else totals.tax.minor
    checks = (
        ("goods", totals.goods, total((line.amount for line in part.lines), currency)),
        ("tax", totals.tax, total((line.tax for line in part.lines), currency) + part.shipping_tax),
        ("commission", part.commission, total((ln.commission for ln in part.lines), currency)),
        ("net", part.net, totals.total - part.commission - totals.tax),
    )
    for name, stated, sum_ in checks:
        if stated != sum_:
            return f"{name} is {stated.minor}, its parts come to {sum_.minor}"
    whole = totals.goods.minor + totals.shipping.minor + on_top
    if totals.total.minor != whole:
        return f"total is {totals.total.minor}, its parts come to {whole}"
    return None
