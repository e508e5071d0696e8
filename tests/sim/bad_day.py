"""A bad day at the market: who does what to whom, at once."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import Destination, FundsReceived, Method, Payments
from haat.domains.money.payouts.api import Payouts, Policy
from haat.domains.money.wallet.api import Wallet
from haat.domains.trade.orders.api import OrderDraft, Orders, WrongOrderState
from haat.domains.trade.settlement.api import RefundItem, Settlement
from haat.kernel.ids import derive
from tests.sim.buying import Goods
from tests.sim.office import Office
from tests.sim.racing import Act, Race
from tests.sim.standing import usd

ACCOUNT = "GB82WEST12345698765432"


class Day:
    """Who does what to whom, at once."""

    def __init__(self, race: Race) -> None:
        self.race, self.random = race, race.chance
        self.office = Office(race.worlds[0])
        self.orders: dict[UUID, OrderDraft] = {}
        self.unplaced: dict[UUID, OrderDraft] = {}
        self.references: dict[UUID, str] = {}
        self.payouts: list[UUID] = []
        self.withdrawals: list[UUID] = []
        self.topups: list[UUID] = []
        self.disputed: list[str] = []
        self.voided: set[UUID] = set()
        self.bank = 0

    def id(self) -> UUID:
        return self.race.system().new_id()  # type: ignore[no-any-return]

    def part(self) -> UUID | None:
        parts = [part.id for order in self.orders.values() for part in order.vendor_orders]
        return self.random.choice(parts[-8:]) if parts else None

    async def open(self) -> None:
        system = self.race.system()
        await self.office.set_rate(1_000_000)
        for id in self.office.vendors:
            await self.office.payouts.set_destination(
                system,
                vendor_id=id,
                destination=Destination(holder="Vendor", account=ACCOUNT),
            )
        policy = Policy(
            auto_approve_minor=10_000,
            reserve_bp=500,
            reserve_days=3,
            vendor_bears_dispute_fee=True,
            schedule="daily",
        )
        await self.office.payouts.set_policy(system, policy=policy, reason="Because")
        for person in self.office.people:
            await self.top_up(person, 30_000)
        await self.race.rest(timedelta(seconds=31), 1)

    async def top_up(self, person: UUID, credits: int) -> None:
        ctx, id = self.race.worlds[0].person(person), self.id()
        self.topups.append(id)
        method = Method(provider="test", token="ok")
        await self.race.of(Wallet).top_up(ctx, id=id, credits_minor=credits, method=method)

    async def draft(self) -> OrderDraft:
        goods = [
            Goods(
                vendor=self.random.randrange(2),
                category=0,
                quantity=self.random.randint(1, 3),
                price=self.random.choice([1, 99, 333, 2_500, 9_999]),
                tax_bp=self.random.choice([0, 700, 2000]),
            )
            for _ in range(self.random.randint(1, 3))
        ]
        inclusive = self.random.random() < 0.5
        return await self.office.quote(goods, inclusive=inclusive, person=self.random.randrange(2))

    async def buy(self, draft: OrderDraft) -> None:
        """Checkout: hold, create, capture, each of them sent twice at once."""
        total = draft.totals.total.minor
        provider = self.random.choice(["test", "test", "test", "bank", "cod"])
        spent = 0
        if provider == "test":
            spent = self.random.choice([0, total // 3, total // 2, total])
        ask: dict[str, Any] = {
            "order_id": draft.id,
            "amount": draft.totals.total,
            "method": Method(provider=provider, token="ok"),
            "return_url": "",
            "person_id": draft.person_id,
            "credits": usd(spent) if spent else None,
        }
        system = self.race.system()
        self.unplaced[draft.id] = draft
        held = await self.race.at_once(
            [partial(self.race.of(Settlement).hold, system, **ask) for _ in range(2)]
        )
        for _ in range(5):
            if any(one is not None and one.status in ("authorized", "awaiting") for one in held):
                break
            if any(one is not None and one.status in ("declined", "voided") for one in held):
                return
            held = [await self.race.of(Settlement).hold(system, **ask)]
        hold = next(one for one in held if one is not None)
        payment: Any = "authorized"
        if hold.status == "awaiting":
            payment = "awaiting"
        elif hold.collect == "on_delivery":
            payment = "on_delivery"
        placed = draft.model_copy(update={"payment": payment})
        await self.office.order_book.create(system, draft=placed)
        self.orders[draft.id] = self.unplaced.pop(draft.id).model_copy(update={"payment": payment})
        if hold.instructions is not None:
            self.references[draft.id] = hold.instructions.reference

    async def take(self, ids: list[UUID]) -> None:
        """As checkout: what was not paid for is not sold."""
        system = self.race.system()
        for one in await self.race.of(Settlement).capture(system, order_ids=ids):
            if one.outcome == "failed":
                await self.race.of(Orders).mark_unpaid(
                    system, order_id=one.order_id, reason="Not paid."
                )

    async def dispute(self) -> None:
        network = self.race.network
        taken = [
            one
            for one in network.payments.values()
            if one.status == "captured"
            and one.captured_minor > network.refunded[one.id]
            and all(d.payment_id != one.id for d in network.disputes.values())
            # Nobody disputes within seconds what is given back within seconds.
            and all(derive(id, "card") != one.id for id in self.voided)
        ]
        if taken:
            payment = self.random.choice(taken)
            left = payment.captured_minor - network.refunded[payment.id]
            minor = self.random.choice([left, max(1, left // 2)])
            self.disputed.append(network.dispute(payment.id, usd(minor), usd(1_500)))
        await self.race.say()

    async def decide(self, *, every: bool = False) -> None:
        for ref in (
            self.disputed if every else self.random.sample(self.disputed, len(self.disputed) // 2)
        ):
            if self.race.network.disputes[ref].status == "open":
                self.race.network.decide(ref, won=self.random.random() < 0.5)

    async def refund(self, part: UUID, id: UUID) -> None:
        ask: dict[str, Any] = {}
        how = self.random.random()
        order = next(o for o in self.orders.values() for p in o.vendor_orders if p.id == part)
        sold = next(p for p in order.vendor_orders if p.id == part)
        if how < 0.4:
            line = self.random.choice(sold.lines)
            ask["items"] = [RefundItem(line_id=line.id, quantity=line.quantity)]
        elif how < 0.7:
            ask["amount"] = usd(self.random.randint(1, max(1, sold.totals.total.minor)))
        await self.race.of(Settlement).refund(
            self.race.system(), id=id, vendor_order_id=part, reason="Because", **ask
        )

    async def deliver(self, part: UUID) -> None:
        system = self.race.system()
        await self.race.of(Orders).accept(system, id=part)
        await self.race.of(Orders).ship(system, id=part)
        await self.race.of(Orders).deliver(system, id=part)

    async def ask_payout(self, vendor: UUID) -> None:
        id, system = self.id(), self.race.system()
        self.payouts.append(id)
        found = await self.race.of(Payouts).balance(system, vendor_id=vendor)
        minor = found.available.minor
        if minor > 0:
            await self.race.of(Payouts).request(
                system,
                id=id,
                vendor_id=vendor,
                amount=usd(self.random.choice([minor, minor // 2 or 1])),
            )

    async def decide_payouts(self) -> None:
        system = self.race.system()
        page = await self.race.of(Payouts).queue(system, status="requested")
        for one in page.items:
            decision: Any = self.random.choice(["approve", "approve", "reject"])
            await self.race.of(Payouts).decide(
                system, id=one.id, decision=decision, reason="Because"
            )

    async def withdraw(self, person: UUID) -> None:
        id = self.id()
        await self.race.of(Wallet).withdraw(
            self.race.worlds[0].person(person),
            id=id,
            credits_minor=self.random.randint(100, 8_000),
            holder="Ada Low",
            account=ACCOUNT,
        )
        await self.race.of(Wallet).decide_withdrawal(
            self.race.system(),
            id=id,
            decision=self.random.choice(["approve", "reject"]),
            reason="x",
        )

    async def transfer(self, order_id: UUID, line: UUID) -> None:
        funds = FundsReceived(
            id=line,
            text=f"Order {self.references[order_id]}",
            amount=self.orders[order_id].totals.total,
            booked_at=self.race.worlds[0].clock.now(),
        )
        [match] = await self.race.of(Payments).receive_funds(self.race.system(), funds=[funds])
        if match.outcome in ("captured", "already"):
            await self.take([order_id])

    async def confirm(self, order_id: UUID) -> None:
        await self.race.of(Payments).confirm_transfer(
            self.race.system(), payment_id=derive(order_id, "card")
        )
        await self.take([order_id])

    def acts(self) -> list[Act]:
        """What conflicts most: several things to the same few rows."""
        race, system, chance = self.race, self.race.system(), self.random
        acts: list[Act] = [*race.timers(10), *[race.bus.pump] * 4, *[race.say] * 3]
        newest = list(self.orders)[-6:]
        cards = [id for id in newest if not self.in_cash(id)]
        acts += [partial(self.take, newest)] * 2
        for _ in range(3):
            part, id = self.part(), self.id()
            if part is not None:
                acts += [partial(self.refund, part, id)] * chance.choice([1, 2])
        for _ in range(3):
            part = self.part()
            if part is not None:
                acts.append(partial(self.deliver, part))
        if chance.random() < 0.6 and (part := self.part()) is not None:
            acts += [partial(race.of(Orders).cancel, system, id=part, reason="Changed my mind")] * 2
        if cards and chance.random() < 0.3:
            order_id = chance.choice(cards)
            acts.append(partial(self.void, order_id))
        acts += [self.dispute, self.decide][: chance.randint(0, 2)]
        for vendor in self.office.vendors[:2]:
            acts += [partial(self.ask_payout, vendor)] * 2
            if chance.random() < 0.2:
                acts.append(partial(self.charge, vendor, self.id()))
        if chance.random() < 0.4:
            acts += [partial(race.of(Payouts).run, system)] * 2
        acts += [self.decide_payouts] * 2
        for person in self.office.people[:2]:
            if chance.random() < 0.4:
                acts.append(partial(self.withdraw, person))
        for order_id in [one for one in self.references if chance.random() < 0.5]:
            acts.append(partial(self.confirm, order_id))
            for line in (self.id(), self.id()):
                acts += [partial(self.transfer, order_id, line)] * 2
        return acts

    def in_cash(self, order_id: UUID) -> bool:
        return self.orders[order_id].payment == "on_delivery"

    async def void(self, order_id: UUID) -> None:
        """As when a checkout ends while it is captured; one that dies at it comes back to it."""
        self.voided.add(order_id)
        await self.race.of(Settlement).void(self.race.system(), order_id=order_id)
        await self.race.of(Orders).mark_unpaid(
            self.race.system(), order_id=order_id, reason="It was over."
        )

    async def charge(self, vendor: UUID, id: UUID) -> None:
        await self.race.of(Payouts).charge(
            self.race.system(), id=id, vendor_id=vendor, amount=usd(250), reason="Because"
        )

    async def round(self) -> None:
        drafts = [await self.draft() for _ in range(self.random.randint(1, 3))]
        await self.race.at_once([partial(self.buy, draft) for draft in drafts])
        await self.race.at_once(self.acts())
        clock = self.race.worlds[0].clock
        clock.advance(timedelta(seconds=self.random.choice([1, 12, 35, 400])))
        if self.random.random() < 0.3:
            clock.advance(timedelta(days=self.random.randint(1, 15)))

    async def end(self) -> None:
        """All is decided, and time passes until nothing more can happen."""
        race, system = self.race, self.race.system()
        race.network.bad, race.network.next_refund, race.network.next_payout = False, "done", "paid"
        made = await race.of(Orders).by_ids(system, ids=list(self.unplaced))
        for order in made:  # whoever made it died before saying so
            self.orders[order.id] = self.unplaced.pop(order.id)
        for draft in self.unplaced.values():  # checkout gives up what was never placed
            await race.of(Settlement).void(system, order_id=draft.id)
        for order_id in self.voided:
            with suppress(WrongOrderState):  # its payment was first
                await self.void(order_id)
        for _ in range(3):
            await race.at_once([partial(self.take, [id]) for id in self.orders])
            await self.decide(every=True)
            race.network.end_refunds()
            race.network.end_payouts(paid=True)
            await race.rest(timedelta(minutes=6), 4)
            due = await race.of(Payments).refunds_due(system, limit=100)
            if due.items:
                await race.of(Payments).settle_refunds(
                    system, ids=[one.id for one in due.items], done=True
                )
            await race.rest(timedelta(minutes=6), 2)
            await self.decide_payouts()
            asked = await race.of(Wallet).withdrawal_queue(system, status="requested", limit=100)
            for one in asked.items:  # whoever asked died before staff decided
                await race.of(Wallet).decide_withdrawal(
                    system, id=one.id, decision="reject", reason="Too late"
                )
        await race.rest(timedelta(days=10), 3)
        for id in self.orders:  # at last nobody dies at it
            await self.take([id])
        for _ in range(3):
            race.network.end_payouts(paid=True)
            await race.rest(timedelta(minutes=30), 3)
            await self.decide_payouts()
        await race.rest(timedelta(minutes=30), 2)
