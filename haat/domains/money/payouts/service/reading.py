"""What vendors and staff read: balances, earnings, payouts, bank accounts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from haat.domains.money.ledger.api import Account, Balance, Ledger
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import Earning, Payout, VendorBalance
from haat.domains.money.payouts.service.earning import left_of
from haat.domains.money.payouts.service.paying import shown
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_NO_ID = UUID(int=0)
_STATUSES = ("requested", "approved", "processing", "paid", "failed", "rejected")
_CHUNK = 500

SUMS = Sql("""
SELECT (SELECT coalesce(sum(net - refunded_net), 0)::bigint FROM payouts.earnings
         WHERE vendor_id = $1 AND currency = $2 AND stage <> 'eligible') AS pending,
       (SELECT coalesce(sum(minor), 0)::bigint FROM payouts.payouts
         WHERE vendor_id = $1 AND currency = $2 AND status = 'paid') AS paid
""")

EARNINGS = Sql("""
SELECT * FROM payouts.earnings
 WHERE vendor_id = $1 AND (created_at, vendor_order_id) < ($2, $3::uuid)
 ORDER BY created_at DESC, vendor_order_id DESC LIMIT $4
""")

EARNINGS_OF = Sql("""
SELECT * FROM payouts.earnings WHERE vendor_order_id = ANY($1::uuid[])
 ORDER BY created_at, vendor_order_id
""")

PAYOUTS = Sql("""
SELECT * FROM payouts.payouts
 WHERE vendor_id = $1 AND status NOT IN ('reserving', 'refused')
   AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")

QUEUE = Sql("""
SELECT * FROM payouts.payouts
 WHERE (CASE WHEN outcome = 'rejected' THEN 'rejected' ELSE status END) = ANY($1::text[])
   AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")

SET_DESTINATION = Sql("""
INSERT INTO payouts.destinations (vendor_id, holder, account, changed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (vendor_id) DO UPDATE
   SET holder = excluded.holder, account = excluded.account, changed_at = excluded.changed_at
""")

DESTINATION = Sql("SELECT holder, account FROM payouts.destinations WHERE vendor_id = $1")

# Vendors of whom something is under way are left out: the ledger may be a step ahead of us.
PAYABLES = Sql("""
WITH part AS (
  SELECT vendor_id, currency, sum(accrued_net) FILTER (WHERE stage = 'eligible') AS minor,
         bool_or(stage = 'accruing') AS busy
    FROM payouts.earnings WHERE vendor_id >= $1 GROUP BY 1, 2
  UNION ALL
  SELECT e.vendor_id, e.currency, -sum(r.net) FILTER (WHERE r.after_accrual),
         bool_or(NOT r.posted)
    FROM payouts.reversals r JOIN payouts.earnings e USING (vendor_order_id)
   WHERE e.vendor_id >= $1 GROUP BY 1, 2
  UNION ALL
  SELECT vendor_id, currency, -sum(minor) FILTER (WHERE status = 'paid'),
         bool_or(status = 'reserving' OR outcome <> status)
    FROM payouts.payouts WHERE vendor_id >= $1 GROUP BY 1, 2
)
SELECT vendor_id, currency, coalesce(sum(minor), 0)::bigint AS minor,
       coalesce(bool_or(busy), false) AS busy
  FROM part WHERE (vendor_id, currency) > ($1, $2)
 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $3
""")

ESCROWS = Sql("""
SELECT vendor_order_id, vendor_id, currency,
       CASE WHEN stage = 'eligible' THEN 0
            ELSE gross - refunded_net - refunded_commission - refunded_tax END AS minor
  FROM payouts.earnings e
 WHERE vendor_order_id > $1 AND escrowed AND stage <> 'accruing'
   AND NOT EXISTS (SELECT 1 FROM payouts.reversals r
                    WHERE r.vendor_order_id = e.vendor_order_id AND NOT r.posted)
 ORDER BY vendor_order_id LIMIT $2
""")


class Reading:
    """Queries, and the bank account a vendor is paid to."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def balance(self, ctx: Context, vendor_id: UUID, currency: str) -> VendorBalance:
        row = await self._db.fetchrow(SUMS, vendor_id, currency)
        assert row is not None
        account = rules.payable_of(vendor_id, currency)
        [held] = await self._ledger.balances(ctx, accounts=[account])
        return VendorBalance(
            vendor_id=vendor_id,
            available=Money(minor=held.free_minor, currency=currency),
            pending=Money(minor=row["pending"], currency=currency),
            requested=Money(minor=held.pending_minor, currency=currency),
            paid=Money(minor=row["paid"], currency=currency),
        )

    async def earnings(self, vendor_id: UUID, limit: int, cursor: str | None) -> Page[Earning]:
        rows = await self._db.fetch(EARNINGS, vendor_id, *_before(cursor), limit + 1)
        items = [_earning(row) for row in rows[:limit]]
        last = items[-1] if len(rows) > limit else None
        return Page(
            items=items,
            next=encode_cursor(last.created_at, last.vendor_order_id) if last else None,
        )

    async def earnings_of(self, vendor_order_ids: Sequence[UUID]) -> list[Earning]:
        return [_earning(row) for row in await self._db.fetch(EARNINGS_OF, vendor_order_ids)]

    async def payouts(self, vendor_id: UUID, limit: int, cursor: str | None) -> Page[Payout]:
        rows = await self._db.fetch(PAYOUTS, vendor_id, *_before(cursor), limit + 1)
        return _page(rows, limit)

    async def queue(self, status: str | None, limit: int, cursor: str | None) -> Page[Payout]:
        if status is not None and status not in _STATUSES:
            raise Invalid.at("status", f"One of {', '.join(_STATUSES)}.", "status_invalid")
        wanted = [status] if status else list(_STATUSES)
        rows = await self._db.fetch(QUEUE, wanted, *_before(cursor), limit + 1)
        return _page(rows, limit)

    async def set_destination(
        self, ctx: Context, vendor_id: UUID, destination: Destination
    ) -> None:
        holder = destination.holder.strip()
        account = destination.account.replace(" ", "").replace("-", "")
        if not holder or not holder.isprintable():
            raise Invalid.at("holder", "Whose account is it?", "holder_invalid")
        if not (account.isascii() and account.isalnum() and 4 <= len(account) <= 34):
            raise Invalid.at(
                "account",
                "4 to 34 letters and digits; spaces and dashes do not count.",
                "account_invalid",
            )
        await self._db.step(ctx, SET_DESTINATION, vendor_id, holder, account, ctx.now())

    async def destination(self, vendor_id: UUID) -> Destination | None:
        row = await self._db.fetchrow(DESTINATION, vendor_id)
        if row is None:
            return None
        return Destination(holder=row["holder"], account=rules.masked(row["account"]))

    async def reconcile(self, ctx: Context, limit: int) -> list[str]:
        found = await self._payables(ctx, limit)
        return found if len(found) >= limit else found + await self._escrows(ctx, limit)

    async def _payables(self, ctx: Context, limit: int) -> list[str]:
        found: list[str] = []
        last, currency = _NO_ID, ""
        while rows := await self._db.fetch(PAYABLES, last, currency, _CHUNK):
            accounts = [rules.payable_of(row["vendor_id"], row["currency"]) for row in rows]
            held = await self._ledger.balances(ctx, accounts=accounts)
            found += [
                line
                for row, balance in zip(rows, held, strict=True)
                if not row["busy"] and (line := _differs("vendor", row, balance))
            ]
            if len(found) >= limit:
                break
            last, currency = rows[-1]["vendor_id"], rows[-1]["currency"]
        return found[:limit]

    async def _escrows(self, ctx: Context, limit: int) -> list[str]:
        found: list[str] = []
        last = _NO_ID
        while rows := await self._db.fetch(ESCROWS, last, _CHUNK):
            accounts = [
                Account(kind="escrow", owner=row["vendor_order_id"], currency=row["currency"])
                for row in rows
            ]
            held = await self._ledger.balances(ctx, accounts=accounts)
            found += [
                line
                for row, balance in zip(rows, held, strict=True)
                if (line := _differs("vendor_order", row, balance))
            ]
            if len(found) >= limit:
                break
            last = rows[-1]["vendor_order_id"]
        return found[:limit]


def _differs(what: str, row: Record, balance: Balance) -> str | None:
    if balance.minor == row["minor"]:
        return None
    kind = balance.account.kind
    return (
        f"payouts: {what.replace('_', ' ')} {row[what + '_id']}: {kind} should be {row['minor']}"
        f" {row['currency']} by its earnings, the ledger holds {balance.minor}"
    )


def _before(cursor: str | None) -> tuple[datetime, UUID]:
    key = decode_cursor(cursor, datetime.fromisoformat, UUID)
    return (key[0], key[1]) if key else (_END_OF_TIME, _LAST_ID)


def _page(rows: list[Record], limit: int) -> Page[Payout]:
    items = [shown(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return Page(items=items, next=encode_cursor(last.requested_at, last.id) if last else None)


def _earning(row: Record) -> Earning:
    currency = row["currency"]
    left = left_of(row)
    done = row["gross"] > 0 and left.gross == 0
    return Earning(
        vendor_order_id=row["vendor_order_id"],
        order_id=row["order_id"],
        vendor_id=row["vendor_id"],
        order_number=row["order_number"],
        gross=Money(minor=row["gross"], currency=currency),
        commission=Money(minor=row["commission"], currency=currency),
        tax=Money(minor=row["tax"], currency=currency),
        net=Money(minor=row["net"], currency=currency),
        status="reversed" if done else "eligible" if row["stage"] == "eligible" else "pending",
        refunded=Money(minor=row["gross"] - left.gross, currency=currency),
        created_at=row["created_at"],
        eligible_at=row["eligible_at"],
    )
