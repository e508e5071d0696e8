"""The operator's checklist, and what a vendor fills in."""

from datetime import datetime
from uuid import UUID

from haat.domains.people.onboarding import rules
from haat.domains.people.onboarding.api import (
    ApplicationSubmitted,
    BankState,
    BusinessData,
    ChecklistFull,
    Item,
    ListedItem,
    Progress,
)
from haat.domains.people.onboarding.service.desk import ITEMS, NOTE, Desk, listed
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

# Of two that would be the last there is room for, the second waits and counts the first.
LOCK_ITEMS = Sql("LOCK TABLE onboarding.items IN SHARE ROW EXCLUSIVE MODE")
COUNT = Sql("SELECT count(*) FROM onboarding.items WHERE removed_at IS NULL AND id <> $1")
SAVE_ITEM = Sql("""
INSERT INTO onboarding.items AS i (id, kind, title, hint, required, document_type, fields,
                                   business_types, position)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE
   SET title = excluded.title, hint = excluded.hint, required = excluded.required,
       document_type = excluded.document_type, fields = excluded.fields,
       business_types = excluded.business_types, position = excluded.position
 WHERE i.kind = excluded.kind AND i.removed_at IS NULL
RETURNING id, kind, title, hint, required, document_type, fields, business_types, position
""")
REMOVE_ITEM = Sql("""
UPDATE onboarding.items SET removed_at = coalesce(removed_at, $2) WHERE id = $1
""")
SAVE_BUSINESS = Sql("""
UPDATE onboarding.applications SET business = $2, revision = revision + 1 WHERE vendor_id = $1
""")
SUBMIT = Sql("""
WITH moved AS (
  UPDATE onboarding.applications
     SET stage = 'submitted', submitted_at = $3, revision = revision + 1
   WHERE vendor_id = $1 AND stage = ANY('{preparing,changes}') AND revision = $2
  RETURNING vendor_id
), noted AS (
  INSERT INTO onboarding.entries (id, vendor_id, at, what, by, text, internal)
  SELECT $4, vendor_id, $3, 'submitted', $5, '', false FROM moved
) /*emit:moved*/
SELECT vendor_id FROM moved
""")
NOTE_BANK = Sql("""
UPDATE onboarding.applications SET bank = $2, bank_at = $3
 WHERE vendor_id = $1 AND (bank_at IS NULL OR bank_at < $3)
""")


class Listing(Desk):
    async def checklist(self, ctx: Context) -> list[ListedItem]:
        return [listed(row) for row in await self._db.fetch(ITEMS)]

    async def save_item(self, ctx: Context, *, id: UUID, item: Item) -> ListedItem:
        item = rules.checked_item(item)
        async with self._db.begin(ctx) as tx:
            await tx.execute(LOCK_ITEMS)
            if await tx.fetchval(COUNT, id) >= rules.ITEMS_MAX:
                raise ChecklistFull
            row = await tx.fetchrow(
                SAVE_ITEM, id, item.kind, item.title, item.hint, item.required,
                item.document_type, item.fields, item.business_types, item.position,
            )  # fmt: skip
        if row is None:  # of another kind, or removed
            raise NotFound
        return listed(row)

    async def remove_item(self, ctx: Context, *, id: UUID) -> None:
        if not await self._db.execute(REMOVE_ITEM, id, ctx.now()):
            raise NotFound

    async def progress(self, ctx: Context, *, vendor_id: UUID) -> Progress:
        ctx.need_vendor(vendor_id)
        return await self._progress(ctx, await self._vendor(ctx, vendor_id))

    async def progress_of(self, ctx: Context, *, vendor_id: UUID) -> Progress:
        return await self._progress(ctx, await self._vendor(ctx, vendor_id))

    async def save_business(self, ctx: Context, *, vendor_id: UUID, data: BusinessData) -> Progress:
        ctx.need_vendor(vendor_id)
        plain = rules.checked_business(data)
        vendor = await self._vendor(ctx, vendor_id)
        await self._application(ctx, vendor)
        await self._db.execute(SAVE_BUSINESS, vendor_id, plain.model_dump())
        return await self._progress(ctx, vendor)

    async def submit(self, ctx: Context, *, vendor_id: UUID) -> Progress:
        ctx.need_vendor(vendor_id)
        vendor = await self._vendor(ctx, vendor_id)
        row = await self._application(ctx, vendor)
        if row["stage"] == "submitted":
            return await self._progress(ctx, vendor)
        rules.check_open(row["stage"])
        rules.check_complete(await self._items_of(ctx, vendor, row))
        await self._db.step(
            ctx, SUBMIT, vendor_id, row["revision"], ctx.now(), ctx.new_id(), ctx.actor.id,
            emit=[ApplicationSubmitted(vendor_id=vendor_id)],
        )  # fmt: skip
        # Where it had moved meanwhile, the page says how it stands now.
        return await self._progress(ctx, vendor)

    async def note_bank(
        self, ctx: Context, *, vendor_id: UUID, state: BankState, at: datetime
    ) -> None:
        await self._application(ctx, await self._vendor(ctx, vendor_id))
        await self._db.execute(NOTE_BANK, vendor_id, state, at)

    async def began(self, ctx: Context, vendor_id: UUID) -> None:
        """Somebody applied."""
        vendor = await self._vendor(ctx, vendor_id)
        await self._application(ctx, vendor)

    async def remark(self, ctx: Context, *, id: UUID, vendor_id: UUID, text: str) -> None:
        plain = rules.checked_note(text, needed="Write something.", path="text")
        await self._vendor(ctx, vendor_id)
        given = self.entry(ctx, vendor_id, "remark", plain, id=id, internal=True)
        await self._db.execute(NOTE, *given)
