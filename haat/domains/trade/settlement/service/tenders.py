"""Hold and void of what the customer pays an order with: credits first, then the rest."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Hold,
    Method,
    Payments,
    RefundTooLarge,
    WrongPaymentState,
)
from haat.domains.money.wallet.api import Wallet
from haat.domains.trade.settlement.rules import Tender
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Problem, Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money

OPEN = Sql("""
WITH opened AS (
  INSERT INTO settlement.charges (order_id, amount, currency, state, created_at, updated_at)
  VALUES ($1, $2, $3, 'open', $4, $4)
  ON CONFLICT (order_id) DO NOTHING
  RETURNING order_id
), parts AS (
  INSERT INTO settlement.tenders (of_id, leg, order_id, provider, amount, currency, state)
  SELECT o.order_id, x.leg, o.order_id, x.provider, x.amount, $3, 'open'
    FROM opened o, unnest($5::text[], $6::text[], $7::bigint[]) AS x (leg, provider, amount)
)
SELECT order_id FROM opened
""")
STATE = Sql("""
SELECT c.state, c.amount, c.currency,
       coalesce((SELECT t.amount FROM settlement.tenders t
                  WHERE t.of_id = c.order_id AND t.leg = 'credits'), 0) AS credits
  FROM settlement.charges c WHERE c.order_id = $1
""")
ON_DELIVERY = Sql("""
UPDATE settlement.tenders SET on_delivery = true
 WHERE of_id = $1 AND leg = 'card' AND state = 'open' AND NOT on_delivery
""")
# What was voided before is told again: the process may have died before the parts were.
VOID = Sql("""
WITH ended AS (
  INSERT INTO settlement.charges AS c (order_id, amount, currency, state, created_at, updated_at)
  VALUES ($1, 0, '', 'voided', $2, $2)
  ON CONFLICT (order_id) DO UPDATE SET state = 'voided', updated_at = $2
   WHERE c.state IN ('open', 'waiting', 'voided', 'failed')
  RETURNING c.order_id
), parts AS (
  UPDATE settlement.tenders t SET state = 'voided', due_at = NULL FROM ended e
   WHERE t.order_id = e.order_id AND t.state IN ('open', 'voided')
  RETURNING t.of_id, t.leg, t.provider, t.amount, t.currency, t.state, t.on_delivery
)
SELECT (SELECT json_agg(p) FROM parts p) AS parts FROM ended
""")


def card_of(order_id: UUID) -> UUID:
    """The id of the order's payment by card, or whatever stands in its place."""
    return derive(order_id, "card")


def credits_of(order_id: UUID) -> UUID:
    """The id of the hold on the person's wallet."""
    return derive(order_id, "credits")


def tender_in(row: Mapping[str, Any]) -> Tender:
    of_id = row["of_id"]
    return Tender(
        of_id=of_id if isinstance(of_id, UUID) else UUID(of_id),
        leg=row["leg"],
        provider=row["provider"],
        minor=row["amount"],
        state=row["state"],
        on_delivery=row["on_delivery"],
    )


class Tenders:
    def __init__(self, db: Database, payments: Payments, wallet: Wallet) -> None:
        self._db = db
        self._payments = payments
        self._wallet = wallet

    async def hold(
        self,
        ctx: Context,
        order_id: UUID,
        amount: Money,
        method: Method,
        return_url: str,
        person_id: UUID | None,
        credits: Money | None,
    ) -> Hold:
        spent = _spent(amount, person_id, credits)
        # Written before anybody outside is asked: what was held is known whatever happens next.
        if await self._open(ctx, order_id, amount, method, spent) == "voided":
            return Hold(id=card_of(order_id), status="voided")
        if spent:
            assert person_id is not None, "only people have credits"
            held = await self._wallet.hold(
                ctx,
                id=credits_of(order_id),
                reference=order_id,
                owner_id=person_id,
                amount=Money(minor=spent, currency=amount.currency),
            )
            if held.status not in ("authorized", "captured"):
                return held
        rest = amount.minor - spent
        if rest == 0:
            return Hold(id=card_of(order_id), status="authorized")
        try:
            hold = await self._payments.hold(
                ctx,
                id=card_of(order_id),
                reference=order_id,
                amount=Money(minor=rest, currency=amount.currency),
                method=method,
                return_url=return_url,
                person_id=person_id,
            )
        except Unavailable:
            raise  # its fate is not known: both parts stay until it is
        except Problem:
            await self._release_credits(ctx, order_id, spent)
            raise
        return await self._second_held(ctx, order_id, hold, spent)

    async def _open(
        self, ctx: Context, order_id: UUID, amount: Money, method: Method, spent: int
    ) -> str:
        """The charge's state; those that have ended are `voided`."""
        rest = amount.minor - spent
        parts = [("credits", None, spent)] if spent else []
        legs = [*parts, *([("card", method.provider, rest)] if rest else [])]
        new = await self._db.fetchval(
            OPEN,
            order_id,
            amount.minor,
            amount.currency,
            ctx.now(),
            [leg for leg, _, _ in legs],
            [provider for _, provider, _ in legs],
            [minor for _, _, minor in legs],
        )
        if new is not None:
            return "open"
        known = await self._db.fetchrow(STATE, order_id)
        assert known is not None, "a charge is never removed"
        if known["state"] in ("voided", "failed"):
            return "voided"
        same = (known["amount"], known["currency"], known["credits"])
        assert same == (amount.minor, amount.currency, spent), "another charge has this id"
        return str(known["state"])

    async def _second_held(self, ctx: Context, order_id: UUID, hold: Hold, spent: int) -> Hold:
        if hold.status in ("declined", "voided", "capture_failed"):
            await self._release_credits(ctx, order_id, spent)
        elif hold.collect == "on_delivery" and spent:
            await self.void(ctx, order_id)
            raise Invalid.at(
                "credits", "What is paid on delivery is paid in cash alone.", "credits_with_cash"
            )
        elif hold.collect == "on_delivery":
            await self._db.execute(ON_DELIVERY, order_id)
        return hold

    async def _release_credits(self, ctx: Context, order_id: UUID, spent: int) -> None:
        if spent:
            await self._wallet.void(ctx, id=credits_of(order_id))

    async def void(self, ctx: Context, order_id: UUID) -> bool:
        """Whether it has ended without being paid; False once it is in the books."""
        row = await self._db.fetchrow(VOID, order_id, ctx.now())
        if row is None:
            return False
        parts = row["parts"] or []
        known = [tender_in(part) for part in parts]
        currency = parts[0]["currency"] if parts else ""
        if not any(part.leg == "card" for part in known):
            # A hold that is on its way finds the tombstone.
            await self._payments.void(ctx, id=card_of(order_id))
        for part in known:
            await self.let_go(ctx, part, currency)
        return True

    async def let_go(self, ctx: Context, part: Tender, currency: str) -> None:
        """Gives a part back that never came into the books, even where it was captured meanwhile:
        at the provider's own pages, or by a capture that crossed this."""
        tender = self._wallet if part.leg == "credits" else self._payments
        if part.minor == 0:
            return
        try:
            await tender.void(ctx, id=part.id)
        except WrongPaymentState:
            try:
                answer = await tender.refund(
                    ctx,
                    id=part.id,
                    refund_id=derive(part.id, "undone"),
                    amount=Money(minor=part.minor, currency=currency),
                )
                given = answer.status != "failed"
            except RefundTooLarge:
                given = False  # its holder disputes it already: the bank gives it back, or nobody
            if not given:  # a person must look: no order will ask for it again
                structlog.get_logger().error(
                    "not_given_back", order_id=str(part.of_id), provider=part.provider
                )


def _spent(amount: Money, person_id: UUID | None, credits: Money | None) -> int:
    """How much is paid with credits, in minor units of the order's currency."""
    if credits is None or credits.minor == 0:
        return 0
    if person_id is None:
        raise Invalid.at("credits", "Sign in to pay with credits.", "credits_need_account")
    if credits.currency != amount.currency or not 0 < credits.minor <= amount.minor:
        raise Invalid.at(
            "credits", "More than nothing, at most the total, in its currency.", "amount_invalid"
        )
    return credits.minor
