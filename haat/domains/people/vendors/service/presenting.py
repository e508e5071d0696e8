"""What a vendor says of itself: hours, places, policies, preferences."""

from uuid import UUID

from haat.domains.people.vendors import opening
from haat.domains.people.vendors.api import (
    PLACES_MAX,
    Hours,
    KeptPlace,
    Place,
    PlacesFull,
    Policies,
    Preferences,
    Presence,
)
from haat.domains.people.vendors.rules import plain_line, plain_text
from haat.domains.people.vendors.service.desk import BY_ID, Desk
from haat.engines.sql import Record, Sql
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

SET_HOURS = Sql("UPDATE vendors.vendors SET hours = $2 WHERE id = $1 RETURNING *")
SET_POLICIES = Sql("UPDATE vendors.vendors SET policies = $2 WHERE id = $1 RETURNING *")
SET_PREFERENCES = Sql("""
UPDATE vendors.vendors SET preferences = $2 WHERE id = $1 RETURNING *
""")
PREFERENCES = Sql("""
SELECT preferences FROM vendors.vendors WHERE id = $1
""")
PLACES = Sql("""
SELECT id, name, kind, line1, postal_code, city, country, phone, latitude, longitude
  FROM vendors.places WHERE vendor_id = $1 ORDER BY created_at, id LIMIT 50
""")
# Of two that would be the last there is room for, the second waits here and counts the first.
LOCK = Sql("SELECT id FROM vendors.vendors WHERE id = $1 FOR NO KEY UPDATE")
COUNT = Sql("SELECT count(*) FROM vendors.places WHERE vendor_id = $1 AND id <> $2")
SAVE_PLACE = Sql("""
INSERT INTO vendors.places AS p (id, vendor_id, name, kind, line1, postal_code, city, country,
                                 phone, latitude, longitude, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, kind = excluded.kind, line1 = excluded.line1,
       postal_code = excluded.postal_code, city = excluded.city, country = excluded.country,
       phone = excluded.phone, latitude = excluded.latitude, longitude = excluded.longitude
 WHERE p.vendor_id = excluded.vendor_id
RETURNING id, name, kind, line1, postal_code, city, country, phone, latitude, longitude
""")
REMOVE_PLACE = Sql("DELETE FROM vendors.places WHERE id = $1 AND vendor_id = $2")
SHOWN_STATUSES = ("active", "closing")


class Presenting(Desk):
    async def presence(self, ctx: Context, *, vendor_id: UUID) -> Presence:
        row = await self._db.fetchrow(BY_ID, vendor_id)
        if row is None:
            raise NotFound
        inside = vendor_id == ctx.vendor_id or ctx.has("staff") or row["owner_id"] == ctx.actor.id
        shown = row["status"] in SHOWN_STATUSES and vendor_id != synthetic.VENDOR
        if not (inside or shown):
            raise NotFound
        return await self._presence(ctx, row)

    async def _presence(self, ctx: Context, row: Record) -> Presence:
        hours = Hours.model_validate(row["hours"]) if row["hours"] else None
        open_now, changes_at = opening.open_at(hours, ctx.now()) if hours else (None, None)
        places = await self._db.fetch(PLACES, row["id"])
        return Presence(
            vendor_id=row["id"],
            hours=hours,
            open_now=open_now,
            changes_at=changes_at,
            policies=Policies.model_validate(row["policies"]),
            places=[KeptPlace(**dict(one)) for one in places],
        )

    async def set_hours(self, ctx: Context, *, vendor_id: UUID, hours: Hours | None) -> Presence:
        ctx.need_vendor(vendor_id)
        kept = opening.checked_hours(hours).model_dump() if hours is not None else None
        return await self._presence(ctx, await self._set(SET_HOURS, vendor_id, kept))

    async def set_policies(self, ctx: Context, *, vendor_id: UUID, policies: Policies) -> Presence:
        ctx.need_vendor(vendor_id)
        kept = {name: plain_text(getattr(policies, name), name) for name in Policies.model_fields}
        return await self._presence(ctx, await self._set(SET_POLICIES, vendor_id, kept))

    async def save_place(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, place: Place
    ) -> KeptPlace:
        ctx.need_vendor(vendor_id)
        if (place.latitude is None) != (place.longitude is None):
            raise Invalid.at("latitude", "Give both or none.", "location_half")
        words = {
            name: plain_line(getattr(place, name), name)
            for name in ("name", "line1", "postal_code", "city", "phone")
        }
        for name in ("name", "line1", "city"):
            if not words[name]:
                raise Invalid.at(name, "Fill this in.", "missing")
        async with self._db.begin(ctx) as tx:
            if not await tx.fetch(LOCK, vendor_id):
                raise NotFound
            if await tx.fetchval(COUNT, vendor_id, id) >= PLACES_MAX:
                raise PlacesFull
            row = await tx.fetchrow(
                SAVE_PLACE, id, vendor_id, words["name"], place.kind, words["line1"],
                words["postal_code"], words["city"], place.country, words["phone"],
                place.latitude, place.longitude, ctx.now(),
            )  # fmt: skip
        if row is None:
            raise NotFound
        return KeptPlace(**dict(row))

    async def remove_place(self, ctx: Context, *, id: UUID, vendor_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        await self._db.execute(REMOVE_PLACE, id, vendor_id)

    async def preferences(self, ctx: Context, *, vendor_id: UUID) -> Preferences:
        ctx.need_vendor(vendor_id)
        row = await self._set(PREFERENCES, vendor_id)
        return Preferences.model_validate(row["preferences"])

    async def set_preferences(
        self, ctx: Context, *, vendor_id: UUID, preferences: Preferences
    ) -> Preferences:
        ctx.need_vendor(vendor_id)
        row = await self._mark(ctx, SET_PREFERENCES, vendor_id, preferences.model_dump())
        return Preferences.model_validate(row["preferences"])

    async def _set(self, sql: Sql, vendor_id: UUID, *values: object) -> Record:
        row = await self._db.fetchrow(sql, vendor_id, *values)
        if row is None:
            raise NotFound
        return row
