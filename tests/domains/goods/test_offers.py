"""Several vendors on one product: attaching, changing, pausing, and who may."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog import reactions
from haat.domains.goods.catalog.api import (
    Facts,
    NotOnTheList,
    Offer,
    OfferChange,
    OfferDraft,
    OfferExists,
    OffersClosed,
    Product,
    SkuTaken,
    VariantUnknown,
    VendorNotActive,
    WrongProductState,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.people.market.api import OffersPolicy
from haat.domains.people.vendors.api import VendorReinstated, VendorSuspended
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
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


class Bazaar:
    """A catalogue with a product on sale and a second vendor who has the same."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.market, self.vendors = FakeMarket(), FakeVendors()
        self.catalog = CatalogService(
            db, self.market, self.vendors, open_cache("memory://"), FakeMedia()
        )
        self.owner, self.other = uuid4(), uuid4()
        self.me, self.they = of_vendor(self.owner), of_vendor(self.other)

    def policy(self, policy: OffersPolicy) -> None:
        self.market.current = self.market.current.model_copy(update={"offers_policy": policy})

    async def product(self, *skus: str, title: str = "", brand: str = "") -> Product:
        wanted = draft(title or f"Kettle {uuid4().hex}", skus or (uuid4().hex,), brand=brand)
        made = await self.catalog.create(self.me, id=uuid4(), vendor_id=self.owner, draft=wanted)
        await self.catalog.submit(self.me, id=made.id)
        return await self.catalog.decide(staff(), id=made.id, decision="approve")

    async def attach(
        self, product: Product, price: int = 900, ctx: Context | None = None, **more: object
    ) -> Offer:
        ctx = ctx or self.they
        assert ctx.vendor_id is not None
        given = {"sku": uuid4().hex, "price": usd(price), **more}
        return await self.catalog.attach(
            ctx,
            id=uuid4(),
            product_id=product.id,
            vendor_id=ctx.vendor_id,
            draft=OfferDraft.model_validate(given),
        )

    async def change(self, offer: Offer, ctx: Context | None = None, **change: object) -> Offer:
        wanted = OfferChange.model_validate(change)
        return await self.catalog.change_offer(ctx or self.they, id=offer.id, change=wanted)

    async def suspend(self, vendor_id: UUID) -> None:
        await self._vendors_moved(VendorSuspended(vendor_id=vendor_id, reason="x"))

    async def reinstate(self, vendor_id: UUID) -> None:
        await self._vendors_moved(VendorReinstated(vendor_id=vendor_id))

    async def _vendors_moved(self, event: VendorSuspended | VendorReinstated) -> None:
        ctx = system()
        async with self.db.begin(ctx) as tx:
            await reactions.vendors_moved(self.catalog, ctx, tx, [event])
        rows = await self.db.fetch("SELECT id FROM catalog.products")  # as the reaction does
        await self.catalog.forget_copies([row["id"] for row in rows])

    async def card(self, product: Product) -> tuple[int, int, UUID] | None:
        """Price from, number of offers and vendor on its card; None when it is on no shelf."""
        found = await self.catalog.listings_by_ids(guest(), ids=[product.id])
        return (
            (found[0].price_from.minor, len(found[0].offer_ids), found[0].vendor_id)
            if found
            else None
        )

    async def buyable(self, *offers: UUID) -> list[bool]:
        found = await self.catalog.offers(system(), ids=list(offers))
        return [line.buyable for line in found]


@pytest_asyncio.fixture
async def bazaar(database_of: DatabaseOf) -> AsyncIterator[Bazaar]:
    made = Bazaar(await database_of("catalog"))
    await emitted(made.db)
    yield made
    assert await prove(made.db, 5) == []


async def test_a_second_vendor_sells_the_same_product(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    await emitted(bazaar.db)
    offer = await bazaar.attach(product, 900, condition="used-like-new", handling_days=3)
    assert (offer.main, offer.vendor_id, offer.condition) == (False, bazaar.other, "used-like-new")
    events = await emitted(bazaar.db)
    assert [name for name, _ in events] == ["offer.added", "product.index.requested"]
    assert events[0][1]["vendorId"] == str(bazaar.other)
    assert events[1][1]["listing"]["vendorIds"] == sorted(map(str, (bazaar.owner, bazaar.other)))
    assert await bazaar.card(product) == (900, 2, bazaar.owner)
    seen = await bazaar.catalog.product(guest(), ref=product.slug)
    assert [o.vendor_id for o in seen.variants[0].offers] == [bazaar.owner, bazaar.other]
    for vendor in (bazaar.owner, bazaar.other):  # it stands in both stores
        shelf = await bazaar.catalog.listings(guest(), vendor_id=vendor)
        assert [one.id for one in shelf.items] == [product.id]
    lines = await bazaar.catalog.offers(system(), ids=[offer.id])
    assert (lines[0].vendor_id, lines[0].price, lines[0].buyable) == (bazaar.other, usd(900), True)
    own = await bazaar.catalog.own_offers(bazaar.they, vendor_id=bazaar.other)
    assert [(one.offer, one.on_sale) for one in own.items] == [(offer, True)]
    assert await bazaar.catalog.own_products(bazaar.they, vendor_id=bazaar.other) is not None
    # The product's own vendor still sees its version: nothing of what it edits has changed.
    assert (await bazaar.catalog.product(bazaar.me, ref=product.slug)).version == product.version


async def test_the_same_attach_again_is_harmless(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    id, wanted = uuid4(), OfferDraft(sku="A", price=usd(5))
    made = [
        await bazaar.catalog.attach(
            bazaar.they, id=id, product_id=product.id, vendor_id=bazaar.other, draft=wanted
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    another = await bazaar.product()
    with pytest.raises(NotFound):
        await bazaar.catalog.attach(
            bazaar.they, id=id, product_id=another.id, vendor_id=bazaar.other, draft=wanted
        )
    stranger = of_vendor(uuid4())
    assert stranger.vendor_id is not None
    with pytest.raises(NotFound):  # somebody else's id is not taken over
        await bazaar.catalog.attach(
            stranger, id=id, product_id=product.id, vendor_id=stranger.vendor_id, draft=wanted
        )


async def test_what_cannot_be_attached(bazaar: Bazaar) -> None:
    product = await bazaar.product("S", "M")
    variant = product.variants[0].id
    with pytest.raises(VariantUnknown):
        await bazaar.attach(product)
    with pytest.raises(VariantUnknown):
        await bazaar.attach(product, variant_id=uuid4())
    first = await bazaar.attach(product, variant_id=variant)
    with pytest.raises(OfferExists):
        await bazaar.attach(product, variant_id=variant)
    with pytest.raises(SkuTaken):
        await bazaar.attach(product, variant_id=variant, condition="used-good", sku=first.sku)
    await bazaar.attach(product, variant_id=variant, condition="used-good")
    more = {"variant_id": variant, "condition": "refurbished"}
    for price, wrong in ((0, {}), (5, {"sku": " "}), (5, {"compare_at": usd(-1)})):
        with pytest.raises(Invalid):
            await bazaar.attach(product, price, None, **more, **wrong)
    bazaar.vendors.status[bazaar.other] = "pending"
    newcomer = of_vendor(uuid4())
    assert newcomer.vendor_id is not None
    bazaar.vendors.status[newcomer.vendor_id] = "pending"
    with pytest.raises(VendorNotActive):
        await bazaar.attach(product, ctx=newcomer, variant_id=variant)
    with pytest.raises(NotFound):
        await bazaar.catalog.attach(
            bazaar.they,
            id=uuid4(),
            product_id=product.id,
            vendor_id=bazaar.owner,
            draft=OfferDraft(sku="X", price=usd(1), variant_id=variant),
        )


async def test_the_markets_policy(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    bazaar.policy("own")
    with pytest.raises(OffersClosed):
        await bazaar.attach(product)
    await bazaar.attach(product, ctx=bazaar.me, condition="refurbished")  # its own, once more
    for policy in ("shared", "both"):
        bazaar.policy(policy)
        offer = await bazaar.attach(product)
        await bazaar.change(offer, status="paused")
    bazaar.policy("own")
    with pytest.raises(OffersClosed):
        await bazaar.change(offer, status="active")


async def test_only_what_is_on_sale_is_offered(bazaar: Bazaar) -> None:
    wanted = draft("Hidden", (uuid4().hex,))
    hidden = await bazaar.catalog.create(
        bazaar.me, id=uuid4(), vendor_id=bazaar.owner, draft=wanted
    )
    with pytest.raises(NotFound):  # nobody else knows of it
        await bazaar.attach(hidden)
    product = await bazaar.product()
    await bazaar.attach(product)
    await bazaar.catalog.decide(staff(), id=product.id, decision="approve")
    await bazaar.db.execute(
        "UPDATE catalog.products SET status = 'archived' WHERE id = $1", product.id
    )
    await bazaar.db.execute("DELETE FROM catalog.shelves WHERE product_id = $1", product.id)
    with pytest.raises(WrongProductState):
        await bazaar.attach(product, condition="refurbished")


async def test_prices_pauses_and_suspensions_act_on_one_offer(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    main = product.variants[0].offers[0]
    offer = await bazaar.attach(product, 900)
    await emitted(bazaar.db)
    assert (await bazaar.change(offer, price=usd(800))).price == usd(800)
    told = dict(await emitted(bazaar.db))
    assert told["product.price.updated"]["offerId"] == str(offer.id)
    assert await bazaar.card(product) == (800, 2, bazaar.owner)
    assert (await bazaar.change(offer, price=usd(800))).price == usd(800)
    assert await emitted(bazaar.db) == []  # the same again changes nothing

    await bazaar.change(offer, status="paused")
    assert await bazaar.buyable(main.id, offer.id) == [True, False]
    assert await bazaar.card(product) == (1000, 1, bazaar.owner)
    await bazaar.change(offer, status="active")
    assert [n for n, _ in await emitted(bazaar.db)] == [
        "offer.paused",
        "product.index.requested",
        "offer.resumed",
        "product.index.requested",
    ]
    # A suspension takes one vendor's offers away, and leaves the product to the others.
    await bazaar.suspend(bazaar.owner)
    assert await bazaar.buyable(main.id, offer.id) == [False, True]
    assert await bazaar.card(product) == (800, 1, bazaar.other)
    seen = await bazaar.catalog.product(guest(), ref=product.slug)
    assert [o.id for o in seen.variants[0].offers] == [offer.id]
    await bazaar.suspend(bazaar.other)
    assert await bazaar.card(product) is None
    with pytest.raises(NotFound):
        await bazaar.catalog.product(guest(), ref=product.slug)
    assert await prove(bazaar.db, 5) == []
    await bazaar.reinstate(bazaar.owner)
    assert await bazaar.card(product) == (1000, 1, bazaar.owner)
    await bazaar.reinstate(bazaar.other)
    assert await bazaar.card(product) == (800, 2, bazaar.owner)


async def test_its_vendor_leaves_and_the_product_stays(bazaar: Bazaar) -> None:
    product = await bazaar.product("S", "M")
    offer = await bazaar.attach(product, variant_id=product.variants[0].id)
    left = await bazaar.catalog.archive(bazaar.me, id=product.id)
    assert left.status == "active"
    assert await bazaar.card(product) == (900, 1, bazaar.other)
    assert await bazaar.buyable(product.variants[0].offers[0].id, offer.id) == [False, True]
    assert await bazaar.catalog.archive(bazaar.me, id=product.id) == left
    # Its draft can still be read and sent back: everything stays off sale.
    again = await bazaar.catalog.change(bazaar.me, id=product.id, draft=draft_of(left))
    assert again == left
    # The last one to leave ends it for its own vendor, too.
    await bazaar.change(offer, status="paused")
    assert await bazaar.card(product) is None
    assert (await bazaar.catalog.archive(bazaar.me, id=product.id)).status == "archived"


async def test_a_form_leaves_others_offers_alone(bazaar: Bazaar) -> None:
    product = await bazaar.product("S", "M")
    small, medium = product.variants
    offer = await bazaar.attach(product, 700, variant_id=small.id)
    only_medium = draft(product.title, ("M",), prices=[2000])
    changed = await bazaar.catalog.change(
        bazaar.me, id=product.id, draft=only_medium.model_copy(update={
            "variants": [only_medium.variants[0].model_copy(update={"options": {"Size": "M"}})],
            "option_names": ["Size"],
        }),
    )  # fmt: skip
    statuses = {o.id: o.status for v in changed.variants for o in v.offers}
    assert statuses[small.offers[0].id] == "paused"
    assert statuses[offer.id] == "active"
    assert await bazaar.buyable(offer.id) == [True]
    assert await bazaar.card(product) == (700, 2, bazaar.owner)
    seen = await bazaar.catalog.product(guest(), ref=product.slug)
    assert {v.id for v in seen.variants} == {small.id, medium.id}


async def test_its_own_vendor_reprices_while_others_do(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    offers = [await bazaar.attach(product, ctx=of_vendor(uuid4())) for _ in range(4)]

    async def theirs(n: int, offer: Offer) -> None:
        await bazaar.change(offer, ctx=of_vendor(offer.vendor_id), price=usd(500 + n))

    async def mine(n: int) -> None:
        main = product.variants[0].offers[0]
        await bazaar.change(main, ctx=bazaar.me, price=usd(600 + n))

    await asyncio.gather(
        *(theirs(n, offer) for n, offer in enumerate(offers)), *(mine(n) for n in range(3))
    )
    card = await bazaar.card(product)
    assert card is not None
    assert card[:2] == (500, 5)
    found = await bazaar.catalog.product(bazaar.me, ref=product.slug)
    assert found.version == product.version + 3


async def test_rights(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    offer = await bazaar.attach(product)
    for who in (bazaar.me, of_vendor(uuid4())):
        with pytest.raises(NotFound):
            await bazaar.change(offer, ctx=who, price=usd(1))
        with pytest.raises(NotFound):
            await bazaar.catalog.own_offer(who, id=offer.id)
        with pytest.raises(NotFound):
            await bazaar.catalog.own_offers(who, vendor_id=bazaar.other)
    with pytest.raises(NotFound):
        await bazaar.change(product.variants[0].offers[0], price=usd(1))
    with pytest.raises(NotFound):
        await bazaar.catalog.change(bazaar.they, id=product.id, draft=draft())


async def test_a_list_of_who_may_sell(bazaar: Bazaar) -> None:
    product = await bazaar.product(brand="Acmé")
    offer = await bazaar.attach(product)
    catalog = bazaar.catalog
    assert await catalog.allowed(staff(), product_id=product.id) is None
    friend = uuid4()
    await emitted(bazaar.db)
    await catalog.allow(staff(), product_id=product.id, vendor_ids=[friend])
    assert await catalog.allowed(staff(), product_id=product.id) == [friend]
    paused = dict(await emitted(bazaar.db))["offer.paused"]
    assert (paused["offerId"], paused["by"]) == (str(offer.id), "staff")
    main = product.variants[0].offers[0].id
    assert await bazaar.buyable(main, offer.id) == [True, False]
    with pytest.raises(NotOnTheList):
        await bazaar.change(offer, status="active")
    await bazaar.attach(product, ctx=of_vendor(friend))
    await catalog.allow(staff(), product_id=product.id, vendor_ids=None)
    await bazaar.change(offer, status="active")

    # A brand's list is for what comes: it is known however it is written.
    await catalog.allow(staff(), brand="ACME", vendor_ids=[friend])
    assert await catalog.allowed(staff(), brand="acmé") == [friend]
    with pytest.raises(NotOnTheList):
        await bazaar.attach(product, ctx=of_vendor(uuid4()))
    with pytest.raises(NotOnTheList):
        await bazaar.product(brand="acme")
    with pytest.raises(Invalid):
        await catalog.allow(staff(), brand="ACME", product_id=product.id, vendor_ids=None)
    with pytest.raises(Invalid):
        await catalog.allow(staff(), vendor_ids=None)


async def test_a_list_for_what_is_not_on_sale_yet(bazaar: Bazaar) -> None:
    wanted = draft("Soon", (uuid4().hex,))
    soon = await bazaar.catalog.create(bazaar.me, id=uuid4(), vendor_id=bazaar.owner, draft=wanted)
    await bazaar.catalog.allow(staff(), product_id=soon.id, vendor_ids=[])
    assert await bazaar.catalog.allowed(staff(), product_id=soon.id) == []
    await bazaar.catalog.submit(bazaar.me, id=soon.id)
    await bazaar.catalog.decide(staff(), id=soon.id, decision="approve")
    with pytest.raises(NotOnTheList):
        await bazaar.attach(soon)


async def test_finding_what_to_sell(bazaar: Bazaar) -> None:
    title = f"Zz{uuid4().hex}"
    product = await bazaar.product(title=f"{title} kettle")
    wanted = draft_of(product)
    code = "4006381333931"
    coded = wanted.model_copy(
        update={"variants": [wanted.variants[0].model_copy(update={"barcode": code})]}
    )
    await bazaar.catalog.change(bazaar.me, id=product.id, draft=coded)
    for words in (code, title.upper(), f" {title}  KETT"):
        found = await bazaar.catalog.matches(bazaar.they, vendor_id=bazaar.other, words=words)
        assert [(one.listing.id, one.refused) for one in found] == [(product.id, None)], words
        assert found[0].variants[0].offers[0].vendor_id == bazaar.owner
    bazaar.policy("own")
    [refused] = await bazaar.catalog.matches(bazaar.they, vendor_id=bazaar.other, words=code)
    assert refused.refused == "policy"
    for words in ("%", "nothing at all", "\0", "4006381333930"):
        assert not await bazaar.catalog.matches(bazaar.they, vendor_id=bazaar.other, words=words)


async def test_standings(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    main = product.variants[0].offers[0]
    offer = await bazaar.attach(product, 1200)
    paused = await bazaar.attach(product, 1, condition="refurbished")
    await bazaar.change(paused, status="paused")
    facts = [Facts(offer_id=id, available=5) for id in (main.id, offer.id, paused.id, uuid4())]
    told = await bazaar.catalog.standings(guest(), product_id=product.id, facts=facts)
    assert [(one.offer_id, one.place) for one in told] == [(main.id, 1), (offer.id, 2)]
    assert [one.wins_at for one in told] == [None, None]
    mine = await bazaar.catalog.standings(bazaar.they, product_id=product.id, facts=facts)
    assert [one.wins_at is None for one in mine] == [True, False]
    wins_at = mine[1].wins_at
    assert wins_at is not None
    await bazaar.change(offer, price=wins_at)
    flipped = await bazaar.catalog.standings(guest(), product_id=product.id, facts=facts)
    assert flipped[0].offer_id == offer.id
