"""Erasures: asked for, withdrawn, begun when they are due, done part by part.

asked → erasing → erased, or withdrawn. Every step is a conditional update: of two at once one
counts. A part may be done twice, and finds nothing the second time.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from haat.domains.people.identity.api import Identity
from haat.domains.people.vendors.api import WrongVendorState
from haat.domains.trust.privacy.api import (
    Erasure,
    ErasureRefused,
    ErasureUnderWay,
    NothingAsked,
    Obstacle,
    OrderOfAccount,
    PersonErased,
    Work,
)
from haat.domains.trust.privacy.service.belongings import Belongings, Gathering
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive

log = structlog.get_logger("haat.privacy")

LATEST = Sql("""
SELECT e.*, (SELECT count(*) FROM privacy.parts p WHERE p.request_id = e.id)::int AS parts
  FROM privacy.erasures e WHERE person_id = $1 ORDER BY asked_at DESC, id DESC LIMIT 1
""")
ASK = Sql("""
INSERT INTO privacy.erasures (id, person_id, state, by_staff, asked_at, due_at, guest)
VALUES ($1, $2, 'asked', $3, $4, $5, $6)
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
SELECT id, person_id, guest FROM privacy.erasures
 WHERE state = 'asked' AND due_at <= $1 ORDER BY due_at LIMIT 20
""")
PUT_OFF = Sql("""
UPDATE privacy.erasures SET due_at = $2, obstacles = $3::text::jsonb
 WHERE id = $1 AND state = 'asked'
""")
BEGIN = Sql("""
UPDATE privacy.erasures
   SET state = 'erasing', orders = $2, vendor_orders = $3, returns = $4, vendors = $5,
       untraded = $6, obstacles = '[]'
 WHERE id = $1 AND state = 'asked'
""")
AT_WORK = Sql("""
SELECT e.id, e.person_id, e.guest, e.orders, e.vendor_orders, e.returns, e.vendors, e.untraded,
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
PERSON = Sql(
    "SELECT id, person_id, guest FROM privacy.erasures WHERE id = $1 AND state = 'erasing'"
)
ERASED = Sql("""
SELECT person_id FROM privacy.erasures
 WHERE state = 'erased' AND person_id > $1 ORDER BY person_id LIMIT 1000
""")
KNOWN = Sql("""
SELECT person_id FROM privacy.erasures
 WHERE person_id = ANY($1::uuid[]) AND state IN ('erasing', 'erased')
""")
# Whose part says where they are reached; of a guest that is the order.
LAST = "identity"
LAST_OF_GUEST = "orders"
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
        found = await self.gathered(ctx, ctx.person_id)
        return await self._ask(ctx, id, ctx.person_id, ctx.now() + self._cooling, found)

    async def erase_person(
        self, ctx: Context, *, id: UUID, person_id: UUID, reason: str
    ) -> Erasure:
        return await self._at_once(ctx, id, person_id, await self.gathered(ctx, person_id))

    async def erase_guest(self, ctx: Context, *, id: UUID, order_id: UUID, reason: str) -> Erasure:
        found = await self.gathered_of_guest(ctx, order_id)
        return await self._at_once(ctx, id, order_id, found, guest=True)

    async def _at_once(
        self, ctx: Context, id: UUID, person_id: UUID, found: Belongings, *, guest: bool = False
    ) -> Erasure:
        now = ctx.now()
        asked = await self._ask(ctx, id, person_id, now, found, by_staff=True, guest=guest)
        if asked.state == "asked" and asked.due_at > now:  # their own wish, sooner
            await self._db.execute(SOONER, person_id, now)
        return await self._known(person_id)

    async def _ask(
        self,
        ctx: Context,
        id: UUID,
        person_id: UUID,
        due_at: datetime,
        found: Belongings,
        *,
        by_staff: bool = False,
        guest: bool = False,
    ) -> Erasure:
        if found.obstacles:
            raise _refused(found.obstacles)
        await self._db.execute(ASK, id, person_id, by_staff, ctx.now(), due_at, guest)
        return await self._known(person_id)

    async def withdraw_erasure(self, ctx: Context) -> Erasure:
        return await self._withdraw(ctx, ctx.person_id)

    async def _withdraw(self, ctx: Context, person_id: UUID) -> Erasure:
        if not await self._db.execute(WITHDRAW, person_id, ctx.now()):
            found = await self._latest(person_id)
            if found is not None and found.state in ("erasing", "erased"):
                raise ErasureUnderWay
            if found is None or found.state != "withdrawn":
                raise NothingAsked
        return await self._known(person_id)

    async def begin_due(self, ctx: Context) -> None:
        """Begins what is due; what something hinders by now is looked at again every day."""
        for row in await self._db.fetch(DUE, ctx.now()):
            found = await self._belongings(ctx, row["person_id"], guest=row["guest"])
            await self._end_applications(ctx, found)
            if found.obstacles:
                told = "[" + ",".join(one.model_dump_json() for one in found.obstacles) + "]"
                await self._db.execute(PUT_OFF, row["id"], ctx.now() + AGAIN, told)
                continue
            # Before it begins, so that nobody is signed in to what is being taken apart.
            await self._block(ctx, row["person_id"])
            await self._db.execute(BEGIN, row["id"], *_ids(found))

    async def _end_applications(self, ctx: Context, found: Belongings) -> None:
        """What nobody has decided on yet: nobody is there to open a store any more."""
        for vendor_id in [] if found.obstacles else found.pending:
            try:
                await self._vendors.decide(
                    ctx.as_system(), id=vendor_id, decision="reject", reason="Its owner left."
                )
            except WrongVendorState as problem:  # approved a moment ago
                message = "You own a store: hand it over or close it first."
                what = [str(vendor_id)]
                log.info("erasure_put_off", code=problem.code)
                found.obstacles.append(Obstacle(code="vendor_owned", message=message, what=what))

    async def _belongings(self, ctx: Context, id: UUID, *, guest: bool) -> Belongings:
        try:
            if guest:
                return await self.gathered_of_guest(ctx, id)
            return await self.gathered(ctx, id)
        except (NotFound, OrderOfAccount):  # of a database that never had them
            return Belongings()

    async def _is_guest(self, ctx: Context, id: UUID) -> bool:
        orders = await self._orders.by_ids(ctx, ids=[id])
        return bool(orders) and orders[0].person_id is None

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
            last = {LAST_OF_GUEST if row["guest"] else LAST}
            ready = left if left == last else left - last
            if not left:  # whoever did the last part died before saying that it was
                await self._end(ctx, row, all_parts)
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
            guest = await self._is_guest(ctx, person_id)
            await self._db.execute(ASK, id, person_id, True, ctx.now(), ctx.now(), guest)
            # Whatever is open: it was erased once, with everything that had to end before.
            found = await self._belongings(ctx, person_id, guest=guest)
            await self._block(ctx, person_id)
            open_one = await self._latest(person_id)
            if open_one is not None:
                await self._db.execute(BEGIN, open_one.id, *_ids(found))
        return len(again)

    async def erased(self, ctx: Context, *, after: UUID | None = None) -> list[UUID]:
        return [row["person_id"] for row in await self._db.fetch(ERASED, after or _NOBODY)]

    async def _erasure_part(
        self, ctx: Context, id: UUID, module: str, all_parts: list[str]
    ) -> None:
        row = await self._db.fetchrow(PERSON, id)
        if row is None:  # done twice, and the second time too late
            return
        await self._db.execute(PART, id, module, ctx.now())
        await self._end(ctx, row, all_parts)

    async def _end(self, ctx: Context, row: Record, all_parts: list[str]) -> None:
        event = PersonErased(person_id=row["person_id"], guest=row["guest"])
        await self._db.step(ctx, END, row["id"], ctx.now(), all_parts, emit=[event])

    async def work_of(self, ctx: Context, kind: str, row: Record, modules: list[str]) -> Work:
        if row["guest"]:
            orders = await self._orders.by_ids(ctx, ids=[row["person_id"]])
            email = orders[0].email if orders else ""
        else:
            contacts = await self._identity.contacts(ctx, person_ids=[row["person_id"]])
            email = contacts[0].email if contacts else ""
        return Work.model_validate(
            {
                "id": row["id"],
                "kind": kind,
                "person_id": row["person_id"],
                "guest": row["guest"],
                "email": email,
                "orders": row["orders"],
                "parts": row["vendor_orders"],
                "returns": row["returns"],
                "vendors": row["vendors"],
                "untraded": row["untraded"],
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


def _ids(found: Belongings) -> tuple[list[UUID], ...]:
    return found.orders, found.parts, found.returns, found.vendors, found.untraded


def _refused(obstacles: list[Obstacle]) -> ErasureRefused:
    told = " ".join(one.message for one in obstacles)
    return ErasureRefused(told, obstacles=[one.model_dump(mode="json") for one in obstacles])
