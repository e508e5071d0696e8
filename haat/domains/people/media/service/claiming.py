"""Who shows which file, what everybody keeps, and the end of what nobody needs."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from haat.domains.people.media import rules
from haat.domains.people.media.api import Claim, MediaInUse, Usage
from haat.domains.people.media.service.completing import CompleteCases
from haat.domains.people.media.service.desk import USAGE, folder_of, room_in
from haat.domains.people.media.service.opening import CLOSE
from haat.domains.people.media.sessions import FilesMax, SizeMax
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, NotFound

# The rows to change, in an order that all take; of one that was not there yet, an empty one.
CLAIMS_OPENED = Sql("""
INSERT INTO media.claims (by, version, ids) SELECT c.by, -1, '{}' FROM unnest($1::text[]) AS c (by)
 ORDER BY c.by ON CONFLICT (by) DO NOTHING
""")
CLAIMS_HELD = Sql("""
SELECT by, version, ids, lasting FROM media.claims WHERE by = ANY($1::text[]) ORDER BY by FOR UPDATE
""")
FILES_HELD = Sql("""
SELECT id FROM media.files WHERE id = ANY($1::uuid[]) AND removed_at IS NULL ORDER BY id FOR UPDATE
""")
CLAIMS_SET = Sql("""
UPDATE media.claims c SET version = n.version, lasting = n.lasting,
       ids = string_to_array(n.ids, ',')::uuid[]
  FROM unnest($1::text[], $2::bigint[], $3::bool[], $4::text[]) AS n (by, version, lasting, ids)
 WHERE c.by = n.by
""")
# Rows that are held. What was the market's alone (`outlived`) counts for its vendor again when the
# vendor shows it again, whatever room is left: it is there already.
FILES_COUNTED = Sql("""
WITH counted AS (
  UPDATE media.files f
     SET claims = f.claims + n.change, lasting = f.lasting OR n.lasting,
         unclaimed_at = CASE WHEN f.claims + n.change = 0 THEN $4::timestamptz END,
         holder_id = CASE WHEN f.claims + n.change > 0 THEN coalesce(f.holder_id, f.vendor_id)
                          ELSE f.holder_id END
    FROM unnest($1::uuid[], $2::int[], $3::bool[]) AS n (id, change, lasting)
    JOIN media.files was USING (id)
   WHERE f.id = n.id
  RETURNING f.holder_id, f.size_bytes, was.holder_id IS NULL AND f.holder_id IS NOT NULL AS back
), charged AS (
  INSERT INTO media.usage AS u (holder_id, files, bytes)
  SELECT holder_id, count(*)::int, sum(size_bytes)::bigint FROM counted WHERE back
   GROUP BY holder_id
  ON CONFLICT (holder_id) DO UPDATE
     SET files = u.files + excluded.files, bytes = u.bytes + excluded.bytes
)
SELECT count(*) FROM counted
""")
SET_ROOM = Sql("""
INSERT INTO media.usage (holder_id, files_max, bytes_max, room_set_by, room_set_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (holder_id) DO UPDATE
   SET files_max = $2, bytes_max = $3, room_set_by = $4, room_set_at = $5
""")
# Shown by nobody for a while, and kept because orders may show it: that is the market's wish.
OUTLIVED = Sql("""
WITH outlived AS (
  UPDATE media.files SET holder_id = NULL
   WHERE id IN (SELECT id FROM media.files
                 WHERE claims = 0 AND lasting AND holder_id IS NOT NULL AND removed_at IS NULL
                   AND holder_id = vendor_id AND unclaimed_at <= $1
                 ORDER BY unclaimed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
  RETURNING vendor_id, size_bytes
), freed AS (
  UPDATE media.usage u SET files = u.files - o.files, bytes = u.bytes - o.bytes
    FROM (SELECT vendor_id, count(*)::int AS files, sum(size_bytes)::bigint AS bytes
            FROM outlived GROUP BY vendor_id) o
   WHERE u.holder_id = o.vendor_id
)
SELECT count(*) FROM outlived
""")
EXPIRED = Sql("""
SELECT id, kind, status FROM media.uploads WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
""")
FORGOTTEN = Sql("DELETE FROM media.uploads WHERE id = $1 AND status <> 'open'")
UNUSED = Sql("""
UPDATE media.files SET removed_at = $1
 WHERE claims = 0 AND NOT lasting AND removed_at IS NULL
   AND id IN (SELECT id FROM media.files
               WHERE claims = 0 AND NOT lasting AND removed_at IS NULL AND unclaimed_at <= $2
                 AND kind = ANY($4::text[])
               ORDER BY unclaimed_at LIMIT $3 FOR UPDATE SKIP LOCKED)
""")
REMOVED = Sql("""
SELECT id, digest, kind FROM media.files
 WHERE removed_at IS NOT NULL AND ($1::uuid[] IS NULL OR id = ANY($1)) ORDER BY removed_at LIMIT $2
""")
FILE_GONE = Sql("""
WITH gone AS (
  DELETE FROM media.files WHERE id = $1 AND removed_at IS NOT NULL
  RETURNING holder_id, size_bytes
), freed AS (
  UPDATE media.usage u SET files = files - 1, bytes = bytes - g.size_bytes
    FROM gone g WHERE u.holder_id = g.holder_id
)
SELECT 1 FROM gone
""")
OWN_REMOVED = Sql("""
UPDATE media.files SET removed_at = $3
 WHERE id = $1 AND holder_id = $2 AND claims = 0 AND NOT lasting AND removed_at IS NULL
RETURNING id
""")
AT_ONCE = 100


class ClaimCases(CompleteCases):
    async def claim(self, ctx: Context, *, claims: list[Claim]) -> None:
        if ctx.caller is None and ctx.actor.type != "system":
            raise Forbidden
        newest: dict[str, Claim] = {}
        for claim in claims:
            known = newest.get(claim.by)
            if known is None or known.version <= claim.version:
                newest[claim.by] = claim
        if newest:
            await self._claimed(ctx, newest)

    async def _claimed(self, ctx: Context, claims: dict[str, Claim]) -> None:
        """Held against what each said before; a claim that is older than that says nothing."""
        names = sorted(claims)
        async with self._db.begin(ctx) as tx:
            await tx.execute(CLAIMS_OPENED, [n for n in names if claims[n].ids])
            held = {row["by"]: row for row in await tx.fetch(CLAIMS_HELD, names)}
            fresh = {n: claims[n] for n in held if claims[n].version >= held[n]["version"]}
            wanted = {id for claim in fresh.values() for id in claim.ids}
            before = {id for n in fresh for id in held[n]["ids"]}
            there = {row["id"] for row in await tx.fetch(FILES_HELD, sorted(wanted | before))}
            changes: dict[UUID, int] = {}
            lasting: set[UUID] = set()
            for name, claim in fresh.items():
                now, was = set(claim.ids) & there, set(held[name]["ids"])
                for id in now - was:
                    changes[id] = changes.get(id, 0) + 1
                for id in was - now:
                    changes[id] = changes.get(id, 0) - 1
                if claim.lasting:
                    lasting |= now
                    changes.update({id: changes.get(id, 0) for id in now})
            ids = sorted(changes)
            await tx.fetch(
                FILES_COUNTED, ids, [changes[i] for i in ids], [i in lasting for i in ids],
                ctx.now(),
            )  # fmt: skip
            await tx.execute(
                CLAIMS_SET,
                list(fresh),
                [claim.version for claim in fresh.values()],
                [claim.lasting for claim in fresh.values()],
                [
                    ",".join(str(i) for i in dict.fromkeys(c.ids) if i in there)
                    for c in fresh.values()
                ],
            )

    async def usage(self, ctx: Context, *, vendor_id: UUID) -> Usage:
        ctx.need_vendor(vendor_id)
        return await self._usage(vendor_id)

    async def usage_of(self, ctx: Context, *, vendor_id: UUID) -> Usage:
        return await self._usage(vendor_id)

    async def _usage(self, vendor_id: UUID) -> Usage:
        row = await self._db.fetchrow(USAGE, vendor_id)
        usual = self._options.room(vendor=True)
        files_max, size_max = room_in(row, usual)
        return Usage(
            files=row["files"] if row else 0,
            size_bytes=row["bytes"] if row else 0,
            files_max=files_max,
            size_max_bytes=size_max,
            film_max_bytes=self._options.film_max,
            files_own=row is not None and row["files_max"] is not None,
            size_own=row is not None and row["bytes_max"] is not None,
        )

    async def set_room(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        files_max: FilesMax | None = None,
        size_max_bytes: SizeMax | None = None,
    ) -> Usage:
        # No vendor's name is asked for: a room for nobody is used by nobody.
        room = (files_max, size_max_bytes)
        await self._db.execute(SET_ROOM, vendor_id, *room, ctx.actor.id, ctx.now())
        return await self._usage(vendor_id)

    async def remove(self, ctx: Context, *, id: UUID) -> None:
        row = await self._row(id)
        if row["holder_id"] not in (ctx.person_id, ctx.vendor_id):
            raise NotFound
        if not await self._db.fetch(OWN_REMOVED, id, row["holder_id"], ctx.now()):
            raise MediaInUse
        await self._purge(ctx, [id])

    # -- timers ----------------------------------------------------------------------------------

    async def forget_uploads(self, ctx: Context) -> int:
        """Ends uploads whose time is over, removes their bytes, then their rows; answers how many.
        Whatever dies in between is found again."""
        forgotten = 0
        for row in await self._db.fetch(EXPIRED, ctx.now(), AT_ONCE):
            await self._db.fetch(CLOSE, row["id"], "ended", None)
            await self._forget_staged(row["id"])
            forgotten += await self._db.execute(FORGOTTEN, row["id"])
        return forgotten

    async def remove_unused(self, ctx: Context) -> int:
        """Removes files that nobody has shown for some days; answers how many. Marked first, and
        from then on shown to nobody: who claims one at that moment waits for the row and then
        finds it gone, or keeps it."""
        now = ctx.now()
        unused_for = timedelta(days=self._options.media_unused_days)
        while await self._db.fetchval(OUTLIVED, now - unused_for, AT_ONCE):
            pass  # each time fewer are left
        await self._db.execute(UNUSED, now, now - unused_for, AT_ONCE, list(rules.CLAIMED))
        return await self._purge(ctx, None)

    async def _purge(self, ctx: Context, ids: Sequence[UUID] | None) -> int:
        """Removes the bytes and then the rows of files that are marked."""
        done = 0
        for row in await self._db.fetch(REMOVED, ids, AT_ONCE):
            await self.claim(
                ctx.as_system(), claims=[Claim(by=f"film:{row['id']}", version=2, ids=[])]
            )
            while keys := await self._blob.keys(folder_of(row)):
                await self._blob.delete(keys)
            done += len(await self._db.fetch(FILE_GONE, row["id"]))
        return done


def _joined(ids: Iterable[UUID]) -> str:
    """Each once, as one text: PostgreSQL knows no arrays of arrays of different lengths."""
    return ",".join(str(id) for id in dict.fromkeys(ids))
