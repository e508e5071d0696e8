"""What narrows a search, as filters of the engine: values of one group add up, groups narrow each
other, and each group is counted without its own filter."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from uuid import UUID

from haat.domains.insight.search import documents
from haat.domains.insight.search.api import RADIUS_MAX_KM, Narrow, RatingRange
from haat.domains.insight.search.rules import amount
from haat.engines.search import AnyOf, Between, Filter, Near

STARS = (100, 200, 300, 400)  # hundredths, where the ranges of ratings meet
RINGS = (5, 10, 25, 50, 100, 250)  # kilometres that hits are counted within


def goods(
    category_ids: Sequence[UUID] | None,
    price_min: int | None,
    price_max: int | None,
    brands: Sequence[str] | None,
    attributes: Mapping[str, Sequence[str]] | None,
) -> list[Filter]:
    """What is said of a product itself."""
    found: list[Filter] = []
    if category_ids is not None:
        ids = tuple(map(str, category_ids))
        found.append(AnyOf("shelf", ids, apart=("shelf", "category")))
    if price_min is not None:
        found.append(Between("price_to", low=amount(price_min), apart=("price_from",)))
    if price_max is not None:
        found.append(Between("price_from", high=amount(price_max), apart=("price_from",)))
    if brands:
        found.append(AnyOf("brand", tuple(brands), apart=("brand",)))
    for name, values in (attributes or {}).items():
        chosen = tuple(documents.attribute(name, value) for value in values)
        beside = documents.attribute(name, "")
        found.append(AnyOf("attribute", chosen, apart=("attribute",), prefix=beside))
    return found


def sellers(narrow: Narrow, vendor_id: UUID | None) -> list[Filter]:
    """What is said of a product's vendors, its stock and what customers think of it."""
    found = stores(narrow)
    if vendor_id is not None:
        found.append(AnyOf("vendor", (str(vendor_id),), apart=("vendor",)))
    if narrow.vendor_ids:
        found.append(AnyOf("vendor", tuple(map(str, narrow.vendor_ids)), apart=("vendor",)))
    if narrow.in_stock:
        found.append(AnyOf("stock", (documents.IN_STOCK,), apart=("stock",)))
    return found


def stores(narrow: Narrow) -> list[Filter]:
    """What can be said of a vendor as well."""
    found: list[Filter] = []
    if narrow.rating_min is not None:
        found.append(Between("rating", low=narrow.rating_min, apart=("rating",)))
    if narrow.verified:
        found.append(AnyOf("trust", (documents.VERIFIED,), apart=("trust",)))
    near = narrow.near
    if near is not None and near.km is not None and near.km < RADIUS_MAX_KM:
        found.append(Near(near.latitude, near.longitude, near.km))
    return found


def at_least(counts: Sequence[int]) -> list[dict[str, int]]:
    """From counts between STARS to counts from each of them on, the best first."""
    sums = accumulate(reversed(counts))
    return [
        {"least": least, "count": count}
        for least, count in zip(reversed(STARS), sums, strict=False)
    ]


def ratings(counts: Sequence[int]) -> list[RatingRange]:
    return [RatingRange(**one) for one in at_least(counts)]
