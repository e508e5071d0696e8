"""How carts end: bought, left behind and reminded of, expired; and what staff count of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.trade.cart.api import Action, CartLeft, Closing, Item, Recoveries
from haat.domains.trade.cart.service import remembering
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.money import Money, money_of
from haat.kernel.page import Page, decode_cursor, page_of

CLOSINGS_KEPT = timedelta(days=30)  # far longer than an event is delivered again
_BATCH = 1000
_BATCHES = 50  # in one run of a timer
_LAST = (1 << 63) - 1

# Carts that somebody is changing come later, one by one: whoever merges two carts has another
# order of locks than a set of closings.
LOCK_FREE = Sql("""
SELECT id FROM cart.carts WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED
""")
LOCK_CART = Sql("SELECT id FROM cart.carts WHERE id = ANY($1::uuid[]) FOR UPDATE")
# What was bought leaves the cart; who was reminded of it, was so with success.
CLOSE = Sql("""
WITH noted AS (
  INSERT INTO cart.closings (checkout_id, cart_id, closed_at)
  SELECT checkout_id, cart_id, $3 FROM unnest($1::uuid[], $2::uuid[]) AS c (checkout_id, cart_id)
   ORDER BY checkout_id
  ON CONFLICT (checkout_id) DO NOTHING RETURNING checkout_id, cart_id),
bought AS (
  SELECT n.cart_id, b.offer_id, sum(b.quantity) AS quantity
    FROM unnest($4::uuid[], $5::uuid[], $6::int[]) AS b (checkout_id, offer_id, quantity)
    JOIN noted n USING (checkout_id) GROUP BY 1, 2),
less AS (
  UPDATE cart.items i SET quantity = i.quantity - b.quantity FROM bought b
   WHERE i.cart_id = b.cart_id AND i.offer_id = b.offer_id AND i.quantity > b.quantity),
logged AS (
  INSERT INTO cart.actions (cart_id, at, what, reference)
  SELECT cart_id, $3, 'bought', checkout_id FROM noted),
rested AS (
  UPDATE cart.carts c SET remind_at = NULL, reminded_at = NULL FROM noted n
   WHERE c.id = n.cart_id AND (c.remind_at IS NOT NULL OR c.reminded_at IS NOT NULL)),
recovered AS (
  UPDATE cart.reminders r SET recovered_at = $3, checkout_id = n.checkout_id
    FROM (SELECT cart_id, min(checkout_id::text)::uuid AS checkout_id FROM noted GROUP BY 1) n
   WHERE r.cart_id = n.cart_id AND r.recovered_at IS NULL)
DELETE FROM cart.items i USING bought b
 WHERE i.cart_id = b.cart_id AND i.offer_id = b.offer_id AND i.quantity <= b.quantity
""")
EXPIRE = Sql("""
WITH due AS (
  SELECT id FROM cart.carts WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
     FOR UPDATE SKIP LOCKED),
gone AS (
  DELETE FROM cart.carts c USING due WHERE c.id = due.id RETURNING c.id, c.person_id)
INSERT INTO cart.actions (cart_id, at, what, person_id)
SELECT id, $1, 'expire', person_id FROM gone
""")
FORGET_CLOSINGS = Sql("""
DELETE FROM cart.closings WHERE checkout_id IN (
  SELECT checkout_id FROM cart.closings WHERE closed_at <= $1 ORDER BY closed_at LIMIT $2)
""")
FORGET_ACTIONS = Sql("""
DELETE FROM cart.actions WHERE (cart_id, seq) IN (
  SELECT cart_id, seq FROM cart.actions WHERE at <= $1 LIMIT $2)
""")
# Once: the row's time to remind is taken away with it. Those who do not want it, and carts that are
# empty, lose the time only.
REMIND = Sql("""
WITH due AS (
  SELECT c.id FROM cart.carts c WHERE c.remind_at <= $1 ORDER BY c.remind_at LIMIT $2
     FOR UPDATE SKIP LOCKED),
taken AS (
  UPDATE cart.carts c
     SET remind_at = NULL,
         reminded_at = CASE
           WHEN EXISTS (SELECT FROM cart.wishes w WHERE w.person_id = c.person_id AND w.reminders)
            AND EXISTS (SELECT FROM cart.items i WHERE i.cart_id = c.id) THEN $1 END
    FROM due WHERE c.id = due.id
  RETURNING c.id, c.person_id, c.reminded_at),
noted AS (
  INSERT INTO cart.reminders (cart_id, at, person_id)
  SELECT id, $1, person_id FROM taken WHERE reminded_at IS NOT NULL),
logged AS (
  INSERT INTO cart.actions (cart_id, at, what, person_id)
  SELECT id, $1, 'remind', person_id FROM taken WHERE reminded_at IS NOT NULL)
SELECT t.id, t.person_id, t.reminded_at, i.offer_id, i.quantity, i.price, i.currency
  FROM taken t LEFT JOIN cart.items i ON i.cart_id = t.id
 ORDER BY t.id, i.added_at, i.offer_id
""")
WANTS = Sql("SELECT reminders FROM cart.wishes WHERE person_id = $1")
WANT = Sql("""
INSERT INTO cart.wishes (person_id, reminders, since) VALUES ($1, $2, $3)
ON CONFLICT (person_id) DO UPDATE SET reminders = EXCLUDED.reminders, since = EXCLUDED.since
""")
RECOVERIES = Sql("""
SELECT count(*) AS reminded, count(recovered_at) AS recovered
  FROM cart.reminders WHERE at >= $1 AND at < $2
""")
ACTIONS = Sql("""
SELECT seq, cart_id, at, what, person_id, offer_id, quantity, reference
  FROM cart.actions WHERE cart_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3
""")


class Ending:
    def __init__(self, db: Database, log_kept: timedelta) -> None:
        self._db = db
        self._log_kept = log_kept

    async def close(self, ctx: Context, closings: list[Closing]) -> None:
        done = await self._close(ctx, LOCK_FREE, closings) if closings else set()
        for one in closings:
            if one.cart_id not in done:
                await self._close(ctx, LOCK_CART, [one])

    async def _close(self, ctx: Context, lock: Sql, closings: Sequence[Closing]) -> set[UUID]:
        """Closes those carts that `lock` gets; which."""
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(lock, list({one.cart_id for one in closings}))
            got = {row["id"] for row in rows}
            ours = [one for one in closings if one.cart_id in got]
            items = [(one.checkout_id, item) for one in ours for item in one.items]
            if ours:
                await tx.execute(
                    CLOSE,
                    [one.checkout_id for one in ours],
                    [one.cart_id for one in ours],
                    ctx.now(),
                    [checkout for checkout, _ in items],
                    [item.offer_id for _, item in items],
                    [item.quantity for _, item in items],
                )
        return got

    async def expire(self, ctx: Context) -> int:
        """Removes carts whose time has come, and forgets closings, actions and what was learnt of
        offers when they are old; how many."""
        now = ctx.now()
        gone = await self._repeat(EXPIRE, now)
        gone += await self._repeat(FORGET_CLOSINGS, now - CLOSINGS_KEPT)
        gone += await self._repeat(remembering.FORGET_OLD, now - remembering.KEPT)
        return gone + await self._repeat(FORGET_ACTIONS, now - self._log_kept)

    async def _repeat(self, statement: Sql, until: datetime) -> int:
        gone = 0
        for _ in range(_BATCHES):
            batch = await self._db.execute(statement, until, _BATCH)
            gone += batch
            if batch < _BATCH:
                break
        return gone

    async def remind(self, ctx: Context) -> int:
        """Announces carts that were left behind by who wants to hear of it; how many."""
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(REMIND, ctx.now(), _BATCH)
            left: dict[UUID, CartLeft] = {}
            for row in rows:
                if row["reminded_at"] is None:
                    continue
                known = left.setdefault(
                    row["id"], CartLeft(cart_id=row["id"], person_id=row["person_id"], items=[])
                )
                known.items.append(
                    Item(
                        offer_id=row["offer_id"],
                        quantity=row["quantity"],
                        price=price_of(row["price"], row["currency"]),
                    )
                )
            tx.emit(*left.values())
        return len(left)

    async def wants_reminders(self, ctx: Context) -> bool:
        return bool(await self._db.fetchval(WANTS, ctx.person_id))

    async def want_reminders(self, ctx: Context, wanted: bool) -> None:
        await self._db.execute(WANT, ctx.person_id, wanted, ctx.now())

    async def recoveries(self, since: datetime, until: datetime) -> Recoveries:
        row = await self._db.fetchrow(RECOVERIES, since, until)
        assert row is not None, "a count has a row"
        return Recoveries(reminded=row["reminded"], recovered=row["recovered"])

    async def actions(self, cart_id: UUID, limit: int, cursor: str | None) -> Page[Action]:
        [before] = decode_cursor(cursor, int) or [_LAST]
        rows = await self._db.fetch(ACTIONS, cart_id, before, limit + 1)
        found = page_of([_Logged(**row) for row in rows], limit, "seq")
        return Page[Action](items=list(found.items), next=found.next)


class _Logged(Action):
    """With its place, which the next page begins after."""

    seq: int


def price_of(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else money_of(minor, currency)
