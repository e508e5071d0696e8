"""Messages that tell what is known already: kept many at a time, in one statement.

Most of what a provider sends us tells of our own calls: their answers were written before the
message came. Such a message is only kept. Those that arrive within a moment of each other are
written together; what tells anything new is handed back, to be heard by itself. One that overtakes
the answer to our own call is given a moment. A message is answered after it was written, so one
that is lost with the process is sent again.
"""

import asyncio
import json
from collections.abc import Sequence
from contextvars import Context as TaskContext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.engines.sql import Database, Sql
from haat.kernel.money import Money

LINGER_S = 0.1
PAUSES_S = (0.15, 0.3)  # until our own call's answer is probably written
BATCH = 200

# True: known, and kept. False: about a payment that a call of ours is asking for just now, so that
# its answer will tell the same. Amount and reference are compared: what does not agree must be
# heard. So must money that is held or taken for a payment that has ended without it.
KEEP_KNOWN = Sql("""
WITH told AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]::jsonb[], $5::uuid[],
                       $6::int[], $7::bigint[], $8::text[], $9::uuid[], $10::timestamptz[])
    AS t (provider, event_id, type, payload, payment_id, rank, minor, currency, reference, at)
), known AS (
  SELECT t.* FROM told t JOIN payments.payments p ON p.id = t.payment_id
   WHERE p.provider = t.provider AND p.rank >= t.rank AND p.minor = t.minor
     AND p.currency = t.currency AND p.reference = t.reference
     AND p.status NOT IN ('voided', 'declined', 'capture_failed')
), kept AS (
  INSERT INTO payments.provider_events (provider, event_id, type, payload, payment_id, received_at)
  SELECT provider, event_id, type, payload, payment_id, at FROM known ORDER BY provider, event_id
  ON CONFLICT (provider, event_id) DO NOTHING
)
SELECT provider, event_id, true AS known FROM known
UNION ALL
SELECT t.provider, t.event_id, false FROM told t JOIN payments.payments p ON p.id = t.payment_id
 WHERE p.provider = t.provider AND p.rank < t.rank AND p.asked_at > t.at - interval '2 seconds'
   AND (p.status = 'created' OR p.status = 'authorized' AND p.capture_asked_at IS NOT NULL)
""")


@dataclass(frozen=True, slots=True)
class Message:
    """A verified message about one payment; `rank`: of the state it tells."""

    provider: str
    event_id: str
    type: str
    payload: dict[str, Any]
    payment_id: UUID
    rank: int
    amount: Money
    reference: UUID
    at: datetime


class Gathering:
    """Gathers messages into batches; one batch at a time is gathered, several may be written."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[tuple[Message, asyncio.Future[bool | None]]] = []
        self._batches: set[asyncio.Task[None]] = set()

    async def keep(self, message: Message) -> bool:
        """Whether it told what is known, and was kept. False: nothing was done about it."""
        for pause_s in (*PAUSES_S, 0):
            known = await self._asked(message)
            if known is not None or not pause_s:
                break
            await asyncio.sleep(pause_s)
        return bool(known)

    async def _asked(self, message: Message) -> bool | None:
        """None: our own call is about to know it."""
        answer: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, answer))
        if len(self._waiting) == 1:
            # Of no sender's circumstances: neither its deadline nor its trace is the batch's.
            work = self._write_soon()
            task = asyncio.create_task(work, name="payments.messages", context=TaskContext())
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)
        return await answer

    async def _write_soon(self) -> None:
        await asyncio.sleep(LINGER_S)
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), BATCH):
            await self._write(waiting[start : start + BATCH])

    async def _write(self, batch: Sequence[tuple[Message, "asyncio.Future[bool | None]"]]) -> None:
        try:
            rows = await self._db.fetch(KEEP_KNOWN, *_columns([message for message, _ in batch]))
        except Exception as error:  # noqa: BLE001 - each sender learns it, and sends again
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        else:
            known = {(row["provider"], row["event_id"]): row["known"] or None for row in rows}
            for message, answer in batch:
                if not answer.done():  # the sender may have stopped waiting
                    answer.set_result(known.get((message.provider, message.event_id), False))
        finally:
            for _, answer in batch:  # without an answer only when the loop is being stopped
                answer.cancel()


def _columns(messages: Sequence[Message]) -> tuple[list[Any], ...]:
    return (
        [one.provider for one in messages],
        [one.event_id for one in messages],
        [one.type for one in messages],
        [json.dumps(one.payload, default=str) for one in messages],
        [one.payment_id for one in messages],
        [one.rank for one in messages],
        [one.amount.minor for one in messages],
        [one.amount.currency for one in messages],
        [one.reference for one in messages],
        [one.at for one in messages],
    )
