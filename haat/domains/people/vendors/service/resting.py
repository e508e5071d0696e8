"""Absence and closure: one UPDATE each on condition of the status; timers begin and end it."""

from uuid import UUID

from haat.domains.people.vendors.api import (
    Absence,
    AbsenceInvalid,
    VendorAway,
    VendorBack,
    VendorClosed,
    VendorClosing,
    VendorReinstated,
    WrongVendorState,
)
from haat.domains.people.vendors.rules import plain_text
from haat.domains.people.vendors.service.desk import Desk
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.events import Event

# Of the old row: whether it was away.
PLAN = Sql("""
UPDATE vendors.vendors v
   SET away_from = $2::timestamptz, away_until = $3, away_message = $4, away_hidden = $5,
       away_on = $2::timestamptz <= $6
  FROM (SELECT id, away_on FROM vendors.vendors WHERE id = $1 FOR NO KEY UPDATE) old
 WHERE v.id = old.id AND v.status = 'active'
RETURNING v.*, old.away_on AS was_on
""")
STOP = Sql("""
UPDATE vendors.vendors v
   SET away_from = NULL, away_until = NULL, away_message = '', away_hidden = false, away_on = false
  FROM (SELECT id, away_on FROM vendors.vendors
         WHERE id = ANY($1::uuid[]) AND away_from IS NOT NULL
           AND ($2::timestamptz IS NULL OR away_until <= $2)
         FOR NO KEY UPDATE) old
 WHERE v.id = old.id
RETURNING v.*, old.away_on AS was_on
""")
BEGIN = Sql("""
UPDATE vendors.vendors SET away_on = true
 WHERE id = ANY($1::uuid[]) AND status = 'active' AND NOT away_on AND away_from <= $2
RETURNING *
""")
TO_BEGIN = Sql("""
SELECT id FROM vendors.vendors
 WHERE away_from <= $1 AND NOT away_on AND status = 'active' ORDER BY away_from LIMIT 100
""")
TO_END = Sql("""
SELECT id FROM vendors.vendors WHERE away_until <= $1 ORDER BY away_until LIMIT 100
""")
MOVE = Sql("""
UPDATE vendors.vendors SET status = $3, closing_at = $4
 WHERE id = $1 AND status = ANY($2::text[])
RETURNING *
""")
CLOSING = Sql("""
SELECT id FROM vendors.vendors
 WHERE status = 'closing' AND id > $1 ORDER BY id LIMIT $2
""")


class Resting(Desk):
    async def absence(self, ctx: Context, *, vendor_id: UUID) -> Absence | None:
        ctx.need_vendor(vendor_id)
        return absence_of(await self._row(vendor_id))

    async def plan_absence(self, ctx: Context, *, vendor_id: UUID, absence: Absence) -> Absence:
        ctx.need_vendor(vendor_id)
        now = ctx.now()
        if absence.since.tzinfo is None or (absence.until and absence.until.tzinfo is None):
            raise AbsenceInvalid.at("since", "Give times with their zone.", "absence_invalid")
        if absence.until is not None and absence.until <= max(absence.since, now):
            raise AbsenceInvalid.at("until", AbsenceInvalid().detail, "absence_invalid")
        message = plain_text(absence.message, "message")
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(
                PLAN, vendor_id, absence.since, absence.until, message, absence.hidden, now
            )
            if row is None:
                raise WrongVendorState("Only a store that is open goes away.")
            if row["away_on"]:
                tx.emit(away(row))
            elif row["was_on"]:  # now it only plans to be
                tx.emit(back(row))
        await self._forget(row)
        found = absence_of(row)
        assert found is not None
        return found

    async def end_absence(self, ctx: Context, *, vendor_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        await self._stop(ctx, [vendor_id], at_hand=True)

    async def _stop(self, ctx: Context, ids: list[UUID], *, at_hand: bool) -> None:
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(STOP, ids, None if at_hand else ctx.now())
            for row in rows:
                # Who is suspended comes back by being reinstated.
                if row["was_on"] and row["status"] == "active":
                    tx.emit(back(row))
        for row in rows:
            await self._forget(row)

    async def turn_absences(self, ctx: Context) -> None:
        """Absences whose time has come begin, those that are over end."""
        now = ctx.now()
        over = [row["id"] for row in await self._db.fetch(TO_END, now)]
        if over:
            await self._stop(ctx, over, at_hand=False)
        due = [row["id"] for row in await self._db.fetch(TO_BEGIN, now)]
        if due:
            async with self._db.begin(ctx) as tx:
                rows = await tx.fetch(BEGIN, due, now)
                tx.emit(*(away(row) for row in rows))
            for row in rows:
                await self._forget(row)

    async def close(self, ctx: Context, *, vendor_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        event = VendorClosing(vendor_id=vendor_id)
        await self._move(ctx, vendor_id, ("active",), "closing", event)

    async def stay_open(self, ctx: Context, *, vendor_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        event = VendorReinstated(vendor_id=vendor_id)
        await self._move(ctx, vendor_id, ("closing",), "active", event)

    async def _move(
        self, ctx: Context, vendor_id: UUID, sources: tuple[str, ...], target: str, event: Event
    ) -> bool:
        """Whether it moved now; WrongVendorState where it could not."""
        async with self._db.begin(ctx) as tx:
            at = ctx.now() if target == "closing" else None
            row = await tx.fetchrow(MOVE, vendor_id, list(sources), target, at)
            if row is not None:
                tx.emit(event)
                if target == "active" and is_gone(row):
                    tx.emit(away(row))
        if row is not None:
            await self._forget(row)
            return True
        status = (await self._row(vendor_id))["status"]
        if status != target:
            raise WrongVendorState(f"A store that is {status} cannot become {target}.")
        return False

    async def closing(self, ctx: Context, *, after: UUID | None = None, limit: int) -> list[UUID]:
        rows = await self._db.fetch(CLOSING, after or UUID(int=0), limit)
        return [row["id"] for row in rows]

    async def end(self, ctx: Context, *, vendor_id: UUID) -> bool:
        event = VendorClosed(vendor_id=vendor_id)
        return await self._move(ctx, vendor_id, ("closing",), "closed", event)


def absence_of(row: Record) -> Absence | None:
    """The one that is planned or that it is."""
    if row["away_from"] is None:
        return None
    return Absence(
        since=row["away_from"],
        until=row["away_until"],
        message=row["away_message"],
        hidden=row["away_hidden"],
    )


def is_held(row: Record) -> bool:
    """Whether its listings are held back until it accepts the terms."""
    held: bool = row["terms_needed"] > row["terms_accepted"]
    return held


def is_gone(row: Record) -> bool:
    """Whether nothing of it can be bought though it is active."""
    return is_held(row) or row["away_on"]


def away(row: Record) -> VendorAway:
    """How it is gone now; being held hides all."""
    if is_held(row):
        return VendorAway(vendor_id=row["id"], hidden=True, until=None)
    return VendorAway(vendor_id=row["id"], hidden=row["away_hidden"], until=row["away_until"])


def back(row: Record) -> VendorAway | VendorBack:
    """After an absence: there again, unless it is held."""
    return away(row) if is_held(row) else VendorBack(vendor_id=row["id"])
