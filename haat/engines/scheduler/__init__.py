"""Timers that run in one process of the installation at a time, and jobs for later.

A handler may run twice when a process is killed, so it must be able to.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

from haat.engines.scheduler.postgres import PostgresScheduler, open_scheduler


class Scheduler(Protocol):
    """Runs what was added, from `start` to `stop`."""

    def add(self, name: str, seconds: float, handler: Callable[[], Awaitable[None]]) -> None:
        """A timer: `handler` every `seconds` (at least 1), and never twice at a time.

        A missed tick is not made up for. Before `start`.
        """
        ...

    def task(
        self, name: str, handler: Callable[[dict[str, Any]], Awaitable[None]], *, tries: int = 8
    ) -> None:
        """Says who does the jobs called `name`; JSON arguments. Before `start`."""
        ...

    async def defer(
        self, name: str, args: dict[str, Any], *, at: datetime | None = None, id: str | None = None
    ) -> bool:
        """A job for now or for later, in whichever process has the task.

        False when a job of that name and `id` waits already.
        """
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Lets what runs end, for a while; what did not is done again by another process."""
        ...


__all__ = ["PostgresScheduler", "Scheduler", "open_scheduler"]
