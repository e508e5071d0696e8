"""Captures of many payments at once: what a batch of placed orders asks for.

Two statements for all of them, whatever their number: that we ask is written before any provider
is called, and what they answered is written together afterwards. In between the providers are
called side by side. A crash anywhere leaves payments that are authorized and asked for; the next
call, or the timer, asks again, and a provider captures an id once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from haat.domains.money.payments import rules
from haat.domains.money.payments.api import Hold, ProviderAway
from haat.domains.money.payments.providers.port import ProviderPayment
from haat.domains.money.payments.rules import Verdict
from haat.domains.money.payments.service.charging import Charging, amount_of, shown
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

_AT_ONCE = 16
Told = tuple[Record, Verdict, ProviderPayment | None]  # a payment, its end, what was answered

# Rows are locked in one order, so that two sets that overlap cannot wait for each other.
ASKED = Sql("""
WITH due AS (
  SELECT id FROM payments.payments
   WHERE id = ANY($1::uuid[]) AND status = 'authorized' AND collect = 'now'
   ORDER BY id FOR UPDATE
)
UPDATE payments.payments p SET capture_asked_at = coalesce(capture_asked_at, $2), asked_at = $2
  FROM due WHERE p.id = due.id AND p.status = 'authorized' RETURNING p.*
""")

STANDING = Sql("SELECT * FROM payments.payments WHERE id = ANY($1::uuid[])")

ENDED = Sql("""
WITH told AS (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bool[])
    AS t (id, status, provider_ref, decline_code, captured_minor, void_due)
), due AS (
  SELECT p.id FROM payments.payments p JOIN told USING (id) WHERE p.rank < 4
   ORDER BY p.id FOR UPDATE OF p
)
UPDATE payments.payments p
   SET status = t.status, rank = 4, provider_ref = coalesce(t.provider_ref, p.provider_ref),
       next_action_url = NULL, decline_code = t.decline_code, captured_minor = t.captured_minor,
       void_due = t.void_due, changed_at = $7,
       captured_at = CASE WHEN t.status = 'captured' THEN $7::timestamptz END
  FROM told t JOIN due USING (id) WHERE p.id = t.id AND p.rank < 4
RETURNING p.*
""")


class Taking:
    """The use case `capture_all`."""

    def __init__(self, db: Database, charging: Charging) -> None:
        self._db = db
        self._charging = charging

    async def capture_all(self, ctx: Context, ids: Sequence[UUID]) -> list[Hold]:
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return []
        asked = await self._db.step(ctx, ASKED, wanted, ctx.now())
        known = {row["id"]: row for row in asked}
        answers, errors = await self._ask(ctx, asked)
        known |= await self._write(ctx, answers)
        if errors:
            raise errors[0]
        missing = [id for id in wanted if id not in known]
        if missing:
            known |= {row["id"]: row for row in await self._db.fetch(STANDING, missing)}
        return [shown(known[id]) for id in wanted if id in known]

    async def _ask(
        self, ctx: Context, rows: Sequence[Record]
    ) -> tuple[list[Told], list[BaseException]]:
        """What follows for each, and what went wrong; a provider that is away is not asked on."""
        gate = asyncio.Semaphore(_AT_ONCE)
        away: set[str] = set()
        found: list[Told] = []

        async def one(row: Record) -> None:
            async with gate:
                if row["provider"] in away:
                    return
                try:
                    found.append((row, *await self._charging.captured_there(ctx, row)))
                except ProviderAway:
                    away.add(row["provider"])

        ended: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        return found, [error for error in ended if isinstance(error, BaseException)]

    async def _write(self, ctx: Context, answers: Sequence[Told]) -> dict[UUID, Record]:
        """The rows as they stand now; each is announced by whoever moved it, once."""
        ends = [one for one in answers if one[1].rank == rules.END]
        if not ends:
            return {}
        verdicts = {row["id"]: verdict for row, verdict, _ in ends}
        async with self._db.begin(ctx) as tx:
            moved = await tx.fetch(
                ENDED,
                list(verdicts),
                [verdict.status for verdict in verdicts.values()],
                [seen.ref if seen is not None else None for _, _, seen in ends],
                [verdict.decline_code for verdict in verdicts.values()],
                [verdict.captured_minor for verdict in verdicts.values()],
                [verdict.void_due for verdict in verdicts.values()],
                ctx.now(),
            )
            for row in moved:
                about = (row["id"], row["reference"], row["purpose"], amount_of(row))
                tx.emit(*rules.facts(*about, verdicts[row["id"]], answered=True))
        known = {row["id"]: row for row in moved}
        others = [id for id in verdicts if id not in known]
        if others:  # a webhook or the timer was first
            known |= {row["id"]: row for row in await self._db.fetch(STANDING, others)}
        for row, _, seen in ends:
            if seen is not None:
                await self._charging.keep_saved(ctx, row, seen)
        return known
