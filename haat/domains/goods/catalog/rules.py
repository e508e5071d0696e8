"""Pure decisions: states of a product, its slug, checks of a draft, what a card shows."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic_core import PydanticSerializationError

from haat.domains.goods.catalog import barcodes, price_rules
from haat.domains.goods.catalog.api import (
    ApprovalRule,
    CurrencyWrong,
    Listing,
    Offer,
    Product,
    ProductDraft,
    ProductStatus,
    SpecValue,
    Variant,
    VariantDraft,
    VariantUnknown,
    Why,
    WrongProductState,
)
from haat.domains.people.market.api import OffersPolicy
from haat.domains.people.media.api import Picture
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import Money

PRICE_MAX = 10_000_000_000  # minor units; 100,000 of the dearest still add up in a BIGINT
SLUG_MAX = 80
TITLE_KEY_MAX = 100
BRANDS = uuid5(NAMESPACE_URL, "https://haat.example/brands")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LINK = re.compile(r"https?://[^\s\"'<>\\]+", re.I)

# What a use case does to a product in each state; a state not named refuses it.
TRANSITIONS: dict[str, dict[ProductStatus, ProductStatus]] = {
    "submit": {
        "draft": "pending",
        "rejected": "pending",
        "changes_requested": "pending",
        "pending": "pending",
    },
    "approve": {"pending": "active", "active": "active"},
    "reject": {"pending": "rejected", "rejected": "rejected"},
    "request_changes": {
        "pending": "changes_requested",
        "changes_requested": "changes_requested",
    },
    "take_down": {
        "draft": "rejected",
        "pending": "rejected",
        "active": "rejected",
        "changes_requested": "rejected",
        "rejected": "rejected",
    },
    "archive": {
        "draft": "archived",
        "pending": "archived",
        "active": "archived",
        "rejected": "archived",
        "changes_requested": "archived",
        "archived": "archived",
    },
    "restore": {"archived": "draft", "draft": "draft"},
    "change": {
        "draft": "draft",
        "pending": "pending",
        "active": "active",
        "rejected": "rejected",
        "changes_requested": "changes_requested",
    },
}


def moved(status: ProductStatus, verb: str) -> ProductStatus:
    """The state `verb` leads to; WrongProductState where it is not allowed.

    Leading where the product is already means that the command was sent again.
    """
    found = TRANSITIONS[verb].get(status)
    if found is None:
        raise WrongProductState(
            f"The product is {status}: it cannot be made to {verb}.", state=status
        )
    return found


@lru_cache(maxsize=4096)
def slug_of(title: str, otherwise: str = "product") -> str:
    """Lower-case words of any script joined by hyphens, at most 80 characters."""
    kept = []
    latin = False
    for char in unicodedata.normalize("NFKD", title).casefold():
        mark = unicodedata.category(char).startswith("M")
        if mark:
            # Accents are dropped from Latin letters; other scripts cannot be read without them.
            kept.append("" if latin else char)
        else:
            latin = char.isascii()
            kept.append(char if char.isalnum() else "-")
    text = unicodedata.normalize("NFC", "".join(kept))
    text = re.sub(r"-+", "-", text).strip("-")
    return text[:SLUG_MAX].strip("-") or otherwise


def suffixed(slug: str, id: UUID) -> str:
    """The slug of a second product with the same title: always the same for the same product."""
    return f"{slug[: SLUG_MAX - 9].strip('-')}-{derive(id, 'slug').hex[:8]}"


def title_key(title: str) -> str:
    """What lists are sorted by."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())[:TITLE_KEY_MAX]


def check_draft(draft: ProductDraft, currency: str, kept: Collection[str] = ()) -> ProductDraft:
    """The draft, tidied; Invalid with the path of what is wrong, CurrencyWrong. Barcodes in `kept`
    pass as they are: they were there before any was checked.

    Option names missing from the draft are those of its first variant.
    """
    if not _is_storable(draft):
        check_texts(draft.model_dump(), "")
    title = " ".join(draft.title.split())
    if not title:
        raise Invalid.at("title", "Give a title.", "title_blank")
    names = draft.option_names or list(draft.variants[0].options)
    if len(set(names)) < len(names) or len(names) > 3:
        raise Invalid.at("optionNames", "At most three different names.", "options_wrong")
    _check_options(draft.variants, names)
    _check_links(draft)
    seen: set[str] = set()
    for place, variant in enumerate(draft.variants):
        sku = variant.sku.strip()
        if not sku:
            raise Invalid.at(f"variants.{place}.sku", "Give an SKU.", "sku_blank")
        if sku in seen:
            raise Invalid.at(f"variants.{place}.sku", "This SKU is here twice.", "sku_twice")
        seen.add(sku)
        check_price(variant.price, f"variants.{place}.price", currency)
        if variant.compare_at is not None:
            check_price(variant.compare_at, f"variants.{place}.compareAt", currency)
    tidy = []
    for place, variant in enumerate(draft.variants):
        code = variant.barcode or None
        if code is not None and code not in kept:
            code = barcodes.normalised(code, f"variants.{place}.barcode")
        sku = variant.sku.strip()
        if (sku, code) != (variant.sku, variant.barcode):
            variant = variant.model_copy(update={"sku": sku, "barcode": code})
        tidy.append(variant)
    if (title, names, tidy) == (draft.title, draft.option_names, draft.variants):
        return draft
    return draft.model_copy(update={"title": title, "option_names": names, "variants": tidy})


def _is_storable(draft: ProductDraft) -> bool:
    """False where some text may not be; a fifth of what looking at every text costs."""
    try:
        return b"\\u0000" not in draft.__pydantic_serializer__.to_json(draft)
    except PydanticSerializationError:  # half a surrogate pair
        return False


def _check_links(draft: ProductDraft) -> None:
    """Pictures elsewhere are addresses on the web: nothing that could run, or that is of here."""
    placed: list[tuple[str, Picture | None]] = []
    placed += [(f"pictures.{n}", picture) for n, picture in enumerate(draft.pictures)]
    placed += [(f"variants.{n}.picture", v.picture) for n, v in enumerate(draft.variants)]
    for path, picture in placed:
        if picture and picture.url and not _LINK.fullmatch(picture.url):
            raise Invalid.at(f"{path}.url", "Give an address with http or https.", "url_invalid")


def _check_options(variants: list[VariantDraft], names: list[str]) -> None:
    alike: set[tuple[str, ...]] = set()
    for place, variant in enumerate(variants):
        if set(variant.options) != set(names):
            raise Invalid.at(
                f"variants.{place}.options",
                "Every variant has one value for each option of the product.",
                "options_wrong",
            )
        values = tuple(variant.options[name] for name in names)
        if values in alike:
            raise Invalid.at(
                f"variants.{place}.options", "Another variant has these values.", "variants_alike"
            )
        alike.add(values)


def check_price(price: Money, path: str, currency: str) -> None:
    if price.currency != currency:
        raise CurrencyWrong.at(path, f"Prices are in {currency}.", "currency_wrong")
    if not 0 < price.minor <= PRICE_MAX:
        raise Invalid.at(path, "That is not a price.", "price_invalid")


def check_texts(value: Any, path: str) -> None:
    for where, text in _texts(value, path):
        if _UNSTORABLE.search(text):
            raise Invalid.at(where, "This text cannot be stored as it is.", "text_invalid")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield path, str(key)
            yield from _texts(part, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _texts(part, f"{path}.{place}")


def variants_of(
    product_id: UUID,
    vendor_id: UUID,
    draft: ProductDraft,
    present: list[Variant],
    new_id: Callable[[str], UUID],
) -> list[Variant]:
    """The product's variants as the draft wants them, then those it left out, paused.

    A variant is known by its id, else by its SKU: so one that was left out comes back with its
    own ids. Invalid (`variant_unknown`) for an id the product does not have. `new_id` gives the
    id called "variant:SKU" or "offer:SKU".
    """
    by_id = {v.id: v for v in present}
    by_sku = {o.sku: v for v in present for o in v.offers if o.main}
    named = {v.id for v in draft.variants if v.id is not None}
    used: set[UUID] = set()
    found = []
    for place, wanted in enumerate(draft.variants):
        known = by_id.get(wanted.id) if wanted.id else by_sku.get(wanted.sku)
        if wanted.id is not None and (known is None or known.id in used):
            raise Invalid.at(
                f"variants.{place}.id", "This product has no such variant.", "variant_unknown"
            )
        if wanted.id is None and known is not None and (known.id in named or known.id in used):
            known = None
        variant = _variant(vendor_id, wanted, draft.option_names, known, new_id)
        used.add(variant.id)
        found.append(variant)
    return found + [_paused(v) for v in present if v.id not in used]


def _variant(
    vendor_id: UUID,
    wanted: VariantDraft,
    names: list[str],
    known: Variant | None,
    new_id: Callable[[str], UUID],
) -> Variant:
    id = known.id if known else new_id(f"variant:{wanted.sku}")
    main = main_offer(known) if known else None
    offer = Offer(
        id=main.id if main else new_id(f"offer:{wanted.sku}"),
        variant_id=id,
        vendor_id=vendor_id,
        sku=wanted.sku,
        price=wanted.price,
        compare_at=wanted.compare_at,
        condition=wanted.condition,
        handling_days=wanted.handling_days,
        status=wanted.status,
        lowest_before=main.lowest_before if main else None,
        scheduled=main.scheduled if main else [],
    )
    return Variant(
        id=id,
        title=" / ".join(wanted.options[name] for name in names),
        options={name: wanted.options[name] for name in names},
        barcode=wanted.barcode or None,
        weight_g=wanted.weight_g,
        picture=wanted.picture,
        offers=[offer, *(o for o in known.offers if not o.main)] if known else [offer],
    )


def main_offer(variant: Variant) -> Offer | None:
    """The one its product's form writes."""
    return next((o for o in variant.offers if o.main), None)


def _paused(variant: Variant) -> Variant:
    """Without the offer of the product's own vendor; others go on selling it."""
    offers = [o.model_copy(update={"status": "paused"}) if o.main else o for o in variant.offers]
    return variant.model_copy(update={"offers": offers})


def approving(
    rules: Iterable[ApprovalRule], product: Product, path: Collection[UUID]
) -> ApprovalRule | None:
    """The first rule that approves this product; `path` is its category and those above it."""
    prices = [o.price.minor for o in offers_of(product) if o.status == "active"]
    for rule in rules:
        if rule.vendor_id not in (None, product.vendor_id):
            continue
        if rule.category_id is not None and rule.category_id not in path:
            continue
        low, high = rule.price_min or 0, rule.price_max
        if prices and low <= min(prices) and (high is None or max(prices) <= high):
            return rule
    return None


def said(draft: ProductDraft) -> dict[str, SpecValue]:
    """The specifications without those left empty; whole numbers as text, as others are."""
    found = {k: v for k, v in draft.specs.items() if v not in ("", [])}
    return {k: str(v) if type(v) is int else v for k, v in found.items()}


def differences(before: Product, after: Product) -> dict[str, list[Any]]:
    """{"field": [before, after]} of what changed; of variants those that did, by their id."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    for told in (old, new):
        for name in ("version", "updatedAt"):
            del told[name]
        told["variants"] = {one["id"]: one for one in told["variants"]}
    changed = {name: [old[name], new[name]] for name in old if old[name] != new[name]}
    if "variants" in changed:
        was, now = old["variants"], new["variants"]
        ids = list(was | now)
        ids = [id for id in ids if was.get(id) != now.get(id)]
        changed["variants"] = [[was.get(id) for id in ids], [now.get(id) for id in ids]]
        if not ids:  # only their order
            changed["variants"] = [list(was), list(now)]
    return changed


def offers_of(product: Product) -> list[Offer]:
    return [o for v in product.variants for o in v.offers]


def selling(product: Product, active_vendors: Collection[UUID]) -> list[Offer]:
    """The offers on sale: active ones, of vendors who may sell (`active_vendors`)."""
    return [o for o in offers_of(product) if o.status == "active" and o.vendor_id in active_vendors]


def shown(product: Product, active_vendors: Collection[UUID]) -> Product:
    """The product as customers see it: with the offers on sale, and the variants that have any."""
    found = []
    for variant in product.variants:
        offers = [
            o for o in variant.offers if o.status == "active" and o.vendor_id in active_vendors
        ]
        if offers:
            found.append(variant.model_copy(update={"offers": offers}))
    return product.model_copy(update={"variants": found})


def withdrawn(product: Product, vendor_id: UUID) -> Product:
    """The product without this vendor's offers, which are paused."""
    variants = [
        v.model_copy(
            update={
                "offers": [
                    o.model_copy(update={"status": "paused"}) if o.vendor_id == vendor_id else o
                    for o in v.offers
                ]
            }
        )
        for v in product.variants
    ]
    return product.model_copy(update={"variants": variants})


def refusal(
    policy: OffersPolicy,
    product: Product,
    vendor_id: UUID,
    lists: Mapping[tuple[str, str], set[UUID]],
) -> Why | None:
    """Why this vendor may not attach an offer to this product, None when it may.

    `lists` holds who may sell what, by ("product", id) and ("brand", key); what has no list is
    open to all. A product's own list never shuts out whose product it is.
    """
    if product.status != "active":
        return "state"
    own = vendor_id == product.vendor_id
    if policy == "own" and not own:
        return "policy"
    named = lists.get(("product", str(product.id)))
    if named is not None and vendor_id not in named and not own:
        return "listed"
    named = lists.get(("brand", brand_key(product.brand)))
    if named is not None and vendor_id not in named:
        return "listed"
    return None


def brand_key(brand: str) -> str:
    """What a brand is known by, however it is written; "" for none."""
    return slug_of(brand, "") if brand.strip() else ""


def brand_id(brand: str) -> UUID | None:
    """The id of the brand that is written like this, None for none: it follows from its key."""
    key = brand_key(brand)
    return derive(BRANDS, key) if key else None


def check_offer(sku: str | None, prices: Iterable[tuple[str, Money | None]], currency: str) -> None:
    """Invalid with the path of what is wrong, CurrencyWrong."""
    if sku is not None:
        check_texts(sku, "sku")
        if not sku.strip():
            raise Invalid.at("sku", "Give an SKU.", "sku_blank")
    for path, price in prices:
        if price is not None:
            check_price(price, path, currency)


def variant_for(product: Product, variant_id: UUID | None) -> Variant:
    """The variant an offer is for; VariantUnknown."""
    if variant_id is None and len(product.variants) == 1:
        return product.variants[0]
    for variant in product.variants:
        if variant.id == variant_id:
            return variant
    message = "Choose one of the product's variants."
    raise VariantUnknown.at("variantId", message, "variant_unknown")


def with_offer(product: Product, offer: Offer) -> Product:
    """The product with this offer, new or in place of what it was."""
    variants = []
    for variant in product.variants:
        if variant.id == offer.variant_id:
            offers = [offer if o.id == offer.id else o for o in variant.offers]
            if offer not in offers:
                offers.append(offer)
            variant = variant.model_copy(update={"offers": offers})
        variants.append(variant)
    return product.model_copy(update={"variants": variants})


def announced(before: Product | None, after: Product, known: Mapping[UUID, Money]) -> Product:
    """The product with what stands beside each reduction it announces anew."""
    had = offers_of(before) if before else []
    found = price_rules.announced(had, offers_of(after), known)
    for offer in offers_of(after):
        if offer.id in found and found[offer.id] != offer.lowest_before:
            told = offer.model_copy(update={"lowest_before": found[offer.id]})
            after = with_offer(after, told)
    return after


def listing_of(product: Product, active_vendors: Collection[UUID], text: str = "") -> Listing:
    """What a card needs, from the offers on sale; where there are none, from those that would be.

    The vendor is the product's own while it sells, else who sells cheapest.
    """
    on_sale = selling(product, active_vendors)
    ready = [o for o in offers_of(product) if o.status == "active"]
    offers = [price_rules.settled(o) for o in on_sale or ready or offers_of(product)]
    who = sorted({o.vendor_id for o in on_sale})
    cheapest = min(offers, key=lambda o: o.price.minor)
    dearest = max(offers, key=lambda o: o.price.minor)
    reduced = price_rules.is_reduced(cheapest)
    pictures = [*product.pictures, *(v.picture for v in product.variants if v.picture)]
    return Listing(
        id=product.id,
        slug=product.slug,
        title=product.title,
        text=text,
        vendor_id=(
            product.vendor_id if product.vendor_id in who or not who else cheapest.vendor_id
        ),
        vendor_ids=who,
        category_id=product.category_id,
        brand=product.brand,
        picture=pictures[0] if pictures else None,
        price_from=cheapest.price,
        price_to=dearest.price,
        rating=product.rating,
        compare_at=cheapest.compare_at if reduced else None,
        lowest_before=cheapest.lowest_before if reduced else None,
        offer_ids=[o.id for o in on_sale or ready],
        tax_class=product.tax_class,
        status="draft" if product.status == "changes_requested" else product.status,
        changes_requested=product.status == "changes_requested",
        created_at=product.created_at,
    )


ONLY_IN_EVENTS = {"text", "attributes", "codes"}


def indexed(product: Product, active_vendors: Collection[UUID], text: str) -> Listing:
    """What is looked for, beside what a card shows: description, options, specifications, SKUs
    and barcodes."""
    attributes: dict[str, list[str]] = {
        name: [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
        for name, value in product.specs.items()
        if not isinstance(value, bool)
    }
    codes: dict[str, None] = {}
    on_sale = {offer.id for offer in selling(product, active_vendors)}
    for variant in product.variants:
        active = [offer for offer in variant.offers if offer.id in on_sale]
        if not active:
            continue
        for name, value in variant.options.items():
            if value not in attributes.setdefault(name, []):
                attributes[name].append(value)
        codes.update(dict.fromkeys(offer.sku for offer in active))
        if variant.barcode:
            codes[variant.barcode] = None
    listing = listing_of(product, active_vendors, text)
    return listing.model_copy(update={"attributes": attributes, "codes": list(codes)})
