"""The cart's use cases: filling carts here (statements in `filling.py`), ends in `ending.py`."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory, OutOfStock
from haat.domains.trade.cart.api import (
    ITEMS_MAX,
    Action,
    Cart,
    CartFull,
    CartState,
    Closing,
    Item,
    NotBuyable,
    Recoveries,
    TooMany,
)
from haat.domains.trade.cart.service import filling
from haat.domains.trade.cart.service.ending import Ending, price_of
from haat.engines.http import Signer
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page
from haat.kernel.settings import Settings

QUANTITY_MAX = 999
_HOUR_S, _DAY_S = 3600, 86_400


class CartSettings(Settings):
    """`HAAT_CART_TTL_DAYS`: how long a cart is kept after its last change.
    `HAAT_CART_REMINDER_HOURS`: how long after it people are reminded who want that; 0 is never.
    `HAAT_CART_LOG_DAYS`: how long it is kept what was done with carts."""

    cart_ttl_days: Annotated[int, Field(ge=1, le=365)] = 30
    cart_reminder_hours: Annotated[int, Field(ge=0, le=720)] = 24
    cart_log_days: Annotated[int, Field(ge=1, le=3650)] = 90


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
        self._reminder_after = timedelta(hours=settings.cart_reminder_hours)
        self._ending = Ending(db, timedelta(days=settings.cart_log_days))

    # --- filling ---------------------------------------------------------------------------

    async def view(self, ctx: Context, *, cart_id: UUID | None = None) -> CartState:
        person_id = _person(ctx)
        if person_id is not None:
            return _state(await self._db.fetch(filling.VIEW_PERSON, person_id))
        if cart_id is None:
            return CartState(id=None)
        return _state(await self._db.fetch(filling.VIEW_GUEST, cart_id, ctx.now()))

    async def add(
        self, ctx: Context, *, offer_id: UUID, quantity: int = 1, cart_id: UUID | None = None
    ) -> CartState:
        return await self._put(ctx, "add", offer_id, quantity, cart_id)

    async def put(
        self, ctx: Context, *, offer_id: UUID, quantity: int, cart_id: UUID | None = None
    ) -> CartState:
        if quantity == 0:
            rows = await self._db.step(
                ctx, filling.REMOVE, cart_id, _person(ctx), ctx.now(), offer_id
            )
            return _state(rows)
        return await self._put(ctx, "set", offer_id, quantity, cart_id)

    async def merge(self, ctx: Context, *, guest_cart_id: UUID) -> CartState:
        person_id, now, new_id = ctx.person_id, ctx.now(), ctx.new_id()
        until, remind_at = self._until(now), self._remind_at(now)
        async with self._db.begin(ctx) as tx:
            # Guest's first, person's second, everywhere: two merges at once take turns.
            if await tx.fetchrow(filling.LOCK_GUEST, guest_cart_id, now):
                own_id = await tx.fetchval(
                    filling.OPEN_PERSON, new_id, person_id, now, until, remind_at
                )
                await tx.execute(filling.MERGE, guest_cart_id, own_id, now, person_id)
            rows = await tx.fetch(filling.VIEW_PERSON, person_id)
        return _state(rows)

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
        left, price = await self._had(ctx, offer_id)
        if quantity > left:
            raise _out_of_stock(offer_id, left)
        now = ctx.now()
        person_id = _person(ctx)
        limits = (min(left, QUANTITY_MAX), ITEMS_MAX)
        seen = (price.minor, price.currency)
        what = (offer_id, quantity, how == "add", *limits, *seen, person_id)
        rows: list[Any]
        if person_id is not None:
            mine = (ctx.new_id(), person_id, now, self._until(now))
            rows = await self._db.step(ctx, filling.PUT_PERSON, *mine, *what, self._remind_at(now))
        else:
            new_id = self._guest_cart_id(ctx)
            rows = await self._db.step(
                ctx, filling.PUT_GUEST, cart_id, new_id, now, self._until(now), *what
            )
        if not rows or not rows[0]["done"]:
            offers = {row["offer_id"] for row in rows}
            if offer_id not in offers and len(offers) >= ITEMS_MAX:
                raise CartFull
            if left < QUANTITY_MAX:
                raise _out_of_stock(offer_id, left)
            raise TooMany
        return _state(rows)

    async def _had(self, ctx: Context, offer_id: UUID) -> tuple[int, Money]:
        """How many of it can be had, and its price. NotBuyable."""
        offers = [o for o in await self._catalog.offers(ctx, ids=[offer_id]) if o.buyable]
        if not offers:
            raise NotBuyable(offers=[str(offer_id)])
        found = await self._inventory.available(ctx, offers=[offer_id])
        most = max((p.available for one in found for p in one.pickups), default=0)
        return max(most, sum(one.available for one in found)), offers[0].price

    def _until(self, now: datetime) -> datetime:
        return _up(now + self._ttl, _DAY_S)

    def _remind_at(self, now: datetime) -> datetime | None:
        return _up(now + self._reminder_after, _HOUR_S) if self._reminder_after else None

    def _guest_cart_id(self, ctx: Context) -> UUID:
        """Who knows a guest's cart id has the cart, and ids of a request may follow from an
        Idempotency-Key that somebody could guess: so the id is made with our secret."""
        signed = self._signer.sign("guest cart", str(ctx.new_id()))
        return UUID(bytes=sha256(signed.encode()).digest()[:16], version=4)

    # --- ends ------------------------------------------------------------------------------

    async def close(self, ctx: Context, *, closings: list[Closing]) -> None:
        await self._ending.close(ctx, closings)

    async def wants_reminders(self, ctx: Context) -> bool:
        return await self._ending.wants_reminders(ctx)

    async def want_reminders(self, ctx: Context, *, wanted: bool) -> None:
        await self._ending.want_reminders(ctx, wanted)

    async def recoveries(self, ctx: Context, *, since: datetime, until: datetime) -> Recoveries:
        return await self._ending.recoveries(since, until)

    async def actions(
        self, ctx: Context, *, cart_id: UUID, limit: int = 100, cursor: str | None = None
    ) -> Page[Action]:
        return await self._ending.actions(cart_id, limit, cursor)

    async def expire(self, ctx: Context) -> int:
        return await self._ending.expire(ctx)

    async def remind(self, ctx: Context) -> int:
        return await self._ending.remind(ctx)


def _person(ctx: Context) -> UUID | None:
    return ctx.actor.id if ctx.actor.type == "person" else None


def _up(moment: datetime, step_s: int) -> datetime:
    """The next full step (of a day or an hour, UTC) after `moment`."""
    seconds = int(moment.timestamp())
    return moment.fromtimestamp(seconds - seconds % step_s + step_s, moment.tzinfo)


def _out_of_stock(offer_id: UUID, left: int) -> OutOfStock:
    return OutOfStock(offers=[{"offerId": str(offer_id), "available": left}])


def _state(rows: list[Record]) -> CartState:
    """Rows of one cart; none when there is no cart."""
    if not rows:
        return CartState(id=None)
    return CartState(
        id=rows[0]["cart_id"],
        items=[
            Item(
                offer_id=row["offer_id"],
                quantity=row["quantity"],
                price=price_of(row["price"], row["currency"]),
            )
            for row in rows
            if row["offer_id"] is not None
        ],
    )
