"""Timers that watch: a spike of failures is told once, and old messages go."""

from datetime import timedelta

import structlog

from haat.domains.money.payments.api import PaymentFailuresSpiked, Spike
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

_log = structlog.get_logger(__name__)
_MESSAGES_KEPT = timedelta(days=400)
_BATCH = 1000
_BATCHES = 50

# Of the payments begun in these minutes; those whose fate is not known yet do not count.
COUNTS = Sql("""
SELECT provider, count(*) AS tried,
       count(*) FILTER (WHERE status IN ('declined', 'capture_failed')) AS failed
  FROM payments.payments
 WHERE created_at > $1 AND reference IS NOT NULL AND status <> 'created'
 GROUP BY provider ORDER BY provider
""")

BEGUN = Sql("""
WITH begun AS (
  INSERT INTO payments.spikes (provider, since) VALUES ($1, $2)
  ON CONFLICT (provider) DO NOTHING RETURNING provider
) /*emit:begun*/
SELECT provider FROM begun
""")

OVER = Sql("DELETE FROM payments.spikes WHERE NOT (provider = ANY($1::text[]))")

SPIKES = Sql("SELECT provider, since FROM payments.spikes ORDER BY provider")

TRIM = Sql("""
DELETE FROM payments.provider_events WHERE (provider, event_id) IN (
  SELECT provider, event_id FROM payments.provider_events WHERE received_at < $1
   ORDER BY received_at LIMIT $2)
""")


class Watching:
    """The use cases of timers that no payment waits for."""

    def __init__(self, db: Database, settings: PaymentsSettings) -> None:
        self._db = db
        self._minutes = settings.failure_alert_minutes
        self._minimum = settings.failure_alert_minimum
        self._percent = settings.failure_alert_percent

    async def failures(self, ctx: Context) -> None:
        """Announces a provider's spike of failures, once until it is over."""
        since = ctx.now() - timedelta(minutes=self._minutes)
        spiking = [row for row in await self._db.fetch(COUNTS, since) if self._is_spike(row)]
        await self._db.execute(OVER, [row["provider"] for row in spiking])
        for row in spiking:  # one row a provider: a handful
            event = PaymentFailuresSpiked(
                provider=row["provider"],
                failed=row["failed"],
                tried=row["tried"],
                minutes=self._minutes,
            )
            if await self._db.step(ctx, BEGUN, row["provider"], ctx.now(), emit=[event]):
                _log.error("payment_failures_spiked", **dict(event))

    async def spikes(self) -> list[Spike]:
        """Those that were announced and are not over."""
        return [Spike(**row) for row in await self._db.fetch(SPIKES)]

    def _is_spike(self, row: Record) -> bool:
        failed: int = row["failed"]
        return failed >= self._minimum and failed * 100 >= self._percent * row["tried"]

    async def trim(self, ctx: Context) -> None:
        """Providers' messages are kept for 400 days, longer than any of them disputes."""
        before = ctx.now() - _MESSAGES_KEPT
        for _ in range(_BATCHES):
            if await self._db.execute(TRIM, before, _BATCH) < _BATCH:
                return
