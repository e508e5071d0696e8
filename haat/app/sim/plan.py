"""What a seed decides about its run before it begins: which faults there are, how often, and how
the scheduler chooses. Some seeds are wild, some nearly calm: each finds what the other hides."""

import re
from dataclasses import dataclass
from random import Random

from haat.app.sim.schedule import Kind, Verdict

# What timers ask every few seconds, mostly in vain, and what every event passes: hit often enough.
_OFTEN = re.compile(
    r"^consumer\.(done: bus.queue|leased|turn)|^relay|resume_due|settle_due|inventory.expire"
    r"|telling|end_overdue|ask_again|void_due|resume_refunds|look_again|failures|paying.resume"
    r"|running|finish_due|cancellations.finish|collect_these|disputes.go_on|wallet.*resume"
    r"|sealing|send_due|cart.remove"
)
# What every purchase passes before anything else.
_FIRST = re.compile(
    r"quoting|placing.place|placing.take|reserve$|tenders.open|intend|notifications.tell|posting"
)
# What comes at the end of a long way: a run gets there only when nobody was killed before.
_DEEP = re.compile(
    r"write_placed|void_there|provider.void|expecting|reversing|end_here"
    r"|cancellations.(note|undo)|capturing|repaying.(enter|finish:)|tenders.void|wallet.tender"
    r"|record_refund|accruing|releasing|moving.refused|paying.changed|requesting.request"
)
# What few runs come to at all.
_RARE = re.compile(
    r"settling.settle:|unpaid|unblock|paying.clear|finishing.refund|returns.writing|shipping"
    r"|listing|heard_stray|(payouts|wallet).inbox|tender.void|orders.telling"
    r"|giving.moved: payments.payments|mark_paid|expecting.tell"
)
# What even those come to seldom: some seeds are for one of these, and let most else live. The
# first follow from what is under way when a run begins, the others need people.
_LATE = (
    "settling.settle:",
    "payouts.inbox",
    "wallet.inbox",
    "mark_paid",
    "mark_unpaid",
    "expecting.tell",
    "orders.telling",
)
_HARD = (*_LATE, "moving.refused", "paying.clear", "shipping.deliver", "tender.void", "unblock")


@dataclass(frozen=True, slots=True)
class Plan:
    """Chances are per gate, but `crash`: that a point is one at which somebody is killed."""

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
    focus: str  # the points that this seed is for
    timers: float  # how often one of the seed's favourite timers runs, and not any
    late: int  # the step at which people come; until then what was under way goes on

    @classmethod
    def of(cls, seed: int, steps: int) -> "Plan":
        chance = Random(f"plan {seed}")
        focus = chance.choice(_HARD) if chance.random() < 0.3 else ""
        stickiness = chance.choice([0.0, 0.3, 0.6, 0.85])
        late = chance.choice([0, 0, 120, 200])
        return cls(
            seed=seed,
            steps=steps,
            stickiness=0.85 if focus else stickiness,
            jump=chance.choice([0.0, 0.004, 0.012, 0.03]),
            jumps=chance.choice([(0.5, 5.0), (1.0, 21.0, 90.0), (5.0, 61.0, 1000.0)]),
            crash=chance.choice([0.04, 0.1, 0.2, 0.5]),
            lost=chance.choice([0.0, 0.0, 0.01, 0.04]),
            away=chance.choice([0.0, 0.1, 0.3]),
            busy=chance.choice([1.0, 1.5, 2.5]),
            eager=chance.choice([0.05, 0.2, 0.5]),
            crowd=chance.choice([2, 3, 4]),
            focus=focus,
            timers=chance.choice([0.0, 0.5, 0.8]),
            late=(200 if focus in _LATE else late) * steps // 200,
        )

    def crash_at(self, point: str) -> int:
        """The how-manyeth time the process that passes this point is killed there; 0: never."""
        chance = Random(f"crash {self.seed} {point}")
        if self.focus:
            if self.focus in point:
                return 1
            if chance.random() > 0.3:
                return 0
        if _RARE.search(point):
            return 1 if chance.random() < 0.9 else 0
        if _DEEP.search(point):
            return 1 if chance.random() < 0.35 else 0
        often = 0.3 if _OFTEN.search(point) or _FIRST.search(point) else 1.0
        if chance.random() >= self.crash * often:
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
