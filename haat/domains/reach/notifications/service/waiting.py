"""Who waits for an offer that is sold out: asked for, told once, forgotten."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import BackInStock, Inventory
from haat.domains.reach.notifications.api import StillThere
from haat.engines.http import Signer
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive

PURPOSE = "stock notice"
BATCH = 1000

# A guest hears at once how to stop it.
WAIT = Sql("""
WITH asked AS (
  INSERT INTO notifications.waits (id, offer_id, person_id, email, since)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING
  RETURNING id, person_id
)
INSERT INTO notifications.mails
       (id, wait_id, kind, facts, path, created_at, waiting, due_at, attempts)
SELECT $6, id, 'waiting_for_stock', $7, $8, $5, true, $5, 0 FROM asked
 WHERE person_id IS NULL
ON CONFLICT (id) DO NOTHING
""")
# In one statement with their messages, so that nobody is told twice, or forgotten untold.
TELL_BACK = Sql("""
WITH back AS (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS b (offer_id, title, path)
), people AS (
  DELETE FROM notifications.waits w USING back
   WHERE w.offer_id = back.offer_id AND w.person_id IS NOT NULL AND w.told_at IS NULL
  RETURNING w.id, w.person_id, back.title, back.path
), guests AS (
  UPDATE notifications.waits w SET told_at = $4 FROM back
   WHERE w.offer_id = back.offer_id AND w.person_id IS NULL AND w.told_at IS NULL
  RETURNING w.id, back.title, back.path
), noted AS (
  INSERT INTO notifications.notes (id, person_id, kind, facts, path, created_at)
  SELECT id, person_id, 'back_in_stock', jsonb_build_object('title', title), path, $4 FROM people
  ON CONFLICT (id) DO NOTHING
)
INSERT INTO notifications.mails
       (id, person_id, wait_id, kind, facts, path, created_at, waiting, due_at, attempts)
SELECT id, person_id, wait_id, 'back_in_stock', jsonb_build_object('title', title), path, $4, true,
       $4, 0
  FROM (SELECT id, person_id, NULL::uuid AS wait_id, title, path FROM people WHERE $5
        UNION ALL
        SELECT id, NULL, id, title, path FROM guests) told
ON CONFLICT (id) DO NOTHING
""")
STOP = Sql("DELETE FROM notifications.waits WHERE id = $1")
ADDRESSES = Sql("SELECT id, email FROM notifications.waits WHERE id = ANY($1::uuid[])")
# Their mail is out, or will never be.
FORGET = Sql("""
DELETE FROM notifications.waits w USING notifications.mails m
 WHERE w.id = ANY($1::uuid[]) AND m.id = w.id AND NOT m.waiting
""")
WAITED_FOR = Sql("""
SELECT DISTINCT offer_id FROM notifications.waits
 WHERE told_at IS NULL AND offer_id > $1 ORDER BY offer_id LIMIT $2
""")


class Waiting:
    def __init__(
        self, db: Database, catalog: Catalog, inventory: Inventory, signer: Signer, by_mail: bool
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._inventory = inventory
        self._signer = signer
        self._by_mail = by_mail

    async def wait(self, ctx: Context, offer_id: UUID, email: str | None) -> None:
        person = ctx.actor.id if ctx.actor.type == "person" else None
        found = await self._catalog.offers(ctx, ids=[offer_id])
        if not found:
            raise NotFound
        [had] = await self._inventory.available(ctx, offers=[offer_id])
        if had.available or had.pickups:
            raise StillThere
        id = ctx.new_id()
        await self._db.execute(
            WAIT,
            id,
            offer_id,
            person,
            None if person else email,
            ctx.now(),
            derive(id, "asked"),
            {"title": found[0].title},
            f"/stock-notices/{self._signer.sign(PURPOSE, str(id))}",
        )
        # After it is written: what comes back between the two is announced all the same.
        await self._inventory.watch(ctx, offers=[offer_id])

    async def stop(self, token: str) -> None:
        await self._db.execute(STOP, UUID(self._signer.verify(PURPOSE, token)))

    async def tell(self, ctx: Context, events: Sequence[BackInStock]) -> None:
        ids = sorted({event.offer_id for event in events})
        offers = await self._catalog.offers(ctx, ids=ids)
        await self._db.execute(
            TELL_BACK,
            [offer.offer_id for offer in offers],
            [offer.title for offer in offers],
            [f"/products/{offer.product_slug}?offer={offer.offer_id}" for offer in offers],
            ctx.now(),
            self._by_mail,
        )

    async def watch_again(self, ctx: Context) -> None:
        """Whatever is waited for is watched: also when a process died between the two."""
        after = UUID(int=0)
        while True:
            rows = await self._db.fetch(WAITED_FOR, after, BATCH)
            if rows:
                await self._inventory.watch(ctx, offers=[row["offer_id"] for row in rows])
                after = rows[-1]["offer_id"]
            if len(rows) < BATCH:
                return


async def addresses(db: Database, mails: Iterable[Record]) -> dict[UUID, str]:
    """Where mails to those who wait go, by what they wait for."""
    ids = [row["wait_id"] for row in mails if row["wait_id"] is not None]
    if not ids:
        return {}
    return {row["id"]: row["email"] for row in await db.fetch(ADDRESSES, ids)}


async def forget(db: Database, mails: Iterable[Record]) -> None:
    """Drops the addresses of those whose mail is out."""
    ids = [row["wait_id"] for row in mails if row["wait_id"] is not None]
    if ids:
        await db.execute(FORGET, ids)
