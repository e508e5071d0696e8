"""Webhooks: verified first, kept once, and never able to move anything back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from haat.domains.money.payments import rules
from haat.domains.money.payments.api import PayoutSettled
from haat.domains.money.payments.providers.port import (
    Provider,
    ProviderPayment,
    ProviderPayout,
)
from haat.domains.money.payments.service.charging import Charging, amount_of, move_arguments
from haat.domains.money.payments.service.giving import FIND_PAYOUT, Giving, verdict_on_payout
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

KEEP = Sql("""
INSERT INTO payments.provider_events (provider, event_id, type, payload, received_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (provider, event_id) DO NOTHING RETURNING event_id
""")

# The message and what follows from it in one statement: nothing is half-heard.
HEAR_PAYMENT = Sql("""
WITH kept AS (
  INSERT INTO payments.provider_events (provider, event_id, type, payload, received_at)
  VALUES ($10, $11, $12, $13, $9) ON CONFLICT (provider, event_id) DO NOTHING
), moved AS (
  UPDATE payments.payments
     SET status = $2, rank = $3, provider_ref = coalesce($4, provider_ref), next_action_url = $5,
         decline_code = $6, captured_minor = $7, void_due = $8, changed_at = $9
   WHERE id = $1 AND rank < $3 AND provider = $10 AND minor = $14 AND currency = $15
     AND reference = $16
  RETURNING *
) /*emit:moved*/
SELECT p.*, EXISTS (SELECT 1 FROM moved) AS moved
  FROM payments.payments p WHERE p.id = $1 AND p.provider = $10
""")

HEAR_PAYOUT = Sql("""
WITH kept AS (
  INSERT INTO payments.provider_events (provider, event_id, type, payload, received_at)
  VALUES ($6, $7, $8, $9, $10) ON CONFLICT (provider, event_id) DO NOTHING
), moved AS (
  UPDATE payments.disbursements
     SET status = $2, provider_ref = coalesce($3, provider_ref), failure = $4
   WHERE id = $1 AND status IN ('created', 'pending') AND provider = $6 AND $5
  RETURNING id
) /*emit:moved*/
SELECT id FROM moved
""")


class Hearing:
    """The one use case of webhooks."""

    def __init__(self, db: Database, charging: Charging, giving: Giving) -> None:
        self._db = db
        self._charging = charging
        self._giving = giving

    async def webhook(
        self, ctx: Context, provider: Provider, headers: Mapping[str, str], body: bytes
    ) -> None:
        given = {name.lower(): value for name, value in headers.items()}
        event = provider.verify_webhook(given, body, ctx.now())
        kept = (provider.name, event.id, event.type, dict(event.payload))
        subject = event.subject
        if event.refund is not None:
            await self._giving.heard_of(ctx, event.refund)
            await self._db.step(ctx, KEEP, *kept, ctx.now())
        elif isinstance(subject, ProviderPayment):
            await self._payment(ctx, subject, kept)
        elif isinstance(subject, ProviderPayout):
            await self._payout(ctx, subject, kept)
        else:
            await self._db.step(ctx, KEEP, *kept, ctx.now())

    async def _payment(self, ctx: Context, seen: ProviderPayment, kept: tuple[Any, ...]) -> None:
        row = await self._move(ctx, seen, kept)
        if row is None or row["reference"] is None:
            return  # another shop's, or a tombstone that was never held
        agreed = seen.amount == amount_of(row) and seen.reference == str(row["reference"])
        if not agreed and row["rank"] < rules.END:
            await self._charging.mismatch(ctx, row, seen)
        elif not row["moved"] and rules.is_stray(row["status"], seen.status):
            await self._charging.heard_stray(ctx, row, seen)

    async def _move(
        self, ctx: Context, seen: ProviderPayment, kept: tuple[Any, ...]
    ) -> Record | None:
        reference = _uuid(seen.reference)
        if reference is None:
            await self._db.step(ctx, KEEP, *kept, ctx.now())
            return None
        # Messages only tell of states a card has been tried for, so `hosted` does not matter.
        verdict = rules.judge(reference, seen.amount, seen, hosted=False)
        events = rules.facts(seen.id, reference, seen.amount, verdict)
        rows = await self._db.step(
            ctx,
            HEAR_PAYMENT,
            *move_arguments(seen.id, verdict, seen.ref),
            ctx.now(),
            *kept,
            seen.amount.minor,
            seen.amount.currency,
            reference,
            emit=events,
        )
        return rows[0] if rows else None

    async def _payout(self, ctx: Context, seen: ProviderPayout, kept: tuple[Any, ...]) -> None:
        row = await self._db.fetchrow(FIND_PAYOUT, seen.id)
        if row is None or seen.status == "pending":
            await self._db.step(ctx, KEEP, *kept, ctx.now())
            return
        status, failure = verdict_on_payout(row, seen)
        final = status in ("paid", "failed")
        fact = PayoutSettled(payout_id=seen.id, paid=status == "paid", provider_ref=seen.ref)
        args = (seen.id, status, seen.ref, failure, final)
        await self._db.step(ctx, HEAR_PAYOUT, *args, *kept, ctx.now(), emit=[fact])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
