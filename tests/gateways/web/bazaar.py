"""A small market made of fake contracts, behind the real doors: what pages are tested against."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from starlette.types import ASGIApp

from haat.domains.goods.catalog.api import (
    Catalog,
    Category,
    Listing,
    Offer,
    OfferLine,
    Product,
    Variant,
)
from haat.domains.goods.inventory.api import Available, Inventory, OutOfStock
from haat.domains.goods.pricing.api import Pricing, Viewing
from haat.domains.insight.search.api import Completion, Facet, Hits, Search
from haat.domains.money.payments.api import Payments
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.identity.api import (
    EmailTaken,
    Identity,
    PasswordWeak,
    Person,
    SignedIn,
    Way,
    WrongCredentials,
)
from haat.domains.people.market.api import Market, MarketSettings, NotOpened
from haat.domains.people.profiles.api import (
    AddressField,
    AddressRules,
    Preferences,
    Profile,
    Profiles,
    SavedAddress,
)
from haat.domains.people.vendors.api import Presence, Vendor, Vendors
from haat.domains.reach.notifications.api import Notification, Notifications
from haat.domains.trade.cart.api import Cart, CartState, Item
from haat.domains.trade.checkout.api import Checkout
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.domains.trade.shipping.api import Shipping
from haat.engines.http import AccessClaims, Signer, Tokens
from haat.engines.rpc import local
from haat.gateways.rest import Parts, create
from haat.gateways.rest.application import equip
from haat.gateways.web.admin import admin_routers
from haat.gateways.web.routers import web_state
from haat.gateways.web.store import store_routers
from haat.kernel.clock import SystemClock
from haat.kernel.context import PROVED
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page
from tests.gateways.web.counter import Counter, FakePayments, FakeSettlement, FakeWallet
from tests.gateways.web.till import FakeCheckout, FakeOrders, FakeShipping

SPACE = UUID(int=4004)
SITE = "https://market.test"
NOW = datetime.now(UTC)
PASSWORD = "a good long password"


def id_of(name: str) -> UUID:
    return uuid5(SPACE, name)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


CLAY, LOOM = (
    Vendor(
        id=id_of(slug), slug=slug, name=name, description=f"All about {slug}.",
        status="active", country="PT", created_at=NOW,
    )
    for slug, name in (("clay", "Clay & Co"), ("loom", "The Loom"))
)  # fmt: skip
HOME = Category(
    id=id_of("home"), parent_id=None, slug="home", name="Home", position=0, product_count=3
)
MUGS = Category(
    id=id_of("mugs"), parent_id=HOME.id, slug="mugs", name="Mugs", position=0, product_count=1
)


def product(slug: str, vendor: Vendor, variants: int, price: int = 1299) -> Product:
    """An active product; its offers are `<slug>-0`, `<slug>-1` …"""
    return Product(
        id=id_of(slug), slug=slug, vendor_id=vendor.id, title=f"{slug.title()} <b>&",
        description_html="<p>Made <em>by hand</em>.</p>", category_id=MUGS.id, status="active",
        option_names=["Size"] if variants > 1 else [], created_at=NOW, updated_at=NOW,
        variants=[
            Variant(
                id=id_of(f"{slug}-v{n}"), title=f"Size {n}" if variants > 1 else "",
                offers=[Offer(
                    id=id_of(f"{slug}-{n}"), variant_id=id_of(f"{slug}-v{n}"),
                    vendor_id=vendor.id, sku=f"{slug}-{n}", price=usd(price + 100 * n),
                )],
            )
            for n in range(variants)
        ],
    )  # fmt: skip


class Bazaar:
    """The world's state; tests change it as they like."""

    def __init__(self) -> None:
        self.open = True
        self.products = {
            p.slug: p
            for p in (product("mug", CLAY, 3), product("rug", LOOM, 1), product("yarn", LOOM, 14))
        }
        self.stock = {offer.id: 9 for p in self.products.values() for offer in offers_of(p)}
        self.carts: dict[UUID, dict[UUID, int]] = {}
        self.people: dict[str, tuple[Person, str]] = {}
        self.addresses: list[SavedAddress] = []
        self.notes: list[Notification] = []
        self.searched: dict[str, Any] = {}
        self.merged: list[UUID] = []
        self.signed_in_with: dict[str, Any] = {}
        self.tokens = Tokens(b"s" * 32, SystemClock())
        self.till = FakeCheckout(self)
        self.counter = Counter()
        self.payment: str | None = None  # of the order there is

    def member(self, email: str = "ana@example.com", *scopes: str, vendor: bool = False) -> Person:
        """An account with that e-mail address and PASSWORD."""
        person = Person(id=id_of(email), email=email, name="Ana", created_at=NOW,
                        scopes=list(scopes))  # fmt: skip
        self.people[email] = (person, PASSWORD)
        if vendor:
            self.people[email + ":vendor"] = self.people[email]
        return person

    def cookie(self, person: Person) -> dict[str, str]:
        claims = AccessClaims(
            person_id=person.id,
            session_id=id_of("session"),
            scopes=frozenset({"person", *person.scopes, PROVED}),
            vendor_id=CLAY.id if f"{person.email}:vendor" in self.people else None,
        )
        return {"haat_access": self.tokens.issue(claims, timedelta(minutes=10))}

    def application(self, **state: Any) -> ASGIApp:
        """Store and back office as they are served: limits, problems, pages, over this world."""
        fakes: list[tuple[type[Contract], Contract]] = [
            (Market, FakeMarket(self)),
            (Catalog, FakeCatalog(self)),
            (Pricing, FakePricing()),
            (Vendors, FakeVendors()),
            (Inventory, FakeInventory(self)),
            (Search, FakeSearch(self)),
            (Cart, FakeCart(self)),
            (Identity, FakeIdentity(self)),
            (Profiles, FakeProfiles(self)),
            (Notifications, FakeNotifications(self)),
            (Checkout, self.till),
            (Orders, FakeOrders(self)),
            (Shipping, FakeShipping()),
            (Payments, FakePayments(self.counter)),
            (Wallet, FakeWallet(self.counter)),
            (Settlement, FakeSettlement(self.counter)),
        ]
        doors: Mapping[type[Contract], Any] = {
            contract: local(contract, fake, caller=None) for contract, fake in fakes
        }
        app = create([], site_routers=[*store_routers(), *admin_routers()])
        inner: Any = app
        while not hasattr(inner, "state"):
            inner = inner._app
        parts = Parts(
            doors=doors, tokens=self.tokens, signer=Signer(b"s" * 32, SystemClock()),
            clock=SystemClock(), answers=cast(Any, None), ready=cast(Any, None),
            state={**web_state(SITE), **state},
        )  # fmt: skip
        equip(inner, parts)
        return app


def offers_of(found: Product) -> list[Offer]:
    return [offer for variant in found.variants for offer in variant.offers]


def listing_of(found: Product) -> Listing:
    prices = [offer.price for offer in offers_of(found)]
    return Listing(
        id=found.id, slug=found.slug, title=found.title, vendor_id=found.vendor_id,
        category_id=found.category_id, price_from=prices[0], price_to=prices[-1],
        offer_ids=[offer.id for offer in offers_of(found)], status="active", created_at=NOW,
    )  # fmt: skip


class Faking:
    def __init__(self, world: Bazaar) -> None:
        self.world = world


class FakeMarket(Faking, Market):
    async def settings(self, ctx: Any) -> MarketSettings:
        if not self.world.open:
            raise NotOpened
        return MarketSettings(name="Test <Market>", currency="USD", country="PT")

    async def is_open(self, ctx: Any) -> bool:
        return self.world.open


class FakePricing(Pricing):
    """Everybody pays the same, in the market's currency."""

    async def viewing(self, ctx: Any, **asked: Any) -> Viewing:
        return Viewing(
            plain=True, has_lists=False, market_currency="USD", currency="USD",
            country=asked.get("country") or "PT", tax="excluded", tax_word="VAT",
        )  # fmt: skip


class FakeCatalog(Faking, Catalog):
    async def categories(self, ctx: Any) -> list[Category]:
        return [HOME, MUGS]

    async def listings(self, ctx: Any, **asked: Any) -> Page[Listing]:
        found = [listing_of(p) for p in self.world.products.values()]
        if asked.get("vendor_id"):
            found = [one for one in found if one.vendor_id == asked["vendor_id"]]
        return Page(items=found, next=None if asked.get("cursor") else "more")

    async def product(self, ctx: Any, *, ref: str) -> Product:
        if ref not in self.world.products:
            raise NotFound
        return self.world.products[ref]

    async def moved(self, ctx: Any, *, ref: str) -> str:
        raise NotFound

    async def category_moved(self, ctx: Any, *, ref: str) -> str:
        raise NotFound

    async def offers(self, ctx: Any, *, ids: list[UUID]) -> list[OfferLine]:
        return [
            OfferLine(
                offer_id=offer.id, variant_id=variant.id, product_id=p.id, product_slug=p.slug,
                vendor_id=p.vendor_id, category_id=p.category_id, title=p.title,
                variant_title=variant.title, sku=offer.sku, price=offer.price,
                tax_class="standard", weight_g=100, buyable=p.status == "active",
            )
            for p in self.world.products.values()
            for variant in p.variants
            for offer in variant.offers
            if offer.id in ids
        ]  # fmt: skip


class FakeVendors(Vendors):
    async def listed(self, ctx: Any, **_: Any) -> Page[Vendor]:
        return Page(items=[CLAY, LOOM])

    async def by_ids(self, ctx: Any, *, ids: list[UUID]) -> list[Vendor]:
        return [vendor for vendor in (CLAY, LOOM) if vendor.id in ids]

    async def find(self, ctx: Any, *, slug: str) -> Vendor:
        for vendor in (CLAY, LOOM):
            if slug in (vendor.slug, str(vendor.id)):
                return vendor
        raise NotFound

    async def presence(self, ctx: Any, *, vendor_id: UUID) -> Presence:
        return Presence(vendor_id=vendor_id)


class FakeInventory(Faking, Inventory):
    async def available(
        self, ctx: Any, *, offers: list[UUID], country: str | None = None
    ) -> list[Available]:
        stock = self.world.stock
        return [Available(offer_id=offer, available=stock.get(offer, 0)) for offer in offers]


class FakeSearch(Faking, Search):
    async def products(self, ctx: Any, **asked: Any) -> Hits:
        self.world.searched = asked
        found = [
            listing_of(p)
            for p in self.world.products.values()
            if asked["words"].lower() in p.title.lower()
        ]
        return Hits(
            items=found, total=len(found), next="more" if found else None,
            categories=[Facet(id=MUGS.id, count=len(found))] if found else [],
            vendors=[Facet(id=CLAY.id, count=1)] if found else [],
        )  # fmt: skip

    async def complete(self, ctx: Any, **_: Any) -> Completion:
        return Completion(
            products=[listing_of(p) for p in self.world.products.values() if p.slug == "mug"],
            categories=[MUGS.id], searches=["mug of the year"],
        )  # fmt: skip

    async def suggest(self, ctx: Any, **_: Any) -> list[str]:
        return ["Mug of the year"]


class FakeCart(Faking, Cart):
    def _key(self, ctx: Any, cart_id: UUID | None) -> UUID | None:
        key: UUID | None = ctx.actor.id or cart_id
        return key

    def _state(self, key: UUID | None) -> CartState:
        items = self.world.carts.get(key, {}) if key else {}
        return CartState(id=key, items=[Item(offer_id=o, quantity=q) for o, q in items.items()])

    async def view(self, ctx: Any, *, cart_id: UUID | None = None) -> CartState:
        return self._state(self._key(ctx, cart_id))

    async def add(
        self, ctx: Any, *, offer_id: UUID, quantity: int = 1, cart_id: UUID | None = None
    ) -> CartState:
        key = self._key(ctx, cart_id) or ctx.new_id()
        wanted = self.world.carts.get(key, {}).get(offer_id, 0) + quantity
        return await self.put(ctx, offer_id=offer_id, quantity=wanted, cart_id=key)

    async def put(
        self, ctx: Any, *, offer_id: UUID, quantity: int, cart_id: UUID | None = None
    ) -> CartState:
        key = self._key(ctx, cart_id)
        left = self.world.stock.get(offer_id, 0)
        if quantity > left:
            raise OutOfStock(offers=[{"offerId": str(offer_id), "available": left}])
        assert key is not None
        items = self.world.carts.setdefault(key, {})
        items[offer_id] = quantity
        if quantity == 0:
            del items[offer_id]
        return self._state(key)

    async def merge(self, ctx: Any, *, guest_cart_id: UUID) -> CartState:
        self.world.merged.append(guest_cart_id)
        self.world.carts[ctx.person_id] = self.world.carts.pop(guest_cart_id, {})
        return self._state(ctx.person_id)


class FakeIdentity(Faking, Identity):
    async def register(self, ctx: Any, *, email: str, password: str, **_: Any) -> Person:
        if email in self.world.people:
            raise EmailTaken
        if len(password) < 8:
            raise PasswordWeak
        person = self.world.member(email)
        self.world.people[email] = (person, password)
        return person

    async def sign_in(self, ctx: Any, *, email: str, password: str, **rest: Any) -> SignedIn:
        self.world.signed_in_with = rest
        person, expected = self.world.people.get(email, (None, ""))
        if person is None or password != expected:
            raise WrongCredentials
        return SignedIn(
            access_token=self.world.cookie(person)["haat_access"],
            refresh_token="refresh", expires_at=NOW, person=person,
        )  # fmt: skip

    async def sign_out(self, ctx: Any, *, refresh_token: str) -> None: ...

    async def ways(self, ctx: Any) -> list[Way]:
        return []

    async def me(self, ctx: Any) -> Person:
        return next(p for p, _ in self.world.people.values() if p.id == ctx.person_id)


class FakeProfiles(Faking, Profiles):
    async def preferences(self, ctx: Any) -> Preferences:
        return Preferences()

    async def address_rules(self, ctx: Any, *, country: str) -> AddressRules:
        names: tuple[Any, ...] = ("name", "line1", "line2", "postalCode", "city", "region")
        needed = ("name", "line1", "city")
        fields = [AddressField(name=n, label=n.title(), required=n in needed) for n in names]
        return AddressRules(country=country, fields=fields)

    async def profile(self, ctx: Any) -> Profile:
        return Profile(person_id=ctx.person_id, name="Ana")

    async def addresses(self, ctx: Any) -> list[SavedAddress]:
        return self.world.addresses

    async def save_address(
        self, ctx: Any, *, id: UUID, address: Any, is_default: bool = False, label: Any = None
    ) -> SavedAddress:
        saved = SavedAddress(id=id, address=address, is_default=is_default)
        self.world.addresses = [a for a in self.world.addresses if a.id != id] + [saved]
        return saved

    async def remove_address(self, ctx: Any, *, id: UUID) -> None:
        self.world.addresses = [a for a in self.world.addresses if a.id != id]


class FakeNotifications(Faking, Notifications):
    async def own(self, ctx: Any, **_: Any) -> Page[Notification]:
        return Page(items=self.world.notes)

    async def unread(self, ctx: Any) -> int:
        return len([note for note in self.world.notes if note.read_at is None])

    async def mark_read(self, ctx: Any, *, ids: list[UUID] | None = None) -> None:
        self.world.notes = [n.model_copy(update={"read_at": NOW}) for n in self.world.notes]
