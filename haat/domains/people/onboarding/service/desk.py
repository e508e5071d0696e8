"""What onboarding's use cases stand on: a vendor's application, and how far it has come."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import Identity
from haat.domains.people.onboarding import rules
from haat.domains.people.onboarding.api import (
    BusinessData,
    Document,
    ItemProgress,
    ListedItem,
    Onboarding,
    Progress,
    Stage,
    Terms,
)
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.engines.blob import Blob
from haat.engines.http import Signer
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

ITEMS = Sql("""
SELECT id, kind, title, hint, required, document_type, fields, business_types, position
  FROM onboarding.items WHERE removed_at IS NULL ORDER BY position, id LIMIT 40
""")
APPLICATION = Sql("SELECT * FROM onboarding.applications WHERE vendor_id = $1")
ENSURE = Sql("""
INSERT INTO onboarding.applications (vendor_id, stage, submitted_at, created_at)
VALUES ($1, $2, CASE WHEN $2 = 'submitted' THEN $4::timestamptz END, $3)
ON CONFLICT (vendor_id) DO NOTHING
""")
DOCUMENTS = Sql("""
SELECT * FROM onboarding.documents
 WHERE vendor_id = $1 AND stored AND (deleted_at IS NULL OR $2)
 ORDER BY uploaded_at DESC, id DESC LIMIT 200
""")
WAIVED = Sql("SELECT item_id, note FROM onboarding.waivers WHERE vendor_id = $1")
NEWEST = Sql("SELECT * FROM onboarding.terms ORDER BY version DESC LIMIT 1")
ACCEPTED = Sql("""
SELECT coalesce(max(version), 0)::int FROM onboarding.acceptances WHERE vendor_id = $1
""")
NOTE = Sql("""
INSERT INTO onboarding.entries (id, vendor_id, at, what, by, text, internal)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING
""")


class Desk(Onboarding):
    """The service gives the attributes below."""

    _db: Database
    _vendors: Vendors
    _identity: Identity
    _blob: Blob
    _signer: Signer
    _kept: timedelta

    async def _vendor(self, ctx: Context, vendor_id: UUID) -> Vendor:
        found = await self._vendors.by_ids(ctx, ids=[vendor_id])
        if not found:
            raise NotFound
        return found[0]

    async def _application(self, ctx: Context, vendor: Vendor) -> Record:
        """The vendor's row; made now for one from before there was onboarding, or whose
        application nobody has told us of yet."""
        row = await self._db.fetchrow(APPLICATION, vendor.id)
        if row is None:
            stage = rules.STAGE_OF.get(vendor.status, "closed")
            if stage == "preparing":
                stage = rules.first_stage(await self._items_of(ctx, vendor, None))
            await self._db.execute(ENSURE, vendor.id, stage, vendor.created_at, ctx.now())
            row = await self._db.fetchrow(APPLICATION, vendor.id)
            assert row is not None
        return row

    async def _items_of(
        self, ctx: Context, vendor: Vendor, row: Record | None
    ) -> list[ItemProgress]:
        """What the vendor is asked for, and how each stands; `row` None: nothing is given yet."""
        items = [listed(one) for one in await self._db.fetch(ITEMS)]
        terms = await self._db.fetchrow(NEWEST)
        given = rules.Given(
            vendor=vendor,
            business=business_of(row),
            bank=row["bank"] if row else "none",
            documents=[told(one) for one in await self._db.fetch(DOCUMENTS, vendor.id, False)],
            waived={r["item_id"]: r["note"] for r in await self._db.fetch(WAIVED, vendor.id)},
            terms=terms_of(terms) if terms else None,
            accepted=await self._db.fetchval(ACCEPTED, vendor.id),
        )
        return rules.asked(items, given)

    async def _progress(self, ctx: Context, vendor: Vendor) -> Progress:
        row = await self._application(ctx, vendor)
        items = await self._items_of(ctx, vendor, row)
        newest = await self._db.fetchrow(NEWEST)
        accepted: int = await self._db.fetchval(ACCEPTED, vendor.id)
        return Progress(
            vendor_id=vendor.id,
            stage=row["stage"],
            items=items,
            left=rules.left(items),
            missing=len(rules.missing(items)),
            unchecked=sum(one.state == "waiting" for one in items),
            note=row["note"],
            submitted_at=row["submitted_at"],
            business=business_of(row),
            terms_due=rules.terms_due(terms_of(newest) if newest else None, accepted),
        )

    def entry(
        self,
        ctx: Context,
        vendor_id: UUID,
        what: str,
        text: str = "",
        *,
        id: UUID | None = None,
        internal: bool = False,
    ) -> tuple[Any, ...]:
        """Arguments of NOTE: a line of the history, by the actor."""
        return (id or ctx.new_id(), vendor_id, ctx.now(), what, ctx.actor.id, text, internal)


def listed(row: Record) -> ListedItem:
    return ListedItem(**dict(row))


def business_of(row: Record | None) -> BusinessData:
    return BusinessData.model_validate(row["business"]) if row else BusinessData()


def terms_of(row: Record) -> Terms:
    return Terms(**{name: row[name] for name in Terms.model_fields})


def told(row: Record) -> Document:
    return Document(**{name: row[name] for name in Document.model_fields})


DECIDED: dict[str, Stage] = {"approve": "approved", "reject": "rejected"}


def instant(text: str) -> datetime:
    """An aware time out of a cursor; ValueError otherwise."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
