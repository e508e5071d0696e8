"""Price lists of customer groups, currencies and how prices are shown."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog.api import TaxClassUnknown
from haat.domains.goods.pricing import rules
from haat.domains.goods.pricing.api import (
    CurrencyRate,
    CurrencyUnknown,
    CustomerGroup,
    GroupUnknown,
    PriceAsk,
    PriceEntry,
    PriceList,
    Rounding,
    TaxableLine,
    TaxRate,
    converted,
)
from haat.domains.goods.pricing.converting import steps
from haat.domains.goods.pricing.service import PricingService
from haat.engines.cache import Cache, open_cache
from haat.engines.sql import Database
from haat.kernel.context import Actor, Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money, digits_of
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import FakeClasses, FakeMarket, clock, staff, usd

OFFERS, VENDORS, CATEGORIES = ([UUID(int=n) for n in range(at, at + 3)] for at in (1, 11, 21))
SMALL = st.integers(1, 20)
ENTRIES = st.lists(
    st.one_of(
        st.builds(
            PriceEntry,
            offer_id=st.sampled_from(OFFERS),
            price=st.integers(1, 3000).map(usd),
            min_quantity=SMALL,
        ),
        st.builds(
            PriceEntry,
            vendor_id=st.none() | st.sampled_from(VENDORS),
            category_id=st.none() | st.sampled_from(CATEGORIES),
            off_bp=st.integers(1, 9_999),
            min_quantity=SMALL,
        ),
    ),
    max_size=12,
)
ASKS = st.builds(
    PriceAsk,
    offer_id=st.sampled_from(OFFERS),
    vendor_id=st.sampled_from(VENDORS),
    category_path=st.lists(st.sampled_from(CATEGORIES), unique=True),
    quantity=SMALL,
    price=st.integers(1, 3000).map(usd),
)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "BDT"])


def named(entries: list[PriceEntry]) -> list[rules.Applied]:
    return [(f"List {n}", entry) for n, entry in enumerate(entries)]


@given(ASKS, ENTRIES)
def test_the_best_price_is_the_lowest_that_applies(
    ask: PriceAsk, entries: list[PriceEntry]
) -> None:
    found = rules.best(ask, named(entries))
    assert usd(0) < found.price <= ask.price
    assert (found.note == "") == (found.price == ask.price)
    possible = [ask.price.minor]
    for entry in entries:
        if entry.min_quantity > ask.quantity:
            continue
        if entry.offer_id is not None:
            possible += (
                [entry.price.minor] if entry.price and entry.offer_id == ask.offer_id else []
            )
        elif entry.vendor_id in (None, ask.vendor_id) and (
            entry.category_id is None or entry.category_id in ask.category_path
        ):
            exact = Fraction(ask.price.minor * (entry.off_bp or 0), 10_000)
            possible.append(max(ask.price.minor - int(exact + Fraction(1, 2)), 1))
    assert found.price.minor == min(possible)


@given(ASKS, ENTRIES)
def test_more_pieces_never_cost_more_each(ask: PriceAsk, entries: list[PriceEntry]) -> None:
    more = ask.model_copy(update={"quantity": ask.quantity + 1})
    assert rules.best(more, named(entries)).price <= rules.best(ask, named(entries)).price
    last = rules.best(ask, named(entries)).price
    for tier in rules.tiers(ask, named(entries)):
        at = ask.model_copy(update={"quantity": tier.min_quantity})
        assert tier.price == rules.best(at, named(entries)).price < last
        last = tier.price


@given(
    st.integers(0, 10**10),
    st.fractions(Fraction(1, 10**6), 10**6),
    CURRENCIES,
    st.sampled_from(["minor", "five", "ninety_nine", "whole"]),
)
def test_conversion_is_off_by_half_a_step_at_most(
    minor: int, rate: Fraction, currency: str, rounding: Rounding
) -> None:
    digits = digits_of(currency)
    if digits < 2 and rounding in ("five", "ninety_nine"):
        return  # refused when the currency is set
    found = converted(usd(minor), rate, currency, rounding)
    exact = Fraction(minor) * rate * Fraction(10) ** (digits - 2)
    step, ending = steps(rounding, digits)
    assert found.currency == currency
    if minor == 0:
        assert found.minor == 0
        return
    assert found.minor > 0
    assert (found.minor + ending) % step == 0
    smallest = step - ending
    assert abs(found.minor - exact) <= Fraction(step, 2) or (
        found.minor == smallest and exact < smallest
    )
    assert converted(usd(minor + 1), rate, currency, rounding).minor >= found.minor
    assert converted(usd(-minor), rate, currency, rounding).minor == -found.minor


@pytest.mark.parametrize(
    ("minor", "rate", "currency", "rounding", "found"),
    [
        (1329, "0.9255", "EUR", "minor", 1230),
        (1329, "0.9255", "EUR", "five", 1230),
        (1331, "0.9255", "EUR", "five", 1230),
        (1329, "0.9255", "EUR", "ninety_nine", 1199),
        (1329, "0.9255", "EUR", "whole", 1200),
        (1, "0.1", "EUR", "minor", 1),
        (1, "0.1", "EUR", "ninety_nine", 99),
        (1000, "150.5", "JPY", "minor", 1505),
        (1000, "0.3075", "KWD", "minor", 3075),
        (1000, "0.3075", "KWD", "five", 3100),
    ],
)
def test_conversion(minor: int, rate: str, currency: str, rounding: Rounding, found: int) -> None:
    assert converted(usd(minor), Fraction(rate), currency, rounding).minor == found


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"rate": "0"}, "rate", "rate_zero"),
        ({"rate": "0.000"}, "rate", "rate_zero"),
        ({"code": "USD"}, "code", "currency_own"),
        ({"code": "XCR"}, "code", "currency_unknown"),
        ({"code": "JPY", "rounding": "five"}, "rounding", "rounding_invalid"),
        ({"rated_at": datetime(2026, 1, 1)}, "ratedAt", "time_zone_missing"),  # noqa: DTZ001
    ],
)
def test_wrong_currencies(given: dict[str, object], path: str, code: str) -> None:
    one = CurrencyRate.model_validate({"code": "EUR", "rate": "0.9", **given})
    with pytest.raises(Invalid) as refused:
        rules.checked_currency(one, "USD")
    assert (refused.value.fields[0].path, refused.value.code) == (path, code)


class Desk:
    """Pricing with a clock, a market that includes tax, and a customer."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, clock()
        self.market = FakeMarket(inclusive=True)
        self.pricing = self.service(open_cache("memory://"))
        self.staff = staff(self.clock)
        self.customer = uuid4()
        self.ctx = Context(actor=Actor("person", self.customer), clock=self.clock)
        self.guest = Context(clock=self.clock)

    def service(self, cache: Cache) -> PricingService:
        return PricingService(self.db, self.market, FakeClasses(), cache)

    async def group(self, *people: UUID, **more: object) -> UUID:
        id = uuid4()
        one = CustomerGroup.model_validate({"id": id, "name": "Wholesale", **more})
        await self.pricing.save_group(self.staff, group=one)
        if people:
            await self.pricing.add_members(self.staff, group_id=id, person_ids=list(people))
        return id

    async def list_of(self, group_id: UUID, *entries: PriceEntry, **more: object) -> PriceList:
        given = {"id": uuid4(), "group_id": group_id, "name": "Wholesale", "entries": entries}
        one = PriceList.model_validate({**given, **more})
        return await self.pricing.save_list(self.staff, price_list=one)

    async def price(self, quantity: int = 1, ctx: Context | None = None) -> tuple[int, str]:
        asked = (ctx or self.ctx).actor.id
        assert asked is not None
        one = ask(quantity)
        [found] = await self.pricing.best(self.ctx, person_id=asked, asks=[one])
        return found.price.minor, found.note


def ask(quantity: int = 1, price: int = 1000, **more: object) -> PriceAsk:
    given = {"offer_id": OFFERS[0], "vendor_id": VENDORS[0], "category_path": CATEGORIES[:2]}
    return PriceAsk.model_validate({**given, "quantity": quantity, "price": usd(price), **more})


@pytest_asyncio.fixture
async def desk(database_of: DatabaseOf) -> AsyncIterator[Desk]:
    yield Desk(await database_of("pricing"))


async def test_a_group_pays_its_lists_price(desk: Desk) -> None:
    assert await desk.price() == (1000, "")
    group = await desk.group(desk.customer)
    one = await desk.list_of(group, PriceEntry(off_bp=1000))
    assert await desk.price() == (900, "Wholesale −10 %")
    better = [
        PriceEntry(vendor_id=VENDORS[0], category_id=CATEGORIES[1], off_bp=1250),
        PriceEntry(vendor_id=VENDORS[1], off_bp=9000),
        PriceEntry(offer_id=OFFERS[0], price=usd(800), min_quantity=5),
    ]
    await desk.list_of(group, *better, id=one.id)
    assert await desk.price() == (875, "Wholesale −12.5 %")
    assert await desk.price(5) == (800, "Wholesale price, from 5")
    assert await desk.pricing.price_list(desk.staff, id=one.id) == one.model_copy(
        update={"entries": better}
    )
    await desk.pricing.drop_member(desk.staff, group_id=group, person_id=desk.customer)
    assert await desk.price() == (1000, "")


async def test_a_list_counts_from_when_until_when(desk: Desk) -> None:
    group, now = await desk.group(desk.customer), desk.clock.now()
    day = timedelta(days=1)
    await desk.list_of(group, PriceEntry(off_bp=1000), starts_at=now + day, ends_at=now + 2 * day)
    found = []
    for _ in range(3):
        found.append((await desk.price())[0])
        desk.clock.advance(day)
    assert found == [1000, 900, 1000]
    await desk.list_of(group, PriceEntry(off_bp=2000), active=False)
    assert (await desk.price())[0] == 1000


async def test_another_process_hears_of_it_at_once_or_within_two_seconds(desk: Desk) -> None:
    cache = open_cache("memory://")
    desk.pricing = desk.service(cache)
    beside, alone = desk.service(cache), desk.service(open_cache("none://"))

    async def seen(service: PricingService) -> int:
        [found] = await service.best(desk.ctx, person_id=desk.customer, asks=[ask()])
        return found.price.minor

    assert (await seen(beside), await seen(alone)) == (1000, 1000)
    await desk.list_of(await desk.group(desk.customer), PriceEntry(off_bp=1000))
    assert (await seen(beside), await seen(alone)) == (900, 1000)
    desk.clock.advance(timedelta(seconds=2))
    assert await seen(alone) == 900


async def test_who_is_in_no_group_costs_no_statement(desk: Desk) -> None:
    await desk.list_of(await desk.group(uuid4()), PriceEntry(off_bp=1000))
    await desk.price()
    counted = await _statements(desk)
    assert counted == 0


async def _statements(desk: Desk) -> int:
    """How many statements a priced look costs when the book is there."""
    asked = 0
    real = desk.db.fetch, desk.db.fetchval

    async def fetch(*given: object) -> object:
        nonlocal asked
        asked += 1
        return await real[0](*given)  # type: ignore[arg-type]

    desk.pricing._db.fetch = fetch  # type: ignore[method-assign,assignment]
    desk.pricing._db.fetchval = fetch  # type: ignore[method-assign,assignment]
    try:
        await desk.price()
        await desk.pricing.shown(desk.ctx, asks=[ask()])
    finally:
        desk.pricing._db.fetch, desk.pricing._db.fetchval = real  # type: ignore[method-assign]
    return asked


async def test_business_customers_see_prices_without_tax(desk: Desk) -> None:
    for country, rate_bp in (("US", 2500), ("DE", 1900)):
        rate = TaxRate(tax_class="standard", country=country, rate_bp=rate_bp)
        await desk.pricing.set_rate(desk.staff, rate=rate)
    plain = await desk.pricing.viewing(desk.ctx, country="DE")
    assert (plain.plain, plain.tax, plain.tax_word) == (True, "included", "VAT")
    await desk.group(desk.customer, tax_display="excluded")
    viewing = await desk.pricing.viewing(desk.ctx, country="DE")
    assert (viewing.tax, viewing.strip_tax) == ("excluded", True)
    [found] = await desk.pricing.shown(desk.ctx, asks=[ask(price=1190)], country="DE")
    assert (found.price, found.charged) == (usd(1000), usd(1190))
    line = TaxableLine(id=uuid4(), tax_class="standard", amount=usd(1190))
    [taxed] = await desk.pricing.tax(desk.ctx, country="DE", lines=[line])
    assert found.price + taxed.tax == line.amount  # to the cent
    [found] = await desk.pricing.shown(desk.guest, asks=[ask(price=1190)], country="DE")
    assert found.price == usd(1190)
    desk.market.current = desk.market.current.model_copy(update={"prices_include_tax": False})
    outside = await desk.pricing.viewing(desk.ctx)
    assert (outside.tax, outside.strip_tax, outside.tax_word) == ("excluded", False, "tax")


async def test_prices_in_another_currency(desk: Desk) -> None:
    euro = CurrencyRate(code="EUR", rate="0.9255", rounding="five", source="ECB")
    saved = await desk.pricing.save_currency(desk.staff, currency=euro)
    assert saved.rated_at == desk.clock.now()
    asked = ask(price=1329, compare_at=usd(2000), lowest_before=usd(1329))
    [found] = await desk.pricing.shown(desk.guest, asks=[asked], currency="EUR")
    assert found.price == Money(minor=1230, currency="EUR")
    assert found.compare_at == Money(minor=1850, currency="EUR")
    assert found.charged == usd(1329)
    viewing = await desk.pricing.viewing(desk.guest, currency="EUR")
    assert (viewing.is_converted, viewing.about(usd(1329)).minor) == (True, 1230)
    assert viewing.currencies == ["EUR"]
    with pytest.raises(CurrencyUnknown) as refused:
        await desk.pricing.viewing(desk.guest, currency="GBP")
    assert refused.value.fields[0].path == "currency"
    off = euro.model_copy(update={"enabled": False, "rate": "0.93"})
    await desk.pricing.save_currency(desk.staff, currency=off)
    with pytest.raises(CurrencyUnknown):
        await desk.pricing.viewing(desk.guest, currency="EUR")
    assert await desk.pricing.currencies(desk.guest) == []
    assert [c.rate for c in await desk.pricing.currencies(desk.staff)] == ["0.93"]
    page = await desk.pricing.currency_history(desk.staff, code="EUR", limit=1)
    assert ([s.rate for s in page.items], page.items[0].enabled) == (["0.93"], False)
    rest = await desk.pricing.currency_history(desk.staff, code="EUR", cursor=page.next)
    assert [(s.rate, s.source, s.person_id) for s in rest.items] == [
        ("0.9255", "ECB", desk.staff.actor.id)
    ]


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (PriceEntry(), "entries.0"),
        (PriceEntry(offer_id=OFFERS[0]), "entries.0"),
        (PriceEntry(offer_id=OFFERS[0], off_bp=10), "entries.0"),
        (PriceEntry(offer_id=OFFERS[0], price=usd(5), vendor_id=VENDORS[0]), "entries.0"),
        (PriceEntry(off_bp=10, price=usd(5)), "entries.0.price"),
        (PriceEntry(offer_id=OFFERS[0], price=usd(0)), "entries.0.price"),
        (PriceEntry(offer_id=OFFERS[0], price=Money(minor=5, currency="EUR")), "entries.0.price"),
    ],
)
def test_wrong_entries(entry: PriceEntry, path: str) -> None:
    one = PriceList(id=uuid4(), group_id=uuid4(), name="L", entries=[entry])
    with pytest.raises(Invalid) as refused:
        rules.checked_list(one, "USD")
    assert refused.value.fields[0].path == path


async def test_lists_and_groups_that_are_not_there(desk: Desk) -> None:
    with pytest.raises(GroupUnknown):
        await desk.list_of(uuid4(), PriceEntry(off_bp=1))
    with pytest.raises(GroupUnknown):
        await desk.pricing.add_members(desk.staff, group_id=uuid4(), person_ids=[uuid4()])
    with pytest.raises(NotFound):
        await desk.pricing.price_list(desk.staff, id=uuid4())
    group = await desk.group(desk.customer)
    now = desk.clock.now()
    with pytest.raises(Invalid) as refused:
        await desk.list_of(group, PriceEntry(off_bp=1), starts_at=now, ends_at=now)
    assert refused.value.fields[0].path == "endsAt"
    await desk.list_of(group, PriceEntry(off_bp=1000))
    await desk.pricing.add_members(desk.staff, group_id=group, person_ids=[desk.customer])
    assert len((await desk.pricing.members(desk.staff, group_id=group)).items) == 1
    await desk.pricing.drop_group(desk.staff, id=group)
    await desk.pricing.drop_group(desk.staff, id=group)
    left = {one.group_id for one in await desk.pricing.lists(desk.staff)}
    assert group not in left
    assert await desk.price() == (1000, "")


async def test_a_rate_is_for_a_class_there_is(desk: Desk) -> None:
    rate = TaxRate(tax_class="books", country="US", rate_bp=500)
    with pytest.raises(TaxClassUnknown) as refused:
        await desk.pricing.set_rate(desk.staff, rate=rate)
    assert refused.value.fields[0].path == "taxClass"
