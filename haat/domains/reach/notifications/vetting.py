"""What vendors are told about onboarding and bank accounts. What staff wrote is not in the mail: it
stands on the page behind the link, for who may see it."""

from collections.abc import Callable
from typing import Any

from haat.domains.money.banking.api import BankAccountChanged
from haat.domains.people.onboarding.api import (
    ApplicationSubmitted,
    ChangesRequested,
    DocumentDecision,
)
from haat.domains.reach.notifications.notice import Known, Notice, to_staff, to_team
from haat.kernel.events import Event

PAGE = "/vendor/onboarding"


def _changes(event: ChangesRequested, known: Known) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_changes_requested", PAGE)


def _document(event: DocumentDecision, known: Known) -> list[Notice]:
    kind = "document_verified" if event.verified else "document_refused"
    return to_team(event, event.vendor_id, kind, PAGE, document=event.type)


def _submitted(event: ApplicationSubmitted, known: Known) -> list[Notice]:
    path = f"/admin/vendors/{event.vendor_id}/application"
    return [to_staff(event, "staff_application", path, by_mail=False)]


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


BY_EVENT: dict[type[Event], Callable[[Any, Known], list[Notice]]] = {
    ChangesRequested: _changes,
    DocumentDecision: _document,
    ApplicationSubmitted: _submitted,
    BankAccountChanged: _bank,
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
    "staff_application": (
        "An application waits for review",
        "A vendor has sent its application.",
    ),
}
