"""What owners and staff read of wallets, and what staff do with one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.ledger.api import Entry, Ledger
from haat.domains.money.payments.api import PaymentConflict
from haat.domains.money.wallet import rules
from haat.domains.money.wallet.api import (
    CREDITS,
    Flag,
    FlowDay,
    FrozenWallet,
    WalletBalance,
    WalletEntry,
    WalletFlow,
)
from haat.domains.money.wallet.rules import Move
from haat.domains.money.wallet.service.moving import Moving
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_FLAGS_MAX = 50
_GRANT_MAX = 10_000_000

OF_TRANSFERS = Sql("""
SELECT * FROM wallet.moves WHERE transfer_id = ANY($1::uuid[])
""")

FREEZE = Sql("""
INSERT INTO wallet.wallets (owner_id, frozen, reason, changed_by, changed_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (owner_id) DO UPDATE
   SET frozen = EXCLUDED.frozen, reason = EXCLUDED.reason, claim_id = NULL,
       changed_by = EXCLUDED.changed_by, changed_at = EXCLUDED.changed_at
 WHERE wallets.frozen <> EXCLUDED.frozen
""")

FROZEN = Sql("""
SELECT owner_id, reason, claim_id, changed_at AS since FROM wallet.wallets
 WHERE frozen AND (changed_at, owner_id) < ($1, $2::uuid)
 ORDER BY changed_at DESC, owner_id DESC LIMIT $3
""")

DAYS = Sql("""
SELECT date_trunc('day', ended_at, 'UTC') AS day, kind, sum(credits)::bigint AS credits
  FROM wallet.moves WHERE state = 'done' AND ended_at >= $1 GROUP BY 1, 2
""")

FLAGS = Sql("""
WITH declined AS (
  SELECT owner_id, created_at AS at FROM wallet.moves
   WHERE decline_code IS NOT NULL AND created_at >= $1 AND kind = 'spent'
  UNION ALL
  SELECT owner_id, ended_at FROM wallet.topups
   WHERE ended_at >= $1 AND status = 'failed'
), moved AS (
  SELECT owner_id, kind, credits, ended_at AS at FROM wallet.moves
   WHERE state = 'done' AND ended_at >= $1 AND kind IN ('topup', 'withdrawn')
), leaving AS (
  SELECT w.owner_id, w.at, coalesce(sum(o.credits) FILTER (WHERE o.kind = 'topup'), 0) AS came,
         coalesce(sum(o.credits) FILTER (WHERE o.kind = 'withdrawn'), 0) AS went
    FROM moved w JOIN moved o
      ON o.owner_id = w.owner_id AND o.at <= w.at AND o.at > w.at - $5::interval
   WHERE w.kind = 'withdrawn' GROUP BY w.owner_id, w.at
), found AS (
  SELECT owner_id, 'velocity' AS rule, count(*)::bigint AS a, 0::bigint AS b, max(at) AS at
    FROM moved WHERE kind = 'topup'
   GROUP BY owner_id, date_trunc('day', at, 'UTC') HAVING count(*) >= $2
  UNION ALL
  SELECT owner_id, 'many_declined', count(*), 0, max(at) FROM declined
   GROUP BY owner_id, date_trunc('day', at, 'UTC') HAVING count(*) >= $3
  UNION ALL
  SELECT owner_id, 'large', credits, 0, at FROM moved WHERE credits >= $4
  UNION ALL
  SELECT DISTINCT ON (owner_id) owner_id, 'in_and_out', went::bigint, came::bigint, at FROM leaving
   WHERE came > 0 AND went * 100 >= came * $6::int
)
SELECT * FROM found ORDER BY at DESC, owner_id, rule LIMIT $7
""")


class Watching:
    """Reads; and freezes and grants, which is what staff do upon what they read."""

    def __init__(self, db: Database, moving: Moving, ledger: Ledger) -> None:
        self._db = db
        self._moving = moving
        self._ledger = ledger

    async def balance(self, ctx: Context, owner_id: UUID, currency: str) -> WalletBalance:
        micro, frozen = await self._moving.terms(ctx, owner_id, currency)
        [held] = await self._ledger.balances(ctx, accounts=[rules.wallet_of(owner_id)])
        return WalletBalance(
            owner_id=owner_id,
            available=_credits(held.free_minor),
            held=_credits(held.pending_minor),
            worth=_worth(held.free_minor, micro, currency),
            spendable=_spendable(held.free_minor, micro, frozen, currency),
            frozen=frozen,
        )

    async def spendable(self, ctx: Context, owner_id: UUID, currency: str) -> Money:
        micro, frozen = await self._moving.terms(ctx, owner_id, currency)
        available = await self._moving.available(ctx, owner_id)
        return _spendable(available.minor, micro, frozen, currency)

    async def statement(
        self,
        ctx: Context,
        owner_id: UUID,
        as_of: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> Page[WalletEntry]:
        """The ledger's entries, with what this module knows about each."""
        account = rules.wallet_of(owner_id)
        page = await self._ledger.statement(
            ctx, account=account, as_of=as_of, limit=limit, cursor=cursor
        )
        ids = [entry.transfer_id for entry in page.items]
        known = {row["transfer_id"]: row for row in await self._db.fetch(OF_TRANSFERS, ids)}
        items = [_entry(entry, known.get(entry.transfer_id)) for entry in page.items]
        return Page(items=items, next=page.next)

    async def grant(
        self, ctx: Context, id: UUID, owner_id: UUID, credits: int, reason: str
    ) -> WalletEntry:
        if not 1 <= credits <= _GRANT_MAX:
            raise Invalid.at("creditsMinor", f"1 to {_GRANT_MAX}.", "amount_invalid")
        move = Move(id, "granted", owner_id, id, credits)
        row = await self._moving.write(ctx, move, note=reason.strip())
        known = (row["kind"], row["owner_id"], row["credits"])
        if known != ("granted", owner_id, credits):
            raise PaymentConflict
        row = await self._moving.finish(ctx, row)
        return WalletEntry(
            id=id,
            kind="granted",
            credits=_credits(credits),
            reference=id,
            note=row["note"],
            status="done",
            at=row["created_at"],
        )

    async def freeze(self, ctx: Context, owner_id: UUID, frozen: bool, reason: str) -> None:
        args = (owner_id, frozen, reason.strip(), ctx.actor.id, ctx.now())
        await self._db.step(ctx, FREEZE, *args)

    async def frozen(self, limit: int, cursor: str | None) -> Page[FrozenWallet]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        rows = await self._db.fetch(FROZEN, *key, limit + 1)
        return page_of([FrozenWallet(**row) for row in rows], limit, "since", "owner_id")

    async def flow(self, ctx: Context, days: int, currency: str) -> WalletFlow:
        today = ctx.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = today - timedelta(days=days - 1)
        sums: dict[datetime, dict[str, Any]] = {}
        for row in await self._db.fetch(DAYS, since):
            sums.setdefault(row["day"], {})[row["kind"]] = row["credits"]
        micro, _ = await self._moving.terms(ctx, _LAST_ID, currency)
        accounts = [rules.exchange(CREDITS), rules.exchange(currency)]
        issued, money = await self._ledger.balances(ctx, accounts=accounts)
        return WalletFlow(
            circulating=_credits(-issued.minor),
            worth=_worth(-issued.minor, micro, currency),
            backing=Money(minor=money.minor, currency=currency),
            days=[
                FlowDay(day=day, **sums.get(day, {}))
                for day in (since + timedelta(days=n) for n in range(days))
            ],
            flags=await self._flags(since),
        )

    async def _flags(self, since: datetime) -> list[Flag]:
        limits = (rules.VELOCITY, rules.DECLINED, rules.LARGE, rules.WITHIN, rules.OUT_PERCENT)
        rows: Sequence[Record] = await self._db.fetch(FLAGS, since, *limits, _FLAGS_MAX)
        return [
            Flag(owner_id=row["owner_id"], rule=row["rule"], why=_why(row), at=row["at"])
            for row in rows
        ]


def _why(row: Record) -> str:
    rule, a, b = row["rule"], row["a"], row["b"]
    if rule == "velocity":
        return f"{a} top-ups in one day"
    if rule == "many_declined":
        return f"{a} declined attempts in one day"
    if rule == "large":
        return f"{_credits(a).decimal()} credits at once"
    hours = int(rules.WITHIN.total_seconds()) // 3600
    went, came = _credits(a).decimal(), _credits(b).decimal()
    return f"{went} credits withdrawn of {came} bought within {hours} hours"


def _credits(minor: int) -> Money:
    return Money(minor=minor, currency=CREDITS)


def _spendable(credits: int, micro: int | None, frozen: bool, currency: str) -> Money:
    minor = 0 if micro is None or frozen else rules.spendable(credits, micro)
    return Money(minor=minor, currency=currency)


def _worth(credits: int, micro: int | None, currency: str) -> Money | None:
    if micro is None:
        return None
    minor = rules.worth(abs(credits), micro)
    return Money(minor=minor if credits >= 0 else -minor, currency=currency)


def _entry(entry: Entry, row: Record | None) -> WalletEntry:
    statuses: dict[str, Literal["pending", "done", "undone"]] = {
        "posted": "done",
        "pending": "pending",
        "voided": "undone",
    }
    money = Money(minor=row["minor"], currency=row["currency"]) if row and row["currency"] else None
    return WalletEntry(
        id=row["id"] if row else entry.transfer_id,
        kind=row["kind"] if row else "outside",
        credits=_credits(entry.minor),
        money=money,
        reference=entry.reference,
        note=row["note"] if row else "",
        status=statuses[entry.status],
        at=entry.at,
    )
