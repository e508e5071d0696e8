"""Many offers attached at once are what they are one by one."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog.api import (
    AttachItem,
    AttachOutcome,
    OfferDraft,
    Product,
    VendorNotActive,
)
from tests.domains.goods.doubles import emitted, guest, staff, system, usd
from tests.domains.goods.test_offers import Bazaar, bazaar

__all__ = ["bazaar"]


def item(product: Product, price: int = 900, *, id: UUID | None = None, **more: Any) -> AttachItem:
    given = {"sku": uuid4().hex, "price": usd(price), **more}
    draft = OfferDraft.model_validate(given)
    return AttachItem(id=id or uuid4(), product_id=product.id, draft=draft)


async def attach(bazaar: Bazaar, *items: AttachItem) -> list[AttachOutcome]:
    ctx = replace(bazaar.they, caller="app")
    return await bazaar.catalog.attach_many(ctx, vendor_id=bazaar.other, items=list(items))


async def test_many_are_what_one_is(bazaar: Bazaar) -> None:
    one, many = await bazaar.product(), await bazaar.product()
    await emitted(bazaar.db)
    given: dict[str, Any] = {"compare_at": usd(1200), "condition": "used-good", "handling_days": 4}
    singly = await bazaar.attach(one, 900, **given)
    first = dict(await emitted(bazaar.db))
    wanted = item(many, 900, **given)
    assert [told.what for told in await attach(bazaar, wanted)] == ["attached"]
    second = dict(await emitted(bazaar.db))
    [added] = second["offer.added.many"]["offers"]
    assert added | {"vendorId": second["offer.added.many"]["vendorId"]} == first["offer.added"] | {
        "productId": str(many.id),
        "offerId": str(wanted.id),
        "sku": wanted.draft.sku,
    }
    listings = [told["product.index.requested"]["listing"] for told in (first, second)]
    assert len({repr(listing["vendorIds"]) for listing in listings}) == 1
    seen = await bazaar.catalog.product(guest(), ref=many.slug)
    found = next(o for o in seen.variants[0].offers if o.id == wanted.id)
    different = {"id", "variant_id", "sku"}
    assert found.model_dump(exclude=different) == singly.model_dump(exclude=different)
    assert await bazaar.card(many) == (900, 2, bazaar.owner)
    pages = [await bazaar.catalog.history(staff(), product_id=p.id) for p in (one, many)]
    last = [page.items[0] for page in pages]
    assert {(change.what, change.actor_type) for change in last} == {("attach", "person")}
    assert [sorted(change.changes) for change in last] == [["variants"], ["variants"]]
    steps = await bazaar.db.fetch(
        "SELECT price_minor, compare_at_minor FROM catalog.prices WHERE offer_id = ANY($1)",
        [singly.id, wanted.id],
    )
    assert [tuple(step) for step in steps] == [(900, 1200)] * 2


async def test_one_that_is_refused_stops_no_other(bazaar: Bazaar) -> None:
    products = [await bazaar.product() for _ in range(3)]
    guarded = await bazaar.product()
    await bazaar.catalog.allow(staff(), product_id=guarded.id, vendor_ids=[uuid4()])
    nowhere = item(products[0]).model_copy(update={"product_id": uuid4()})
    items = [
        item(products[0]),
        item(products[1], 0),
        nowhere,
        item(guarded),
        item(products[2], sku=" "),
        item(products[2]),
    ]
    told = await attach(bazaar, *items)
    assert [one.code or one.what for one in told] == [
        "attached",
        "price_invalid",
        "not_found",
        "vendor_not_listed",
        "sku_blank",
        "attached",
    ]
    assert [one.id for one in told] == [one.id for one in items]
    # An SKU that is taken shows in the database only: then each goes for itself.
    taken = items[0].draft.sku
    later = [item(products[1], sku=taken), item(products[1])]
    assert [one.code or one.what for one in await attach(bazaar, *later)] == [
        "sku_taken",
        "attached",
    ]


async def test_the_same_again_and_at_once_changes_nothing(bazaar: Bazaar) -> None:
    items = [item(await bazaar.product(), 500 + n) for n in range(6)]
    found = await asyncio.gather(*(attach(bazaar, *items) for _ in range(3)))
    assert {one.what for told in found for one in told} <= {"attached", "unchanged"}
    await emitted(bazaar.db)
    assert {one.what for one in await attach(bazaar, *items)} == {"unchanged"}
    assert await emitted(bazaar.db) == []
    lines = await bazaar.catalog.offers(system(), ids=[one.id for one in items])
    assert sorted(line.price.minor for line in lines) == [500 + n for n in range(6)]


async def test_who_is_suspended_attaches_nothing(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    await bazaar.suspend(bazaar.other)
    with pytest.raises(VendorNotActive):
        await attach(bazaar, item(product))
    assert await bazaar.card(product) == (1000, 1, bazaar.owner)
