"""The cart's use cases: filling carts here (statements in `filling.py`, the quick ones in
`remembering.py`), ends in `ending.py`."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Catalog, OfferLine
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
from haat.domains.trade.cart.service import filling, remembering
from haat.domains.trade.cart.service.ending import Ending, price_of
from haat.engines.http import Signer
from haat.engines.sql import Database, Record, Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
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


class _Put(NamedTuple):
    """In the order of the statements' parameters; `add`: to what is there."""

    offer_id: UUID
    quantity: int
    add: bool


class _Mine(NamedTuple):
    """Whose cart: a person's, or the one a guest names; `new_id` is for one that is not there."""

    person_id: UUID | None
    cart_id: UUID | None
    new_id: UUID | None


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
        # A guest who names a cart needs no id for one, unless it is gone.
        new_id = None if _person(ctx) is None and cart_id is not None else self._new_id(ctx)
        mine = _Mine(_person(ctx), cart_id, new_id)
        item = _Put(offer_id, quantity, how == "add")
        rows = await self._put_known(ctx, mine, item)
        if not rows:
            now = ctx.now()  # before they are asked: what they answer is not older
            left, offer = await self._had(ctx, offer_id)
            if quantity > left:
                raise _out_of_stock(offer_id, left)
            rows = await self._put_asked(ctx, now, mine, item, offer, left)
            rows = rows or await self._put_anyhow(ctx, mine, item, offer, left)
        return _state(sorted(rows, key=lambda row: (row["added_at"], row["offer_id"])))

    async def _put_known(self, ctx: Context, mine: _Mine, item: _Put) -> list[Record]:
        """The cart with the item, where what is remembered of the offer is enough; else empty."""
        now = ctx.now()
        rest = (now, self._until(now), *item, now - remembering.KEPT, QUANTITY_MAX)
        if mine.person_id is not None:
            who = (mine.person_id, self._remind_at(now))
            return await self._db.step(ctx, remembering.PERSON, mine.new_id, *rest, *who)
        if mine.cart_id is not None:
            return await self._db.step(ctx, remembering.MORE, mine.cart_id, *rest)
        return await self._db.step(ctx, remembering.FIRST, mine.new_id, *rest)

    async def _put_asked(
        self, ctx: Context, now: datetime, mine: _Mine, item: _Put, offer: OfferLine, left: int
    ) -> list[Record]:
        """The same for an offer that was asked about, which is remembered."""
        # What is nearly gone is asked about every time, and the catalogue tells nothing of drills.
        kept = left >= remembering.WORTH_FROM and offer.vendor_id != synthetic.VENDOR
        learnt = (offer.price.minor, offer.price.currency, left, offer.product_id if kept else None)
        rest = (now, self._until(now), *item, now, QUANTITY_MAX, *learnt)
        if mine.person_id is not None:
            who = (mine.person_id, self._remind_at(now))
            return await self._db.step(ctx, remembering.PERSON_ASKED, mine.new_id, *rest, *who)
        if mine.cart_id is not None:
            return await self._db.step(ctx, remembering.MORE_ASKED, mine.cart_id, *rest)
        return await self._db.step(ctx, remembering.FIRST_ASKED, mine.new_id, *rest)

    async def _put_anyhow(
        self, ctx: Context, mine: _Mine, item: _Put, offer: OfferLine, left: int
    ) -> list[Record]:
        """The cart with the item, into a new one where the guest's is gone; or what forbids it."""
        now, new_id, person_id = ctx.now(), mine.new_id or self._new_id(ctx), mine.person_id
        limits = (min(left, QUANTITY_MAX), ITEMS_MAX)
        seen = (offer.price.minor, offer.price.currency)
        what = (now, self._until(now), *item, *limits, *seen, person_id)
        rows: list[Record]
        if person_id is not None:
            reminded = self._remind_at(now)
            rows = await self._db.step(ctx, filling.PUT_PERSON, new_id, person_id, *what, reminded)
        else:
            rows = await self._db.step(ctx, filling.PUT_GUEST, mine.cart_id, new_id, *what)
        if not rows or not rows[0]["done"]:
            offers = {row["offer_id"] for row in rows}
            if item.offer_id not in offers and len(offers) >= ITEMS_MAX:
                raise CartFull
            if left < QUANTITY_MAX:
                raise _out_of_stock(item.offer_id, left)
            raise TooMany
        return rows

    async def _had(self, ctx: Context, offer_id: UUID) -> tuple[int, OfferLine]:
        """How many of it can be had, and the offer. NotBuyable."""
        offers = await self._catalog.offers(ctx, ids=[offer_id])
        if not offers or not offers[0].buyable:
            raise NotBuyable(offers=[str(offer_id)])
        found = await self._inventory.available(ctx, offers=[offer_id])
        most = max((p.available for one in found for p in one.pickups), default=0)
        return max(most, sum(one.available for one in found)), offers[0]

    def _until(self, now: datetime) -> datetime:
        return _up(now + self._ttl, _DAY_S)

    def _remind_at(self, now: datetime) -> datetime | None:
        return _up(now + self._reminder_after, _HOUR_S) if self._reminder_after else None

    def _new_id(self, ctx: Context) -> UUID:
        """Who knows a guest's cart id has the cart, and ids of a request may follow from an
        Idempotency-Key that somebody could guess: so the id is made with our secret."""
        if ctx.actor.type == "person":
            return ctx.new_id()
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

    async def forget_products(self, tx: Tx, ids: list[UUID]) -> None:
        """What is remembered of these products' offers may be wrong now."""
        await tx.execute(remembering.FORGET_PRODUCTS, ids)

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
