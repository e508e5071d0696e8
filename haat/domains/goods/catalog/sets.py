"""Many facts as few events, each small enough for whatever carries it."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from haat.domains.goods.catalog.putting import (
    SET_CHARS,
    SET_MOST,
    AddedOffer,
    ListingAdded,
    ListingsAdded,
    OffersAdded,
)


def listings(vendor_id: UUID, added: Sequence[ListingAdded]) -> Iterator[ListingsAdded]:
    some: list[ListingAdded] = []
    chars = 0
    for one in added:
        size = len(one.card) + len(one.text)
        if some and (len(some) == SET_MOST or chars + size > SET_CHARS):
            yield ListingsAdded(vendor_id=vendor_id, listings=some)
            some, chars = [], 0
        some.append(one)
        chars += size
    if some:
        yield ListingsAdded(vendor_id=vendor_id, listings=some)


def offers(vendor_id: UUID, added: Sequence[AddedOffer]) -> Iterator[OffersAdded]:
    for start in range(0, len(added), SET_MOST * 5):
        yield OffersAdded(vendor_id=vendor_id, offers=list(added[start : start + SET_MOST * 5]))
