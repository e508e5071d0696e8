"""What a seed decides about its run before it begins: which faults there are, how often, and how
the scheduler chooses. Some seeds are wild, some nearly calm: each finds what the other hides."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from zlib import crc32

from haat.app.sim.schedule import Kind, Verdict

# Every point, whatever it is called, is due in one seed of so many: whoever passes it first is
# killed there, in turns before and after it. So each is hit as often, however long the way to it.
EVERY = 25

# Points that a run does not come to by itself: in the seeds in which they are due, somebody goes
# there (errands.py).
ERRANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "purchase": (
            "checkout.quoting.quote: checkout.quotes",
            "checkout.placing.place: checkout.checkouts",
            "checkout.placing.take: checkout.checkouts",
            "checkout.standing.write_placed: checkout.checkouts",
            "inventory.promise: inventory.reservations",
            "orders.placing.create: orders.lines",
            "payments.charging.move: payments.outbox",
            "provider.hold",
            "wallet.moving.write: wallet.moves",
        ),
        "give_back": (
            "payments.giving.moved: payments.payments",
            "settlement.repaying.finish: settlement.refunds",
        ),
        "send_back": (
            "payouts.accruing.block: commit",
            "payouts.accruing.unblock: commit",
            "returns.finishing.go_on: returns.returns",
            "returns.finishing.refund: returns.returns",
            "returns.requesting.request: commit",
            "returns.writing.move: returns.lines",
        ),
        "take_fee": (
            "payouts.charging.charge: payouts.charges",
            "payouts.charging.finish: payouts.charges",
        ),
        "decide": (
            "delivery.call: payouts.inbox",
            "delivery.call: wallet.inbox",
            "payouts.moving.approved: commit",
        ),
        "turn_down": ("payouts.paying.decide: payouts.payouts",),
        "deliver": (
            "orders.listing.relist: orders.order_list",
            "orders.moving.move: orders.outbox",
            "shipping.book: shipping.outbox",
            "shipping.deliver: commit",
        ),
        "count": ("inventory.keeping.count: inventory.movements",),
        "overdraw": ("payouts.moving.refused: commit",),
        "clear_up": ("payouts.paying.clear: payouts.payouts",),
        "give_up": ("wallet.tender.void: wallet.moves",),
        "late_yes": ("payments.charging.heard_stray: payments.payments",),
        "neglect": ("orders.listing.mend_lists: orders.order_list",),
    }
)
# Where an errand itself wants its process to be killed: what is due follows from that.
_BEFORE_THE_FEE: tuple[str, Verdict] = ("payouts.charging.finish: payouts.charges", "crash before")
CUTS: Mapping[str, tuple[str, Verdict]] = MappingProxyType(
    {
        "overdraw": _BEFORE_THE_FEE,
        "clear_up": _BEFORE_THE_FEE,
        "give_up": ("settlement.tenders.open: settlement.charges", "crash after"),
    }
)
# Errands that end elsewhere when anything comes between: theirs are quiet seeds, in which nothing
# else is due, nobody is in their way, and the network is good.
ALONE = (*CUTS, "late_yes", "neglect")
# Prime to EVERY: what is due elsewhere must not be due in quiet seeds only.
EVERY_QUIET = 37
_QUIET: Mapping[str, int] = MappingProxyType(
    {point: place for place, name in enumerate(ALONE) for point in ERRANDS[name]}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Chances are per gate, but `crash`: that a point is one at which somebody is killed, beside
    those that are due."""

    seed: int
    steps: int
    stickiness: float  # how likely whoever ran last runs on
    jump: float  # that time passes although something could run
    jumps: tuple[float, ...]  # by so many seconds
    crash: float
    lost: float  # that the database's answer is lost
    away: float  # that the provider's is
    busy: float  # how eager reactions and timers are
    eager: float  # how eager people are to begin something
    crowd: int
    timers: float  # how often one of the seed's favourite timers runs, and not any
    late: int  # the step at which people come; until then what was under way goes on
    errands: tuple[str, ...]
    quiet: bool  # nothing but the errand is under way
    batch: int  # how many events a subscriber takes at once

    @classmethod
    def of(cls, seed: int, steps: int) -> "Plan":
        chance = Random(f"plan {seed}")
        errands = [
            name for name, points in ERRANDS.items() if any(due(seed, one) for one in points)
        ]
        alone = [name for name in errands if name in ALONE]
        plan = cls(
            seed=seed,
            steps=steps,
            stickiness=chance.choice([0.0, 0.3, 0.6, 0.85]),
            jump=chance.choice([0.0, 0.004, 0.012, 0.03]),
            jumps=chance.choice([(0.5, 5.0), (1.0, 21.0, 90.0), (5.0, 61.0, 1000.0)]),
            crash=chance.choice([0.0, 0.02, 0.06, 0.2]),
            lost=chance.choice([0.0, 0.0, 0.01, 0.04]),
            away=chance.choice([0.0, 0.1, 0.3]),
            busy=chance.choice([1.0, 1.5, 2.5]),
            eager=chance.choice([0.05, 0.2, 0.5]),
            crowd=chance.choice([2, 3, 4]),
            timers=chance.choice([0.0, 0.5, 0.8]),
            late=chance.choice([0, 0, 120, 200]) * steps // 200,
            errands=tuple(alone or errands),
            quiet=bool(alone),
            batch=chance.choice([1, 2, 100]),
        )
        if not alone:
            return plan
        return replace(plan, stickiness=0.85, jump=0.0, crash=0.0, lost=0.0, away=0.0, late=steps)

    def due(self, point: str) -> Verdict | None:
        """How the first process that passes this point is killed there, if it is."""
        if self.quiet and point not in ERRANDS[self.errands[0]]:
            return None
        return due(self.seed, point)

    def cut(self, errand: str, point: str) -> Verdict | None:
        """The same, of an errand's own process."""
        where, verdict = CUTS.get(errand, ("", None))
        return verdict if point == where else None

    def crash_at(self, point: str) -> int:
        """The how-manyeth time another process that passes this point is killed there; 0: none."""
        chance = Random(f"crash {self.seed} {point}")
        if chance.random() >= self.crash:
            return 0
        return chance.choice([1, 1, 1, 2])

    def favourites(self, count: int) -> list[int]:
        """The places, of `count` timers, of those that this seed runs more often."""
        return Random(f"timers {self.seed}").sample(range(count), min(4, count))

    def verdict(self, chance: Random, kind: Kind, *, crash: bool) -> Verdict:
        """What happens at a gate."""
        if crash:
            return "crash before" if chance.random() < 0.5 else "crash after"
        if chance.random() < (self.away if kind == "call" else self.lost):
            return "lost before" if chance.random() < 0.4 else "lost after"
        return "go"


def due(seed: int, point: str) -> Verdict | None:
    """Half of a point's seeds kill before it, half after."""
    if point in _QUIET:  # each in seeds of its own
        turn, left = divmod(seed + _QUIET[point], EVERY_QUIET)
    else:
        turn, left = divmod(seed + crc32(point.encode()), EVERY)
    if left:
        return None
    return "crash after" if turn % 2 else "crash before"
