"""Refunds and lost disputes: what the vendor gets is lowered, before or after its accrual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import (
    EarningConflict,
    Policy,
    RefundLine,
    Reversal,
    ReversalTooLarge,
    Source,
)
from haat.domains.money.payouts.books import books_of
from haat.domains.money.payouts.rules import Bearing
from haat.domains.money.payouts.service.accruing import SOURCES, accruals
from haat.domains.money.payouts.service.apart import each
from haat.domains.money.payouts.service.forecasting import (
    Cause,
    Held,
    issue,
    locked,
    policy_now,
    save,
)
from haat.engines.sql import Database, Record, Sql, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money, allocate

FIND_REVERSAL = Sql("SELECT * FROM payouts.reversals WHERE refund_id = $1")

REVERSE = Sql("""
WITH born AS (
  INSERT INTO payouts.reversals
         (refund_id, vendor_order_id, cause, net, commission, commission_tax, tax, fee, fee_tax,
          provider_fee, fee_provider, borne_fee, cash, released, sources, after_accrual,
          created_at)
  SELECT refund_id, vendor_order_id, cause, net, commission, commission_tax, tax, fee, fee_tax,
         provider_fee, fee_provider, borne_fee, cash, released, sources, after_accrual, $3
    FROM jsonb_to_record($1::jsonb) AS g (
         refund_id uuid, vendor_order_id uuid, cause text, net bigint, commission bigint,
         commission_tax bigint, tax bigint, fee bigint, fee_tax bigint, provider_fee bigint,
         fee_provider text, borne_fee bigint, cash bigint, released bigint, sources jsonb,
         after_accrual bool)
  RETURNING *
), line AS (
  INSERT INTO payouts.reversal_lines (refund_id, line_id, net, commission, commission_tax, tax,
                                      fee, fee_tax, provider_fee, cash, released)
  SELECT born.refund_id, g.* FROM born,
         jsonb_to_recordset($2::jsonb) AS g (
         line_id uuid, net bigint, commission bigint, commission_tax bigint, tax bigint,
         fee bigint, fee_tax bigint, provider_fee bigint, cash bigint, released bigint)
), source AS (
  UPDATE payouts.earning_sources s SET refunded = s.refunded + g.minor
    FROM born, jsonb_to_recordset(born.sources) AS g (source text, minor bigint)
   WHERE s.vendor_order_id = born.vendor_order_id AND s.source = g.source
), earning AS (
  UPDATE payouts.earnings e
     SET refunded_net = refunded_net + b.net, refunded_commission = refunded_commission
         + b.commission, refunded_commission_tax = refunded_commission_tax + b.commission_tax,
         refunded_tax = refunded_tax + b.tax, fees = fees + b.fee + b.fee_tax + b.provider_fee
    FROM born b WHERE e.vendor_order_id = b.vendor_order_id
)
SELECT * FROM born
""")

REVERSED = Sql("""
WITH told AS (
  UPDATE payouts.reversals SET posted = true WHERE refund_id = $1 AND NOT posted
  RETURNING refund_id, vendor_order_id, after_accrual
), escrow AS (
  UPDATE payouts.earnings e SET escrowed = true
    FROM told WHERE e.vendor_order_id = told.vendor_order_id AND NOT escrowed
)
INSERT INTO payouts.movements (vendor_id, currency, kind, vendor_order_id, line_id, cause_id,
                               minor, at)
SELECT e.vendor_id, e.currency, k.kind, e.vendor_order_id, r.line_id, r.refund_id, k.minor, $2
  FROM told t JOIN payouts.earnings e USING (vendor_order_id)
  JOIN payouts.reversal_lines r USING (refund_id)
  CROSS JOIN LATERAL (VALUES ('reversal', CASE WHEN t.after_accrual THEN -r.net ELSE 0 END),
                             ('fee', -(r.fee + r.fee_tax + r.provider_fee)),
                             ('cod', CASE WHEN t.after_accrual THEN r.cash ELSE 0 END),
                             ('release', r.released)) AS k (kind, minor)
 WHERE k.minor <> 0 ORDER BY r.line_id
""")

UNFINISHED = Sql("""
SELECT refund_id FROM payouts.reversals
 WHERE NOT posted AND created_at < $1 ORDER BY created_at LIMIT $2
""")

EARNING = Sql("SELECT * FROM payouts.earnings WHERE vendor_order_id = $1")


@dataclass(frozen=True, slots=True)
class Asked:
    """A refund as settlement tells it."""

    refund_id: UUID
    vendor_order_id: UUID
    gross: Money
    sources: Sequence[Source]
    lines: Sequence[RefundLine] | None
    cause: Literal["refund", "dispute_lost"]
    fee: Money | None


class Reversing:
    """The use case `reverse`, and its other half after a crash."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def reverse(self, ctx: Context, asked: Asked) -> Reversal:
        _check(asked)
        policy = await policy_now(self._db)
        try:
            async with self._db.begin(ctx) as tx:
                earning, row = await _written(tx, ctx, asked, policy)
        except UniqueViolation:
            raise EarningConflict("This refund belongs to another vendor order.") from None
        await self._finish(ctx, earning, row)
        parts = rules.frozen(row)
        amounts = {
            "gross": parts.gross,
            "commission": parts.commission,
            "commission_tax": parts.commission_tax,
            "tax": parts.tax,
            "net": parts.net,
            "fee": row["fee"] + row["fee_tax"] + row["provider_fee"],
        }
        currency = earning["currency"]
        return Reversal(
            **{name: Money(minor=minor, currency=currency) for name, minor in amounts.items()}
        )

    async def resume(self, ctx: Context, idle: timedelta, limit: int) -> None:
        async def one(known: Record) -> None:
            row = await self._db.fetchrow(FIND_REVERSAL, known["refund_id"])
            assert row is not None, "reversals are never deleted"
            earning = await self._db.fetchrow(EARNING, row["vendor_order_id"])
            await self._finish(ctx, earning, row)

        await each(await self._db.fetch(UNFINISHED, ctx.now() - idle, limit), one)

    async def _finish(self, ctx: Context, earning: Record, row: Record) -> None:
        if row["posted"]:
            return
        # What is given back has been put in before: in one post with it, where another process
        # may not have told the ledger yet.
        if earning["stage"] == "accruing":
            first = await accruals(self._db, [earning])
        elif not earning["escrowed"]:
            sources = await self._db.fetch(SOURCES, [earning["vendor_order_id"]])
            first = books_of(earning).capture(sources)
        else:
            first = []
        back = books_of(earning).reversal(row, rules.frozen(row))
        await self._ledger.post(ctx, transfers=[*first, *back])
        await self._db.step(ctx, REVERSED, row["refund_id"], ctx.now())


def _check(asked: Asked) -> None:
    currency = asked.gross.currency
    if asked.gross.minor < 1:
        raise Invalid.at("gross", "A refund is more than nothing.", "amount_invalid")
    amounts = [one.amount for one in asked.sources]
    amounts += [line.gross for line in asked.lines or ()]
    if any(one.currency != currency or one.minor < 0 for one in amounts):
        raise Invalid.at("sources", "All in the refund's currency.", "currency_mixed")
    if sum(one.amount.minor for one in asked.sources) != asked.gross.minor:
        raise Invalid.at("sources", "They add up to gross.", "sources_do_not_add_up")
    if asked.lines is not None:
        if sum(line.gross.minor for line in asked.lines) != asked.gross.minor:
            raise Invalid.at("lines", "They add up to gross.", "lines_do_not_add_up")
        if len({line.line_id for line in asked.lines}) < len(asked.lines):
            raise Invalid.at("lines", "A line comes once.", "line_repeated")
    if asked.fee is not None and (asked.fee.currency != currency or asked.fee.minor < 0):
        raise Invalid.at("fee", "In the refund's currency.", "currency_mixed")


async def _written(
    tx: Tx, ctx: Context, asked: Asked, policy: Policy
) -> tuple[Mapping[str, Any], Record]:
    """The earning and the reversal, written now or before."""
    held = (await locked(tx, [asked.vendor_order_id], policy)).get(asked.vendor_order_id)
    if held is None:
        raise NotFound("Nothing was expected for this vendor order.")
    earning = dict(held.earning)  # as it was: what the ledger must have heard before
    if asked.gross.currency != earning["currency"]:
        raise EarningConflict(f"This earning is in {earning['currency']}.")
    known = await tx.fetchrow(FIND_REVERSAL, asked.refund_id)
    if known is None:
        known = await _reversed(tx, ctx, held, asked, policy)
    same = known["vendor_order_id"] == asked.vendor_order_id and known["cause"] == asked.cause
    if not same or rules.frozen(known).gross != asked.gross.minor:
        raise EarningConflict("This refund was another one.")
    return earning, known


async def _reversed(tx: Tx, ctx: Context, held: Held, asked: Asked, policy: Policy) -> Record:
    """The refund taken out of the lines, written with the forecasts that say so."""
    earning = held.earning
    sources = _sources(held, asked)
    after = earning["stage"] != "pending"
    fee = asked.fee.minor if asked.fee else 0
    charged = fee if policy.vendor_bears_dispute_fee else 0
    reserved = after and earning["reserve_stage"] == "held"
    borne = rules.bearings(
        held.lines,
        _by_line(held, asked),
        kept=policy.kept_commission,
        provider_fee=charged,
        cash=sum(one["minor"] for one in sources if one["source"] == rules.COLLECTED),
        reserve_bp=earning["reserve_bp"] if reserved else None,
    )
    reversal = {
        "refund_id": asked.refund_id,
        "vendor_order_id": held.id,
        "cause": asked.cause,
        **_sums(borne),
        "fee_provider": _fee_source(sources) if fee else "",
        "borne_fee": fee - charged,
        "sources": sources,
        "after_accrual": after,
    }
    _apply(held, borne)
    cause = Cause("refunded" if asked.cause == "refund" else "dispute_lost", asked.refund_id)
    now = ctx.now()
    forecasts = issue(held, cause, now, [one.line_id for one in borne])
    await save(tx, now, [held], forecasts)
    lines = [{"line_id": one.line_id, **_sums([one])} for one in borne]
    [row] = await tx.fetch(REVERSE, reversal, lines, now)
    return row


def _by_line(held: Held, asked: Asked) -> dict[UUID, int]:
    """Gross by line: as asked, or in proportion to what is left of each."""
    left = {line["id"]: rules.left_of(line).gross for line in held.lines}
    whole = sum(left.values())
    if asked.gross.minor > whole:
        raise ReversalTooLarge(left=whole)
    sold_whole = [line["id"] for line in held.lines if line["kind"] == "whole"]
    if sold_whole:  # from before lines were kept here
        return {sold_whole[0]: asked.gross.minor}
    if asked.lines is None:
        shares = allocate(asked.gross.minor, list(left.values()))
        return {id: minor for id, minor in zip(left, shares, strict=True) if minor}
    for n, line in enumerate(asked.lines):
        if line.line_id not in left:
            raise Invalid.at(f"lines.{n}.line_id", "No line of this vendor order.", "line_unknown")
        if line.gross.minor > left[line.line_id]:
            raise ReversalTooLarge(left=left[line.line_id], line_id=str(line.line_id))
    return {line.line_id: line.gross.minor for line in asked.lines if line.gross.minor}


def _sources(held: Held, asked: Asked) -> list[dict[str, Any]]:
    """Where the money goes back to: to what it came from, at most as much."""
    there = {one["source"]: one for one in held.sources}
    found = []
    for n, given in enumerate(asked.sources):
        key = rules.source_key(given)
        if key not in there and rules.OWNERLESS in there:
            key = rules.OWNERLESS
        if key not in there:
            raise Invalid.at(f"sources.{n}", "Nothing was paid with it.", "source_unknown")
        left = there[key]["minor"] - there[key]["refunded"]
        if given.amount.minor > left:
            raise ReversalTooLarge(left=left, source=key)
        if asked.cause == "dispute_lost" and given.provider is None:
            raise Invalid.at(f"sources.{n}", "Only a provider disputes.", "source_unknown")
        if given.amount.minor:
            found.append(
                {
                    "source": key,
                    "leg": there[key]["leg"],
                    "provider": given.provider or "",
                    "minor": given.amount.minor,
                }
            )
    if len({one["source"] for one in found}) < len(found):
        raise Invalid.at("sources", "A source comes once.", "source_repeated")
    return found


def _fee_source(sources: Sequence[Mapping[str, Any]]) -> str:
    """Which provider's clearing account a dispute's fee was taken from."""
    for one in sources:
        if one["source"] not in (rules.CREDITS, rules.COLLECTED):
            return str(one["source"])
    raise Invalid.at("fee", "No provider took part in this refund.", "source_unknown")


def _sums(borne: Sequence[Bearing]) -> dict[str, int]:
    parts = sum((one.parts for one in borne), rules.NOTHING)
    return {
        "net": parts.net,
        "commission": parts.commission,
        "commission_tax": parts.commission_tax,
        "tax": parts.tax,
        "fee": sum(one.fee for one in borne),
        "fee_tax": sum(one.fee_tax for one in borne),
        "provider_fee": sum(one.provider_fee for one in borne),
        "cash": sum(one.cash for one in borne),
        "released": sum(one.released for one in borne),
    }


def _apply(held: Held, borne: Sequence[Bearing]) -> None:
    lines = {line["id"]: line for line in held.lines}
    for one in borne:
        line = lines[one.line_id]
        line["refunded_net"] += one.parts.net
        line["refunded_commission"] += one.parts.commission
        line["refunded_commission_tax"] += one.parts.commission_tax
        line["refunded_tax"] += one.parts.tax
        line["fees"] += one.fees
        line["cash_returned"] += one.cash
        line["released"] += one.released
