"""Credits as a means of payment: held for a checkout, spent or given back, refunded in parts."""

from typing import cast
from uuid import UUID

from haat.domains.money.payments.api import (
    Hold,
    PaymentConflict,
    Refund,
    RefundTooLarge,
    Status,
    WrongPaymentState,
)
from haat.domains.money.wallet import rules
from haat.domains.money.wallet.rules import Move
from haat.domains.money.wallet.service.moving import Moving, money_of
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money

# Keeps a hold that comes after its void from ever holding.
NEVER = Sql("""
INSERT INTO wallet.moves (id, transfer_id, kind, state, created_at, touched_at, ended_at)
VALUES ($1, $2, 'spent', 'undone', $3, $3, $3)
ON CONFLICT DO NOTHING RETURNING id
""")

# The credits of all refunds together are those of the hold in proportion to the money, rounded half
# up once: so the refund of the rest gives back exactly what is left of the credits.
REFUND = Sql("""
WITH hold AS (
  SELECT * FROM wallet.moves
   WHERE id = $1 AND kind = 'spent' AND state IN ('posting', 'done') FOR UPDATE
), born AS (
  INSERT INTO wallet.moves (id, transfer_id, owner_id, kind, parent_id, reference, credits,
                            currency, minor, micro, state, created_at, touched_at)
  SELECT $2, $3, owner_id, 'refunded', id, reference,
         div(2 * credits::numeric * (refunded_minor + $4) + minor, 2 * minor)::bigint
           - refunded_credits,
         currency, $4, micro, 'posting', $6, $6
    FROM hold WHERE refunded_minor + $4 <= minor AND currency = $5
  ON CONFLICT DO NOTHING RETURNING *
), counted AS (
  UPDATE wallet.moves m
     SET refunded_minor = m.refunded_minor + born.minor,
         refunded_credits = m.refunded_credits + born.credits
    FROM born WHERE m.id = born.parent_id
)
SELECT * FROM born
""")


class Tender:
    """What settlement needs of a means of payment. Ids come from the caller."""

    def __init__(self, db: Database, moving: Moving) -> None:
        self._db = db
        self._moving = moving

    async def hold(
        self, ctx: Context, id: UUID, reference: UUID, owner_id: UUID, amount: Money
    ) -> Hold:
        if amount.minor < 1:
            raise Invalid.at("amount.minor", "There is nothing to hold.", "amount_invalid")
        row = await self._moving.find(id)
        if row is None:
            row = await self._begin(ctx, id, reference, owner_id, amount)
        if row["owner_id"] is not None:  # else it was voided before it came
            known = (row["kind"], row["owner_id"], row["reference"])
            if known != ("spent", owner_id, reference) or money_of(row) != amount:
                raise PaymentConflict
        return shown(await self._moving.set_aside(ctx, row))

    async def _begin(
        self, ctx: Context, id: UUID, reference: UUID, owner_id: UUID, amount: Money
    ) -> Record:
        micro, frozen = await self._moving.terms(ctx, owner_id, amount.currency)
        decline = "wallet_frozen" if frozen else None if micro else "credit_rate_missing"
        credits = rules.credits_for(amount.minor, micro) if micro else 0
        money = (amount.currency, amount.minor)
        move = Move(id, "spent", owner_id, reference, credits, *money)
        return await self._moving.write(ctx, move, micro=micro, decline_code=decline)

    async def capture(self, ctx: Context, id: UUID) -> Hold:
        row = await self._hold(id)
        if row["state"] == "asked":
            raise WrongPaymentState("These credits are not held.")
        return shown(await self._moving.take(ctx, row))

    async def void(self, ctx: Context, id: UUID) -> None:
        while (row := await self._moving.find(id)) is None:
            # Tried again when the hold is written between two looks.
            if await self._db.step(ctx, NEVER, id, rules.transfer_id(id), ctx.now()):
                return
        if row["kind"] != "spent":
            raise NotFound("There is no such hold.")
        row = await self._moving.give(ctx, row)
        if row["state"] in ("posting", "done"):
            raise WrongPaymentState("These credits are spent; refund them.")

    async def refund(self, ctx: Context, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        if amount.minor < 1:
            raise Invalid.at("amount.minor", "A refund is more than nothing.", "amount_invalid")
        transfer_id = rules.transfer_id(refund_id)
        args = (id, refund_id, transfer_id, amount.minor, amount.currency, ctx.now())
        born = await self._db.step(ctx, REFUND, *args)
        row = born[0] if born else await self._moving.find(refund_id)
        if row is None:
            await self._refuse(id, amount)
        elif (row["kind"], row["parent_id"]) != ("refunded", id) or money_of(row) != amount:
            raise PaymentConflict
        await self._moving.finish(ctx, row)
        return Refund(id=refund_id, payment_id=id, amount=amount, status="done")

    async def _refuse(self, id: UUID, amount: Money) -> None:
        row = await self._hold(id)
        if row["state"] not in ("posting", "done"):
            raise WrongPaymentState("These credits are not spent.")
        if row["currency"] != amount.currency:
            raise PaymentConflict
        raise RefundTooLarge(left=row["minor"] - row["refunded_minor"])

    async def _hold(self, id: UUID) -> Record:
        row = await self._moving.find(id)
        if row is None or row["kind"] != "spent":
            raise NotFound("There is no such hold.")
        return row


def shown(row: Record) -> Hold:
    """A hold in the words of payments."""
    code = row["decline_code"]
    statuses = {"asked": "created", "held": "authorized", "posting": "captured", "done": "captured"}
    status = statuses.get(row["state"], "declined" if code else "voided")
    return Hold(id=row["id"], status=cast(Status, status), decline_code=code)
