"""Access tokens end early in every process: each asks once a second whose rights changed."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from haat.app.wiring import Doors
from haat.domains.people.identity.api import Identity
from haat.engines.http import Tokens
from haat.kernel.clock import Clock
from haat.kernel.context import Context
from haat.kernel.errors import Problem

log = structlog.get_logger()

EVERY_S = 1.0
FIRST = timedelta(days=1)  # longer than any access token lives
# A change is dated before it is committed: it is looked for again for as long as one may take.
OVERLAP = timedelta(seconds=60)


class Hearing(Protocol):
    """What is needed of a started process."""

    clock: Clock
    tokens: Tokens
    inner: Doors

    def system_context(self, request_id: str) -> Context: ...


async def hear_recalls(process: Hearing) -> None:
    """Goes on until it is cancelled. While identity does not answer, tokens live as long as they
    would without: a quarter of an hour at most."""
    since, away = process.clock.now() - FIRST, False
    while True:
        now = process.clock.now()
        try:
            await hear_once(process, since)
        except Problem as problem:
            if not away:
                log.warning("recalls_not_heard", code=problem.code)
            away = True
        else:
            since, away = now - OVERLAP, False
        await asyncio.sleep(EVERY_S)


async def hear_once(process: Hearing, since: datetime) -> None:
    """Recalls what changed since then."""
    identity: Identity = process.inner[Identity]
    ctx, now = process.system_context("recalls"), process.clock.now()
    for one in await identity.recalls(ctx, since=since):
        if one.until > now:
            process.tokens.recall(one.person_id, one.rights, one.until)
