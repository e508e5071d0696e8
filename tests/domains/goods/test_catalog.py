"""The catalogue: products and their states, prices, SKUs, versions, rights."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog.api import (
    CategoryUnknown,
    CurrencyWrong,
    Product,
    SkuTaken,
    VariantDraft,
    VendorNotActive,
    WrongProductState,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.people.media.api import Picture
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid, NotFound
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import (
    FakeMarket,
    FakeVendors,
    draft,
    emitted,
    guest,
    of_vendor,
    staff,
    system,
    usd,
)
from tests.domains.people.doubles import FakeMedia


class Hall:
    """A catalogue with one vendor in it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.vendors = FakeVendors()
        self.media = FakeMedia()
        self.catalog = CatalogService(
            db, FakeMarket(), self.vendors, open_cache("memory://"), self.media
        )
        self.vendor: UUID = uuid4()
        self.me: Context = of_vendor(self.vendor)

    async def create(self, title: str = "Blue shirt", *skus: str) -> Product:
        made = draft(title, skus or (uuid4().hex,))
        return await self.catalog.create(self.me, id=uuid4(), vendor_id=self.vendor, draft=made)

    async def active(self, title: str = "Blue shirt", *skus: str) -> Product:
        product = await self.create(title, *skus)
        await self.catalog.submit(self.me, id=product.id)
        return await self.catalog.decide(staff(), id=product.id, decision="approve")

    async def seen(self, product: Product) -> bool:
        return bool(await self.catalog.listings_by_ids(guest(), ids=[product.id]))


@pytest_asyncio.fixture
async def hall(database_of: DatabaseOf) -> AsyncIterator[Hall]:
    made = Hall(await database_of("catalog"))
    await emitted(made.db)
    yield made
    assert await prove(made.db, 5) == []


async def test_from_draft_to_sale(hall: Hall) -> None:
    id = uuid4()
    wanted = draft(
        "Blue  shirt ", ("S", "M"), description_html="<p onclick=x>Soft<script>1</script>"
    )
    for _ in range(2):
        product = await hall.catalog.create(hall.me, id=id, vendor_id=hall.vendor, draft=wanted)
    assert (product.status, product.title, product.description_html) == (
        "draft",
        "Blue shirt",
        "<p>Soft</p>",
    )
    assert product.slug.startswith("blue-shirt")
    assert [v.title for v in product.variants] == ["S", "M"]
    assert await hall.catalog.product(hall.me, ref=str(id)) == product
    with pytest.raises(NotFound):
        await hall.catalog.product(guest(), ref=product.slug)
    for _ in range(2):
        assert (await hall.catalog.submit(hall.me, id=id)).status == "pending"
    [waiting] = (await hall.catalog.queue(staff())).items
    assert waiting.id == id
    for _ in range(2):
        await hall.catalog.decide(staff(), id=id, decision="approve")
    shown = await hall.catalog.product(guest(), ref=product.slug)
    assert (shown.id, shown.status) == (id, "active")
    [card] = await hall.catalog.listings_by_ids(guest(), ids=[id, uuid4()])
    assert (card.price_from, card.price_to) == (usd(1000), usd(1100))
    assert card.offer_ids == [v.offers[0].id for v in product.variants]

    events = await emitted(hall.db)
    assert [name for name, _ in events] == [
        "product.created",
        "offer.added",
        "offer.added",
        "product.submitted",
        "product.approved",
        "product.index.requested",
    ]
    listing = events[-1][1]["listing"]
    assert (listing["text"], listing["status"]) == ("Soft", "active")


async def test_rejected_mended_and_archived(hall: Hall) -> None:
    product = await hall.create()
    with pytest.raises(WrongProductState):
        await hall.catalog.decide(staff(), id=product.id, decision="approve")
    await hall.catalog.submit(hall.me, id=product.id)
    with pytest.raises(Invalid):
        await hall.catalog.decide(staff(), id=product.id, decision="reject", reason=" ")
    await hall.catalog.decide(staff(), id=product.id, decision="reject", reason="no picture")
    assert (await hall.catalog.product(hall.me, ref=product.slug)).reason == "no picture"
    resubmitted = await hall.catalog.submit(hall.me, id=product.id)
    assert (resubmitted.status, resubmitted.reason) == ("pending", None)
    await hall.catalog.decide(staff(), id=product.id, decision="approve")
    assert await hall.seen(product)
    for _ in range(2):
        await hall.catalog.archive(hall.me, id=product.id)
    assert not await hall.seen(product)
    titles = await hall.catalog.titles(system(), ids=[product.id, uuid4()])
    assert titles == {product.id: product.title}
    changes = [d for n, d in await emitted(hall.db) if n == "product.index.requested"]
    assert [c["listing"] is None for c in changes] == [False, True]
    assert changes[0]["version"] < changes[1]["version"]
    with pytest.raises(WrongProductState):
        await hall.catalog.change(hall.me, id=product.id, draft=draft())
    [line] = await hall.catalog.offers(system(), ids=[product.variants[0].offers[0].id])
    assert not line.buyable
    assert (await hall.catalog.restore(hall.me, id=product.id)).status == "draft"


async def test_vendor_that_is_not_active(hall: Hall) -> None:
    hall.vendors.status[hall.vendor] = "pending"
    product = await hall.create()
    with pytest.raises(VendorNotActive):
        await hall.catalog.submit(hall.me, id=product.id)
    hall.vendors.status[hall.vendor] = "active"
    await hall.catalog.submit(hall.me, id=product.id)
    asked = hall.vendors.asked
    await hall.catalog.submit(hall.me, id=product.id)
    assert hall.vendors.asked == asked  # known by now


async def test_slugs_are_unique_and_stay(hall: Hall) -> None:
    made = await asyncio.gather(*(hall.create("Same Title Here") for _ in range(8)))
    slugs = [p.slug for p in made]
    assert len(set(slugs)) == 8
    assert "same-title-here" in slugs
    [first] = [p for p in made if p.slug == "same-title-here"]
    wanted = draft_of(first).model_copy(update={"title": "Another"})
    changed = await hall.catalog.change(hall.me, id=first.id, draft=wanted)
    assert (changed.title, changed.slug) == ("Another", "same-title-here")


async def test_the_same_create_at_once_makes_one(hall: Hall) -> None:
    id, wanted = uuid4(), draft("Once", ("ONE",))
    made = await asyncio.gather(
        *(
            hall.catalog.create(hall.me, id=id, vendor_id=hall.vendor, draft=wanted)
            for _ in range(6)
        )
    )
    assert {p.id for p in made} == {id}
    names = [name for name, _ in await emitted(hall.db)]
    assert names == ["product.created", "offer.added"]


async def test_skus_belong_to_one_product_of_a_vendor(hall: Hall) -> None:
    await hall.create("One", "TAKEN")
    with pytest.raises(SkuTaken) as refused:
        await hall.create("Two", "FREE", "TAKEN")
    assert refused.value.data["skus"] == ["TAKEN"]
    two = await hall.create("Two", "FREE")
    wanted = draft_of(two)
    wanted = wanted.model_copy(
        update={"variants": [wanted.variants[0].model_copy(update={"sku": "TAKEN"})]}
    )
    with pytest.raises(SkuTaken):
        await hall.catalog.change(hall.me, id=two.id, draft=wanted)
    other = of_vendor(uuid4())
    assert other.vendor_id is not None
    await hall.catalog.create(
        other, id=uuid4(), vendor_id=other.vendor_id, draft=draft("Theirs", ("TAKEN",))
    )
    found = await hall.catalog.offers_by_sku(system(), vendor_id=hall.vendor, skus=["FREE", "?"])
    assert found == {"FREE": two.variants[0].offers[0].id}


async def test_changing_variants_keeps_their_ids(hall: Hall) -> None:
    product = await hall.active("Shirt", "S", "M")
    small, medium = product.variants
    await emitted(hall.db)
    by_sku = draft("Shirt", ("M", "L"), prices=[900, 1500])
    changed = await hall.catalog.change(hall.me, id=product.id, draft=by_sku)
    assert [v.offers[0].sku for v in changed.variants] == ["M", "L", "S"]
    assert changed.variants[0].id == medium.id
    assert changed.variants[2].offers[0].status == "paused"
    shown = await hall.catalog.product(guest(), ref=product.slug)
    assert [v.title for v in shown.variants] == ["M", "L"]
    events = await emitted(hall.db)
    assert [n for n, _ in events] == [
        "product.updated",
        "product.price.updated",
        "offer.added",
        "offer.paused",
        "product.index.requested",
    ]
    assert (await hall.catalog.change(hall.me, id=product.id, draft=by_sku)) == changed
    assert await emitted(hall.db) == []  # the same again changes nothing
    # What was left out comes back as itself; SKUs may change places.
    back = draft("Shirt", ("S", "M", "L"), prices=[1, 2, 3])
    again = await hall.catalog.change(hall.me, id=product.id, draft=back)
    assert (again.variants[0].id, again.variants[0].offers[0].status) == (small.id, "active")
    one, two, three = draft_of(again).variants
    swapped = [
        one.model_copy(update={"sku": two.sku}),
        two.model_copy(update={"sku": one.sku}),
        three,
    ]
    wanted = draft_of(again).model_copy(update={"variants": swapped})
    after = await hall.catalog.change(hall.me, id=product.id, draft=wanted)
    assert [v.offers[0].sku for v in after.variants] == ["M", "S", "L"]
    assert [n for n, _ in await emitted(hall.db)].count("offer.renamed") == 2


async def test_versions(hall: Hall) -> None:
    product = await hall.create("Title")
    wanted = draft_of(product).model_copy(update={"brand": "B"})
    changed = await hall.catalog.change(hall.me, id=product.id, draft=wanted, version=1)
    assert changed.version == 2
    # The same again is harmless, whatever version it names; anything else is not.
    assert await hall.catalog.change(hall.me, id=product.id, draft=wanted, version=1) == changed
    other = wanted.model_copy(update={"brand": "C"})
    with pytest.raises(Conflict) as refused:
        await hall.catalog.change(hall.me, id=product.id, draft=other, version=1)
    assert (refused.value.code, refused.value.data["version"]) == ("version_conflict", 2)

    async def rename(number: int) -> bool:
        mine = wanted.model_copy(update={"brand": f"N{number}"})
        try:
            await hall.catalog.change(hall.me, id=product.id, draft=mine, version=2)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(rename(n) for n in range(8)))) == 1
    final = await hall.catalog.product(hall.me, ref=product.slug)
    assert final.version == 3


async def test_rights(hall: Hall) -> None:
    product = await hall.create()
    stranger = of_vendor(uuid4())
    catalog, id = hall.catalog, product.id
    with pytest.raises(NotFound):
        await catalog.product(stranger, ref=str(id))
    with pytest.raises(NotFound):
        await catalog.change(stranger, id=id, draft=draft())
    with pytest.raises(NotFound):
        await catalog.submit(stranger, id=id)
    with pytest.raises(NotFound):
        await catalog.archive(stranger, id=id)
    with pytest.raises(NotFound):
        await catalog.own_products(stranger, vendor_id=hall.vendor)
    with pytest.raises(NotFound):
        await catalog.create(stranger, id=uuid4(), vendor_id=hall.vendor, draft=draft())
    assert stranger.vendor_id is not None
    with pytest.raises(NotFound):  # another vendor's id is not taken over
        await catalog.create(stranger, id=id, vendor_id=stranger.vendor_id, draft=draft())
    with pytest.raises(NotFound):
        await catalog.archive(hall.me, id=uuid4())
    assert (await catalog.product(staff(), ref=product.slug)).id == id


@pytest.mark.parametrize(
    ("wanted", "problem", "code"),
    [
        (draft(category_id=UUID(int=7)), CategoryUnknown, "invalid"),
        (draft("a\0b"), Invalid, "text_invalid"),
        (draft("  "), Invalid, "title_blank"),
        (draft(skus=("A", "A")), Invalid, "variants_alike"),
        (draft(prices=[0]), Invalid, "price_invalid"),
        (draft(prices=[-5]), Invalid, "price_invalid"),
        (draft(prices=[10**12]), Invalid, "price_invalid"),
        (draft(option_names=["Size"]), Invalid, "options_wrong"),
        (draft(description_html="<div>" * 2000), Invalid, "html_too_deep"),
        (
            draft().model_copy(
                update={
                    "variants": [
                        VariantDraft(sku="A", price=Money(minor=5, currency="EUR")),
                    ]
                }
            ),
            CurrencyWrong,
            "currency_wrong",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_drafts(hall: Hall, wanted: object, problem: type[Invalid], code: str) -> None:
    with pytest.raises(problem) as refused:
        await hall.catalog.create(
            hall.me,
            id=uuid4(),
            vendor_id=hall.vendor,
            draft=wanted,  # type: ignore[arg-type]
        )
    assert refused.value.code == code or refused.value.fields
    assert await emitted(hall.db) == []


async def test_offers_in_a_batch(hall: Hall) -> None:
    product = await hall.active("Shirt", "S", "M")
    wanted = draft_of(product).model_copy(update={"pictures": [Picture(url="https://x/y.jpg")]})
    await hall.catalog.change(hall.me, id=product.id, draft=wanted)
    ids = [v.offers[0].id for v in product.variants]
    lines = await hall.catalog.offers(system(), ids=[ids[1], uuid4(), ids[0]])
    assert [line.offer_id for line in lines] == [ids[1], ids[0]]
    assert all(line.buyable for line in lines)
    assert lines[0].variant_title == "M"
    assert lines[0].picture == Picture(url="https://x/y.jpg")
