"""What can be sent, what collected, and where: by tables and any stock there may be."""

from collections.abc import Mapping
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.inventory.api import AtPickup, Available, OutOfStock, Warehouse
from haat.domains.trade.checkout.collecting import sites_of, ways
from haat.domains.trade.checkout.rules import Goods, Part
from haat.domains.trade.shipping.api import NoShipping, Option, VendorOptions
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.domains.goods.doubles import usd
from tests.domains.trade.test_cart import FakeCatalog

VENDOR, SHOP, DEPOT = UUID(int=1), UUID(int=2), UUID(int=3)
ONE, TWO = UUID(int=11), UUID(int=12)
POST = Option(method_id=UUID(int=9), name="Post", price=usd(490), days_min=2, days_max=5)
PLACES = [Warehouse(id=id, vendor_id=VENDOR, is_default=False, name="W") for id in (SHOP, DEPOT)]


async def part(wanted: Mapping[UUID, int]) -> Part:
    offers = await FakeCatalog().offers(None, ids=list(wanted))  # type: ignore[arg-type]
    goods = [Goods(o.offer_id, o, wanted[o.offer_id], 100) for o in offers]
    return Part(VENDOR, derive(VENDOR, "shipping"), goods=goods)


def had(id: UUID, available: int, **places: int) -> Available:
    at = {"shop": SHOP, "depot": DEPOT}
    pickups = [AtPickup(warehouse_id=at[n], available=count) for n, count in places.items()]
    return Available(offer_id=id, available=available, pickups=pickups)


def of(found: Part, stock: list[Available], options: list[Option]) -> list[Option]:
    sites = sites_of([found], stock)
    by_post = [VendorOptions(vendor_id=VENDOR, options=options)]
    [one] = ways([found], stock, by_post, sites, PLACES, "USD")
    return one.options


async def test_sending_comes_first_and_collecting_costs_nothing() -> None:
    found = await part({ONE: 2, TWO: 1})
    stock = [had(ONE, 5, shop=2, depot=1), had(TWO, 5, shop=1, depot=1)]
    sent, collected = of(found, stock, [POST])
    assert sent == POST
    assert (collected.method_id, collected.pickup, collected.price) == (SHOP, True, usd(0))


async def test_what_cannot_be_sent_may_be_collected() -> None:
    found = await part({ONE: 2})
    assert [o.method_id for o in of(found, [had(ONE, 1, shop=2)], [POST])] == [SHOP]
    assert [o.method_id for o in of(found, [had(ONE, 5, shop=2)], [])] == [SHOP]
    with pytest.raises(OutOfStock) as lacking:
        of(found, [had(ONE, 1, shop=1)], [POST])
    assert lacking.value.data["offers"] == [{"offerId": str(ONE), "available": 1}]
    with pytest.raises(NoShipping) as unreached:
        of(found, [had(ONE, 5)], [])
    assert unreached.value.data["vendors"] == [str(VENDOR)]


counts = st.dictionaries(st.sampled_from(["shop", "depot"]), st.integers(0, 3), max_size=2)


@given(
    wanted=st.dictionaries(st.sampled_from([ONE, TWO]), st.integers(1, 3), min_size=1),
    there=st.fixed_dictionaries({ONE: counts, TWO: counts}),
)
async def test_a_place_has_everything_or_is_not_offered(
    wanted: dict[UUID, int], there: dict[UUID, dict[str, int]]
) -> None:
    found = await part(wanted)
    stock = [had(id, 9, **there[id]) for id in wanted]
    names = {"shop": SHOP, "depot": DEPOT}
    expected = {
        id
        for name, id in names.items()
        if all(there[offer].get(name, 0) >= count for offer, count in wanted.items())
    }
    offered = {o.method_id for o in of(found, stock, [POST]) if o.pickup}
    assert offered == expected
    assert Money.zero("USD") == usd(0)
