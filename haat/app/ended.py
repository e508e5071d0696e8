"""Which sessions have ended: every process that reads access tokens asks identity every two
seconds, so that an ended session's tokens stop working within that time, wherever they are shown.

Where identity does not answer, what is known stays; tokens then work until they expire.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog

from haat.app.runtime import Runtime
from haat.domains.people.identity.api import Identity
from haat.engines.endings import end
from haat.kernel.errors import Problem

EVERY_S = 2.0
# A session's end is dated before it is committed: what was asked for once is asked for again.
OVERLAP = timedelta(seconds=30)
PAGE = 5000

log = structlog.get_logger("haat.sessions")


@asynccontextmanager
async def watched(runtime: Runtime) -> AsyncIterator[None]:
    """Keeps the runtime's tokens told for as long as it lasts; knows of all from its beginning."""
    since = await _told(runtime, None)
    task = asyncio.create_task(_keep_told(runtime, since), name="ended sessions")
    try:
        yield
    finally:
        await end([task])


async def _keep_told(runtime: Runtime, since: datetime | None) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            runtime.tokens.look()  # the command that rotates keys runs elsewhere
        except (OSError, ValueError) as error:
            log.error("token_keys_unreadable", error=str(error))
        since = await _told(runtime, since)


async def _told(runtime: Runtime, since: datetime | None) -> datetime | None:
    """Hears of the sessions that ended since; from when to ask the next time."""
    began = runtime.clock.now()
    asked = since
    try:
        while True:
            ctx = runtime.system_context("sessions").within(5)
            found = await runtime.inner[Identity].ended_sessions(ctx, since=asked)
            runtime.tokens.end(one.id for one in found)
            if len(found) < PAGE or found[-1].ended_at == asked:
                return began - OVERLAP
            asked = found[-1].ended_at
    except Problem as problem:
        log.warning("ended_sessions_unknown", code=problem.code)
        return since
