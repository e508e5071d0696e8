"""The profiles' use cases. Every statement names the actor: another's row is not there."""

from datetime import date
from uuid import UUID

from haat.domains.people.identity.api import Identity
from haat.domains.people.media.api import Claim, Media
from haat.domains.people.profiles.api import (
    Address,
    AddressesFull,
    AddressRules,
    Consent,
    Label,
    Preferences,
    Profile,
    Profiles,
    SavedAddress,
    Wanted,
)
from haat.domains.people.profiles.countries import rules_of
from haat.domains.people.profiles.rules import (
    ADDRESSES_MAX,
    ASKED,
    check_birth,
    clean_address,
    clean_label,
    clean_phone,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor

KEPT = Sql("""
SELECT phone, one_click, born_on, avatar_id, marketing FROM profiles.profiles WHERE person_id = $1
""")
KEEP = Sql("""
UPDATE profiles.profiles
   SET phone = coalesce($2, phone), one_click = coalesce($3, one_click),
       born_on = CASE WHEN $5 THEN NULL ELSE coalesce($4, born_on) END
 WHERE person_id = $1
""")
AGREE = Sql("""
UPDATE profiles.profiles SET marketing = $2 WHERE person_id = $1 AND marketing <> $2
""")
CONSENT = Sql("""
INSERT INTO profiles.consents (id, person_id, purpose, given, version, wording, request_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
""")
CONSENTS = Sql("""
SELECT id, seq, purpose, given, version, wording, request_id, at FROM profiles.consents
 WHERE person_id = $1 AND ($2::bigint IS NULL OR seq < $2)
 ORDER BY seq DESC LIMIT $3
""")
SHOW_AVATAR = Sql("""
UPDATE profiles.profiles SET avatar_id = $2 WHERE person_id = $1
""")
PREFERENCES = Sql("""
SELECT currency, country, order_mail, interests FROM profiles.profiles WHERE person_id = $1
""")
PREFER = Sql("""
INSERT INTO profiles.profiles (person_id, currency, country, order_mail, interests)
VALUES ($1, $2, $3, $4, $5::uuid[])
ON CONFLICT (person_id) DO UPDATE
   SET currency = excluded.currency, country = excluded.country,
       order_mail = excluded.order_mail, interests = excluded.interests
""")
WANTED = Sql("""
SELECT person_id, order_mail, marketing FROM profiles.profiles WHERE person_id = ANY($1::uuid[])
""")
ADDRESSES = Sql("""
SELECT a.id, a.label, a.name, a.line1, a.line2, a.city, a.region, a.postal_code, a.country, a.phone,
       a.id IS NOT DISTINCT FROM p.default_address_id AS is_default
  FROM profiles.addresses a JOIN profiles.profiles p ON p.person_id = a.person_id
 WHERE a.person_id = $1
 ORDER BY is_default DESC, a.created_at, a.id
 LIMIT 100
""")
# Takes the person's row for this transaction: who else changes addresses waits.
TAKE = Sql("""
INSERT INTO profiles.profiles AS p (person_id) VALUES ($1)
ON CONFLICT (person_id) DO UPDATE SET phone = p.phone
RETURNING default_address_id
""")
COUNT = Sql("SELECT count(*) FROM profiles.addresses WHERE person_id = $1 AND id <> $2")
SAVE = Sql("""
INSERT INTO profiles.addresses AS a (id, person_id, name, line1, line2, city, region, postal_code,
                                     country, phone, created_at, label)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, ''))
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, line1 = excluded.line1, line2 = excluded.line2, city = excluded.city,
       region = excluded.region, postal_code = excluded.postal_code, country = excluded.country,
       phone = excluded.phone, label = coalesce($12, a.label)
 WHERE a.person_id = excluded.person_id
RETURNING label
""")
SET_DEFAULT = Sql("UPDATE profiles.profiles SET default_address_id = $2 WHERE person_id = $1")
REMOVE = Sql("DELETE FROM profiles.addresses WHERE id = $1 AND person_id = $2")
DEFAULT_GONE = Sql("""
UPDATE profiles.profiles
   SET default_address_id = (SELECT id FROM profiles.addresses WHERE person_id = $1
                              ORDER BY created_at, id LIMIT 1)
 WHERE person_id = $1 AND default_address_id = $2
""")


class ProfilesService(Profiles):
    """Profiles; the name is identity's and changed there."""

    def __init__(self, db: Database, identity: Identity, media: Media) -> None:
        self._db = db
        self._identity = identity
        self._media = media

    async def profile(self, ctx: Context) -> Profile:
        person = await self._identity.me(ctx)
        kept = await self._db.fetchrow(KEPT, person.id)
        if kept is None:
            return Profile(person_id=person.id, name=person.name)
        return Profile(person_id=person.id, name=person.name, **dict(kept))

    async def change_profile(
        self,
        ctx: Context,
        *,
        name: str | None = None,
        phone: str | None = None,
        one_click: bool | None = None,
        born_on: date | None = None,
        forgets_birth: bool = False,
        marketing: bool | None = None,
    ) -> Profile:
        person_id = ctx.person_id
        plain = None if phone is None else clean_phone(phone)
        if born_on is not None:
            check_birth(born_on, ctx.now().date())
        if name is not None:
            await self._identity.change_name(ctx, name=name)
        async with self._db.begin(ctx) as tx:
            await tx.fetchval(TAKE, person_id)
            await tx.execute(KEEP, person_id, plain, one_click, born_on, forgets_birth)
            if marketing is not None and await tx.execute(AGREE, person_id, marketing):
                version, words = ASKED["marketing"]
                await tx.execute(
                    CONSENT,
                    ctx.new_id(),
                    person_id,
                    "marketing",
                    marketing,
                    version,
                    words,
                    ctx.request_id,
                    ctx.now(),
                )
        return await self.profile(ctx)

    async def set_avatar(self, ctx: Context, *, media_id: UUID | None) -> Profile:
        person_id = ctx.person_id
        shown = (await self.profile(ctx)).avatar_id
        wanted = [] if media_id is None else [media_id]
        if wanted and not await self._media.files(ctx, ids=wanted):
            raise Invalid.at("mediaId", "There is no such picture.", "media_unknown")
        # Both until the row says which: what is shown is never one that may be removed.
        both = [id for id in (shown, media_id) if id is not None]
        await self._claim(ctx, person_id, both)
        async with self._db.begin(ctx) as tx:
            await tx.fetchval(TAKE, person_id)
            await tx.execute(SHOW_AVATAR, person_id, media_id)
        await self._claim(ctx, person_id, wanted)
        return await self.profile(ctx)

    async def _claim(self, ctx: Context, person_id: UUID, ids: list[UUID]) -> None:
        version = int(ctx.now().timestamp() * 1_000_000)
        claim = Claim(by=f"person:{person_id}", version=version, ids=ids)
        await self._media.claim(ctx, claims=[claim])

    async def preferences(self, ctx: Context) -> Preferences:
        kept = await self._db.fetchrow(PREFERENCES, ctx.person_id)
        return Preferences() if kept is None else Preferences(**dict(kept))

    async def set_preferences(self, ctx: Context, *, preferences: Preferences) -> Preferences:
        wanted = list(dict.fromkeys(preferences.interests))
        await self._db.execute(
            PREFER,
            ctx.person_id,
            preferences.currency,
            preferences.country,
            preferences.order_mail,
            wanted,
        )
        return preferences.model_copy(update={"interests": wanted})

    async def consents(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Consent]:
        person_id = ctx.person_id
        key = decode_cursor(cursor, int)
        before = None if key is None else key[0]
        if before is not None and not 0 <= before < 2**63:
            raise Invalid.at("cursor", "Take the cursor from the page before.", "cursor_invalid")
        rows = await self._db.fetch(CONSENTS, person_id, before, limit + 1)
        more = len(rows) > limit
        found = [Consent(**{k: row[k] for k in Consent.model_fields}) for row in rows[:limit]]
        return Page(items=found, next=encode_cursor(rows[limit - 1]["seq"]) if more else None)

    async def wanted(self, ctx: Context, *, person_ids: list[UUID]) -> list[Wanted]:
        return [Wanted(**dict(row)) for row in await self._db.fetch(WANTED, person_ids)]

    async def address_rules(self, ctx: Context, *, country: str) -> AddressRules:
        return rules_of(country)

    async def addresses(self, ctx: Context) -> list[SavedAddress]:
        return [_saved(row) for row in await self._db.fetch(ADDRESSES, ctx.person_id)]

    async def save_address(
        self,
        ctx: Context,
        *,
        id: UUID,
        address: Address,
        is_default: bool = False,
        label: Label | None = None,
    ) -> SavedAddress:
        person_id, plain = ctx.person_id, clean_address(address)
        called = None if label is None else clean_label(label)
        async with self._db.begin(ctx) as tx:
            default_id = await tx.fetchval(TAKE, person_id)
            if await tx.fetchval(COUNT, person_id, id) >= ADDRESSES_MAX:
                raise AddressesFull
            named = await tx.fetchval(SAVE, id, person_id, *_columns(plain), ctx.now(), called)
            if named is None:  # it is somebody else's
                raise NotFound
            if is_default or default_id is None:
                await tx.execute(SET_DEFAULT, person_id, id)
                default_id = id
        return SavedAddress(id=id, address=plain, is_default=default_id == id, label=named)

    async def remove_address(self, ctx: Context, *, id: UUID) -> None:
        person_id = ctx.person_id
        async with self._db.begin(ctx) as tx:
            await tx.fetchval(TAKE, person_id)
            if not await tx.execute(REMOVE, id, person_id):
                raise NotFound
            await tx.execute(DEFAULT_GONE, person_id, id)


def _columns(address: Address) -> tuple[str, ...]:
    return (
        address.name,
        address.line1,
        address.line2,
        address.city,
        address.region,
        address.postal_code,
        address.country,
        address.phone,
    )


def _saved(row: Record) -> SavedAddress:
    address = Address(**{name: row[name] for name in Address.model_fields})
    return SavedAddress(
        id=row["id"], address=address, is_default=row["is_default"], label=row["label"]
    )
