"""The demo's history before it happens: who buys what on which day, and how it ends.

A plan follows from its number alone, so that a seed which was killed goes on with the same one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from haat.app.seeding.assortment import Goods
from haat.kernel.money import allocate

Verb = Literal["accept", "ship", "deliver", "reject", "cancel", "refund"]
SLOTS = 2
CARDS = ("4242424242424242", "5555555555554444")
DECLINING = ("4000000000009995", "4000000000000002", "4000000000000069")
DECLINED_EVERY = 30  # one more try with a card that is declined, for every so many orders
REASONS: dict[Verb, tuple[str, ...]] = {
    "reject": ("The last one broke in the kiln", "We cannot send to this address"),
    "cancel": ("Ordered twice by mistake", "Found it at home after all"),
    "refund": ("Arrived damaged", "Not the colour in the picture", "Sent one too few"),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How large a market to make."""

    products: int = 300
    customers: int = 60
    orders: int = 420
    days: int = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """One purchase. `picks` are (product, variant, quantity); `slot` is the half of the day.

    `seconds` before the clock's time, fewer than a checkout's lease: to the reactions it would
    else look as if whoever works on it were gone.
    """

    label: str
    day: int
    shopper: int
    is_guest: bool
    picks: tuple[tuple[int, int, int], ...]
    card: str
    slot: int
    seconds: int

    @property
    def is_declined(self) -> bool:
        return self.card in DECLINING


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one vendor order, so many days after the order."""

    after_days: int
    verb: Verb
    reason: str = ""
    share: int = 100  # of the amount, for a refund


def plans(size: Size, goods: Sequence[Goods]) -> list[Plan]:
    """All purchases, by day; more of them as the market grows and at weekends."""
    weights = [10 + 14 * day // size.days + (6 if day % 7 > 4 else 0) for day in range(size.days)]
    sold = [one for one in goods if one.is_plentiful]
    found = []
    number = 0
    for day, count in enumerate(allocate(size.orders, weights)):
        busy: set[int] = set()
        for _ in range(count):
            found.append(_plan(size, number, day, sold, busy))
            if number % DECLINED_EVERY == DECLINED_EVERY - 1:
                found.append(_declined(found[-1], number))
            number += 1
    return found


def steps(plan: Plan, part: int) -> list[Step]:
    """The life of the plan's vendor order with this place in it."""
    dice = random.Random(f"fate-{plan.label}-{part}")
    fate = dice.random()
    if fate < 0.04:
        return [Step(1, "reject", dice.choice(REASONS["reject"]))]
    if fate < 0.07 and not plan.is_guest:
        return [Step(1, "cancel", dice.choice(REASONS["cancel"]))]
    shipped = dice.choice((1, 2, 2, 3))
    delivered = shipped + dice.randint(2, 5)
    life = [Step(1, "accept"), Step(shipped, "ship"), Step(delivered, "deliver")]
    if fate > 0.94:
        share = dice.choice((25, 50, 100, 100))
        why = dice.choice(REASONS["refund"])
        life.append(Step(delivered + dice.randint(1, 3), "refund", why, share))
    return life


def _plan(size: Size, number: int, day: int, sold: Sequence[Goods], busy: set[int]) -> Plan:
    dice = random.Random(f"order-{number}")
    is_guest = dice.random() < 0.15
    # A person has one cart, so buys once a day; the demo's own customer buys more often.
    free = [one for one in range(size.customers) if one not in busy]
    who = 0 if 0 in free and dice.random() < 0.06 else dice.choice(free)
    if is_guest:
        who = size.customers + number
    busy.add(who)
    picks: dict[tuple[int, int], int] = {}
    first = dice.choice(sold)
    for place in range(dice.choices((1, 2, 3, 4), (45, 30, 17, 8))[0]):
        near = [one for one in sold if one.store == first.store]
        one = first if place == 0 else dice.choice(near if dice.random() < 0.45 else sold)
        choice = dice.randrange(len(one.choices))
        picks[one.number, choice] = dice.choices((1, 2, 3), (75, 20, 5))[0]
    return Plan(
        label=f"order-{number}",
        day=day,
        shopper=who,
        is_guest=is_guest,
        picks=tuple((product, choice, count) for (product, choice), count in picks.items()),
        card=dice.choice(CARDS),
        slot=dice.randrange(SLOTS),
        seconds=dice.randint(0, 14),
    )


def _declined(like: Plan, number: int) -> Plan:
    """A guest whose card is declined: no order comes of it."""
    dice = random.Random(f"declined-{number}")
    return Plan(
        label=f"declined-{number}",
        day=like.day,
        shopper=100_000 + number,
        is_guest=True,
        picks=like.picks[:1],
        card=dice.choice(DECLINING),
        slot=like.slot,
        seconds=dice.randint(0, 14),
    )
