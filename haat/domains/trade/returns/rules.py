"""The state machine of a return, and what may be returned. Pure.

requested → approved → sent_back → received → refunded, where nothing is sent back
requested → approved → refunded; or refused, by the vendor until somebody asks staff, or withdrawn.
While it is escalated, staff decide; the vendor may only give in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from haat.domains.trade.orders.api import OrderLine, VendorOrder
from haat.domains.trade.returns.api import By, Kind, ReturnReason, State

Move = Literal["approve", "retry", "refuse", "send", "receive", "withdraw", "escalate"]
Refund = Literal["due", "created", "done", "failed"]
Why = Literal["unpaid", "not_delivered", "window_closed"]
Verdict = Literal["go", "made", "refused"]

PAID = frozenset({"paid", "partially_refunded"})
ENDED_EARLY = frozenset({"rejected", "cancelled"})
SHIPPED = frozenset({"in_transit", "delivered"})
# Complaints: what never arrived cannot be sent back.
NOTHING_TO_SEND: frozenset[ReturnReason] = frozenset({"not_received"})


def _states(*names: State) -> frozenset[State]:
    return frozenset(names)


# From which states who may make a move.
MAY: dict[Move, dict[By, frozenset[State]]] = {
    "approve": {
        "vendor": _states("requested", "refused"),
        "staff": _states("requested", "refused"),
    },
    "retry": {"staff": _states("approved", "received")},  # a refund that failed
    "refuse": {
        "vendor": _states("requested"),
        "staff": _states("requested", "refused", "approved", "sent_back", "received"),
        "system": _states("refused"),  # nobody asked staff in time: it is final
    },
    "send": {"customer": _states("approved")},
    "receive": {
        "vendor": _states("approved", "sent_back"),
        "staff": _states("approved", "sent_back"),
    },
    "withdraw": {
        "customer": _states("requested", "approved", "sent_back", "refused"),
        "system": _states("approved"),  # it was not sent back in time
    },
    "escalate": {
        "customer": _states("requested", "approved", "sent_back", "refused"),
        "vendor": _states("requested", "approved", "sent_back"),
        "system": _states("requested", "sent_back"),  # the vendor did not answer in time
    },
}
# In which states a move has been made already.
MADE: dict[Move, frozenset[State]] = {
    "approve": _states("approved", "sent_back", "received", "refunded"),
    "retry": _states(),
    "refuse": _states("refused"),
    "send": _states("sent_back", "received", "refunded"),
    "receive": _states("received", "refunded"),
    "withdraw": _states("withdrawn"),
    "escalate": _states(),
}
TARGET: dict[Move, State] = {
    "approve": "approved",
    "refuse": "refused",
    "send": "sent_back",
    "receive": "received",
    "withdraw": "withdrawn",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a return stands. `refund`: how far its refund is; None where none is due yet.
    `tries`: how many refunds failed."""

    state: State = "requested"
    escalated: bool = False
    final: bool = False
    send_back: bool = True
    refund: Refund | None = None
    tries: int = 0

    @property
    def ended(self) -> bool:
        return self.final or self.state in ("refunded", "withdrawn")


def verdict(move: Move, by: By, s: Standing) -> Verdict:
    """Whether this move may be made now; `made`: it was already."""
    if _may(move, by, s):
        return "go"
    if move == "escalate":
        made = s.escalated and not s.ended
    elif move == "refuse" and by != "vendor":
        made = s.final
    else:
        made = s.state in MADE[move]
    return "made" if made else "refused"


def _may(move: Move, by: By, s: Standing) -> bool:
    if s.ended or s.state not in MAY[move].get(by, frozenset()):
        return False
    if s.refund is not None:  # under way: nobody moves it; failed: staff do
        return s.refund == "failed" and by == "staff" and move in ("retry", "refuse")
    if move == "retry":
        return False
    if s.escalated and (move == "escalate" or (move == "refuse" and by == "vendor")):
        return False
    return s.send_back or move not in ("send", "receive")


def after(move: Move, by: By, s: Standing, *, send_back: bool | None = None) -> Standing:
    """Where it stands when the move was made."""
    if move == "escalate":
        return replace(s, escalated=True)
    if move == "retry":
        return replace(s, refund="due", tries=s.tries + 1, escalated=False)
    state = TARGET[move]
    if move == "approve":
        back = s.send_back if send_back is None else send_back
        refund: Refund | None = None if back else "due"
        return replace(s, state=state, escalated=False, send_back=back, refund=refund)
    if move == "receive":
        return replace(s, state=state, escalated=False, refund="due")
    if move == "refuse":
        return replace(s, state=state, escalated=False, final=by != "vendor")
    return replace(s, state=state, escalated=s.escalated and move == "send")


def refunded(s: Standing) -> Standing:
    """Its refund went through."""
    return replace(s, state="refunded", refund="done", escalated=False)


def failed(s: Standing) -> Standing:
    """Its refund did not go through: staff have to look."""
    return replace(s, refund="failed", escalated=True)


@dataclass(frozen=True, slots=True)
class Days:
    """How long everybody has."""

    answer: int
    send: int
    receive: int
    escalate: int


def deadline(s: Standing, now: datetime, days: Days) -> datetime | None:
    """Until when somebody has to do something, else it goes on by itself (`overdue`). None: staff
    have it, the refund is under way, or it ended."""
    if s.escalated or s.refund is not None or s.ended:
        return None
    given: Mapping[State, int] = {
        "requested": days.answer,
        "approved": days.send,
        "sent_back": days.receive,
        "refused": days.escalate,
    }
    return now + timedelta(days=given[s.state])


def overdue(s: Standing) -> Move:
    """What happens by itself when the deadline passes."""
    moves: Mapping[State, Move] = {
        "requested": "escalate",
        "approved": "withdraw",
        "sent_back": "escalate",
        "refused": "refuse",
    }
    return moves[s.state]


def why_not(
    kind: Kind,
    reason: ReturnReason,
    part: VendorOrder,
    closes_at: datetime | None,
    now: datetime,
) -> Why | None:
    """Why nothing of this vendor order can be returned (or complained about); None: it can.
    `closes_at` is when its return window does; None: it is not delivered."""
    if part.payment not in PAID:
        return "unpaid"
    if part.fulfilment in ENDED_EARLY:  # its refund follows by itself
        return "not_delivered"
    if kind == "complaint":
        sent = part.fulfilment in SHIPPED
        return None if sent or reason != "not_received" else "not_delivered"
    if part.fulfilment != "delivered" or closes_at is None:
        return "not_delivered"
    return "window_closed" if now >= closes_at else None


def whole(part: VendorOrder, asked: Mapping[UUID, int]) -> bool:
    """Whether nothing of the goods is left with the customer: then the outward shipping is asked
    for as well (it is what consumer law gives back with a whole order, e.g. Directive 2011/83/EU,
    article 13)."""
    return all(asked.get(line.id, 0) >= left_of(line) for line in part.lines)


def left_of(line: OrderLine) -> int:
    """How many of it were not given back."""
    return line.quantity - line.refunded_quantity
