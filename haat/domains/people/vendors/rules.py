"""A vendor's states, its name and the address made from it."""

import re
import unicodedata
from datetime import datetime
from typing import Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from haat.domains.people.vendors.api import Status, WrongVendorState
from haat.kernel.errors import Invalid
from haat.kernel.text import is_plain_line, is_plain_text

Decision = Literal["approve", "reject", "suspend", "reinstate"]

NAME_MIN_CHARS, NAME_MAX_CHARS = 2, 80
SLUG_MAX_CHARS = 60
REASON_MAX_CHARS = 1000
ID_PART_CHARS = 8

# (from, decision) → to. What is not here is refused, but for a repetition (see `after`).
_MOVES: dict[tuple[Status, Decision], Status] = {
    ("pending", "approve"): "active",
    ("pending", "reject"): "rejected",
    ("active", "suspend"): "suspended",
    ("suspended", "reinstate"): "active",
    ("closing", "suspend"): "suspended",
}
_TARGETS: dict[Decision, Status] = {decision: target for (_, decision), target in _MOVES.items()}
_NEED_REASON: frozenset[Decision] = frozenset({"reject", "suspend"})
# Words that are, or may become, addresses of their own beside a vendor's.
_RESERVED = frozenset("apply admin api me new search all vendor vendors haat".split())


def after(status: Status, decision: Decision) -> Status | None:
    """The status the decision leads to; None when it has been taken. Raises WrongVendorState."""
    target = _MOVES.get((status, decision))
    if target is None and _TARGETS[decision] != status:
        raise WrongVendorState(f"A vendor that is {status} cannot be decided on with {decision}.")
    return target


def reason_for(decision: Decision, reason: str) -> str | None:
    """The reason to keep. Raises Invalid (`reason_missing`) where one is needed."""
    text = " ".join(reason.split())
    if not text and decision in _NEED_REASON:
        raise Invalid.at("reason", "Say why: the vendor reads it.", "reason_missing")
    if len(text) > REASON_MAX_CHARS or not is_plain_line(text):
        raise Invalid.at(
            "reason", f"Give at most {REASON_MAX_CHARS} plain characters.", "reason_invalid"
        )
    return text or None


def vendor_name(text: str) -> str:
    """One line of 2 to 80 characters with something to read in it. Raises Invalid."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    readable = any(c.isalnum() for c in name) and is_plain_line(name)
    if not readable or not NAME_MIN_CHARS <= len(name) <= NAME_MAX_CHARS:
        raise Invalid.at(
            "name",
            f"Give a name of {NAME_MIN_CHARS} to {NAME_MAX_CHARS} plain characters.",
            "name_invalid",
        )
    return name


def name_key(name: str) -> str:
    """Names with the same key are the same to a reader: case, width and invisible characters
    do not tell them apart."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return " ".join(seen.split())


def slug_of(name: str, id: UUID) -> str:
    """The name in ASCII for an address; from the id where the name has too little of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:SLUG_MAX_CHARS].strip("-")
    letters = sum(c.isalnum() for c in name)
    if len(slug) < NAME_MIN_CHARS or sum(c != "-" for c in slug) * 2 < letters:
        return f"vendor-{_part(id)}"  # most of the name is in another script
    if slug in _RESERVED or id_of(slug) is not None:
        return other_slug(slug, id)
    return slug


def other_slug(slug: str, id: UUID) -> str:
    """The slug of a vendor whose name makes one that is another's already."""
    return f"{slug}-{_part(id)}"


def _part(id: UUID) -> str:
    return id.hex[-ID_PART_CHARS:]  # the end: the beginning of an id is a time


def id_of(text: str) -> UUID | None:
    """The id that this text is; None when it is something else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def contact_address(text: str, path: str = "contactEmail") -> str:
    """The e-mail address in its normal form. Raises Invalid."""
    try:
        # No look-up of the domain: this must work without a network.
        found = validate_email(
            text.strip()[:300], check_deliverability=False, strict=True, test_environment=True
        )
    except (EmailNotValidError, UnicodeError):
        raise Invalid.at(path, "This is not an e-mail address.", "email_invalid") from None
    return found.normalized


def instant(text: str) -> datetime:
    """An aware time out of a cursor; ValueError otherwise."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def plain_line(text: str, path: str) -> str:
    """One line without spaces at its ends. Invalid where there are characters nobody sees."""
    plain = " ".join(text.split())
    if not is_plain_line(plain):
        raise Invalid.at(path, "Use plain text.", "text_invalid")
    return plain


def maybe_line(text: str | None, path: str) -> str | None:
    return None if text is None else plain_line(text, path)


def plain_text(text: str, path: str) -> str:
    """Lines of plain text, as they were written but for their ends."""
    plain = text.replace("\r\n", "\n").strip()
    if not is_plain_text(plain):
        raise Invalid.at(path, "Use plain text.", "text_invalid")
    return plain
