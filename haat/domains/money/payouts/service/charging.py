"""Fees, fines and credit notes outside orders."""

from datetime import timedelta
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payouts import books
from haat.domains.money.payouts.api import Charge, ChargeConflict
from haat.domains.money.payouts.service.apart import each
from haat.domains.money.payouts.service.pages import before
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, page_of

CHARGE = Sql("""
INSERT INTO payouts.charges (id, vendor_id, currency, minor, tax, reason, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING RETURNING *
""")

FIND = Sql("SELECT * FROM payouts.charges WHERE id = $1")

CHARGED = Sql("""
WITH told AS (
  UPDATE payouts.charges SET posted = true WHERE id = $1 AND NOT posted RETURNING *
)
INSERT INTO payouts.movements (vendor_id, currency, kind, cause_id, minor, at)
SELECT vendor_id, currency, CASE WHEN minor > 0 THEN 'fee' ELSE 'credit_note' END, id,
       -(minor + tax), $2
  FROM told
""")

CHARGES = Sql("""
SELECT * FROM payouts.charges
 WHERE vendor_id = $1 AND (created_at, id) < ($2, $3::uuid)
 ORDER BY created_at DESC, id DESC LIMIT $4
""")

UNFINISHED = Sql("""
SELECT * FROM payouts.charges WHERE NOT posted AND created_at < $1 ORDER BY created_at LIMIT $2
""")


class Charging:
    """The use case `charge`, its other half after a crash, and the list."""

    def __init__(self, db: Database, ledger: Ledger, vendors: Vendors) -> None:
        self._db = db
        self._ledger = ledger
        self._vendors = vendors

    async def charge(self, ctx: Context, asked: Charge, currency: str) -> Charge:
        """`asked.at` is not looked at."""
        _check(asked, currency)
        if not await self._vendors.by_ids(ctx, ids=[asked.vendor_id]):
            raise NotFound
        born = await self._db.step(
            ctx,
            CHARGE,
            asked.id,
            asked.vendor_id,
            currency,
            asked.amount.minor,
            asked.tax.minor,
            asked.reason,
            ctx.actor.id,
            ctx.now(),
        )
        row = born[0] if born else await self._db.fetchrow(FIND, asked.id)
        assert row is not None, "charges are never deleted"
        found = _shown(row)
        if found.model_copy(update={"at": asked.at}) != asked:
            raise ChargeConflict
        await self._finish(ctx, row)
        return found

    async def resume(self, ctx: Context, idle: timedelta, limit: int) -> None:
        rows = await self._db.fetch(UNFINISHED, ctx.now() - idle, limit)
        await each(rows, lambda row: self._finish(ctx, row))

    async def charges(self, vendor_id: UUID, limit: int, cursor: str | None) -> Page[Charge]:
        rows = await self._db.fetch(CHARGES, vendor_id, *before(cursor), limit + 1)
        return page_of([_shown(row) for row in rows], limit, "at", "id")

    async def _finish(self, ctx: Context, row: Record) -> None:
        if not row["posted"]:
            await self._ledger.post(ctx, transfers=books.charge(row))
            await self._db.step(ctx, CHARGED, row["id"], ctx.now())


def _check(asked: Charge, currency: str) -> None:
    if asked.amount.currency != currency or asked.tax.currency != currency:
        raise Invalid.at("amount.currency", f"Expected {currency}.", "currency_mixed")
    if asked.amount.minor == 0:
        raise Invalid.at("amount.minor", "A charge is more or less than nothing.", "amount_invalid")
    if asked.tax.minor * asked.amount.minor < 0:
        raise Invalid.at("tax.minor", "The tax goes the way the amount does.", "tax_invalid")


def _shown(row: Record) -> Charge:
    currency = row["currency"]
    return Charge(
        id=row["id"],
        vendor_id=row["vendor_id"],
        amount=Money(minor=row["minor"], currency=currency),
        tax=Money(minor=row["tax"], currency=currency),
        reason=row["reason"],
        at=row["created_at"],
    )
