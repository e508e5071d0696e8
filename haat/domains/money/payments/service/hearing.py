"""Webhooks: verified first, kept once, and never able to move anything back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from haat.domains.money.payments import rules
from haat.domains.money.payments.api import PayoutSettled, Purpose
from haat.domains.money.payments.providers.port import (
    Provider,
    ProviderAccount,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
)
from haat.domains.money.payments.service.charging import Charging, amount_of, move_arguments
from haat.domains.money.payments.service.disputing import Disputing
from haat.domains.money.payments.service.gathering import Gathering, Message
from haat.domains.money.payments.service.giving import FIND_PAYOUT, Giving, verdict_on_payout
from haat.domains.money.payments.service.saving import keep_method
from haat.domains.money.payments.service.vendors import Accounts
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

KEEP = Sql("""
INSERT INTO payments.provider_events (provider, event_id, type, payload, payment_id, received_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (provider, event_id) DO NOTHING RETURNING event_id
""")

# The message and what follows from it in one statement: nothing is half-heard.
HEAR_PAYMENT = Sql("""
WITH kept AS (
  INSERT INTO payments.provider_events (provider, event_id, type, payload, received_at,
                                        payment_id)
  VALUES ($10, $11, $12, $13, $9, $1) ON CONFLICT (provider, event_id) DO NOTHING
), moved AS (
  UPDATE payments.payments
     SET status = $2, rank = $3, provider_ref = coalesce($4, provider_ref), next_action_url = $5,
         decline_code = $6, captured_minor = $7, void_due = $8, changed_at = $9,
         captured_at = CASE WHEN $2 = 'captured' THEN $9::timestamptz END
   WHERE id = $1 AND rank < $3 AND provider = $10 AND minor = $14 AND currency = $15
     AND reference = $16 AND purpose = $17
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
     SET status = $2, provider_ref = coalesce($3, provider_ref), failure = $4,
         paid_at = CASE WHEN $2 = 'paid' THEN $10::timestamptz END
   WHERE id = $1 AND status IN ('created', 'pending') AND provider = $6 AND $5
  RETURNING id
) /*emit:moved*/
SELECT id FROM moved
""")


Kept = tuple[str, str, str, dict[str, Any]]


class Hearing:
    """The one use case of webhooks."""

    def __init__(
        self,
        db: Database,
        charging: Charging,
        giving: Giving,
        disputing: Disputing,
        accounts: Accounts,
    ) -> None:
        self._db = db
        self._charging = charging
        self._giving = giving
        self._disputing = disputing
        self._accounts = accounts
        self._gathering = Gathering(db)

    async def webhook(
        self, ctx: Context, provider: Provider, headers: Mapping[str, str], body: bytes
    ) -> None:
        given = {name.lower(): value for name, value in headers.items()}
        # `VerifiesByAsking`, asked for by its one method: `isinstance` of a protocol goes through
        # all that a provider has, which cost as much as verifying the message.
        asks = getattr(provider, "hear_webhook", None)
        if asks is not None:
            event: ProviderEvent = await asks(ctx, given, body)
        else:
            event = provider.verify_webhook(given, body, ctx.now())
        payload = rules.redacted(dict(event.payload))
        await self._hear(ctx, provider.name, event, (provider.name, event.id, event.type, payload))

    async def _hear(self, ctx: Context, provider: str, event: ProviderEvent, kept: Kept) -> None:
        """Kept last where more than one statement follows from it: a message whose hearing broke
        off is sent again, and each of them is harmless when repeated."""
        subject, about = event.subject, None
        if event.refund is not None:
            about = await self._giving.heard_of(ctx, provider, event.refund)
        elif isinstance(subject, ProviderPayment):
            return await self._payment(ctx, subject, kept)
        elif isinstance(subject, ProviderPayout):
            return await self._payout(ctx, subject, kept)
        elif isinstance(subject, ProviderDispute):
            about = await self._disputing.heard(ctx, provider, subject)
        elif isinstance(subject, ProviderAccount):
            await self._accounts.heard(ctx, provider, subject)
        return await self._keep(ctx, kept, about)

    async def _keep(self, ctx: Context, kept: Kept, payment_id: UUID | None) -> None:
        await self._db.step(ctx, KEEP, *kept, payment_id, ctx.now())

    async def _payment(self, ctx: Context, seen: ProviderPayment, kept: Kept) -> None:
        if await self._is_known(ctx, seen, kept):
            return
        row = await self._move(ctx, seen, kept, "order")
        if row is not None and row["purpose"] == "topup":
            # Most payments are orders': only for the others it is told twice.
            row = await self._move(ctx, seen, kept, "topup")
        if row is None or row["reference"] is None:
            return  # another shop's, or a tombstone that was never held
        if seen.saved is not None and row["person_id"] is not None:
            await keep_method(self._db, ctx, row, seen.saved)
        agreed = seen.amount == amount_of(row) and seen.reference == str(row["reference"])
        if not agreed and row["rank"] < rules.END:
            await self._charging.mismatch(ctx, row, seen)
        elif not row["moved"] and rules.is_stray(row["status"], seen.status):
            await self._charging.heard_stray(ctx, row, seen)

    async def _is_known(self, ctx: Context, seen: ProviderPayment, kept: Kept) -> bool:
        """Whether it only tells what we know from our own calls; it is kept then."""
        reference = _uuid(seen.reference)
        if reference is None or seen.saved is not None:
            return False
        verdict = rules.judge(reference, seen.amount, seen, hosted=False)
        about = (seen.id, verdict.rank, seen.amount, reference)
        return await self._gathering.keep(Message(*kept, *about, ctx.now()))

    async def _move(
        self, ctx: Context, seen: ProviderPayment, kept: Kept, purpose: Purpose
    ) -> Record | None:
        reference = _uuid(seen.reference)
        if reference is None:
            await self._keep(ctx, kept, None)
            return None
        # Messages only tell of states a card has been tried for, so `hosted` does not matter.
        verdict = rules.judge(reference, seen.amount, seen, hosted=False)
        events = rules.facts(seen.id, reference, purpose, seen.amount, verdict)
        rows = await self._db.step(
            ctx,
            HEAR_PAYMENT,
            *move_arguments(seen.id, verdict, seen.ref),
            ctx.now(),
            *kept,
            seen.amount.minor,
            seen.amount.currency,
            reference,
            purpose,
            emit=events,
        )
        return rows[0] if rows else None

    async def _payout(self, ctx: Context, seen: ProviderPayout, kept: Kept) -> None:
        row = await self._db.fetchrow(FIND_PAYOUT, seen.id)
        if row is None or seen.status == "pending":
            await self._keep(ctx, kept, None)
            return
        status, failure = verdict_on_payout(row, seen)
        final = status in ("paid", "failed")
        fact = PayoutSettled(
            payout_id=seen.id,
            paid=status == "paid",
            provider_ref=seen.ref,
            reason=failure or "",
        )
        args = (seen.id, status, seen.ref, failure, final)
        await self._db.step(ctx, HEAR_PAYOUT, *args, *kept, ctx.now(), emit=[fact])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
