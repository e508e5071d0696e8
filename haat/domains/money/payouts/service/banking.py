"""Bank payouts: gathered into one file for the bank, and ended when the bank says how."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import BankFile, Payout, WrongPayoutState
from haat.domains.money.payouts.bankfiles import Credit, Debtor, bank_csv, sepa_xml
from haat.domains.money.payouts.service.pages import before
from haat.domains.money.payouts.service.paying import Paying, amount_of, shown
from haat.domains.money.payouts.settings import PayoutsSettings
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.money import Money
from haat.kernel.page import Page, page_of

Format = Literal["pain.001", "csv"]

# Locked rows are another file's already, or change just now.
WAITING = Sql("""
SELECT id, currency, minor, holder, account, bic FROM payouts.payouts
 WHERE method = 'bank' AND bank_file_id IS NULL AND currency = $1
   AND status IN ('approved', 'processing') AND outcome IS NULL
 ORDER BY requested_at, id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
""")

# Of two calls with one id, the second waits here for the first, and finds its file.
MAKE = Sql("""
INSERT INTO payouts.bank_files (id, format, currency, minor, payouts, debtor, created_by,
                                created_at)
VALUES ($1, $2, $3, 0, 0, $4, $5, $6)
ON CONFLICT (id) DO NOTHING RETURNING id
""")

FILL = Sql("""
WITH filled AS (
  UPDATE payouts.bank_files SET minor = $2, payouts = cardinality($3::uuid[]) WHERE id = $1
)
UPDATE payouts.payouts SET bank_file_id = $1 WHERE id = ANY($3::uuid[])
""")

_FILE = """
SELECT f.*, (SELECT count(*)::int FROM payouts.payouts p
              WHERE p.bank_file_id = f.id AND p.status IN ('paid', 'failed')) AS settled
  FROM payouts.bank_files f
"""

FILE = Sql(f"{_FILE} WHERE f.id = $1")

FILES = Sql(f"""{_FILE}
 WHERE (f.created_at, f.id) < ($1, $2::uuid)
 ORDER BY f.created_at DESC, f.id DESC LIMIT $3
""")

IN_FILE = Sql("""
SELECT id, currency, minor, holder, account, bic FROM payouts.payouts
 WHERE bank_file_id = $1 ORDER BY requested_at, id
""")

BY_IDS = Sql("SELECT * FROM payouts.payouts WHERE id = ANY($1::uuid[]) ORDER BY requested_at, id")


class Banking:
    """The use cases around bank files."""

    def __init__(
        self, db: Database, payments: Payments, paying: Paying, settings: PayoutsSettings
    ) -> None:
        self._db = db
        self._payments = payments
        self._paying = paying
        self._debtor = Debtor(settings.bank_holder, settings.bank_iban, settings.bank_bic)

    async def make(self, ctx: Context, id: UUID, format: Format, currency: str) -> BankFile:
        """A file that the bank would refuse is not made: Invalid names the payout."""
        known = await self._db.fetchrow(FILE, id)
        if known is None:
            await self._make(ctx, id, format, currency)
            known = await self._db.fetchrow(FILE, id)
            assert known is not None
        if known["format"] != format:
            raise WrongPayoutState("This file was made in another format.")
        return _shown(known)

    async def _make(self, ctx: Context, id: UUID, format: Format, currency: str) -> None:
        now, by, ours = ctx.now(), ctx.actor.id, self._debtor
        debtor = {"holder": ours.holder, "iban": ours.iban, "bic": ours.bic}
        async with self._db.begin(ctx) as tx:
            if not await tx.fetch(MAKE, id, format, currency, debtor, by, now):
                return
            rows = await tx.fetch(WAITING, currency)
            _text(id, format, now, ours, rows)
            whole = sum(row["minor"] for row in rows)
            await tx.execute(FILL, id, whole, [row["id"] for row in rows])

    async def listed(self, limit: int, cursor: str | None) -> Page[BankFile]:
        rows = await self._db.fetch(FILES, *before(cursor), limit + 1)
        return page_of([_shown(row) for row in rows], limit, "created_at", "id")

    async def text(self, id: UUID) -> str:
        row = await self._db.fetchrow(FILE, id)
        if row is None:
            raise NotFound
        rows = await self._db.fetch(IN_FILE, id)
        return _text(id, row["format"], row["created_at"], Debtor(**row["debtor"]), rows)

    async def settle(
        self, ctx: Context, ids: Sequence[UUID], paid: bool, reason: str
    ) -> list[Payout]:
        """Payments is told first: how a payout ended is decided there, once."""
        rows = await self._db.fetch(BY_IDS, ids)
        if len(rows) < len(set(ids)):
            raise NotFound
        for row in rows:
            if row["method"] != "bank" or row["status"] in ("requested", "reserving", "refused"):
                raise WrongPayoutState(payout_id=str(row["id"]))
        # One that payments has not heard of yet is sent there first.
        still = [row for row in rows if row["status"] == "approved" and row["outcome"] is None]
        await self._paying.go_on(ctx, still)
        await self._payments.settle_disbursements(ctx, ids=list(ids), paid=paid, reason=reason)
        for row in rows:
            await self._paying.settled(ctx, row["id"], paid, "", reason)
        return [shown(row) for row in await self._db.fetch(BY_IDS, ids)]


def _text(id: UUID, format: Format, at: datetime, debtor: Debtor, rows: Sequence[Record]) -> str:
    credits = [
        Credit(
            payout_id=row["id"],
            holder=row["holder"],
            account=row["account"],
            bic=row["bic"],
            amount=amount_of(row),
            text=f"Payout {row['id']}",
        )
        for row in rows
    ]

    def written(some: Sequence[Credit]) -> str:
        if format == "csv":
            return bank_csv(some)
        return sepa_xml(id, at, at.astimezone(UTC).date(), debtor, some)

    try:
        return written(credits)
    except Invalid as problem:
        raise _named(problem, credits) from None


def _named(problem: Problem, credits: Sequence[Credit]) -> Problem:
    """The same, with the payout's id where it is about one."""
    for error in problem.fields:
        place, _, rest = error.path.partition(".")
        index = rest.split(".", 1)[0]
        if place == "payouts" and index.isdecimal():
            problem.data["payout_id"] = str(credits[int(index)].payout_id)
    return problem


def _shown(row: Record) -> BankFile:
    whole: Any = Money(minor=row["minor"], currency=row["currency"])
    return BankFile(
        id=row["id"],
        format=row["format"],
        payouts=row["payouts"],
        total=whole,
        created_at=row["created_at"],
        settled=row["settled"],
    )
