"""Erasures: asked for, withdrawn, begun when they are due, done part by part.

asked → erasing → erased, or withdrawn. Every step is a conditional update: of two at once one
counts. A part may be done twice, and finds nothing the second time.
"""

from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.people.identity.api import Identity
from haat.domains.trust.privacy.api import (
    Erasure,
    ErasureRefused,
    ErasureUnderWay,
    NothingAsked,
    Obstacle,
    PersonErased,
    Work,
)
from haat.domains.trust.privacy.service.belongings import Belongings, Gathering
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive

LATEST = Sql("""
SELECT e.*, (SELECT count(*) FROM privacy.parts p WHERE p.request_id = e.id)::int AS parts
  FROM privacy.erasures e WHERE person_id = $1 ORDER BY asked_at DESC, id DESC LIMIT 1
""")
ASK = Sql("""
INSERT INTO privacy.erasures (id, person_id, state, by_staff, asked_at, due_at)
VALUES ($1, $2, 'asked', $3, $4, $5)
ON CONFLICT DO NOTHING
""")
SOONER = Sql("""
UPDATE privacy.erasures SET due_at = $2, by_staff = true
 WHERE person_id = $1 AND state = 'asked' AND due_at > $2
""")
WITHDRAW = Sql("""
UPDATE privacy.erasures SET state = 'withdrawn', ended_at = $2
 WHERE person_id = $1 AND state = 'asked'
""")
DUE = Sql("""
SELECT id, person_id FROM privacy.erasures
 WHERE state = 'asked' AND due_at <= $1 ORDER BY due_at LIMIT 20
""")
PUT_OFF = Sql("""
UPDATE privacy.erasures SET due_at = $2, obstacles = $3::text::jsonb
 WHERE id = $1 AND state = 'asked'
""")
BEGIN = Sql("""
UPDATE privacy.erasures
   SET state = 'erasing', orders = $2, vendor_orders = $3, returns = $4, obstacles = '[]'
 WHERE id = $1 AND state = 'asked'
""")
AT_WORK = Sql("""
SELECT e.id, e.person_id, e.orders, e.vendor_orders, e.returns,
       array(SELECT module FROM privacy.parts p WHERE p.request_id = e.id) AS finished
  FROM privacy.erasures e WHERE state = 'erasing' ORDER BY id LIMIT 20
""")
PART = Sql("""
INSERT INTO privacy.parts (request_id, module, done_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
""")
END = Sql("""
WITH ended AS (
  UPDATE privacy.erasures e SET state = 'erased', ended_at = $2, due_at = least(due_at, $2)
   WHERE id = $1 AND state = 'erasing'
     AND (SELECT count(*) FROM privacy.parts p
           WHERE p.request_id = e.id AND p.module = ANY($3::text[])) = cardinality($3::text[])
  RETURNING person_id
) /*emit:ended*/
SELECT person_id FROM ended
""")
PERSON = Sql("SELECT person_id FROM privacy.erasures WHERE id = $1 AND state = 'erasing'")
ERASED = Sql("""
SELECT person_id FROM privacy.erasures
 WHERE state = 'erased' AND person_id > $1 ORDER BY person_id LIMIT 1000
""")
KNOWN = Sql("""
SELECT person_id FROM privacy.erasures
 WHERE person_id = ANY($1::uuid[]) AND state IN ('erasing', 'erased')
""")
LAST = "identity"
AGAIN = timedelta(days=1)
_NOBODY = UUID(int=0)


class Erasing(Gathering):
    """The part of privacy that is about erasures."""

    _db: Database
    _identity: Identity
    _cooling: timedelta

    async def erasure(self, ctx: Context) -> Erasure | None:
        return await self._latest(ctx.person_id)

    async def erasure_of(self, ctx: Context, *, person_id: UUID) -> Erasure | None:
        return await self._latest(person_id)

    async def obstacles(self, ctx: Context) -> list[Obstacle]:
        return (await self.gathered(ctx, ctx.person_id)).obstacles

    async def ask_erasure(self, ctx: Context, *, id: UUID) -> Erasure:
        return await self._ask(ctx, id, ctx.person_id, ctx.now() + self._cooling, by_staff=False)

    async def erase_person(
        self, ctx: Context, *, id: UUID, person_id: UUID, reason: str
    ) -> Erasure:
        now = ctx.now()
        found = await self._ask(ctx, id, person_id, now, by_staff=True)
        if found.state == "asked" and found.due_at > now:  # their own wish, sooner
            await self._db.execute(SOONER, person_id, now)
        return await self._known(person_id)

    async def _ask(
        self, ctx: Context, id: UUID, person_id: UUID, due_at: datetime, *, by_staff: bool
    ) -> Erasure:
        obstacles = (await self.gathered(ctx, person_id)).obstacles
        if obstacles:
            raise _refused(obstacles)
        await self._db.execute(ASK, id, person_id, by_staff, ctx.now(), due_at)
        return await self._known(person_id)

    async def withdraw_erasure(self, ctx: Context) -> Erasure:
        if not await self._db.execute(WITHDRAW, ctx.person_id, ctx.now()):
            found = await self._latest(ctx.person_id)
            if found is not None and found.state in ("erasing", "erased"):
                raise ErasureUnderWay
            if found is None or found.state != "withdrawn":
                raise NothingAsked
        return await self._known(ctx.person_id)

    async def begin_due(self, ctx: Context) -> None:
        """Begins what is due; what something hinders by now is looked at again every day."""
        for row in await self._db.fetch(DUE, ctx.now()):
            found = await self._belongings(ctx, row["person_id"])
            if found.obstacles:
                told = "[" + ",".join(one.model_dump_json() for one in found.obstacles) + "]"
                await self._db.execute(PUT_OFF, row["id"], ctx.now() + AGAIN, told)
                continue
            # Before it begins, so that nobody is signed in to what is being taken apart.
            await self._block(ctx, row["person_id"])
            ids = (found.orders, found.parts, found.returns)
            await self._db.execute(BEGIN, row["id"], *ids)

    async def _belongings(self, ctx: Context, person_id: UUID) -> Belongings:
        try:
            return await self.gathered(ctx, person_id)
        except NotFound:  # of a database that never had them
            return Belongings()

    async def _block(self, ctx: Context, person_id: UUID) -> None:
        try:
            await self._identity.block(ctx.as_system(), person_id=person_id, reason="Erased.")
        except NotFound:
            return

    async def erasing_work(self, ctx: Context, here: list[str], all_parts: list[str]) -> list[Work]:
        """What these modules have to do now."""
        found = []
        for row in await self._db.fetch(AT_WORK):
            left = set(all_parts).difference(row["finished"])
            ready = left if left == {LAST} else left - {LAST}
            if not left:  # whoever did the last part died before saying that it was
                await self._end(ctx, row["id"], row["person_id"], all_parts)
            if mine := sorted(ready.intersection(here)):
                found.append(await self.work_of(ctx, "erase", row, mine))
        return found

    async def erase_again(self, ctx: Context, *, person_ids: list[UUID]) -> int:
        known = {row["person_id"] for row in await self._db.fetch(KNOWN, person_ids)}
        again = [id for id in person_ids if id not in known]
        for person_id in again:
            # An id of its own beside any that was asked for and is open in this database.
            await self._db.execute(SOONER, person_id, ctx.now())
            id = derive(person_id, "erased again")
            await self._db.execute(ASK, id, person_id, True, ctx.now(), ctx.now())
            # Whatever is open: it was erased once, with everything that had to end before.
            found = await self._belongings(ctx, person_id)
            await self._block(ctx, person_id)
            open_one = await self._latest(person_id)
            if open_one is not None:
                ids = (found.orders, found.parts, found.returns)
                await self._db.execute(BEGIN, open_one.id, *ids)
        return len(again)

    async def erased(self, ctx: Context, *, after: UUID | None = None) -> list[UUID]:
        return [row["person_id"] for row in await self._db.fetch(ERASED, after or _NOBODY)]

    async def _erasure_part(
        self, ctx: Context, id: UUID, module: str, all_parts: list[str]
    ) -> None:
        person_id = await self._db.fetchval(PERSON, id)
        if person_id is None:  # done twice, and the second time too late
            return
        await self._db.execute(PART, id, module, ctx.now())
        await self._end(ctx, id, person_id, all_parts)

    async def _end(self, ctx: Context, id: UUID, person_id: UUID, all_parts: list[str]) -> None:
        event = PersonErased(person_id=person_id)
        await self._db.step(ctx, END, id, ctx.now(), all_parts, emit=[event])

    async def work_of(self, ctx: Context, kind: str, row: Record, modules: list[str]) -> Work:
        contacts = await self._identity.contacts(ctx, person_ids=[row["person_id"]])
        return Work.model_validate(
            {
                "id": row["id"],
                "kind": kind,
                "person_id": row["person_id"],
                "email": contacts[0].email if contacts else "",
                "orders": row["orders"],
                "parts": row["vendor_orders"],
                "returns": row["returns"],
                "modules": modules,
            }
        )

    async def _known(self, person_id: UUID) -> Erasure:
        found = await self._latest(person_id)
        if found is None:
            raise NothingAsked
        return found

    async def _latest(self, person_id: UUID) -> Erasure | None:
        row = await self._db.fetchrow(LATEST, person_id)
        return None if row is None else Erasure.model_validate(dict(row))


def _refused(obstacles: list[Obstacle]) -> ErasureRefused:
    told = " ".join(one.message for one in obstacles)
    return ErasureRefused(told, obstacles=[one.model_dump(mode="json") for one in obstacles])
