"""Opens the demo market: settings, staff, categories, vendors, goods with stock, customers.

Every step may be repeated: ids are derived, and what is there already is left as it is.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.app.seeding.assortment import APPLICANTS, CATEGORIES, STORES, Choice, Goods, Store
from haat.app.seeding.cast import (
    Crowd,
    Member,
    as_member,
    as_person,
    as_staff,
    as_system,
    id_of,
    person_id,
    settled,
)
from haat.app.seeding.people import Shopper, shopper
from haat.app.seeding.pictures import logo_picture
from haat.app.seeding.plan import Size
from haat.domains.goods.catalog.api import Catalog, Product, ProductDraft, VariantDraft
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.pricing.api import Pricing, TaxRate
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import Identity, StaffRole
from haat.domains.people.market.api import AlreadyOpened, Market, MarketSettings
from haat.domains.people.media.api import Media, Picture
from haat.domains.people.profiles.api import Address, Profiles
from haat.domains.people.vendors.api import Application, VendorChange, Vendors
from haat.domains.trade.shipping.api import Band, Shipping, ShippingMethod
from haat.kernel.context import Context
from haat.kernel.money import Money

CURRENCY = "USD"
ROLES: dict[str, StaffRole] = {"staff": "super_admin", "finance": "finance"}
# country → standard, reduced: basis points
RATES = {"US": (800, 200), "GB": (2000, 0), "DE": (1900, 700), "BD": (1500, 500)}
ACCOUNT = "000123456789"  # a test bank account that is paid at once
NO_ACCOUNT = "000111111116"  # one that does not exist, so that payouts come back
MISTYPED = 3  # the place of the store that gives it at first
LOW_AT = 5

Report = Callable[[str, int, int], None]
Standing = Literal["active", "pending", "draft", "rejected"]


@dataclass(slots=True)
class Scene:
    """What stands when the doors open. `offers[product][variant]` are offer ids."""

    admin: UUID
    finance: UUID
    members: list[Member] = field(default_factory=list)
    offers: dict[int, list[UUID]] = field(default_factory=dict)

    def owner_of(self, vendor_id: UUID) -> Member:
        return next(member for member in self.members if member.vendor_id == vendor_id)


def standing(goods: Goods) -> Standing:
    """How far a product has come: most are on sale, some keep staff and vendors busy."""
    if goods.number % 50 == 43:
        return "pending"
    return "draft" if goods.number % 77 == 32 else "active"


def picture_id(goods: Goods) -> UUID:
    return id_of(f"picture:{goods.number}")


class Opening:
    """The first days of the market, from `start` on."""

    def __init__(self, runtime: Runtime, size: Size, start: datetime, report: Report) -> None:
        self._runtime = runtime
        self._size = size
        self._start = start
        self._report = report
        self._crowd = Crowd(16)
        emails = {sign_in.role: sign_in.email for sign_in in SIGN_INS}
        self.scene = Scene(person_id(emails["staff"]), person_id(emails["finance"]))

    async def all(self, goods: list[Goods]) -> Scene:
        """Opens everything; what events have to do is done when it returns."""
        await self._crowd.all([self._market])
        await self._people()
        await self._crowd.all([self._vendors])
        await settled(self._runtime)
        await self._crowd.all([partial(self._trade, place) for place in range(len(STORES))])
        await self._goods(goods)
        await settled(self._runtime)
        await self._stock(goods)
        return self.scene

    def _door(self, contract: type[Any]) -> Any:
        return self._runtime.inner[contract]

    def _staff(self, label: str, after: timedelta = timedelta()) -> Context:
        return as_staff(label, self._start + after, self.scene.admin)

    async def _market(self) -> None:
        settings = MarketSettings(
            name="Haat Demo Market",
            currency=CURRENCY,
            country="US",
            demo=True,
            return_window_minutes=10,
            handling_hours=96,
            support_email="help@demo.haat.example",
        )
        with suppress(AlreadyOpened):  # by an earlier run, which did not come to its end
            await self._door(Market).open(as_system("open", self._start), settings=settings)
        pricing: Pricing = self._door(Pricing)
        for country, rates in RATES.items():
            for tax_class, rate in zip(("standard", "reduced"), rates, strict=True):
                given = TaxRate(tax_class=tax_class, country=country, rate_bp=rate)
                await pricing.set_rate(self._staff("tax"), rate=given)
        catalog: Catalog = self._door(Catalog)
        for place, (slug, (name, above)) in enumerate(CATEGORIES.items()):
            await catalog.save_category(
                self._staff("categories"),
                id=id_of(f"category:{slug}"),
                name=name,
                parent_id=id_of(f"category:{above}") if above else None,
                slug=slug,
                position=place,
            )

    async def _people(self) -> None:
        """Customers, owners and staff. All are demo accounts: their password is public."""
        accounts = [(sign_in.email, sign_in.name) for sign_in in SIGN_INS]
        accounts += [(s.email, s.owner) for s in (*STORES, *APPLICANTS)]
        customers = [customer(number) for number in range(self._size.customers)]
        accounts += [(one.email, one.name) for one in customers]
        known = dict(accounts)
        await self._crowd.all([partial(self._register, *account) for account in known.items()])
        identity: Identity = self._door(Identity)
        ctx = as_system("people", self._start)
        await identity.mark_demo(ctx, person_ids=[person_id(email) for email in known])
        for sign_in in SIGN_INS:
            if sign_in.role in ROLES:
                await identity.grant_staff(
                    ctx, person_id=person_id(sign_in.email), role=ROLES[sign_in.role]
                )
        await self._crowd.all([partial(self._address, one) for one in customers])

    async def _register(self, email: str, name: str) -> None:
        identity: Identity = self._door(Identity)
        ctx = as_system(f"register:{email}", self._start)  # nobody follows a link in a letter
        await identity.register(
            ctx, id=person_id(email), email=email, password=DEMO_PASSWORD, name=name
        )

    async def _address(self, one: Shopper) -> None:
        profiles: Profiles = self._door(Profiles)
        ctx = as_person(f"address:{one.email}", self._start, person_id(one.email))
        id = id_of(f"address:{one.email}")
        await profiles.save_address(ctx, id=id, address=Address(**one.address), is_default=True)

    async def _vendors(self) -> None:
        vendors: Vendors = self._door(Vendors)
        members = []
        for place, store in enumerate((*STORES, *APPLICANTS)):
            vendor_id = id_of(f"vendor:{store.name}")
            member = Member(person_id(store.email), vendor_id)
            at = self._start + timedelta(hours=place)
            if store in APPLICANTS:
                at += timedelta(days=self._size.days)
            application = Application(
                name=store.name,
                description=store.description,
                country=store.country,
                contact_email=store.email,
                business_type="Workshop",
            )
            ctx = as_person(f"apply:{store.name}", at, member.person_id)
            await vendors.apply(ctx, id=vendor_id, application=application)
            if store in STORES:
                members.append(member)
                decided = self._staff(f"approve:{store.name}", timedelta(hours=place + 2))
                await vendors.decide(decided, id=vendor_id, decision="approve")
        self.scene.members = members

    async def _trade(self, place: int) -> None:
        """What a vendor sets up before it sells: a logo, ways to ship, a bank account."""
        store, member = STORES[place], self.scene.members[place]
        ctx = as_member(f"trade:{store.name}", self._start + timedelta(days=1), member)
        vendor_id = member.vendor_id
        logo = id_of(f"logo:{store.name}")
        media: Media = self._door(Media)
        await media.upload(
            ctx, id=logo, content=logo_picture(store.name[0], store.name), vendor_id=vendor_id
        )
        vendors: Vendors = self._door(Vendors)
        await vendors.change(ctx, id=vendor_id, change=VendorChange(logo_id=logo))
        shipping: Shipping = self._door(Shipping)
        for method in _methods(store, vendor_id):
            await shipping.save_method(ctx, method=method)
        account = NO_ACCOUNT if place == MISTYPED else ACCOUNT
        destination = Destination(holder=store.owner, account=account)
        payouts: Payouts = self._door(Payouts)
        await payouts.set_destination(ctx, vendor_id=vendor_id, destination=destination)

    async def _goods(self, goods: list[Goods]) -> None:
        done = 0

        async def make(one: Goods) -> None:
            nonlocal done
            product = await self._product(one)
            self.scene.offers[one.number] = [v.offers[0].id for v in product.variants]
            done += 1
            self._report("products", done, len(goods))

        await self._crowd.all([partial(make, one) for one in goods])

    async def _product(self, one: Goods) -> Product:
        catalog: Catalog = self._door(Catalog)
        member = self.scene.members[one.store]
        at = self._start + timedelta(days=1, minutes=5 * one.number)
        late = standing(one) != "active"
        if late:  # what waits for somebody has not waited for months
            at += timedelta(days=self._size.days)
        ctx = as_member(f"product:{one.number}", at, member)
        id = id_of(f"product:{one.number}")
        found = await catalog.create(ctx, id=id, vendor_id=member.vendor_id, draft=_draft(one))
        if found.status == "draft" and standing(one) != "draft":
            found = await catalog.submit(ctx, id=id)
        if found.status == "pending" and not late:
            staff = as_staff(f"approve:{one.number}", at + timedelta(hours=1), self.scene.admin)
            found = await catalog.decide(staff, id=id, decision="approve")
        return found

    async def _stock(self, goods: list[Goods]) -> None:
        await self._crowd.all([partial(self._shelve, one) for one in goods])

    async def _shelve(self, one: Goods) -> None:
        """Counts the goods of one product; a threshold on some, so that low stock shows."""
        inventory: Inventory = self._door(Inventory)
        at = self._start + timedelta(days=3)
        ctx = as_member(f"stock:{one.number}", at, self.scene.members[one.store])
        for offer, choice in zip(self.scene.offers[one.number], one.choices, strict=True):
            if choice.on_hand:
                await inventory.set_on_hand(
                    ctx, id=id_of(f"stock:{offer}"), offer_id=offer, on_hand=choice.on_hand
                )
            if not one.is_plentiful:
                await inventory.set_threshold(ctx, offer_id=offer, low_at=LOW_AT)


def customer(number: int) -> Shopper:
    """The customer with this number; the first is the one that signs in with one click."""
    if number == 0:
        shown = next(sign_in for sign_in in SIGN_INS if sign_in.role == "customer")
        return shopper(0, shown.name, shown.email)
    return shopper(number)


def _draft(one: Goods) -> ProductDraft:
    alt = f"A drawing of {one.title}"
    return ProductDraft(
        title=one.title,
        description_html=one.text,
        category_id=id_of(f"category:{one.category}"),
        brand=STORES[one.store].name,
        tax_class=one.tax_class,
        pictures=[Picture(media_id=picture_id(one), alt=alt)],
        variants=[_variant(choice) for choice in one.choices],
    )


def _variant(choice: Choice) -> VariantDraft:
    return VariantDraft(
        options=choice.options,
        sku=choice.sku,
        price=_money(choice.price),
        compare_at=_money(choice.compare_at) if choice.compare_at else None,
        weight_g=choice.weight_g,
    )


def _methods(store: Store, vendor_id: UUID) -> list[ShippingMethod]:
    """Beside "Standard", which every vendor has: a fast way, and one by weight for heavy goods."""
    found = [
        ShippingMethod(
            id=id_of(f"express:{store.name}"),
            vendor_id=vendor_id,
            name="Express",
            bands=[Band(price=_money(1490))],
            days_min=1,
            days_max=2,
        )
    ]
    if {"kitchenware", "planters", "ceramics"} & set(store.kinds):
        found.append(
            ShippingMethod(
                id=id_of(f"parcel:{store.name}"),
                vendor_id=vendor_id,
                name="Parcel by weight",
                bands=[
                    Band(weight_g_max=1000, price=_money(450)),
                    Band(weight_g_max=5000, price=_money(890)),
                    Band(price=_money(1890)),
                ],
                free_from=_money(15_000),
                days_min=2,
                days_max=6,
            )
        )
    return found


def _money(minor: int) -> Money:
    return Money(minor=minor, currency=CURRENCY)
