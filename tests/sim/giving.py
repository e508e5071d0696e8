"""Money goes back: cancellations, refunds by piece, shipping or amount, and chargebacks."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from haat.domains.trade.settlement.api import RefundItem
from haat.kernel.errors import Conflict
from haat.kernel.ids import derive
from tests.sim.books import VendorOrderBooks, shares
from tests.sim.standing import RETURN_WINDOW, Standing, part_of, usd

PROVIDERS = {"card": "test", "credits": None, "bank": "bank", "cod": "cod"}


class Giving(Standing):
    """What vendors and customers do with an order once it is there."""

    async def deliver(self, id: UUID) -> None:
        part = self.books.parts[id]
        cash = "cod" in part.by_tender
        if part.cancelled or part.delivered or not (part.captured or cash):
            return
        ctx = self.world.system()
        try:
            await self.order_book.accept(ctx, id=id)
            await self.order_book.ship(ctx, id=id)
            await self.order_book.deliver(ctx, id=id)
        except Conflict:
            assert part.left == 0, "a paid vendor order can be delivered"
            return
        part.delivered = True
        part.captured = True
        part.closes_at = self.world.clock.now() + RETURN_WINDOW
        await self.world.settle()

    async def cancel(self, id: UUID) -> None:
        """Before it is shipped: everything goes back to where it came from."""
        part = self.books.parts[id]
        if part.cancelled or part.delivered or self.has_open_dispute(part.order_id):
            return  # what is disputed is not given back as well: staff decide then
        await self.order_book.cancel(self.world.system(), id=id, reason="Changed my mind")
        part.cancelled = True
        await self.world.settle()
        if part.captured and part.left:
            self.given_back(part, {line.id: line.gross for line in part.lines})
            if "bank" in part.by_tender:
                await self.end_refunds()
        await self.world.tell()
        if all(one.cancelled for one in self.books.of_order(part.order_id)):
            self.waiting.discard(part.order_id)

    async def refund(
        self,
        id: UUID,
        *,
        pieces: dict[int, int] | None = None,
        shipping: int = 0,
        amount: int | None = None,
        how: Literal["done", "pending", "failed"] = "done",
        lost: bool = False,
    ) -> None:
        """Part of a vendor order goes back: pieces of lines, some of the shipping, or an amount."""
        part = self.books.parts[id]
        if not part.captured or part.left == 0:
            return
        wanted = self._wanted(part, pieces, shipping, amount)
        total = sum(wanted.values())
        if total == 0 or total > part.left:
            return
        items = None
        if pieces:
            goods = [line for line in part.lines if line.id != part.shipping_id]
            items = [RefundItem(line_id=goods[n].id, quantity=count) for n, count in pieces.items()]
        network = self.world.network
        network.next_refund, network.lose_answer = how, lost
        result = await self.settlement.refund(
            self.world.system(),
            id=self.new_id(),
            vendor_order_id=id,
            items=items,
            shipping=usd(shipping) if shipping else None,
            amount=usd(amount) if amount is not None else None,
            reason="Because",
        )
        network.next_refund, network.lose_answer = "done", False
        assert result.amount.minor == total, (result, wanted)
        if result.status == "created":
            await self.end_refunds()
        await self.world.settle()
        [found] = [
            one
            for one in await self.settlement.refunds(self.world.system(), vendor_order_ids=[id])
            if one.id == result.id
        ]
        gone = {
            name: one.amount.minor
            for name in part.by_tender
            for one in found.repaid
            if one.status == "done" and one.provider == PROVIDERS[name]
        }
        back = sum(gone.values())
        assert (back == total) == (found.status == "done"), found
        if back:  # a part may have failed: what went is each line's share of it
            order = sorted(wanted)
            split = shares(back, [wanted[line] for line in order])
            self.given_back(part, dict(zip(order, split, strict=True)), pieces, legs=gone)

    async def end_refunds(self) -> None:
        """Providers and our bank carry out what waits; settlement's timer hears of it."""
        ctx = self.world.system()
        self.world.network.end_refunds()
        await self.world.tell()
        for _ in range(6):
            await self.world.pass_time(timedelta(minutes=6))
            due = await self.payments.refunds_due(ctx)
            ids = [one.id for one in due.items]
            if ids:
                await self.payments.settle_refunds(ctx, ids=ids, done=True)
                await self.world.settle()

    def _wanted(
        self,
        part: VendorOrderBooks,
        pieces: dict[int, int] | None,
        shipping: int,
        amount: int | None,
    ) -> dict[UUID, int]:
        """line → gross that such a refund comes to, by the rules of docs/flows/money.md."""
        if amount is not None:
            given = shares(amount, [line.gross for line in part.lines])
            return {line.id: n for line, n in zip(part.lines, given, strict=True) if n}
        wanted: dict[UUID, int] = {}
        goods = [line for line in part.lines if line.id != part.shipping_id]
        for n, count in (pieces or {}).items():
            if n >= len(goods) or count > goods[n].quantity - goods[n].returned:
                return {}
            wanted[goods[n].id] = goods[n].for_pieces(count)
        if shipping:
            found = [line for line in part.lines if line.id == part.shipping_id]
            if not found or shipping > found[0].gross:
                return {}
            wanted[found[0].id] = shipping
        return wanted

    def given_back(
        self,
        part: VendorOrderBooks,
        wanted: dict[UUID, int],
        pieces: dict[int, int] | None = None,
        *,
        legs: dict[str, int] | None = None,
        fee: int = 0,
    ) -> None:
        """`wanted` (line → gross) has gone back by these tenders (by all, in proportion to what is
        left of them, when none are named); `fee` is charged to the vendor on top."""
        if legs is None:
            names = sorted(part.by_tender)  # ties go to the first by name
            left = [part.by_tender[name] - part.refunded_by[name] for name in names]
            legs = dict(zip(names, shares(sum(wanted.values()), left), strict=True))
        for name, minor in legs.items():
            part.refunded_by[name] += minor
            if name == "credits" and minor:
                self._credits_back(part, minor)
            elif name == "bank":
                self.bank_balance -= minor
        goods = [line for line in part.lines if line.id != part.shipping_id]
        for n, count in (pieces or {}).items():
            goods[n].returned += count
        # A fee's ties go to the line that stands first.
        places = sorted(part.lines, key=lambda line: line.position)
        split = shares(fee, [wanted.get(line.id, 0) for line in places]) if fee else []
        fees = {line.id: minor for line, minor in zip(places, split, strict=False)}
        for line in part.lines:
            if not wanted.get(line.id):
                continue
            taken = line.take(wanted[line.id])
            charged = fees.get(line.id, 0)
            if self.policy.kept_commission:
                kept, tax = taken["commission"], taken["commission_tax"]
                self.books.fees_kept += kept
                self.books.fee_tax += tax
                charged += kept + tax
            self.books.fees[part.vendor_id] += charged
            line.effects.append(-taken["net"] - charged)

    def _credits_back(self, part: VendorOrderBooks, minor: int) -> None:
        """Credits at the rate they were spent at, so that all of it gives back all of them."""
        owner, spent = self.held_credits[part.order_id]
        whole = sum(one.by_tender.get("credits", 0) for one in self.books.of_order(part.order_id))
        before = self.credits_refunded[part.order_id]
        after = before + minor
        self.credits_refunded[part.order_id] = after
        self.credits[owner] += part_of(spent, after, whole) - part_of(spent, before, whole)
        self.exchanged += minor

    async def dispute(self, id: UUID, amount: int, fee: int) -> None:
        """A card holder charges back part of what is left of an order's card payment."""
        part = self.books.parts[id]
        if not part.captured or "card" not in part.by_tender or part.order_id in self.disputed:
            return
        payment = derive(part.order_id, "card")
        if payment not in self.world.network.payments:
            return
        left = sum(
            one.by_tender.get("card", 0) - one.refunded_by["card"]
            for one in self.books.of_order(part.order_id)
        )
        amount = min(amount, left)
        if amount < 1:
            return
        ref = self.world.network.dispute(payment, usd(amount), usd(fee))
        self.disputed[part.order_id] = ref
        await self.world.tell(twice=True)

    def has_open_dispute(self, order_id: UUID) -> bool:
        ref = self.disputed.get(order_id)
        return ref is not None and self.world.network.disputes[ref].status == "open"

    async def decide_dispute(self, order_id: UUID, *, won: bool) -> None:
        if not self.has_open_dispute(order_id):
            return
        ref = self.disputed[order_id]
        found = self.world.network.disputes[ref]
        parts = [one for one in self.books.of_order(order_id) if "card" in one.by_tender]
        parts.sort(key=lambda one: one.id)  # ties go to the first by id
        left = [one.by_tender["card"] - one.refunded_by["card"] for one in parts]
        self.world.network.decide(ref, won=won)
        await self.world.tell(twice=True)
        amount, fee = found.amount.minor, found.fee.minor
        if won:
            self.books.dispute_fees_borne += fee
            return
        covered = min(amount, sum(left))
        self.books.uncovered_losses += amount - covered
        split = shares(covered, left)
        by_vendor = self.policy.vendor_bears_dispute_fee and covered > 0
        fees = shares(fee, split) if by_vendor else [0] * len(parts)
        if not by_vendor:
            self.books.dispute_fees_borne += fee
        for part, minor, charged in zip(parts, split, fees, strict=True):
            if minor:
                given = shares(minor, [line.gross for line in part.lines])
                wanted = {line.id: n for line, n in zip(part.lines, given, strict=True) if n}
                self.given_back(part, wanted, legs={"card": minor}, fee=charged)
