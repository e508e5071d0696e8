"""The vendors' use cases."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import EmailUnverified, Identity
from haat.domains.people.media.api import Claim, Media
from haat.domains.people.vendors.api import (
    Application,
    Location,
    Preferences,
    Status,
    Vendor,
    VendorApplied,
    VendorApproved,
    VendorChange,
    VendorChanged,
    VendorNameTaken,
    VendorReinstated,
    VendorRejected,
    VendorShown,
    VendorSuspended,
    WrongVendorState,
)
from haat.domains.people.vendors.rules import (
    Decision,
    after,
    contact_address,
    id_of,
    instant,
    maybe_line,
    name_key,
    other_slug,
    reason_for,
    slug_of,
    vendor_name,
)
from haat.domains.people.vendors.service.desk import BY_ID
from haat.domains.people.vendors.service.holding import Holding
from haat.domains.people.vendors.service.presenting import Presenting
from haat.domains.people.vendors.service.resting import Resting, absence_of, away, is_gone, is_held
from haat.engines.cache import Cache
from haat.engines.cache.copies import Copies, forget
from haat.engines.cache.remembered import Remembered
from haat.engines.sql import Database, Record, Sql, UniqueViolation
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Page, decode_cursor, encode_cursor, page_of
from haat.kernel.rating import Rating, rating_of

APPLY = Sql("""
WITH added AS (
  INSERT INTO vendors.vendors (id, owner_id, slug, name, name_key, description, status, country,
                               contact_email, business_type, created_at)
  SELECT $1, $2, CASE WHEN EXISTS (SELECT 1 FROM vendors.vendors WHERE slug = $3)
                      THEN $4 ELSE $3 END,
         $5, $6, $7, 'pending', $8, $9, $10, $11
  ON CONFLICT DO NOTHING
  RETURNING *
) /*emit:added*/
SELECT * FROM added
""")
BY_IDS = Sql("SELECT * FROM vendors.vendors WHERE id = ANY($1::uuid[]) ORDER BY id")
NAMED = Sql("""
SELECT * FROM vendors.vendors
 WHERE strpos(name_key, $1) > 0
 ORDER BY name_key <> $1, strpos(name_key, $1) > 1, name_key, id LIMIT $2
""")
BY_SLUG = Sql("SELECT * FROM vendors.vendors WHERE slug = $1")
SLUGS = Sql("SELECT slug FROM vendors.vendors WHERE id = ANY($1::uuid[])")
LISTED = Sql(f"""
SELECT * FROM vendors.vendors
 WHERE status = 'active' AND (name_key, id) > ($1, $2)
   AND id <> '{synthetic.VENDOR}'::uuid
 ORDER BY name_key, id LIMIT $3
""")  # noqa: S608 - put together here, from a constant
QUEUE = Sql("""
SELECT * FROM vendors.vendors
 WHERE (created_at, id) > ($1, $2)
 ORDER BY created_at, id LIMIT $3
""")
QUEUE_OF = Sql("""
SELECT * FROM vendors.vendors
 WHERE status = $4 AND (created_at, id) > ($1, $2)
 ORDER BY created_at, id LIMIT $3
""")
DECIDE = Sql("""
UPDATE vendors.vendors SET status = $3, reason = $4, decided_at = $5
 WHERE id = $1 AND status = $2
RETURNING *
""")
SET_COMMISSION = Sql("UPDATE vendors.vendors SET commission_bp = $2 WHERE id = $1 RETURNING *")
SHOWN = Sql("""
SELECT id, ARRAY[logo_id, banner_id] AS shown FROM vendors.vendors WHERE id = ANY($1::uuid[])
""")
CHANGE = Sql("""
UPDATE vendors.vendors
   SET name = coalesce($2, name), name_key = coalesce($3, name_key),
       description = coalesce($4, description), logo_id = coalesce($5, logo_id),
       contact_email = coalesce($6, contact_email), banner_id = coalesce($7, banner_id),
       latitude = CASE WHEN $11 THEN NULL ELSE coalesce($8, latitude) END,
       longitude = CASE WHEN $11 THEN NULL ELSE coalesce($9, longitude) END,
       place = CASE WHEN $11 THEN '' ELSE coalesce($10, place) END,
       support_email = coalesce($12, support_email), support_phone = coalesce($13, support_phone),
       business_type = coalesce($14, business_type)
 WHERE id = $1
RETURNING *
""")
VERIFY = Sql("""
UPDATE vendors.vendors SET verified_at = CASE WHEN $2 THEN $3::timestamptz END
 WHERE id = $1 AND (verified_at IS NOT NULL) <> $2
RETURNING *
""")
SET_RATING = Sql("""
UPDATE vendors.vendors SET rating_value = $2, rating_count = $3, rating_version = $4
 WHERE id = $1 AND rating_version < $4
RETURNING *
""")
# Whoever owned it and does no more sees it as everybody does.
FOLLOW_OWNERS = Sql("""
UPDATE vendors.vendors v SET owner_id = t.owner_id
  FROM (SELECT vendor_id, min(owner_id::text)::uuid AS owner_id, array_agg(owner_id) AS owners
          FROM unnest($1::uuid[], $2::uuid[]) AS o (vendor_id, owner_id) GROUP BY vendor_id) t
 WHERE v.id = t.vendor_id AND NOT v.owner_id = ANY(t.owners)
RETURNING v.id, v.slug
""")
COMMISSIONS = Sql("SELECT id, commission_bp FROM vendors.vendors WHERE id = ANY($1::uuid[])")

RATES_S = 5.0  # how old a rate may be that is told, where the word of its change was lost
_FIRST_TIME = "0001-01-01T00:00:00+00:00"
_FIRST_ID = UUID(int=0)


class Profile(Model):
    """What is kept of a vendor: what everybody may see, and whose it is."""

    vendor: Vendor
    owner_id: UUID


class VendorsService(Presenting, Resting, Holding):
    """Vendors on one table; a change of status is an UPDATE on condition of the one before."""

    def __init__(self, db: Database, identity: Identity, media: Media, cache: Cache) -> None:
        self._db = db
        self._identity = identity
        self._media = media
        self._cache = cache
        self._copies: Copies[Profile] = Copies(cache, "vendors.profile", Profile)
        self._rates: Remembered[int | None] = Remembered(cache, "vendors.rates", kept_s=RATES_S)

    async def apply(self, ctx: Context, *, id: UUID, application: Application) -> Vendor:
        person_id = ctx.person_id
        # Who is paid here can be written to. An address once proved stays so.
        if (await self._identity.me(ctx)).status == "pending":
            raise EmailUnverified
        name = vendor_name(application.name)
        slug = slug_of(name, id)
        given = (
            *(id, person_id, slug, other_slug(slug, id), name, name_key(name)),
            *(application.description, application.country),
            *(contact_address(application.contact_email), application.business_type, ctx.now()),
        )
        event = VendorApplied(vendor_id=id, person_id=person_id, name=name)
        # Twice: the first may meet a slug that another name made at the same moment.
        for _ in range(2):
            rows = await self._db.step(ctx, APPLY, *given, emit=[event])
            row = rows[0] if rows else await self._db.fetchrow(BY_ID, id)
            if row is not None:
                break
        else:
            raise VendorNameTaken.at("name", VendorNameTaken().detail, "vendor_name_taken")
        if row["owner_id"] != person_id:
            raise NotFound
        # If we crash here, the reaction on VendorApplied makes the same call.
        await self.seat_owner(ctx, vendor_id=id, person_id=person_id)
        return _whole(row)

    async def seat_owner(self, ctx: Context, *, vendor_id: UUID, person_id: UUID) -> None:
        """Makes the applicant the first of the vendor's team."""
        await self._identity.join_vendor(
            ctx, person_id=person_id, vendor_id=vendor_id, role="owner"
        )

    async def tell_names(self, ctx: Context, names: Mapping[UUID, str]) -> None:
        """So that nobody takes one for a password."""
        await self._identity.know_names(ctx, vendor_ids=[*names], names=[*names.values()])

    async def follow_owners(self, ctx: Context, owners: Mapping[UUID, Sequence[UUID]]) -> None:
        """Whose these vendors are now."""
        pairs = [(vendor, owner) for vendor, several in owners.items() for owner in several]
        rows = await self._db.fetch(
            FOLLOW_OWNERS, [vendor for vendor, _ in pairs], [owner for _, owner in pairs]
        )
        if rows:
            await self.forget_copies([row["id"] for row in rows])

    async def listed(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Vendor]:
        after_key: list[Any] = decode_cursor(cursor, str, UUID) or ["", _FIRST_ID]
        rows = await self._db.fetch(LISTED, *after_key, limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        following = encode_cursor(rows[-1]["name_key"], rows[-1]["id"]) if more else None
        return Page(items=[_public(row) for row in rows], next=following)

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        if ctx.caller is not None:  # modules decide by it: from the table
            return [_public(row) for row in await self._db.fetch(BY_IDS, ids)]
        copies, read = await self._copies.get_many([str(id) for id in dict.fromkeys(ids)])
        missing = [id for id in ids if str(id) not in copies]
        if missing:
            rows = await self._db.fetch(BY_IDS, missing)
            fresh = {str(row["id"]): _profile(row) for row in rows}
            await self._copies.keep(fresh, read)
            copies |= fresh
        return sorted((one.vendor for one in copies.values()), key=lambda vendor: vendor.id)

    async def named(self, ctx: Context, *, words: str, limit: int = 8) -> list[Vendor]:
        key = name_key(words.replace("\0", ""))
        return [_public(row) for row in await self._db.fetch(NAMED, key, limit)] if key else []

    async def find(self, ctx: Context, *, slug: str) -> Vendor:
        outside = ctx.caller is None and ctx.vendor_id is None and not ctx.has("staff")
        copies, read = await self._copies.get_many([slug] if outside else [])
        kept = copies.get(slug)
        if kept and kept.owner_id != ctx.actor.id and _is_open(kept.vendor):
            return kept.vendor
        id = id_of(slug)
        row = await self._db.fetchrow(BY_SLUG if id is None else BY_ID, id or slug)
        if row is None:
            raise NotFound
        inside = row["id"] == ctx.vendor_id or ctx.has("staff") or row["owner_id"] == ctx.actor.id
        if inside:
            return _whole(row)
        profile = _profile(row)
        if not _is_open(profile.vendor):
            raise NotFound
        if outside and slug in (row["slug"], str(row["id"])):  # what `_forget` can name
            await self._copies.keep({slug: profile}, read)
        return profile.vendor

    async def queue(
        self,
        ctx: Context,
        *,
        status: Status | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Vendor]:
        key: list[Any] = decode_cursor(cursor, instant, UUID) or [instant(_FIRST_TIME), _FIRST_ID]
        if status is None:
            rows = await self._db.fetch(QUEUE, *key, limit + 1)
        else:
            rows = await self._db.fetch(QUEUE_OF, *key, limit + 1, status)
        return page_of([_whole(row) for row in rows], limit, "created_at", "id")

    async def decide(
        self, ctx: Context, *, id: UUID, decision: Decision, reason: str = ""
    ) -> Vendor:
        why = reason_for(decision, reason)
        row = await self._row(id)
        target = after(row["status"], decision)
        if target is None:
            return _whole(row)
        async with self._db.begin(ctx) as tx:
            moved = await tx.fetchrow(DECIDE, id, row["status"], target, why, ctx.now())
            if moved is not None:
                tx.emit(_decided(moved, decision))
                if target == "active" and is_gone(moved):
                    tx.emit(away(moved))
        if moved is not None:
            await self._forget(moved)
            return _whole(moved)
        # Somebody else decided meanwhile: the same, then all is well; otherwise it is refused.
        row = await self._row(id)
        if after(row["status"], decision) is not None:
            raise WrongVendorState
        return _whole(row)

    async def set_commission(self, ctx: Context, *, id: UUID, commission_bp: int | None) -> Vendor:
        row = await self._db.fetchrow(SET_COMMISSION, id, commission_bp)
        if row is None:
            raise NotFound
        await self._rates.changed([id])
        return _whole(row)

    async def change(self, ctx: Context, *, id: UUID, change: VendorChange) -> Vendor:
        ctx.need_vendor(id)
        name = None if change.name is None else vendor_name(change.name)
        email = None if change.contact_email is None else contact_address(change.contact_email)
        support = change.support_email and contact_address(change.support_email, "supportEmail")
        phone = maybe_line(change.support_phone, "supportPhone")
        kind = maybe_line(change.business_type, "businessType")
        await self._know_pictures(ctx, {"logoId": change.logo_id, "bannerId": change.banner_id})
        try:
            async with self._db.begin(ctx) as tx:
                row = await tx.fetchrow(
                    CHANGE,
                    id,
                    name,
                    None if name is None else name_key(name),
                    change.description,
                    change.logo_id,
                    email,
                    change.banner_id,
                    *_where(change.location),
                    change.leaves_location,
                    support,
                    phone,
                    kind,
                )
                if row is None:
                    raise NotFound
                tx.emit(_changed(row))
        except UniqueViolation:
            raise VendorNameTaken.at(
                "name", VendorNameTaken().detail, "vendor_name_taken"
            ) from None
        await self._forget(row)
        return _whole(row)

    async def verify(self, ctx: Context, *, id: UUID, verified: bool) -> Vendor:
        return _whole(await self._mark(ctx, VERIFY, id, verified, ctx.now()))

    async def set_rating(
        self, ctx: Context, *, vendor_id: UUID, rating: Rating | None, version: int
    ) -> None:
        mean = (rating.value, rating.count) if rating else (None, None)
        await self._mark(ctx, SET_RATING, vendor_id, *mean, version)

    async def _mark(self, ctx: Context, sql: Sql, id: UUID, *values: object) -> Record:
        """The vendor as this leaves it; where it changed nothing, as it is. NotFound."""
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(sql, id, *values)
            if row is not None:
                tx.emit(_changed(row))
        if row is None:
            return await self._row(id)
        await self._forget(row)
        return row

    async def claim_pictures(self, ctx: Context, ids: Sequence[UUID]) -> None:
        """Tells media what these vendors show; what they showed before may go."""
        rows = await self._db.fetch(SHOWN, ids)
        version = int(ctx.now().timestamp() * 1_000_000)
        claims = [
            Claim(by=f"vendor:{row['id']}", version=version, ids=[id for id in row["shown"] if id])
            for row in rows
        ]
        if claims:
            await self._media.claim(ctx, claims=claims)

    async def _know_pictures(self, ctx: Context, given: dict[str, UUID | None]) -> None:
        """Invalid at each field that names a picture nobody uploaded."""
        wanted = [id for id in given.values() if id is not None]
        known = {f.id for f in await self._media.files(ctx, ids=wanted)} if wanted else set()
        for path, id in given.items():
            if id is not None and id not in known:
                raise Invalid.at(path, "There is no such picture.", "picture_unknown")

    async def commissions(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, int | None]:
        known, look = self._rates.known(ids)
        missing = [id for id in ids if id not in known]
        if missing:
            rows = await self._db.fetch(COMMISSIONS, missing)
            found = {row["id"]: row["commission_bp"] for row in rows}
            self._rates.keep(found, look)
            known |= found
        return known

    async def _forget(self, row: Record) -> None:
        """After a commit: there is a copy under the id and one under the slug."""
        await forget(self._cache, self._copies.keys([str(row["id"]), row["slug"]]))

    async def forget_copies(self, ids: Sequence[UUID]) -> None:
        """These vendors have changed. CacheAway."""
        slugs = [row["slug"] for row in await self._db.fetch(SLUGS, ids)]
        await self._cache.invalidate(self._copies.keys([*map(str, ids), *slugs]))


def _decided(row: Record, decision: Decision) -> Event:
    id, reason = row["id"], row["reason"] or ""
    if decision == "approve":
        return VendorApproved(
            vendor_id=id, slug=row["slug"], name=row["name"], country=row["country"]
        )
    if decision == "reject":
        return VendorRejected(vendor_id=id, reason=reason)
    if decision == "suspend":
        return VendorSuspended(vendor_id=id, reason=reason)
    return VendorReinstated(vendor_id=id)


_SUMMED = {
    "location",
    "verified",
    "rating",
    "away",
    "handling_hours",
    "listings_held",
}  # of several columns


def _shown(row: Record) -> VendorShown:
    where = None
    if row["latitude"] is not None:
        where = Location(latitude=row["latitude"], longitude=row["longitude"], place=row["place"])
    return VendorShown(
        location=where,
        verified=row["verified_at"] is not None,
        rating=rating_of(row["rating_value"], row["rating_count"]),
    )


def _changed(row: Record) -> VendorChanged:
    return VendorChanged(
        vendor_id=row["id"],
        slug=row["slug"],
        name=row["name"],
        country=row["country"],
        shown=_shown(row),
    )


def _where(location: Location | None) -> tuple[float | None, float | None, str | None]:
    return (
        (location.latitude, location.longitude, location.place.replace("\0", ""))
        if location
        else (None, None, None)
    )


def _whole(row: Record) -> Vendor:
    plain = {name: row[name] for name in Vendor.model_fields if name not in _SUMMED}
    gone = absence_of(row) if row["away_on"] else None
    handling = Preferences.model_validate(row["preferences"]).handling_hours
    return Vendor(
        **plain,
        **dict(_shown(row)),
        away=gone,
        handling_hours=handling,
        listings_held=is_held(row),
    )


def _public(row: Record) -> Vendor:
    """Without what is between the vendor and the market."""
    private = {"contact_email": None, "commission_bp": None, "reason": None, "listings_held": False}
    return _whole(row).model_copy(update=private)


def _profile(row: Record) -> Profile:
    return Profile(vendor=_public(row), owner_id=row["owner_id"])


def _is_open(vendor: Vendor) -> bool:
    """Whether customers see it. What is there for drills only, nobody does."""
    return vendor.status == "active" and vendor.id != synthetic.VENDOR
