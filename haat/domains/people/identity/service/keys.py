"""API keys: a secret that is shown once, kept as a hash, and asked for at every call."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.people.identity.api import (
    KEY_BEGINS,
    VENDOR_SCOPES,
    ApiKey,
    KeyHolder,
    KeyInvalid,
    KeyOver,
    KeysFull,
    MadeKey,
)
from haat.domains.people.identity.roles import scopes_in_team, with_implied
from haat.domains.people.identity.rules import token_hash
from haat.domains.people.identity.service.custom_roles import CustomRoles, known_scopes, readable
from haat.domains.people.identity.service.teams import locked
from haat.engines.sql import Sql, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

LISTED = Sql("""
SELECT id, vendor_id, person_id, name, prefix, scopes, created_at, expires_at, last_used_at,
       revoked_at
  FROM identity.api_keys WHERE vendor_id = $1 ORDER BY created_at DESC, id DESC LIMIT 200
""")
ONE = Sql("SELECT * FROM identity.api_keys WHERE id = $1 AND vendor_id = $2 FOR UPDATE")
COUNT = Sql("""
SELECT count(*) FROM identity.api_keys
 WHERE vendor_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
""")
MAKE = Sql("""
INSERT INTO identity.api_keys
       (id, vendor_id, person_id, name, prefix, hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
""")
SHORTEN = Sql("""
UPDATE identity.api_keys SET expires_at = least(expires_at, $2) WHERE id = $1
""")
REVOKE = Sql("""
WITH revoked AS (
  UPDATE identity.api_keys SET revoked_at = $3
   WHERE id = $1 AND vendor_id = $2 AND revoked_at IS NULL
  RETURNING id
)
SELECT name, EXISTS (SELECT 1 FROM revoked) AS now
  FROM identity.api_keys WHERE id = $1 AND vendor_id = $2
""")
# With the maker's place as it is now; written to once a minute at most.
HOLDER = Sql("""
WITH key AS (
  SELECT k.id, k.person_id, k.vendor_id, k.scopes, k.last_used_at, m.role,
         coalesce(r.scopes, '{}') AS own
    FROM identity.api_keys k
    JOIN identity.people p ON p.id = k.person_id AND p.status <> 'blocked'
    JOIN identity.memberships m
      ON m.person_id = k.person_id AND m.vendor_id = k.vendor_id AND m.active
    LEFT JOIN identity.roles r ON r.id = m.role_id
   WHERE k.hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
), used AS (
  UPDATE identity.api_keys k SET last_used_at = $2 FROM key
   WHERE k.id = key.id AND (k.last_used_at IS NULL OR k.last_used_at < $3)
)
SELECT * FROM key
""")
SWEEP = Sql("""
DELETE FROM identity.api_keys WHERE id IN (
  SELECT id FROM identity.api_keys WHERE least(revoked_at, expires_at) < $1 LIMIT 5000)
""")

KEYS_MAX = 50
SECRET_BYTES = 32
PREFIX_CHARS = len(KEY_BEGINS) + 6
NOTED_EVERY = timedelta(minutes=1)
KEYS_KEPT = timedelta(days=90)


class ApiKeys(CustomRoles):
    """The part of identity that is about API keys."""

    async def api_keys(self, ctx: Context, *, vendor_id: UUID) -> list[ApiKey]:
        ctx.need_vendor(vendor_id)
        return [ApiKey(**dict(row)) for row in await self._db.fetch(LISTED, vendor_id)]

    async def make_key(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        name: str,
        scopes: list[str],
        expires_at: datetime | None = None,
    ) -> MadeKey:
        ctx.need_vendor(vendor_id)
        if expires_at is not None and expires_at <= ctx.now():
            raise Invalid.at("expiresAt", "Give a time to come.", "time_past")
        given = known_scopes(scopes, VENDOR_SCOPES)
        key = ApiKey(
            id=id,
            vendor_id=vendor_id,
            person_id=ctx.person_id,
            name=readable(name),
            prefix="",
            scopes=sorted(given),
            created_at=ctx.now(),
            expires_at=expires_at,
        )
        async with self._db.begin(ctx) as tx:
            return await self._made(tx, key)

    async def rotate_key(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, key_id: UUID, overlap_s: int = 86_400
    ) -> MadeKey:
        ctx.need_vendor(vendor_id)
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(ONE, key_id, vendor_id)
            if row is None:
                raise NotFound
            until: datetime | None = row["expires_at"]
            if row["revoked_at"] is not None or (until is not None and until <= now):
                raise KeyOver
            key = ApiKey(
                id=id,
                vendor_id=vendor_id,
                person_id=ctx.person_id,
                name=row["name"],
                prefix="",
                scopes=row["scopes"],
                created_at=now,
                expires_at=until and now + (until - row["created_at"]),
            )
            made = await self._made(tx, key)
            await tx.execute(SHORTEN, key_id, now + timedelta(seconds=overlap_s))
        return made

    async def _made(self, tx: Tx, key: ApiKey) -> MadeKey:
        team = await locked(tx, key.vendor_id)
        given = frozenset(key.scopes)
        team.check(tx.ctx, given, needs="vendor:keys")
        if await tx.fetchval(COUNT, key.vendor_id, key.created_at) >= KEYS_MAX:
            raise KeysFull
        secret = KEY_BEGINS + secrets.token_urlsafe(SECRET_BYTES)
        key = key.model_copy(update={"prefix": secret[:PREFIX_CHARS]})
        row = (key.id, key.vendor_id, key.person_id, key.name, key.prefix, token_hash(secret))
        try:
            await tx.execute(MAKE, *row, key.scopes, key.created_at, key.expires_at)
        except UniqueViolation:
            raise Invalid.at("id", "This id was used; take a new one.", "id_used") from None
        await self._write_down(
            tx,
            "api_key_made",
            vendor_id=key.vendor_id,
            after=f"{key.name} ({key.prefix}…): {' '.join(key.scopes)}",
        )
        return MadeKey(key=key, secret=secret)

    async def revoke_key(self, ctx: Context, *, vendor_id: UUID, key_id: UUID) -> None:
        ctx.need_vendor(vendor_id)
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(REVOKE, key_id, vendor_id, ctx.now())
            if row is None:
                raise NotFound
            if row["now"]:
                what = {"vendor_id": vendor_id, "before": row["name"]}
                await self._write_down(tx, "api_key_revoked", **what)

    async def key_holder(self, ctx: Context, *, secret: str) -> KeyHolder:
        now = ctx.now()
        rows = await self._db.step(ctx, HOLDER, token_hash(secret), now, now - NOTED_EVERY)
        if not rows:
            raise KeyInvalid
        row = rows[0]
        held = scopes_in_team(row["role"], row["own"])
        scopes = with_implied(frozenset(row["scopes"])) & held
        return KeyHolder(
            key_id=row["id"],
            person_id=row["person_id"],
            vendor_id=row["vendor_id"],
            scopes=sorted(scopes),
        )

    async def sweep_keys(self, ctx: Context) -> None:
        """Forgets those that are over for long."""
        await self._db.execute(SWEEP, ctx.now() - KEYS_KEPT)
