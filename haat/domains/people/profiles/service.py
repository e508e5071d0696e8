"""The profiles' use cases. Every statement names the actor: another's row is not there."""

from uuid import UUID

from haat.domains.people.identity.api import Identity
from haat.domains.people.profiles.api import (
    Address,
    AddressesFull,
    Profile,
    Profiles,
    SavedAddress,
)
from haat.domains.people.profiles.rules import ADDRESSES_MAX, clean_address, clean_phone
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

KEPT = Sql("SELECT phone, one_click FROM profiles.profiles WHERE person_id = $1")
KEEP = Sql("""
INSERT INTO profiles.profiles AS p (person_id, phone, one_click)
VALUES ($1, coalesce($2, ''), coalesce($3, false))
ON CONFLICT (person_id) DO UPDATE
   SET phone = coalesce($2, p.phone), one_click = coalesce($3, p.one_click)
""")
ADDRESSES = Sql("""
SELECT a.id, a.name, a.line1, a.line2, a.city, a.region, a.postal_code, a.country, a.phone,
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
                                     country, phone, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, line1 = excluded.line1, line2 = excluded.line2, city = excluded.city,
       region = excluded.region, postal_code = excluded.postal_code, country = excluded.country,
       phone = excluded.phone
 WHERE a.person_id = excluded.person_id
RETURNING id
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

    def __init__(self, db: Database, identity: Identity) -> None:
        self._db = db
        self._identity = identity

    async def profile(self, ctx: Context) -> Profile:
        person = await self._identity.me(ctx)
        kept = await self._db.fetchrow(KEPT, person.id)
        if kept is None:
            return Profile(person_id=person.id, name=person.name)
        return Profile(
            person_id=person.id,
            name=person.name,
            phone=kept["phone"],
            one_click=kept["one_click"],
        )

    async def change_profile(
        self,
        ctx: Context,
        *,
        name: str | None = None,
        phone: str | None = None,
        one_click: bool | None = None,
    ) -> Profile:
        person_id = ctx.person_id
        plain = None if phone is None else clean_phone(phone)
        if name is not None:
            await self._identity.change_name(ctx, name=name)
        if plain is not None or one_click is not None:
            await self._db.execute(KEEP, person_id, plain, one_click)
        return await self.profile(ctx)

    async def addresses(self, ctx: Context) -> list[SavedAddress]:
        return [_saved(row) for row in await self._db.fetch(ADDRESSES, ctx.person_id)]

    async def save_address(
        self, ctx: Context, *, id: UUID, address: Address, is_default: bool = False
    ) -> SavedAddress:
        person_id, plain = ctx.person_id, clean_address(address)
        async with self._db.begin(ctx) as tx:
            default_id = await tx.fetchval(TAKE, person_id)
            if await tx.fetchval(COUNT, person_id, id) >= ADDRESSES_MAX:
                raise AddressesFull
            saved = await tx.fetchval(SAVE, id, person_id, *_columns(plain), ctx.now())
            if saved is None:  # it is somebody else's
                raise NotFound
            if is_default or default_id is None:
                await tx.execute(SET_DEFAULT, person_id, id)
                default_id = id
        return SavedAddress(id=id, address=plain, is_default=default_id == id)

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
    return SavedAddress(id=row["id"], address=address, is_default=row["is_default"])
