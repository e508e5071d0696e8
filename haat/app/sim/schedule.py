"""The seeded scheduler: who may run on, and what goes wrong there.

Everything that leaves a simulated process first passes a gate. One gate opens at a time, and the
next only when nothing can run any more, so a run is the list of the gates in the order they opened.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal

from haat.app.sim.loop import VirtualLoop

if TYPE_CHECKING:
    from haat.app.sim.plan import Plan
    from haat.app.sim.process import Process
    from haat.app.sim.server import Flight, Server

Kind = Literal["read", "write", "inner", "call", "act", "clerk", "resume"]
Verdict = Literal["go", "crash before", "crash after", "lost before", "lost after"]
FAULTY: tuple[Verdict, ...] = ("crash before", "crash after", "lost before", "lost after")
CHANGES = frozenset({"write", "call", "act"})
STEP_S = 0.001
GATES_MAX = 60_000


class Killed(BaseException):
    """Thrown into the tasks of a process that was killed: nothing they try works any more."""


class Stuck(AssertionError):
    """Nothing can run and no time will change that."""


@dataclass(slots=True, eq=False)
class Gate:
    """One task that waits to be let on."""

    process: "Process | None"
    label: str
    kind: Kind
    point: str
    future: "asyncio.Future[Verdict]"
    ready: Callable[[], bool] | None = None
    weight: float = 1.0
    flight: "Flight | None" = None  # a statement that waited for a lock


@dataclass
class Coverage:
    """How often what was met."""

    passed: Counter[str] = field(default_factory=Counter)  # points, without a fault
    crashes: Counter[str] = field(default_factory=Counter)  # "before POINT", "after POINT"
    faults: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # states that things ended in

    @classmethod
    def of(cls, told: dict[str, dict[str, int]]) -> "Coverage":
        return cls(**{name: Counter(counts) for name, counts in told.items()})

    def add(self, other: "Coverage") -> None:
        for mine, theirs in zip(self._all(), other._all(), strict=True):
            mine.update(theirs)

    def _all(self) -> list[Counter[str]]:
        return [self.passed, self.crashes, self.faults, self.acts, self.ends]


class Schedule:
    """The gates of one run."""

    def __init__(self, plan: "Plan", server: "Server") -> None:
        self.plan = plan
        self.chance = Random(f"schedule {plan.seed}")
        self.coverage = Coverage()
        self.gates = 0  # that opened
        self.steps = 0  # those of them where something may have changed
        self.writes = 0  # how many statements wrote: what was looked at before may be old
        self.faulty = False  # whether things go wrong now
        self.deadly = False  # whether processes are killed where the plan says so
        self.over = False  # nothing is noted any more: what is left ends in any order
        self.trace: list[str] = []
        self.calmed = asyncio.Event()
        self.calm_at = 0  # the length of the trace when faults stopped
        self.crash: Callable[[Process, str], None] = lambda process, why: None
        self.loop = VirtualLoop(self._idle)
        self._hash = hashlib.blake2b(digest_size=16)
        self._server = server
        self._waiting: list[Gate] = []
        self._parked: list[Gate] = []
        self._seen: Counter[str] = Counter()
        self._killed: set[str] = set()
        self._last: str = ""
        self.until = plan.steps

    # -- tasks come here -------------------------------------------------------------------------

    async def pass_(
        self,
        process: "Process | None",
        kind: Kind,
        point: str,
        *,
        label: str,
        ready: Callable[[], bool] | None = None,
        weight: float = 1.0,
    ) -> Verdict:
        """Waits until this gate opens; what happens at it."""
        if process is not None and process.dead:
            raise Killed
        future: asyncio.Future[Verdict] = self.loop.create_future()
        gate = Gate(process, label, kind, point, future, ready, weight)
        self._waiting.append(gate)
        try:
            return await future
        finally:
            if gate in self._waiting:
                self._waiting.remove(gate)

    async def park(self, flight: "Flight", process: "Process", point: str, label: str) -> None:
        """The statement waits for a lock: others go on until it has it."""
        self.note(f"      {process.name} {label}: waits for a lock at {point}")
        self.coverage.faults["waited for a lock"] += 1
        gate = Gate(process, label, "resume", point, self.loop.create_future(), flight=flight)
        self._parked.append(gate)
        try:
            await gate.future
        except asyncio.CancelledError:
            if not process.dead:
                self._server.cancel(flight)
                self.settle()
            raise
        finally:
            for place in (self._parked, self._waiting):
                if gate in place:
                    place.remove(gate)

    def drop(self, process: "Process") -> None:
        """It was killed: nothing of it waits any more, and its statements are nobody's."""
        self._waiting = [one for one in self._waiting if one.process is not process]
        for gate in [one for one in self._parked if one.process is process]:
            assert gate.flight is not None
            self._parked.remove(gate)
            process.pool.held.pop(gate.flight.connection, None)
            gate.flight.is_orphan = True  # PostgreSQL goes on with it all the same

    def settle(self) -> None:
        """Lets the parked statements go on that have their lock now."""
        if not self._server.is_waited:
            return
        for flight in self._server.wake():
            for gate in [one for one in self._parked if one.flight is flight]:
                self._parked.remove(gate)
                self._waiting.append(gate)

    # -- the loop comes here ---------------------------------------------------------------------

    def _idle(self) -> None:
        """Nothing can run: opens a gate, or moves the time."""
        if self.gates > GATES_MAX:
            raise Stuck(f"no end after {GATES_MAX} gates")
        if self.faulty and self.steps >= self.until:
            self.faulty = False
            self.note("      faults stop, but for deaths")
            self.calm_at = len(self.trace)
            self.calmed.set()
            return
        self.settle()
        timer = self.loop.next_timer()
        jump_s = self._jump(timer)
        if jump_s:
            self.note(f"      time passes: {jump_s:g} s")
            self.loop.advance(jump_s)
            return
        options = [one for one in self._waiting if one.ready is None or one.ready()]
        if not options:
            if timer is None:
                raise Stuck("nothing can run, and nothing is waited for")
            self.loop.advance_to(timer)
            return
        self._open(self._choose(options))

    def _jump(self, timer: float | None) -> float:
        if not self.faulty or self.chance.random() >= self.plan.jump:
            return 0.0
        self.coverage.faults["time jumps"] += 1
        if timer is not None and self.chance.random() < 0.5:
            return max(0.001, timer - self.loop.time())
        return self.chance.choice(self.plan.jumps)

    def _choose(self, options: list[Gate]) -> Gate:
        if self._last and self.chance.random() < self.plan.stickiness:
            same = [one for one in options if one.label == self._last]
            if same:
                return same[0]
        weights = [one.weight for one in options]
        return self.chance.choices(options, weights)[0]

    def _open(self, gate: Gate) -> None:
        self.gates += 1
        self.steps += gate.kind in CHANGES
        self.loop.advance(STEP_S)
        self._waiting.remove(gate)
        self._last = gate.label
        verdict = self._verdict(gate)
        name = gate.process.name if gate.process else "--"
        told = "" if verdict == "go" else f"  ** {verdict}"
        self.note(
            f"{self.gates:5d} {self.loop.time():10.3f} {name} {gate.label}: {gate.point}{told}"
        )
        if gate.kind in ("write", "call"):
            self.coverage.passed[gate.point] += 1
        if verdict == "crash before":
            assert gate.process is not None
            self.crash(gate.process, f"before {gate.point}")
            return
        gate.future.set_result(verdict)

    def _verdict(self, gate: Gate) -> Verdict:
        if gate.process is None or gate.kind not in ("write", "call"):
            return "go"
        verdict = self._due(gate) if self.deadly else None
        if verdict is None and self.faulty:
            self._seen[gate.point] += 1
            crash = self.plan.crash_at(gate.point) == self._seen[gate.point]
            verdict = self.plan.verdict(self.chance, gate.kind, crash=crash)
        if verdict is None or verdict == "go":
            return "go"
        word, _, when = verdict.partition(" ")
        self.coverage.faults[verdict if word == "crash" else f"{gate.kind} {verdict}"] += 1
        if word == "crash":
            self.coverage.crashes[f"{when} {gate.point}"] += 1
        return verdict

    def _due(self, gate: Gate) -> Verdict | None:
        """Each once."""
        for key, verdict in (
            (gate.point, self.plan.due(gate.point)),
            (f"{gate.label}: {gate.point}", self.plan.cut(gate.label, gate.point)),
        ):
            if verdict is not None and key not in self._killed:
                self._killed.add(key)
                return verdict
        return None

    # -- what is told ----------------------------------------------------------------------------

    def note(self, line: str) -> None:
        if self.over:
            return
        self.trace.append(line)
        self._hash.update(line.encode() + b"\n")

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()

    @property
    def now(self) -> float:
        return self.loop.time()
