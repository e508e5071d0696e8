"""Use cases of single offers: attached to a product that is there, changed, paused; who may."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from haat.domains.goods.catalog import barcodes, buybox, price_rules, rules
from haat.domains.goods.catalog.api import (
    Facts,
    Match,
    NotOnTheList,
    Offer,
    OfferAdded,
    OfferChange,
    OfferDraft,
    OfferExists,
    OfferRenamed,
    OffersClosed,
    OffersFull,
    OwnOffer,
    Product,
    SkuTaken,
    Standing,
    VendorNotActive,
    Why,
    WrongProductState,
)
from haat.domains.goods.catalog.service import offer_statements as sql
from haat.domains.goods.catalog.service import statements, steps
from haat.domains.goods.catalog.service.lists import behind
from haat.domains.goods.catalog.service.price_statements import STEP
from haat.domains.goods.catalog.service.scheduling import ScheduleCases
from haat.domains.goods.catalog.service.stored import (
    Stored,
    repriced,
    stored,
    turned,
)
from haat.domains.people.market.api import OffersPolicy
from haat.engines.sql import Database, Record, Tx, UniqueViolation
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.events import Event
from haat.kernel.money import Money
from haat.kernel.page import Page, encode_cursor

OFFERS_MAX = 100  # of one variant
_LAST_CHAR = "\U0010ffff"
_LAST_ID = UUID(int=(1 << 128) - 1)
Lists = dict[tuple[str, str], set[UUID]]


class OfferCases(ScheduleCases):
    async def attach(
        self, ctx: Context, *, id: UUID, product_id: UUID, vendor_id: UUID, draft: OfferDraft
    ) -> Offer:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        settings = await self._market.settings(ctx)
        prices = [("price", draft.price), ("compareAt", draft.compare_at)]
        rules.check_offer(draft.sku, prices, settings.currency)
        await self._need_active_vendor(ctx, vendor_id)
        try:
            async with self._db.begin(ctx) as tx:
                found = await self._held(tx, product_id, vendor_id)
                if vendor_id not in found.active_vendors:
                    raise VendorNotActive
                product = found.product
                known = next((o for o in rules.offers_of(product) if o.id == id), None)
                if known is not None:
                    return _repeated(known, vendor_id)
                inside = {product.vendor_id, *(o.vendor_id for o in rules.offers_of(product))}
                if product.status != "active" and vendor_id not in inside:
                    raise NotFound  # it is not theirs to know of
                lists = await lists_of(tx, [product])
                refuse(rules.refusal(settings.offers_policy, product, vendor_id, lists), product)
                offer = attached(id, vendor_id, product, draft)
                offer = await self._stepped(tx, None, offer)
                lowest = offer.lowest_before.minor if offer.lowest_before else None
                columns = (id, offer.variant_id, product_id, *_columns(offer), lowest)
                await tx.execute(sql.ADD_OFFER, *columns)
                added = OfferAdded(
                    product_id=product_id,
                    offer_id=id,
                    vendor_id=vendor_id,
                    sku=offer.sku,
                    counted=product.kind == "physical",
                )
                tx.emit(added)
                after = rules.with_offer(product, offer)
                await self._note(tx, "attach", product, after, vendor_id)
                await self._shown(ctx, tx, found, after)
        except UniqueViolation as error:
            raise _refused(error, draft.sku) from None
        await self._kept.product_changed(product)
        return offer

    async def change_offer(self, ctx: Context, *, id: UUID, change: OfferChange) -> Offer:
        place = await self._db.fetchrow(sql.OFFER_PLACE, id)
        if place is None:
            raise NotFound
        if ctx.caller is None:
            ctx.need_vendor(place["vendor_id"])
        settings = await self._market.settings(ctx)
        prices = [("price", change.price), ("compareAt", change.compare_at)]
        rules.check_offer(change.sku, prices, settings.currency)
        if change.status == "active":
            await self._need_active_vendor(ctx, place["vendor_id"])
        try:
            async with self._db.begin(ctx) as tx:
                held = await self._held(tx, place["product_id"], place["vendor_id"])
                found = await self._settle(ctx, tx, held)
                before = next((o for o in rules.offers_of(found.product) if o.id == id), None)
                if before is None:  # it moved to another product just now
                    raise NotFound
                after = _changed(before, change)
                if after == before:
                    return before
                if not before.main and (before.status, after.status) == ("paused", "active"):
                    lists = await lists_of(tx, [found.product])
                    why = rules.refusal(
                        settings.offers_policy, found.product, after.vendor_id, lists
                    )
                    refuse(None if why == "state" else why, found.product)
                after = await self._stepped(tx, before, after)
                _, sku, price, compare_at, _, condition, days = _columns(after)
                lowest = after.lowest_before.minor if after.lowest_before else None
                what = (sku, price, compare_at, condition, days, after.status, lowest)
                await tx.execute(sql.CHANGE_OFFER, id, *what)
                product = rules.with_offer(found.product, after)
                tx.emit(*_told(found.product, before, after), *turned(found.product, product))
                await self._note(tx, "offer", found.product, product, after.vendor_id)
                await self._shown(ctx, tx, found, product, main=before.main)
        except UniqueViolation as error:
            raise _refused(error, change.sku or "") from None
        await self._kept.product_changed(product)
        return after

    async def _stepped(self, tx: Tx, before: Offer | None, after: Offer) -> Offer:
        """A price that is another one stands in the history; the offer with what stands beside
        the reduction it announces."""
        if not price_rules.changed_offers([before] if before else [], [after]):
            return after
        at = tx.ctx.now()
        lowest = await self._lowest_before(tx, after, before or after, at)
        compare_at = after.compare_at.minor if after.compare_at else None
        price = after.price
        await tx.execute(STEP, after.id, at, price.minor, compare_at, price.currency)
        return after.model_copy(update={"lowest_before": lowest})

    # --- a vendor's own -----------------------------------------------------------------------

    async def own_offers(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[OwnOffer]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        before = behind(cursor, "offers", UUID)[0] if cursor else _LAST_ID
        rows = await self._db.fetch(sql.OWN_OFFERS, vendor_id, before, limit + 1)
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]["id"]
            following = encode_cursor("offers", str(last), str(last))
        return Page[OwnOffer](items=[_own(row) for row in rows[:limit]], next=following)

    async def own_offer(self, ctx: Context, *, id: UUID) -> OwnOffer:
        row = await self._db.fetchrow(sql.OWN_OFFER, id)
        if row is None:
            raise NotFound
        if ctx.caller is None:
            ctx.need_vendor(row["vendor_id"])
        return _own(row)

    async def matches(
        self, ctx: Context, *, vendor_id: UUID, words: str, limit: int = 20
    ) -> list[Match]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        policy = (await self._market.settings(ctx)).offers_policy
        key = rules.title_key(words)
        if not key or "\0" in words:
            return []
        code = barcodes.plain(words)
        rows: Sequence[Record] = []
        if code is not None:
            rows = await self._db.fetch(sql.WITH_BARCODE, [code], limit)
        if not rows:
            rows = await self._db.fetch(sql.BEGINNING, key, key + _LAST_CHAR, limit)
        return await self._matches(ctx, vendor_id, policy, [row["id"] for row in rows])

    async def _matches(
        self, ctx: Context, vendor_id: UUID, policy: OffersPolicy, ids: list[UUID]
    ) -> list[Match]:
        found = [stored(row) for row in await self._db.fetch(statements.PRODUCTS, ids)]
        lists = await lists_of(self._db, [one.product for one in found])
        return [
            Match(
                listing=rules.listing_of(one.product, one.active_vendors),
                variants=price_rules.product_at(
                    rules.shown(one.product, one.active_vendors), ctx.now()
                ).variants,
                refused=rules.refusal(policy, one.product, vendor_id, lists),
            )
            for one in found
        ]

    # --- who stands first ---------------------------------------------------------------------

    async def standings(
        self, ctx: Context, *, product_id: UUID, facts: list[Facts]
    ) -> list[Standing]:
        return _standing(ctx, await self._known(product_id), {one.offer_id: one for one in facts})

    async def rankings(
        self, ctx: Context, *, product_ids: list[UUID], facts: list[Facts]
    ) -> list[Standing]:
        known = {one.offer_id: one for one in facts}
        rows = await self._db.fetch(statements.PRODUCTS, product_ids)
        return [one for row in rows for one in _standing(ctx, stored(row), known)]

    # --- who may sell what ----------------------------------------------------------------------

    async def allowed(
        self, ctx: Context, *, product_id: UUID | None = None, brand: str | None = None
    ) -> list[UUID] | None:
        kind, subject = _subject(product_id, brand)
        products, brands = ([subject], []) if kind == "product" else ([], [subject])
        row = await self._db.fetchrow(sql.LISTS, products, brands)
        return None if row is None else list(row["vendor_ids"])

    async def allow(
        self,
        ctx: Context,
        *,
        product_id: UUID | None = None,
        brand: str | None = None,
        vendor_ids: list[UUID] | None,
    ) -> None:
        kind, subject = _subject(product_id, brand)
        async with self._db.begin(ctx) as tx:
            if vendor_ids is None:
                await tx.execute(sql.DROP_LIST, kind, subject)
            else:
                await tx.execute(sql.SET_LIST, kind, subject, sorted(set(vendor_ids)))
            changed = None
            if product_id is not None:
                changed = await self._shut_out(ctx, tx, product_id, vendor_ids)
        if changed is not None:
            await self._kept.product_changed(changed)

    async def _shut_out(
        self, ctx: Context, tx: Tx, product_id: UUID, allowed: Collection[UUID] | None
    ) -> Product | None:
        """Pauses the offers of those the product's list leaves out; the product when any were."""
        found = await self._held(tx, product_id, synthetic.VENDOR)
        before = after = found.product
        if allowed is None:
            return None
        out = {o.vendor_id for o in rules.offers_of(before)} - {*allowed, before.vendor_id}
        for vendor_id in sorted(out):
            after = rules.withdrawn(after, vendor_id)
        events = turned(before, after, by="staff")
        if not events:
            return None
        ids = [o.id for o in rules.offers_of(after) if o.vendor_id in out]
        await tx.execute(sql.PAUSE_OFFERS, ids)
        tx.emit(*events)
        await self._note(tx, "vendors", before, after, None)
        await self._shown(ctx, tx, found, after)
        return after


def refuse(why: Why | None, product: Product) -> None:
    """Raises what that reason is called."""
    if why == "policy":
        raise OffersClosed
    if why == "listed":
        raise NotOnTheList
    if why == "state":
        message = f"The product is {product.status}: nothing is attached to it."
        raise WrongProductState(message, state=product.status)


def _subject(product_id: UUID | None, brand: str | None) -> tuple[str, str]:
    if product_id is not None and brand is None:
        return "product", str(product_id)
    key = rules.brand_key(brand or "")
    if product_id is not None or not key:
        raise Invalid.at("brand", "Name one product or one brand.", "subject_invalid")
    return "brand", key


async def lists_of(source: Database | Tx, products: Sequence[Product]) -> Lists:
    """Who may sell these products; of those without a list nothing."""
    ids = [str(one.id) for one in products]
    brands = sorted({key for one in products if (key := rules.brand_key(one.brand))})
    rows = await source.fetch(sql.LISTS, ids, brands)
    return {(row["kind"], row["subject"]): set(row["vendor_ids"]) for row in rows}


def _standing(ctx: Context, found: Stored, known: Mapping[UUID, Facts]) -> list[Standing]:
    """How a product's offers stand, variant by variant."""
    if found.product.status != "active":
        return []
    standing: list[Standing] = []
    all_of_them = {o.vendor_id for o in rules.offers_of(found.product)}
    explained = all_of_them if ctx.has("staff") else all_of_them & {ctx.vendor_id}
    seen = price_rules.product_at(rules.shown(found.product, found.active_vendors), ctx.now())
    for variant in seen.variants:
        offers = [(o, known[o.id]) for o in variant.offers if o.id in known]
        standing += buybox.standings(offers, explained)
    return standing


def _repeated(known: Offer, vendor_id: UUID) -> Offer:
    if known.vendor_id != vendor_id:
        raise NotFound
    return known


def attached(id: UUID, vendor_id: UUID, product: Product, draft: OfferDraft) -> Offer:
    variant = rules.variant_for(product, draft.variant_id)
    if len(variant.offers) >= OFFERS_MAX:
        raise OffersFull
    return Offer(
        id=id,
        variant_id=variant.id,
        vendor_id=vendor_id,
        sku=draft.sku.strip(),
        price=draft.price,
        compare_at=draft.compare_at,
        condition=draft.condition,
        handling_days=draft.handling_days,
        main=False,
    )


def _changed(before: Offer, change: OfferChange) -> Offer:
    given = {
        name: value
        for name in ("sku", "price", "compare_at", "condition", "handling_days", "status")
        if (value := getattr(change, name)) is not None
    }
    if change.no_compare_at:
        given["compare_at"] = None
    if isinstance(given.get("sku"), str):
        given["sku"] = given["sku"].strip()
    return before.model_copy(update=given)


def _columns(offer: Offer) -> tuple[object, ...]:
    return (
        offer.vendor_id,
        offer.sku,
        offer.price.minor,
        offer.compare_at.minor if offer.compare_at else None,
        offer.price.currency,
        offer.condition,
        offer.handling_days,
    )


def _told(product: Product, before: Offer, after: Offer) -> list[Event]:
    found = repriced(product, rules.with_offer(product, after))
    if before.sku != after.sku:
        found.append(steps.added(product, before.id))
        found.append(
            OfferRenamed(
                product_id=product.id,
                offer_id=after.id,
                vendor_id=after.vendor_id,
                sku=after.sku,
            )
        )
    return found


def _refused(error: UniqueViolation, sku: str) -> Problem:
    if error.constraint_name == "pk_offers":  # an offer for something else has that id
        return NotFound()
    if error.constraint_name == "ix_offers_alike":
        return OfferExists()
    return SkuTaken("You have another offer with this SKU.", skus=[sku])


def _own(row: Record) -> OwnOffer:
    currency = row["currency"]
    before = row["compare_at_minor"]
    offer = Offer(
        id=row["id"],
        variant_id=row["variant_id"],
        vendor_id=row["vendor_id"],
        sku=row["sku"],
        price=Money(minor=row["price_minor"], currency=currency),
        compare_at=None if before is None else Money(minor=before, currency=currency),
        condition=row["condition"],
        handling_days=row["handling_days"],
        status=row["status"],
        main=row["main"],
    )
    return OwnOffer(
        offer=offer,
        product_id=row["product_id"],
        product_slug=row["slug"],
        product_vendor_id=row["product_vendor_id"],
        title=row["title"],
        variant_title=row["variant_title"],
        product_status=row["product_status"],
        on_sale=row["on_sale"],
    )
