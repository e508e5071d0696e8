"""The way to the provider and back: a call passes a gate there and another on its return, so that a
message can be there before the answer."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from haat.app.sim.loop import label, owner
from haat.app.sim.schedule import Killed, Schedule
from haat.domains.money.payments.api import ProviderAway

T = TypeVar("T")
_HANGS_S = 6.0  # longer than a call may take


class Line:
    """What lies between the simulated processes and the network."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    async def __call__(self, point: str, act: Callable[[], T]) -> T:
        """What the network answers; ProviderAway, before or after it acted."""
        process, schedule = owner.get(), self._schedule
        assert process is not None
        verdict = await schedule.pass_(process, "call", point, label=label.get())
        if verdict == "lost before":
            raise ProviderAway
        answer = act()
        if verdict == "crash after":
            schedule.crash(process, f"after {point}")
            raise Killed
        if verdict == "lost after":
            await asyncio.sleep(_HANGS_S)
            raise ProviderAway
        await schedule.pass_(process, "read", f"{point}: its answer", label=label.get())
        return answer
