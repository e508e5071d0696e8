"""Terms: published by version, accepted by vendors."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.onboarding import rules
from haat.domains.people.onboarding.api import (
    Acceptance,
    Terms,
    TermsDraft,
    TermsOutdated,
    TermsPublished,
)
from haat.domains.people.onboarding.service.desk import NEWEST, instant, terms_of
from haat.domains.people.onboarding.service.following import Following
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, page_of
from haat.kernel.text import is_plain_text

BY_VERSION = Sql("SELECT * FROM onboarding.terms WHERE version = $1")
BY_ID = Sql("SELECT * FROM onboarding.terms WHERE id = $1")
VERSIONS = Sql("SELECT * FROM onboarding.terms ORDER BY version DESC LIMIT 50")
# Of two publications at once the second waits, and has the next number.
LOCK = Sql("LOCK TABLE onboarding.terms IN SHARE ROW EXCLUSIVE MODE")
PUBLISH = Sql("""
INSERT INTO onboarding.terms (version, id, title, text, published_by, published_at, grace_until)
SELECT coalesce(max(version), 0) + 1, $1, $2, $3, $4, $5, $6 FROM onboarding.terms
RETURNING *
""")
# Only the newest, also where one is published at this moment.
ACCEPT = Sql("""
WITH added AS (
  INSERT INTO onboarding.acceptances (vendor_id, version, person_id, at)
  SELECT $1, version, $3, $4 FROM onboarding.terms
   WHERE version = $2 AND version = (SELECT max(version) FROM onboarding.terms)
  ON CONFLICT (vendor_id, version) DO NOTHING
  RETURNING vendor_id, version, person_id, at
), noted AS (
  INSERT INTO onboarding.entries (id, vendor_id, at, what, by, text, internal)
  SELECT $5, vendor_id, at, 'terms_accepted', person_id, 'Version ' || version, false FROM added
), moved AS (
  UPDATE onboarding.applications SET revision = revision + 1
   WHERE vendor_id = (SELECT vendor_id FROM added)
)
SELECT * FROM added
""")
ACCEPTANCE = Sql("""
SELECT vendor_id, version, person_id, at FROM onboarding.acceptances
 WHERE vendor_id = $1 AND version = $2
""")
ACCEPTANCES = Sql("""
SELECT vendor_id, version, person_id, at FROM onboarding.acceptances
 WHERE ($1::uuid IS NULL OR vendor_id = $1) AND ($2::int IS NULL OR version = $2)
   AND (at, vendor_id, version) < ($3, $4::uuid, $5::int)
 ORDER BY at DESC, vendor_id DESC, version DESC LIMIT $6
""")
_END: list[Any] = [
    datetime.fromisoformat("9999-12-31T00:00:00+00:00"),
    UUID(int=(1 << 128) - 1),
    2**31 - 1,
]


class Agreeing(Following):
    async def terms(self, ctx: Context, *, version: int | None = None) -> Terms | None:
        if version is None:
            row = await self._db.fetchrow(NEWEST)
            return terms_of(row) if row else None
        row = await self._db.fetchrow(BY_VERSION, version) if 0 < version < 2**31 else None
        if row is None:
            raise NotFound
        return terms_of(row)

    async def accept_terms(self, ctx: Context, *, vendor_id: UUID, version: int) -> Acceptance:
        ctx.need_vendor(vendor_id)
        person_id = ctx.person_id
        await self.terms(ctx, version=version)
        await self._application(ctx, await self._vendor(ctx, vendor_id))
        rows = await self._db.fetch(ACCEPT, vendor_id, version, person_id, ctx.now(), ctx.new_id())
        row = rows[0] if rows else await self._db.fetchrow(ACCEPTANCE, vendor_id, version)
        if row is None:
            raise TermsOutdated
        # If we crash here, the timer tells it.
        await self._tell_accepted(ctx, [(vendor_id, version)])
        return Acceptance(**dict(row))

    async def publish_terms(self, ctx: Context, *, id: UUID, draft: TermsDraft) -> Terms:
        title = rules.checked_note(draft.title, needed="Give them a name.", path="title")
        text = draft.text.replace("\r\n", "\n").strip()
        if not text or not is_plain_text(text):
            raise Invalid.at("text", "Use plain text.", "text_invalid")
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            await tx.execute(LOCK)
            row = await tx.fetchrow(BY_ID, id)
            if row is None:
                row = await tx.fetchrow(
                    PUBLISH, id, title, text, ctx.actor.id, now,
                    now + timedelta(days=draft.grace_days),
                )  # fmt: skip
                assert row is not None
                tx.emit(TermsPublished(version=row["version"], grace_until=row["grace_until"]))
        return terms_of(row)

    async def versions(self, ctx: Context) -> list[Terms]:
        return [terms_of(row) for row in await self._db.fetch(VERSIONS)]

    async def acceptances(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        version: int | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Acceptance]:
        key = decode_cursor(cursor, instant, UUID, _number) or _END
        rows = await self._db.fetch(ACCEPTANCES, vendor_id, version, *key, limit + 1)
        found = [Acceptance(**dict(row)) for row in rows]
        return page_of(found, limit, "at", "vendor_id", "version")


def _number(text: object) -> int:
    """A version out of a cursor; ValueError otherwise."""
    if not isinstance(text, int) or not 0 < text < 2**31:
        raise ValueError(text)
    return text
