"""The cart service."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory, OutOfStock
from haat.domains.trade.cart.api import (
    ITEMS_MAX,
    Cart,
    CartFull,
    CartState,
    Item,
    NotBuyable,
    TooMany,
)
from haat.engines.http import Signer
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.settings import Settings

QUANTITY_MAX = 999
CLOSINGS_KEPT = timedelta(days=30)  # far longer than an event is delivered again
_BATCH = 1000

# A person's cart by the person ($2); a guest's by its id ($1), which is no person's.
VIEW = Sql("""
SELECT c.id AS cart_id, i.offer_id, i.quantity
  FROM cart.carts c LEFT JOIN cart.items i ON i.cart_id = c.id
 WHERE c.person_id = $2::uuid
    OR ($2 IS NULL AND c.id = $1::uuid AND c.person_id IS NULL AND c.expires_at > $3)
 ORDER BY i.added_at, i.offer_id
""")
# What follows the cart itself, called `mine`: the item is put when neither its own limit ($8,
# the lower of stock and 999) nor the cart's ($9) forbids it; $7 says whether it adds up.
_PUT = """
put AS (
  INSERT INTO cart.items AS i (cart_id, offer_id, quantity, added_at)
  SELECT m.id, $5::uuid, $6::int, $3 FROM mine m
   WHERE EXISTS (SELECT 1 FROM cart.items o WHERE o.cart_id = m.id AND o.offer_id = $5)
      OR (SELECT count(*) FROM cart.items o WHERE o.cart_id = m.id) < $9
  ON CONFLICT (cart_id, offer_id) DO UPDATE
     SET quantity = CASE WHEN $7::boolean THEN i.quantity ELSE 0 END + EXCLUDED.quantity
   WHERE CASE WHEN $7 THEN i.quantity ELSE 0 END + EXCLUDED.quantity <= $8
  RETURNING i.offer_id, i.quantity, i.added_at)
SELECT m.id AS cart_id, n.offer_id, n.quantity, (SELECT count(*) FROM put) AS done
  FROM mine m LEFT JOIN LATERAL (
    SELECT o.offer_id, o.quantity, o.added_at FROM cart.items o
     WHERE o.cart_id = m.id AND NOT EXISTS (SELECT 1 FROM put p WHERE p.offer_id = o.offer_id)
    UNION ALL SELECT p.offer_id, p.quantity, p.added_at FROM put p) n ON true
 ORDER BY n.added_at, n.offer_id
"""
PUT_PERSON = Sql(f"""
WITH mine AS (
  INSERT INTO cart.carts (id, person_id, created_at, updated_at, expires_at)
  VALUES ($1::uuid, $2::uuid, $3::timestamptz, $3, $4::timestamptz)
  ON CONFLICT (person_id) WHERE person_id IS NOT NULL
  DO UPDATE SET updated_at = EXCLUDED.updated_at RETURNING id),
{_PUT}""")  # noqa: S608
# $1 is the cart the guest named, $2 the id for a new one.
PUT_GUEST = Sql(f"""
WITH known AS (
  UPDATE cart.carts SET updated_at = $3::timestamptz, expires_at = $4::timestamptz
   WHERE id = $1::uuid AND person_id IS NULL AND expires_at > $3 RETURNING id),
made AS (
  INSERT INTO cart.carts AS c (id, created_at, updated_at, expires_at)
  SELECT $2::uuid, $3, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM known)
  ON CONFLICT (id) DO UPDATE
     SET updated_at = EXCLUDED.updated_at, expires_at = EXCLUDED.expires_at
   WHERE c.person_id IS NULL
  RETURNING id),
mine AS (SELECT id FROM known UNION ALL SELECT id FROM made),
{_PUT}""")  # noqa: S608
REMOVE = Sql("""
WITH mine AS (
  UPDATE cart.carts SET updated_at = $3
   WHERE person_id = $2::uuid
      OR ($2 IS NULL AND id = $1::uuid AND person_id IS NULL AND expires_at > $3)
  RETURNING id),
gone AS (DELETE FROM cart.items i USING mine m WHERE i.cart_id = m.id AND i.offer_id = $4)
SELECT m.id AS cart_id, i.offer_id, i.quantity
  FROM mine m LEFT JOIN cart.items i ON i.cart_id = m.id AND i.offer_id <> $4
 ORDER BY i.added_at, i.offer_id
""")
LOCK_GUEST = Sql(
    "SELECT id FROM cart.carts WHERE id = $1 AND person_id IS NULL AND expires_at > $2 FOR UPDATE"
)
OPEN_PERSON = Sql("""
INSERT INTO cart.carts (id, person_id, created_at, updated_at)
VALUES ($1, $2, $3, $3)
ON CONFLICT (person_id) WHERE person_id IS NOT NULL
DO UPDATE SET updated_at = EXCLUDED.updated_at RETURNING id
""")
# The person's own items stay; new ones join, the latest first, as far as there is room ($3).
MERGE = Sql("""
WITH theirs AS (
  SELECT g.offer_id, g.quantity, g.added_at, o.offer_id IS NOT NULL AS known,
         row_number() OVER (PARTITION BY o.offer_id IS NOT NULL
                            ORDER BY g.added_at DESC, g.offer_id) AS place
    FROM cart.items g LEFT JOIN cart.items o ON o.cart_id = $2 AND o.offer_id = g.offer_id
   WHERE g.cart_id = $1),
joined AS (
  INSERT INTO cart.items AS i (cart_id, offer_id, quantity, added_at)
  SELECT $2, t.offer_id, t.quantity, t.added_at FROM theirs t
   WHERE t.known
      OR t.place <= $3::int - (SELECT count(*) FROM cart.items o WHERE o.cart_id = $2)
  ON CONFLICT (cart_id, offer_id) DO UPDATE
     SET quantity = greatest(i.quantity, EXCLUDED.quantity))
DELETE FROM cart.carts WHERE id = $1
""")
LOCK_CART = Sql("SELECT id FROM cart.carts WHERE id = $1 FOR UPDATE")
NOTE_CLOSING = Sql("""
INSERT INTO cart.closings (checkout_id, cart_id, closed_at) VALUES ($1, $2, $3)
ON CONFLICT (checkout_id) DO NOTHING
""")
CLOSE = Sql("""
WITH bought AS (
  SELECT b.offer_id, sum(b.quantity) AS quantity
    FROM unnest($2::uuid[], $3::int[]) AS b (offer_id, quantity) GROUP BY 1),
less AS (
  UPDATE cart.items i SET quantity = i.quantity - b.quantity FROM bought b
   WHERE i.cart_id = $1 AND i.offer_id = b.offer_id AND i.quantity > b.quantity)
DELETE FROM cart.items i USING bought b
 WHERE i.cart_id = $1 AND i.offer_id = b.offer_id AND i.quantity <= b.quantity
""")
EXPIRE = Sql("""
DELETE FROM cart.carts WHERE id IN (
  SELECT id FROM cart.carts WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
     FOR UPDATE SKIP LOCKED)
""")
FORGET_CLOSINGS = Sql("""
DELETE FROM cart.closings WHERE checkout_id IN (
  SELECT checkout_id FROM cart.closings WHERE closed_at <= $1 ORDER BY closed_at LIMIT $2)
""")


class CartSettings(Settings):
    """`HAAT_CART_TTL_DAYS`: how long a guest's cart is kept after its last change."""

    cart_ttl_days: Annotated[int, Field(ge=1, le=365)] = 30


class CartService(Cart):
    """Fulfils the Cart contract on one schema."""

    def __init__(
        self,
        db: Database,
        catalog: Catalog,
        inventory: Inventory,
        signer: Signer,
        settings: CartSettings,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._inventory = inventory
        self._signer = signer
        self._ttl = timedelta(days=settings.cart_ttl_days)

    async def view(self, ctx: Context, *, cart_id: UUID | None = None) -> CartState:
        person_id = _person(ctx)
        if person_id is None and cart_id is None:
            return CartState(id=None)
        return _state(await self._db.fetch(VIEW, cart_id, person_id, ctx.now()))

    async def add(
        self, ctx: Context, *, offer_id: UUID, quantity: int = 1, cart_id: UUID | None = None
    ) -> CartState:
        return await self._put(ctx, "add", offer_id, quantity, cart_id)

    async def put(
        self, ctx: Context, *, offer_id: UUID, quantity: int, cart_id: UUID | None = None
    ) -> CartState:
        if quantity == 0:
            rows = await self._db.step(ctx, REMOVE, cart_id, _person(ctx), ctx.now(), offer_id)
            return _state(rows)
        return await self._put(ctx, "set", offer_id, quantity, cart_id)

    async def merge(self, ctx: Context, *, guest_cart_id: UUID) -> CartState:
        person_id, now, new_id = ctx.person_id, ctx.now(), ctx.new_id()
        async with self._db.begin(ctx) as tx:
            # Guest's first, person's second, everywhere: two merges at once take turns.
            if await tx.fetchrow(LOCK_GUEST, guest_cart_id, now):
                own_id = await tx.fetchval(OPEN_PERSON, new_id, person_id, now)
                await tx.execute(MERGE, guest_cart_id, own_id, ITEMS_MAX)
            rows = await tx.fetch(VIEW, None, person_id, now)
        return _state(rows)

    async def close(
        self, ctx: Context, *, id: UUID, items: list[Item], checkout_id: UUID | None = None
    ) -> None:
        async with self._db.begin(ctx) as tx:
            if await tx.fetchrow(LOCK_CART, id) is None:
                return
            if checkout_id is not None and not await tx.execute(
                NOTE_CLOSING, checkout_id, id, ctx.now()
            ):
                return
            await tx.execute(
                CLOSE, id, [item.offer_id for item in items], [item.quantity for item in items]
            )

    async def expire(self, ctx: Context) -> int:
        """Removes guests' carts whose time has come, and forgets old closings; how many."""
        now = ctx.now()
        gone = await self._remove(EXPIRE, now)
        return gone + await self._remove(FORGET_CLOSINGS, now - CLOSINGS_KEPT)

    async def _remove(self, statement: Sql, until: datetime) -> int:
        gone = 0
        while (batch := await self._db.execute(statement, until, _BATCH)) > 0:
            gone += batch
            if batch < _BATCH:
                break
        return gone

    async def _put(
        self,
        ctx: Context,
        how: Literal["add", "set"],
        offer_id: UUID,
        quantity: int,
        cart_id: UUID | None,
    ) -> CartState:
        if quantity > QUANTITY_MAX:
            raise TooMany
        left = await self._left(ctx, offer_id)
        if quantity > left:
            raise _out_of_stock(offer_id, left)
        now = ctx.now()
        what = (offer_id, quantity, how == "add", min(left, QUANTITY_MAX), ITEMS_MAX)
        person_id = _person(ctx)
        rows: list[Any]
        if person_id is not None:
            rows = await self._db.step(ctx, PUT_PERSON, ctx.new_id(), person_id, now, None, *what)
        else:
            new_id = self._guest_cart_id(ctx)
            rows = await self._db.step(
                ctx, PUT_GUEST, cart_id, new_id, now, self._until(now), *what
            )
        if not rows or not rows[0]["done"]:
            offers = {row["offer_id"] for row in rows}
            if offer_id not in offers and len(offers) >= ITEMS_MAX:
                raise CartFull
            if left < QUANTITY_MAX:
                raise _out_of_stock(offer_id, left)
            raise TooMany
        return _state(rows)

    async def _left(self, ctx: Context, offer_id: UUID) -> int:
        """How many of it can be had. NotBuyable."""
        offers = await self._catalog.offers(ctx, ids=[offer_id])
        if not any(offer.buyable for offer in offers):
            raise NotBuyable(offers=[str(offer_id)])
        found = await self._inventory.available(ctx, offers=[offer_id])
        return sum(one.available for one in found)

    def _until(self, now: datetime) -> datetime:
        return now + self._ttl

    def _guest_cart_id(self, ctx: Context) -> UUID:
        """Who knows a guest's cart id has the cart, and ids of a request may follow from an
        Idempotency-Key that somebody could guess: so the id is made with our secret."""
        signed = self._signer.sign("guest cart", str(ctx.new_id()))
        return UUID(bytes=sha256(signed.encode()).digest()[:16], version=4)


def _person(ctx: Context) -> UUID | None:
    return ctx.actor.id if ctx.actor.type == "person" else None


def _out_of_stock(offer_id: UUID, left: int) -> OutOfStock:
    return OutOfStock(offers=[{"offerId": str(offer_id), "available": left}])


def _state(rows: list[Record]) -> CartState:
    """Rows of one cart; none when there is no cart."""
    if not rows:
        return CartState(id=None)
    return CartState(
        id=rows[0]["cart_id"],
        items=[
            Item(offer_id=row["offer_id"], quantity=row["quantity"])
            for row in rows
            if row["offer_id"] is not None
        ],
    )
