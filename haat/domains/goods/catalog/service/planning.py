"""What putting a product comes to, decided from what was read around it: reads and writes nothing.

The same rules as those of `create`, `change`, `submit` and `archive`, one after the other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog import complying, markup, rules, specs
from haat.domains.goods.catalog.api import (
    ApprovalRule,
    Attribute,
    CategoryUnknown,
    Listing,
    ListingRule,
    NotOnTheList,
    Objection,
    OfferExists,
    Product,
    ProductCreated,
    ProductDraft,
    ProductExists,
    ProductUpdated,
    PutItem,
    SkuTaken,
    SlugTaken,
    TaxClassUnknown,
    VendorNotActive,
    WrongProductState,
)
from haat.domains.goods.catalog.service import steps
from haat.domains.goods.catalog.service.stored import Stored, turned
from haat.domains.goods.catalog.showing import pictures_shown
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.events import Event
from haat.kernel.money import Money

LOOKED_AT = frozenset({"pending", "active"})  # a change must not break a rule that was kept


@dataclass(frozen=True, slots=True)
class Around:
    """What a batch of items of one vendor has to know."""

    vendor_id: UUID
    vendor_active: bool
    currency: str
    pictures_max: int
    shared: bool  # a barcode on sale is to be attached to
    present: Mapping[UUID, Stored]
    paths: Mapping[UUID, list[UUID]]  # category → it and those above it
    attributes: Mapping[UUID, list[Attribute]]
    brand_lists: Mapping[str, set[UUID]]
    rules: list[ApprovalRule]
    listing_rules: list[ListingRule]
    # What is taken, and by whom: what is planned is added.
    skus: dict[str, UUID]
    slugs: dict[str, UUID]
    barcodes: dict[str, set[UUID]]
    tax_classes: Collection[str]
    lowest: Mapping[UUID, Money]  # of the 30 days before now, by offer


@dataclass(slots=True)
class Plan:
    """A product as it is to be; `noted`: (what, changes) of each step on the way."""

    found: Stored  # as it was; of a new one, as it would be as a draft
    after: Product
    new: bool
    noted: list[tuple[str, dict[str, list[Any]]]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    listing: Listing | None = None  # once it has ended: what lists show, and are told if `listed`
    listed: bool = False
    card: str = ""  # the listing as it is kept

    @property
    def was_listed(self) -> bool:
        was = self.found.product
        return was.status == "active" and bool(rules.selling(was, self.found.active_vendors))

    def step(self, what: str, after: Product, *events: Event) -> None:
        self.noted.append((what, rules.differences(self.after, after)))
        self.events += events
        self.after = after

    def moved(self, what: str, verb: str) -> None:
        before = self.after
        status = rules.moved(before.status, verb)
        self.after = before.model_copy(update={"status": status, "reason": None})
        changes: dict[str, list[Any]] = {"status": [before.status, status]}
        if before.reason is not None:
            changes["reason"] = [before.reason, None]
        self.noted.append((what, changes))
        self.events += steps.moved(self.after, verb, bulk=True)

    def ended(self, ctx: Context, lowest: Mapping[UUID, Money]) -> None:
        """Counts the steps, and makes what lists show of it."""
        product, vendors = self.found.product, self.found.active_vendors
        self.after = rules.announced(None if self.new else product, self.after, lowest)
        first = 0 if self.new else product.version
        change = {"version": first + len(self.noted), "updated_at": ctx.now()}
        self.after = self.after.model_copy(update=change)
        self.listed = self.after.status == "active" and bool(rules.selling(self.after, vendors))
        if self.listed:
            text = markup.plain(self.after.description_html)
            self.listing = rules.indexed(self.after, vendors, text)
        else:
            self.listing = rules.listing_of(self.after, vendors)
        self.card = self.listing.model_dump_json(exclude=rules.ONLY_IN_EVENTS)


def planned(ctx: Context, item: PutItem, id: UUID, around: Around) -> Plan | None:
    """None when the product is so already. Problem where it cannot be."""
    found = around.present.get(id)
    if found is not None and found.product.vendor_id != around.vendor_id:
        raise NotFound
    plan = _new(ctx, item, id, around) if found is None else _present(ctx, item, found, around)
    if plan is None:
        return None
    _towards(plan, item, around)
    if not plan.noted:
        return None
    plan.ended(ctx, around.lowest)
    return plan


def claim(plan: Plan, around: Around) -> None:
    """What this product takes: others of the batch cannot have it."""
    after = plan.after
    around.slugs[after.slug] = after.id
    around.skus.update({o.sku: after.id for o in rules.offers_of(after) if o.main})
    if after.status == "active":
        for code in (v.barcode for v in after.variants if v.barcode):
            around.barcodes.setdefault(code, set()).add(after.id)


def _new(ctx: Context, item: PutItem, id: UUID, around: Around) -> Plan:
    draft = rules.check_draft(item.draft, around.currency)
    slug = rules.slug_of(draft.slug or draft.title)
    if around.slugs.get(slug, id) != id:
        slug = rules.suffixed(slug, id)
    product = steps.born(ctx, id, around.vendor_id, slug, draft)
    _check(None, product, around)
    vendors = frozenset({around.vendor_id} if around.vendor_active else ())
    plan = Plan(Stored(product, vendors, 0), product, new=True)
    plan.noted.append(("create", {}))
    plan.events.append(ProductCreated(product_id=id, vendor_id=around.vendor_id))
    plan.events += pictures_shown(product)
    return plan


def _present(ctx: Context, item: PutItem, found: Stored, around: Around) -> Plan | None:
    plan = Plan(found, found.product, new=False)
    if found.product.merged_into is not None:
        raise WrongProductState("It was merged into another.", state=found.product.status)
    if found.product.status == "archived":
        if item.status == "archived":
            return None
        plan.moved("restore", "restore")
    before = plan.after
    draft = kept(item.draft, before, around.pictures_max) if item.keeps else item.draft
    codes = {v.barcode for v in before.variants if v.barcode}
    draft = rules.check_draft(draft, around.currency, codes)
    rules.moved(before.status, "change")
    html = draft.description_html
    if html != before.description_html:
        html = markup.clean(html)
    after = steps.changed(ctx, before, draft, html)
    if after.model_copy(update={"updated_at": before.updated_at}) != before:
        _check(before, after, around)
        if before.status in LOOKED_AT:
            said = {(one.rule_id, one.path) for one in _objections(before, around)}
            found_now = _objections(after, around)
            complying.refuse([o for o in found_now if (o.rule_id, o.path) not in said])
        plan.step("change", after, *steps.differences(before, after))
    return plan


def _towards(plan: Plan, item: PutItem, around: Around) -> None:
    """Towards the state it is to have. To be on sale it is submitted."""
    if item.status == "active" and plan.after.status == "draft":
        _submit(plan, around)
    elif item.status == "archived" and plan.after.status != "archived":
        if not plan.new and steps.others_sell(Stored(plan.after, plan.found.active_vendors, 0)):
            before = plan.after
            after = rules.withdrawn(before, before.vendor_id)
            if after.variants != before.variants:
                told = ProductUpdated(product_id=before.id, vendor_id=before.vendor_id)
                plan.step("withdraw", after, told, *turned(before, after))
        else:
            plan.moved("archive", "archive")


def _submit(plan: Plan, around: Around) -> None:
    product = plan.after
    if not around.vendor_active:
        raise VendorNotActive
    listed = around.brand_lists.get(rules.brand_key(product.brand))
    if listed is not None and product.vendor_id not in listed:
        raise NotOnTheList
    if around.shared:
        codes = [v.barcode for v in product.variants if v.barcode]
        others = (around.barcodes.get(code, set()) - {product.id} for code in codes)
        known = min((id for ids in others for id in ids), default=None)
        if known is not None:
            raise ProductExists(productId=str(known))
    specs.filled(product.specs, _attributes(product, around), complete=True)
    objected = _objections(product, around)
    complying.refuse(objected)
    plan.moved("submit", "submit")
    path = around.paths.get(product.category_id, []) if product.category_id else []
    if not objected and rules.approving(around.rules, plan.after, set(path)) is not None:
        plan.moved("auto_approve", "approve")


def _objections(product: Product, around: Around) -> list[Objection]:
    """What the operator's rules say against it."""
    if not around.listing_rules:
        return []
    path = around.paths.get(product.category_id, []) if product.category_id else []
    text = markup.plain(product.description_html)
    return complying.objections(around.listing_rules, product, text, path)


def _check(before: Product | None, after: Product, around: Around) -> None:
    """What hangs on other rows and on settings."""
    taxed = before is not None and before.tax_class == after.tax_class
    if not taxed and after.tax_class not in around.tax_classes:
        message = "There is no such tax class."
        raise TaxClassUnknown.at("taxClass", message, "tax_class_unknown")
    stands = before.category_id if before else None
    if after.category_id not in (None, stands) and after.category_id not in around.paths:
        message = "There is no such category."
        raise CategoryUnknown.at("categoryId", message, "category_unknown")
    had = len(before.pictures) if before else 0
    if len(after.pictures) > max(around.pictures_max, had):
        message = f"A product has at most {around.pictures_max} pictures."
        raise Invalid.at("pictures", message, "pictures_full")
    if after.specs and (before is None or before.specs != after.specs):
        specs.filled(after.specs, _attributes(after, around), complete=False)
    if before is not None and around.slugs.get(after.slug, after.id) != after.id:
        raise SlugTaken(slug=after.slug)
    mine = [o for o in rules.offers_of(after) if o.main]
    taken = [o.sku for o in mine if around.skus.get(o.sku, after.id) != after.id]
    if taken:
        raise SkuTaken("Other products of this vendor have these SKUs.", skus=taken[:10])
    for variant in after.variants:
        alike = [o.condition for o in variant.offers if _is_ours(o.status, o.vendor_id, around)]
        if len(set(alike)) < len(alike):
            raise OfferExists


def _is_ours(status: str, vendor_id: UUID, around: Around) -> bool:
    return status == "active" and vendor_id == around.vendor_id


def _attributes(product: Product, around: Around) -> list[Attribute]:
    return around.attributes.get(product.category_id, []) if product.category_id else []


def kept(draft: ProductDraft, before: Product, pictures_max: int) -> ProductDraft:
    """The draft with what a file says nothing of, as it was: how its page is found, its
    specifications, pictures kept here, the goods' condition."""
    pictures = draft.pictures
    if not pictures or any(picture.media_id for picture in before.pictures):
        ours = [one for one in before.pictures if one.media_id or not pictures]
        most = max(pictures_max, len(ours))
        pictures = [*ours, *pictures][:most]
    offers = {o.sku: o for o in rules.offers_of(before) if o.vendor_id == before.vendor_id}
    variants = [
        variant.model_copy(
            update={
                "condition": offers[variant.sku].condition,
                "handling_days": offers[variant.sku].handling_days,
            }
        )
        if variant.sku in offers
        else variant
        for variant in draft.variants
    ]
    change = {"pictures": pictures, "variants": variants, "seo": before.seo, "specs": before.specs}
    return draft.model_copy(update=change)
