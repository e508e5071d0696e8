"""Pure decisions about reservations, counts and where goods are taken from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.goods.inventory.api import (
    AtPickup,
    Available,
    Line,
    Reservation,
    ReservationExpired,
    WarehouseDraft,
)
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive

LINES_MAX = 1000
WAREHOUSES_MAX = 50
FIRST_NAME = "Main warehouse"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many of an offer, and where its buyer collects it (None: it is sent)."""

    quantity: int
    pickup_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What of an offer is free in a warehouse, and whether it may be taken from there."""

    warehouse_id: UUID
    free: int
    priority: int
    usable: bool = True


def first_warehouse(vendor_id: UUID) -> UUID:
    """The id of the warehouse every vendor has."""
    return derive(vendor_id, "warehouse")


def together(lines: Sequence[Line]) -> dict[UUID, Wanted]:
    """How many of each offer; Invalid (`lines_missing`, `lines_too_many`) unless 1 to 1000, and
    when one offer is to be collected in two places (`pickup_unclear`)."""
    if not lines:
        raise Invalid.at("lines", "Give at least one line.", "lines_missing")
    if len(lines) > LINES_MAX:
        raise Invalid.at("lines", f"At most {LINES_MAX} lines at once.", "lines_too_many")
    found: dict[UUID, Wanted] = {}
    for index, line in enumerate(lines):
        known = found.get(line.offer_id)
        if known is not None and known.pickup_id != line.warehouse_id:
            raise Invalid.at(
                f"lines.{index}.warehouseId", "One offer, one place.", "pickup_unclear"
            )
        before = 0 if known is None else known.quantity
        found[line.offer_id] = Wanted(before + line.quantity, line.warehouse_id)
    return dict(sorted(found.items()))


def had(offers: Sequence[UUID], rows: Iterable[Mapping[str, Any]]) -> list[Available]:
    """What can be had of each offer. `rows`: offer_id, warehouse_id, free, safety (the offer's),
    pickup and usable (the warehouse's). What is kept back from sale is kept back over all."""
    free = dict.fromkeys(offers, 0)
    usable = dict.fromkeys(offers, 0)
    pickups: dict[UUID, list[tuple[UUID, int]]] = {}
    safety: dict[UUID, int] = {}
    for row in rows:
        id, count = row["offer_id"], row["free"]
        free[id] += count
        safety[id] = row["safety"]
        if row["usable"]:
            usable[id] += count
        if row["pickup"]:
            pickups.setdefault(id, []).append((row["warehouse_id"], count))
    found = []
    for id in offers:
        most = max(0, free[id] - safety.get(id, 0))
        sites = [
            AtPickup(warehouse_id=place, available=min(count, most))
            for place, count in pickups.get(id, ())
            if min(count, most) > 0
        ]
        left = min(most, usable[id])
        found.append(Available.model_construct(offer_id=id, available=left, pickups=sites))
    return found


def allocate(quantity: int, safety: int, places: Iterable[Place]) -> dict[UUID, int]:
    """Where one line is taken from: warehouse → how many; empty when there are too few.

    All of it from one warehouse if any has that much, the one with the lowest priority number;
    else the fullest first, so that as few parcels as possible are sent. The same rule as the
    statement `reserving.RESERVE`, which a test compares with this.
    """
    known = list(places)
    if sum(place.free for place in known) - safety < quantity:
        return {}
    usable = [place for place in known if place.usable and place.free > 0]
    if sum(place.free for place in usable) < quantity:
        return {}
    whole = [place for place in usable if place.free >= quantity]
    if whole:
        best = min(whole, key=lambda p: (p.priority, -p.free, p.warehouse_id))
        return {best.warehouse_id: quantity}
    taken: dict[UUID, int] = {}
    for place in sorted(usable, key=lambda p: (-p.free, p.priority, p.warehouse_id)):
        taken[place.warehouse_id] = min(place.free, quantity - sum(taken.values()))
        if sum(taken.values()) == quantity:
            break
    return taken


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


def is_low(available: int, low_at: int) -> bool:
    """Whether what is available is at or below the threshold; 0 is no threshold."""
    return low_at > 0 and available <= low_at


def lacking(wanted: dict[UUID, Wanted], available: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """Of what is wanted, what there is too little of: offer → how many there are."""
    there = dict(available)
    return {o: there.get(o, 0) for o, one in wanted.items() if there.get(o, 0) < one.quantity}


def check(draft: WarehouseDraft) -> None:
    """Invalid when buyers may collect at a warehouse that is nowhere."""
    if draft.pickup and draft.address is None:
        raise Invalid.at("address", "Buyers who collect need an address.", "address_required")
