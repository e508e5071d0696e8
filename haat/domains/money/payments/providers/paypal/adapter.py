"""PayPal as a payment provider."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Destination,
    ProviderAway,
    ReportLine,
    SignatureInvalid,
)
from haat.domains.money.payments.providers.paypal import balance, documents, messages
from haat.domains.money.payments.providers.paypal.calls import Calls, Document, Refusal
from haat.domains.money.payments.providers.port import (
    Ask,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.domains.money.payments.rules import redacted
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.kernel.context import Context
from haat.kernel.ids import derive
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
# Somebody was faster: the order itself says what became of it.
_MOVED_ON = frozenset({"ORDER_ALREADY_AUTHORIZED", "ORDER_COMPLETED_OR_VOIDED"})
_STILL_ASKING = frozenset({"ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"})

_Subject = ProviderPayment | ProviderPayout | ProviderDispute | None


class PayPal:
    """An order is authorized when the customer has approved it, and captured later.

    PayPal cannot be asked by our id: `ref` is its order's or payout batch's id.
    """

    name = "paypal"
    label = "PayPal"
    kind: ClassVar[Literal["card", "redirect", "bank_transfer", "on_delivery", "recorded"]] = (
        "redirect"
    )
    disburses = True
    token_url = ""

    def __init__(self, settings: PaymentsSettings, http: HttpClient) -> None:
        self._calls = Calls(settings, http)
        self._webhook_id = settings.paypal_webhook_id
        self.publishable_key = settings.paypal_client_id
        self.test_mode = urlsplit(settings.paypal_url).hostname != "api-m.paypal.com"

    async def register(self, ctx: Context) -> None:
        """Webhooks are made in PayPal's dashboard; here it is only seen whether ours is complete.
        ProviderRefused when it is not."""
        if not self._webhook_id:
            raise ProviderRefused("webhook_id_missing", "HAAT_PAYPAL_WEBHOOK_ID is not set.")
        path = f"/v1/notifications/webhooks/{documents.path_part(self._webhook_id)}"
        found = await self._calls.get(ctx, path)
        if found is None:
            raise ProviderRefused("webhook_unknown", self._webhook_id)
        names = documents.event_names(found)
        missing = [name for name in messages.EVENTS if name not in names]
        if missing and "*" not in names:
            raise ProviderRefused("webhook_incomplete", ", ".join(missing))

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        body = _order_request(ask)
        order = await self._calls.post(ctx, "/v2/checkout/orders", body, str(ask.id))
        found = documents.payment(order)
        # What stands over there is looked at before anything is held for it.
        agreed = found.amount == ask.amount and found.reference == str(ask.reference)
        return await self._settled(ctx, order) if agreed and found.id == ask.id else found

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        """Authorizes, too, what the customer has approved since."""
        order = await self._order(ctx, id, ref)
        return await self._settled(ctx, order) if order is not None else None

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        order = await self._order(ctx, id, ref)
        if order is None:
            return None
        held = [one for one in documents.live_authorizations(order) if one["status"] != "PENDING"]
        found = documents.payment(order)
        if found.status != "authorized" or not held or documents.listed(order, "captures"):
            return found
        path = f"/v2/payments/authorizations/{documents.path_part(held[0].get('id'))}/capture"
        body = {
            "amount": documents.money_document(found.amount),
            "invoice_id": str(id),
            "final_capture": True,
        }
        try:
            taken = await self._calls.post(ctx, path, body, str(derive(id, "capture")))
        except Refusal as refusal:
            return await self._or_refused(ctx, id, ref, refusal)
        documents.unit(order)["payments"]["captures"] = [taken]
        return documents.payment(order)

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        """An order that was never approved cannot be taken back; it holds nothing and expires."""
        order = await self._order(ctx, id, ref)
        if order is None:
            return None
        for one in documents.live_authorizations(order):
            path = f"/v2/payments/authorizations/{documents.path_part(one.get('id'))}/void"
            try:
                one |= await self._calls.post(ctx, path, b"") or {"status": "VOIDED"}
            except Refusal as refusal:
                return await self._or_refused(ctx, id, ref, refusal)
        found = documents.payment(order)
        return found if found.status in ("captured", "authorized") else _nothing_held(found)

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund:
        order = await self._order(ctx, payment_id, ref)
        taken = documents.paid_capture(order) if order is not None else None
        if order is None or taken is None:
            raise ProviderRefused("payment_unknown", "PayPal has no capture of this payment.")
        # PayPal forgets our request ids after 45 days, but not the refund.
        for one in documents.listed(order, "refunds"):
            if one.get("custom_id") == str(refund_id):
                return documents.refund(one, payment_id)
        path = f"/v2/payments/captures/{documents.path_part(taken.get('id'))}/refund"
        body = {"amount": documents.money_document(amount), "custom_id": str(refund_id)}
        given = await self._calls.post(ctx, path, body, str(refund_id))
        return documents.refund({**given, "custom_id": str(refund_id)}, payment_id)

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout:
        if ref is not None:
            found = await self.read_disbursement(ctx, id, ref=ref)
            return found or ProviderPayout(id, ref, amount, "pending")
        try:
            body = _payout_request(id, amount, destination)
            batch = await self._calls.post(ctx, "/v1/payments/payouts", body, str(id))
        except Refusal as refusal:
            batch = await self._first_batch(ctx, refusal)
        found = documents.payout(batch, id)
        if found is not None:
            return found
        known, status, code = documents.batch_state(batch)
        return ProviderPayout(id, known, amount, status, code if status == "failed" else None)

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None:
        if ref is None:
            return None
        path = f"/v1/payments/payouts/{documents.path_part(ref)}"
        batch = await self._calls.get(ctx, path)
        return documents.payout(batch, id) if batch is not None else None

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        raise SignatureInvalid("PayPal has to be asked about its messages: hear_webhook does.")

    async def hear_webhook(
        self, ctx: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent:
        """What a message is about is read from PayPal, not from the message: messages come late
        and in any order."""
        message = await messages.verified(self._calls, ctx, self._webhook_id, headers, body)
        subject, refund = await self._subject(ctx, message)
        payload = redacted(message.document)
        return ProviderEvent(message.id, message.type, payload, subject, refund)

    async def report(
        self, ctx: Context, since: datetime, until: datetime, cursor: str | None
    ) -> tuple[list[ReportLine], str | None]:
        """It is up to three hours behind; asked for later than that, it is refused."""
        return await balance.report(self._calls, ctx, since, until, cursor)

    async def _subject(
        self, ctx: Context, message: messages.Message
    ) -> tuple[_Subject, ProviderRefund | None]:
        kind, resource = message.type, message.resource
        if kind.startswith("CHECKOUT.ORDER."):
            return await self._heard_order(ctx, resource.get("id")), None
        if kind.startswith(("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.")):
            return await self._heard_refund(ctx, resource)
        if kind.startswith(("PAYMENT.AUTHORIZATION.", "PAYMENT.CAPTURE.")):
            return await self._heard_order(ctx, messages.order_id_of(resource)), None
        if kind.startswith("CUSTOMER.DISPUTE."):
            return await self._heard_dispute(ctx, resource), None
        if kind.startswith("PAYMENT.PAYOUTS-ITEM."):
            return await self._heard_payout(ctx, resource), None
        return None, None

    async def _heard_order(self, ctx: Context, id: Any) -> ProviderPayment | None:
        order = await self._any_order(ctx, id)
        return await self._settled(ctx, order) if order is not None else None

    async def _heard_refund(
        self, ctx: Context, resource: Document
    ) -> tuple[_Subject, ProviderRefund | None]:
        capture_id = messages.capture_id_of(resource)
        if capture_id is None:
            return None, None
        path = f"/v2/payments/captures/{documents.path_part(capture_id)}"
        taken = await self._calls.get(ctx, path)
        order = await self._any_order(ctx, messages.order_id_of(taken or {}))
        if order is None:
            return None, None
        found = documents.payment(order)
        for one in documents.listed(order, "refunds"):
            if one.get("id") == resource.get("id") and documents.uuid_or_none(one.get("custom_id")):
                return found, documents.refund(one, found.id)
        return found, None  # made by hand in PayPal's dashboard: the report shows it

    async def _heard_dispute(self, ctx: Context, resource: Document) -> ProviderDispute | None:
        id = documents.path_part(resource.get("dispute_id"))
        document = await self._calls.get(ctx, f"/v1/customer/disputes/{id}")
        if document is None:
            return None
        found = documents.dispute(document)
        if found.payment_id is not None:
            return found
        path = f"/v2/payments/captures/{documents.path_part(found.payment_ref)}"
        taken = await self._calls.get(ctx, path) or {}
        return replace(found, payment_id=documents.uuid_or_none(taken.get("custom_id")))

    async def _heard_payout(self, ctx: Context, resource: Document) -> ProviderPayout | None:
        item = resource.get("payout_item")
        known = item.get("sender_item_id") if isinstance(item, dict) else None
        id, ref = documents.uuid_or_none(known), resource.get("payout_batch_id")
        if id is None or not isinstance(ref, str):
            return None
        return await self.read_disbursement(ctx, id, ref=ref)

    async def _any_order(self, ctx: Context, id: Any) -> Document | None:
        """None, too, when it is not one of ours: other shops may share the account."""
        if not isinstance(id, str):
            return None
        order = await self._calls.get(ctx, f"/v2/checkout/orders/{documents.path_part(id)}")
        if order is None:
            return None
        units = order.get("purchase_units")
        first = units[0] if isinstance(units, list) and len(units) == 1 else None
        ours = isinstance(first, dict) and documents.uuid_or_none(first.get("custom_id"))
        return order if ours else None

    async def _order(self, ctx: Context, id: UUID, ref: str | None) -> Document | None:
        if ref is None:
            return None
        order = await self._calls.get(ctx, f"/v2/checkout/orders/{documents.path_part(ref)}")
        if order is not None and documents.our_id(order) != id:
            raise ProviderAway("PayPal's order belongs to another payment.")
        return order

    async def _settled(self, ctx: Context, order: Document) -> ProviderPayment:
        """Authorizes what the customer has approved."""
        found = documents.payment(order)
        if not documents.is_approved(order):
            return found
        path = f"/v2/checkout/orders/{documents.order_id(order)}/authorize"
        try:
            after = await self._calls.post(ctx, path, {}, str(derive(found.id, "authorize")))
        except Refusal as refusal:
            if refusal.code in _STILL_ASKING:
                return found
            if refusal.code not in _MOVED_ON:
                return replace(found, status="declined", action_url=None, decline_code=refusal.code)
            again = await self._order(ctx, found.id, found.ref)
            return documents.payment(again) if again is not None else found
        # The answer may leave out what the order said before.
        unit = {**documents.unit(order), **documents.unit(after)}
        return documents.payment({**order, **after, "purchase_units": [unit]})

    async def _or_refused(
        self, ctx: Context, id: UUID, ref: str | None, refusal: Refusal
    ) -> ProviderPayment | None:
        """A no because it has ended already, here or by somebody's hand, is no failure."""
        order = await self._order(ctx, id, ref)
        if order is None:
            return None
        found = documents.payment(order)
        if found.status == "authorized":
            raise refusal
        return found

    async def _first_batch(self, ctx: Context, refusal: Refusal) -> Document:
        """The batch that was made the first time, when this was a repetition."""
        ref = _duplicate_of(refusal.document)
        if ref is None:
            raise refusal
        batch = await self._calls.get(ctx, f"/v1/payments/payouts/{ref}") if ref else None
        if batch is None:
            # It exists, but how it stands is not known: never to be called failed.
            _log.error("payout_repeated_without_link", code=refusal.code)
            raise ProviderAway
        return batch


def _nothing_held(found: ProviderPayment) -> ProviderPayment:
    return replace(found, status="voided", action_url=None, decline_code=None)


def _order_request(ask: Ask) -> Document:
    unit: Document = {
        "reference_id": str(ask.reference),
        "custom_id": str(ask.id),
        "invoice_id": str(ask.id),
        "amount": documents.money_document(ask.amount),
    }
    if ask.description:
        unit["description"] = ask.description[:127]
    context: Document = {"shipping_preference": "NO_SHIPPING", "user_action": "PAY_NOW"}
    if ask.return_url:
        context |= {"return_url": ask.return_url, "cancel_url": ask.return_url}
    return {
        "intent": "AUTHORIZE",
        "purchase_units": [unit],
        "payment_source": {"paypal": {"experience_context": context}},
    }


def _payout_request(id: UUID, amount: Money, destination: Destination) -> Document:
    receiver = destination.provider_ref
    if not receiver:
        raise ProviderRefused("destination_unknown", "The vendor has no PayPal account here.")
    return {
        "sender_batch_header": {"sender_batch_id": str(id)},
        "items": [
            {
                "recipient_type": "EMAIL" if "@" in receiver else "PAYPAL_ID",
                "receiver": receiver,
                "sender_item_id": str(id),
                "amount": {"currency": amount.currency, "value": documents.decimal(amount)},
            }
        ],
    }


def _duplicate_of(document: Document) -> str | None:
    """The batch that has our id already: its PayPal id, "" when it is not said; None when the no
    is about something else."""
    found = document.get("details")
    details = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    words = " ".join(
        [str(document.get("name")), *(f"{one.get('field')} {one.get('issue')}" for one in details)]
    ).lower()
    if "duplicate" not in words and "already exist" not in words:
        return None
    links = document.get("links")
    for link in links if isinstance(links, list) else []:
        part = str(link.get("href") if isinstance(link, dict) else "").rstrip("/")
        head, _, last = part.rpartition("/")
        if head.endswith("/v1/payments/payouts") and last.isascii() and last.isalnum():
            return last
    return ""
