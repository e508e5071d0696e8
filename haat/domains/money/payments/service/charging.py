"""Holding, capturing and voiding.

The intent is written before the provider is called, and its answer conditionally after, so that
an answer, a webhook and a timer may bring the same news in any order and it is told once. No
transaction is open while a provider is asked.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog

from haat.domains.money.payments import rules
from haat.domains.money.payments.api import (
    Hold,
    Method,
    PaymentConflict,
    PaymentIntentCreated,
    ProviderAway,
    ProviderUnknown,
    Purpose,
    Status,
    WrongPaymentState,
)
from haat.domains.money.payments.providers.port import (
    Ask,
    Provider,
    ProviderPayment,
    ProviderRefused,
)
from haat.domains.money.payments.rules import Verdict
from haat.domains.money.payments.service.saving import keep_method
from haat.domains.money.payments.transfers import reference_of
from haat.engines.sql import Database, Record, Sql, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.ids import derive
from haat.kernel.money import Money, money_of

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(minutes=1)
_VOID_AGAIN = timedelta(seconds=10)
_LATEST_ARRIVAL = timedelta(minutes=10)  # no call of ours can still reach the provider then
_GIVE_UP = timedelta(days=1)
_AT_ONCE = 50
_REFERENCE_TRIES = 8
NOT_ALLOWED = "provider_not_allowed"

FIND = Sql("SELECT * FROM payments.payments WHERE id = $1")

INTEND = Sql("""
WITH born AS (
  INSERT INTO payments.payments (id, reference, provider, currency, minor, hosted, status, rank,
                                 created_at, changed_at, asked_at, purpose, person_id)
  VALUES ($1, $2, $3, $4, $5, $6, 'created', 0, $7, $7, $7, $8, $9)
  ON CONFLICT (id) DO NOTHING RETURNING *
) /*emit:born*/
SELECT born.*, true AS born FROM born
UNION ALL
SELECT p.*, false FROM payments.payments p WHERE p.id = $1
""")

MOVE = Sql("""
WITH moved AS (
  UPDATE payments.payments
     SET status = $2, rank = $3, provider_ref = coalesce($4, provider_ref), next_action_url = $5,
         decline_code = $6, captured_minor = $7, void_due = $8, changed_at = $9,
         captured_at = CASE WHEN $2 = 'captured' THEN $9::timestamptz END,
         collect = CASE WHEN $10 = 'on_delivery' THEN $10 ELSE collect END,
         instructions = coalesce($11, instructions), transfer_ref = coalesce($12, transfer_ref),
         funds_until = coalesce($13, funds_until)
   WHERE id = $1 AND rank < $3
  RETURNING *
) /*emit:moved*/
SELECT * FROM moved
""")

CAPTURING = Sql("""
UPDATE payments.payments SET capture_asked_at = coalesce(capture_asked_at, $2), asked_at = $2
 WHERE id = $1 AND status = 'authorized' AND collect = $3 RETURNING *
""")

# While a capture is under way only the provider knows which of the two was first.
VOID = Sql("""
UPDATE payments.payments
   SET status = 'voided', rank = 4, void_due = true, next_action_url = NULL, changed_at = $2,
       asked_at = $2
 WHERE id = $1 AND rank < 4 AND capture_asked_at IS NULL RETURNING *
""")

NEVER = Sql("""
INSERT INTO payments.payments (id, provider, currency, minor, hosted, status, rank, created_at,
                               changed_at, asked_at)
VALUES ($1, '', '', 0, false, 'voided', 4, $2, $2, $2)
ON CONFLICT (id) DO NOTHING RETURNING id
""")

MUST_VOID = Sql("""
UPDATE payments.payments SET void_due = true WHERE id = $1 AND NOT void_due
""")

VOIDED = Sql("""
UPDATE payments.payments SET void_due = false WHERE id = $1 AND void_due
""")

UNSURE = Sql("""
UPDATE payments.payments SET asked_at = $2
 WHERE id IN (
   SELECT id FROM payments.payments
    WHERE (status = 'created' OR (status = 'authorized' AND capture_asked_at IS NOT NULL))
      AND asked_at < $1
    ORDER BY asked_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")

VOIDS_DUE = Sql("""
UPDATE payments.payments SET asked_at = $2
 WHERE id IN (
   SELECT id FROM payments.payments WHERE void_due AND asked_at < $1
    ORDER BY asked_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")


class Charging:
    """The use cases that change payments."""

    def __init__(self, db: Database, providers: Mapping[str, Provider]) -> None:
        self._db = db
        self._providers = providers

    def provider(self, name: str) -> Provider:
        found = self._providers.get(name)
        if found is None:
            raise ProviderUnknown
        return found

    async def hold(self, ctx: Context, ask: Ask, method: Method, purpose: Purpose) -> Hold:
        provider = self.provider(method.provider)
        if ask.amount.minor < 1:
            raise Invalid.at("amount.minor", "There is nothing to hold.", "amount_invalid")
        row = await self._intend(ctx, ask, method, purpose)
        if row["rank"] == rules.END or row["status"] in ("awaiting", "authorized"):
            return shown(row)
        if provider.kind == "recorded" and not may_record(ctx):
            # Kept as declined: nobody who goes on with it later makes it staff's word.
            return shown(await self._move(ctx, row, Verdict("declined", None, NOT_ALLOWED)))
        has_means = ask.token is not None or ask.saved_ref is not None
        try:
            ref = row["provider_ref"]
            seen = None if row["born"] else await provider.read(ctx, ask.id, ref=ref)
            if seen is None or (seen.status == "open" and has_means):
                seen = await provider.hold(ctx, ask)
        except ProviderRefused as refused:
            _log.warning("payment_refused", payment_id=str(ask.id), code=refused.code)
            return shown(await self._move(ctx, row, Verdict("declined", None, refused.code)))
        after = await self._told(ctx, row, _judged(row, seen), seen, answered=True)
        if rules.is_stray(after["status"], seen.status):
            # It was voided here while the provider was charging.
            await self._void_there(ctx, after)
        return shown(after)

    async def _intend(self, ctx: Context, ask: Ask, method: Method, purpose: Purpose) -> Record:
        amount, hosted = ask.amount, ask.token is None and ask.saved_ref is None
        terms = (method.provider, amount.currency, amount.minor, hosted, ctx.now())
        args = (ask.id, ask.reference, *terms, purpose, ask.person_id)
        born = PaymentIntentCreated(
            payment_id=ask.id,
            reference=ask.reference,
            provider=method.provider,
            purpose=purpose,
            amount=amount,
        )
        rows = await self._db.step(ctx, INTEND, *args, emit=[born])
        # Empty when somebody else wrote the row at this very moment.
        row = (rows or await self._db.step(ctx, INTEND, *args, emit=[born]))[0]
        if row["reference"] is None:
            return row
        told = (ask.reference, method.provider, purpose)
        if (row["reference"], row["provider"], row["purpose"]) != told or amount_of(row) != amount:
            raise PaymentConflict
        return row

    async def capture(self, ctx: Context, id: UUID) -> Hold:
        rows = await self._db.step(ctx, CAPTURING, id, ctx.now(), "now")
        if rows:
            return shown(await self._capture_there(ctx, rows[0]))
        row = await self._known(id)
        waits = row["status"] == "awaiting" or row["collect"] == "on_delivery"
        if row["rank"] < rules.END and not waits:
            raise WrongPaymentState(f"The payment is {row['status']}.")
        return shown(row)

    async def collected(self, ctx: Context, id: UUID) -> Hold:
        """The vendor has the money of a payment that is collected on delivery."""
        rows = await self._db.step(ctx, CAPTURING, id, ctx.now(), "on_delivery")
        if rows:
            return shown(await self._capture_there(ctx, rows[0]))
        row = await self._known(id)
        if row["collect"] != "on_delivery" or row["rank"] < rules.END:
            raise WrongPaymentState("This payment is not collected on delivery.")
        return shown(row)

    async def _known(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            raise NotFound("There is no such payment.")
        return row

    async def _capture_there(self, ctx: Context, row: Record) -> Record:
        return await self._told(ctx, row, *await self.captured_there(ctx, row))

    async def captured_there(
        self, ctx: Context, row: Record
    ) -> tuple[Verdict, ProviderPayment | None]:
        """What follows from the provider's answer to a capture; nothing is written. ProviderAway
        leaves it open."""
        try:
            provider = self.provider(row["provider"])
            seen = await provider.capture(ctx, row["id"], ref=row["provider_ref"])
        except ProviderRefused as refused:
            return Verdict("capture_failed", decline_code=refused.code), None
        if seen is None:
            _log.error("payment_unknown_to_provider", payment_id=str(row["id"]))
            return Verdict("capture_failed", decline_code="unknown"), None
        return _judged(row, seen, capturing=True), seen

    async def void(self, ctx: Context, id: UUID) -> None:
        row, is_ours = await self._end_here(ctx, id)
        if row is None:
            return  # a hold with this id finds the tombstone and charges nothing
        if is_ours:
            try:
                await self._void_there(ctx, row)
            except ProviderAway:
                _log.warning("void_waits", payment_id=str(id))  # the timer sends it again
        elif row["status"] == "authorized":
            await self._void_there(ctx, row)
            row = await self._row(id)
        if row["status"] == "captured":
            raise WrongPaymentState("The payment is captured; refund it.")

    async def _end_here(self, ctx: Context, id: UUID) -> tuple[Record | None, bool]:
        """The row, and whether this call ended it. None: there was none, now there is a tombstone.

        Tried again when the row appears or moves between two looks.
        """
        while True:
            rows = await self._db.step(ctx, VOID, id, ctx.now())
            if rows:
                return rows[0], True
            row = await self._db.fetchrow(FIND, id)
            if row is None:
                if await self._db.step(ctx, NEVER, id, ctx.now()):
                    return None, True
            elif row["rank"] == rules.END or row["capture_asked_at"] is not None:
                return row, False

    async def _void_there(self, ctx: Context, row: Record) -> None:
        """Gives up what the provider holds. ProviderAway leaves it due."""
        try:
            provider = self.provider(row["provider"])
            seen = await provider.void(ctx, row["id"], ref=row["provider_ref"])
        except ProviderRefused as refused:
            _log.error("void_refused", payment_id=str(row["id"]), code=refused.code)
            return
        if seen is None:
            # Not known there (yet): a hold may still be on its way for a while.
            if ctx.now() - row["changed_at"] > _LATEST_ARRIVAL:
                await self._db.step(ctx, VOIDED, row["id"])
            return
        if row["rank"] < rules.END:
            row = await self._hear(ctx, row, seen)
        stray = seen.status == "captured" and rules.is_stray(row["status"], seen.status)
        if stray and not await self._give_stray_back(ctx, row, seen):
            return
        if seen.status in ("voided", "captured"):
            await self._db.step(ctx, VOIDED, row["id"])

    async def _give_stray_back(self, ctx: Context, row: Record, seen: ProviderPayment) -> bool:
        """Money was taken for a payment that had ended: nobody has an order for it. False, and
        ProviderAway: it is still there, and stays due. Our books never had it, so they do not
        change."""
        id: UUID = row["id"]
        _log.error("captured_after_end", payment_id=str(id), status=row["status"])
        amount = Money(minor=seen.captured_minor, currency=seen.amount.currency)
        try:
            provider, ref = self.provider(row["provider"]), seen.ref
            given = await provider.refund(ctx, id, derive(id, "stray"), amount, ref=ref)
        except ProviderRefused as refused:
            _log.error("stray_not_given_back", payment_id=str(id), code=refused.code)
            return True  # it would refuse it again
        if given.status == "failed":
            _log.error("stray_not_given_back", payment_id=str(id), code="refund_failed")
        return given.status != "failed"

    async def heard_stray(self, ctx: Context, row: Record, seen: ProviderPayment) -> None:
        """A message says money is held or taken for a payment that has ended here."""
        _log.error("payment_stray", payment_id=str(row["id"]), ours=row["status"], at=seen.status)
        await self._db.step(ctx, MUST_VOID, row["id"])

    async def mismatch(self, ctx: Context, row: Record, seen: ProviderPayment) -> None:
        """A message tells another amount or reference than ours."""
        await self._hear(ctx, row, seen)

    async def ask_again(self, ctx: Context) -> None:
        """Payments whose fate is not known for a minute are asked about."""
        now = ctx.now()
        away: set[str] = set()  # the others wait for it too
        for row in await self._db.step(ctx, UNSURE, now - _IDLE, now, _AT_ONCE):
            if row["provider"] in away:
                continue
            try:
                if row["status"] == "authorized":
                    await self._capture_there(ctx, row)
                else:
                    await self._learn(ctx, row)
            except ProviderAway:
                away.add(row["provider"])
            except (ProviderRefused, Problem) as error:
                _log.error("payment_unclear", payment_id=str(row["id"]), why=str(error))

    async def _learn(self, ctx: Context, row: Record) -> None:
        provider = self.provider(row["provider"])
        seen = await provider.read(ctx, row["id"], ref=row["provider_ref"])
        if seen is not None:
            row = await self._hear(ctx, row, seen)
        if row["status"] == "created" and ctx.now() - row["created_at"] > _GIVE_UP:
            # Nobody came back with the card, or nothing ever arrived over there.
            await self.void(ctx, row["id"])

    async def void_due(self, ctx: Context) -> None:
        """Authorizations to be given up that could not be yet."""
        now = ctx.now()
        away: set[str] = set()
        for row in await self._db.step(ctx, VOIDS_DUE, now - _VOID_AGAIN, now, _AT_ONCE):
            if row["provider"] in away:
                continue
            try:
                await self._void_there(ctx, row)
            except ProviderAway:
                away.add(row["provider"])
            except Problem as error:
                _log.error("void_waits", payment_id=str(row["id"]), why=str(error))

    async def _hear(self, ctx: Context, row: Record, seen: ProviderPayment) -> Record:
        return await self._told(ctx, row, _judged(row, seen), seen)

    async def _told(
        self,
        ctx: Context,
        row: Record,
        verdict: Verdict,
        seen: ProviderPayment | None,
        *,
        answered: bool = False,
    ) -> Record:
        ref = seen.ref if seen is not None else None
        after = await self._move(ctx, row, verdict, ref, answered=answered)
        if seen is not None:
            await self.keep_saved(ctx, row, seen)
        return after

    async def keep_saved(self, ctx: Context, row: Record, seen: ProviderPayment) -> None:
        """The card that the provider kept for the person who paid, if it did."""
        if seen.saved is not None and row["person_id"] is not None:
            await keep_method(self._db, ctx, row, seen.saved)

    async def _move(
        self,
        ctx: Context,
        row: Record,
        verdict: Verdict,
        ref: str | None = None,
        *,
        answered: bool = False,
    ) -> Record:
        """The row in its new state, or as it stands when it was that far already."""
        if verdict.rank <= row["rank"]:
            return row
        about = (row["id"], row["reference"], row["purpose"], amount_of(row))
        events = rules.facts(*about, verdict, answered=answered)
        for attempt in range(_REFERENCE_TRIES):
            args = (*move_arguments(row["id"], verdict, ref), ctx.now(), *_terms(verdict))
            try:
                moved = await self._db.step(ctx, MOVE, *args, emit=events)
            except UniqueViolation:  # another payment has this transfer reference
                ref = reference_of(row["id"], attempt + 1)
                verdict = verdict.with_reference(ref)
            else:
                return moved[0] if moved else await self._row(row["id"])
        raise AssertionError("no transfer reference is free")

    async def _row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FIND, id)
        assert row is not None, "payments are never deleted"
        return row


def _judged(row: Record, seen: ProviderPayment, *, capturing: bool = False) -> Verdict:
    amount, hosted = amount_of(row), row["hosted"]
    verdict = rules.judge(row["reference"], amount, seen, hosted=hosted, capturing=capturing)
    if verdict.decline_code == rules.MISMATCH:
        _log.error(
            "payment_amount_mismatch",
            payment_id=str(row["id"]),
            ours=str(amount),
            theirs=str(seen.amount),
            captured=seen.captured_minor,
            reference_agrees=seen.reference == str(row["reference"]),
        )
    return verdict


def move_arguments(id: UUID, verdict: Verdict, ref: str | None) -> tuple[Any, ...]:
    """$1 to $8 of the statements that move a payment."""
    state = (verdict.status, verdict.rank, ref, verdict.action_url, verdict.decline_code)
    return (id, *state, verdict.captured_minor, verdict.void_due)


def _terms(verdict: Verdict) -> tuple[Any, ...]:
    """$10 to $13 of MOVE."""
    told = verdict.instructions
    if told is None:
        return verdict.collect, None, None, None
    return verdict.collect, told.model_dump(mode="json"), told.reference, told.until


def may_record(ctx: Context) -> bool:
    """Whose word it is that money came another way: staff's, or ours."""
    return ctx.has("staff:money") or ctx.has("staff:orders")


def amount_of(row: Record) -> Money:
    return money_of(row["minor"], row["currency"])


def shown(row: Record) -> Hold:
    return Hold(
        id=row["id"],
        status=cast(Status, row["status"]),
        next_action_url=row["next_action_url"],
        decline_code=row["decline_code"],
        collect=row["collect"],
        instructions=row["instructions"],
    )
