"""What becomes of two products that are one: pure."""

from dataclasses import dataclass
from uuid import UUID

from haat.domains.goods.catalog.api import Offer, Product, Variant, VariantsDiffer


@dataclass(frozen=True, slots=True)
class Merger:
    """`kept` as it will be; which variants and offers came to it, and what they were paused."""

    kept: Product
    variants: list[Variant]
    offers: list[Offer]


def merged(kept: Product, gone: Product) -> Merger:
    """A variant of `gone` is the one of `kept` with its barcode, else with its options, else the
    only one of each; any other comes along. VariantsDiffer where it has other options.

    What a vendor sells twice then, in the same condition, it goes on selling once.
    """
    variants = {v.id: v for v in kept.variants}
    came, moved = [], []
    for variant in gone.variants:
        twin = _twin(kept, gone, variant)
        if twin is None and set(variant.options) != set(kept.option_names):
            raise VariantsDiffer(options=[*kept.option_names], others=[*gone.option_names])
        place = twin.id if twin else variant.id
        present = variants[place].offers if twin else []
        offers = [_moved(offer, place, kept, alone=twin is None) for offer in variant.offers]
        offers = _once(present, offers)
        moved += offers
        if twin is None:
            came.append(variant.model_copy(update={"offers": offers}))
            variants[place] = came[-1]
        else:
            variants[place] = variants[place].model_copy(update={"offers": [*present, *offers]})
    after = kept.model_copy(update={"variants": list(variants.values())})
    return Merger(after, came, moved)


def _twin(kept: Product, gone: Product, variant: Variant) -> Variant | None:
    if variant.barcode:
        for one in kept.variants:
            if one.barcode == variant.barcode:
                return one
    for one in kept.variants:
        if one.options == variant.options:
            return one
    alone = len(kept.variants) == len(gone.variants) == 1
    return kept.variants[0] if alone else None


def _moved(offer: Offer, variant_id: UUID, kept: Product, *, alone: bool) -> Offer:
    """Only the product's own vendor has main offers, one for a variant."""
    main = offer.main and alone and offer.vendor_id == kept.vendor_id
    return offer.model_copy(update={"variant_id": variant_id, "main": main})


def _once(present: list[Offer], offers: list[Offer]) -> list[Offer]:
    sold = {(o.vendor_id, o.condition) for o in present if o.status == "active"}
    found = []
    for offer in offers:
        key = (offer.vendor_id, offer.condition)
        if offer.status == "active" and key in sold:
            offer = offer.model_copy(update={"status": "paused"})
        elif offer.status == "active":
            sold.add(key)
        found.append(offer)
    return found
