"""What the demo's customers want back: refunds by staff, and returns between them and vendors."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.cast import Member, as_member, as_person, as_staff, id_of
from haat.app.seeding.plan import Step, Verb
from haat.domains.trade.orders.api import VendorOrder
from haat.domains.trade.returns.api import ReturnItem, ReturnReason, Returns, WrongReturnState
from haat.domains.trade.settlement.api import RefundItem, Settlement
from haat.kernel.money import Money

RETURNING: frozenset[Verb] = frozenset(
    {"ask_back", "agree", "refuse", "escalate", "send_back", "receive"}
)
WHY: dict[str, ReturnReason] = {
    "It is smaller than I thought.": "wrong_size",
    "It arrived with a crack.": "damaged",
    "Not what I ordered.": "wrong_item",
}


class Claims:
    """Every step may be repeated; what an earlier run did is left as it is."""

    def __init__(self, runtime: Runtime, staff: UUID) -> None:
        self._settlement: Settlement = runtime.inner[Settlement]
        self._returns: Returns = runtime.inner[Returns]
        self._staff = staff

    async def refund(self, part: VendorOrder, step: Step, at: datetime) -> None:
        """Staff give all of it back, or one of the first line where there is more than one
        thing, or a share of the amount."""
        items, amount = None, None
        if step.share < 100 and sum(line.quantity for line in part.lines) > 1:
            items = [RefundItem(line_id=part.lines[0].id, quantity=1)]
        elif step.share < 100:
            total = part.totals.total
            minor = max(1, total.minor * step.share // 100)
            amount = Money(minor=minor, currency=total.currency)
        await self._settlement.refund(
            as_staff(f"refund:{part.number}", at, self._staff),
            id=id_of(f"refund:{part.id}"),
            vendor_order_id=part.id,
            amount=amount,
            items=items,
            reason=step.reason,
        )

    async def go_on(
        self, part: VendorOrder, person: UUID, member: Member, step: Step, at: datetime
    ) -> None:
        """One step of a return, by the customer or the vendor."""
        label = f"{step.verb}:{part.number}"
        id = id_of(f"return:{part.id}")
        customer, vendor = as_person(label, at, person), as_member(label, at, member)
        with suppress(WrongReturnState):  # an earlier run took it
            if step.verb == "ask_back":
                await self._returns.request(
                    customer,
                    id=id,
                    vendor_order_id=part.id,
                    items=[ReturnItem(line_id=part.lines[0].id, quantity=1)],
                    reason=WHY[step.reason],
                    text=step.reason,
                )
            elif step.verb == "agree":
                await self._returns.approve(vendor, id=id)
            elif step.verb == "refuse":
                await self._returns.refuse(vendor, id=id, text=step.reason)
            elif step.verb == "escalate":
                await self._returns.escalate(customer, id=id, text=step.reason)
            elif step.verb == "send_back":
                number = f"DEMO{part.id.int % 10**9:09}"
                await self._returns.sent_back(customer, id=id, tracking_number=number)
            else:
                await self._returns.receive(vendor, id=id)
