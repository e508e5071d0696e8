"""Timers run once at a time in the installation; jobs are done even after a restart."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from haat.engines.scheduler import PostgresScheduler, Scheduler, open_scheduler
from haat.kernel.errors import Unavailable
from tests.engines.bus_shop import until

Opened = Callable[[], Awaitable[PostgresScheduler]]


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[Opened]:
    """Opens schedulers on one database and stops them all."""
    all_of_them: list[PostgresScheduler] = []
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "TRUNCATE scheduler.timers, scheduler.procrastinate_jobs, scheduler.procrastinate_workers,"
        " scheduler.procrastinate_events, scheduler.procrastinate_periodic_defers"
    )
    await connection.close()

    async def another() -> PostgresScheduler:
        one = await open_scheduler(database_url, lease_s=1, heartbeat_s=0.3)
        all_of_them.append(one)
        return one

    yield another
    for one in all_of_them:
        await one.stop(timeout_s=1)


async def test_a_timer_fires_again_and_again(opened: Opened) -> None:
    scheduler: Scheduler = await opened()
    times: list[float] = []

    async def tick() -> None:
        times.append(asyncio.get_running_loop().time())

    scheduler.add("market.tick", 1, tick)
    await scheduler.start()
    await until(lambda: len(times) == 3)
    gaps = [b - a for a, b in pairwise(times)]
    assert all(0.9 < gap < 1.6 for gap in gaps), gaps


async def test_two_schedulers_never_run_a_timer_at_once(opened: Opened) -> None:
    """Runs that take longer than the interval and than a lease; missed ticks are not made up."""
    running = most = runs = 0

    async def tick() -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await asyncio.sleep(1.4)
        running -= 1

    for _ in range(2):
        scheduler = await opened()
        scheduler.add("market.slow", 1, tick)
        await scheduler.start()
    await asyncio.sleep(5.5)
    assert most == 1
    assert 2 <= runs <= 4


async def test_a_crashing_timer_comes_again(opened: Opened) -> None:
    scheduler, runs = await opened(), 0

    async def tick() -> None:
        nonlocal runs
        runs += 1
        raise ValueError("no\nsecond line")

    scheduler.add("market.bad", 1, tick)
    await scheduler.start()
    await until(lambda: runs >= 2)


async def test_stop_ends_what_hangs_and_frees_it(opened: Opened, database_url: str) -> None:
    scheduler, began = await opened(), asyncio.Event()

    async def tick() -> None:
        began.set()
        await asyncio.sleep(60)

    scheduler.add("market.hangs", 1, tick)
    await scheduler.start()
    await asyncio.wait_for(began.wait(), 30)
    await scheduler.stop(timeout_s=0.1)
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT holder FROM scheduler.timers") is None
    await connection.close()


async def test_a_shorter_interval_takes_effect_at_once(opened: Opened) -> None:
    first, second, fired = await opened(), await opened(), asyncio.Event()

    async def tick() -> None:
        fired.set()

    first.add("market.rare", 86_400, tick)
    await first.start()
    second.add("market.rare", 1, tick)
    await second.start()
    await asyncio.wait_for(fired.wait(), 30)


async def test_jobs_run_now_later_and_once_for_an_id(opened: Opened, database_url: str) -> None:
    scheduler, done = await opened(), []

    async def do(args: dict[str, Any]) -> None:
        done.append(args["n"])

    later = datetime.now(UTC) + timedelta(seconds=1.5)
    assert await scheduler.defer("hats.press", {"n": 1}, at=later, id="a")
    assert not await scheduler.defer("hats.press", {"n": 2}, id="a")
    assert await scheduler.defer("hats.press", {"n": 3}, id="b")
    assert await scheduler.defer("boots.wax", {"n": 9})  # nobody here does that
    scheduler.task("hats.press", do)
    await scheduler.start()
    await until(lambda: 3 in done)
    assert 1 not in done
    await until(lambda: done == [3, 1])
    connection = await asyncpg.connect(database_url)
    left = "SELECT task_name, status::text FROM scheduler.procrastinate_jobs"

    async def only_boots() -> bool:
        rows = [tuple(row) for row in await connection.fetch(left)]
        return rows == [("boots.wax", "todo")]

    await until(only_boots)
    await connection.close()


async def test_a_failing_job_is_tried_again(opened: Opened) -> None:
    scheduler, tries = await opened(), 0

    async def do(args: dict[str, Any]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError

    scheduler.task("hats.press", do)
    await scheduler.start()
    await scheduler.defer("hats.press", {})
    await until(lambda: tries == 2, timeout_s=20)


CHILD = """
import asyncio, sys
from haat.engines.scheduler import open_scheduler

async def main():
    scheduler = await open_scheduler(sys.argv[1], lease_s=1, heartbeat_s=0.3)
    async def hang(*args):
        print("holding", flush=True)
        await asyncio.sleep(60)
    scheduler.task("hats.press", hang)
    scheduler.add("market.tick", 1, hang)
    await scheduler.defer("hats.press", {"n": 1})
    await scheduler.start()
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_what_a_killed_process_held_is_done_by_another(
    opened: Opened, database_url: str
) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(CHILD),
        database_url,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p) or "."},
    )
    assert child.stdout
    try:
        for _ in range(2):
            assert await asyncio.wait_for(child.stdout.readline(), 60) == b"holding\n"
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    scheduler, jobs, ticks = await opened(), [], 0

    async def do(args: dict[str, Any]) -> None:
        jobs.append(args)

    async def tick() -> None:
        nonlocal ticks
        ticks += 1

    scheduler.task("hats.press", do)
    scheduler.add("market.tick", 1, tick)
    await scheduler.start()
    await until(lambda: jobs == [{"n": 1}] and ticks, timeout_s=20)


async def test_no_server_is_one_line() -> None:
    with pytest.raises(Unavailable, match=r"^The database does not answer\.$"):
        await open_scheduler("postgresql://nobody@127.0.0.1:1/nothing")
