"""Stand-ins for the modules that notifications and the back office ask."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from haat.domains.goods.catalog.api import Catalog, Category, Listing
from haat.domains.goods.inventory.api import Available, Inventory
from haat.domains.money.commissions.api import Terms
from haat.domains.money.ledger.api import Account, Balance, Ledger
from haat.domains.money.payments.api import Payment, Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import Contact, Identity, Letter
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.profiles.api import Address, Profiles, Wanted
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.orders.api import (
    Order,
    OrderLine,
    Orders,
    TimelineNote,
    Totals,
    VendorOrder,
)
from haat.domains.trade.settlement.api import RefundResult, Settlement
from haat.engines.bus import DeadLetter, DeadLetterGone
from haat.engines.mail import Message
from haat.kernel.context import Context
from haat.kernel.errors import Problem, Unavailable
from haat.kernel.events import Event
from haat.kernel.money import Money
from haat.kernel.page import Page
from tests.domains.people.doubles import NOON

E = TypeVar("E", bound=Event)
HOME = Address(name="Ada Byron", line1="1 Row", city="London", country="GB")


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


def heard(event: E, at: datetime = NOON) -> E:
    """The event as a handler gets it."""
    return event.model_copy(update={"event_id": uuid4(), "occurred_at": at})


class FakeMarket(Market):
    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="Test <Market>", currency="USD", country="US")


class FakeProfiles(Profiles):
    """Everybody wants news of orders by mail, but for the `quiet`."""

    def __init__(self) -> None:
        self.quiet: set[UUID] = set()

    async def wanted(self, ctx: Context, *, person_ids: list[UUID]) -> list[Wanted]:
        return [
            Wanted(person_id=id, order_mail=id not in self.quiet, marketing=False)
            for id in person_ids
        ]


class FakeIdentity(Identity):
    """`teams` maps vendors to people; everybody has an address but the `erased`."""

    def __init__(self) -> None:
        self.teams: dict[UUID, list[UUID]] = {}
        self.erased: set[UUID] = set()
        self.asked_for_teams = 0
        self.letters_of: dict[UUID, Letter] = {}
        self.office: list[UUID] = []

    async def staff(self, ctx: Context) -> list[UUID]:
        return list(self.office)

    async def team(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[tuple[UUID, UUID]]:
        self.asked_for_teams += 1
        return [(vendor, one) for vendor in vendor_ids for one in self.teams.get(vendor, [])]

    async def letters(self, ctx: Context, *, ids: list[UUID]) -> list[Letter]:
        return [self.letters_of[id] for id in ids if id in self.letters_of]

    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]:
        return [
            Contact(person_id=one, email=f"{one.hex}@example.com", name="Ada <i>Byron")
            for one in person_ids
            if one not in self.erased
        ]


class FakeVendors(Vendors):
    """Every vendor is called the same."""

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        return [
            Vendor(id=id, slug="c", name="Clay & Co", status="active", country="GB", created_at=at)
            for id in ids
        ]


class FakeOrders(Orders):
    def __init__(self) -> None:
        self.known: dict[UUID, Order] = {}
        self.noted: list[TimelineNote] = []

    async def note(self, ctx: Context, *, notes: list[TimelineNote]) -> None:
        self.noted += notes

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Order]:
        return [self.known[id] for id in ids if id in self.known]

    async def links(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, str]:
        return {id: f"token-{id.hex}" for id in order_ids}


class FakePayments(Payments):
    def __init__(self) -> None:
        self.known: list[Payment] = []

    async def payments(self, ctx: Context, *, references: list[UUID]) -> list[Payment]:
        return [one for one in self.known if one.reference in references]


class FakeSettlement(Settlement):
    def __init__(self) -> None:
        self.known: list[RefundResult] = []

    async def refunds(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[RefundResult]:
        return [one for one in self.known if one.vendor_order_id in vendor_order_ids]


class FakeMail:
    """Keeps what is sent; refuses with `problem` while there is one."""

    def __init__(self) -> None:
        self.sent: dict[UUID, Message] = {}
        self.problem: Problem | None = None
        self.tries = 0

    async def send(self, message: Message) -> None:
        self.tries += 1
        if self.problem is not None:
            raise self.problem
        self.sent[message.id] = message


class FakeCatalog(Catalog):
    waiting = 130

    async def queue(self, ctx: Context, **asked: Any) -> Page[Listing]:
        """Two pages of products that wait."""
        assert asked["status"] == "pending"
        left = self.waiting if asked["cursor"] is None else self.waiting - asked["limit"]
        items: list[Any] = [None] * min(left, asked["limit"])
        return Page.model_construct(items=items, next="more" if left > asked["limit"] else None)

    async def categories(self, ctx: Context) -> list[Category]:
        root = Category(id=uuid4(), parent_id=None, slug="a", name="A", position=0, product_count=7)
        below = root.model_copy(update={"id": uuid4(), "parent_id": root.id, "product_count": 3})
        return [root, below]


class FakePayouts(Payouts):
    """`eligible`: vendor orders whose earnings are on their vendors' balances."""

    def __init__(self) -> None:
        self.eligible: set[UUID] = set()

    async def earnings_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Any]:
        return [
            SimpleNamespace(vendor_order_id=id, eligible_at=NOON if id in self.eligible else None)
            for id in vendor_order_ids
        ]

    async def queue(self, ctx: Context, **asked: Any) -> Page[Any]:
        assert asked["status"] == "requested"
        return Page.model_construct(items=[None, None], next=None)


class FakeLedger(Ledger):
    async def balances(
        self, ctx: Context, *, accounts: list[Account], as_of: datetime | None = None
    ) -> list[Balance]:
        return [Balance(account=one, minor=4321) for one in accounts]


class FakeLetters:
    """One dead letter."""

    def __init__(self) -> None:
        self.left = {7}

    async def dead_letters(self, limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        letter = DeadLetter(
            id=7,
            subscriber="search.listings_changed",
            event_id=uuid4(),
            type="product.index.requested",
            key="k",
            source="catalog",
            attempts=8,
            error="ValueError: no",
            failed_at=datetime(2026, 3, 1, tzinfo=UTC),
            envelope={"a": 1},
        )
        return Page(items=[letter] if 7 in self.left else [], next=None)

    async def dead_count(self) -> int:
        return len(self.left)

    async def replay(self, id: int) -> None:
        if id not in self.left:
            raise DeadLetterGone
        self.left.remove(id)

    async def discard(self, id: int) -> None:
        await self.replay(id)


def order(id: UUID, *, person: UUID | None = None, email: str = "guest@example.com") -> Order:
    """An order of one line, 2 × 10.00 and 5.00 shipping."""
    totals = Totals(goods=usd(2000), shipping=usd(500), tax=usd(200), total=usd(2700))
    line = OrderLine(
        id=uuid4(),
        offer_id=uuid4(),
        product_id=uuid4(),
        product_slug="bowl",
        variant_id=uuid4(),
        sku="B-1",
        title="Bowl & <Plate>",
        variant_title="Red",
        quantity=2,
        unit_price=usd(1000),
        amount=usd(2000),
        tax_bp=1000,
        tax=usd(200),
        commission=usd(60),
        commission_tax=usd(0),
        terms=Terms(source="default", rate_bp=300, base_minor=2000),
    )
    part = VendorOrder(
        id=uuid4(),
        vendor_id=uuid4(),
        vendor_name="Clay",
        lines=[line],
        shipping_method="Standard",
        shipping_tax=usd(0),
        totals=totals,
        shipping_commission=usd(0),
        shipping_commission_tax=usd(0),
        shipping_terms=Terms(source="none"),
        commission=usd(60),
        commission_tax=usd(0),
        net=usd(2440),
        order_id=id,
        number="H-1-1",
        order_number="H-1",
        payment="paid",
        fulfilment="pending",
        refunded=usd(0),
        placed_at=NOON,
    )
    return Order(
        id=id,
        number="H-1",
        person_id=person,
        email=email,
        ship_to=HOME,
        bill_to=HOME,
        prices_include_tax=False,
        totals=totals,
        refunded=usd(0),
        payment="paid",
        fulfilment="pending",
        vendor_orders=[part],
        placed_at=NOON,
    )


class FakeInventory(Inventory):
    """Everything is sold out but what is in `left`; remembers what is watched."""

    def __init__(self) -> None:
        self.left: dict[UUID, int] = {}
        self.watched: list[UUID] = []
        self.away = False

    async def available(
        self, ctx: Context, *, offers: list[UUID], country: str | None = None
    ) -> list[Available]:
        return [Available(offer_id=id, available=self.left.get(id, 0)) for id in offers]

    async def watch(self, ctx: Context, *, offers: list[UUID]) -> None:
        if self.away:
            raise Unavailable("Away.")
        self.watched += offers
