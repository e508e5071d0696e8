"""Pure decisions about reservations and counts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from haat.domains.goods.inventory.api import Line, Reservation, ReservationExpired
from haat.kernel.errors import Invalid

LINES_MAX = 1000


def together(lines: Sequence[Line]) -> dict[UUID, int]:
    """How many of each offer; Invalid (`lines_missing`, `lines_too_many`) unless 1 to 1000."""
    if not lines:
        raise Invalid.at("lines", "Give at least one line.", "lines_missing")
    if len(lines) > LINES_MAX:
        raise Invalid.at("lines", f"At most {LINES_MAX} lines at once.", "lines_too_many")
    found: dict[UUID, int] = {}
    for line in lines:
        found[line.offer_id] = found.get(line.offer_id, 0) + line.quantity
    return dict(sorted(found.items()))


def standing(id: UUID, state: str, expires_at: datetime | None, now: datetime) -> Reservation:
    """The reservation as its holder may rely on it; ReservationExpired when it has ended.

    A held one past its time has ended, whether or not the sweep has been there yet.
    """
    if state == "held" and expires_at is not None and expires_at > now:
        return Reservation(id=id, state="held", expires_at=expires_at)
    if state == "promised":
        return Reservation(id=id, state="promised", expires_at=None)
    if state == "committed":
        return Reservation(id=id, state="committed", expires_at=None)
    raise ReservationExpired


def is_low(on_hand: int, reserved: int, low_at: int) -> bool:
    """Whether what is available is at or below the threshold; 0 is no threshold."""
    return low_at > 0 and on_hand - reserved <= low_at


def lacking(wanted: dict[UUID, int], available: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """Of what is wanted, what there is too little of: offer → how many there are."""
    there = dict(available)
    return {o: there.get(o, 0) for o, quantity in wanted.items() if there.get(o, 0) < quantity}
