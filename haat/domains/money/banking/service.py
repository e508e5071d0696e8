"""Bank accounts: written first, then payouts and onboarding are told; a timer tells what a crash
kept from being told."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from haat.domains.money.banking import rules
from haat.domains.money.banking.api import (
    ACCOUNTS_MAX,
    AccountInUse,
    AccountRefused,
    AccountsFull,
    BankAccount,
    BankAccountChanged,
    BankChange,
    Banking,
    KeptAccount,
)
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import Identity
from haat.domains.people.onboarding.api import BankState, Onboarding
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.settings import Settings
from haat.kernel.text import is_plain_line

# Whoever changes a vendor's accounts waits here for who else does, and has a time after theirs: by
# it those who are told know what is newest.
DESK = Sql("""
INSERT INTO banking.desks AS d (vendor_id, at) VALUES ($1, $2)
ON CONFLICT (vendor_id) DO UPDATE
   SET at = greatest(excluded.at, d.at + interval '1 microsecond')
RETURNING at
""")
ACCOUNTS = Sql("""
SELECT * FROM banking.accounts WHERE vendor_id = $1 AND removed_at IS NULL
 ORDER BY is_default DESC, created_at, id
""")
FIND = Sql("SELECT * FROM banking.accounts WHERE id = $1 AND removed_at IS NULL")
ADD = Sql("""
INSERT INTO banking.accounts (id, vendor_id, holder, account, bic, bank, routing, country, status,
                              is_default, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'unverified', $9, $10, $10)
ON CONFLICT DO NOTHING RETURNING *
""")
CORRECT = Sql("""
UPDATE banking.accounts
   SET holder = $2, bic = $3, bank = $4, routing = $5, country = $6, status = 'unverified',
       reason = '', checked_by = NULL, checked_at = NULL, changed_at = $7, told = false
 WHERE id = $1 AND removed_at IS NULL
   AND (holder, bic, bank, routing, country) IS DISTINCT FROM ($2, $3, $4, $5, $6)
RETURNING *
""")
UNCHOOSE = Sql("""
UPDATE banking.accounts SET is_default = false WHERE vendor_id = $1 AND is_default
""")
CHOOSE = Sql("""
UPDATE banking.accounts SET is_default = true, told = false, changed_at = $2
 WHERE id = $1 AND removed_at IS NULL AND status <> 'refused' RETURNING *
""")
REMOVE = Sql("""
UPDATE banking.accounts SET removed_at = $2, changed_at = $2, told = false
 WHERE id = $1 AND NOT is_default AND removed_at IS NULL RETURNING *
""")
CHECK = Sql("""
UPDATE banking.accounts
   SET status = $2, reason = $3, checked_by = $4, checked_at = $5, changed_at = $5, told = false
 WHERE id = $1 AND removed_at IS NULL AND status <> $2 RETURNING *
""")
# At the desk too: rows of one vendor are locked by one at a time, in whatever order.
TOLD = Sql("""
UPDATE banking.accounts a SET told = true
  FROM (SELECT vendor_id FROM banking.desks WHERE vendor_id = $1 FOR NO KEY UPDATE) AS desk
 WHERE a.vendor_id = desk.vendor_id AND a.changed_at <= $2 AND NOT a.told
""")
UNTOLD = Sql("""
SELECT vendor_id FROM banking.accounts WHERE NOT told AND changed_at < $1
 GROUP BY vendor_id ORDER BY min(changed_at) LIMIT 100
""")
# One look: the accounts as they were at that time.
STANDING = Sql("""
SELECT d.at AS as_of, a.* FROM banking.desks d
  LEFT JOIN banking.accounts a
    ON a.vendor_id = d.vendor_id AND a.is_default AND a.removed_at IS NULL
 WHERE d.vendor_id = $1
""")
IDLE = timedelta(seconds=20)


class BankingOptions(Settings):
    """Whether a bank account is paid to before staff have checked it."""

    bank_verification: Literal["optional", "required"] = "optional"


class BankingService(Banking):
    """Bank accounts on one schema."""

    def __init__(
        self,
        db: Database,
        payouts: Payouts,
        onboarding: Onboarding,
        identity: Identity,
        options: BankingOptions,
    ) -> None:
        self._db = db
        self._payouts = payouts
        self._onboarding = onboarding
        self._identity = identity
        self._checks = options.bank_verification == "required"

    async def add(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, account: BankAccount
    ) -> KeptAccount:
        ctx.need_vendor(vendor_id)
        plain = rules.checked(account)
        owners = await self._owners(ctx, vendor_id)
        async with self._db.begin(ctx) as tx:
            at = await tx.fetchval(DESK, vendor_id, ctx.now())
            there = await tx.fetch(ACCOUNTS, vendor_id)
            same = [one for one in there if plain.account == one["account"]]
            if same:
                corrected = await tx.fetch(
                    CORRECT, same[0]["id"], plain.holder, plain.bic, plain.bank,
                    plain.routing, plain.country, at,
                )  # fmt: skip
                if corrected:
                    tx.emit(_changed(corrected[0], "corrected", owners))
                    same = corrected
            else:
                if len(there) >= ACCOUNTS_MAX:
                    raise AccountsFull
                same = await tx.fetch(
                    ADD, id, vendor_id, plain.holder, plain.account, plain.bic, plain.bank,
                    plain.routing, plain.country, not there, at,
                )  # fmt: skip
                if not same:  # the id is another account's
                    raise NotFound
                tx.emit(_changed(same[0], "added", owners))
        await self._tell(ctx, vendor_id)
        return self._shown(same[0])

    async def choose(self, ctx: Context, *, id: UUID, vendor_id: UUID) -> KeptAccount:
        ctx.need_vendor(vendor_id)
        row = await self._row(id, vendor_id)
        if row["status"] == "refused":
            raise AccountRefused
        owners = await self._owners(ctx, vendor_id)
        async with self._db.begin(ctx) as tx:
            at = await tx.fetchval(DESK, vendor_id, ctx.now())
            now = await tx.fetchrow(FIND, id)
            if now is None:
                raise NotFound
            if not now["is_default"]:
                await tx.execute(UNCHOOSE, vendor_id)
                now = await tx.fetchrow(CHOOSE, id, at)
                if now is None:
                    raise AccountRefused
                tx.emit(_changed(now, "default", owners))
        await self._tell(ctx, vendor_id)
        return self._shown(now)

    async def remove(self, ctx: Context, *, id: UUID, vendor_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        await self._row(id, vendor_id)
        owners = await self._owners(ctx, vendor_id)
        async with self._db.begin(ctx) as tx:
            at = await tx.fetchval(DESK, vendor_id, ctx.now())
            row = await tx.fetchrow(REMOVE, id, at)
            if row is None:
                raise AccountInUse
            tx.emit(_changed(row, "removed", owners))
        await self._tell(ctx, vendor_id)

    async def accounts(self, ctx: Context, *, vendor_id: UUID) -> list[KeptAccount]:
        ctx.need_vendor(vendor_id)
        return [self._shown(row) for row in await self._db.fetch(ACCOUNTS, vendor_id)]

    async def accounts_of(self, ctx: Context, *, vendor_id: UUID) -> list[KeptAccount]:
        rows = await self._db.fetch(ACCOUNTS, vendor_id)
        return [self._shown(row).model_copy(update={"account": row["account"]}) for row in rows]

    async def check(
        self, ctx: Context, *, id: UUID, verified: bool, reason: str = ""
    ) -> KeptAccount:
        why = " ".join(reason.split())
        if not verified and not why:
            raise Invalid.at("reason", "Say why: the vendor reads it.", "reason_missing")
        if not is_plain_line(why):
            raise Invalid.at("reason", "Use plain text.", "text_invalid")
        row = await self._row(id)
        owners = await self._owners(ctx, row["vendor_id"])
        status: BankChange = "verified" if verified else "refused"
        async with self._db.begin(ctx) as tx:
            at = await tx.fetchval(DESK, row["vendor_id"], ctx.now())
            moved = await tx.fetchrow(CHECK, id, status, why, ctx.actor.id, at)
            if moved is not None:
                tx.emit(_changed(moved, status, owners))
        await self._tell(ctx, row["vendor_id"])
        return self._shown(moved or await self._row(id))

    async def tell_rest(self, ctx: Context) -> None:
        """Tells of what was written where the process died before it could."""
        for row in await self._db.fetch(UNTOLD, ctx.now() - IDLE):
            await self._tell(ctx, row["vendor_id"])

    async def _tell(self, ctx: Context, vendor_id: UUID) -> None:
        """Where payouts go, and that there is an account. Said twice it changes nothing."""
        system = ctx.as_system()
        row = await self._db.fetchrow(STANDING, vendor_id)
        if row is None:
            return
        at, chosen = row["as_of"], row if row["id"] is not None else None
        if chosen is not None and self._is_paid_to(chosen):
            destination = Destination(
                holder=chosen["holder"], account=chosen["account"], bic=chosen["bic"]
            )
            await self._payouts.set_destination(
                system, vendor_id=vendor_id, destination=destination, at=at
            )
        state: BankState = "none"
        if chosen is not None and chosen["status"] != "refused":
            state = "verified" if chosen["status"] == "verified" else "unverified"
        await self._onboarding.note_bank(system, vendor_id=vendor_id, state=state, at=at)
        await self._db.execute(TOLD, vendor_id, at)

    def _is_paid_to(self, row: Record) -> bool:
        return row["status"] == "verified" or (row["status"] == "unverified" and not self._checks)

    async def _owners(self, ctx: Context, vendor_id: UUID) -> list[UUID]:
        found = await self._identity.members(ctx.as_system(), vendor_id=vendor_id)
        return sorted(one.person_id for one in found if one.role == "owner")

    async def _row(self, id: UUID, vendor_id: UUID | None = None) -> Record:
        row = await self._db.fetchrow(FIND, id)
        if row is None or vendor_id not in (None, row["vendor_id"]):
            raise NotFound
        return row

    def _shown(self, row: Record) -> KeptAccount:
        plain = {name: row[name] for name in KeptAccount.model_fields if name != "waits"}
        plain["account"] = rules.masked(row["account"])
        waits = bool(row["is_default"]) and not self._is_paid_to(row)
        return KeptAccount(**plain, waits=waits)


def _changed(row: Record, what: BankChange, owners: list[UUID]) -> BankAccountChanged:
    return BankAccountChanged(
        vendor_id=row["vendor_id"],
        account_id=row["id"],
        what=what,
        last=row["account"][-4:],
        owners=owners,
    )
