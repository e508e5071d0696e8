"""Accounts: registering, reading, and what roles they are given."""

from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import (
    Contact,
    EmailTaken,
    Person,
    PersonRegistered,
    RoleGranted,
    StaffRole,
    VendorRole,
)
from haat.domains.people.identity.passwords import Passwords
from haat.domains.people.identity.rules import (
    chosen,
    instant,
    normal_email,
    person_name,
    scopes_of,
    strong_password,
)
from haat.engines.sql import Database, ForeignKeyViolation, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unauthenticated
from haat.kernel.page import Page, decode_cursor, page_of

REGISTER = Sql("""
WITH added AS (
  INSERT INTO identity.people (id, email, name, password_hash, created_at)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING
  RETURNING id
) /*emit:added*/
SELECT id FROM added
""")
REGISTERED = Sql("SELECT password_hash FROM identity.people WHERE id = $1 AND email = $2")
PERSON = Sql("""
SELECT p.id, p.email, p.name, p.status, p.staff_roles, p.created_at, p.last_sign_in_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('vendorId', m.vendor_id, 'role', m.role)
                                  ORDER BY m.joined_at, m.vendor_id), '[]')
          FROM identity.memberships m WHERE m.person_id = p.id) AS memberships
  FROM identity.people p
 WHERE p.id = $1
""")
PEOPLE = Sql("""
SELECT p.id, p.email, p.name, p.status, p.staff_roles, p.created_at, p.last_sign_in_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('vendorId', m.vendor_id, 'role', m.role)
                                  ORDER BY m.joined_at, m.vendor_id), '[]')
          FROM identity.memberships m WHERE m.person_id = p.id) AS memberships
  FROM identity.people p
 WHERE (p.created_at, p.id) > ($1, $2)
 ORDER BY p.created_at, p.id
 LIMIT $3
""")
RENAME = Sql("UPDATE identity.people SET name = $2 WHERE id = $1")
CONTACTS = Sql("""
SELECT id AS person_id, email, name FROM identity.people WHERE id = ANY($1::uuid[]) ORDER BY id
""")
TEAM = Sql("""
SELECT vendor_id, person_id FROM identity.memberships
 WHERE vendor_id = ANY($1::uuid[]) ORDER BY vendor_id, joined_at, person_id
""")
STAFF = Sql("SELECT id FROM identity.people WHERE staff_roles <> '{}' ORDER BY id LIMIT 1000")
JOIN = Sql("""
WITH joined AS (
  INSERT INTO identity.memberships AS m (person_id, vendor_id, role, joined_at)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (person_id, vendor_id) DO UPDATE SET role = excluded.role
   WHERE m.role <> excluded.role
  RETURNING person_id
) /*emit:joined*/
SELECT person_id FROM joined
""")
GRANT = Sql("""
WITH granted AS (
  UPDATE identity.people SET staff_roles = staff_roles || ARRAY[$2]
   WHERE id = $1 AND NOT staff_roles @> ARRAY[$2]
  RETURNING id
) /*emit:granted*/
SELECT EXISTS (SELECT 1 FROM identity.people WHERE id = $1) AS known
""")
MARK_DEMO = Sql("UPDATE identity.people SET demo = true WHERE id = ANY($1::uuid[]) AND NOT demo")

_FIRST = ("0001-01-01T00:00:00+00:00", UUID(int=0))


class Accounts:
    """The part of identity that is about accounts. The service gives `_db` and `_passwords`."""

    _db: Database
    _passwords: Passwords

    async def register(
        self, ctx: Context, *, id: UUID, email: str, password: str, name: str
    ) -> Person:
        address = normal_email(email)
        strong_password(password, address)
        called = person_name(name)
        hashed = await self._passwords.hash(password)
        now = ctx.now()
        rows = await self._db.step(
            ctx, REGISTER, id, address, called, hashed, now, emit=[PersonRegistered(person_id=id)]
        )
        if rows:
            scopes = sorted(scopes_of(None, []))
            return Person(id=id, email=address, name=called, scopes=scopes, created_at=now)
        first = await self._db.fetchval(REGISTERED, id, address)
        if first is not None:
            async with self._passwords.slots:
                if await self._passwords.matches(first, password):  # the same call, sent again
                    return await self.person(id)
        raise EmailTaken.at("email", EmailTaken().detail, "email_taken")

    async def person(self, id: UUID, vendor_id: UUID | None = None) -> Person:
        """The account with the scopes it has when acting for this vendor. NotFound."""
        row = await self._db.fetchrow(PERSON, id)
        if row is None:
            raise NotFound
        return with_scopes(_person(row), vendor_id)

    async def me(self, ctx: Context) -> Person:
        try:
            return await self.person(ctx.person_id, ctx.vendor_id)
        except NotFound:
            raise Unauthenticated from None  # a token may outlive its account

    async def change_name(self, ctx: Context, *, name: str) -> Person:
        await self._db.execute(RENAME, ctx.person_id, person_name(name))
        return await self.me(ctx)

    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]:
        return [Contact(**dict(row)) for row in await self._db.fetch(CONTACTS, person_ids)]

    async def team(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[tuple[UUID, UUID]]:
        rows = await self._db.fetch(TEAM, vendor_ids)
        return [(row["vendor_id"], row["person_id"]) for row in rows]

    async def staff(self, ctx: Context) -> list[UUID]:
        return [row["id"] for row in await self._db.fetch(STAFF)]

    async def join_vendor(
        self, ctx: Context, *, person_id: UUID, vendor_id: UUID, role: VendorRole
    ) -> None:
        event = RoleGranted(person_id=person_id, role=role, vendor_id=vendor_id)
        try:
            await self._db.step(ctx, JOIN, person_id, vendor_id, role, ctx.now(), emit=[event])
        except ForeignKeyViolation:
            raise NotFound("There is no such account.") from None

    async def grant_staff(self, ctx: Context, *, person_id: UUID, role: StaffRole) -> None:
        event = RoleGranted(person_id=person_id, role=role, vendor_id=None)
        rows = await self._db.step(ctx, GRANT, person_id, role, emit=[event])
        if not rows[0]["known"]:
            raise NotFound("There is no such account.")

    async def mark_demo(self, ctx: Context, *, person_ids: list[UUID]) -> None:
        await self._db.execute(MARK_DEMO, person_ids)

    async def people(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Person]:
        after: list[Any] = decode_cursor(cursor, instant, UUID) or [instant(_FIRST[0]), _FIRST[1]]
        rows = await self._db.fetch(PEOPLE, *after, limit + 1)
        found = [with_scopes(_person(row), None) for row in rows]
        return page_of(found, limit, "created_at", "id")


def with_scopes(person: Person, vendor_id: UUID | None) -> Person:
    """The person with the scopes of their part in this vendor's team, or the first they joined."""
    membership = chosen(person, vendor_id, strict=False)
    scopes = scopes_of(membership.role if membership else None, person.staff_roles)
    return person.model_copy(update={"scopes": sorted(scopes)})


def _person(row: Record) -> Person:
    return Person.model_validate(dict(row))
