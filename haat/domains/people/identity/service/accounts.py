"""Accounts: registering, reading, and what roles they are given."""

import asyncio
from datetime import timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from haat.domains.people.identity.api import (
    Contact,
    EmailTaken,
    PasswordWeak,
    Person,
    PersonRegistered,
    RoleGranted,
    StaffRole,
    VendorRole,
)
from haat.domains.people.identity.breached import Breached
from haat.domains.people.identity.guessable import said_of, undressed
from haat.domains.people.identity.passwords import Passwords
from haat.domains.people.identity.rules import (
    chosen,
    instant,
    normal_email,
    person_name,
    scopes_of,
    strong_password,
)
from haat.domains.people.market.api import Market, NotOpened
from haat.engines.sql import Database, ForeignKeyViolation, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unauthenticated
from haat.kernel.ids import derive
from haat.kernel.page import Page, decode_cursor, page_of

REGISTER = Sql("""
WITH added AS (
  INSERT INTO identity.people (id, email, name, password_hash, created_at, status)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT DO NOTHING
  RETURNING id
), letter AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $7, 'verify', $2, id, $5, $5, $8 FROM added WHERE $6 = 'pending'
) /*emit:added*/
SELECT id FROM added
""")
REGISTERED = Sql("SELECT password_hash FROM identity.people WHERE id = $1 AND email = $2")
_MAY = """
       p.id, p.email, p.name, p.status, p.staff_roles, p.created_at, p.last_sign_in_at, p.rights,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                 'vendorId', m.vendor_id, 'role', m.role, 'roleId', m.role_id,
                 'roleName', coalesce(r.name, ''), 'scopes', to_jsonb(coalesce(r.scopes, '{}')))
                 ORDER BY m.joined_at, m.vendor_id), '[]')
          FROM identity.memberships m LEFT JOIN identity.roles r ON r.id = m.role_id
         WHERE m.person_id = p.id AND m.active) AS memberships,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                 'id', r.id, 'name', r.name, 'scopes', to_jsonb(r.scopes)) ORDER BY r.name_key),
                 '[]')
          FROM identity.staff_customs c JOIN identity.roles r ON r.id = c.role_id
         WHERE c.person_id = p.id) AS custom_roles
"""
PERSON = Sql(f"SELECT {_MAY} FROM identity.people p WHERE p.id = $1")  # noqa: S608 - a constant
PEOPLE = Sql(f"""
SELECT {_MAY}
  FROM identity.people p
 WHERE (p.created_at, p.id) > ($1, $2)
 ORDER BY p.created_at, p.id
 LIMIT $3
""")  # noqa: S608 - put together here, from a constant
BY_IDS = Sql(f"""
SELECT {_MAY} FROM identity.people p WHERE p.id = ANY($1::uuid[]) ORDER BY p.id
""")  # noqa: S608 - put together here, from a constant
RENAME = Sql("UPDATE identity.people SET name = $2 WHERE id = $1")
CONTACTS = Sql("""
SELECT id AS person_id, email, name FROM identity.people WHERE id = ANY($1::uuid[]) ORDER BY id
""")
LOOK_UP = Sql("""
SELECT id AS person_id, email, name FROM identity.people
 WHERE id = ANY($1::uuid[]) OR email = ANY($2::text[])
 ORDER BY id
""")
TEAM = Sql("""
SELECT vendor_id, person_id FROM identity.memberships
 WHERE vendor_id = ANY($1::uuid[]) AND active ORDER BY vendor_id, joined_at, person_id
""")
STAFF = Sql("""
SELECT id FROM identity.people WHERE staff_roles <> '{}'
UNION SELECT person_id FROM identity.staff_customs
ORDER BY id LIMIT 1000
""")
JOIN = Sql("""
WITH joined AS (
  INSERT INTO identity.memberships (person_id, vendor_id, role, joined_at)
  SELECT $1, $2, $3, $4
   WHERE $3 <> 'owner'
      OR NOT EXISTS (SELECT FROM identity.memberships WHERE vendor_id = $2 AND role = 'owner')
  ON CONFLICT (person_id, vendor_id) DO NOTHING
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

NAMED = Sql("SELECT EXISTS (SELECT 1 FROM identity.words WHERE word = ANY($1::text[]))")
KNOW = Sql("""
WITH named AS (
  SELECT DISTINCT vendor_id, word FROM unnest($2::uuid[], $3::text[]) AS t (vendor_id, word)
), gone AS (
  DELETE FROM identity.words w
   WHERE w.vendor_id = ANY($1::uuid[])
     AND NOT EXISTS (SELECT 1 FROM named n WHERE n.vendor_id = w.vendor_id AND n.word = w.word)
)
INSERT INTO identity.words (vendor_id, word) SELECT vendor_id, word FROM named
ON CONFLICT DO NOTHING
""")

_FIRST = ("0001-01-01T00:00:00+00:00", UUID(int=0))


class Account(NamedTuple):
    """A person, and how often their rights had changed when they were read."""

    person: Person
    rights: int


class Accounts:
    """The part of identity that is about accounts. The service gives `_db` and `_passwords`."""

    _db: Database
    _passwords: Passwords
    _breached: Breached
    _market: Market
    _words: frozenset[str]  # the operator's own, that no password is made of
    _least: int  # characters of a password
    _verifies: bool  # whether an address is to be proved
    _verify_span: timedelta

    async def checked_password(
        self, ctx: Context, password: str, email: str, name: str, field: str
    ) -> str:
        """The password as it is hashed. Raises PasswordWeak at this field."""
        try:
            plain = strong_password(password, email, name, least=self._least)
        except PasswordWeak as weak:
            raise PasswordWeak.at(field, weak.detail, "password_weak") from None
        forms = undressed(plain) | {plain.casefold()}
        named = not forms.isdisjoint(self._words | await self._market_words(ctx))
        if named or await self._db.fetchval(NAMED, list(forms)):
            message = "This password is a name that stands on this market; choose another."
            raise PasswordWeak.at(field, message, "password_weak")
        if await asyncio.to_thread(self._breached.knows, plain):
            message = "This password is in a list of breached ones; choose another."
            raise PasswordWeak.at(field, message, "password_weak")
        return plain

    async def _market_words(self, ctx: Context) -> set[str]:
        try:
            return said_of((await self._market.settings(ctx)).name)
        except NotOpened:  # its first person makes it
            return set()

    async def know_names(self, ctx: Context, *, vendor_ids: list[UUID], names: list[str]) -> None:
        pairs = [
            (id, word)
            for id, name in zip(vendor_ids, names, strict=True)
            for word in sorted(said_of(name))
        ]
        given = (vendor_ids, [id for id, _ in pairs], [word for _, word in pairs])
        await self._db.execute(KNOW, *given)

    async def register(
        self, ctx: Context, *, id: UUID, email: str, password: str, name: str
    ) -> Person:
        address, called = normal_email(email), person_name(name)
        plain = await self.checked_password(ctx, password, address, called, "password")
        hashed = await self._passwords.hash(plain)
        now = ctx.now()
        # Whom the system makes an account for has shown it who they are in another way.
        asks = self._verifies and ctx.actor.type != "system"
        status: Literal["pending", "active"] = "pending" if asks else "active"
        rows = await self._db.step(
            ctx,
            REGISTER,
            id,
            address,
            called,
            hashed,
            now,
            status,
            derive(id, "verify"),
            now + self._verify_span,
            emit=[PersonRegistered(person_id=id)],
        )
        if rows:
            made = Person(id=id, email=address, name=called, status=status, created_at=now)
            return with_scopes(made, None)
        first = await self._db.fetchval(REGISTERED, id, address)
        if first is not None:
            async with self._passwords.slots:
                if await self._passwords.matches(first, password):  # the same call, sent again
                    return (await self.account(id)).person
        raise EmailTaken.at("email", EmailTaken().detail, "email_taken")

    async def account(self, id: UUID, vendor_id: UUID | None = None) -> Account:
        """The account with the scopes it has when acting for this vendor. NotFound."""
        row = await self._db.fetchrow(PERSON, id)
        if row is None:
            raise NotFound
        return Account(with_scopes(_person(row), vendor_id), row["rights"])

    async def me(self, ctx: Context) -> Person:
        try:
            return (await self.account(ctx.person_id, ctx.vendor_id)).person
        except NotFound:
            raise Unauthenticated from None  # a token may outlive its account

    async def change_name(self, ctx: Context, *, name: str) -> Person:
        await self._db.execute(RENAME, ctx.person_id, person_name(name))
        return await self.me(ctx)

    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]:
        return [Contact(**dict(row)) for row in await self._db.fetch(CONTACTS, person_ids)]

    async def look_up(
        self, ctx: Context, *, person_ids: list[UUID] | None = None, emails: list[str] | None = None
    ) -> list[Contact]:
        normal = [normal_email(one) for one in emails or []]
        return [
            Contact(**dict(row)) for row in await self._db.fetch(LOOK_UP, person_ids or [], normal)
        ]

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

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Person]:
        return [with_scopes(_person(row), None) for row in await self._db.fetch(BY_IDS, ids)]

    async def people(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Person]:
        after: list[Any] = decode_cursor(cursor, instant, UUID) or [instant(_FIRST[0]), _FIRST[1]]
        rows = await self._db.fetch(PEOPLE, *after, limit + 1)
        found = [with_scopes(_person(row), None) for row in rows]
        return page_of(found, limit, "created_at", "id")


def with_scopes(person: Person, vendor_id: UUID | None) -> Person:
    """The person with the scopes of their part in this vendor's team, or the first they joined."""
    scopes = scopes_of(person, chosen(person, vendor_id, strict=False))
    return person.model_copy(update={"scopes": sorted(scopes)})


def _person(row: Record) -> Person:
    return Person.model_validate(dict(row))
