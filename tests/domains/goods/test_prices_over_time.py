"""Price history, the lowest price before a reduction, scheduled prices, tax classes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog.api import (
    Offer,
    OfferChange,
    OfferDraft,
    Product,
    PutItem,
    ScheduledPrice,
    ScheduleDraft,
    ScheduleOverlaps,
    TaxClass,
    TaxClassUnknown,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.service import CatalogService
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import (
    FakeMarket,
    FakeVendors,
    clock,
    draft,
    emitted,
    of_vendor,
    staff,
    system,
    usd,
)
from tests.domains.people.doubles import FakeMedia

DAY = timedelta(days=1)


class Shop:
    """A catalogue with a clock that is set, and a vendor."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock, self.market = db, clock(), FakeMarket()
        self.catalog = CatalogService(
            db, self.market, FakeVendors(), open_cache("memory://"), FakeMedia()
        )
        self.vendor = uuid4()
        self.me = of_vendor(self.vendor, self.clock)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def later(self, span: timedelta) -> None:
        self.clock.set(self.now + span)

    async def product(self, price: int = 1000, before: int | None = None) -> Product:
        wanted = draft(f"Kettle {uuid4().hex}", (uuid4().hex,), prices=[price])
        [variant] = wanted.variants
        change = {"compare_at": usd(before) if before else None}
        wanted = wanted.model_copy(update={"variants": [variant.model_copy(update=change)]})
        made = await self.catalog.create(self.me, id=uuid4(), vendor_id=self.vendor, draft=wanted)
        await self.catalog.submit(self.me, id=made.id)
        return await self.catalog.decide(staff(self.clock), id=made.id, decision="approve")

    async def reprice(self, product: Product, price: int, before: int | None = None) -> None:
        """Through the product's form."""
        known = await self.catalog.product(self.me, ref=str(product.id))
        wanted = draft_of(known)
        [variant] = wanted.variants
        change = {"price": usd(price), "compare_at": usd(before) if before else None}
        wanted = wanted.model_copy(update={"variants": [variant.model_copy(update=change)]})
        await self.catalog.change(self.me, id=product.id, draft=wanted)

    async def seen(self, product: Product) -> Offer:
        """The offer as a guest sees it."""
        found = await self.catalog.product(Context(clock=self.clock), ref=product.slug)
        return found.variants[0].offers[0]

    async def card(self, product: Product) -> tuple[Money, Money | None, Money | None]:
        [found] = await self.catalog.listings_by_ids(Context(clock=self.clock), ids=[product.id])
        return found.price_from, found.compare_at, found.lowest_before

    async def charged(self, product: Product) -> int:
        [line] = await self.catalog.offers(system(self.clock), ids=[offer_of(product)])
        return line.price.minor

    async def plan(
        self, product: Product, start: timedelta | None, end: timedelta, price: int, **more: object
    ) -> ScheduledPrice:
        given = {
            "price": usd(price),
            "starts_at": None if start is None else self.now + start,
            "ends_at": self.now + end,
            **more,
        }
        return await self.catalog.schedule(
            self.me,
            id=uuid4(),
            offer_id=offer_of(product),
            draft=ScheduleDraft.model_validate(given),
        )

    async def tick(self) -> int:
        return await self.catalog.settle_prices(system(self.clock))

    async def steps(self, product: Product) -> list[int]:
        found = await self.catalog.price_history(self.me, offer_id=offer_of(product))
        return [step.price.minor for step in reversed(found.items)]


def offer_of(product: Product) -> UUID:
    return product.variants[0].offers[0].id


@pytest_asyncio.fixture
async def shop(database_of: DatabaseOf) -> AsyncIterator[Shop]:
    made = Shop(await database_of("catalog"))
    await emitted(made.db)
    yield made
    await made.tick()
    assert await prove(made.db, 5) == []


async def test_every_change_of_a_price_is_one_step(shop: Shop) -> None:
    product = await shop.product(1000)
    shop.later(DAY)
    await shop.reprice(product, 1000)  # the same: no step
    await shop.reprice(product, 900)
    shop.later(DAY)
    change = OfferChange(price=usd(950))
    await shop.catalog.change_offer(shop.me, id=offer_of(product), change=change)
    await shop.catalog.change_offer(shop.me, id=offer_of(product), change=change)  # sent twice
    assert await shop.steps(product) == [1000, 900, 950]
    page = await shop.catalog.price_history(shop.me, offer_id=offer_of(product), limit=2)
    assert [s.price.minor for s in page.items] == [950, 900]
    rest = await shop.catalog.price_history(
        shop.me, offer_id=offer_of(product), limit=2, cursor=page.next
    )
    assert ([s.price.minor for s in rest.items], rest.next) == ([1000], None)


async def test_an_attached_offer_has_its_history_too(shop: Shop) -> None:
    product = await shop.product()
    them = of_vendor(uuid4(), shop.clock)
    assert them.vendor_id is not None
    wanted = OfferDraft(sku="T", price=usd(800), compare_at=usd(990), condition="refurbished")
    made = await shop.catalog.attach(
        them, id=uuid4(), product_id=product.id, vendor_id=them.vendor_id, draft=wanted
    )
    assert made.lowest_before == usd(800)  # sold here for no other price yet
    found = await shop.catalog.price_history(them, offer_id=made.id)
    assert [(s.price, s.compare_at) for s in found.items] == [(usd(800), usd(990))]
    with pytest.raises(NotFound):
        await shop.catalog.price_history(shop.me, offer_id=made.id)


async def test_the_lowest_price_stands_beside_a_reduction(shop: Shop) -> None:
    product = await shop.product(1000)
    shop.later(40 * DAY)
    await shop.reprice(product, 800)  # 800 on the first of these days, then 1200, then reduced
    shop.later(1 * DAY)
    await shop.reprice(product, 1200)
    shop.later(20 * DAY)
    assert (await shop.seen(product)).lowest_before is None
    await shop.reprice(product, 900, before=1200)
    assert (await shop.seen(product)).lowest_before == usd(800)
    assert await shop.card(product) == (usd(900), usd(1200), usd(800))
    shop.later(60 * DAY)  # it stays what it was when the reduction was announced
    assert (await shop.seen(product)).lowest_before == usd(800)
    await shop.reprice(product, 850, before=1200)  # another one: all of 30 days were at 900
    assert (await shop.seen(product)).lowest_before == usd(900)
    await shop.reprice(product, 850)
    assert (await shop.seen(product)).lowest_before is None


async def test_the_market_may_hide_the_lowest_price(shop: Shop) -> None:
    product = await shop.product(900, before=1000)
    assert (await shop.seen(product)).lowest_before == usd(900)
    shop.market.current = shop.market.current.model_copy(update={"lowest_price": False})
    assert (await shop.seen(product)).lowest_before is None
    assert (await shop.card(product))[2] is None


async def test_a_scheduled_price_begins_and_ends_by_the_clock(shop: Shop) -> None:
    product = await shop.product(1000)
    shop.later(DAY)
    await shop.plan(product, DAY, 3 * DAY, 700, compare_at=usd(1000))
    await emitted(shop.db)
    assert await shop.charged(product) == 1000
    shop.later(DAY)
    assert await shop.charged(product) == 700  # no timer was here yet
    late = await shop.seen(product)
    assert (late.price, late.compare_at, late.scheduled) == (usd(700), None, [])
    assert (await shop.card(product))[0] == usd(1000)
    assert await shop.tick() == 1
    assert await shop.tick() == 0
    assert (await shop.seen(product)).compare_at == usd(1000)
    assert await shop.card(product) == (usd(700), usd(1000), usd(1000))
    told = await emitted(shop.db)
    assert [data["price"]["minor"] for name, data in told if name == "product.price.updated"] == [
        700
    ]
    shop.later(2 * DAY)
    assert await shop.charged(product) == 1000
    assert (await shop.seen(product)).price == usd(1000)
    await shop.tick()
    assert await shop.card(product) == (usd(1000), None, None)
    assert await shop.steps(product) == [1000, 700, 1000]


async def test_a_timer_that_missed_both_ends_writes_both_steps(shop: Shop) -> None:
    product = await shop.product(1000)
    shop.later(DAY)
    await shop.plan(product, DAY, 2 * DAY, 600)
    await shop.plan(product, 2 * DAY, 3 * DAY, 500)
    shop.later(10 * DAY)
    await shop.tick()
    assert await shop.steps(product) == [1000, 600, 500, 1000]
    await shop.reprice(product, 900, before=1000)
    assert (await shop.seen(product)).lowest_before == usd(500)


async def test_the_vendors_own_price_may_change_meanwhile(shop: Shop) -> None:
    product = await shop.product(1000)
    shop.later(DAY)
    await shop.plan(product, None, 2 * DAY, 600)
    assert await shop.steps(product) == [1000, 600]
    await shop.reprice(product, 1100)
    assert await shop.charged(product) == 600
    assert await shop.steps(product) == [1000, 600]
    shop.later(2 * DAY)
    await shop.reprice(product, 1200)  # before the timer: what is due happens first
    assert await shop.steps(product) == [1000, 600, 1200]
    assert await shop.card(product) == (usd(1200), None, None)
    own = await shop.catalog.product(shop.me, ref=str(product.id))
    assert own.variants[0].offers[0].price == usd(1200)


async def test_times_of_one_offer_do_not_overlap(shop: Shop) -> None:
    product, another = await shop.product(), await shop.product()
    await shop.plan(product, DAY, 3 * DAY, 700)
    await shop.plan(product, 3 * DAY, 4 * DAY, 650)  # one ends where the other begins
    await shop.plan(another, DAY, 3 * DAY, 700)
    for start, end in ((DAY, 3 * DAY), (2 * DAY, 5 * DAY), (0 * DAY, 9 * DAY)):
        with pytest.raises(ScheduleOverlaps) as refused:
            await shop.plan(product, start, end, 600)
        assert refused.value.fields[0].path == "startsAt"


async def test_of_two_at_once_one_is_refused(shop: Shop) -> None:
    product = await shop.product()
    tries = [shop.plan(product, DAY, (2 + n) * DAY, 600 + n) for n in range(6)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, ScheduledPrice) for one in done) == 1
    assert sum(isinstance(one, ScheduleOverlaps) for one in done) == 5


async def test_the_table_itself_refuses_an_overlap(shop: Shop) -> None:
    product = await shop.product()
    one = await shop.plan(product, DAY, 3 * DAY, 700)
    with pytest.raises(Exception, match="ex_scheduled_prices_overlap"):
        await shop.db.execute(
            "INSERT INTO catalog.scheduled_prices"
            " (id, offer_id, price_minor, currency, starts_at, ends_at)"
            " VALUES ($1, $2, 1, 'USD', $3, $4)",
            uuid4(),
            offer_of(product),
            one.starts_at + DAY,
            one.ends_at + DAY,
        )


async def test_the_same_command_again_is_the_same_schedule(shop: Shop) -> None:
    product = await shop.product()
    id, offer = uuid4(), offer_of(product)
    wanted = ScheduleDraft(price=usd(700), ends_at=shop.now + DAY)
    first = await shop.catalog.schedule(shop.me, id=id, offer_id=offer, draft=wanted)
    shop.later(timedelta(hours=1))
    assert await shop.catalog.schedule(shop.me, id=id, offer_id=offer, draft=wanted) == first
    with pytest.raises(NotFound):
        await shop.catalog.schedule(
            of_vendor(uuid4(), shop.clock), id=uuid4(), offer_id=offer, draft=wanted
        )


async def test_taking_one_back(shop: Shop) -> None:
    product = await shop.product(1000)
    shop.later(DAY)
    waiting = await shop.plan(product, DAY, 2 * DAY, 700)
    await shop.catalog.unschedule(shop.me, id=waiting.id)
    await shop.catalog.unschedule(shop.me, id=waiting.id)
    running = await shop.plan(product, None, 2 * DAY, 600)
    assert running.state == "running"
    assert await shop.charged(product) == 600
    shop.later(DAY / 24)
    await shop.catalog.unschedule(shop.me, id=running.id)
    assert await shop.charged(product) == 1000
    assert await shop.card(product) == (usd(1000), None, None)
    assert await shop.catalog.scheduled(shop.me, offer_id=offer_of(product)) == []
    assert await shop.steps(product) == [1000, 600, 1000]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"price": Money(minor=1, currency="EUR")}, "price"),
        ({"price": usd(0)}, "price"),
        ({"compare_at": usd(-1)}, "compareAt"),
    ],
)
async def test_wrong_schedules(shop: Shop, given: dict[str, object], path: str) -> None:
    product = await shop.product()
    whole = {"price": usd(700), "ends_at": shop.now + DAY, **given}
    wanted = ScheduleDraft.model_validate(whole)
    with pytest.raises(Invalid) as refused:
        await shop.catalog.schedule(shop.me, id=uuid4(), offer_id=offer_of(product), draft=wanted)
    assert refused.value.fields[0].path == path


async def test_a_products_tax_class_is_one_of_the_list(shop: Shop) -> None:
    wanted = draft("Book", ("B",), tax_class="books")
    with pytest.raises(TaxClassUnknown) as refused:
        await shop.catalog.create(shop.me, id=uuid4(), vendor_id=shop.vendor, draft=wanted)
    assert refused.value.fields[0].path == "taxClass"
    books = TaxClass(code="books", name=" Books ", position=5)
    saved = await shop.catalog.save_tax_class(staff(), tax_class=books)
    assert saved.name == "Books"
    made = await shop.catalog.create(shop.me, id=uuid4(), vendor_id=shop.vendor, draft=wanted)
    await shop.catalog.save_tax_class(staff(), tax_class=books.model_copy(update={"active": False}))
    await shop.catalog.change(shop.me, id=made.id, draft=wanted)  # it keeps what it has
    other = draft("Another", ("C",), tax_class="books")
    with pytest.raises(TaxClassUnknown):
        await shop.catalog.create(shop.me, id=uuid4(), vendor_id=shop.vendor, draft=other)
    standard = TaxClass(code="standard", name="Standard", active=False)
    with pytest.raises(Invalid):
        await shop.catalog.save_tax_class(staff(), tax_class=standard)
    codes = [one.code for one in await shop.catalog.tax_classes(shop.me)]
    assert codes[:3] == ["standard", "reduced", "zero"]


async def test_many_put_at_once_write_their_steps(shop: Shop) -> None:
    """As imports do: each change is a step, once, and announces what the 30 days before were."""
    ids = [uuid4() for _ in range(3)]
    skus = [uuid4().hex for _ in ids]

    async def put(prices: list[int], before: int | None = None) -> list[str]:
        items = []
        for id, sku, price in zip(ids, skus, prices, strict=True):
            wanted = draft(f"Bulk {sku}", (sku,), prices=[price])
            change = {"compare_at": usd(before) if before else None}
            variants = [wanted.variants[0].model_copy(update=change)]
            wanted = wanted.model_copy(update={"variants": variants})
            items.append(PutItem(id=id, draft=wanted, status="draft"))
        done = await shop.catalog.put(shop.me, vendor_id=shop.vendor, items=items)
        assert {one.what for one in done} <= {"created", "changed", "unchanged"}, done
        return [one.what for one in done]

    assert await put([1000, 1000, 1000], before=1500) == ["created"] * 3
    shop.later(DAY)
    assert await put([1000, 900, 800], before=1500) == ["unchanged", "changed", "changed"]
    products = [await shop.catalog.product(shop.me, ref=str(id)) for id in ids]
    assert [await shop.steps(one) for one in products] == [[1000], [1000, 900], [1000, 800]]
    lowest = [one.variants[0].offers[0].lowest_before for one in products]
    assert lowest == [usd(1000), usd(1000), usd(1000)]
    shop.later(DAY)
    await shop.plan(products[2], None, 2 * DAY, 500)
    shop.later(3 * DAY)
    assert await put([1000, 1200, 700], before=1500) == ["unchanged", "changed", "changed"]
    after = [await shop.catalog.product(shop.me, ref=str(id)) for id in ids]
    assert await shop.steps(after[2]) == [1000, 800, 500, 800, 700]
    assert [one.variants[0].offers[0].lowest_before for one in after] == [
        usd(1000),
        usd(900),
        usd(500),
    ]
    wrong = draft("Wrong", (uuid4().hex,), tax_class="nothing")
    [refused] = await shop.catalog.put(
        shop.me, vendor_id=shop.vendor, items=[PutItem(id=uuid4(), draft=wrong)]
    )
    assert (refused.what, refused.code, refused.path) == (
        "refused",
        "tax_class_unknown",
        "taxClass",
    )
