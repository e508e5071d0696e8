"""Replays the files of a real marketplace (Olist) through the modules, day by day.

What happened stands in the files: orders at the second of their purchase, deliveries, orders that
were cancelled. Orders of a day do not wait for each other, so they run at the same time, each
under its own clock; timers run every fortnight.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from haat.domains.money.commissions.api import Assessment, Commissions, Rule, Sale
from haat.domains.money.payments.api import Destination, Method
from haat.domains.money.payouts.api import Payouts, Policy
from haat.domains.people.market.api import Market
from haat.domains.trade.orders.api import (
    OrderDraft,
    OrderLine,
    Orders,
    Totals,
    VendorOrderDraft,
)
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.ids import RandomIds, derive
from haat.kernel.money import Money
from tests.sim import olist_files as given
from tests.sim.olist_files import Files, Row
from tests.sim.standing import ADDRESS
from tests.sim.world import CATEGORIES, World

CURRENCY = "BRL"
LISTS = UUID(int=0x01157)
AT_ONCE = 6  # as many as the world has connections
DAY, FORTNIGHT = timedelta(days=1), timedelta(days=14)
RETURN_WINDOW = timedelta(days=14)
MIDNIGHT = datetime.min.time()
CANCELLED_AFTER = timedelta(hours=30)  # the files do not say when
SENT_BACK_AFTER = timedelta(days=30)  # cancelled although it was delivered


def brl(minor: int) -> Money:
    return Money(minor=minor, currency=CURRENCY)


def category_id(name: str) -> UUID:
    return CATEGORIES[0] if name == given.CATEGORY else derive(LISTS, name)


@dataclass
class Replay:
    """`drafts` are the orders as they were placed; four plans say what happens on which day.
    `refunded_at` is by payment."""

    world: World
    files: Files
    drafts: dict[UUID, OrderDraft] = field(default_factory=dict)
    refunded_at: dict[UUID, datetime] = field(default_factory=dict)
    paid_out_at: datetime | None = None

    def __post_init__(self) -> None:
        market = self.world.services[Market]
        market.currency, market.country = CURRENCY, "BR"
        self.orders: Orders = self.world.of(Orders)
        self.settlement: Settlement = self.world.of(Settlement)
        self.commissions: Commissions = self.world.of(Commissions)
        self.payouts: Payouts = self.world.of(Payouts)
        self.gate = asyncio.Semaphore(AT_ONCE)
        self.sold: dict[datetime, list[str]] = defaultdict(list)
        self.brought: dict[datetime, list[str]] = defaultdict(list)
        self.cancelled: dict[datetime, list[str]] = defaultdict(list)
        self.returned: dict[datetime, list[str]] = defaultdict(list)
        for id in self.files.items:
            self._plan(id, self.files.orders[id])

    def _plan(self, id: str, order: Row) -> None:
        sold_at = given.moment(order["order_purchase_timestamp"])
        brought_at = given.delivered_at(order)
        self.sold[_day(sold_at)].append(id)
        if brought_at is not None:
            self.brought[_day(brought_at)].append(id)
        if given.given_back(order):
            if brought_at is None:
                self.cancelled[_day(sold_at + CANCELLED_AFTER)].append(id)
            else:
                self.returned[_day(brought_at + SENT_BACK_AFTER)].append(id)

    @property
    def begins(self) -> datetime:
        return min(self.sold)

    @property
    def ends(self) -> datetime:
        """The first day of a month on which every return window is closed."""
        last = max(*self.sold, *self.brought, *self.cancelled, *self.returned) + RETURN_WINDOW
        return (last.replace(day=1) + timedelta(days=63)).replace(day=1)

    async def play(self) -> None:
        day = self.begins
        self.world.clock.set(day)
        timers = day + FORTNIGHT
        while day < self.ends:
            if day == given.RULES_FROM:
                await self._switch_rules_on()
            await self._one_day(day)
            day += DAY
            self.world.clock.set(day)
            if day >= timers:
                await self._timers()
                timers += FORTNIGHT
        self.world.clock.advance(timedelta(hours=2))
        await self._timers()

    async def _one_day(self, day: datetime) -> None:
        drafts = await self._quotes(self.sold.get(day, ()))
        self.drafts |= {draft.id: draft for draft in drafts}
        await self._all(self._sell(draft) for draft in drafts)
        if drafts:
            await self._take([draft.id for draft in drafts], day)
        await self._all(self._bring(id) for id in self.brought.get(day, ()))
        await self._all(self._cancel(id, day) for id in self.cancelled.get(day, ()))
        await self._all(self._send_back(id, day) for id in self.returned.get(day, ()))
        if not any(day in of for of in (self.sold, self.brought, self.cancelled, self.returned)):
            return
        self.world.network.messages.clear()  # they say again what was answered already
        await self.world.settle_in_batches()
        for refund in self.world.network.refunds.values():
            self.refunded_at.setdefault(refund.payment_id, day)

    async def _all(self, jobs: Iterable[Awaitable[None]]) -> None:
        async def one(job: Awaitable[None]) -> None:
            async with self.gate:
                await job

        await asyncio.gather(*(one(job) for job in jobs))

    async def _timers(self) -> None:
        await self.world.pass_time(timedelta(0))

    def at(self, moment: datetime) -> Context:
        clock = SettableClock(moment)
        return Context(
            actor=SYSTEM,
            request_id="olist",
            correlation_id="olist",
            clock=clock,
            ids=RandomIds(clock),
        )

    # -- what happens ------------------------------------------------------------------------------

    async def _sell(self, draft: OrderDraft) -> None:
        order = self.files.orders[draft.id.hex]
        ctx = self.at(given.moment(order["order_purchase_timestamp"]))
        hold = await self.settlement.hold(
            ctx,
            order_id=draft.id,
            amount=draft.totals.total,
            method=Method(provider="test", token="ok"),
            return_url="",
            person_id=draft.person_id,
        )
        assert hold.status == "authorized", hold
        await self.orders.create(ctx, draft=draft)

    async def _take(self, ids: list[UUID], day: datetime) -> None:
        """A day's payments, in one batch before midnight."""
        ctx = self.at(day + DAY - timedelta(seconds=1))
        outcomes = await self.settlement.capture(ctx, order_ids=ids)
        assert {one.outcome for one in outcomes} == {"captured"}, outcomes
        assert len(outcomes) == len(ids)

    async def _bring(self, id: str) -> None:
        brought_at = given.delivered_at(self.files.orders[id])
        assert brought_at is not None
        ctx = self.at(brought_at)
        for part in self.drafts[UUID(id)].vendor_orders:
            await self.orders.accept(ctx, id=part.id)
            await self.orders.ship(ctx, id=part.id)
            await self.orders.deliver(ctx, id=part.id)

    async def _cancel(self, id: str, day: datetime) -> None:
        for part in self.drafts[UUID(id)].vendor_orders:
            await self.orders.cancel(self.at(day), id=part.id, reason="Cancelled")

    async def _send_back(self, id: str, day: datetime) -> None:
        for part in self.drafts[UUID(id)].vendor_orders:
            refund = await self.settlement.refund(
                self.at(day),
                id=derive(part.id, "sent back"),
                vendor_order_id=part.id,
                reason="Back",
            )
            assert refund.status == "done", refund

    async def _switch_rules_on(self) -> None:
        ctx = self.world.system()
        rules = [
            Rule(
                id=derive(LISTS, "category rule"),
                name="Bed, table and bath",
                category_ids=[CATEGORIES[0]],
                rate_bp=given.CATEGORY_BP,
                cap_minor=given.CAP,
            ),
            Rule(
                id=derive(LISTS, "freight rule"),
                name="Freight",
                applies_to="shipping",
                rate_bp=given.FREIGHT_BP,
            ),
        ]
        id = derive(LISTS, "list")
        made = await self.commissions.draft(ctx, id=id, rules=rules, tax_bp=given.TAX_BP)
        await self.commissions.activate(ctx, id=id, version=made.version, reason="A new year")

    # -- quotes ------------------------------------------------------------------------------------

    async def _quotes(self, ids: Iterable[str]) -> list[OrderDraft]:
        """A day's orders, with what commissions say to all of their lines at once."""
        sales = [sale for id in ids for sale in self._sales(id)]
        ctx = self.at(self.world.clock.now() + timedelta(hours=23))
        found = {one.id: one for one in await self.commissions.assess(ctx, sales=sales)}
        return [self._order(id, found) for id in ids]

    def _sales(self, id: str) -> list[Sale]:
        sold_at = given.moment(self.files.orders[id]["order_purchase_timestamp"])
        found = []
        for vendor, rows in self._parts(id):
            freight = brl(sum(given.cents(row["freight_value"]) for row in rows))
            shipping = derive(_part_id(id, vendor), "shipping")
            found.append(
                Sale(
                    id=shipping,
                    kind="shipping",
                    vendor_id=UUID(vendor),
                    unit_price=freight,
                    base=freight,
                    at=sold_at,
                )
            )
            for line_id, quantity, row in _lines(id, vendor, rows):
                price = given.cents(row["price"])
                found.append(
                    Sale(
                        id=line_id,
                        vendor_id=UUID(vendor),
                        product_id=UUID(row["product_id"]),
                        category_path=self._path(row),
                        unit_price=brl(price),
                        quantity=quantity,
                        base=brl(price * quantity),
                        at=sold_at,
                    )
                )
        return found

    def _parts(self, id: str) -> list[tuple[str, list[Row]]]:
        rows = sorted(self.files.items[id], key=lambda row: row["seller_id"])
        return [(vendor, list(some)) for vendor, some in groupby(rows, lambda r: r["seller_id"])]

    def _path(self, row: Row) -> list[UUID]:
        return [category_id(self.files.category.get(row["product_id"], ""))]

    def _order(self, id: str, found: dict[UUID, Assessment]) -> OrderDraft:
        parts = [self._part(id, vendor, rows, found) for vendor, rows in self._parts(id)]
        sums = [part.totals for part in parts]
        return OrderDraft(
            id=UUID(id),
            person_id=UUID(self.files.orders[id]["customer_id"]),
            email="customer@example.com",
            ship_to=ADDRESS,
            bill_to=ADDRESS,
            prices_include_tax=False,
            totals=_totals(
                sum(one.goods.minor for one in sums), sum(one.shipping.minor for one in sums)
            ),
            vendor_orders=parts,
        )

    def _part(
        self, id: str, vendor: str, rows: list[Row], found: dict[UUID, Assessment]
    ) -> VendorOrderDraft:
        part_id = _part_id(id, vendor)
        lines = [
            OrderLine(
                id=line_id,
                offer_id=derive(line_id, "offer"),
                product_id=UUID(row["product_id"]),
                product_slug="thing",
                variant_id=UUID(row["product_id"]),
                sku=row["product_id"][:12],
                title=self.files.category.get(row["product_id"]) or "Thing",
                quantity=quantity,
                unit_price=brl(given.cents(row["price"])),
                amount=brl(given.cents(row["price"]) * quantity),
                tax_bp=0,
                tax=brl(0),
                category_path=self._path(row),
                commission=found[line_id].commission,
                commission_tax=found[line_id].commission_tax,
                terms=found[line_id].terms,
            )
            for line_id, quantity, row in _lines(id, vendor, rows)
        ]
        shipping = found[derive(part_id, "shipping")]
        totals = _totals(
            sum(line.amount.minor for line in lines),
            sum(given.cents(row["freight_value"]) for row in rows),
        )
        commission = sum(line.commission.minor for line in lines) + shipping.commission.minor
        tax = sum(line.commission_tax.minor for line in lines) + shipping.commission_tax.minor
        return VendorOrderDraft(
            id=part_id,
            vendor_id=UUID(vendor),
            vendor_name=f"Vendor {vendor[:6]}",
            lines=lines,
            shipping_method="Standard",
            shipping_tax=brl(0),
            totals=totals,
            shipping_commission=shipping.commission,
            shipping_commission_tax=shipping.commission_tax,
            shipping_terms=shipping.terms,
            commission=brl(commission),
            commission_tax=brl(tax),
            net=brl(totals.total.minor - commission - tax),
        )

    # -- the end -----------------------------------------------------------------------------------

    async def pay_out(self) -> None:
        """One payout for every vendor, of all it has."""
        ctx = self.world.system()
        self.paid_out_at = ctx.now()
        await self.payouts.set_policy(
            ctx, policy=Policy(auto_approve_minor=10**12), reason="Everybody is known"
        )
        vendors = sorted(
            {UUID(row["seller_id"]) for rows in self.files.items.values() for row in rows}
        )
        await self._all(
            self.payouts.set_destination(
                ctx,
                vendor_id=vendor,
                destination=Destination(holder="Vendor", account=f"BR{vendor.int % 10**16:016}"),
            )
            for vendor in vendors
        )
        for n in range(0, len(vendors), 200):
            await self.payouts.run(ctx, vendor_ids=vendors[n : n + 200])
        self.world.network.messages.clear()
        await self.world.settle_in_batches()


def _day(at: datetime) -> datetime:
    return datetime.combine(at, MIDNIGHT, UTC)


def _part_id(id: str, vendor: str) -> UUID:
    return derive(UUID(id), vendor)


def _lines(id: str, vendor: str, rows: list[Row]) -> list[tuple[UUID, int, Row]]:
    """Equal items of a part are one line: its id, how many, and the first of their rows."""
    equal: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        equal.setdefault((row["product_id"], row["price"]), []).append(row)
    return [
        (derive(_part_id(id, vendor), f"{product} {price}"), len(some), some[0])
        for (product, price), some in equal.items()
    ]


def _totals(goods: int, shipping: int) -> Totals:
    return Totals(goods=brl(goods), shipping=brl(shipping), tax=brl(0), total=brl(goods + shipping))
