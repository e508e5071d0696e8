"""The market a run begins with: made once by the modules themselves, copied back before each run.

Two vendors whose goods are nearly sold out, two customers, and orders at every stage: just placed,
shipped, delivered, paid out.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from haat.domains.goods.catalog.api import Catalog, ProductDraft, VariantDraft
from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payments.api import Destination, Method
from haat.domains.money.payouts.api import Payouts, Policy
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.identity.api import VENDOR_SCOPES, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.profiles.api import Address
from haat.domains.people.vendors.api import Application, Vendors
from haat.domains.trade.checkout.api import BuyLine, Checkout
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.returns.api import ReturnItem, Returns
from haat.kernel.context import Context
from haat.kernel.ids import derive
from haat.kernel.money import Money

if TYPE_CHECKING:
    from haat.app.sim.process import Process
    from haat.app.sim.world import World
    from haat.domains.money.payments.module import Network

PARENT = uuid5(NAMESPACE_URL, "https://haat.example/sim")
CURRENCY = "USD"
WINDOW_MINUTES = 30
PEOPLE, VENDORS, OFFERS = 2, 2, 4
STOCK = (4, 6, 16, 60)
PRICES = (999, 2_500, 333, 12_000)
ACCOUNT = "GB82WEST12345698765432"
ADDRESS = Address(
    name="Ada Byron",
    line1="1 Analytical Row",
    city="London",
    postal_code="N1 9GU",
    country="GB",
)
PERSON = frozenset({"person"})
STAFF = frozenset(
    {"person", "staff"}
    | {
        f"staff:{area}"
        for area in ("vendors", "products", "orders", "payouts", "money", "settings")
    }
)
TEAM = frozenset({"person", *VENDOR_SCOPES})


def id_of(name: str) -> UUID:
    return derive(PARENT, name)


STAFF_ID = id_of("person:staff")


@dataclass
class Scene:
    """Who and what there is. Kept beside the copy of the database."""

    offers: list[UUID] = field(default_factory=list)
    orders: list[UUID] = field(default_factory=list)
    begins: datetime | None = None
    network: "Network | None" = None

    def vendor_of(self, offer: UUID) -> int:
        return self.offers.index(offer) % VENDORS


def customer(number: int) -> UUID:
    return id_of(f"person:customer-{number}")


def vendor(number: int) -> UUID:
    return id_of(f"vendor:{number}")


class Opening:
    """Makes the market, with nothing going wrong."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.scene = Scene()

    def shopper(self, number: int) -> Context:
        return self.world.person(customer(number), scopes=PERSON)

    def team(self, number: int) -> Context:
        person = id_of(f"person:owner-{number}")
        return self.world.person(person, scopes=TEAM, vendor=vendor(number))

    def staff(self) -> Context:
        return self.world.person(STAFF_ID, scopes=STAFF)

    async def ask(self, contract: Any, method: str, ctx: Context, /, **arguments: Any) -> Any:
        process = self.world.processes[0]
        call = getattr(process.inner[contract], method)
        return await process.spawn(call(ctx, **arguments), method)

    async def open(self) -> Scene:
        system = self.world.system()
        settings = MarketSettings(
            name="Simulated market",
            currency=CURRENCY,
            country="GB",
            return_window_minutes=WINDOW_MINUTES,
        )
        await self.ask(Market, "open", system, settings=settings)
        await self._people()
        await self._hear(5)
        for number in range(OFFERS):
            await self._product(number)
        await self._hear(5)
        for number, offer in enumerate(self.scene.offers):
            await self.ask(
                Inventory,
                "set_on_hand",
                self.team(number % VENDORS),
                id=id_of(f"stock:{number}"),
                offer_id=offer,
                on_hand=STOCK[number],
            )
        await self._hear(5)
        await self._history()
        await self._unfinished()
        self.scene.begins = self.world.clock.now()
        self.scene.network = self.world.network
        return self.scene

    async def _people(self) -> None:
        system = self.world.system()
        names = [f"customer-{n}" for n in range(PEOPLE)] + [f"owner-{n}" for n in range(VENDORS)]
        for name in [*names, "staff"]:
            await self.ask(
                Identity,
                "register",
                system,
                id=id_of(f"person:{name}"),
                email=f"{name}@example.com",
                password="a-long-enough-one",
                name=name.title(),
            )
        for number in range(VENDORS):
            person = id_of(f"person:owner-{number}")
            ctx = self.world.person(person, scopes=PERSON)
            application = Application(
                name=f"Vendor {number}", country="GB", contact_email=f"v{number}@example.com"
            )
            await self.ask(Vendors, "apply", ctx, id=vendor(number), application=application)
            await self.ask(Vendors, "decide", self.staff(), id=vendor(number), decision="approve")
            await self.ask(
                Payouts,
                "set_destination",
                self.team(number),
                vendor_id=vendor(number),
                destination=Destination(holder=f"Vendor {number}", account=ACCOUNT),
            )
        policy = Policy(auto_approve_minor=2_000, schedule="daily", reserve_bp=500, reserve_days=1)
        await self.ask(Payouts, "set_policy", self.staff(), policy=policy, reason="To begin with")

    async def _product(self, number: int) -> None:
        ctx, id = self.team(number % VENDORS), id_of(f"product:{number}")
        price = Money(minor=PRICES[number], currency=CURRENCY)
        draft = ProductDraft(
            title=f"Thing {number}",
            description_html="<p>A thing.</p>",
            variants=[VariantDraft(sku=f"sku-{number}", price=price, weight_g=400)],
        )
        made = await self.ask(
            Catalog, "create", ctx, id=id, vendor_id=vendor(number % VENDORS), draft=draft
        )
        await self.ask(Catalog, "submit", ctx, id=id)
        await self.ask(Catalog, "decide", self.staff(), id=id, decision="approve")
        self.scene.offers.append(made.variants[0].offers[0].id)

    async def _history(self) -> None:
        """Orders of the last days; the newest have gone least far."""
        await self._credits()
        stages = ["paid out", "window closed", "delivered", "accepted", "shipped", "accepted"]
        for number, stage in enumerate([*stages, "placed", "placed"]):
            await self._place(number)
            await self._hear(5)
            await self._advance(self.scene.orders[-1], stage)

    async def _unfinished(self) -> None:
        """What is under way when the run begins: windows that have just closed, reserves to be
        released, payouts that wait for staff, mails to be sent, customers who never came back from
        their bank, orders just cancelled, just delivered and just placed, one whose card will be
        refused."""
        await self._place(20, token="secure")
        await self._place(21, token="secure")
        self.world.schedule.loop.advance(86_400)
        await self._place(13)
        await settle(self.world)
        [order] = await self._orders(self.scene.orders[6])
        ctx = self.shopper(0)
        await self.ask(Orders, "cancel", ctx, id=order.vendor_orders[0].id, reason="Too late")
        for id, step in zip(self.scene.orders[4:6], (2, 1), strict=True):
            await self._hand_over(id, ("accept", "ship", "deliver")[step:])
        await self._ask_return(self.scene.orders[5])
        for number in range(2):
            await self.ask(
                Payouts,
                "request",
                self.team(number),
                id=id_of(f"payout:{number}"),
                vendor_id=vendor(number),
            )
        for number in range(8, 11):
            await self._place(number)
        await self._place(12, token="fails")

    async def _ask_return(self, id: UUID) -> None:
        [order] = await self._orders(id)
        assert order.person_id is not None
        part = order.vendor_orders[0]
        await self.ask(
            Returns,
            "request",
            self.world.person(order.person_id, scopes=PERSON),
            id=id_of("return"),
            vendor_order_id=part.id,
            items=[ReturnItem(line_id=part.lines[0].id, quantity=1)],
            reason="damaged",
            kind="return",
        )

    async def _place(self, number: int, *, token: str = "ok") -> None:
        id = id_of(f"order:{number}")
        ctx = self.shopper(number % PEOPLE)
        offers = self.scene.offers[2:] if number % 2 else [self.scene.offers[3]]
        lines = [BuyLine(offer_id=offer, quantity=1 + number % 2) for offer in offers]
        await self.ask(Checkout, "quote", ctx, id=id, ship_to=ADDRESS, items=lines)
        method = Method(provider="test", token=token)
        credits = Money(minor=300, currency=CURRENCY) if number % 3 == 0 else None
        placed = await self.ask(
            Checkout, "place", ctx, quote_id=id, method=method, return_url="", credits=credits
        )
        if token == "secure":
            assert placed.status == "needs_action", placed
            return
        assert placed.status == "placed", placed
        self.scene.orders.append(id)

    async def _credits(self) -> None:
        for number in range(PEOPLE):
            await self.ask(
                Wallet,
                "top_up",
                self.shopper(number),
                id=id_of(f"topup:{number}"),
                credits_minor=20_000,
                method=Method(provider="test", token="ok"),
            )
        await self._rest(20)
        await self._rest(20)

    async def _orders(self, id: UUID) -> list[Order]:
        found: list[Order] = await self.ask(Orders, "by_ids", self.world.system(), ids=[id])
        return found

    async def _hand_over(self, id: UUID, steps: Sequence[str]) -> None:
        [order] = await self._orders(id)
        for part in order.vendor_orders:
            ctx = self.team(0 if part.vendor_id == vendor(0) else 1)
            for step in steps:
                await self.ask(Orders, step, ctx, id=part.id)

    async def _advance(self, id: UUID, stage: str) -> None:
        steps = {"accepted": 1, "shipped": 2, "placed": 0}.get(stage, 3)
        await self._hand_over(id, ("accept", "ship", "deliver")[:steps])
        await self._hear(5)
        if stage == "window closed":
            await self._rest(WINDOW_MINUTES * 60 + 5)
            await self._rest(15)
        elif stage == "paid out":
            await self._rest(WINDOW_MINUTES * 60 + 5)
            await self._rest(15)
            await self.ask(Payouts, "run", self.staff())
            await self._rest(86_400)
        elif stage == "delivered":
            await self._rest(WINDOW_MINUTES * 20)

    async def _hear(self, seconds: float) -> None:
        """A little time passes, in which events are handled; no timer is due."""
        self.world.schedule.loop.advance(seconds)
        await settle(self.world)

    async def _rest(self, seconds: float) -> None:
        await rest(self.world, seconds)


async def rest(world: "World", seconds: float) -> None:
    """Time passes; events, messages and timers are seen to until nothing is left."""
    world.schedule.loop.advance(seconds)
    await settle(world)
    for place in range(len((await world.alive()).timers)):
        process = await world.alive()
        timer = process.timers[place]
        await done_or_dead(process, process.run_timer(*timer), timer[0])
        await settle(world)


async def settle(world: "World") -> None:
    """All events and messages are handed over."""
    for _ in range(2_000):
        process = await world.alive()
        if world.network.messages:
            await done_or_dead(process, world.say(process), "webhook")
        elif due := [name for name, holders in world.mail() if not holders]:
            await done_or_dead(process, process.bus_turn(due[0]), due[0])
        elif world.mail():  # somebody is at it, or was when it was killed: leases end
            await asyncio.sleep(0.5)
        else:
            return
    raise AssertionError(f"events without an end: {world.mail()}")


async def done_or_dead(process: "Process", work: Coroutine[Any, Any, None], name: str) -> None:
    """It has ended, or its process was killed."""
    task = process.spawn(work, name)
    await asyncio.wait([task])
    if not process.dead:
        task.result()
