"""Products that are there twice: found by barcode, merged, and what became of each is kept."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog import merging, rules
from haat.domains.goods.catalog.api import (
    Product,
    ProductExists,
    VariantsDiffer,
    WrongProductState,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.goods.catalog.proof import prove
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import START, draft, emitted, guest, of_vendor, staff, system, usd
from tests.domains.goods.test_offers import Bazaar

CODE, OTHER = "4006381333931", "73513537"


@pytest_asyncio.fixture
async def bazaar(database_of: DatabaseOf) -> AsyncIterator[Bazaar]:
    made = Bazaar(await database_of("catalog"))
    await emitted(made.db)
    yield made
    assert await prove(made.db, 5) == []


async def made(
    bazaar: Bazaar, ctx: Context, title: str, *codes: str | None, price: int = 1000
) -> Product:
    """A product on sale with a variant for each barcode."""
    assert ctx.vendor_id is not None
    skus = [uuid4().hex for _ in codes]
    wanted = draft(title, skus, prices=[price + n for n in range(len(codes))])
    names = ["Size"] if len(codes) > 1 else []
    variants = [
        v.model_copy(update={"barcode": code, "options": {"Size": str(n)} if names else {}})
        for n, (v, code) in enumerate(zip(wanted.variants, codes, strict=True))
    ]
    wanted = wanted.model_copy(update={"variants": variants})
    product = await bazaar.catalog.create(ctx, id=uuid4(), vendor_id=ctx.vendor_id, draft=wanted)
    await bazaar.catalog.submit(ctx, id=product.id)
    return await bazaar.catalog.decide(staff(), id=product.id, decision="approve")


def fresh() -> str:
    """A barcode nobody else has."""
    from haat.domains.goods.catalog.barcodes import check_digit

    digits = f"2{uuid4().int % 10**11:011d}"
    return f"{digits}{check_digit(digits)}"


async def test_barcodes_are_checked_and_kept_in_one_form(bazaar: Bazaar) -> None:
    product = await made(bazaar, bazaar.me, "Coded", "0 36000-29145 2")
    assert product.variants[0].barcode == "0036000291452"
    wanted = draft_of(product)
    wrong = wanted.variants[0].model_copy(update={"barcode": "036000291453"})
    with pytest.raises(Invalid) as told:
        await bazaar.catalog.change(
            bazaar.me, id=product.id, draft=wanted.model_copy(update={"variants": [wrong]})
        )
    assert "but 2 would be right" in told.value.fields[0].message
    # What was there before barcodes were checked stays, until it is changed.
    await bazaar.db.execute(
        "UPDATE catalog.variants SET barcode = 'OLD-1' WHERE product_id = $1", product.id
    )
    again = draft_of(await bazaar.catalog.product(bazaar.me, ref=product.slug))
    renamed = again.model_copy(update={"title": "Renamed"})
    changed = await bazaar.catalog.change(bazaar.me, id=product.id, draft=renamed)
    assert changed.variants[0].barcode == "OLD-1"


async def test_two_products_become_one(bazaar: Bazaar) -> None:
    code = fresh()
    kept = await made(bazaar, bazaar.me, "Kettle", code)
    gone = await made(bazaar, bazaar.they, "Ketle", code, price=800)
    third = await bazaar.attach(gone, 700, ctx=of_vendor(uuid4()))
    found = await bazaar.catalog.duplicates(staff())
    [pair] = [one for one in found.items if one.barcode == code]
    assert [one.id for one in pair.products] == [kept.id, gone.id]
    await emitted(bazaar.db)
    for _ in range(2):
        merged = await bazaar.catalog.merge(staff(), kept_id=kept.id, gone_id=gone.id)
    [variant] = merged.variants
    theirs = gone.variants[0].offers[0]
    assert {o.id for o in variant.offers} == {kept.variants[0].offers[0].id, theirs.id, third.id}
    assert [o.main for o in variant.offers].count(True) == 1
    assert await bazaar.card(merged) == (700, 3, bazaar.owner)
    assert await bazaar.card(gone) is None
    assert all(await bazaar.buyable(theirs.id, third.id))
    lines = await bazaar.catalog.offers(system(), ids=[theirs.id])
    assert (lines[0].product_id, lines[0].price) == (kept.id, usd(800))
    own = await bazaar.catalog.own_offers(bazaar.they, vendor_id=bazaar.other)
    assert [one.offer.id for one in own.items] == [theirs.id]

    told = await emitted(bazaar.db)
    assert sorted(name for name, _ in told) == [
        "offer.added",  # in case they were told of in a set that has not been heard yet
        "offer.added",
        "offer.moved",
        "offer.moved",
        "product.index.requested",
        "product.index.requested",
        "product.merged",
    ]
    index = {d["productId"]: d["listing"] for n, d in told if n == "product.index.requested"}
    assert index[str(gone.id)] is None
    assert len(index[str(kept.id)]["vendorIds"]) == 3

    # Every address the other one had leads here.
    for ref in (gone.slug, str(gone.id)):
        with pytest.raises(NotFound):
            await bazaar.catalog.product(guest(), ref=ref)
        assert await bazaar.catalog.moved(guest(), ref=ref) == kept.slug
    for ref in (kept.slug, str(kept.id), "nowhere", "\0"):
        with pytest.raises(NotFound):
            await bazaar.catalog.moved(guest(), ref=ref)
    with pytest.raises(WrongProductState):
        await bazaar.catalog.restore(bazaar.they, id=gone.id)
    assert not [o for o in (await bazaar.catalog.duplicates(staff())).items if o.barcode == code]


async def test_merged_twice_in_a_row(bazaar: Bazaar) -> None:
    one, two, three = [await made(bazaar, bazaar.me, f"P{n}", None) for n in range(3)]
    await bazaar.catalog.merge(staff(), kept_id=two.id, gone_id=one.id)
    await bazaar.catalog.merge(staff(), kept_id=three.id, gone_id=two.id)
    for ref in (one.slug, two.slug, str(one.id)):
        assert await bazaar.catalog.moved(guest(), ref=ref) == three.slug
    with pytest.raises(WrongProductState):
        await bazaar.catalog.merge(staff(), kept_id=one.id, gone_id=three.id)
    with pytest.raises(Invalid):
        await bazaar.catalog.merge(staff(), kept_id=one.id, gone_id=one.id)
    with pytest.raises(NotFound):
        await bazaar.catalog.merge(staff(), kept_id=three.id, gone_id=uuid4())


async def test_variants_come_along(bazaar: Bazaar) -> None:
    code = fresh()
    kept = await made(bazaar, bazaar.me, "Shirt", code, None)
    gone = await made(bazaar, bazaar.they, "Shirt!", code, None, None)
    merged = await bazaar.catalog.merge(staff(), kept_id=kept.id, gone_id=gone.id)
    assert [v.options["Size"] for v in merged.variants] == ["0", "1", "2"]
    assert [len(v.offers) for v in merged.variants] == [2, 2, 1]
    assert [o.main for v in merged.variants for o in v.offers] == [True, False] * 2 + [False]
    # Its vendor can still write its form; the variant it does not sell stays with who does.
    wanted = draft_of(merged).model_copy(update={"title": "Shirt, mended"})
    changed = await bazaar.catalog.change(bazaar.me, id=kept.id, draft=wanted)
    assert [len(v.offers) for v in changed.variants] == [2, 2, 1]
    lone = await made(bazaar, bazaar.they, "Not a shirt", None)
    with pytest.raises(VariantsDiffer):
        await bazaar.catalog.merge(staff(), kept_id=kept.id, gone_id=lone.id)


def test_what_a_vendor_sells_twice_it_goes_on_selling_once() -> None:
    vendor = uuid4()

    def one(name: str) -> Product:
        wanted = rules.check_draft(draft(name, (name,)), "USD")
        id = derive(UUID(int=1), name)
        return Product(
            id=id, slug=name, vendor_id=vendor, title=name, description_html="",
            category_id=None, status="active", created_at=START, updated_at=START,
            variants=rules.variants_of(id, vendor, wanted, [], lambda n: derive(id, n)),
        )  # fmt: skip

    done = merging.merged(one("a"), one("b"))
    [variant] = done.kept.variants
    assert [(o.sku, o.status, o.main) for o in variant.offers] == [
        ("a", "active", True),
        ("b", "paused", False),
    ]


async def test_a_shared_market_has_one_product_for_one_thing(bazaar: Bazaar) -> None:
    code = fresh()
    first = await made(bazaar, bazaar.me, "Only", code)
    bazaar.policy("shared")
    with pytest.raises(ProductExists) as told:
        await made(bazaar, bazaar.they, "Only too", code)
    assert told.value.data["productId"] == str(first.id)
    bazaar.policy("both")
    await made(bazaar, bazaar.they, "Only too", code)


async def test_every_change_is_kept(bazaar: Bazaar) -> None:
    product = await made(bazaar, bazaar.me, "Before", None)
    wanted = draft_of(product).model_copy(update={"title": "After"})
    await bazaar.catalog.change(bazaar.me, id=product.id, draft=wanted)
    offer = await bazaar.attach(product, 500)
    await bazaar.change(offer, price=usd(400))
    page = await bazaar.catalog.history(staff(), product_id=product.id)
    assert [one.what for one in page.items] == [
        "offer", "attach", "change", "approve", "submit", "create",
    ]  # fmt: skip
    changed = page.items[2]
    assert changed.changes == {"title": ["Before", "After"]}
    assert (changed.actor_type, changed.actor_id) == ("person", bazaar.me.actor.id)
    [before, after] = page.items[0].changes["variants"]
    assert [o["price"]["minor"] for o in before[0]["offers"]] == [1000, 500]
    assert [o["price"]["minor"] for o in after[0]["offers"]] == [1000, 400]
    # Its vendor is not told what others do with their offers; others are told nothing.
    own = await bazaar.catalog.history(bazaar.me, product_id=product.id, limit=2)
    assert [one.what for one in own.items] == ["change", "approve"]
    rest = await bazaar.catalog.history(bazaar.me, product_id=product.id, cursor=own.next)
    assert [one.what for one in rest.items] == ["submit", "create"]
    with pytest.raises(NotFound):
        await bazaar.catalog.history(bazaar.they, product_id=product.id)
