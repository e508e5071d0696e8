"""Walks the demo's clock over two months: purchases through the checkout, vendors at work, money
that comes, goes back and goes out. What an earlier run has done already is left as it is."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.cast import (
    Crowd,
    as_guest,
    as_member,
    as_person,
    as_staff,
    id_of,
    person_id,
    settled,
)
from haat.app.seeding.claims import RETURNING, Claims
from haat.app.seeding.opening import Report, Scene, customer
from haat.app.seeding.payday import Payday
from haat.app.seeding.people import Shopper, shopper
from haat.app.seeding.plan import SLOTS, Plan, Step, disputes, steps
from haat.app.seeding.terms import CHANGED_AGO, Terms
from haat.app.seeding.till import Till, Unfinished
from haat.domains.people.profiles.api import Address
from haat.domains.trade.cart.api import Cart
from haat.domains.trade.checkout.api import BuyLine, Checkout
from haat.domains.trade.orders.api import Order, Orders, VendorOrder
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.events import noted_in
from haat.kernel.page import LIMIT_MAX

AT_ONCE = 16
TRIES = 8
# The timers that move money and goods; the others look after mail, webhooks and old rows.
TIMERS = frozenset(
    "expire_held resume_stuck settle_late collect_cash finish_refunds finish_cancellations"
    " finish_disputes finish_due close_windows void_due resume_moves resume_topups"
    " resume_withdrawals resume_earnings resume_payouts release_reserves run_scheduled"
    " issue_invoices".split()
)
# Days after the purchase.
DISPUTED_AFTER = 6
DECIDED_AFTER = 13
# Days before the present.
ASKED_AGO = 4  # a vendor asks for a payout by hand
MENDED_AGO = 45
WITHDRAWN_AGO = 12
THANKED_AGO = 9
GIVEN_BACK_EVERY = 5
PAID_OUT_AGO = 16  # what was bought before then was paid to its vendor
STAGES = ("pending", "accepted", "ready", "in_transit", "delivered")
REACHED = {"accept": "accepted", "ship": "in_transit", "deliver": "delivered"}
CARRIERS = ("Own delivery", "Parcel Post", "Northbound Express", "City Couriers")

Work = Callable[[], Awaitable[None]]


class History:
    """Day after day, up to and including the day of `end`."""

    def __init__(
        self,
        runtime: Runtime,
        clock: SettableClock,
        scene: Scene,
        made: Sequence[Plan],
        end: datetime,
        *,
        card_network: str,
        report: Report,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._scene = scene
        self._end = end
        self._report = report
        self._crowd = Crowd(AT_ONCE)
        self._days = max(plan.day for plan in made) + 1
        self._plans: dict[int, list[Plan]] = defaultdict(list)
        for plan in made:
            self._plans[plan.day].append(plan)
        self._total = sum(not plan.is_declined for plan in made)
        self._done = 0
        self._orders: dict[UUID, Order] = {}
        self._due: dict[int, list[Work]] = defaultdict(list)
        self._disputes = disputes(made)
        self._till = Till(runtime, scene.finance, end, card_network)
        self._terms = Terms(runtime, scene.finance)
        self._claims = Claims(runtime, scene.admin)
        self._payday = Payday(runtime, scene, self._crowd)

    async def walk(self) -> None:
        """Everything, in order. Unfinished when a purchase does not go through."""
        await self._crowd.all([self._till.open])
        await self._open()
        await self._read([plan for day in self._plans.values() for plan in day])
        for day in range(self._days):
            await self._day(day)

    def hour_of(self, day: int, slot: int = SLOTS - 1) -> datetime:
        """When what happens in that part of that day has happened; the last is the present."""
        back = self._days - 1 - day
        late = timedelta(hours=6 * (SLOTS - 1 - slot), minutes=(back * 97) % 300)
        return self._end - timedelta(days=back) - late

    async def _open(self) -> None:
        """The evening before the first sale: terms are set, and some customers buy credits."""
        eve = self.hour_of(0, 0) - timedelta(hours=12)
        self._clock.set(max(eve, self._clock.now()))
        payday = (self._end - timedelta(days=1)).isoweekday()
        await self._crowd.all([partial(self._terms.open, eve, payday)])
        await self._till.buy_credits(self._crowd, eve)
        await settled(self._runtime)

    async def _day(self, day: int) -> None:
        """Vendors work first; customers buy all day long; in the evening money moves."""
        work: list[Work] = self._due.pop(day, [])
        for slot in range(SLOTS):
            now = self.hour_of(day, slot)
            self._clock.set(max(now, self._clock.now()))
            todays = [plan for plan in self._plans[day] if plan.slot == slot]
            fresh = [plan for plan in todays if id_of(plan.label) not in self._orders]
            work += [partial(self._buy, plan, now) for plan in fresh]
            await self._crowd.all(work)
            await settled(self._runtime)
            await self._read(fresh)
            for plan in todays:
                self._schedule(plan)
            work = []
        await self._run_timers()
        await self._evening(self._days - 1 - day, now)

    async def _evening(self, ago: int, now: datetime) -> None:
        """What the market's office does on that many days before the present."""
        till, payday = self._till, self._payday
        special: dict[int, Work] = {
            CHANGED_AGO: partial(self._terms.change, now),
            MENDED_AGO: partial(payday.mend, now),
            WITHDRAWN_AGO: partial(till.withdraw, 2, now, is_paid=True),
            THANKED_AGO: partial(till.thank, now),
            ASKED_AGO: partial(payday.ask, self._scene.members[0], now),
            2: partial(self._terms.propose, now),
            1: partial(till.withdraw, 4, now, is_paid=False),
        }
        if ago in special:
            await self._crowd.all([special[ago]])
        # The last run's payouts: half of them still wait.
        half = len(self._scene.members) // 2
        moved = await payday.decide(now, most=None if ago else half)
        if ago % GIVEN_BACK_EVERY == 1:
            moved += await till.give_back(now)
        if moved or ago in special:
            await settled(self._runtime)  # no clock moves while somebody works
        if ago == 0:
            await payday.refund_late(self._paid_out(), now)

    def _paid_out(self) -> list[VendorOrder]:
        """Vendor orders that were delivered long ago, of which nothing was given back."""
        plans = (plan for day in range(self._days - PAID_OUT_AGO) for plan in self._plans[day])
        quiet = (plan for plan in plans if plan.way == "card" and plan.label not in self._disputes)
        return [
            part
            for plan in quiet
            if (order := self._orders.get(id_of(plan.label))) is not None
            for place, part in enumerate(order.vendor_orders)
            if {step.verb for step in steps(plan, place)} == {"accept", "ship", "deliver"}
        ]

    async def _read(self, made: Sequence[Plan]) -> None:
        """Takes over the orders these plans have led to."""
        orders: Orders = self._runtime.inner[Orders]
        ids = [id_of(plan.label) for plan in made if not plan.is_declined]
        for at in range(0, len(ids), LIMIT_MAX):
            ctx = self._staff("read", self._end)
            found = await orders.by_ids(ctx, ids=ids[at : at + LIMIT_MAX])
            self._orders.update((order.id, order) for order in found)

    # -- buying ----------------------------------------------------------------------------------

    async def _buy(self, plan: Plan, now: datetime) -> None:
        who = shopper(plan.shopper) if plan.is_guest else customer(plan.shopper)
        at = now - timedelta(seconds=plan.seconds)
        ctx = _shopping(plan, who, at)
        lines = [
            BuyLine(offer_id=self._scene.offers[product][choice], quantity=count)
            for product, choice, count in plan.picks
        ]
        checkout: Checkout = self._runtime.inner[Checkout]
        try:
            quote = await checkout.read_quote(ctx, id=id_of(plan.label))
        except NotFound:  # else it was made by an earlier try, which may have got further
            if not plan.is_guest:
                cart: Cart = self._runtime.inner[Cart]
                for line in lines:
                    await cart.put(ctx, offer_id=line.offer_id, quantity=line.quantity)
            quote = await checkout.quote(
                ctx,
                id=id_of(plan.label),
                email=who.email,
                ship_to=Address(**who.address),
                items=lines if plan.is_guest else None,
            )
        method, credits = self._till.method(plan), self._till.credits(plan, quote.totals.total)
        placed = await checkout.place(ctx, quote_id=quote.id, method=method, credits=credits)
        for minute in range(1, TRIES + 1):
            if placed.status != "processing":
                break
            # The card network is slow, or an earlier run was killed here: ask again.
            await asyncio.sleep(0.2 * minute)
            later = _shopping(plan, who, at + timedelta(minutes=minute))
            placed = await checkout.resume(later, id=quote.id)
        if placed.status != ("declined" if plan.is_declined else "placed"):
            raise Unfinished(f"The demo's {plan.label} is {placed.status}.")

    # -- what becomes of it ----------------------------------------------------------------------

    def _schedule(self, plan: Plan) -> None:
        """Puts the steps of the plan's vendor orders on their days."""
        order = self._orders.get(id_of(plan.label))
        if order is None:
            return
        self._done += 1
        self._report("orders", self._done, self._total)
        self._schedule_money(plan)
        for place, part in enumerate(order.vendor_orders):
            days: dict[int, list[Step]] = defaultdict(list)
            for step in steps(plan, place):
                if not _is_done(part, step):
                    days[plan.day + step.after_days].append(step)
            for day, todo in days.items():
                if day < self._days:
                    at = self.hour_of(day, 0) - timedelta(minutes=50 - place)
                    self._due[day].append(partial(self._take_all, order, part, todo, at))

    def _schedule_money(self, plan: Plan) -> None:
        """A bank transfer arrives; a card holder's bank takes a payment back, and decides."""
        id, found = id_of(plan.label), dict[int, Callable[[datetime], Awaitable[None]]]()
        if plan.way == "bank" and not plan.is_unpaid:
            found[1] = partial(self._till.transfer, id)
        if plan.label in self._disputes:
            outcome = self._disputes[plan.label]
            found[DISPUTED_AFTER] = partial(self._till.dispute, id, outcome=None)
            if outcome is not None:
                found[DECIDED_AFTER] = partial(self._till.dispute, id, outcome=outcome)
        for after, work in found.items():
            day = plan.day + after
            if day < self._days:
                self._due[day].append(partial(work, self.hour_of(day, 0) - timedelta(minutes=55)))

    async def _take_all(
        self, order: Order, part: VendorOrder, todo: Sequence[Step], at: datetime
    ) -> None:
        """One day's steps of a vendor order, one after the other."""
        for number, step in enumerate(todo):
            await self._take(order, part, step, at + timedelta(minutes=9 * number))

    async def _take(self, order: Order, part: VendorOrder, step: Step, at: datetime) -> None:
        orders: Orders = self._runtime.inner[Orders]
        label = f"{step.verb}:{part.number}"
        member = as_member(label, at, self._scene.owner_of(part.vendor_id))
        if step.verb == "accept":
            await orders.accept(member, id=part.id)
        elif step.verb == "ship":
            carrier = CARRIERS[part.vendor_id.int % len(CARRIERS)]
            await orders.ship(member, id=part.id, carrier=carrier)
        elif step.verb == "deliver":
            await orders.deliver(member, id=part.id)
        elif step.verb == "reject":
            await orders.reject(member, id=part.id, reason=step.reason)
        elif step.verb == "cancel":
            assert order.person_id is not None, "guests do not cancel in the demo"
            await orders.cancel(
                as_person(label, at, order.person_id), id=part.id, reason=step.reason
            )
        elif step.verb in RETURNING:
            assert order.person_id is not None, "guests return nothing in the demo"
            owner = self._scene.owner_of(part.vendor_id)
            await self._claims.go_on(part, order.person_id, owner, step, at)
        else:
            await self._claims.refund(part, step, at)

    def _staff(self, label: str, at: datetime) -> Context:
        return as_staff(label, at, self._scene.admin)

    async def _run_timers(self) -> None:
        for module in self._runtime.modules:
            if module.reactions is None:
                continue
            for timer in noted_in(module.reactions).timers:
                if timer.handler.__name__ in TIMERS:
                    service = self._runtime.services[module.contract]
                    await timer.handler(service, self._runtime.system_context("demo"))


def _shopping(plan: Plan, who: Shopper, at: datetime) -> Context:
    if plan.is_guest:
        return as_guest(plan.label, at)
    return as_person(plan.label, at, person_id(who.email))


def _is_done(part: VendorOrder, step: Step) -> bool:
    """An earlier run took this step, or one after it."""
    if step.verb == "refund":
        return part.refunded.minor > 0
    if step.verb in RETURNING:
        return False  # claims know
    if part.fulfilment not in STAGES:
        return True
    wanted = REACHED.get(step.verb)
    return wanted is not None and STAGES.index(part.fulfilment) >= STAGES.index(wanted)
