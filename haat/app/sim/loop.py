"""An event loop whose time is made up: when nothing can run, it asks what may run next."""

import asyncio
from asyncio import base_events
from collections.abc import Callable
from contextvars import Context as TaskContext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from haat.kernel.chance import source

if TYPE_CHECKING:
    from haat.app.sim.process import Process

# Whose work a task is, for the schedule; and which simulated process it runs in.
label: ContextVar[str] = ContextVar("sim_label", default="main")
owner: ContextVar["Process | None"] = ContextVar("sim_owner", default=None)


class VirtualLoop(base_events.BaseEventLoop):
    """Without sockets: what leaves the process goes through gates. `idle` is called whenever no
    callback is ready; it makes one ready, or moves the time."""

    def __init__(self, idle: Callable[[], None]) -> None:
        super().__init__()
        self._seconds = 0.0
        self._idle = idle
        self._selector = self
        self.born: Callable[[asyncio.Task[Any]], None] = lambda task: None
        self.set_task_factory(self._task)

    def time(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    def next_timer(self) -> float | None:
        """When the next timer of the loop is due."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        waiting = [handle.when() for handle in scheduled if not handle.cancelled()]
        return min(waiting) if waiting else None

    def advance_to(self, when: float) -> None:
        self._seconds = max(self._seconds, when)

    # -- what BaseEventLoop asks of a real one ---------------------------------------------------

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._idle()
        return []

    def _process_events(self, events: list[Any]) -> None:
        """Nothing arrives by itself."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, work: Callable[..., Any], *args: Any
    ) -> Any:
        """At once: a thread would end when it likes."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(work(*args))
        except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
            future.set_exception(error)
        return future

    def _task(
        self, loop: Any, work: Any, *, context: TaskContext | None = None
    ) -> asyncio.Task[Any]:
        """A task belongs where the one that made it does, even with a context of its own."""
        if context is not None:
            variables: list[ContextVar[Any]] = [source, label, owner]
            for variable in variables:
                context.run(variable.set, variable.get())
        task = asyncio.Task(work, loop=loop, context=context)
        self.born(task)
        return task
