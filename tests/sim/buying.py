"""Customers buy: quotes at today's commission, tenders, and taking the money."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.commissions.api import Sale
from haat.domains.money.payments.api import FundsReceived, Method
from haat.domains.trade.orders.api import OrderDraft, OrderLine, Totals, VendorOrderDraft
from haat.kernel.ids import derive
from tests.sim.giving import Giving
from tests.sim.standing import ADDRESS, Tender, credits_for, usd
from tests.sim.world import CURRENCY


@dataclass(frozen=True, slots=True)
class Goods:
    """One line to be bought: whose, what, how many, for how much each."""

    vendor: int
    category: int
    quantity: int
    price: int
    tax_bp: int


class Buying(Giving):
    """Orders come into being and are paid."""

    async def quote(self, goods: list[Goods], *, inclusive: bool, person: int) -> OrderDraft:
        """The order these goods make at today's commission, as checkout would quote it."""
        ctx, id = self.world.system(), self.new_id()
        sales, sold = [], []
        for n, one in enumerate(goods):
            amount = one.price * one.quantity
            tax = _tax(amount, one.tax_bp, inclusive=inclusive)
            sold.append((derive(id, f"line {n}"), one, amount, tax))
            sales.append(
                Sale(
                    id=derive(id, f"line {n}"),
                    vendor_id=self.vendors[one.vendor],
                    product_id=derive(self.seed, f"product {one.price}"),
                    category_path=[self.categories[one.category]],
                    unit_price=usd(one.price),
                    quantity=one.quantity,
                    base=usd(amount - tax if inclusive else amount),
                    at=ctx.now(),
                )
            )
        vendors = sorted({one.vendor for one in goods})
        shipping = {vendor: 490 + 100 * vendor for vendor in vendors}
        for vendor in vendors:
            tax = _tax(shipping[vendor], 1000, inclusive=inclusive)
            sales.append(
                Sale(
                    id=derive(id, f"shipping {vendor}"),
                    kind="shipping",
                    vendor_id=self.vendors[vendor],
                    unit_price=usd(shipping[vendor]),
                    base=usd(shipping[vendor] - tax if inclusive else shipping[vendor]),
                    at=ctx.now(),
                )
            )
        found = {one.id: one for one in await self.commissions.assess(ctx, sales=sales)}
        parts = []
        for vendor in vendors:
            lines = [
                OrderLine(
                    id=line_id,
                    offer_id=derive(line_id, "offer"),
                    product_id=derive(self.seed, f"product {one.price}"),
                    product_slug="thing",
                    variant_id=derive(line_id, "variant"),
                    sku="S",
                    title=f"Thing of {one.price}",
                    quantity=one.quantity,
                    unit_price=usd(one.price),
                    amount=usd(amount),
                    tax_bp=one.tax_bp,
                    tax=usd(tax),
                    category_path=[self.categories[one.category]],
                    commission=found[line_id].commission,
                    commission_tax=found[line_id].commission_tax,
                    terms=found[line_id].terms,
                )
                for line_id, one, amount, tax in sold
                if one.vendor == vendor
            ]
            parts.append(self._part(id, vendor, lines, shipping[vendor], found, inclusive))
        return OrderDraft(
            id=id,
            person_id=self.people[person],
            email="customer@example.com",
            ship_to=ADDRESS,
            bill_to=ADDRESS,
            prices_include_tax=inclusive,
            totals=_added([part.totals for part in parts]),
            vendor_orders=parts,
        )

    def _part(
        self,
        order_id: UUID,
        vendor: int,
        lines: list[OrderLine],
        shipping: int,
        found: dict[UUID, Any],
        inclusive: bool,
    ) -> VendorOrderDraft:
        on_shipping = found[derive(order_id, f"shipping {vendor}")]
        shipping_tax = _tax(shipping, 1000, inclusive=inclusive)
        goods = sum(line.amount.minor for line in lines)
        tax = sum(line.tax.minor for line in lines) + shipping_tax
        total = goods + shipping + (0 if inclusive else tax)
        commission = sum(line.commission.minor for line in lines) + on_shipping.commission.minor
        commission_tax = (
            sum(line.commission_tax.minor for line in lines) + on_shipping.commission_tax.minor
        )
        return VendorOrderDraft(
            id=derive(order_id, f"vendor order {vendor}"),
            vendor_id=self.vendors[vendor],
            vendor_name=f"Vendor {vendor}",
            lines=lines,
            shipping_method="Standard",
            shipping_tax_bp=1000,
            shipping_tax=usd(shipping_tax),
            totals=Totals(goods=usd(goods), shipping=usd(shipping), tax=usd(tax), total=usd(total)),
            shipping_commission=on_shipping.commission,
            shipping_commission_tax=on_shipping.commission_tax,
            shipping_terms=on_shipping.terms,
            commission=usd(commission),
            commission_tax=usd(commission_tax),
            net=usd(total - commission - commission_tax - tax),
        )

    async def buy(
        self, draft: OrderDraft, tender: Tender, *, declined: bool = False, lost: bool = False
    ) -> None:
        """Pays for a quote and places it; `lost`: one of the provider's answers gets lost."""
        total = draft.totals.total.minor
        person = draft.person_id
        assert person is not None
        from_wallet = 0
        if tender in ("credits", "split"):
            found = await self.wallet.spendable(
                self.world.system(), owner_id=person, currency=CURRENCY
            )
            from_wallet = min(found.minor, total if tender == "credits" else total // 2)
            if from_wallet == 0 or (tender == "credits" and from_wallet < total):
                return
        provider = {"cod": "cod", "bank": "bank"}.get(tender, "test")
        method = Method(provider=provider, token="decline" if declined else "ok")
        micro = await self.micro() if from_wallet else 0
        self.world.network.lose_answer = lost
        hold = await self.again(
            lambda: self.settlement.hold(
                self.world.system(),
                order_id=draft.id,
                amount=draft.totals.total,
                method=method,
                return_url="",
                person_id=person,
                credits=usd(from_wallet) if from_wallet else None,
            )
        )
        self.world.network.lose_answer = False
        if declined and provider == "test" and from_wallet < total:
            assert hold.status == "declined", hold
            await self.settlement.void(self.world.system(), order_id=draft.id)
            return
        assert hold.status in ("authorized", "awaiting"), hold
        tenders = {"credits": from_wallet} if from_wallet else {}
        if total > from_wallet:
            tenders["card" if provider == "test" else provider] = total - from_wallet
        if from_wallet:
            self.held_credits[draft.id] = (person, credits_for(from_wallet, micro))
        payment: Literal["authorized", "awaiting", "on_delivery"] = "authorized"
        if hold.status == "awaiting":
            payment = "awaiting"
            assert hold.instructions is not None
            self.references[draft.id] = hold.instructions.reference
        elif hold.collect == "on_delivery":
            payment = "on_delivery"
        placed = draft.model_copy(update={"payment": payment})
        await self.order_book.create(self.world.system(), draft=placed)
        self.books.sold(placed, tenders)
        self.waiting.add(draft.id)
        await self.take()
        if payment == "on_delivery":
            self.waiting.discard(draft.id)  # each vendor collects at its own door

    async def take(self) -> None:
        """Takes the money of orders that wait for it, as checkout does."""
        ids = sorted(self.waiting)
        if not ids:
            return
        outcomes = await self.settlement.capture(self.world.system(), order_ids=ids)
        for one in outcomes:
            if one.outcome == "captured":
                self.waiting.discard(one.order_id)
                await self._taken(one.order_id)
            elif one.outcome == "failed":
                self.waiting.discard(one.order_id)
                self.held_credits.pop(one.order_id, None)
                for part in self.books.of_order(one.order_id):
                    part.cancelled = True
                await self.order_book.mark_unpaid(
                    self.world.system(), order_id=one.order_id, reason="Not paid."
                )
        await self.world.settle()

    async def _taken(self, order_id: UUID) -> None:
        """The order is paid; what was cancelled of it meanwhile goes back at once."""
        parts = self.books.of_order(order_id)
        for part in parts:
            part.captured = True
        self._spend(order_id)
        cancelled = [part for part in parts if part.cancelled and part.left]
        if cancelled:
            await self.world.settle()
            await self.end_refunds()
            for part in cancelled:
                self.given_back(part, {line.id: line.gross for line in part.lines})

    def _spend(self, order_id: UUID) -> None:
        if order_id not in self.held_credits:
            return
        owner, credits = self.held_credits[order_id]
        self.credits[owner] -= credits
        for part in self.books.of_order(order_id):
            self.exchanged -= part.by_tender.get("credits", 0)

    async def transfer_arrives(self, order_id: UUID, *, off_by: int = 0) -> None:
        """The customer's bank transfer is on our account; `off_by` cents more or less than asked
        stays unmatched."""
        if order_id not in self.references:
            return
        amount = self.books.orders[order_id].totals.total.minor + off_by
        funds = FundsReceived(
            id=self.new_id(),
            text=f"Order, thank you: {self.references[order_id].lower()}",
            amount=usd(amount),
            booked_at=self.world.clock.now(),
        )
        for _ in range(2):  # a statement may be sent twice
            [match] = await self.payments.receive_funds(self.world.system(), funds=[funds])
        if match.outcome in ("captured", "already"):
            self.bank_balance += amount
        await self.world.settle()
        await self.take()


def _tax(minor: int, rate_bp: int, *, inclusive: bool) -> int:
    """The tax in, or on top of, an amount; half up."""
    if inclusive:
        return (2 * minor * rate_bp + 10_000 + rate_bp) // (2 * (10_000 + rate_bp))
    return (2 * minor * rate_bp + 10_000) // 20_000


def _added(parts: list[Totals]) -> Totals:
    return Totals(
        goods=usd(sum(p.goods.minor for p in parts)),
        shipping=usd(sum(p.shipping.minor for p in parts)),
        tax=usd(sum(p.tax.minor for p in parts)),
        total=usd(sum(p.total.minor for p in parts)),
    )
