"""The demo's history before it happens: who buys what on which day, and how it ends.

A plan follows from its number alone, so that a seed which was killed goes on with the same one.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from haat.app.seeding.assortment import Goods
from haat.kernel.money import allocate

Verb = Literal[
    "accept", "ship", "deliver", "reject", "cancel", "refund",
    "ask_back", "agree", "refuse", "escalate", "send_back", "receive",
]  # fmt: skip
Way = Literal["card", "credits", "bank", "cod"]
SLOTS = 2
CARDS = ("4242424242424242", "5555555555554444")
DECLINING = ("4000000000009995", "4000000000000002", "4000000000000069")
SAVERS = 8  # so many customers, the first ones, have bought credits
SAVED = 25_000  # so many hundredths of a credit each; an order takes at most CREDITS_MOST of them
CREDITS_MOST = 6_000
CREDITS_TIMES = 4  # and each of them pays so often with credits
UNPAID_EVERY = 5  # of the bank transfers, one of so many never comes
DECLINED_EVERY = 30  # one more try with a card that is declined, for every so many orders
REASONS: dict[Verb, tuple[str, ...]] = {
    "reject": ("The last one broke in the kiln", "We cannot send to this address"),
    "cancel": ("Ordered twice by mistake", "Found it at home after all"),
    "refund": ("Arrived damaged", "Not the colour in the picture", "Sent one too few"),
    "ask_back": (
        "It is smaller than I thought.",
        "It arrived with a crack.",
        "Not what I ordered.",
    ),
    "refuse": ("It was made to your measure, and arrived as described.",),
    "escalate": ("The picture shows something else. Please have a look at it.",),
}
# How a return goes, as (days after delivery, what happens).
RETURNS: tuple[tuple[tuple[int, Verb], ...], ...] = (
    ((0, "ask_back"), (1, "agree"), (3, "send_back"), (5, "receive")),
    ((0, "ask_back"), (2, "agree"), (4, "send_back"), (6, "receive")),
    ((0, "ask_back"), (1, "refuse"), (3, "escalate")),
)
# The card holders of these orders (their place among those that nothing else befalls, in percent)
# have their banks take the money back, and how that ends. None: it is still open.
DISPUTED: tuple[tuple[int, Literal["won", "lost"] | None], ...] = (
    (12, "lost"),
    (35, "won"),
    (60, "lost"),
    (80, None),
    (90, None),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a market to make; at least SAVERS customers."""

    products: int = 300
    customers: int = 60
    orders: int = 420
    days: int = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """One purchase. `picks` are (product, variant, quantity); `slot` is the half of the day.

    `credits` is the percentage of the total that is paid with credits (CREDITS_MOST at most), the
    rest by card. `is_unpaid`: a bank transfer that never comes.

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
    way: Way = "card"
    credits: int = 0
    is_unpaid: bool = False

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
    spent: Counter[int] = Counter()
    for day, count in enumerate(allocate(size.orders, weights)):
        busy: set[int] = set()
        for _ in range(count):
            found.append(_paid(_plan(size, number, day, sold, busy), number, spent))
            if number % DECLINED_EVERY == DECLINED_EVERY - 1:
                found.append(_declined(found[-1], number))
            number += 1
    return found


def disputes(made: Sequence[Plan]) -> dict[str, Literal["won", "lost"] | None]:
    """The labels of the purchases whose card holders' banks take the money back."""
    calm = [plan for plan in made if plan.way == "card" and not plan.is_declined and _is_calm(plan)]
    return {calm[len(calm) * percent // 100].label: end for percent, end in DISPUTED if calm}


def steps(plan: Plan, part: int) -> list[Step]:
    """The life of the plan's vendor order with this place in it."""
    if plan.is_unpaid:
        return []
    life = _life(plan, part)
    if plan.way == "bank":  # the money comes on the next day
        return [replace(step, after_days=step.after_days + 1) for step in life]
    return life


def _is_calm(plan: Plan) -> bool:
    """Every part of it was delivered, and nobody wanted anything back."""
    calm = {"accept", "ship", "deliver"}
    return all(step.verb in calm for part in range(4) for step in steps(plan, part))


def _life(plan: Plan, part: int) -> list[Step]:
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
    elif fate > 0.91 and not plan.is_guest:
        for after_days, verb in dice.choice(RETURNS):
            why = dice.choice(REASONS[verb]) if verb in REASONS else ""
            life.append(Step(delivered + after_days, verb, why))
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


def _paid(plan: Plan, number: int, spent: Counter[int]) -> Plan:
    """The plan with its way to pay. `spent` counts how often each customer used credits."""
    dice = random.Random(f"way-{number}")
    kind = dice.random()
    if (
        not plan.is_guest
        and plan.shopper < SAVERS
        and kind < 0.4
        and spent[plan.shopper] < CREDITS_TIMES
    ):
        spent[plan.shopper] += 1
        return replace(plan, way="credits", credits=dice.choice((30, 50, 100)))
    if kind > 0.95:
        return replace(plan, way="cod")
    if kind > 0.90:
        return replace(plan, way="bank", is_unpaid=number % UNPAID_EVERY == 0)
    return plan


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
