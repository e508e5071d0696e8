"""Use cases of one product: its vendor writes and submits it, staff decide."""

from uuid import UUID

from haat.domains.goods.catalog import complying, markup, price_rules, rules, specs
from haat.domains.goods.catalog.api import (
    ApprovalRule,
    CategoryUnknown,
    Decision,
    NotOnTheList,
    OfferExists,
    Product,
    ProductCreated,
    ProductDraft,
    ProductExists,
    ProductUpdated,
    SlugTaken,
    TaxClassUnknown,
    WrongProductState,
)
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service import steps
from haat.domains.goods.catalog.service.complying import ComplianceCases
from haat.domains.goods.catalog.service.kept import is_outside
from haat.domains.goods.catalog.service.merge_statements import SAME_BARCODE
from haat.domains.goods.catalog.service.offer_statements import LISTS
from haat.domains.goods.catalog.service.planning import LOOKED_AT
from haat.domains.goods.catalog.service.review_statements import RULES
from haat.domains.goods.catalog.service.reviewing import RULES_MAX
from haat.domains.goods.catalog.service.scheduling import ScheduleCases
from haat.domains.goods.catalog.service.stored import Stored, stored, turned
from haat.domains.goods.catalog.showing import pictures_shown
from haat.engines.sql import UniqueViolation
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid, NotFound, Problem
from haat.kernel.events import Event

TRIES = 4
DECISIONS = frozenset(
    {"approve", "reject", "request_changes", "take_down"}
)  # the staff's, about anybody's product
REASON_MAX = 1000


class ProductCases(ComplianceCases, ScheduleCases):
    async def product(self, ctx: Context, *, ref: str) -> Product:
        if is_outside(ctx):
            return await self._seen(ctx, await self._on_sale(ref))
        found = await self._read(ref)
        if found is None:
            raise NotFound
        product = found.product
        inside = ctx.caller is not None or ctx.actor.type == "system" or "staff" in ctx.scopes
        if inside or ctx.vendor_id == product.vendor_id:
            return product
        if not _is_on_sale(found):
            raise NotFound
        return await self._seen(ctx, rules.shown(product, found.active_vendors))

    async def _seen(self, ctx: Context, product: Product) -> Product:
        """With the prices of this moment: a copy may be older than a scheduled price."""
        settings = await self._market.settings(ctx)
        return price_rules.product_at(product, ctx.now(), lowest=settings.lowest_price)

    async def details(self, ctx: Context, *, ids: list[UUID]) -> list[Product]:
        names = [str(id) for id in ids]
        known, read = await self._kept.products.get_many(names if is_outside(ctx) else [])
        missing = [id for id in ids if str(id) not in known]
        rows = await self._db.fetch(sql.PRODUCTS, missing) if missing else []
        fresh = {
            str(one.product.id): rules.shown(one.product, one.active_vendors)
            for one in map(stored, rows)
            if _is_on_sale(one)
        }
        if is_outside(ctx):
            await self._kept.products.keep(fresh, read)
        found = {**known, **fresh}
        lowest = (await self._market.settings(ctx)).lowest_price
        return [
            price_rules.product_at(found[name], ctx.now(), lowest=lowest)
            for name in dict.fromkeys(names)
            if name in found
        ]

    async def _on_sale(self, ref: str) -> Product:
        """The product as everybody may see it, or a copy of that. NotFound."""
        copies, read = await self._kept.products.get_many([ref])
        if ref in copies:
            return copies[ref]
        found = await self._read(ref)
        if found is None or not _is_on_sale(found):
            raise NotFound
        product = rules.shown(found.product, found.active_vendors)
        if ref in (str(product.id), product.slug):  # other spellings nobody could forget
            await self._kept.products.keep({ref: product}, read)
        return product

    async def create(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, draft: ProductDraft
    ) -> Product:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        settings = await self._market.settings(ctx)
        draft = rules.check_draft(draft, settings.currency)
        slug = rules.slug_of(draft.slug or draft.title)
        for _ in range(TRIES):
            around = await self._db.fetchrow(sql.AROUND, slug, draft.category_id, draft.tax_class)
            assert around is not None, "a SELECT without FROM gives one row"
            if not around["category_known"]:
                raise CategoryUnknown.at("categoryId", "There is no such category.")
            if not around["tax_class_known"]:
                raise _tax_class_unknown()
            free = rules.suffixed(slug, id) if around["slug_taken"] else slug
            product = steps.born(ctx, id, vendor_id, free, draft)
            await self._check_shape(None, product, settings.pictures_max)
            product = await self._announced(None, product, product.created_at)
            added = pictures_shown(product)
            added += [steps.added(product, v.offers[0].id) for v in product.variants]
            created = ProductCreated(product_id=id, vendor_id=vendor_id)
            try:
                if await self._insert(ctx, product, created, *added):
                    return product
                return await self._repeated(ctx, id, vendor_id)
            except UniqueViolation as error:
                if error.constraint_name != "uq_products_slug":
                    return await self._taken_or_repeated(ctx, product)
        raise Conflict("Others took this title's address just now; try again.", code="slug_taken")

    async def _repeated(self, ctx: Context, id: UUID, vendor_id: UUID) -> Product:
        product = (await self._mine(ctx, id)).product
        if product.vendor_id != vendor_id:
            raise NotFound
        return product

    async def _taken_or_repeated(self, ctx: Context, product: Product) -> Product:
        """The same command twice at once, or SKUs that another product has."""
        found = await self._read(product.id)
        if found is not None and found.product.vendor_id == product.vendor_id:
            return found.product
        raise await self._sku_taken(product)

    async def change(
        self, ctx: Context, *, id: UUID, draft: ProductDraft, version: int | None = None
    ) -> Product:
        settings = await self._market.settings(ctx)
        html = markup.clean(draft.description_html)
        for _ in range(TRIES):
            found = await self._mine(ctx, id)
            before = found.product
            if price_rules.is_any_due(before, ctx.now()):
                await self._settle_one(ctx, id)
                continue
            codes = {v.barcode for v in before.variants if v.barcode}
            draft = rules.check_draft(draft, settings.currency, codes)
            rules.moved(before.status, "change")
            after = steps.changed(ctx, before, draft, html)
            if after.model_copy(update={"updated_at": before.updated_at}) == before:
                return before
            if version is not None and version != before.version:
                raise _version_conflict(before)
            await self._need_category(after.category_id, before.category_id)
            await self._check_shape(before, after, settings.pictures_max)
            if before.status in LOOKED_AT:
                complying.refuse(await self._objections(before, after))
            after = after.model_copy(update={"version": before.version + 1})
            after = await self._announced(before, after, after.updated_at)
            try:
                if await self._update(ctx, found, after, *steps.differences(before, after)):
                    return after
            except UniqueViolation as error:
                if error.constraint_name == "ix_offers_alike":
                    raise OfferExists from None
                if error.constraint_name == "uq_products_slug":
                    raise SlugTaken(slug=after.slug) from None
                raise await self._sku_taken(after) from None
        raise _version_conflict(before)

    async def _check_shape(self, before: Product | None, after: Product, pictures_max: int) -> None:
        """What hangs on settings and on other rows: pictures, specifications, the address."""
        had = len(before.pictures) if before else 0
        if len(after.pictures) > max(pictures_max, had):
            message = f"A product has at most {pictures_max} pictures."
            raise Invalid.at("pictures", message, "pictures_full")
        taxed = before is None or before.tax_class == after.tax_class
        if not taxed and not await self._db.fetchval(sql.TAX_CLASS, after.tax_class):
            raise _tax_class_unknown()
        if after.specs and (before is None or before.specs != after.specs):
            attributes = await self._attributes(after.category_id)
            specs.filled(after.specs, attributes, complete=False)
        renamed = before is not None and after.slug != before.slug
        if renamed and await self._db.fetchval(sql.SLUG_HAD, after.slug, after.id):
            raise SlugTaken(slug=after.slug)

    async def _need_category(self, wanted: UUID | None, present: UUID | None) -> None:
        if wanted is None or wanted == present:
            return
        if await self._db.fetchrow(sql.CATEGORY, wanted, None) is None:
            raise CategoryUnknown.at("categoryId", "There is no such category.")

    async def submit(self, ctx: Context, *, id: UUID) -> Product:
        product = (await self._mine(ctx, id)).product
        rules.moved(product.status, "submit")
        await self._need_active_vendor(ctx, product.vendor_id)
        key = rules.brand_key(product.brand)
        row = await self._db.fetchrow(LISTS, [], [key]) if key else None
        if row is not None and product.vendor_id not in row["vendor_ids"]:
            raise NotOnTheList
        if (await self._market.settings(ctx)).offers_policy == "shared":
            codes = [v.barcode for v in product.variants if v.barcode]
            known = await self._db.fetchval(SAME_BARCODE, codes, id) if codes else None
            if known is not None:
                raise ProductExists(productId=str(known))
        attributes = await self._attributes(product.category_id)
        specs.filled(product.specs, attributes, complete=True)
        objected = await self._objections(product)
        complying.refuse(objected)
        submitted = await self._move(ctx, id, "submit")
        if submitted.status != "pending" or objected:
            return submitted
        rows = await self._db.fetch(RULES, RULES_MAX)
        if not rows:
            return submitted
        shelves = [submitted.category_id] if submitted.category_id else []
        path = await self._db.fetch(sql.TEMPLATES, shelves)
        known = [ApprovalRule(**row) for row in rows]
        if rules.approving(known, submitted, {row["id"] for row in path}) is None:
            return submitted
        return await self._move(ctx, id, "approve", what="auto_approve")

    async def archive(self, ctx: Context, *, id: UUID) -> Product:
        """Where others sell it too, its vendor takes off what is its own: the product stays."""
        for _ in range(TRIES):
            found = await self._mine(ctx, id)
            before = found.product
            if not steps.others_sell(found):
                return await self._move(ctx, id, "archive")
            change = {"version": before.version + 1, "updated_at": ctx.now()}
            after = rules.withdrawn(before, before.vendor_id).model_copy(update=change)
            if after.variants == before.variants:
                return before
            told: list[Event] = [ProductUpdated(product_id=id, vendor_id=before.vendor_id)]
            if await self._update(
                ctx, found, after, *told, *turned(before, after), what="withdraw"
            ):
                return after
        raise _version_conflict(before)

    async def restore(self, ctx: Context, *, id: UUID) -> Product:
        return await self._move(ctx, id, "restore")

    async def decide(
        self, ctx: Context, *, id: UUID, decision: Decision, reason: str = ""
    ) -> Product:
        reason = " ".join(reason.split())[:REASON_MAX]
        if decision != "approve" and not reason:
            raise Invalid.at("reason", "Say why, so that the vendor can mend it.", "reason_missing")
        if "\0" in reason:
            raise Invalid.at("reason", "This text cannot be stored.", "text_invalid")
        return await self._move(ctx, id, decision, reason if decision != "approve" else None)

    async def _move(
        self, ctx: Context, id: UUID, verb: str, reason: str | None = None, what: str = ""
    ) -> Product:
        for _ in range(TRIES):
            found = await (self._known(id) if verb in DECISIONS else self._mine(ctx, id))
            before = found.product
            if before.merged_into is not None:
                raise WrongProductState("It was merged into another.", state=before.status)
            if verb == "archive" and steps.others_sell(found):  # since a moment ago
                return await self.archive(ctx, id=id)
            status = rules.moved(before.status, verb)
            if status == before.status:
                return before
            change = {
                "status": status,
                "reason": reason,
                "version": before.version + 1,
                "updated_at": ctx.now(),
            }
            after = before.model_copy(update=change)
            if await self._update(
                ctx, found, after, *steps.moved(after, verb), what=what or verb, variants=False
            ):
                return after
        raise _version_conflict(before)


def _tax_class_unknown() -> Problem:
    return TaxClassUnknown.at("taxClass", "There is no such tax class.", "tax_class_unknown")


def _is_on_sale(found: Stored) -> bool:
    product = found.product
    shown = product.status == "active" and product.vendor_id != synthetic.VENDOR
    return shown and bool(rules.selling(product, found.active_vendors))


def _version_conflict(present: Product) -> Conflict:
    return Conflict(
        "Somebody changed this product meanwhile; read it again.",
        code="version_conflict",
        version=present.version,
    )
