"""Who does what in a run: customers, vendors and staff, each in a task of their own.

Nobody expects an answer to be kind: a refusal with a code is one, and so is a process that dies.
What is sent again is sent with the same id, as a browser or an office does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from haat.app.sim.errands import Errands
from haat.app.sim.loop import label
from haat.app.sim.market import (
    ADDRESS,
    CURRENCY,
    OFFERS,
    PEOPLE,
    PERSON,
    VENDORS,
    Opening,
    Scene,
    vendor,
)
from haat.app.sim.world import Died
from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payments.api import Method
from haat.domains.money.payouts.api import Payouts
from haat.domains.trade.checkout.api import BuyLine, Checkout
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.returns.api import ReturnItem, Returns
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.context import Context
from haat.kernel.errors import Problem
from haat.kernel.ids import derive
from haat.kernel.money import Money

if TYPE_CHECKING:
    from haat.app.sim.world import World

TRIES = 4


class People(Opening):
    """Everybody of one run."""

    def __init__(self, world: "World", scene: Scene) -> None:
        super().__init__(world)
        self.scene = scene
        self.chance = Random(f"people {world.plan.seed}")
        self.orders = list(scene.orders)
        self.checkouts: list[UUID] = []  # asked for in this run
        self.count = 0
        self.tasks: list[asyncio.Task[Any]] = []
        acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.buy, 8),
            (self.race, 3),
            (self.cancel, 2),
            (self.hand_over, 6),
            (self.reject, 1),
            (self.correct_stock, 3),
            (self.ask_return, 3),
            (self.answer_return, 4),
            (self.refund, 2),
            (self.run_payouts, 2),
            (self.ask_payout, 2),
            (self.decide_payouts, 2),
        ]
        favourite = self.chance.randrange(len(acts))
        self._acts = [act for act, _ in acts]
        self._weights = [
            weight * (6 if place == favourite else 1) for place, (_, weight) in enumerate(acts)
        ]

    def begin(self, crowd: int) -> None:
        self.tasks = [self.world.task(self._live(n), f"person{n}") for n in range(crowd)]
        self.tasks += Errands(self).begin()

    async def _live(self, number: int) -> None:
        """One thing after the other, until the run is over."""
        world, schedule = self.world, self.world.schedule
        while not world.calm:
            name = f"person{number}"
            await schedule.pass_(
                None,
                "act",
                "begins something",
                label=name,
                weight=world.plan.eager,
                ready=lambda: world.calm or schedule.steps >= world.plan.late,
            )
            if world.calm:
                return
            act = self.chance.choices(self._acts, self._weights)[0]
            self.count += 1
            label.set(f"{act.__name__}#{self.count}")
            schedule.coverage.acts[act.__name__] += 1
            await act()
            label.set(name)

    async def ask_(
        self, contract: Any, method: str, ctx: Context, /, *, tries: int = TRIES, **arguments: Any
    ) -> Any:
        """The answer; None for a refusal, and when nobody answered although asked again."""
        for _ in range(tries):
            try:
                return await self.world.ask(contract, method, ctx, **arguments)
            except Died:
                await asyncio.sleep(0.05)
            except Problem as problem:
                self.world.schedule.note(f"      {label.get()}: {problem.code}")
                if problem.status < 500:
                    return None
                await asyncio.sleep(0.2)
        return None

    def new_id(self) -> UUID:
        """Made where the customer or clerk sits; the same however often it is sent."""
        return UUID(int=self.chance.getrandbits(128), version=4)

    # -- customers -------------------------------------------------------------------------------

    async def buy(self) -> None:
        """A quote, and one or two tabs that press pay."""
        await self._buy(self._lines(), self.chance.randrange(PEOPLE))

    async def race(self) -> None:
        """Two customers want all there is of the same thing."""
        offer = self.scene.offers[self.chance.randrange(2)]
        found = await self.ask_(Inventory, "available", self.world.system(), offers=[offer])
        left = found[0].available if found else 0
        if left:
            lines = [BuyLine(offer_id=offer, quantity=max(1, left - self.chance.randrange(2)))]
            await asyncio.gather(*(self._buy(lines, person) for person in range(PEOPLE)))

    def _lines(self) -> list[BuyLine]:
        chosen = self.chance.sample(range(OFFERS), self.chance.choice([1, 1, 2, 3]))
        return [
            BuyLine(offer_id=self.scene.offers[n], quantity=self.chance.choice([1, 1, 2, 3]))
            for n in chosen
        ]

    async def _buy(self, lines: list[BuyLine], person: int) -> None:
        id, ctx = self.new_id(), self.shopper(person)
        tabs = self.chance.choice([1, 1, 2])
        token = self.chance.choice([*["ok"] * 5, *["secure"] * 3, *["decline"] * 2, "fails"])
        part = self.chance.choice([0, 0, 2])
        quote = await self.ask_(Checkout, "quote", ctx, id=id, ship_to=ADDRESS, items=lines)
        if quote is None:
            return
        self.checkouts.append(id)
        credits = None
        if part:
            credits = Money(minor=min(500, quote.totals.total.minor // part), currency=CURRENCY)
        method = Method(provider="test", token=token)

        async def pay() -> Any:
            return await self.ask_(
                Checkout, "place", ctx, quote_id=id, method=method, return_url="", credits=credits
            )

        answers = await asyncio.gather(*(pay() for _ in range(tabs)))
        placed = next((one for one in answers if one is not None), None)
        if placed is not None and placed.status == "needs_action":
            await self._approve(id, ctx)
        self.orders.append(id)

    async def _approve(self, id: UUID, ctx: Context) -> None:
        """The customer answers the bank, and comes back or closes the tab."""
        how = self.chance.random()
        await self.world.schedule.pass_(None, "act", "answers the bank", label=label.get())
        if how < 0.85:
            self.world.network.approve(derive(id, "card"), yes=how < 0.7)
        if how > 0.2:
            await self.ask_(Checkout, "resume", ctx, id=id)

    async def cancel(self) -> None:
        order = await self._order()
        if order is None:
            return
        ctx = self._owner(order)
        if self.chance.random() < 0.5:
            await self.ask_(Orders, "cancel_order", ctx, id=order.id, reason="Changed my mind")
        else:
            part = self.chance.choice(order.vendor_orders)
            await self.ask_(Orders, "cancel", ctx, id=part.id, reason="Changed my mind")

    def _owner(self, order: Order) -> Context:
        assert order.person_id is not None, "nobody buys as a guest here"
        return self.world.person(order.person_id, scopes=PERSON)

    async def ask_return(self) -> None:
        order = await self._order()
        if order is None:
            return
        ctx = self._owner(order)
        part = self.chance.choice(order.vendor_orders)
        line = self.chance.choice(part.lines)
        asked = await self.ask_(
            Returns,
            "request",
            ctx,
            id=self.new_id(),
            vendor_order_id=part.id,
            items=[ReturnItem(line_id=line.id, quantity=1)],
            reason="damaged",
            kind=self.chance.choice(["return", "complaint"]),
        )
        if asked is not None and self.chance.random() < 0.15:
            await self.ask_(Returns, "withdraw", ctx, id=asked.id)

    async def _order(self) -> Order | None:
        """Some order, if the checkout that was to make it did."""
        id = self.chance.choice(self.orders)
        found: list[Order] | None = await self.ask_(Orders, "by_ids", self.world.system(), ids=[id])
        return found[0] if found else None

    # -- vendors ---------------------------------------------------------------------------------

    async def hand_over(self) -> None:
        """The next steps of some vendor order."""
        order = await self._order()
        if order is None:
            return
        part = self.chance.choice(order.vendor_orders)
        ctx = self.team(0 if part.vendor_id == vendor(0) else 1)
        steps = {"pending": 0, "accepted": 1, "ready": 1, "in_transit": 2}.get(part.fulfilment)
        if steps is not None:
            for step in ("accept", "ship", "deliver")[steps : steps + self.chance.choice([1, 2])]:
                if await self.ask_(Orders, step, ctx, id=part.id) is None:
                    return

    async def reject(self) -> None:
        order = await self._order()
        if order is not None:
            part = self.chance.choice(order.vendor_orders)
            ctx = self.team(0 if part.vendor_id == vendor(0) else 1)
            await self.ask_(Orders, "reject", ctx, id=part.id, reason="It broke")

    async def correct_stock(self) -> None:
        """Somebody counted: a little more or less than the books say, perhaps twice at once."""
        number = self.chance.randrange(OFFERS)
        offer, ctx = self.scene.offers[number], self.team(number % VENDORS)
        found = await self.ask_(Inventory, "stock_of", ctx, offers=[offer])
        if found:
            counted = max(0, found[0].on_hand + self.chance.choice([-2, -1, 1, 2, 3]))
            id = self.new_id()

            async def write() -> None:
                await self.ask_(
                    Inventory,
                    "set_on_hand",
                    ctx,
                    id=id,
                    offer_id=offer,
                    on_hand=counted,
                    reason="correction",
                )

            await asyncio.gather(*(write() for _ in range(self.chance.choice([1, 1, 2]))))

    async def answer_return(self) -> None:
        """What a vendor does about the returns that were asked for."""
        number = self.chance.randrange(VENDORS)
        ctx = self.team(number)
        page = await self.ask_(Returns, "of_vendor", ctx, vendor_id=vendor(number))
        waiting = [one for one in page.items if one.state != "done"] if page else []
        if not waiting:
            return
        one = self.chance.choice(waiting)
        how = self.chance.random()
        if how < 0.1:
            await self.ask_(Returns, "refuse", ctx, id=one.id, text="No")
            return
        kept = True if how < 0.5 else None
        agreed = await self.ask_(
            Returns, "approve", ctx, id=one.id, send_back=False if kept else None
        )
        if agreed is not None and not kept:
            twice = self.chance.choice([1, 1, 2])
            await asyncio.gather(
                *(self.ask_(Returns, "receive", ctx, id=one.id) for _ in range(twice))
            )

    async def ask_payout(self) -> None:
        """Perhaps two of a vendor's team at once, each for all there is, while staff take a fee."""
        number = self.chance.randrange(VENDORS)
        ids, id = [self.new_id() for _ in range(self.chance.choice([1, 2]))], vendor(number)
        work = [self.ask_(Payouts, "request", self.team(number), id=o, vendor_id=id) for o in ids]
        if self.chance.random() < 0.6:
            fee = Money(minor=250, currency=CURRENCY)
            about: Any = {"id": self.new_id(), "vendor_id": id, "amount": fee, "reason": "Because"}
            work.append(self.ask_(Payouts, "charge", self.staff(), **about))
        await asyncio.gather(*work)

    # -- staff -----------------------------------------------------------------------------------

    async def run_payouts(self) -> None:
        await asyncio.gather(
            *(self.ask_(Payouts, "run", self.staff()) for _ in range(self.chance.choice([1, 2])))
        )

    async def decide_payouts(self) -> None:
        page = await self.ask_(Payouts, "queue", self.staff(), status="requested")
        for one in page.items if page else []:
            decision = self.chance.choice(["approve", "approve", "reject"])
            await self.ask_(
                Payouts, "decide", self.staff(), id=one.id, decision=decision, reason="Because"
            )

    async def refund(self) -> None:
        order = await self._order()
        if order is None:
            return
        part, id = self.chance.choice(order.vendor_orders), self.new_id()
        amount = None
        if self.chance.random() < 0.7:
            minor = self.chance.randint(1, max(1, part.totals.total.minor // 2))
            amount = Money(minor=minor, currency=CURRENCY)

        async def once() -> None:
            await self.ask_(
                Settlement,
                "refund",
                self.staff(),
                id=id,
                vendor_order_id=part.id,
                amount=amount,
                reason="Because",
            )

        await asyncio.gather(*(once() for _ in range(self.chance.choice([1, 2]))))
