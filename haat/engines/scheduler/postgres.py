"""The scheduler on PostgreSQL: timers of our own, jobs by procrastinate in schema `scheduler`.

Why timers are not procrastinate's: docs/decisions/0007-timers.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import AlreadyEnqueued
from psycopg_pool import AsyncConnectionPool

from haat.engines.scheduler.timers import AWAY, Pool, Timers
from haat.kernel.errors import Unavailable

log = structlog.get_logger()

_STALLED = "scheduler.retry_stalled"
_OLD = "scheduler.forget_failed"
_DAY_S = 86_400
_KEEP_HOURS = 30 * 24  # a job that failed for good stays to be looked at, this long
_CONCURRENCY = 4


async def open_scheduler(
    url: str, *, lease_s: float = 15, heartbeat_s: float = 10
) -> "PostgresScheduler":
    """A scheduler on this database, not started. Unavailable (`sql_away`).

    A killed process's timers are free again after `lease_s`, its jobs after three heartbeats.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=3,  # a claim or a release is short; what waits for one is a timer
        open=False,
        kwargs={"options": "-c search_path=scheduler", "application_name": "haat-scheduler"},
    )
    try:
        # The pool would try again and again before it says so.
        await (await psycopg.AsyncConnection.connect(url, connect_timeout=15)).close()
        await pool.open(wait=True, timeout=15)
    except AWAY as error:
        await pool.close()
        raise Unavailable("The database does not answer.", code="sql_away") from error
    return PostgresScheduler(pool, lease_s=lease_s, heartbeat_s=heartbeat_s)


class PostgresScheduler:
    """Any number of processes may each have one, on the same database."""

    def __init__(self, pool: Pool, *, lease_s: float, heartbeat_s: float) -> None:
        self._pool = pool
        self._timers = Timers(pool, lease_s=lease_s)
        self._heartbeat_s = heartbeat_s
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._tasks: list[str] = []
        self._worker: asyncio.Task[None] | None = None
        self._opened = False
        self._stopping = False

    def add(self, name: str, seconds: float, handler: Callable[[], Awaitable[None]]) -> None:
        """See `Scheduler.add`."""
        self._timers.add(name, seconds, handler)

    def task(
        self, name: str, handler: Callable[[dict[str, Any]], Awaitable[None]], *, tries: int = 8
    ) -> None:
        """See `Scheduler.task`."""

        async def run(**args: Any) -> None:
            await handler(args)

        # Each task is a queue of its own: a process takes only jobs that it can do.
        retry = procrastinate.RetryStrategy(max_attempts=tries, exponential_wait=2)
        self._app.task(name=name, queue=name, retry=retry)(run)
        self._tasks.append(name)

    async def defer(
        self, name: str, args: dict[str, Any], *, at: datetime | None = None, id: str | None = None
    ) -> bool:
        """See `Scheduler.defer`."""
        await self._open()
        job = self._app.configure_task(
            name,
            allow_unknown=True,
            queue=name,
            schedule_at=at,
            queueing_lock=None if id is None else f"{name}:{id}",
        )
        try:
            await job.defer_async(**args)
        except AlreadyEnqueued:
            return False
        return True

    async def start(self) -> None:
        """Begins with timers and, where there are tasks, jobs."""
        await self._open()
        if self._tasks:
            self.add(_STALLED, max(1.0, 3 * self._heartbeat_s), self._retry_stalled)
            self.add(_OLD, _DAY_S, self._forget_failed)
        await self._timers.start()
        if self._tasks:
            self._worker = asyncio.create_task(self._work())

    async def stop(self, timeout_s: float = 20) -> None:
        """See `Scheduler.stop`. Closes its connections as well."""
        self._stopping = True
        await self._timers.stop(timeout_s)
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker], timeout=timeout_s + 5)
            self._worker = None
        await self._pool.close()

    async def _open(self) -> None:
        if not self._opened:
            self._opened = True
            await self._app.open_async(self._pool)

    async def _work(self) -> None:
        """A worker that is begun again when the database went away under it.

        Procrastinate takes a cancellation as the wish to stop and returns.
        """
        while not self._stopping:
            try:
                await self._app.run_worker_async(
                    queues=list(self._tasks),
                    concurrency=_CONCURRENCY,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=2,
                    delete_jobs="successful",
                    shutdown_graceful_timeout=15,
                    update_heartbeat_interval=self._heartbeat_s,
                    stalled_worker_timeout=3 * self._heartbeat_s,
                )
            except (*AWAY, procrastinate.exceptions.ConnectorException) as error:
                log.warning("jobs_interrupted", error=type(error).__name__)
            if not self._stopping:
                await asyncio.sleep(1)

    async def _retry_stalled(self) -> None:
        """Gives back the jobs of processes that died: procrastinate leaves that to us."""
        jobs = self._app.job_manager
        for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=3 * self._heartbeat_s):
            log.warning("job_stalled", task=job.task_name, job=job.id)
            await jobs.retry_job(job)

    async def _forget_failed(self) -> None:
        await self._app.job_manager.delete_old_jobs(
            _KEEP_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
