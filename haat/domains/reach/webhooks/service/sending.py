"""Sends what is due, with several endpoints at once and several workers.

A worker leases an endpoint, sends some of its deliveries, writes down each try, and lets it go; who
dies leaves it to others when the lease is over, and what was sent and not written down is sent
again under the same id. What failed or was slow the last time waits in a queue of its own, so that
endpoints that hang take each other's time and nobody else's.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from haat.domains.reach.webhooks.rules import (
    GONE,
    message_id,
    next_try,
    readable,
    signature,
)
from haat.domains.reach.webhooks.service import statements as sql
from haat.domains.reach.webhooks.service.endpoints import disabled, purpose
from haat.engines.endings import end
from haat.engines.http import Signer
from haat.engines.http.outward import CallFailed, Outward, Reply, UrlRefused
from haat.engines.sql import Database, Record
from haat.kernel.chance import chance
from haat.kernel.clock import Clock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.errors import Problem

log = structlog.get_logger()

ENDPOINTS_AT_ONCE: Mapping[bool, int] = {False: 12, True: 4}  # of those that are slow: fewer
BATCH = 20
AT_ONCE = 5  # of one endpoint's
LONGEST = timedelta(seconds=16)  # one call, as the client bounds it
LEASE = timedelta(seconds=90)  # longer than a batch of calls that all hang
SLOW_MS = 5_000
POLL_S = 1.0
LATER_S = 5.0
AGENT = "Haat-Webhooks/1"


@dataclass(frozen=True, slots=True)
class _Held:
    """An endpoint under this worker's lease."""

    row: Record
    lease: UUID
    until: datetime
    secrets: tuple[str, ...]

    @property
    def id(self) -> UUID:
        found: UUID = self.row["id"]
        return found


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How one try ended."""

    ok: bool
    ms: int
    status: int | None = None
    error: str = ""
    answer: str = ""
    headers: Mapping[str, str] | None = None


class Sender:
    """The sending part of webhooks."""

    def __init__(
        self,
        db: Database,
        outward: Outward,
        signer: Signer,
        clock: Clock,
        give_up_after: timedelta,
    ) -> None:
        self._db = db
        self._outward = outward
        self._signer = signer
        self._clock = clock
        self._give_up_after = give_up_after
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send now."""
        self._wake.set()

    def _ctx(self) -> Context:
        name = "webhooks.send"
        return Context(actor=SYSTEM, request_id=name, correlation_id=name, clock=self._clock)

    async def work(self) -> None:
        """Goes on until it is cancelled."""
        running: dict[bool, set[asyncio.Task[Any]]] = {False: set(), True: set()}
        try:
            while True:
                self._wake.clear()
                try:
                    started = [await self._start(slow, running[slow]) for slow in (False, True)]
                except Exception as error:  # noqa: BLE001 - nobody would start this again
                    log.warning("webhooks_wait", error=f"{type(error).__name__}: {error}"[:300])
                    await asyncio.sleep(LATER_S)
                    continue
                if not any(started):
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), POLL_S)
        finally:
            await end(running[False] | running[True])

    async def _start(self, slow: bool, tasks: set[asyncio.Task[Any]]) -> int:
        """Takes on as many endpoints of one queue as there is room for; how many."""
        room = ENDPOINTS_AT_ONCE[slow] - len(tasks)
        held = await self._claim(self._ctx(), slow, room) if room > 0 else []
        for one in held:
            task = asyncio.create_task(self._serve(self._ctx(), one))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(self._ended)
        return len(held)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """There is room for another; what nobody thought of is told, and its lease runs out."""
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhooks_failed", exc_info=error)

    async def send_due(self, ctx: Context) -> int:
        """Sends all that is due now, one round after the other; how many tries there were."""
        tried = 0
        while True:
            held = [
                one
                for slow, most in ENDPOINTS_AT_ONCE.items()
                for one in await self._claim(ctx, slow, most)
            ]
            if not held:
                return tried
            tried += sum(await asyncio.gather(*(self._serve(ctx, one) for one in held)))

    async def _claim(self, ctx: Context, slow: bool, most: int) -> list[_Held]:
        now, lease = ctx.now(), ctx.new_id()
        until = now + LEASE
        rows = await self._db.fetch(sql.CLAIM, now, until, slow, most, lease)
        return [_Held(row, lease, until, self._secrets(row, now)) for row in rows]

    def _secrets(self, row: Record, now: datetime) -> tuple[str, ...]:
        """Those that sign now, the newest first."""
        sealed = [row["secret"]]
        if row["old_secret"] is not None and row["old_secret_until"] > now:
            sealed.append(row["old_secret"])
        found = [self._signer.unseal(purpose(row["id"]), one) for one in sealed if one]
        return tuple(one for one in found if one is not None)

    async def _serve(self, ctx: Context, held: _Held) -> int:
        """One batch of an endpoint's deliveries; how many were tried."""
        try:
            rows = await self._db.fetch(sql.BATCH, held.id, ctx.now(), BATCH)
            slots = asyncio.Semaphore(AT_ONCE)
            found = await asyncio.gather(*(self._deliver(ctx, held, one, slots) for one in rows))
            outcomes = [one for one in found if one is not None]
            await self._release(ctx, held, outcomes)
        except Problem as problem:  # the lease runs out, and what was not written comes again
            log.warning("webhooks_unwritten", endpoint=str(held.id), code=problem.code)
            return 0
        return len(outcomes)

    async def _deliver(
        self, ctx: Context, held: _Held, row: Record, slots: asyncio.Semaphore
    ) -> _Outcome | None:
        """One try and what it comes to; None where there is no time left for it."""
        async with slots:
            if ctx.now() + LONGEST > held.until:
                return None
            at = ctx.now()
            outcome = await self._call(ctx, held, row, int(at.timestamp()))
        state, due = "delivered", None
        if not outcome.ok:
            state, due = "failed", None
            if outcome.status != GONE:
                draw = chance().below(1000)
                due = next_try(row["step"], ctx.now(), draw, outcome.headers or {}, outcome.status)
                state = "waiting" if due is not None else "failed"
        await self._db.fetch(
            sql.TRIED,
            row["id"],
            row["attempts"] + 1,
            row["step"] + (state == "waiting"),
            state,
            due,
            at,
            outcome.ms,
            outcome.status,
            outcome.error,
            outcome.answer,
        )
        return outcome

    async def _call(self, ctx: Context, held: _Held, row: Record, timestamp: int) -> _Outcome:
        if not held.secrets:
            return _Outcome(False, 0, error="The secret cannot be read any more: make a new one.")
        body, id = row["body"].encode(), message_id(row["id"])
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            "webhook-id": id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(held.secrets, id, timestamp, body),
        }
        started = monotonic()
        reply: Reply | None = None
        error = ""
        try:
            reply = await self._outward.post(held.row["url"], headers=headers, content=body)
        except CallFailed as failed:
            error = failed.detail
        except UrlRefused as refused:  # what may be called has changed since it was entered
            error = refused.detail
        ms = int((monotonic() - started) * 1000)
        if reply is None:
            return _Outcome(False, ms, error=error)
        ok = 200 <= reply.status < 300
        if 300 <= reply.status < 400:
            error = "Redirects are not followed: enter the address that it leads to."
        answer = readable(reply.body)
        return _Outcome(ok, ms, reply.status, error, answer, reply.headers)

    async def _release(self, ctx: Context, held: _Held, outcomes: list[_Outcome]) -> None:
        """Lets the endpoint go, and switches it off where it said so or nothing got through for
        days."""
        now = ctx.now()
        through = any(one.ok for one in outcomes)
        failed = any(not one.ok for one in outcomes)
        slow = failed or any(one.ms > SLOW_MS for one in outcomes)
        since = await self._db.fetchval(
            sql.RELEASE, held.id, held.lease, now, through, failed, slow
        )
        latest = now - self._give_up_after
        why = ""
        if any(one.status == GONE for one in outcomes):
            why = "gone"
        elif failed and since is not None and since <= latest:
            why = "failing"
        if why:
            told, url = disabled(held.row, why), held.row["url"]
            off = await self._db.step(ctx, sql.SWITCH_OFF, held.id, why, latest, url, emit=[told])
            if off:
                log.warning("webhook_switched_off", endpoint=str(held.id), why=why)
