"""How one subscriber works on a batch: in runs, in order for each key, a failing key alone.

Where the events come from and how they are acknowledged is the business of the two that fill this
in: `Consumer`, which reads PostgreSQL's queue, and `Arrivals`, which reads a broker's.
"""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import structlog

from haat.engines.bus.delivery import deliver
from haat.engines.bus.port import EVERYTHING, Limits, Subscription
from haat.kernel.clock import Clock
from haat.kernel.errors import Unavailable

log = structlog.get_logger()


class Handling(ABC):
    """The subscriptions that go by one name. A row is a mapping with at least `type`, `key`,
    `envelope` (decoded) and `attempts` (how often it failed before)."""

    def __init__(self, subscriptions: Sequence[Subscription], limits: Limits, clock: Clock) -> None:
        self.name = subscriptions[0].subscriber
        self._by_type = {one.route.topic: one for one in subscriptions}
        # What one handler hears of several types it takes together, in the order it came in.
        self._alike = {
            topic: {name: two for name, two in self._by_type.items() if _same(one, two)}
            for topic, one in self._by_type.items()
        }
        most = max(one.reaction.batch for one in subscriptions)
        self._batch = min(most, limits.batch_max)
        self._limits = limits
        self._clock = clock
        self._stopping = False
        assert len(self._by_type) == len(subscriptions), f"{self.name} hears one event twice"
        schemas = {one.database.schema for one in subscriptions}
        assert len(schemas) == 1, f"{self.name} is the name of several modules"
        alone = EVERYTHING not in self._by_type or len(subscriptions) == 1
        assert alone, f"{self.name} hears everything and something"

    @abstractmethod
    async def _done(self, run: Sequence[Any]) -> None:
        """These were handled: acknowledge them."""

    @abstractmethod
    async def _held(self, run: Sequence[Any], attempts: dict[str, int]) -> None:
        """These failed: their keys wait (see `_delay`), with that many tries behind them."""

    @abstractmethod
    async def _buried(self, row: Any, attempts: int, story: str) -> None:
        """This one had its tries: it is a dead letter, and its key waits for somebody."""

    def _ending(self) -> bool:
        """Whether to leave what is left for later, or to whoever comes next."""
        return self._stopping

    async def _handle(self, rows: Sequence[Any]) -> None:
        """Every row once, in order for each key; a failing key's later rows are left for later."""
        left = [dict(row) for row in rows]
        while left and not self._ending():
            run, left = self._next_run(left)
            failed = await self._try(run)
            left = [row for row in left if row["key"] not in failed]
            recovered = {row["key"] for row in run if row["attempts"]} - failed
            for row in left:
                if row["key"] in recovered:
                    row["attempts"] = 0  # those tries were its forerunner's

    def _next_run(self, rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The longest set that one handler can take at once, and the rest.

        A row stays behind when an earlier row of its key does. One that failed before goes alone,
        so that it cannot spoil a batch again.
        """
        first = rows[0]
        if first["attempts"]:
            return [first], list(rows[1:])
        kind = self._of(first)
        most = kind.reaction.batch if kind else 1
        run: list[Any] = []
        rest: list[Any] = []
        behind: set[str] = set()
        for row in rows:
            alike = _same(self._of(row), kind) and not row["attempts"]
            if alike and row["key"] not in behind and len(run) < most:
                run.append(row)
            else:
                rest.append(row)
                behind.add(row["key"])
        return run, rest

    def _of(self, row: Any) -> Subscription | None:
        return self._by_type.get(row["type"]) or self._by_type.get(EVERYTHING)

    async def _try(self, run: list[Any]) -> set[str]:
        """Hands a run over, one by one if it fails together; the keys that failed."""
        error = await self._attempt(run)
        if error is None:
            return set()
        if len(run) == 1 or isinstance(error, Unavailable):
            await self._failed(run, error)
            return {row["key"] for row in run}
        failed: set[str] = set()
        for row in run:
            if row["key"] in failed:
                continue
            if self._ending():
                failed.add(row["key"])
                continue
            error = await self._attempt([row])
            if error is not None:
                await self._failed([row], error)
                failed.add(row["key"])
        return failed

    async def _attempt(self, run: Sequence[Any]) -> Exception | None:
        subscription = self._of(run[0])
        if subscription is None:  # a newer process may know it; a dead letter tells if none does
            return LookupError(f"{self.name} does not hear {run[0]['type']}")
        raw = [row["envelope"] for row in run]
        try:
            alike = self._alike[subscription.route.topic]
            await deliver(subscription, raw, self._clock, self._limits.handler_s, alike)
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way
            return error
        await self._done(run)
        return None

    async def _failed(self, run: Sequence[Any], error: Exception) -> None:
        """Lets the keys of `run` wait, or parks the key of an event that had its tries.

        What is Unavailable is not the event's fault and never makes it a dead letter.
        """
        limits, outage = self._limits, isinstance(error, Unavailable)
        first = run[0]
        attempts = first["attempts"] + 1
        facts = {"subscriber": self.name, "type": first["type"], "key": first["key"]}
        if not outage and attempts >= limits.tries:
            story = _story(error)
            log.error("event_dead", **facts, attempts=attempts, error=story)
            await self._buried(first, attempts, story)
            return
        log.warning("event_failed", **facts, attempts=attempts, error=one_line(error), n=len(run))
        keys: dict[str, int] = {}
        for row in run:
            tried = row["attempts"] + 1
            keys.setdefault(row["key"], min(tried, max(1, limits.tries - 2)) if outage else tried)
        await self._held(run, keys)

    def _delay(self, tried: int) -> float:
        """How many seconds a key waits after so many tries."""
        return min(self._limits.backoff_s * 2.0 ** (tried - 1), self._limits.backoff_max_s)


def _same(one: Subscription | None, two: Subscription | None) -> bool:
    """Whether one call may take the events of both."""
    if one is None or two is None:
        return one is two
    return one.reaction.handler is two.reaction.handler


def one_line(error: BaseException) -> str:
    """Kind and first line: what follows may quote rows, and rows may be personal."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:500]


def _story(error: Exception) -> str:
    """The same, and where it happened."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([one_line(error), *places])
