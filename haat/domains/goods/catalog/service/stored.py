"""How a product is read and written as a whole; every write of one goes through here."""

import json
from dataclasses import dataclass
from uuid import UUID

from haat.domains.goods.catalog import markup, rules
from haat.domains.goods.catalog.api import (
    Catalog,
    Listing,
    ListingChanged,
    Product,
    SkuTaken,
    VendorNotActive,
)
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service.kept import Kept
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.engines.cache import Cache
from haat.engines.sql import Database, Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.events import Event


@dataclass(frozen=True, slots=True)
class Stored:
    """A product with whether its vendor is active, as far as the catalogue has heard."""

    product: Product
    vendor_active: bool


class Cases(Catalog):
    """What the catalogue's use cases stand on."""

    def __init__(self, db: Database, market: Market, vendors: Vendors, cache: Cache) -> None:
        self._db = db
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
        return Stored(Product.model_validate_json(row["product"]), row["vendor_active"])

    async def _known(self, id: UUID) -> Product:
        """The product, whoever asks. NotFound."""
        found = await self._read(id)
        if found is None:
            raise NotFound
        return found.product

    async def _mine(self, ctx: Context, id: UUID) -> Product:
        """The product, when the actor may change it; NotFound otherwise."""
        product = await self._known(id)
        if ctx.caller is None:
            ctx.need_vendor(product.vendor_id)
        return product

    async def _need_active_vendor(self, ctx: Context, vendor_id: UUID) -> None:
        """VendorNotActive unless events, or the vendors themselves, say that it is active."""
        known = await self._db.fetchval(sql.VENDOR_KNOWN, vendor_id)
        if known is None:
            found = await self._vendors.by_ids(ctx, ids=[vendor_id])
            known = bool(found) and found[0].status == "active"
            if known:
                await self._db.execute(sql.VENDOR_SEEN, vendor_id, True)
        if not known:
            raise VendorNotActive

    async def _insert(self, ctx: Context, product: Product, *events: Event) -> bool:
        """False when there is a product with that id. UniqueViolation for a slug that is taken."""
        async with self._db.begin(ctx) as tx:
            added = await tx.execute(
                sql.INSERT_PRODUCT,
                product.id,
                product.vendor_id,
                product.slug,
                *_columns(product),
                product.version,
                product.created_at,
            )
            if added:
                await self._write_variants(tx, product)
                tx.emit(*events)
            return bool(added)

    async def _update(
        self, ctx: Context, before: Product, after: Product, *events: Event, variants: bool = True
    ) -> bool:
        """Writes what changed; False when somebody else changed the product since it was read."""
        async with self._db.begin(ctx) as tx:
            locks = await tx.fetchrow(sql.BEFORE_WRITING, before.vendor_id)
            listing_version = await tx.fetchval(
                sql.UPDATE_PRODUCT, after.id, *_columns(after), after.updated_at, before.version
            )
            if listing_version is None:
                return False
            if variants:
                await self._write_variants(tx, after)
            tx.emit(*events)
            if "active" in (before.status, after.status):
                await tx.execute(sql.RESHELVE, [after.id])
                shown = locks is not None and locks["vendor_active"]
                if shown and after.vendor_id != synthetic.VENDOR:
                    tx.emit(_changed(after, listing_version))
        await self._kept.product_changed(after)
        return True

    async def _write_variants(self, tx: Tx, product: Product) -> None:
        variants = product.variants
        offers = [o for v in variants for o in v.offers]
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
        )

    async def _sku_taken(self, product: Product) -> SkuTaken:
        """The problem that names which SKUs another product of the vendor has."""
        offers = [o for v in product.variants for o in v.offers]
        skus = [o.sku for o in offers]
        rows = await self._db.fetch(sql.SKUS_TAKEN, product.vendor_id, skus, product.id)
        return SkuTaken(
            "Other products of this vendor have these SKUs.", skus=[r["sku"] for r in rows]
        )


def _columns(product: Product) -> tuple[object, ...]:
    """What INSERT_PRODUCT and UPDATE_PRODUCT both write, in their order."""
    card = rules.listing_of(product)
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


def _changed(product: Product, version: int) -> ListingChanged:
    listing: Listing | None = None
    if product.status == "active":
        listing = rules.indexed(product, markup.plain(product.description_html))
    return ListingChanged(product_id=product.id, version=version, listing=listing)


def uuid_or_none(text: object) -> UUID | None:
    """The id a text is, or None."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
