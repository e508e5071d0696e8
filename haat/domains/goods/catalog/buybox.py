"""Who of a variant's offers stands first, and why: pure, in whole points.

What can be had now stands before what cannot; then the higher score, the lower landed price, the
shorter handling, the lower id: so an order of the same offers is always the same.

The price part is `most × lowest landed price ÷ own`. An offer that becomes cheaper never loses
points by it and never gives others any, as long as its shipping costs the same. So from the price
on at which shipping is free, and below it, the prices at which an offer is first are all those up
to one highest; `wins_at`, the highest of all, is found by trying the rule itself.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Self
from uuid import UUID

from haat.domains.goods.catalog.offering import (
    Condition,
    Facts,
    Offer,
    Part,
    Standing,
    WhyNot,
)
from haat.kernel.money import Money

PRICE, CONDITION, HANDLING, VENDOR = 6000, 2000, 1000, 1000  # together 10000
PRICE_MAX = 10_000_000_000  # what an offer may cost at most (rules.PRICE_MAX)
HANDLING_DAYS_MAX = 10  # from here on it earns nothing
CONDITIONS: dict[Condition, int] = {  # of CONDITION, in percent
    "new": 100,
    "refurbished": 70,
    "used-like-new": 60,
    "used-good": 40,
    "used-acceptable": 20,
}


class Contender(NamedTuple):
    """An offer in plain numbers: the rule is tried at many prices."""

    offer: Offer
    facts: Facts
    price: int
    shipping: int
    free_from: int | None
    fixed: int  # points that do not hang on the price
    in_stock: bool

    @classmethod
    def of(cls, offer: Offer, facts: Facts) -> Self:
        fixed = _condition(offer) + _handling(offer) + _vendor(facts)
        shipping = facts.shipping.minor if facts.shipping else 0
        free = facts.free_from.minor if facts.free_from else None
        return cls(offer, facts, offer.price.minor, shipping, free, fixed, facts.available > 0)

    @property
    def sending(self) -> int:
        """What shipping costs at its price."""
        is_free = self.free_from is not None and self.free_from <= self.price
        return 0 if is_free else self.shipping

    @property
    def landed(self) -> int:
        return self.price + self.sending


def standings(
    offers: Sequence[tuple[Offer, Facts]], explained: Collection[UUID] = ()
) -> list[Standing]:
    """How the offers of one variant stand, the first one first; of vendors in `explained` with
    the price that would win."""
    contenders = [Contender.of(*one) for one in offers]
    lowest = lowest_of(contenders)
    ranked = sorted(contenders, key=lambda one: _key(one, lowest))
    found = []
    for place, one in enumerate(ranked, 1):
        currency = one.offer.price.currency
        parts = _parts(one, lowest)
        wins_at, why_not = None, None
        if one.offer.vendor_id in explained:
            wins_at, why_not = highest_winning(one, [c for c in ranked if c is not one])
        found.append(
            Standing(
                offer_id=one.offer.id,
                variant_id=one.offer.variant_id,
                vendor_id=one.offer.vendor_id,
                place=place,
                score=sum(part.points for part in parts),
                parts=parts,
                in_stock=one.in_stock,
                landed=Money(minor=one.landed, currency=currency),
                wins_at=None if wins_at is None else Money(minor=wins_at, currency=currency),
                why_not=why_not,
            )
        )
    return found


def lowest_of(contenders: Sequence[Contender]) -> int:
    """The lowest landed price: of what can be had, where anything can."""
    there = [one.landed for one in contenders if one.in_stock]
    return min(there or [one.landed for one in contenders], default=0)


def highest_winning(
    one: Contender, others: Sequence[Contender]
) -> tuple[int | None, WhyNot | None]:
    """The highest price in minor units at which it is first, or why there is none."""
    if not one.in_stock and any(other.in_stock for other in others):
        return None, "out_of_stock"
    if _first(one, others, PRICE_MAX):  # nobody else has any
        return None, "alone"
    start = min(max(one.free_from or 1, 1), PRICE_MAX)
    for low, high in ((start, PRICE_MAX), (1, start)):
        if high > low and _first(one, others, low):
            return _highest(one, others, low, high), None
    return None, "beyond_price"


def _highest(one: Contender, others: Sequence[Contender], low: int, high: int) -> int:
    """The highest price below `high` at which it is first; at `low` it is."""
    while high - low > 1:
        middle = (low + high) // 2
        if _first(one, others, middle):
            low = middle
        else:
            high = middle
    return low


def _first(one: Contender, others: Sequence[Contender], price: int) -> bool:
    tried = one._replace(price=price)
    lowest = lowest_of([tried, *others])
    mine = _key(tried, lowest)
    return all(mine < _key(other, lowest) for other in others)


def _key(one: Contender, lowest: int) -> tuple[bool, int, int, int, int]:
    return (
        not one.in_stock,
        -(one.fixed + _price(one, lowest)),
        one.landed,
        one.offer.handling_days,
        one.offer.id.int,
    )


def _price(one: Contender, lowest: int) -> int:
    return min(PRICE, PRICE * lowest // one.landed)


def _condition(offer: Offer) -> int:
    return CONDITION * CONDITIONS[offer.condition] // 100


def _handling(offer: Offer) -> int:
    days = min(offer.handling_days, HANDLING_DAYS_MAX)
    return HANDLING * (HANDLING_DAYS_MAX - days) // HANDLING_DAYS_MAX


def _vendor(facts: Facts) -> int:
    """Half of it where nothing is known: neither better nor worse."""
    return VENDOR // 2 if facts.rating_bp is None else VENDOR * facts.rating_bp // 10_000


def _parts(one: Contender, lowest: int) -> list[Part]:
    """The parts of its score, each with what it follows from."""
    offer, facts = one.offer, one.facts
    shipping = "shipping not known"
    if facts.shipping is not None:
        cost = Money(minor=one.sending, currency=offer.price.currency)
        shipping = f"{cost.decimal()} shipping"
    price = f"{offer.price.decimal()} and {shipping}"
    days = "1 day" if offer.handling_days == 1 else f"{offer.handling_days} days"
    rated = "not rated yet" if facts.rating_bp is None else f"{facts.rating_bp // 100} of 100"
    return [
        Part(name="price", points=_price(one, lowest), most=PRICE, why=price),
        Part(name="condition", points=_condition(offer), most=CONDITION, why=offer.condition),
        Part(name="handling", points=_handling(offer), most=HANDLING, why=days),
        Part(name="vendor", points=_vendor(facts), most=VENDOR, why=rated),
    ]
