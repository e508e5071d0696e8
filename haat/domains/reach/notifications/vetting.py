"""What vendors are told about onboarding and bank accounts. What staff wrote is not in the mail: it
stands on the page behind the link, for who may see it."""

from collections.abc import Callable
from typing import Any

from haat.domains.insight.performance.api import VendorFellBelow, VendorRecovered
from haat.domains.money.banking.api import BankAccountChanged
from haat.domains.people.onboarding.api import (
    ApplicationSubmitted,
    ChangesRequested,
    DocumentDecision,
    TermsDue,
)
from haat.domains.people.vendors.api import VendorHeld, VendorReleased
from haat.domains.reach.notifications.notice import Known, Notice, to_staff, to_team
from haat.kernel.events import Event

PAGE = "/vendor/onboarding"
PERFORMANCE = "/vendor/performance"
TERMS = "/vendor/terms"
MEASURES = {
    "late": "late",
    "cancelled": "cancelled by you",
    "faulty": "given back for a fault",
    "disputed": "disputed",
}


def _changes(event: ChangesRequested, known: Known) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_changes_requested", PAGE)


def _document(event: DocumentDecision, known: Known) -> list[Notice]:
    kind = "document_verified" if event.verified else "document_refused"
    return to_team(event, event.vendor_id, kind, PAGE, document=event.type)


def _submitted(event: ApplicationSubmitted, known: Known) -> list[Notice]:
    path = f"/admin/vendors/{event.vendor_id}/application"
    return [to_staff(event, "staff_application", path, by_mail=False)]


def _terms_due(event: TermsDue, known: Known) -> list[Notice]:
    day = f"{event.grace_until:%-d %B %Y}"
    return to_team(event, event.vendor_id, "terms_due", TERMS, day=day)


def _held(event: VendorHeld, known: Known) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_held", TERMS)


def _released(event: VendorReleased, known: Known) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_released", "/vendor")


def _bank(event: BankAccountChanged, known: Known) -> list[Notice]:
    """To every owner: whoever took over one account cannot keep it from the others."""
    facts = {"last": event.last}
    return [
        Notice(
            parent=event.id, kind=f"bank_{event.what}", path="/vendor/money/bank", facts=facts,
            person_id=owner,
        )
        for owner in event.owners
    ]  # fmt: skip


def _fell(event: VendorFellBelow, known: Known) -> list[Notice]:
    """The team by mail; staff see it in their queue."""
    shares = ", ".join(
        f"{MEASURES[one.measure]} {one.share_bp / 100:.2f} % (at most"
        f" {one.threshold_bp / 100:.2f} %)"
        for one in event.exceeded
    )
    facts = {"shares": shares, "days": event.days, "orders": event.orders}
    path = f"/admin/vendors/{event.vendor_id}/performance"
    return [
        *to_team(event, event.vendor_id, "vendor_fell_below", PERFORMANCE, **facts),
        to_staff(event, "staff_vendor_fell_below", path, by_mail=False, **facts),
    ]


def _recovered(event: VendorRecovered, known: Known) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_recovered", PERFORMANCE)


BY_EVENT: dict[type[Event], Callable[[Any, Known], list[Notice]]] = {
    ChangesRequested: _changes,
    DocumentDecision: _document,
    ApplicationSubmitted: _submitted,
    TermsDue: _terms_due,
    VendorHeld: _held,
    VendorReleased: _released,
    BankAccountChanged: _bank,
    VendorFellBelow: _fell,
    VendorRecovered: _recovered,
}
TEXTS: dict[str, tuple[str, str]] = {
    "vendor_changes_requested": (
        "The market asks for a change to your application",
        "What is asked for stands in your checklist. What you have filled in is kept.",
    ),
    "document_verified": (
        "A document of yours is verified",
        "It is your proof of {document}. There is nothing left to do about it.",
    ),
    "document_refused": (
        "A document of yours was not accepted",
        "It is your proof of {document}. Your checklist says why; please send it again.",
    ),
    "bank_added": (
        "A bank account was added to your store",
        "It ends in {last}. If nobody of your team did that, change your password and tell us.",
    ),
    "bank_corrected": (
        "A bank account of your store was changed",
        "It ends in {last}. If nobody of your team did that, change your password and tell us.",
    ),
    "bank_default": (
        "Your payouts go to another bank account",
        "It ends in {last}. For your safety payouts wait for some days. If nobody of your team did"
        " that, change your password and tell us at once.",
    ),
    "bank_removed": ("A bank account was removed", "It ended in {last}."),
    "bank_verified": ("Your bank account is verified", "It ends in {last}."),
    "bank_refused": (
        "Your bank account was not accepted",
        "It ends in {last}. Why stands beside it.",
    ),
    "terms_due": (
        "New terms for vendors: please accept them by {day}",
        "The store's owner reads and accepts them on the page behind the link. After that day your"
        " listings are held back until they are accepted; orders that you have go on.",
    ),
    "vendor_held": (
        "Your listings are held back",
        "The market's new terms were not accepted in time. Your listings are shown again as soon as"
        " the store's owner accepts them; orders that you have go on.",
    ),
    "vendor_released": (
        "Your listings are shown again",
        "The new terms are accepted. Thank you.",
    ),
    "vendor_fell_below": (
        "Your store is below the market's thresholds",
        "Of your {orders} orders of the last {days} days: {shares}. The page behind the link shows"
        " which orders counted.",
    ),
    "vendor_recovered": (
        "Your store keeps the market's thresholds again",
        "Every share of your orders is within what the market asks for.",
    ),
    "staff_vendor_fell_below": (
        "A vendor is below the thresholds",
        "Of its {orders} orders of the last {days} days: {shares}.",
    ),
    "staff_application": (
        "An application waits for review",
        "A vendor has sent its application.",
    ),
}
