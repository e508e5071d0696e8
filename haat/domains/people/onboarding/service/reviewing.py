"""Staff's review: the list of applications, decisions, and their history."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from haat.domains.people.onboarding import rules
from haat.domains.people.onboarding.api import (
    Case,
    ChangesRequested,
    Decision,
    Entry,
    Progress,
    ReviewMoved,
    Stage,
)
from haat.domains.people.onboarding.service.desk import APPLICATION, DECIDED, NOTE, Desk, instant
from haat.domains.people.vendors.api import Vendor, WrongVendorState
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.page import Page, decode_cursor, page_of

MOVE = Sql("""
UPDATE onboarding.applications
   SET stage = $3, untold = $4, note = $5, decided_at = $6, revision = revision + 1
 WHERE vendor_id = $1 AND revision = $2
   AND stage = ANY('{preparing,submitted,changes}')
RETURNING vendor_id
""")
ASK_CHANGES = Sql("""
WITH moved AS (
  UPDATE onboarding.applications
     SET stage = 'changes', note = $3, revision = revision + 1
   WHERE vendor_id = $1 AND revision = $2
     AND stage = ANY('{preparing,submitted,changes}')
  RETURNING vendor_id
), noted AS (
  INSERT INTO onboarding.entries (id, vendor_id, at, what, by, text, internal)
  SELECT $4, vendor_id, $5, 'changes_requested', $6, $3, false FROM moved
) /*emit:moved*/
SELECT vendor_id FROM moved
""")
TOLD = Sql("UPDATE onboarding.applications SET untold = NULL WHERE vendor_id = $1 AND untold = $2")
UNTOLD = Sql("""
SELECT vendor_id, untold, note FROM onboarding.applications
 WHERE untold IS NOT NULL AND decided_at < $1 ORDER BY decided_at LIMIT 100
""")
# What vendors decided without being asked by us, as the first run does.
FOLLOW = Sql("""
UPDATE onboarding.applications
   SET stage = $2, decided_at = coalesce(decided_at, $3), untold = NULL, revision = revision + 1
 WHERE vendor_id = $1 AND stage <> $2
RETURNING vendor_id
""")
EXPIRE = Sql("""
UPDATE onboarding.documents SET delete_after = $2
 WHERE vendor_id = $1 AND deleted_at IS NULL AND (delete_after IS NULL OR delete_after > $2)
""")
KEEP = Sql("""
UPDATE onboarding.documents SET delete_after = NULL
 WHERE vendor_id = $1 AND deleted_at IS NULL AND status <> 'refused'
""")
CASES = Sql("""
SELECT vendor_id, stage, submitted_at, created_at FROM onboarding.applications
 WHERE (created_at, vendor_id) > ($1, $2::uuid) ORDER BY created_at, vendor_id LIMIT $3
""")
CASES_IN = Sql("""
SELECT vendor_id, stage, submitted_at, created_at FROM onboarding.applications
 WHERE stage = $4 AND (created_at, vendor_id) > ($1, $2::uuid)
 ORDER BY created_at, vendor_id LIMIT $3
""")
CASES_OF = Sql("""
SELECT vendor_id, stage, submitted_at, created_at FROM onboarding.applications
 WHERE vendor_id = ANY($1::uuid[]) ORDER BY vendor_id
""")
HISTORY = Sql("""
SELECT id, at, what, by, text, internal FROM onboarding.entries
 WHERE vendor_id = $1 AND (at, id) < ($2, $3::uuid) ORDER BY at DESC, id DESC LIMIT $4
""")
WAIVE = Sql("""
INSERT INTO onboarding.waivers (vendor_id, item_id, note, at)
SELECT $1, id, $3, $4 FROM onboarding.items WHERE id = $2 AND removed_at IS NULL
ON CONFLICT (vendor_id, item_id) DO NOTHING RETURNING item_id
""")
UNWAIVE = Sql("DELETE FROM onboarding.waivers WHERE vendor_id = $1 AND item_id = $2")
# Whether it must have accepted the terms is another question now.
ASK_AGAIN = Sql("UPDATE onboarding.applications SET terms_needed = 0 WHERE vendor_id = $1")
BUMP = Sql("UPDATE onboarding.applications SET revision = revision + 1 WHERE vendor_id = $1")
ITEM = Sql("SELECT id FROM onboarding.items WHERE id = $1 AND removed_at IS NULL")

IDLE = timedelta(seconds=30)  # a decision that vendors were not told of by then is told again
WHY: Mapping[Decision, str] = {
    "reject": "Say why: the vendor reads it.",
    "request_changes": "Say what is to be changed: the vendor reads it.",
    "suspend": "Say why: the vendor reads it.",
}
_FIRST = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_LAST = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
_NO_ID, _END_ID = UUID(int=0), UUID(int=(1 << 128) - 1)


class Reviewing(Desk):
    async def decide(
        self, ctx: Context, *, vendor_id: UUID, decision: Decision, note: str = ""
    ) -> Progress:
        text = rules.checked_note(note, needed=WHY.get(decision, ""), path="reason")
        vendor = await self._vendor(ctx, vendor_id)
        row = await self._application(ctx, vendor)
        if decision == "suspend" or decision == "reinstate":
            await self._vendors.decide(ctx, id=vendor_id, decision=decision, reason=_line(text))
            await self._db.execute(NOTE, *self.entry(ctx, vendor_id, decision, text))
        elif decision == "request_changes":
            await self._ask(ctx, row, text)
        else:
            await self._settle(ctx, vendor, row, decision, text)
        return await self._progress(ctx, await self._vendor(ctx, vendor_id))

    async def _ask(self, ctx: Context, row: Record, text: str) -> None:
        rules.check_open(row["stage"])
        if row["stage"] == "changes" and row["note"] == text:
            return
        moved = await self._db.step(
            ctx, ASK_CHANGES, row["vendor_id"], row["revision"], text, ctx.new_id(), ctx.now(),
            ctx.actor.id, emit=[ChangesRequested(vendor_id=row["vendor_id"])],
        )  # fmt: skip
        if not moved:
            raise ReviewMoved

    async def _settle(
        self, ctx: Context, vendor: Vendor, row: Record, decision: Decision, text: str
    ) -> None:
        """Decides here, on the state that was read; then vendors is told, by a timer if not
        now."""
        target = DECIDED[decision]
        if row["stage"] != target:
            rules.check_open(row["stage"])
            if decision == "approve":
                rules.check_complete(await self._items_of(ctx, vendor, row), checked=True)
            async with self._db.begin(ctx) as tx:
                moved = await tx.fetch(
                    MOVE, vendor.id, row["revision"], target, decision, text, ctx.now()
                )
                if moved:
                    await tx.execute(NOTE, *self.entry(ctx, vendor.id, target, text))
            if not moved:
                await self._check_same(vendor.id, target)
        await self._tell(ctx, vendor.id, decision, text)

    async def _check_same(self, vendor_id: UUID, target: Stage) -> None:
        """Somebody else was faster: with the same decision all is well."""
        row = await self._db.fetchrow(APPLICATION, vendor_id)
        if row is None or row["stage"] != target:
            raise ReviewMoved

    async def _tell(self, ctx: Context, vendor_id: UUID, decision: str, text: str) -> None:
        verb: Literal["approve", "reject"] = "approve" if decision == "approve" else "reject"
        # What vendors would not do now they never will: it was decided there already.
        try:
            await self._vendors.decide(
                ctx, id=vendor_id, decision=verb, reason=_line(text) if verb == "reject" else ""
            )
        except WrongVendorState:
            await self._db.execute(TOLD, vendor_id, decision)
            raise
        await self._db.execute(TOLD, vendor_id, decision)

    async def tell_rest(self, ctx: Context) -> None:
        """Tells vendors of decisions where the process died before it could."""
        for row in await self._db.fetch(UNTOLD, ctx.now() - IDLE):
            try:
                await self._tell(ctx, row["vendor_id"], row["untold"], row["note"])
            except WrongVendorState:
                continue

    async def follow(self, ctx: Context, vendor_id: UUID, stage: Stage) -> None:
        """Vendors say that one was approved, rejected or closed; documents of who is gone are
        kept for some time only."""
        await self._application(ctx, await self._vendor(ctx, vendor_id))
        async with self._db.begin(ctx) as tx:
            moved = await tx.fetch(FOLLOW, vendor_id, stage, ctx.now())
            if moved:
                await tx.execute(NOTE, *self.entry(ctx, vendor_id, stage))
            if stage in ("rejected", "closed"):
                await tx.execute(EXPIRE, vendor_id, ctx.now() + self._kept)

    async def waive(
        self, ctx: Context, *, vendor_id: UUID, item_id: UUID, waived: bool, note: str = ""
    ) -> Progress:
        why = "Say why this vendor can go without it." if waived else ""
        text = rules.checked_note(note, needed=why)
        vendor = await self._vendor(ctx, vendor_id)
        await self._application(ctx, vendor)
        if await self._db.fetchrow(ITEM, item_id) is None:
            raise NotFound
        async with self._db.begin(ctx) as tx:
            if waived:
                done = bool(await tx.fetch(WAIVE, vendor_id, item_id, text, ctx.now()))
            else:
                done = bool(await tx.execute(UNWAIVE, vendor_id, item_id))
            if done:
                what = "waived" if waived else "asked_again"
                await tx.execute(NOTE, *self.entry(ctx, vendor_id, what, text, internal=True))
                await tx.execute(BUMP, vendor_id)
                await tx.execute(ASK_AGAIN, vendor_id)
        return await self._progress(ctx, vendor)

    async def cases(
        self,
        ctx: Context,
        *,
        stage: Stage | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Case]:
        key = decode_cursor(cursor, instant, UUID) or [_FIRST, _NO_ID]
        if stage is None:
            rows = await self._db.fetch(CASES, *key, limit + 1)
        else:
            rows = await self._db.fetch(CASES_IN, *key, limit + 1, stage)
        return page_of([Case(**dict(row)) for row in rows], limit, "created_at", "vendor_id")

    async def cases_of(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[Case]:
        return [Case(**dict(row)) for row in await self._db.fetch(CASES_OF, vendor_ids)]

    async def history(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Entry]:
        key = decode_cursor(cursor, instant, UUID) or [_LAST, _END_ID]
        rows = await self._db.fetch(HISTORY, vendor_id, *key, limit + 1)
        return page_of([Entry(**dict(row)) for row in rows], limit, "at", "id")


def _line(text: str) -> str:
    """What vendors keep of a note: one line."""
    return " ".join(text.split())
