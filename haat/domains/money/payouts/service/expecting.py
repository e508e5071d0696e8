"""Earnings begin: what a vendor order brings, line by line, and its money comes into escrow."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.money.ledger.api import Ledger, Transfer
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import EarningConflict, EarningDraft, EarningLine
from haat.domains.money.payouts.books import Books, books_of
from haat.domains.money.payouts.service.apart import together_or_apart
from haat.engines.sql import Database, Record, Sql, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.money import allocate

EXPECT = Sql("""
WITH born AS (
  INSERT INTO payouts.earnings (vendor_order_id, order_id, vendor_id, order_number, currency,
                                gross, commission, commission_tax, tax, net, sold_at, created_at)
  SELECT vendor_order_id, order_id, vendor_id, order_number, currency, gross, commission,
         commission_tax, tax, net, sold_at, $4
    FROM jsonb_to_recordset($1::jsonb) AS g (
         vendor_order_id uuid, order_id uuid, vendor_id uuid, order_number text, currency text,
         gross bigint, commission bigint, commission_tax bigint, tax bigint, net bigint,
         sold_at timestamptz)
   ORDER BY vendor_order_id
  ON CONFLICT (vendor_order_id) DO NOTHING
  RETURNING vendor_order_id, vendor_id, sold_at
), line AS (
  INSERT INTO payouts.earning_lines
         (id, vendor_order_id, vendor_id, position, kind, title, quantity, product_id,
          category_path, unit_price, base, gross, commission, commission_tax, tax, net, terms,
          sold_at, cash, forecasts, forecast_net)
  SELECT g.id, vendor_order_id, b.vendor_id, g.position, g.kind, g.title, g.quantity,
         g.product_id, g.category_path, g.unit_price, g.base, g.gross, g.commission,
         g.commission_tax, g.tax, g.net, g.terms, b.sold_at, g.cash, 1, g.net
    FROM jsonb_to_recordset($2::jsonb) AS g (
         id uuid, vendor_order_id uuid, position int, kind text, title text, quantity int,
         product_id uuid, category_path uuid[], unit_price bigint, base bigint, gross bigint,
         commission bigint, commission_tax bigint, tax bigint, net bigint, terms jsonb,
         cash bigint, deductions jsonb)
    JOIN born b USING (vendor_order_id)
), forecast AS (
  INSERT INTO payouts.forecasts (line_id, number, vendor_order_id, cause, cause_id, net, change,
                                 deductions, blockers, paid, issued_at)
  SELECT g.id, 1, vendor_order_id, 'sold', vendor_order_id, g.net, g.net, g.deductions,
         ARRAY['not_delivered'], g.cash, $4
    FROM jsonb_to_recordset($2::jsonb) AS g (
         id uuid, vendor_order_id uuid, net bigint, cash bigint, deductions jsonb)
    JOIN born USING (vendor_order_id)
), source AS (
  INSERT INTO payouts.earning_sources (vendor_order_id, source, leg, minor)
  SELECT vendor_order_id, g.source, g.leg, g.minor
    FROM jsonb_to_recordset($3::jsonb) AS g (
         vendor_order_id uuid, source text, leg text, minor bigint)
    JOIN born USING (vendor_order_id)
)
SELECT vendor_order_id FROM born
""")

KNOWN = Sql("""
SELECT e.vendor_order_id, e.order_id, e.vendor_id, e.currency, e.escrowed,
       (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.leg), '[]')
          FROM payouts.earning_sources s WHERE s.vendor_order_id = e.vendor_order_id) AS sources,
       (SELECT jsonb_object_agg(l.id, jsonb_build_array(l.gross, l.commission, l.commission_tax,
                                                        l.tax, l.net))
          FROM payouts.earning_lines l WHERE l.vendor_order_id = e.vendor_order_id) AS lines
  FROM payouts.earnings e WHERE e.vendor_order_id = ANY($1::uuid[])
""")

ESCROWED = Sql("""
WITH locked AS (
  SELECT vendor_order_id FROM payouts.earnings
   WHERE vendor_order_id = ANY($1::uuid[]) AND NOT escrowed
   ORDER BY vendor_order_id FOR NO KEY UPDATE
)
UPDATE payouts.earnings e SET escrowed = true
  FROM locked WHERE e.vendor_order_id = locked.vendor_order_id
""")


class Expecting:
    """The use case `expect`, and its other half after a crash."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def expect(self, ctx: Context, drafts: Sequence[EarningDraft]) -> None:
        given: dict[UUID, EarningDraft] = {}
        for n, draft in enumerate(drafts):
            rules.check_draft(draft, f"earnings.{n}")
            if given.setdefault(draft.vendor_order_id, draft) != draft:
                raise EarningConflict(vendor_order_id=str(draft.vendor_order_id))
        if not given:
            return
        sources = {id: _sources(draft) for id, draft in given.items()}
        try:
            rows = await self._db.step(
                ctx,
                EXPECT,
                [_earning(draft) for draft in given.values()],
                [line for id, draft in given.items() for line in _lines(draft, sources[id])],
                [source for found in sources.values() for source in found],
                ctx.now(),
            )
        except UniqueViolation:
            raise EarningConflict("A line belongs to another vendor order.") from None
        untold = {row["vendor_order_id"] for row in rows}
        known = [id for id in given if id not in untold]
        if known:
            for row in await self._db.fetch(KNOWN, known):
                _check_same(given[row["vendor_order_id"]], row, sources[row["vendor_order_id"]])
                if not row["escrowed"]:
                    untold.add(row["vendor_order_id"])
        transfers = [
            transfer
            for id, draft in given.items()
            if id in untold
            for transfer in _books(draft).capture(sources[id])
        ]
        await self._tell(ctx, list(untold), transfers)

    async def resume(self, ctx: Context, ids: Sequence[UUID]) -> None:
        """The ledger is told of what was written and not told."""
        rows = await self._db.fetch(KNOWN, ids)
        await together_or_apart(rows, lambda some: self._tell_of(ctx, some))

    async def _tell_of(self, ctx: Context, rows: Sequence[Record]) -> None:
        transfers = [t for row in rows for t in books_of(row).capture(row["sources"])]
        await self._tell(ctx, [row["vendor_order_id"] for row in rows], transfers)

    async def _tell(self, ctx: Context, ids: Sequence[UUID], transfers: list[Transfer]) -> None:
        if transfers:
            await self._ledger.post(ctx, transfers=transfers)
        if ids:
            await self._db.step(ctx, ESCROWED, ids)


def _books(draft: EarningDraft) -> Books:
    return Books(draft.vendor_order_id, draft.vendor_id, draft.gross.currency)


def _sources(draft: EarningDraft) -> list[dict[str, Any]]:
    return [
        {"vendor_order_id": draft.vendor_order_id, "source": key, "leg": leg, "minor": minor}
        for key, leg, minor in rules.legs(draft.sources)
    ]


def _earning(draft: EarningDraft) -> dict[str, Any]:
    return {
        "vendor_order_id": draft.vendor_order_id,
        "order_id": draft.order_id,
        "vendor_id": draft.vendor_id,
        "order_number": draft.order_number,
        "currency": draft.gross.currency,
        "sold_at": draft.sold_at,
        **_minors(draft),
    }


def _minors(one: EarningDraft | EarningLine) -> dict[str, int]:
    return {
        "gross": one.gross.minor,
        "commission": one.commission.minor,
        "commission_tax": one.commission_tax.minor,
        "tax": one.tax.minor,
        "net": one.net.minor,
    }


def _lines(draft: EarningDraft, sources: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Rows of the lines; cash that the vendor collected is shared by gross."""
    collected = sum(s["minor"] for s in sources if s["source"] == rules.COLLECTED)
    cash = allocate(collected, [line.gross.minor for line in draft.lines])
    for position, (line, part) in enumerate(zip(draft.lines, cash, strict=True)):
        row: dict[str, Any] = {
            "id": line.id,
            "vendor_order_id": draft.vendor_order_id,
            "position": position,
            "kind": line.kind,
            "title": line.title,
            "quantity": line.quantity,
            "product_id": line.product_id,
            "category_path": line.category_path,
            "unit_price": line.unit_price.minor,
            "base": line.base.minor,
            "terms": line.terms.model_dump(mode="json"),
            "cash": part,
            **_minors(line),
        }
        row["deductions"] = rules.deductions({**row, **_UNTOUCHED}, None)
        yield row


_UNTOUCHED = dict.fromkeys(
    (
        "refunded_net refunded_commission refunded_commission_tax refunded_tax fees"
        " accrued_reserve released"
    ).split(),
    0,
)


def _check_same(draft: EarningDraft, row: Record, sources: Sequence[Mapping[str, Any]]) -> None:
    lines = {str(line.id): list(_minors(line).values()) for line in draft.lines}
    whose = (draft.vendor_id, draft.order_id, draft.gross.currency)
    there = {s["source"]: s["minor"] for s in row["sources"]}
    if (
        whose != (row["vendor_id"], row["order_id"], row["currency"])
        or (lines != row["lines"] and rules.OWNERLESS not in there)
        or (there != {s["source"]: s["minor"] for s in sources} and rules.OWNERLESS not in there)
    ):
        raise EarningConflict(vendor_order_id=str(draft.vendor_order_id))
