"""The quote: one batch call to each module that knows something, then arithmetic."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Available, Inventory, Warehouse
from haat.domains.goods.pricing.api import BestPrice, Pricing
from haat.domains.money.commissions.api import Commissions
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.cart.api import Cart
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import BuyLine, CartEmpty, Quote, QuoteGroup
from haat.domains.trade.checkout.collecting import sites_of, ways
from haat.domains.trade.shipping.api import Shipping
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem

KEEP = Sql("""
INSERT INTO checkout.quotes (id, person_id, document, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING
RETURNING id
""")
READ = Sql("""
SELECT document::text FROM checkout.quotes
 WHERE id = $1 AND (person_id IS NULL OR person_id = $2 OR $3)
""")

FORGET = Sql("""
DELETE FROM checkout.quotes
 WHERE id IN (SELECT q.id FROM checkout.quotes q
               WHERE q.expires_at < $1
                 AND NOT EXISTS (SELECT FROM checkout.checkouts c WHERE c.id = q.id)
               LIMIT $2)
""")
KEPT = timedelta(days=1)  # how long a quote that nobody placed can still be looked at
FORGET_AT_ONCE = 5000
VENDORS_KEPT = timedelta(seconds=10)
VENDORS_MAX = 10_000
PLACES_MAX = 100  # as many warehouses to collect at as one quote shows
# Until when it is known of a vendor, its name, its handling hours.
Known = tuple[datetime, str, int | None]


@dataclass(frozen=True, slots=True)
class Lower:
    """The contracts a quote asks."""

    market: Market
    identity: Identity
    vendors: Vendors
    catalog: Catalog
    pricing: Pricing
    inventory: Inventory
    commissions: Commissions
    shipping: Shipping
    cart: Cart


class Quoting:
    def __init__(self, db: Database, lower: Lower, ttl_minutes: int) -> None:
        self._db = db
        self._lower = lower
        self._ttl = timedelta(minutes=ttl_minutes)
        self._vendors: dict[UUID, Known] = {}

    async def quote(
        self,
        ctx: Context,
        id: UUID,
        email: str | None,
        to: rules.Addresses,
        cart_id: UUID | None,
        items: list[BuyLine] | None,
        shipping: Mapping[UUID, UUID],
    ) -> Quote:
        try:
            address = await self._email(ctx, email)
            cart_id, wanted = await self._wanted(ctx, cart_id, items)
            country = to.ship_to.country
            made, stock = await self._basket(ctx, id, wanted, country)
            rules.need_address(made, to)
            await self._ship(ctx, made, stock, country, shipping)
            groups = await self._groups(ctx, made, to)
        except Problem:
            # The same quote asked for again is answered as it was, whatever became of the cart.
            known = await self._stored(ctx, id)
            if known is None:
                raise
            return known
        now = ctx.now()
        quote = Quote(
            id=id,
            cart_id=cart_id,
            person_id=_person(ctx),
            email=address,
            ship_to=to.ship_to if made.ships else to.bill_to,
            bill_to=to.bill_to,
            prices_include_tax=made.inclusive,
            groups=groups,
            totals=rules.totals(groups, made.currency),
            created_at=now,
            expires_at=now + self._ttl,
        )
        document = quote.model_dump_json()
        kept = await self._db.fetchval(KEEP, id, quote.person_id, document, now, quote.expires_at)
        return quote if kept else await self.read(ctx, id)

    async def read(self, ctx: Context, id: UUID) -> Quote:
        quote = await self._stored(ctx, id)
        if quote is None:
            raise NotFound
        return quote

    async def forget(self, ctx: Context) -> int:
        """Deletes quotes that nobody placed: they hold addresses. How many there were."""
        return await self._db.execute(FORGET, ctx.now() - KEPT, FORGET_AT_ONCE)

    async def _stored(self, ctx: Context, id: UUID) -> Quote | None:
        mine = ctx.actor.type == "system"
        text = await self._db.fetchval(READ, id, _person(ctx), mine)
        return None if text is None else Quote.model_validate_json(text)

    async def _email(self, ctx: Context, email: str | None) -> str:
        if email:
            return rules.checked_email(email)
        if ctx.actor.type == "person":
            found = await self._lower.identity.contacts(ctx, person_ids=[ctx.person_id])
            if found:
                return found[0].email
        raise Invalid.at("email", "Give an e-mail address for the confirmation.", "required")

    async def _wanted(
        self, ctx: Context, cart_id: UUID | None, items: list[BuyLine] | None
    ) -> tuple[UUID | None, dict[UUID, int]]:
        """The cart that is bought (None for `items`) and the quantity of each offer."""
        if items:
            return None, rules.merged(items)
        cart = await self._lower.cart.view(ctx, cart_id=cart_id)
        if not cart.items:
            raise CartEmpty
        return cart.id, rules.merged(cart.items)

    async def _basket(
        self, ctx: Context, id: UUID, wanted: Mapping[UUID, int], country: str
    ) -> tuple[rules.Basket, list[Available]]:
        ids = list(wanted)
        settings = await self._lower.market.settings(ctx)
        offers, stock = await asyncio.gather(
            self._lower.catalog.offers(ctx, ids=ids),
            self._lower.inventory.available(ctx, offers=ids, country=country),
        )
        rules.need_buyable(wanted, offers, settings.currency)
        rules.need_stock(wanted, stock)
        best: dict[UUID, BestPrice] = {}
        person_id = _person(ctx)
        if person_id is not None:  # answered from memory
            asks = rules.asks(wanted, offers)
            found = await self._lower.pricing.best(ctx, person_id=person_id, asks=asks)
            best = {one.offer_id: one for one in found if one.note}
        inclusive, currency = settings.prices_include_tax, settings.currency
        made = rules.basket(id, wanted, offers, currency, inclusive=inclusive, best=best)
        made.handling_hours = settings.handling_hours
        return made, stock

    async def _ship(
        self,
        ctx: Context,
        made: rules.Basket,
        stock: list[Available],
        country: str,
        chosen: Mapping[UUID, UUID],
    ) -> None:
        sites = sites_of(made.parts, stock)
        # One after the other: nearly always all of it is remembered, and a task of its own for
        # each would cost more than the answer.
        known = await self._vendors_of(ctx, [part.vendor_id for part in made.parts])
        parcels = made.parcels(country)
        options = await self._lower.shipping.rates(ctx, parcels=parcels) if parcels else []
        places = await self._places(ctx, sites)
        found = ways(made.parts, stock, options, sites, places, made.currency)
        rules.choose_shipping(made.parts, found, chosen)
        for part in made.parts:
            _, part.name, promised = known.get(part.vendor_id, (None, "", None))
            part.handling_hours = promised or made.handling_hours

    async def _vendors_of(self, ctx: Context, ids: Sequence[UUID]) -> dict[UUID, Known]:
        """What vendors are called, and how fast they send. Nothing is charged by it, so it may be
        some seconds old."""
        now = ctx.now()
        known = {id: kept for id in ids if (kept := self._vendors.get(id)) and kept[0] > now}
        unknown = [id for id in ids if id not in known]
        if not unknown:
            return known
        found = await self._lower.vendors.by_ids(ctx, ids=unknown)
        if len(self._vendors) > VENDORS_MAX:
            self._vendors.clear()
        until = now + VENDORS_KEPT
        fresh = {one.id: (until, one.name, one.handling_hours) for one in found}
        self._vendors.update(fresh)
        return known | fresh

    async def _places(self, ctx: Context, sites: Mapping[UUID, list[UUID]]) -> list[Warehouse]:
        """Where something can be collected; nobody is asked when there is no such place."""
        ids = sorted({id for some in sites.values() for id in some})[:PLACES_MAX]
        return await self._lower.inventory.pickup_points(ctx, ids=ids) if ids else []

    async def _groups(
        self, ctx: Context, made: rules.Basket, to: rules.Addresses
    ) -> list[QuoteGroup]:
        taxed = await self._lower.pricing.tax(
            ctx, country=to.ship_to.country, lines=made.taxable(to.bill_to.country)
        )
        taxes = {line.id: line for line in taxed}
        sales = made.sales(taxes, ctx.now())
        assessed = await self._lower.commissions.assess(ctx, sales=sales)
        by_id = {one.id: one for one in assessed}
        return [rules.group(made, part, taxes, by_id) for part in made.parts]


def _person(ctx: Context) -> UUID | None:
    return ctx.person_id if ctx.actor.type == "person" else None
