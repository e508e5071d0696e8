"""Pure decisions: states of a product, its slug, checks of a draft, what a card shows."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import (
    CurrencyWrong,
    Listing,
    Offer,
    Product,
    ProductDraft,
    ProductStatus,
    Variant,
    VariantDraft,
    WrongProductState,
)
from haat.domains.people.media.api import Picture
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import Money

PRICE_MAX = 10_000_000_000  # minor units; 100,000 of the dearest still add up in a BIGINT
SLUG_MAX = 80
TITLE_KEY_MAX = 100
_LINK = re.compile(r"https?://[^\s\"'<>\\]+", re.I)

# What a use case does to a product in each state; a state not named refuses it.
TRANSITIONS: dict[str, dict[ProductStatus, ProductStatus]] = {
    "submit": {"draft": "pending", "rejected": "pending", "pending": "pending"},
    "approve": {"pending": "active", "active": "active"},
    "reject": {"pending": "rejected", "rejected": "rejected"},
    "archive": {
        "draft": "archived",
        "pending": "archived",
        "active": "archived",
        "rejected": "archived",
        "archived": "archived",
    },
    "restore": {"archived": "draft", "draft": "draft"},
    "change": {"draft": "draft", "pending": "pending", "active": "active", "rejected": "rejected"},
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


def check_draft(draft: ProductDraft, currency: str) -> ProductDraft:
    """The draft, tidied; Invalid with the path of what is wrong, CurrencyWrong.

    Option names missing from the draft are those of its first variant.
    """
    _check_texts(draft.model_dump(), "")
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
        _check_price(variant.price, f"variants.{place}.price", currency)
        if variant.compare_at is not None:
            _check_price(variant.compare_at, f"variants.{place}.compareAt", currency)
    tidy = [v.model_copy(update={"sku": v.sku.strip()}) for v in draft.variants]
    return draft.model_copy(update={"title": title, "option_names": names, "variants": tidy})


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


def _check_price(price: Money, path: str, currency: str) -> None:
    if price.currency != currency:
        raise CurrencyWrong.at(path, f"Prices are in {currency}.", "currency_wrong")
    if not 0 < price.minor <= PRICE_MAX:
        raise Invalid.at(path, "That is not a price.", "price_invalid")


def _check_texts(value: Any, path: str) -> None:
    for where, text in _texts(value, path):
        if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
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
    by_sku = {v.offers[0].sku: v for v in present if v.offers}
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
    offer = Offer(
        id=known.offers[0].id if known and known.offers else new_id(f"offer:{wanted.sku}"),
        variant_id=id,
        vendor_id=vendor_id,
        sku=wanted.sku,
        price=wanted.price,
        compare_at=wanted.compare_at,
    )
    return Variant(
        id=id,
        title=" / ".join(wanted.options[name] for name in names),
        options={name: wanted.options[name] for name in names},
        barcode=wanted.barcode or None,
        weight_g=wanted.weight_g,
        picture=wanted.picture,
        offers=[offer],
    )


def _paused(variant: Variant) -> Variant:
    offers = [o.model_copy(update={"status": "paused"}) for o in variant.offers]
    return variant.model_copy(update={"offers": offers})


def shown(product: Product) -> Product:
    """The product as customers see it: without variants that are paused."""
    on_sale = [v for v in product.variants if any(o.status == "active" for o in v.offers)]
    return product.model_copy(update={"variants": on_sale})


def listing_of(product: Product, text: str = "") -> Listing:
    """What a card needs, from the offers that are active."""
    offers = [o for v in product.variants for o in v.offers if o.status == "active"]
    cheapest = min(offers, key=lambda o: o.price.minor)
    dearest = max(offers, key=lambda o: o.price.minor)
    before = cheapest.compare_at
    pictures = [*product.pictures, *(v.picture for v in product.variants if v.picture)]
    return Listing(
        id=product.id,
        slug=product.slug,
        title=product.title,
        text=text,
        vendor_id=product.vendor_id,
        category_id=product.category_id,
        brand=product.brand,
        picture=pictures[0] if pictures else None,
        price_from=cheapest.price,
        price_to=dearest.price,
        compare_at=before if before and cheapest.price < before else None,
        offer_ids=[o.id for o in offers],
        status=product.status,
        created_at=product.created_at,
    )


ONLY_IN_EVENTS = {"text", "attributes", "codes"}


def indexed(product: Product, text: str) -> Listing:
    """What is looked for, beside what a card shows: description, options, SKUs and barcodes."""
    attributes: dict[str, list[str]] = {}
    codes: dict[str, None] = {}
    for variant in product.variants:
        active = [offer for offer in variant.offers if offer.status == "active"]
        if not active:
            continue
        for name, value in variant.options.items():
            if value not in attributes.setdefault(name, []):
                attributes[name].append(value)
        codes.update(dict.fromkeys(offer.sku for offer in active))
        if variant.barcode:
            codes[variant.barcode] = None
    listing = listing_of(product, text)
    return listing.model_copy(update={"attributes": attributes, "codes": list(codes)})
