"""What a use case makes of a product, and who is told what: nothing here reads or writes."""

from uuid import UUID

from haat.domains.goods.catalog import markup, rules
from haat.domains.goods.catalog.api import (
    OfferAdded,
    OfferRenamed,
    Product,
    ProductApproved,
    ProductDraft,
    ProductKindChanged,
    ProductRejected,
    ProductSubmitted,
    ProductUpdated,
    Refusal,
)
from haat.domains.goods.catalog.service.stored import Stored, repriced, turned
from haat.domains.goods.catalog.showing import files_of, pictures_shown
from haat.kernel.context import Context
from haat.kernel.events import Event
from haat.kernel.ids import derive

REFUSALS: dict[str, Refusal] = {
    "reject": "rejected",
    "request_changes": "changes_requested",
    "take_down": "taken_down",
}


def others_sell(found: Stored) -> bool:
    """Whether it is on sale by somebody beside its own vendor."""
    product = found.product
    who = {o.vendor_id for o in rules.selling(product, found.active_vendors)}
    return product.status == "active" and bool(who - {product.vendor_id})


def born(ctx: Context, id: UUID, vendor_id: UUID, slug: str, draft: ProductDraft) -> Product:
    now = ctx.now()
    return Product(
        id=id,
        slug=slug,
        vendor_id=vendor_id,
        title=draft.title,
        description_html=markup.clean(draft.description_html),
        category_id=draft.category_id,
        brand=draft.brand.strip(),
        tax_class=draft.tax_class,
        kind=draft.kind or "physical",
        status="draft",
        option_names=draft.option_names,
        pictures=draft.pictures,
        seo=draft.seo,
        specs=rules.said(draft),
        variants=rules.variants_of(id, vendor_id, _nameless(draft), [], lambda n: derive(id, n)),
        created_at=now,
        updated_at=now,
    )


def _nameless(draft: ProductDraft) -> ProductDraft:
    """A new product has no variants to name: ids given for them mean nothing yet."""
    if all(v.id is None for v in draft.variants):
        return draft
    variants = [v.model_copy(update={"id": None}) for v in draft.variants]
    return draft.model_copy(update={"variants": variants})


def changed(ctx: Context, before: Product, draft: ProductDraft, html: str) -> Product:
    variants = rules.variants_of(
        before.id, before.vendor_id, draft, before.variants, lambda name: ctx.new_id()
    )
    change = {
        "title": draft.title,
        "description_html": html,
        "category_id": draft.category_id,
        "brand": draft.brand.strip(),
        "tax_class": draft.tax_class,
        "kind": draft.kind or before.kind,
        "option_names": draft.option_names,
        "pictures": draft.pictures,
        "variants": variants,
        "seo": draft.seo,
        "specs": rules.said(draft),
        "slug": rules.slug_of(draft.slug) if draft.slug else before.slug,
        "updated_at": ctx.now(),
    }
    return before.model_copy(update=change)


def differences(before: Product, after: Product) -> list[Event]:
    """What others need to know of a change, beside the listing."""
    found: list[Event] = [ProductUpdated(product_id=after.id, vendor_id=after.vendor_id)]
    if before.kind != after.kind:
        found += [added(before, offer.id) for offer in rules.offers_of(before)]
        found.append(
            ProductKindChanged(product_id=after.id, vendor_id=after.vendor_id, kind=after.kind)
        )
    if files_of(before) != files_of(after):
        found += pictures_shown(after, before)
    known = {o.id: o for o in rules.offers_of(before)}
    for offer in (o for o in rules.offers_of(after) if o.main):
        was = known.get(offer.id)
        if was is None:
            found.append(added(after, offer.id))
            continue
        if was.sku != offer.sku:
            found.append(added(before, offer.id))
            found.append(
                OfferRenamed(
                    product_id=after.id,
                    offer_id=offer.id,
                    vendor_id=after.vendor_id,
                    sku=offer.sku,
                )
            )
    return [found[0], *repriced(before, after), *found[1:], *turned(before, after)]


def added(product: Product, offer_id: UUID) -> OfferAdded:
    """Also said again before what has changed of an offer: it may have been told of in a set, which
    is not ordered with what is told of its product."""
    offer = next(o for o in rules.offers_of(product) if o.id == offer_id)
    return OfferAdded(
        product_id=product.id,
        offer_id=offer_id,
        vendor_id=offer.vendor_id,
        sku=offer.sku,
        counted=product.kind == "physical",
    )


def moved(product: Product, verb: str, *, bulk: bool = False) -> list[Event]:
    id, vendor_id, title = product.id, product.vendor_id, product.title
    if verb == "submit":
        return [ProductSubmitted(product_id=id, vendor_id=vendor_id, title=title)]
    if verb == "approve":
        approved = ProductApproved(product_id=id, vendor_id=vendor_id, title=title, bulk=bulk)
        return [approved, *pictures_shown(product)]
    if verb in REFUSALS:
        return [
            ProductRejected(
                product_id=id,
                vendor_id=vendor_id,
                title=title,
                reason=product.reason or "",
                kind=REFUSALS[verb],
                also_vendor_ids=_others(product) if verb == "take_down" else [],
            )
        ]
    return [ProductUpdated(product_id=id, vendor_id=vendor_id)]


def _others(product: Product) -> list[UUID]:
    """Vendors with an active offer on a product of somebody else's."""
    offers = [o for o in rules.offers_of(product) if o.status == "active"]
    return sorted({o.vendor_id for o in offers} - {product.vendor_id})
