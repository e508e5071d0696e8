"""How a product is read and written as a whole; every write of one goes through here."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from haat.domains.goods.catalog import markup, price_rules, rules, specs
from haat.domains.goods.catalog.api import (
    Attribute,
    Catalog,
    Listing,
    ListingChanged,
    Offer,
    OfferPaused,
    OfferResumed,
    PriceStep,
    PriceUpdated,
    Product,
    ScheduledPrice,
    SkuTaken,
    VendorNotActive,
)
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service.kept import Kept
from haat.domains.goods.catalog.service.price_statements import STEPS
from haat.domains.people.market.api import Market
from haat.domains.people.media.api import Media
from haat.domains.people.vendors.api import Vendors
from haat.engines.cache import Cache
from haat.engines.sql import Database, Record, Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.events import Event
from haat.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Stored:
    """A product, and who of those that have offers on it may sell, as far as was heard.

    `listing_version` counts what lists show of it: whoever writes the whole product names the one
    it read, because what lists show follows from others' offers too.
    """

    product: Product
    active_vendors: frozenset[UUID]
    listing_version: int


class Cases(Catalog):
    """What the catalogue's use cases stand on."""

    def __init__(
        self, db: Database, market: Market, vendors: Vendors, cache: Cache, media: Media
    ) -> None:
        self._db = db
        self._media = media
        self._market = market
        self._vendors = vendors
        self._kept = Kept(cache)

    async def _read(self, ref: str | UUID) -> Stored | None:
        """By id or slug."""
        id = uuid_or_none(ref)
        slug = None if isinstance(ref, UUID) or "\0" in ref else ref
        row = await self._db.fetchrow(sql.PRODUCT, id, slug)
        if row is None:
            return None
        return stored(row)

    async def _known(self, id: UUID) -> Stored:
        """The product, whoever asks. NotFound."""
        found = await self._read(id)
        if found is None:
            raise NotFound
        return found

    async def _mine(self, ctx: Context, id: UUID) -> Stored:
        """The product, when the actor may change it; NotFound otherwise."""
        found = await self._known(id)
        if ctx.caller is None:
            ctx.need_vendor(found.product.vendor_id)
        return found

    async def _attributes(self, category_id: UUID | None) -> list[Attribute]:
        """What products of this category fill in."""
        if category_id is None:
            return []
        rows = await self._db.fetch(sql.TEMPLATES, [category_id])
        return specs.inherited([templated(row["template"]) for row in rows])

    async def _need_active_vendor(self, ctx: Context, vendor_id: UUID) -> None:
        """VendorNotActive unless events, or the vendors themselves, say that it is active."""
        if not await self._may_sell(ctx, vendor_id):
            raise VendorNotActive

    async def _may_sell(self, ctx: Context, vendor_id: UUID, *, ask: bool = True) -> bool:
        """Whether events, or with `ask` the vendors themselves, say that it is active."""
        known = await self._db.fetchval(sql.VENDOR_KNOWN, vendor_id)
        if known is None and ask:
            found = await self._vendors.by_ids(ctx, ids=[vendor_id])
            known = bool(found) and found[0].status == "active"
            if known:
                await self._db.execute(sql.VENDOR_SEEN, vendor_id, True)
        return bool(known)

    async def _announced(self, before: Product | None, after: Product, at: datetime) -> Product:
        """The product with the lowest price before of every offer that announces a new reduction,
        and with none where there is no reduction."""
        had = rules.offers_of(before) if before else []
        changed = price_rules.changed_offers(had, rules.offers_of(after))
        reduced = [o.id for o in changed if before and price_rules.is_reduced(o)]
        return rules.announced(before, after, await self._lowest(self._db, reduced, at))

    async def _lowest(
        self, source: Database | Tx, ids: list[UUID], at: datetime
    ) -> dict[UUID, Money]:
        """The lowest price of each in the 30 days before that moment, where it had any."""
        rows = await source.fetch(STEPS, ids, at - price_rules.WINDOW, at) if ids else []
        found = {}
        for id in ids:
            steps = steps_of(row for row in rows if row["offer_id"] == id)
            minor = price_rules.lowest_before(steps, at)
            if minor is not None:
                found[id] = Money(minor=minor, currency=steps[0].price.currency)
        return found

    async def _lowest_before(
        self, tx: Tx, shown: Offer | ScheduledPrice, before: Offer, at: datetime
    ) -> Money | None:
        """What stands beside a reduction that is announced at that moment; None for none."""
        if not price_rules.is_reduced(shown):
            return None
        return (await self._lowest(tx, [before.id], at)).get(before.id, before.price)

    async def _insert(self, ctx: Context, product: Product, *events: Event) -> bool:
        """False when there is a product with that id. UniqueViolation for a slug that is taken."""
        async with self._db.begin(ctx) as tx:
            added = await tx.execute(
                sql.INSERT_PRODUCT,
                product.id,
                product.vendor_id,
                product.slug,
                *_columns(product, frozenset()),
                product.version,
                product.created_at,
                ctx.actor.type,
                ctx.actor.id,
                product.seo.model_dump(mode="json"),
                product.specs,
                rules.brand_id(product.brand),
                rules.brand_key(product.brand),
                product.kind,
            )
            if added:
                await self._write_variants(tx, product, product.created_at)
                tx.emit(*events)
            return bool(added)

    async def _update(
        self,
        ctx: Context,
        found: Stored,
        after: Product,
        *events: Event,
        what: str = "change",
        variants: bool = True,
    ) -> bool:
        """Writes what changed; False when somebody else changed the product since it was read."""
        before = found.product
        async with self._db.begin(ctx) as tx:
            await tx.fetchrow(sql.BEFORE_WRITING, before.vendor_id)
            listing_version = await tx.fetchval(
                sql.UPDATE_PRODUCT,
                after.id,
                *_columns(after, found.active_vendors),
                after.updated_at,
                before.version,
                found.listing_version,
                ctx.actor.type,
                ctx.actor.id,
                what,
                rules.differences(before, after),
                after.slug,
                after.seo.model_dump(mode="json"),
                after.specs,
                rules.brand_id(after.brand),
                rules.brand_key(after.brand),
                after.kind,
            )
            if listing_version is None:
                return False
            if before.slug != after.slug:
                await tx.execute(sql.SLUG_BACK, after.slug, after.id)
                await tx.execute(sql.SLUG_LEFT, before.slug, after.id)
            if variants:
                await self._write_variants(tx, after, after.updated_at)
            tx.emit(*events)
            if "active" in (before.status, after.status):
                await tx.execute(sql.RESHELVE, [after.id])
                tx.emit(*relisted(found, after, listing_version))
        await self._kept.product_changed(before)
        if before.slug != after.slug:
            await self._kept.product_changed(after)
        return True

    async def _write_variants(self, tx: Tx, product: Product, at: datetime) -> None:
        variants = product.variants
        offers = [o for v in variants for o in v.offers if o.main]
        await tx.execute(
            sql.WRITE_VARIANTS,
            product.id,
            [v.id for v in variants],
            [v.title for v in variants],
            [json.dumps(v.options) for v in variants],
            [v.barcode for v in variants],
            [v.weight_g for v in variants],
            [v.picture.model_dump_json() if v.picture else None for v in variants],
            product.vendor_id,
            [o.id for o in offers],
            [o.variant_id for o in offers],
            [o.sku for o in offers],
            [o.price.minor for o in offers],
            [o.compare_at.minor if o.compare_at else None for o in offers],
            [o.price.currency for o in offers],
            [o.status for o in offers],
            [o.condition for o in offers],
            [o.handling_days for o in offers],
            [o.lowest_before.minor if o.lowest_before else None for o in offers],
            at,
        )

    async def _sku_taken(self, product: Product) -> SkuTaken:
        """The problem that names which SKUs another product of the vendor has."""
        skus = [o.sku for o in rules.offers_of(product) if o.main]
        rows = await self._db.fetch(sql.SKUS_TAKEN, product.vendor_id, skus, product.id)
        return SkuTaken(
            "Other products of this vendor have these SKUs.", skus=[r["sku"] for r in rows]
        )


def _columns(product: Product, active_vendors: Collection[UUID]) -> tuple[object, ...]:
    """What INSERT_PRODUCT and UPDATE_PRODUCT both write, in their order."""
    card = rules.listing_of(product, active_vendors)
    return (
        product.title,
        rules.title_key(product.title),
        product.description_html,
        product.category_id,
        product.brand,
        product.tax_class,
        product.status,
        product.reason,
        product.option_names,
        [p.model_dump(mode="json") for p in product.pictures],
        card.price_from.minor,
        card.model_dump_json(exclude=rules.ONLY_IN_EVENTS),
    )


def money_or_none(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor=minor, currency=currency)


def steps_of(rows: Iterable[Mapping[str, Any]]) -> list[PriceStep]:
    return [
        PriceStep(
            at=row["at"],
            price=Money(minor=row["price_minor"], currency=row["currency"]),
            compare_at=money_or_none(row["compare_at_minor"], row["currency"]),
        )
        for row in rows
    ]


def templated(entries: list[Any]) -> list[Attribute]:
    """A template as it stands in its column."""
    return [Attribute.model_validate(one) for one in entries]


def stored(row: Record) -> Stored:
    """A row of PRODUCT or PRODUCTS."""
    return Stored(
        Product.model_validate_json(row["product"]),
        frozenset(row["active_vendors"]),
        row["listing_version"],
    )


def listing_changed(
    product: Product, active_vendors: Collection[UUID], version: int
) -> ListingChanged:
    """What the index must show: nothing, unless somebody sells it."""
    listing: Listing | None = None
    if product.status == "active" and rules.selling(product, active_vendors):
        listing = rules.indexed(product, active_vendors, markup.plain(product.description_html))
    return ListingChanged(product_id=product.id, version=version, listing=listing)


def relisted(found: Stored, after: Product, version: int) -> list[Event]:
    """What the index must be told of a change; nothing of what it does not show anyway."""
    event = listing_changed(after, found.active_vendors, version)
    was = found.product.status == "active" and rules.selling(found.product, found.active_vendors)
    if after.vendor_id == synthetic.VENDOR or not (was or event.listing):
        return []
    return [event]


def repriced(before: Product, after: Product) -> list[Event]:
    """One event for every offer that is sold at another price."""
    was = {o.id: price_rules.settled(o).price for o in rules.offers_of(before)}
    now = {o.id: price_rules.settled(o).price for o in rules.offers_of(after)}
    return [
        PriceUpdated(product_id=after.id, offer_id=id, was=was[id], price=price)
        for id, price in now.items()
        if id in was and was[id] != price
    ]


def turned(
    before: Product, after: Product, by: Literal["vendor", "staff"] = "vendor"
) -> list[Event]:
    """One event for every offer that was paused or resumed between the two."""
    was = {o.id: o.status for o in rules.offers_of(before)}
    found: list[Event] = []
    for offer in rules.offers_of(after):
        if was.get(offer.id, offer.status) == offer.status:
            continue
        id, vendor_id = offer.id, offer.vendor_id
        if offer.status == "paused":
            found.append(OfferPaused(product_id=after.id, offer_id=id, vendor_id=vendor_id, by=by))
        else:
            found.append(OfferResumed(product_id=after.id, offer_id=id, vendor_id=vendor_id))
    return found


def uuid_or_none(text: object) -> UUID | None:
    """The id a text is, or None."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
