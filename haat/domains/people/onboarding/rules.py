"""Which items a vendor is asked for, how each stands, and what a review may do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from haat.domains.people.onboarding.api import (
    BankState,
    BusinessData,
    BusinessField,
    ChecklistIncomplete,
    Decision,
    Document,
    Item,
    ItemProgress,
    ItemState,
    ListedItem,
    Stage,
    Terms,
)
from haat.domains.people.vendors.api import Status, Vendor, WrongVendorState
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.text import is_plain_line, is_plain_text

ITEMS_MAX = 40
FIELDS: Mapping[BusinessField, str] = {
    "legal_name": "Legal name",
    "registration_number": "Registration number",
    "tax_number": "Tax or VAT number",
    "street": "Street and number",
    "postal_code": "Postal code",
    "city": "City",
    "country": "Country",
    "phone": "Phone",
}
OPEN: frozenset[Stage] = frozenset({"preparing", "submitted", "changes"})
STAGE_OF: Mapping[Status, Stage] = {
    "pending": "preparing",
    "active": "approved",
    "suspended": "approved",
    "rejected": "rejected",
    "closing": "approved",
    "closed": "closed",
}


# (from, to) → the decision that leads there, or has led there.
DECISIONS: Mapping[tuple[Status, Status], Decision] = {
    ("pending", "active"): "approve",
    ("active", "active"): "approve",
    ("pending", "rejected"): "reject",
    ("rejected", "rejected"): "reject",
    ("active", "suspended"): "suspend",
    ("suspended", "suspended"): "suspend",
    ("suspended", "active"): "reinstate",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What a vendor has given until now. `documents` are those not deleted, the newest first."""

    vendor: Vendor
    business: BusinessData
    bank: BankState
    documents: Sequence[Document]
    waived: Mapping[UUID, str]
    terms: Terms | None
    accepted: int  # the newest version that was accepted; 0 for none


def asked(items: Iterable[ListedItem], given: Given) -> list[ItemProgress]:
    """What this vendor is asked for, and how each stands."""
    found = []
    for item in items:
        fits = not item.business_types or given.vendor.business_type in item.business_types
        if fits and not (item.kind == "terms" and given.terms is None):
            state, note = _state(item, given)
            found.append(ItemProgress(item=item, state=state, note=note))
    return found


def _state(item: ListedItem, given: Given) -> tuple[ItemState, str]:
    state, note = _given(item, given)
    if state not in ("done", "waiting") and item.id in given.waived:
        return "waived", given.waived[item.id]
    return state, note


def _given(item: ListedItem, given: Given) -> tuple[ItemState, str]:
    if item.kind == "business":
        missing = [FIELDS[name] for name in item.fields if not getattr(given.business, name)]
        return ("open", f"Missing: {', '.join(missing)}.") if missing else ("done", "")
    if item.kind == "document":
        return _document(item, given.documents)
    if item.kind == "bank_account":
        return ("open", "") if given.bank == "none" else ("done", "")
    if item.kind == "terms":
        assert given.terms is not None
        return ("done", "") if given.accepted == given.terms.version else ("open", "")
    missing = [
        label
        for label, there in (
            ("a description", given.vendor.description),
            ("a logo", given.vendor.logo_id),
        )
        if not there
    ]
    return ("open", f"Missing: {', '.join(missing)}.") if missing else ("done", "")


def _document(item: ListedItem, documents: Sequence[Document]) -> tuple[ItemState, str]:
    own = [one for one in documents if one.item_id == item.id]
    if any(one.status == "verified" for one in own):
        return "done", ""
    if any(one.status == "waiting" for one in own):
        return "waiting", ""
    return ("refused", own[0].reason) if own else ("open", "")


def left(items: Iterable[ItemProgress]) -> int:
    """How many wait for the vendor."""
    return sum(one.state in ("open", "refused") for one in items)


def missing(items: Iterable[ItemProgress], *, checked: bool = False) -> list[ItemProgress]:
    """What is required and not given; with `checked`, also what staff have not looked at."""
    lacking = {"open", "refused"} | ({"waiting"} if checked else set())
    return [one for one in items if one.item.required and one.state in lacking]


def check_complete(items: Iterable[ItemProgress], *, checked: bool = False) -> None:
    """ChecklistIncomplete, which names what is missing."""
    lacking = missing(items, checked=checked)
    if lacking:
        names = ", ".join(one.item.title for one in lacking)
        word = "missing or not checked" if checked else "missing"
        raise ChecklistIncomplete(
            f"This is required and {word}: {names}.", items=[str(one.item.id) for one in lacking]
        )


def first_stage(items: Iterable[ItemProgress]) -> Stage:
    """Of a new application: where nothing is required, staff can look at it at once."""
    return "preparing" if missing(items) else "submitted"


def check_open(stage: Stage) -> None:
    """WrongVendorState unless it is in review."""
    if stage not in OPEN:
        raise WrongVendorState(f"This application is {stage}.")


def checked_business(data: BusinessData) -> BusinessData:
    """Without spaces at the ends. Invalid at what is not plain text in one line."""
    plain = {name: " ".join(getattr(data, name).split()) for name in FIELDS}
    wrong = [
        FieldError(path=name, code="text_invalid", message="Use plain letters and numbers.")
        for name, text in plain.items()
        if not is_plain_line(text)
    ]
    if wrong:
        raise Invalid("Some fields need another look.", fields=wrong)
    return BusinessData(**plain)


def checked_note(text: str, *, needed: str = "", path: str = "note") -> str:
    """The note to keep. Invalid (`reason_missing`) where one is needed, `needed` says why."""
    plain = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    if not plain and needed:
        raise Invalid.at(path, needed, "reason_missing")
    if not is_plain_text(plain):
        raise Invalid.at(path, "Use plain text.", "text_invalid")
    return plain


def terms_due(terms: Terms | None, accepted: int) -> datetime | None:
    """Until when the newest version is to be accepted; None when it is."""
    return terms.grace_until if terms is not None and accepted < terms.version else None


def check_may_send(stage: Stage) -> None:
    """WrongVendorState where nothing is looked at any more."""
    if stage in ("rejected", "closed"):
        raise WrongVendorState(f"This application is {stage}.")


def decision_to(status: Status, target: Status) -> Decision:
    """The decision that leads from one status to another, or that has led to it.

    Raises WrongVendorState when there is none.
    """
    found = DECISIONS.get((status, target))
    if found is None:
        raise WrongVendorState(f"A vendor that is {status} cannot become {target}.")
    return found


def checked_item(item: Item) -> Item:
    """With plain words. Invalid where it does not fit its kind."""
    if (item.document_type is not None) != (item.kind == "document"):
        raise Invalid.at("documentType", "Documents, and they alone, have a type.", "item_kind")
    if bool(item.fields) != (item.kind == "business"):
        raise Invalid.at("fields", "Business data, and it alone, has fields.", "item_kind")
    title = checked_note(item.title, needed="Give it a name.", path="title")
    return item.model_copy(update={"title": title, "hint": checked_note(item.hint, path="hint")})
