"""Walks the demo's clock over two months: purchases through the checkout, vendors at work, refunds
and payouts. What an earlier run has done already is left as it is."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.cast import (
    Crowd,
    Member,
    as_guest,
    as_member,
    as_person,
    as_staff,
    id_of,
    person_id,
    settled,
)
from haat.app.seeding.opening import Report, Scene, customer
from haat.app.seeding.people import Shopper, shopper
from haat.app.seeding.plan import CARDS, DECLINING, SLOTS, Plan, Step, steps
from haat.domains.money.payments.api import Method
from haat.domains.money.payouts.api import BalanceTooLow, Payout, Payouts
from haat.domains.people.profiles.api import Address
from haat.domains.trade.cart.api import Cart
from haat.domains.trade.checkout.api import BuyLine, Checkout
from haat.domains.trade.orders.api import Order, Orders, VendorOrder
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unavailable
from haat.kernel.events import noted_in
from haat.kernel.money import Money
from haat.kernel.page import LIMIT_MAX

AT_ONCE = 16
TRIES = 8
PAYOUT_DAYS = 7
# The timers that move money and goods; the others look after mail, webhooks and old rows.
TIMERS = frozenset(
    "expire_held resume_stuck settle_late finish_refunds finish_cancellations close_windows"
    " resume_earnings resume_payouts".split()
)
STAGES = ("pending", "accepted", "ready", "in_transit", "delivered")
REACHED = {"accept": "accepted", "ship": "in_transit", "deliver": "delivered"}
CARRIERS = ("Own delivery", "Parcel Post", "Northbound Express", "City Couriers")

Work = Callable[[], Awaitable[None]]


class Unfinished(Unavailable, code="demo_unfinished"):
    """The demo market could not be filled: a purchase did not go through."""


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
        self._cards = card_network
        self._report = report
        self._crowd = Crowd(AT_ONCE)
        self._days = max(plan.day for plan in made) + 1
        self._plans: dict[int, list[Plan]] = defaultdict(list)
        for plan in made:
            self._plans[plan.day].append(plan)
        self._total = sum(not plan.is_declined for plan in made)
        self._done = 0
        self._tokens: dict[str, str] = {}
        self._orders: dict[UUID, Order] = {}
        self._due: dict[int, list[Work]] = defaultdict(list)
        self._decisions: list[Payout] = []

    async def walk(self) -> None:
        """Everything, in order. Unfinished when a purchase does not go through."""
        await self._crowd.all([self._make_tokens])
        await self._read([plan for day in self._plans.values() for plan in day])
        for day in range(self._days):
            await self._day(day)

    def hour_of(self, day: int, slot: int = SLOTS - 1) -> datetime:
        """When what happens in that part of that day has happened; the last is the present."""
        back = self._days - 1 - day
        late = timedelta(hours=6 * (SLOTS - 1 - slot), minutes=(back * 97) % 300)
        return self._end - timedelta(days=back) - late

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
        await self._pay_out(day, now)

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
        method = Method(token=self._tokens[plan.card])
        placed = await checkout.place(ctx, quote_id=quote.id, method=method)
        for minute in range(1, TRIES + 1):
            if placed.status != "processing":
                break
            # The card network is slow, or an earlier run was killed here: ask again.
            await asyncio.sleep(0.2 * minute)
            later = _shopping(plan, who, at + timedelta(minutes=minute))
            placed = await checkout.resume(later, id=quote.id)
        if placed.status != ("declined" if plan.is_declined else "placed"):
            raise Unfinished(f"The demo's {plan.label} is {placed.status}.")

    async def _make_tokens(self) -> None:
        """A token for each test card, made where a browser would: at the card network."""
        for number in (*CARDS, *DECLINING):
            answer = await self._runtime.http.request(
                as_guest("token", self._end),
                "POST",
                f"{self._cards}/tokens",
                json={"number": number, "expMonth": 12, "expYear": 2040, "cvc": "123"},
            )
            if not answer.ok:
                raise Unfinished(f"The test card network answered {answer.status}.")
            self._tokens[number] = str(answer.json()["token"])

    # -- what becomes of it ----------------------------------------------------------------------

    def _schedule(self, plan: Plan) -> None:
        """Puts the steps of the plan's vendor orders on their days."""
        order = self._orders.get(id_of(plan.label))
        if order is None:
            return
        self._done += 1
        self._report("orders", self._done, self._total)
        for place, part in enumerate(order.vendor_orders):
            days: dict[int, list[Step]] = defaultdict(list)
            for step in steps(plan, place):
                if not _is_done(part, step):
                    days[plan.day + step.after_days].append(step)
            for day, todo in days.items():
                if day < self._days:
                    at = self.hour_of(day, 0) - timedelta(minutes=50 - place)
                    self._due[day].append(partial(self._take_all, order, part, todo, at))

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
        else:
            await self._refund(part, step, self._staff(label, at))

    async def _refund(self, part: VendorOrder, step: Step, ctx: Context) -> None:
        settlement: Settlement = self._runtime.inner[Settlement]
        total = part.totals.total
        amount = None
        if step.share < 100:
            amount = Money(minor=max(1, total.minor * step.share // 100), currency=total.currency)
        await settlement.refund(
            ctx, id=id_of(f"refund:{part.id}"), vendor_order_id=part.id,
            amount=amount, reason=step.reason,
        )  # fmt: skip

    # -- money out -------------------------------------------------------------------------------

    async def _pay_out(self, day: int, now: datetime) -> None:
        """Vendors ask every week, and finance decides on the next day; the last requests wait."""
        decisions, self._decisions = self._decisions, []
        await self._crowd.all([partial(self._decide, payout, now) for payout in decisions])
        ago = self._days - 1 - day
        if ago % PAYOUT_DAYS == 1 and day > PAYOUT_DAYS:
            asking = [partial(self._ask, one, day, now) for one in self._scene.members]
            asked = await self._crowd.all(asking)
            found = [payout for payout in asked if payout is not None]
            self._decisions = found[: len(found) // 2] if ago == 1 else found
        if decisions or self._decisions:
            await settled(self._runtime)  # no clock moves while somebody works

    async def _ask(self, member: Member, day: int, now: datetime) -> Payout | None:
        label = f"payout:{member.vendor_id}:{self._days - day}"
        payouts: Payouts = self._runtime.inner[Payouts]
        try:
            return await payouts.request(
                as_member(label, now, member), id=id_of(label), vendor_id=member.vendor_id
            )
        except BalanceTooLow:
            return None  # nothing earned that week

    async def _decide(self, payout: Payout, now: datetime) -> None:
        payouts: Payouts = self._runtime.inner[Payouts]
        ctx = as_staff(f"decide:{payout.id}", now, self._scene.finance)
        if payout.id.int % 17 == 0:
            await payouts.decide(
                ctx, id=payout.id, decision="reject", reason="Confirm your bank account first"
            )
        elif payout.status == "requested":
            await payouts.decide(ctx, id=payout.id, decision="approve")

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
    if part.fulfilment not in STAGES:
        return True
    wanted = REACHED.get(step.verb)
    return wanted is not None and STAGES.index(part.fulfilment) >= STAGES.index(wanted)
