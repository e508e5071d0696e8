"""What else a market can do, each shown once: prices of a customer group, other currencies, a sale
with the lowest price before it, where vendors are, a download and a service.

Set when the history has been told, so that nothing in it costs otherwise. Every step may be
repeated, as in `opening`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.assortment import STORES, Goods
from haat.app.seeding.cast import Crowd, Member, as_member, as_staff, id_of, person_id
from haat.app.seeding.opening import CURRENCY, Scene, customer, standing
from haat.domains.goods.catalog.api import (
    Catalog,
    OfferChange,
    ProductDraft,
    ProductKind,
    VariantDraft,
)
from haat.domains.goods.pricing.api import (
    CurrencyRate,
    CustomerGroup,
    PriceEntry,
    PriceList,
    Pricing,
    Rounding,
)
from haat.domains.people.media.api import Picture
from haat.domains.people.vendors.api import Location, VendorChange, Vendors
from haat.kernel.money import Money

SALE_DAYS = 3  # how long ago the sale began
ON_SALE = 3  # products
OFF_BP = 2_000
GROUP, LIST = id_of("group:trade"), id_of("list:trade")
RATES: tuple[tuple[str, str, Rounding], ...] = (
    ("EUR", "0.92", "minor"), ("GBP", "0.79", "minor"), ("BDT", "119.5", "whole"),
)  # fmt: skip
PLACES: tuple[tuple[float, float, str], ...] = (
    (35.5951, -82.5515, "Asheville, North Carolina"), (35.6870, -105.9378, "Santa Fe, New Mexico"),
    (51.4545, -2.5879, "Bristol"), (40.7282, -73.7949, "Queens, New York"),
    (44.9778, -93.2650, "Minneapolis, Minnesota"), (47.6062, -122.3321, "Seattle, Washington"),
    (47.9990, 7.8421, "Freiburg"), (38.2975, -122.2869, "Napa, California"),
    (40.7357, -74.1724, "Newark, New Jersey"), (45.5152, -122.6784, "Portland, Oregon"),
    (29.9511, -90.0715, "New Orleans, Louisiana"), (42.3601, -71.0589, "Boston, Massachusetts"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extra:
    """Something that is not goods. `shape`: as what it is drawn."""

    label: str
    store: int
    kind: ProductKind
    category: str
    title: str
    text: str
    price: int
    shape: str

    @property
    def picture_id(self) -> UUID:
        return id_of(f"picture:{self.label}")


EXTRAS = (
    Extra("manual", 0, "digital", "ceramics", "The Glazing Notebook (PDF)",
          "<p>Forty glazes that work, with weights, cones and what went wrong on the way. Sent as "
          "a file, so there is nothing to ship.</p>", 1490, "notebook"),
    Extra("lesson", 0, "service", "ceramics", "Two Hours at the Wheel",
          "<p>A lesson for one at our wheel, clay and firing included. We agree on a day when you "
          "have booked.</p>", 6500, "vase"),
)  # fmt: skip


class Extras:
    def __init__(self, runtime: Runtime, scene: Scene, now: datetime, customers: int) -> None:
        self._runtime = runtime
        self._scene = scene
        self._now = now
        self._customers = customers

    async def all(self, assortment: Sequence[Goods]) -> None:
        jobs: list[Callable[[], Awaitable[None]]] = [self._prices]
        jobs += [partial(self._place, place) for place in range(len(STORES))]
        jobs += [partial(self._reduce, one) for one in self._reduced(assortment)]
        jobs += [partial(self._offer, one) for one in EXTRAS]
        await Crowd(8).all(jobs)

    def _door(self, contract: type[Any]) -> Any:
        return self._runtime.inner[contract]

    def _member(self, store: int) -> Member:
        return self._scene.members[store]

    async def _place(self, store: int) -> None:
        vendors: Vendors = self._door(Vendors)
        latitude, longitude, name = PLACES[store]
        where = Location(latitude=latitude, longitude=longitude, place=name)
        member = self._member(store)
        ctx = as_member(f"place:{store}", self._now, member)
        await vendors.change(ctx, id=member.vendor_id, change=VendorChange(location=where))

    async def _prices(self) -> None:
        """Vendors buy from each other, and some customers buy for a shop: the accounts to try show
        both sides of it."""
        pricing: Pricing = self._door(Pricing)
        ctx = as_staff("prices", self._now, self._scene.admin)
        for code, rate, rounding in RATES:
            one = CurrencyRate(code=code, rate=rate, rounding=rounding, source="an example")
            await pricing.save_currency(ctx, currency=one)
        await pricing.save_group(ctx, group=CustomerGroup(id=GROUP, name="Trade"))
        people = [member.person_id for member in self._scene.members]
        people += [person_id(customer(n).email) for n in range(1, min(6, self._customers))]
        await pricing.add_members(ctx, group_id=GROUP, person_ids=people)
        entries = [PriceEntry(off_bp=1_000), PriceEntry(off_bp=1_500, min_quantity=10)]
        trade = PriceList(id=LIST, group_id=GROUP, name="Trade", entries=entries)
        await pricing.save_list(ctx, price_list=trade)

    def _reduced(self, assortment: Sequence[Goods]) -> list[Goods]:
        whole = (
            one
            for one in assortment
            if one.is_plentiful
            and standing(one) == "active"
            and not any(choice.compare_at for choice in one.choices)
        )
        return [one for _, one in zip(range(ON_SALE), whole, strict=False)]

    async def _reduce(self, one: Goods) -> None:
        catalog: Catalog = self._door(Catalog)
        at = self._now - timedelta(days=SALE_DAYS)
        for offer, choice in zip(self._scene.offers[one.number], one.choices, strict=True):
            price = choice.price * (10_000 - OFF_BP) // 10_000
            change = OfferChange(price=_money(price), compare_at=_money(choice.price))
            ctx = as_member(f"sale:{offer}", at, self._member(one.store))
            await catalog.change_offer(ctx, id=offer, change=change)

    async def _offer(self, one: Extra) -> None:
        catalog: Catalog = self._door(Catalog)
        member, id = self._member(one.store), id_of(f"product:{one.label}")
        draft = ProductDraft(
            title=one.title,
            description_html=one.text,
            category_id=id_of(f"category:{one.category}"),
            brand=STORES[one.store].name,
            kind=one.kind,
            pictures=[Picture(media_id=one.picture_id, alt=f"A drawing of {one.title}")],
            variants=[VariantDraft(sku=f"D-{one.label}", price=_money(one.price))],
        )
        at = self._now - timedelta(days=1)
        ctx = as_member(f"product:{one.label}", at, member)
        found = await catalog.create(ctx, id=id, vendor_id=member.vendor_id, draft=draft)
        if found.status == "draft":
            found = await catalog.submit(ctx, id=id)
        if found.status == "pending":
            staff = as_staff(f"approve:{one.label}", at + timedelta(hours=1), self._scene.admin)
            await catalog.decide(staff, id=id, decision="approve")


def _money(minor: int) -> Money:
    return Money(minor=minor, currency=CURRENCY)
