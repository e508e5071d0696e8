"""What vendors and vendor orders should have by our records, held against the ledger."""

from uuid import UUID

from haat.domains.money.ledger.api import Account, AccountKind, Balance, Ledger
from haat.domains.money.payouts.books import vendors_account
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

# Vendors of whom something is under way are left out: the ledger may be a step ahead of us.
VENDORS = Sql("""
WITH part AS (
  SELECT vendor_id, currency, sum(minor) AS payable, 0 AS reserve, 0 AS cash, false AS busy
    FROM payouts.movements WHERE vendor_id >= $1 GROUP BY 1, 2
  UNION ALL
  SELECT vendor_id, currency, -sum(minor) FILTER (WHERE status = 'paid'), 0, 0,
         bool_or(status = 'reserving' OR outcome <> status)
    FROM payouts.payouts WHERE vendor_id >= $1 GROUP BY 1, 2
  UNION ALL
  SELECT e.vendor_id, e.currency, 0,
         sum(l.accrued_reserve - l.released) FILTER (WHERE e.stage = 'eligible'),
         sum(l.cash - l.cash_returned) FILTER (WHERE e.stage = 'pending'),
         bool_or(NOT e.escrowed OR e.stage = 'accruing' OR e.reserve_stage = 'releasing')
    FROM payouts.earnings e JOIN payouts.earning_lines l USING (vendor_order_id)
   WHERE e.vendor_id >= $1 GROUP BY 1, 2
  UNION ALL
  SELECT e.vendor_id, e.currency, 0, 0, 0, true
    FROM payouts.reversals r JOIN payouts.earnings e USING (vendor_order_id)
   WHERE NOT r.posted AND e.vendor_id >= $1
  UNION ALL
  SELECT vendor_id, currency, 0, 0, 0, true
    FROM payouts.charges WHERE NOT posted AND vendor_id >= $1
)
SELECT vendor_id, currency, coalesce(sum(payable), 0)::bigint AS payable,
       coalesce(sum(reserve), 0)::bigint AS reserve, coalesce(sum(cash), 0)::bigint AS cash,
       coalesce(bool_or(busy), false) AS busy
  FROM part WHERE (vendor_id, currency) > ($1, $2)
 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $3
""")

ESCROWS = Sql("""
SELECT vendor_order_id, currency,
       CASE WHEN stage = 'eligible' THEN 0
            ELSE gross - refunded_net - refunded_commission - refunded_commission_tax
                 - refunded_tax END AS escrow
  FROM payouts.earnings e
 WHERE vendor_order_id > $1 AND escrowed AND stage <> 'accruing'
   AND NOT EXISTS (SELECT 1 FROM payouts.reversals r
                    WHERE r.vendor_order_id = e.vendor_order_id AND NOT r.posted)
 ORDER BY vendor_order_id LIMIT $2
""")

_NO_ID = UUID(int=0)
_CHUNK = 500
_KINDS: tuple[AccountKind, ...] = ("payable", "reserve", "cash")


class Reconciling:
    """The query `reconcile`."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def reconcile(self, ctx: Context, limit: int) -> list[str]:
        found = await self._vendors(ctx, limit)
        return found if len(found) >= limit else found + await self._escrows(ctx, limit)

    async def _vendors(self, ctx: Context, limit: int) -> list[str]:
        found: list[str] = []
        last, currency = _NO_ID, ""
        while rows := await self._db.fetch(VENDORS, last, currency, _CHUNK):
            still = [row for row in rows if not row["busy"]]
            accounts = [
                vendors_account(kind, row["vendor_id"], row["currency"])
                for row in still
                for kind in _KINDS
            ]
            held = iter(await self._ledger.balances(ctx, accounts=accounts) if accounts else [])
            for row in still:
                for kind in _KINDS:
                    found += _differs("vendor", row["vendor_id"], row[kind], next(held))
            if len(found) >= limit:
                break
            last, currency = rows[-1]["vendor_id"], rows[-1]["currency"]
        return found[:limit]

    async def _escrows(self, ctx: Context, limit: int) -> list[str]:
        found: list[str] = []
        last = _NO_ID
        while rows := await self._db.fetch(ESCROWS, last, _CHUNK):
            held = await self._ledger.balances(ctx, accounts=[_escrow(row) for row in rows])
            for row, balance in zip(rows, held, strict=True):
                found += _differs("vendor order", row["vendor_order_id"], row["escrow"], balance)
            if len(found) >= limit:
                break
            last = rows[-1]["vendor_order_id"]
        return found[:limit]


def _escrow(row: Record) -> Account:
    return Account(kind="escrow", owner=row["vendor_order_id"], currency=row["currency"])


def _differs(what: str, id: UUID, expected: int, balance: Balance) -> list[str]:
    if balance.minor == expected:
        return []
    account = balance.account
    return [
        f"payouts: {what} {id}: {account.kind} should be {expected} {account.currency}"
        f" by its records, the ledger holds {balance.minor}"
    ]
