"""The use cases of the test card network, between its rules and its file.

Bodies are decoded JSON objects. A bad one is a `Refused` 422 naming the field; an unknown id is a
404; an id that was used for something else is a 409. Answers are documents ready to be encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from . import network as net
from . import wire
from .fields import account_number, ident, inner, labels, minor, money, text
from .network import (
    Card,
    Fees,
    Intent,
    Line,
    Manner,
    Payout,
    Refund,
    Refused,
    SavedMethod,
    Status,
    Step,
)
from .store import Store

Doc = dict[str, object]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the slow things take, in seconds."""

    latency_s: float = 0.0
    lost_answer_s: float = 30.0
    webhook_late_s: float = 5.0
    pending_s: float = 3.0
    first_retry_s: float = 0.5
    after_webhook_s: float = 2.0
    dispute_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a use case answers, how the answer travels, and the event it told."""

    doc: Doc
    status: int = 200
    manner: Manner = Manner.PROMPT
    event_id: str = ""


class Desk:
    """The use cases. Each runs inside one transaction of the store, opened by its caller."""

    def __init__(
        self,
        store: Store,
        pace: Pace,
        public_url: str,
        now: Callable[[], datetime],
        fees: Fees | None = None,
    ) -> None:
        self.store, self.pace, self.public_url, self.now = store, pace, public_url, now
        self.books, self.fees = store.books, fees or Fees()
        self.dispute_due: Callable[[str], None] = lambda intent_id: None

    def intent(self, id: str) -> Intent:
        """The intent, or 404."""
        found = self.store.intent(id)
        if found is None:
            raise Refused(404, "not_found", "There is no such intent.")
        return found

    def create(self, body: Mapping[str, object]) -> Outcome:
        """A new intent; the same id with the same content answers the one that stands."""
        amount_minor, currency = money(body)
        method = body.get("captureMethod", "manual")
        if method not in ("manual", "automatic"):
            raise Refused(422, "invalid", "Expected manual or automatic.", "captureMethod")
        back = body.get("returnUrl")
        asked = Intent(
            id=ident(body),
            amount_minor=amount_minor,
            currency=currency,
            reference=text(body, "reference"),
            created_at=iso(self.now()),
            return_url="" if back is None else wire.web_url(back, "returnUrl"),
            capture_method=str(method),
            metadata=labels(body),
            save_for=ident(body, "saveFor") if body.get("saveFor") is not None else "",
        )
        standing = self.store.intent(asked.id)
        if standing is None:
            self.store.put_intent(asked)
            return Outcome(self.intent_doc(asked), 201)
        if _terms(standing) != _terms(asked):
            raise Refused(409, "id_taken", "This id belongs to another intent.", "id")
        return Outcome(self.intent_doc(standing))

    def confirm(self, id: str, card: Card, expires: str = "", on_file: bool = False) -> Outcome:
        """Try a card; declined and requires_action are answers, not errors."""
        step = net.confirm(self.intent(id), card, expires, on_file)
        event_id = self.keep(step)
        # Only the confirmation that changed something can be lost: its repeat gets the answer.
        manner = card.manner if event_id else Manner.PROMPT
        return Outcome(self.intent_doc(self.intent(id)), 200, manner, event_id)

    def confirm_saved(self, id: str, body: Mapping[str, object]) -> Outcome:
        """Try a card that was saved for the customer named."""
        saved = self.books.saved_method(ident(body, "savedMethod"))
        if saved is None or saved.customer != ident(body, "customer"):
            raise Refused(422, "unknown_method", "There is no such saved card.", "savedMethod")
        return self.confirm(id, net.card_of(saved.number), saved.expires, on_file=True)

    def forget(self, id: str) -> Outcome:
        """Let go of a saved card; harmless when it is gone."""
        self.books.forget_method(id)
        return Outcome({"id": id, "deleted": True})

    def authenticate(self, id: str, approved: bool) -> Outcome:
        """The card holder's answer to 3-D Secure."""
        intent = self.intent(id)
        if intent.card is None:
            raise Refused(409, "intent_state", "This intent waits for no authentication.")
        step = net.authenticate(intent, intent.card, approved)
        self.keep(step)
        return Outcome(self.intent_doc(self.intent(id)))

    def capture(self, id: str, body: Mapping[str, object]) -> Outcome:
        """Take the authorized amount or the part `amountMinor` of it."""
        intent = self.intent(id)
        whole = "amountMinor" not in body
        step = net.capture(intent, intent.amount_minor if whole else minor(body, "amountMinor"))
        self.keep(step)
        return Outcome(self.intent_doc(step.intent))

    def void(self, id: str) -> Outcome:
        """Release what is authorized."""
        step = net.void(self.intent(id))
        self.keep(step)
        return Outcome(self.intent_doc(step.intent))

    def refund(self, id: str, body: Mapping[str, object]) -> Outcome:
        """Give back a part; the same refund id with the same content changes nothing."""
        refund_id, amount_minor = ident(body), minor(body, "amountMinor")
        intent, standing = self.intent(id), self.store.refund(refund_id)
        if standing is not None:
            if (standing.intent_id, standing.amount_minor) != (id, amount_minor):
                raise Refused(409, "id_taken", "This id belongs to another refund.", "id")
            return Outcome(_refund_doc(standing))
        step = net.refund(intent, amount_minor)
        status = "succeeded" if step.event else "pending"
        born = iso(self.now())
        refund = Refund(refund_id, id, amount_minor, intent.currency, status, born)
        self.store.put_refund(refund)
        self.keep(step, refund)
        if not step.event:
            due_s = self.now().timestamp() + self.pace.pending_s
            self.store.add_timer(due_s, "refund", refund_id)
        return Outcome(_refund_doc(refund), 201)

    def pay_out(self, body: Mapping[str, object]) -> Outcome:
        """Send money to a bank account; the same id with the same content changes nothing."""
        amount_minor, currency = money(body)
        destination = inner(body, "destination")
        asked = Payout(
            id=ident(body),
            amount_minor=amount_minor,
            currency=currency,
            holder=text(destination, "holder", at="destination.holder"),
            account=account_number(destination),
            reference=text(body, "reference"),
            status="pending",
            created_at=iso(self.now()),
        )
        standing = self.store.payout(asked.id)
        if standing is not None:
            if replace(asked, created_at=standing.created_at) != replace(
                standing, status="pending", failure_code=""
            ):
                raise Refused(409, "id_taken", "This id belongs to another payout.", "id")
            return Outcome(_payout_doc(standing))
        answered = net.pay_out(asked)
        self.keep_payout(answered)
        if answered.status == "pending":
            due_s = self.now().timestamp() + self.pace.pending_s
            self.store.add_timer(due_s, "payout", asked.id)
        return Outcome(_payout_doc(answered), 201)

    def payout(self, id: str) -> Doc:
        """The payout as clients see it, or 404."""
        found = self.store.payout(id)
        if found is None:
            raise Refused(404, "not_found", "There is no such payout.")
        return _payout_doc(found)

    def settle_due(self) -> None:
        """Finish the pending refunds and payouts whose time has come."""
        for kind, id in self.store.take_timers(self.now().timestamp()):
            refund = self.store.refund(id) if kind == "refund" else None
            payout = self.store.payout(id) if kind == "payout" else None
            if kind == "dispute":
                self.dispute_due(id)
            if refund is not None:
                done = replace(refund, status="succeeded")
                self.store.put_refund(done)
                intent = self.intent(refund.intent_id)
                self.keep(net.settle_refund(intent, refund.amount_minor), done)
            if payout is not None:
                self.keep_payout(net.settle_payout(payout))

    def keep(self, step: Step, refund: Refund | None = None) -> str:
        """Write an intent and queue its event, as its card wants it; the event id or ''."""
        intent = self._with_saved_card(step)
        self.store.put_intent(intent)
        card = intent.card
        if step.event is None:
            return ""
        self._book(step, refund)
        data: Doc = {"object": self.intent_doc(intent)}
        if refund is not None:
            data["refund"] = _refund_doc(refund)
        late_s = self.pace.webhook_late_s if card and card.webhook_late else 0.0
        copies = card.webhook_copies if card else 1
        return self.tell(step.event, step.intent.id, data, late_s, copies)

    def _with_saved_card(self, step: Step) -> Intent:
        """The card of an intent that succeeds is kept for the customer who wants that."""
        intent, card = step.intent, step.intent.card
        succeeded = step.event in ("intent.authorized", "intent.captured")
        if not (succeeded and card and intent.save_for and not intent.saved_method):
            return intent
        id = f"pm_{uuid4().hex}"
        saved = SavedMethod(id, intent.save_for, card.number, intent.card_expires)
        self.books.put_saved_method(saved)
        return replace(intent, saved_method=id)

    def _book(self, step: Step, refund: Refund | None) -> None:
        """What an intent's event does to the balance."""
        intent = step.intent
        if step.event == "intent.captured":
            taken = intent.captured_minor
            self.book("capture", intent.id, intent, taken, self.fees.of_charge(taken))
            if intent.card and intent.card.disputed:
                due_s = self.now().timestamp() + self.pace.dispute_s
                self.store.add_timer(due_s, "dispute", intent.id)
        if refund is not None:
            self.book("refund", refund.id, intent, -refund.amount_minor)

    def book(
        self, kind: str, subject: str, intent: Intent, amount_minor: int, fee_minor: int = 0
    ) -> None:
        """One more line of the balance."""
        about = (kind, subject, intent.id, amount_minor, fee_minor, intent.currency)
        self.books.add_line(Line(*about, iso(self.now())))

    def keep_payout(self, payout: Payout) -> None:
        """Write a payout and, once it is decided, queue its event."""
        self.store.put_payout(payout)
        if payout.status == "paid":
            about = ("payout", payout.id, "", -payout.amount_minor, 0, payout.currency)
            self.books.add_line(Line(*about, iso(self.now())))
        if payout.status != "pending":
            self.tell(f"payout.{payout.status}", payout.id, {"object": _payout_doc(payout)})

    def tell(self, type: str, subject: str, data: Doc, late_s: float = 0, copies: int = 1) -> str:
        """Queue one event for every endpoint and answer its id."""
        now, id = self.now(), f"evt_{uuid4().hex}"
        doc = {"id": id, "type": type, "createdAt": iso(now), "data": data}
        self.store.emit(id, subject, doc, now.timestamp() + late_s, copies)
        return id

    def intent_doc(self, i: Intent) -> Doc:
        """An intent as clients see it."""
        action: Doc | None = None
        if i.status is Status.REQUIRES_ACTION:
            action = {"type": "redirect", "url": f"{self.public_url}/3ds/{i.id}"}
        return {
            "id": i.id,
            "status": i.status.value,
            "amount": {"minor": i.amount_minor, "currency": i.currency},
            "capturedMinor": i.captured_minor,
            "refundedMinor": i.refunded_minor,
            "refundPendingMinor": i.refund_pending_minor,
            "reference": i.reference,
            "returnUrl": i.return_url or None,
            "captureMethod": i.capture_method,
            "metadata": dict(i.metadata),
            "card": {"brand": i.card.brand, "last4": i.card_number[-4:]} if i.card else None,
            "savedMethod": self._saved_doc(i),
            "declineCode": i.decline_code or None,
            "nextAction": action,
            "payUrl": f"{self.public_url}/pay/{i.id}",
            "refunds": [_refund_doc(r) for r in self.store.refunds_of(i.id)]
            if i.status is Status.CAPTURED
            else [],
            "createdAt": i.created_at,
        }

    def _saved_doc(self, i: Intent) -> Doc | None:
        if not (i.saved_method and i.card):
            return None
        return {
            "id": i.saved_method,
            "customer": i.save_for,
            "brand": i.card.brand,
            "last4": i.card_number[-4:],
            "expires": i.card_expires or None,
        }


def _terms(i: Intent) -> tuple[object, ...]:
    return (i.amount_minor, i.currency, i.reference, i.return_url, i.capture_method, i.metadata)


def _refund_doc(r: Refund) -> Doc:
    return {
        "id": r.id,
        "intentId": r.intent_id,
        "amount": {"minor": r.amount_minor, "currency": r.currency},
        "status": r.status,
        "createdAt": r.created_at,
    }


def _payout_doc(p: Payout) -> Doc:
    return {
        "id": p.id,
        "status": p.status,
        "amount": {"minor": p.amount_minor, "currency": p.currency},
        "destination": {"holder": p.holder, "last4": p.account[-4:]},
        "reference": p.reference,
        "failureCode": p.failure_code or None,
        "createdAt": p.created_at,
    }


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
