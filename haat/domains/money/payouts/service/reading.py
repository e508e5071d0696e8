"""What vendors and staff read: balances, earnings, payouts; and the account a vendor is paid to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.money.commissions.api import Terms
from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import (
    Earning,
    EarningLine,
    Payout,
    PayoutItem,
    VendorBalance,
)
from haat.domains.money.payouts.books import vendors_account
from haat.domains.money.payouts.service.pages import END_OF_TIME, START_OF_TIME, before
from haat.domains.money.payouts.service.paying import FIND, shown
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, page_of
from haat.kernel.text import is_plain_line

_STATUSES = ("requested", "approved", "processing", "paid", "failed", "rejected")

SUMS = Sql("""
SELECT given.vendor_id,
       (SELECT coalesce(sum(e.net), 0)::bigint FROM payouts.earnings e
         WHERE e.vendor_id = given.vendor_id AND e.currency = $2 AND e.created_at <= $3
           AND (e.eligible_at IS NULL OR e.eligible_at > $3))
       - (SELECT coalesce(sum(r.net), 0)::bigint
            FROM payouts.reversals r JOIN payouts.earnings e USING (vendor_order_id)
           WHERE e.vendor_id = given.vendor_id AND e.currency = $2 AND r.created_at <= $3
             AND NOT r.after_accrual
             AND (e.eligible_at IS NULL OR e.eligible_at > $3)) AS pending,
       (SELECT coalesce(sum(minor), 0)::bigint FROM payouts.payouts p
         WHERE p.vendor_id = given.vendor_id AND p.currency = $2 AND p.status = 'paid'
           AND p.paid_at <= $3) AS paid
  FROM unnest($1::uuid[]) WITH ORDINALITY AS given (vendor_id, place)
 ORDER BY place
""")

_SHOWN = """
WITH shown AS (
  SELECT e.*,
         array(SELECT b.kind FROM payouts.blocks b
                WHERE b.vendor_order_id = e.vendor_order_id AND b.lifted_at IS NULL
                ORDER BY b.kind) AS blocked_by,
         CASE WHEN e.gross > 0 AND e.refunded_net + e.refunded_commission
                   + e.refunded_commission_tax + e.refunded_tax = e.gross THEN 'reversed'
              WHEN e.stage <> 'eligible' THEN 'pending'
              WHEN e.reserve_stage IN ('held', 'releasing')
                   OR EXISTS (SELECT 1 FROM payouts.movements m
                               WHERE m.vendor_order_id = e.vendor_order_id AND m.paid <> m.minor)
              THEN 'eligible' ELSE 'paid' END AS status
    FROM payouts.earnings e
)
SELECT * FROM shown
"""

EARNINGS = Sql(
    _SHOWN
    + """
 WHERE vendor_id = $1 AND (created_at, vendor_order_id) < ($2, $3::uuid)
   AND created_at >= $5 AND created_at < $6 AND ($7::text IS NULL OR status = $7)
 ORDER BY created_at DESC, vendor_order_id DESC LIMIT $4
"""
)

EARNINGS_OF = Sql(
    _SHOWN + " WHERE vendor_order_id = ANY($1::uuid[]) ORDER BY created_at, vendor_order_id"
)

LINES = Sql("""
SELECT * FROM payouts.earning_lines WHERE vendor_order_id = $1 ORDER BY position
""")

PAYOUTS = Sql("""
SELECT * FROM payouts.payouts
 WHERE vendor_id = $1 AND status NOT IN ('reserving', 'refused')
   AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")

ITEMS = Sql("""
SELECT m.kind, m.vendor_order_id, m.line_id, i.minor, e.order_number, l.title
  FROM payouts.payout_items i JOIN payouts.movements m ON m.id = i.movement_id
  LEFT JOIN payouts.earnings e USING (vendor_order_id)
  LEFT JOIN payouts.earning_lines l ON l.id = m.line_id
 WHERE i.payout_id = $1 ORDER BY m.at, m.id
""")

QUEUE = Sql("""
SELECT * FROM payouts.payouts
 WHERE (CASE WHEN outcome = 'rejected' THEN 'rejected' ELSE status END) = ANY($1::text[])
   AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")

SET_DESTINATION = Sql("""
INSERT INTO payouts.destinations AS d (vendor_id, holder, account, bic, provider_ref, changed_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (vendor_id) DO UPDATE
   SET held_until = CASE WHEN (d.account, coalesce(d.provider_ref, ''))
                              <> (excluded.account, coalesce(excluded.provider_ref, ''))
                         THEN $7 ELSE d.held_until END,
       holder = excluded.holder, account = excluded.account, bic = excluded.bic,
       provider_ref = excluded.provider_ref, changed_at = excluded.changed_at
 WHERE d.changed_at <= excluded.changed_at
""")

DESTINATION = Sql("""
SELECT holder, account, bic, provider_ref FROM payouts.destinations WHERE vendor_id = $1
""")


class Reading:
    """Queries, and the bank account a vendor is paid to."""

    def __init__(self, db: Database, ledger: Ledger, cooling: timedelta = timedelta(0)) -> None:
        """`cooling`: for how long nothing is paid to an account that came in place of another."""
        self._db = db
        self._cooling = cooling
        self._ledger = ledger

    async def balances(
        self, ctx: Context, vendor_ids: Sequence[UUID], currency: str, as_of: datetime | None
    ) -> list[VendorBalance]:
        if not vendor_ids:
            return []
        rows = await self._db.fetch(SUMS, vendor_ids, currency, as_of or END_OF_TIME)
        accounts = [
            vendors_account(kind, id, currency)
            for id in vendor_ids
            for kind in ("payable", "reserve")
        ]
        held = await self._ledger.balances(ctx, accounts=accounts, as_of=as_of)
        return [
            VendorBalance(
                vendor_id=row["vendor_id"],
                available=Money(minor=payable.free_minor, currency=currency),
                pending=Money(minor=row["pending"], currency=currency),
                reserved=Money(minor=reserve.minor, currency=currency),
                requested=Money(minor=payable.pending_minor, currency=currency),
                paid=Money(minor=row["paid"], currency=currency),
            )
            for row, payable, reserve in zip(rows, held[::2], held[1::2], strict=True)
        ]

    async def earnings(
        self,
        vendor_id: UUID,
        status: str | None,
        period: tuple[datetime | None, datetime | None],
        limit: int,
        cursor: str | None,
    ) -> Page[Earning]:
        since, until = period
        rows = await self._db.fetch(
            EARNINGS,
            vendor_id,
            *before(cursor),
            limit + 1,
            since or START_OF_TIME,
            until or END_OF_TIME,
            status,
        )
        found = [_earning(row) for row in rows]
        return page_of(found, limit, "created_at", "vendor_order_id")

    async def earning(self, ctx: Context, vendor_order_id: UUID) -> Earning:
        found = await self.earnings_of([vendor_order_id])
        if not found:
            raise NotFound
        ctx.need_vendor(found[0].vendor_id)
        currency = found[0].gross.currency
        lines = [_line(row, currency) for row in await self._db.fetch(LINES, vendor_order_id)]
        return found[0].model_copy(update={"lines": lines})

    async def earnings_of(self, vendor_order_ids: Sequence[UUID]) -> list[Earning]:
        return [_earning(row) for row in await self._db.fetch(EARNINGS_OF, vendor_order_ids)]

    async def payouts(self, vendor_id: UUID, limit: int, cursor: str | None) -> Page[Payout]:
        rows = await self._db.fetch(PAYOUTS, vendor_id, *before(cursor), limit + 1)
        return page_of([shown(row) for row in rows], limit, "requested_at", "id")

    async def payout(self, ctx: Context, id: UUID) -> Payout:
        row = await self._db.fetchrow(FIND, id)
        if row is None or row["status"] in (rules.RESERVING, rules.REFUSED):
            raise NotFound
        ctx.need_vendor(row["vendor_id"])
        items = [
            PayoutItem(
                kind=item["kind"],
                vendor_order_id=item["vendor_order_id"],
                order_number=item["order_number"] or "",
                line_id=item["line_id"],
                title=item["title"] or "",
                amount=Money(minor=item["minor"], currency=row["currency"]),
            )
            for item in await self._db.fetch(ITEMS, id)
        ]
        return shown(row).model_copy(update={"items": items})

    async def queue(self, status: str | None, limit: int, cursor: str | None) -> Page[Payout]:
        if status is not None and status not in _STATUSES:
            raise Invalid.at("status", f"One of {', '.join(_STATUSES)}.", "status_invalid")
        wanted = [status] if status else list(_STATUSES)
        rows = await self._db.fetch(QUEUE, wanted, *before(cursor), limit + 1)
        return page_of([shown(row) for row in rows], limit, "requested_at", "id")

    async def set_destination(
        self, ctx: Context, vendor_id: UUID, destination: Destination, at: datetime
    ) -> None:
        holder = destination.holder.strip()
        account = destination.account.replace(" ", "").replace("-", "")
        bic = destination.bic.replace(" ", "").upper()
        if not holder or not is_plain_line(holder):
            raise Invalid.at("holder", "Whose account is it?", "holder_invalid")
        if not (account.isascii() and account.isalnum() and 4 <= len(account) <= 34):
            raise Invalid.at(
                "account",
                "4 to 34 letters and digits; spaces and dashes do not count.",
                "account_invalid",
            )
        if bic and not (bic.isascii() and bic.isalnum() and len(bic) in (8, 11)):
            raise Invalid.at("bic", "8 or 11 letters and digits.", "bic_invalid")
        given = (vendor_id, holder, account, bic, destination.provider_ref)
        await self._db.step(ctx, SET_DESTINATION, *given, at, ctx.now() + self._cooling)

    async def destination(self, vendor_id: UUID) -> Destination | None:
        row = await self._db.fetchrow(DESTINATION, vendor_id)
        if row is None:
            return None
        return Destination(
            holder=row["holder"],
            account=rules.masked(row["account"]),
            bic=row["bic"],
            provider_ref=row["provider_ref"],
        )


def _earning(row: Record) -> Earning:
    currency = row["currency"]

    def money(minor: int) -> Money:
        return Money(minor=minor, currency=currency)

    return Earning(
        vendor_order_id=row["vendor_order_id"],
        order_id=row["order_id"],
        vendor_id=row["vendor_id"],
        order_number=row["order_number"],
        currency=currency,
        gross=money(row["gross"]),
        commission=money(row["commission"]),
        commission_tax=money(row["commission_tax"]),
        tax=money(row["tax"]),
        net=money(row["net"]),
        status=row["status"],
        refunded=money(rules.refunded(row).gross),
        refunded_net=money(row["refunded_net"]),
        fees=money(row["fees"]),
        blocked_by=row["blocked_by"],
        created_at=row["created_at"],
        eligible_at=row["eligible_at"],
    )


def _line(row: Record, currency: str) -> EarningLine:
    def money(name: str) -> Money:
        return Money(minor=row[name], currency=currency)

    return EarningLine(
        id=row["id"],
        kind="shipping" if row["kind"] == "shipping" else "goods",
        title=row["title"],
        quantity=row["quantity"],
        product_id=row["product_id"],
        category_path=row["category_path"],
        unit_price=money("unit_price"),
        base=money("base"),
        gross=money("gross"),
        commission=money("commission"),
        commission_tax=money("commission_tax"),
        tax=money("tax"),
        net=money("net"),
        terms=Terms.model_validate(row["terms"]),
    )
