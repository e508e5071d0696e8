"""A bus whose events travel through a broker, and whose troubles stay in PostgreSQL.

Outboxes, inboxes, leases, waiting keys and dead letters are where they always are. The broker
carries what goes well: a relay sends it (`SendingRelay`), and whoever holds a line handles it
(`Arrivals`). When the broker is away, events wait in their outboxes.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from haat.engines.bus.arrivals import Arrivals
from haat.engines.bus.carrier import Away, Carrier, Inflow, Line, Waiting
from haat.engines.bus.handling import one_line
from haat.engines.bus.port import SQL_TROUBLES, Backlog, Limits, Route, Source, Subscription
from haat.engines.bus.postgres import PostgresBus
from haat.engines.bus.relay import Relay
from haat.engines.bus.sending import SendingRelay
from haat.engines.bus.shares import Shares
from haat.engines.endings import end
from haat.engines.sql import Pool
from haat.kernel.clock import Clock
from haat.kernel.events import Event

log = structlog.get_logger()

_TROUBLES = (Away, *SQL_TROUBLES)
_SOON_S = 0.25  # until a line that somebody is to give up is asked for again


class BrokeredBus(PostgresBus):
    """Any number of processes may each have one, on one broker.

    Processes that hear the same subscribers must have the same database for `pool`.
    """

    def __init__(
        self,
        pool: Pool,
        carrier: Carrier,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(pool, clock=clock, limits=limits)
        self.carrier = carrier
        self._lines: dict[Line, _Holding] = {}
        self._by_name: dict[str, list[Subscription]] = {}
        self._shares: Shares | None = None
        self._leaving = False
        self._hurried = False

    def wants(self, routes: Iterable[Route]) -> Callable[[Event], bool]:
        """The world hears all of them, if it hears any."""
        return (lambda _: True) if self.carrier.outside else super().wants(routes)

    def _new_relay(self, sources: Sequence[Source], routes: Iterable[Route]) -> Relay:
        return SendingRelay(self._pool, self.carrier, sources, routes, self._limits)

    async def start(
        self,
        sources: Sequence[Source],
        subscriptions: Sequence[Subscription],
        *,
        routes: Iterable[Route] = (),
    ) -> None:
        """As `Bus` says; a broker that is away is waited for in the background."""
        routes = list(routes)
        names = {one.subscriber for one in routes} | {one.subscriber for one in subscriptions}
        try:
            await self.carrier.open(names)
        except Away as error:
            log.warning("broker_away", error=str(error))
        await super().start(sources, subscriptions, routes=routes)
        self._by_name = {}
        for subscription in subscriptions:
            self._by_name.setdefault(subscription.subscriber, []).append(subscription)
        if subscriptions:
            lease_s = self._limits.lease_s
            self._shares = Shares(self._pool, self._by_name, self.carrier.partitions, lease_s)
            self._running.append(asyncio.create_task(self._share(self._shares)))

    async def stop(self, timeout_s: float = 20) -> None:
        """Lets running handlers end, at most that long, and gives the lines back."""
        self._leaving = True  # no new lines from here on, but those we hold stay ours
        await _end_all(list(self._lines.values()), timeout_s)
        self._lines.clear()
        await super().stop(timeout_s)
        if self._shares is not None:
            try:
                await self._shares.leave()
            except _TROUBLES as error:  # the leases run out, then
                log.warning("lines_not_given_back", error=one_line(error))
        self._shares, self._leaving = None, False
        await self.carrier.close()

    # -- sharing -------------------------------------------------------------------------------

    async def _share(self, shares: Shares) -> None:
        """Keeps this process's leases alive, and holds the lines that are its share."""
        while True:
            pause_s = self._limits.lease_s / 3
            try:
                wanted = await shares.turn()
                if not self._leaving:
                    await self._give_up(shares, self._lines.keys() - wanted)
                    self._take_up(shares, wanted)
                if shares.share_missing:
                    pause_s = min(pause_s, _SOON_S)
            except Exception as error:  # noqa: BLE001 - or this process would lose its lines
                log.warning("lines_not_shared", error=one_line(error))
                pause_s = min(pause_s, self._limits.poll_s)
            await asyncio.sleep(pause_s)

    def _take_up(self, shares: Shares, lines: Iterable[Line]) -> None:
        """Holds lines that it does not, also those it had lost."""
        for line in lines:
            before = self._lines.get(line)
            if before is None or before.task.done():
                holding = _Holding(self, line, self._by_name[line.subscriber], shares)
                holding.hurry = self._hurried
                self._lines[line] = holding

    async def _give_up(self, shares: Shares, lines: Iterable[Line]) -> None:
        """Lets go of lines; those whose batch has not ended yet are given back next time."""
        for line in list(lines):
            holding = self._lines[line]
            holding.stop()
            if holding.task.done():
                del self._lines[line]
                if line in shares.held:
                    await shares.give_back([line])

    # -- looking -------------------------------------------------------------------------------

    async def idle(self) -> bool:
        """Whether nothing is left to do now; a broker that is away has something, for all we know.

        Letters move from outboxes to the broker, and from there to PostgreSQL's queue: looked at
        in this order, twice.
        """
        for _ in range(2):
            try:
                if await self._outboxes() or await self.carrier.waiting():
                    return False
            except Away:
                return False
            if any(holding.in_hand for holding in self._lines.values()):
                return False
        return await super().idle()

    def hurry(self, yes: bool) -> None:
        super().hurry(yes)
        self._hurried = yes
        for holding in self._lines.values():
            holding.hurry = yes

    async def backlog(self) -> list[Backlog]:
        """What waits at the broker and what was set aside; without a broker, the latter alone."""
        found = {one.subscriber: one for one in await super().backlog()}
        try:
            at_broker = await self.carrier.waiting()
        except Away as error:
            log.warning("broker_away", error=str(error))
            at_broker = {}
        for name, waiting in at_broker.items():
            found[name] = _added(name, waiting, found.get(name))
        return [found[name] for name in sorted(found)]

    # -- for those who hold lines --------------------------------------------------------------

    def arrivals(self, line: Line, shares: Shares, inflow: Inflow) -> Arrivals:
        def ours() -> bool:
            return shares.good and line in shares.held

        members = self._by_name[line.subscriber]
        return Arrivals(self._pool, members, self._limits, self._clock, ours, inflow)

    @property
    def limits(self) -> Limits:
        return self._limits

    def set_aside(self, subscriber: str) -> None:
        """Something of this subscriber waits in PostgreSQL now."""
        self._routed({subscriber})


class _Holding:
    """A line in this process: its task takes it, works on it, and gives it back at the end."""

    def __init__(
        self, bus: BrokeredBus, line: Line, members: Sequence[Subscription], shares: Shares
    ) -> None:
        self._bus = bus
        self._line = line
        self._batch = max(one.reaction.batch for one in members)
        self._shares = shares
        self._stopping = False
        self._inflow: Inflow | None = None
        self._arrivals: Arrivals | None = None
        self.hurry = False
        self.task = asyncio.create_task(self._run())

    @property
    def in_hand(self) -> int:
        return self._inflow.in_hand if self._inflow is not None else 0

    def stop(self) -> None:
        """The run under way ends, and then the task."""
        self._stopping = True
        if self._arrivals is not None:
            self._arrivals.stop()
        if self._inflow is not None:
            self._inflow.interrupt()

    def _over(self) -> bool:
        return self._stopping or not self._shares.good or self._line not in self._shares.held

    async def _run(self) -> None:
        """Until `stop`, or until the lease is lost. Trouble is logged and outlived."""
        while not self._over():
            try:
                self._inflow = await self._bus.carrier.take(self._line, 2 * self._batch)
                self._arrivals = self._bus.arrivals(self._line, self._shares, self._inflow)
                try:
                    await self._work(self._arrivals, self._inflow)
                finally:
                    await self._inflow.close()
                    self._inflow = None
            except Exception as error:  # noqa: BLE001 - or nothing would be heard any more
                log.warning("line_failed", line=f"{self._line}", error=one_line(error))
                await asyncio.sleep(self._bus.limits.poll_s)

    async def _work(self, arrivals: Arrivals, inflow: Inflow) -> None:
        limits = self._bus.limits
        while not self._over():
            parcels = await inflow.fetch(self._batch, limits.lease_s / 3)
            if not parcels or self._over():
                continue
            if await arrivals.work(parcels):
                self._bus.set_aside(self._line.subscriber)
            if len(parcels) < self._batch and not self.hurry and not self._over():
                # A turn costs about the same for one event as for fifty: let some collect.
                await asyncio.sleep(limits.consumer_rest_s)


async def _end_all(holdings: Iterable[_Holding], timeout_s: float) -> None:
    tasks = []
    for holding in holdings:
        holding.stop()
        tasks.append(holding.task)
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)
        await end(tasks)


def _added(name: str, waiting: Waiting, aside: Backlog | None) -> Backlog:
    if aside is None:
        return Backlog(name, waiting.letters, 0, waiting.age_s)
    age_s = max(aside.age_s, waiting.age_s)
    return Backlog(name, aside.waiting + waiting.letters, aside.parked, age_s)
