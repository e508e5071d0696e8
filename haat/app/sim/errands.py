"""What somebody is sent to do in seeds that kill at a point to which few runs come by themselves.

An errand goes the whole way there, in the middle of everything else. Where the way leads through a
death (CUTS in plan.py), whoever asked does not ask again; and it can let time pass.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from haat.app.sim.market import ADDRESS, CURRENCY, PERSON, VENDORS, done_or_dead, id_of, vendor
from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payments.api import Method
from haat.domains.money.payouts.api import Payouts
from haat.domains.trade.checkout.api import BuyLine, Checkout, Placement
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.returns.api import ReturnItem, Returns
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.ids import derive
from haat.kernel.money import Money

if TYPE_CHECKING:
    from uuid import UUID

    from haat.app.sim.people import People

# In the opening's orders (market.py): by the way they have come.
ACCEPTED, DELIVERED, PLACED = 3, 4, (7, 9, 10, 11)
WAITS = 1  # the vendor whose payout waits for staff
TOO_LATE_S = 1_000.0  # for a checkout to go on
LONG_S = 700.0  # until a refused payout is certain to be nobody's work any more
MISSING_S = 35.0  # until an order that is not on the lists is put there


class Errands:
    """Those that the plan names, each in a task of its own."""

    def __init__(self, people: "People") -> None:
        self.people, self.world = people, people.world
        self.scene, self.ask = people.scene, people.ask_

    def begin(self) -> list[asyncio.Task[Any]]:
        """Under the errand's name: a cut is for its process alone."""
        return [self.world.task(self._go(name), name) for name in self.world.plan.errands]

    async def _go(self, name: str) -> None:
        schedule = self.world.schedule
        await schedule.pass_(None, "act", "begins an errand", label=name)
        schedule.coverage.acts[f"errand: {name}"] += 1
        await getattr(self, name)()

    # -- what it takes ---------------------------------------------------------------------------

    def _leap(self, seconds: float) -> None:
        self.world.schedule.note(f"      time passes: {seconds:g} s")
        self.world.schedule.loop.advance(seconds)

    async def _timer(self, name: str) -> None:
        process = await self.world.alive()
        found = next(timer for timer in process.timers if timer[0] == name)
        await done_or_dead(process, process.run_timer(*found), name)

    async def _order(self, place: int) -> Order | None:
        ids = [self.scene.orders[place]]
        found = await self.ask(Orders, "by_ids", self.world.system(), ids=ids)
        return found[0] if found else None

    async def _place(self, token: str, *, tries: int = 4) -> "tuple[UUID, Placement | None]":
        """An order of what there is enough of, a part of it paid with credits."""
        id, ctx = self.people.new_id(), self.people.shopper(0)
        lines = [BuyLine(offer_id=self.scene.offers[3], quantity=1)]
        await self.ask(Checkout, "quote", ctx, id=id, ship_to=ADDRESS, items=lines)
        placed = await self.ask(
            Checkout,
            "place",
            ctx,
            tries=tries,
            quote_id=id,
            method=Method(provider="test", token=token),
            return_url="",
            credits=Money(minor=300, currency=CURRENCY),
        )
        return id, placed

    # -- errands ---------------------------------------------------------------------------------

    async def purchase(self) -> None:
        """With a card that the bank asks about."""
        id, placed = await self._place("secure")
        if placed is not None and placed.status == "needs_action":
            self.world.network.approve(derive(id, "card"), yes=True)
            await self.ask(Checkout, "resume", self.people.shopper(0), id=id)

    async def give_back(self) -> None:
        """Small parts of an order, one of which the provider may keep waiting."""
        order = await self._order(ACCEPTED)
        for number, part in enumerate(order.vendor_orders * 4 if order else ()):
            await self.ask(
                Settlement,
                "refund",
                self.people.staff(),
                id=self.people.new_id(),
                vendor_order_id=part.id,
                amount=Money(minor=20 + number, currency=CURRENCY),
                reason="Because",
            )

    async def send_back(self) -> None:
        """A return of what was delivered, and vendors who agree to all there are."""
        order = await self._order(DELIVERED)
        if order is not None and order.person_id is not None:
            part = order.vendor_orders[0]
            await self.ask(
                Returns,
                "request",
                self.world.person(order.person_id, scopes=PERSON),
                id=self.people.new_id(),
                vendor_order_id=part.id,
                items=[ReturnItem(line_id=part.lines[0].id, quantity=1)],
                reason="damaged",
                kind="return",
            )
        for number in range(VENDORS):
            ctx = self.people.team(number)
            page = await self.ask(Returns, "of_vendor", ctx, vendor_id=vendor(number))
            for one in page.items if page else ():
                await self.ask(Returns, "approve", ctx, id=one.id)
                await self.ask(Returns, "receive", ctx, id=one.id)

    async def take_fee(self) -> None:
        await self._charge(0)

    async def _charge(self, number: int, *, tries: int = 4) -> None:
        await self.ask(
            Payouts,
            "charge",
            self.people.staff(),
            tries=tries,
            id=self.people.new_id(),
            vendor_id=vendor(number),
            amount=Money(minor=250, currency=CURRENCY),
            reason="Because",
        )

    async def decide(self) -> None:
        for number in range(VENDORS):
            await self._decide(number, "approve")

    async def turn_down(self) -> None:
        await self._decide(WAITS, "reject")

    async def _decide(self, number: int, decision: str) -> None:
        id, ctx = id_of(f"payout:{number}"), self.people.staff()
        await self.ask(Payouts, "decide", ctx, id=id, decision=decision, reason="Because")

    async def overdraw(self) -> None:
        """A payout of all there is, by the vendor's balance, while the ledger knows of a fee that
        the balance does not know of: whoever took it has died in between."""
        await self._decide(WAITS, "reject")
        await self._charge(WAITS, tries=1)
        id, ctx = self.people.new_id(), self.people.team(WAITS)
        await self.ask(Payouts, "request", ctx, id=id, vendor_id=vendor(WAITS))

    async def clear_up(self) -> None:
        """What the ledger refused is looked at once more."""
        await self.overdraw()
        self._leap(LONG_S)
        await self._timer("payouts.resume_payouts")

    async def deliver(self) -> None:
        """Orders that were only placed go all the way."""
        for place in PLACED:
            order = await self._order(place)
            for part in order.vendor_orders if order else ():
                ctx = self.people.team(0 if part.vendor_id == vendor(0) else 1)
                for step in ("accept", "ship", "deliver"):
                    await self.ask(Orders, step, ctx, id=part.id)

    async def count(self) -> None:
        for number, offer in enumerate(self.scene.offers[:2]):
            await self.ask(
                Inventory,
                "set_on_hand",
                self.people.team(number % VENDORS),
                id=self.people.new_id(),
                offer_id=offer,
                on_hand=9,
                reason="correction",
            )

    async def give_up(self) -> None:
        """The tender was opened, nothing of it held when the process died, and the customer does
        not come back in time."""
        await self._place("ok", tries=1)
        self._leap(TOO_LATE_S)
        await self._timer("inventory.expire_held")
        await self._timer("checkout.resume_stuck")

    async def late_yes(self) -> None:
        """The bank's yes comes when the checkout has ended."""
        id, placed = await self._place("secure")
        if placed is None:
            return
        network = self.world.network
        network.approve(derive(id, "card"), yes=True)
        late = list(network.messages)
        network.messages.clear()
        self._leap(TOO_LATE_S)
        await self._timer("inventory.expire_held")
        await self._timer("checkout.resume_stuck")
        network.messages.extend(late)

    async def neglect(self) -> None:
        """An order is there, and nobody has told the lists for a while."""
        await self._place("ok")
        self._leap(MISSING_S)
        await self._timer("orders.mend_lists")
