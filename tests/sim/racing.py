"""Many at once: two processes of one market, whose people, timers and providers all act in the same
moment, over a provider that is slow, loses answers, and says things twice.

Nothing is expected of any single action but an answer that callers know (a Problem). What must hold
is the end: everything has ended, the books prove themselves, and hold what the provider holds.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import ProviderAway
from haat.engines.bus import Subscription
from haat.engines.bus.delivery import deliver
from haat.kernel.contract import Contract
from haat.kernel.errors import Problem
from haat.kernel.events import Timer, noted_in
from haat.kernel.ids import derive
from tests.sim.network import Network
from tests.sim.world import World, world

_LATEST_S = 0.01
_ROUNDS_MAX = 200
Act = Callable[[], Awaitable[Any]]


def _until(chance: Random) -> float | None:
    """When a process dies, if it does: in the middle of whatever it waits for then."""
    return chance.random() * 4 * _LATEST_S if chance.random() < 0.1 else None


@dataclass
class Weather(Network):
    """The network on a bad day: slow, and with answers that get lost before or after it acted."""

    chance: Random = field(default_factory=Random)
    bad: bool = False

    async def hold(self, *args: Any, **more: Any) -> Any:
        return await self._through(partial(super().hold, *args, **more))

    async def capture(self, *args: Any, **more: Any) -> Any:
        return await self._through(partial(super().capture, *args, **more))

    async def void(self, *args: Any, **more: Any) -> Any:
        return await self._through(partial(super().void, *args, **more))

    async def refund(
        self, ctx: Any, payment_id: UUID, refund_id: UUID, *args: Any, **more: Any
    ) -> Any:
        # What was taken for no order is asked for once: whether that fails is for people to see.
        once = refund_id in [derive(payment_id, name) for name in ("undone", "stray")]
        act = partial(super().refund, ctx, payment_id, refund_id, *args, **more)

        async def somehow() -> Any:
            if self.bad:
                ends: list[Any] = ["done"] if once else ["done", "done", "pending", "failed"]
                self.next_refund = self.chance.choice(ends)
            return await act()

        return await self._through(somehow)

    async def disburse(self, *args: Any, **more: Any) -> Any:
        act = partial(super().disburse, *args, **more)

        async def somehow() -> Any:
            if self.bad:
                ends: list[Any] = ["paid", "paid", "pending", "failed"]
                self.next_payout = self.chance.choice(ends)
            return await act()

        return await self._through(somehow)

    async def _through(self, call: Act) -> Any:
        if not self.bad:
            return await call()
        await asyncio.sleep(self.chance.random() * _LATEST_S)
        if self.chance.random() < 0.05:
            raise ProviderAway
        answer = await call()
        await asyncio.sleep(self.chance.random() * _LATEST_S)
        if self.chance.random() < 0.05:
            raise ProviderAway
        return answer


@dataclass
class Bus:
    """Hands events on: each subscriber's in order for every key, the keys in any order, a failing
    one again later, and each once more than needed now and then."""

    worlds: Sequence[World]
    chance: Random
    heard: dict[tuple[str, str], deque[tuple[str, Any]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    busy: set[tuple[str, str]] = field(default_factory=set)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    async def pump(self, *, all_of_it: bool = False) -> int:
        """Fetches what was told and delivers the oldest of some keys, or of all; how many."""
        await asyncio.shield(self._fetch())  # whoever dies here takes no event along
        waiting = [key for key, queue in self.heard.items() if queue and key not in self.busy]
        self.chance.shuffle(waiting)
        chosen = waiting if all_of_it else waiting[: 1 + len(waiting) // 2]
        self.busy.update(chosen)
        await asyncio.gather(*(self._next(key) for key in chosen))
        return len(chosen)

    async def _fetch(self) -> None:
        for row in await self.worlds[0].pool.fetch(self.worlds[0]._take):
            raw = json.loads(row["envelope"])
            for one in self.worlds[0]._routes[row["type"]]:
                self.heard[one.subscriber, str(raw["key"])].append((row["type"], raw))

    async def _next(self, key: tuple[str, str]) -> None:
        try:
            kind, raw = self.heard[key][0]
            times = 2 if self.chance.random() < 0.1 else 1
            for _ in range(times):
                subscription = self._subscription(kind, key[0])
                async with asyncio.timeout(_until(self.chance)):
                    await deliver(subscription, [raw], self.worlds[0].clock, 60)
                if times == 2 and not subscription.reaction.writes:
                    await self.worlds[0]._forget(subscription, raw)
            self.heard[key].popleft()
        except TimeoutError:
            self.failures[key] = "died"
        except Problem as problem:
            self.failures[key] = f"{problem!r}"
        finally:
            self.busy.discard(key)

    def _subscription(self, kind: str, name: str) -> Subscription:
        market = self.chance.choice(self.worlds)
        return next(one for one in market._routes[kind] if one.subscriber == name)

    async def all(self) -> None:
        """Until nothing is waiting any more; who died at it holds nothing up."""
        self.busy.clear()
        for _ in range(_ROUNDS_MAX):
            if not await self.pump(all_of_it=True):
                return
        raise AssertionError(f"events that are never heard: {self.failures}")


@dataclass
class Race:
    """Two processes over one database, with one clock and one provider."""

    worlds: tuple[World, World]
    network: Weather
    chance: Random
    bus: Bus
    unknown: list[BaseException] = field(default_factory=list)

    def of(self, contract: type[Contract]) -> Any:
        """In either process."""
        return self.chance.choice(self.worlds).of(contract)

    def system(self) -> Any:
        return self.worlds[0].system()

    async def at_once(self, acts: Sequence[Act]) -> list[Any]:
        """All of them, each beginning at a moment of its own, some dying on their way. Their
        answers, None for a refusal."""

        async def one(act: Act) -> Any:
            await asyncio.sleep(self.chance.random() * 2 * _LATEST_S)
            try:
                async with asyncio.timeout(_until(self.chance)):
                    return await act()
            except (Problem, TimeoutError):
                return None
            except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
                self.unknown.append(error)
                return None

        mixed = list(acts)
        self.chance.shuffle(mixed)
        answers = await asyncio.gather(*map(one, mixed))
        assert not self.unknown, self.unknown[0]
        return answers

    def timers(self, count: int) -> list[Act]:
        """Some timers, of either process."""
        found: list[Act] = []
        for market in self.worlds:
            for module in market.modules:
                if module.reactions is None:
                    continue
                service = market.services[module.contract]
                noted = noted_in(module.reactions).timers
                found += [partial(self._run, timer, service) for timer in noted]
        return self.chance.choices(found, k=count)

    async def say(self) -> None:
        """One of the provider's messages, in any order, perhaps twice."""
        messages = self.network.messages
        if not messages:
            return
        messages.rotate(self.chance.randrange(len(messages)))
        event = messages.popleft()
        try:
            await self._heard(event)
        except (ProviderAway, TimeoutError, asyncio.CancelledError):  # it is sent again
            messages.append(event)
            raise

    async def _heard(self, event: str) -> None:
        body = json.dumps({"event": event}).encode()
        for _ in range(self.chance.choice([1, 1, 2])):
            payments = next(
                service
                for contract, service in self.chance.choice(self.worlds).services.items()
                if contract.contract_name == "payments"
            )
            await payments.webhook(self.system(), provider="test", headers={}, body=body)

    async def rest(self, by: timedelta, times: int) -> None:
        """The bad day is over: everything that waits is heard and done."""
        for _ in range(times):
            self.worlds[0].clock.advance(by)
            while self.network.messages:
                with suppress(ProviderAway):
                    await self.say()
            await self.bus.all()
            for act in self._every_timer():
                await act()
                await self.bus.all()

    async def _run(self, timer: Timer, service: Any) -> None:
        await timer.handler(service, self.system())

    def _every_timer(self) -> list[Act]:
        market = self.worlds[0]
        return [
            partial(self._run, timer, market.services[module.contract])
            for module in market.modules
            if module.reactions is not None
            for timer in noted_in(module.reactions).timers
        ]


@asynccontextmanager
async def race(database_url: str, seed: int) -> AsyncIterator[Race]:
    """A race in a fresh market."""
    chance = Random(seed)
    network = Weather(chance=chance)
    async with world(database_url) as first, world(database_url) as second:
        second.clock = first.clock
        for market in (first, second):
            market.network = network
            payments = next(c for c in market.services if c.contract_name == "payments")
            market.services[payments]._providers["test"] = network
        both = (first, second)
        yield Race(both, network, chance, Bus(both, chance))
