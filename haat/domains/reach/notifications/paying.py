"""Who is told what of money: of orders' payments, refunds, disputes, payouts, credits. Pure."""

from collections.abc import Callable
from typing import Any

from haat.domains.money.payments.api import (
    PaymentDisputed,
    PaymentFailed,
    PaymentFailuresSpiked,
    TransferInstructions,
)
from haat.domains.money.payouts.api import PayoutProcessed
from haat.domains.money.reconciliation.api import DifferencesFound
from haat.domains.money.statements.api import InvoiceIssued
from haat.domains.money.wallet.api import CreditsToppedUp, WithdrawalEnded
from haat.domains.reach.notifications.notice import (
    Known,
    Notice,
    money,
    to_customer,
    to_staff,
    to_team,
)
from haat.domains.trade.orders.api import (
    OrderCreated,
    OrderPaid,
    OrderRefunded,
    OrderUnpaid,
    VendorPart,
)
from haat.kernel.events import Event
from haat.kernel.ids import derive

WALLET = "/account/wallet"


def _created(event: OrderCreated, known: Known) -> list[Notice]:
    total = money(event.total)
    if event.payment == "awaiting":
        given = known.instructions.get(event.order_id)
        if given is None:
            return [to_customer(event, "order_awaiting_money", total=total)]
        return [to_customer(event, "order_awaiting_transfer", total=total, **_transfer(given))]
    if event.payment == "on_delivery":
        return [to_customer(event, "order_on_delivery", total=total)] + [
            _sold(event, part, "vendor_order_cash") for part in event.vendor_orders
        ]
    return [to_customer(event, "order_placed", total=total)]


def _transfer(given: TransferInstructions) -> dict[str, Any]:
    iban = " ".join(given.iban[n : n + 4] for n in range(0, len(given.iban), 4))
    return {
        "due": money(given.amount),
        "holder": given.holder,
        "account": f"{iban}, BIC {given.bic}" if given.bic else iban,
        "reference": given.reference,
        "until": given.until.date().isoformat(),
    }


def _paid(event: OrderPaid, _: Known) -> list[Notice]:
    """The vendors begin now, but those who collect cash: they began when it was ordered; the
    customer gets the receipt. A customer who paid at once saw it then; one whose transfer was
    awaited hears that it came."""
    if event.was == "on_delivery":
        return [to_customer(event, "receipt")]
    found = [_sold(event, part, "vendor_order_new") for part in event.vendor_orders]
    if event.was == "awaiting":
        found.append(to_customer(event, "order_paid", total=money(event.total)))
    return found


def _sold(event: OrderCreated | OrderPaid, part: VendorPart, kind: str) -> Notice:
    return Notice(
        parent=derive(event.id, str(part.vendor_order_id)),
        kind=kind,
        path=f"/vendor/orders/{part.vendor_order_id}",
        facts={"number": part.number, "total": money(part.total), "net": money(part.net)},
        vendor_id=part.vendor_id,
    )


def _unpaid(event: OrderUnpaid, _: Known) -> list[Notice]:
    kind = "transfer_expired" if event.was == "awaiting" else "order_unpaid"
    return [to_customer(event, kind, reason=event.reason, total=money(event.total))]


def _refunded(event: OrderRefunded, known: Known) -> list[Notice]:
    amount = money(event.amount)
    repaid = known.repaid.get(event.refund_id, ()) if event.refund_id else ()
    ways = [
        {"provider": one.provider, "amount": money(one.amount)}
        for one in repaid
        if one.status == "done"
    ]
    kind = "order_refunded_by" if ways else "order_refunded"
    found = [to_customer(event, kind, amount=amount, ways=ways)]
    if event.vendor_order_id in known.earned:
        facts: dict[str, Any] = {"number": event.number, "amount": amount}
        found += to_team(event, event.vendor_id, "vendor_refunded", "/vendor/money", **facts)
    return found


def _failed(event: PaymentFailed, known: Known) -> list[Notice]:
    """In the account alone; not where there is an order, which tells it itself."""
    person_id = known.payers.get(event.payment_id)
    if person_id is None or event.reference in known.orders:
        return []
    topup = event.purpose == "topup"
    kind, path = ("topup_failed", WALLET) if topup else ("payment_failed", "/cart")
    return [Notice(event.id, kind, path, person_id=person_id, by_mail=False)]


def _disputed(event: PaymentDisputed, known: Known) -> list[Notice]:
    """Every vendor of the order, and staff when there is something to answer."""
    order = known.orders.get(event.reference)
    amount, reason = money(event.amount), event.reason.replace("_", " ")
    found = [
        Notice(
            parent=derive(event.id, str(part.id)),
            kind=f"vendor_dispute_{event.status}",
            path=f"/vendor/orders/{part.id}",
            facts={"number": part.number, "amount": amount, "reason": reason},
            vendor_id=part.vendor_id,
        )
        for part in (order.vendor_orders if order else ())
    ]
    if event.status == "open":
        about = f"order {order.number}" if order else "a top-up"
        page = "disputes" if order else "payments"
        path = f"/admin/{page}/{event.reference}"
        facts: dict[str, Any] = {"amount": amount, "reason": reason, "about": about}
        facts["provider"] = event.provider
        found.append(to_staff(event, "staff_dispute_open", path, **facts))
    return found


def _spiked(event: PaymentFailuresSpiked, _: Known) -> list[Notice]:
    facts = event.model_dump(mode="json", include={"provider", "failed", "tried", "minutes"})
    return [to_staff(event, "staff_failures_spiked", "/admin/payments", **facts)]


def _processed(event: PayoutProcessed, _: Known) -> list[Notice]:
    facts: dict[str, Any] = {"amount": money(event.amount), "reason": event.reason}
    kind = f"payout_{event.status}_because" if event.reason else f"payout_{event.status}"
    path = f"/vendor/money/payouts/{event.payout_id}"
    found = to_team(event, event.vendor_id, kind, path, **facts)
    if event.status == "failed":
        path = f"/admin/payouts/{event.payout_id}"
        found.append(to_staff(event, "staff_payout_failed", path, **facts))
    return found


def _issued(event: InvoiceIssued, _: Known) -> list[Notice]:
    facts = {"number": event.number, "month": event.month, "total": money(event.total)}
    return to_team(event, event.vendor_id, "invoice_issued", "/vendor/money/invoices", **facts)


def _topped_up(event: CreditsToppedUp, _: Known) -> list[Notice]:
    facts = {"credits": money(event.credits), "price": money(event.price)}
    return [Notice(event.id, "topped_up", WALLET, facts, owner_id=event.owner_id)]


def _withdrawn(event: WithdrawalEnded, _: Known) -> list[Notice]:
    facts = {"credits": money(event.credits), "amount": money(event.amount)}
    kind = f"withdrawal_{event.status}"
    return [Notice(event.id, kind, WALLET, facts, owner_id=event.owner_id)]


def _differs(event: DifferencesFound, _: Known) -> list[Notice]:
    """Who started the run sees it: it is noted, not mailed."""
    path = f"/admin/reconciliation/runs/{event.run_id}"
    facts = {"open": event.open, "provider": event.provider}
    return [to_staff(event, "staff_differences_found", path, by_mail=False, **facts)]


BY_EVENT: dict[type[Event], Callable[[Any, Known], list[Notice]]] = {
    OrderCreated: _created,
    OrderPaid: _paid,
    OrderUnpaid: _unpaid,
    OrderRefunded: _refunded,
    PaymentFailed: _failed,
    PaymentDisputed: _disputed,
    PaymentFailuresSpiked: _spiked,
    PayoutProcessed: _processed,
    InvoiceIssued: _issued,
    CreditsToppedUp: _topped_up,
    WithdrawalEnded: _withdrawn,
    DifferencesFound: _differs,
}
