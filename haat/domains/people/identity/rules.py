"""What an address, a name, a password may be; what a role may do."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from haat.domains.people.identity.api import (
    STAFF_ROLES,
    STAFF_SCOPES,
    SUPER_ADMINS_ALONE,
    EmailInvalid,
    Membership,
    PasswordWeak,
    Person,
    PhoneInvalid,
    with_implied,
)
from haat.domains.people.identity.guessable import is_guessable
from haat.domains.people.identity.roles import scopes_in_team
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.text import is_plain_line

PASSWORD_MIN_CHARS = 8
PASSWORD_MAX_CHARS = 200
NAME_MAX_CHARS = 120
CLIENT_MAX_CHARS = 200
EMAIL_MAX_CHARS = 254
_PHONE_SIGNS = re.compile(r"[ ()./\u00a0-]|\u2011")  # for the eye
_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")

# In this order: most browsers claim to be several.
_DEVICES = (
    (
        *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet")),
        *(("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome")),
        *(("Safari", "Safari"), ("curl/", "curl"), ("python-", "Python")),
    ),
    (
        *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
        *(("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
    ),
)


def normal_email(text: str) -> str:
    """The address in the one form under which an account is known. Raises EmailInvalid."""
    if len(text) <= EMAIL_MAX_CHARS:
        try:
            # No look-up of the domain: this must work without a network.
            found = validate_email(
                text.strip(), check_deliverability=False, strict=True, test_environment=True
            )
        except (EmailNotValidError, UnicodeError):
            pass
        else:
            if "." in found.domain and len(found.normalized) <= EMAIL_MAX_CHARS:
                return found.normalized.lower()
    raise EmailInvalid.at("email", "This is not an e-mail address.", "email_invalid")


def person_name(text: str) -> str:
    """One line with something to read in it: it stands in headers of mails. Raises Invalid."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(name) > NAME_MAX_CHARS or not _readable(name):
        raise Invalid.at(
            "name", f"Give a name of at most {NAME_MAX_CHARS} plain characters.", "name_invalid"
        )
    return name


def _readable(text: str) -> bool:
    return any(c.isalnum() for c in text) and is_plain_line(text)


def client_label(text: str) -> str:
    """What the client says of itself, cut to what is worth keeping."""
    return "".join(c for c in text[:CLIENT_MAX_CHARS] if c.isprintable())


def device(client: str) -> str:
    """What somebody signed in with, as they would call it: "Firefox on Windows"."""
    found = [next((name for mark, name in marks if mark in client), "") for marks in _DEVICES]
    return " on ".join(filter(None, found)) or client[:60] or "unknown"


def strong_password(password: str, email: str, name: str = "", *, least: int = 8) -> str:
    """The password in the form it is hashed in. Raises PasswordWeak.

    Any characters may stand in it, none must: what matters is that nobody tries it (NIST SP
    800-63B, OWASP ASVS 5.0 V6.2). `least` counts characters as they are read.
    """
    plain = unicodedata.normalize("NFC", password)
    if len(plain) < max(least, PASSWORD_MIN_CHARS):
        least = max(least, PASSWORD_MIN_CHARS)
        message = f"Choose a password of at least {least} characters."
    elif len(plain) > PASSWORD_MAX_CHARS:
        message = f"Choose a password of at most {PASSWORD_MAX_CHARS} characters."
    elif plain.casefold() in (email, email.partition("@")[0]):
        message = "The password is your e-mail address; choose another."
    elif is_guessable(plain, email, *email.split("@"), name, *name.split()):
        message = "This password is among the first that others would try; choose another."
    else:
        return plain
    raise PasswordWeak.at("password", message, "password_weak")


def attempt_key(*parts: str) -> bytes:
    """Under which failures are counted: the parts cannot be read back."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


def token_hash(token: str) -> bytes:
    """What is kept of a refresh token. Its 32 random bytes need no salt and no slow hash."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def chosen(person: Person, vendor_id: UUID | None, *, strict: bool) -> Membership | None:
    """The team the person acts for: the one named, or the first joined where none is.

    For a vendor that is not among them: NotFound when `strict`, else None. Who has left the team
    they acted for acts for nobody, rather than for another vendor without knowing.
    """
    if vendor_id is None:
        return person.memberships[0] if person.memberships else None
    for membership in person.memberships:
        if membership.vendor_id == vendor_id:
            return membership
    if strict:
        raise NotFound("This account is not in that vendor's team.")
    return None


def scopes_of(person: Person, membership: Membership | None) -> frozenset[str]:
    """What a signed-in person may do: their own, in the team acted for, and as staff."""
    found = {"person"}
    if membership is not None:
        found.update(scopes_in_team(membership.role, membership.scopes))
    if person.staff_roles or person.custom_roles:
        found.add("staff")
    for role in person.staff_roles:
        found.update(STAFF_ROLES[role])
    for custom in person.custom_roles:
        found.update(staff_scopes(custom.scopes))
    return with_implied(frozenset(found))


def staff_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Those of them that a role put together for staff may hold."""
    return frozenset(scopes).intersection(STAFF_SCOPES) - {SUPER_ADMINS_ALONE}


def instant(text: str) -> datetime:
    """An aware time out of a cursor; ValueError otherwise."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def phone_number(text: str) -> str:
    """A number as +, the country and the rest (ITU-T E.164). Raises PhoneInvalid at `number`."""
    plain = _PHONE_SIGNS.sub("", text.strip())
    plain = f"+{plain[2:]}" if plain.startswith("00") else plain
    if not _PHONE.fullmatch(plain):
        raise PhoneInvalid.at("number", PhoneInvalid().detail, "phone_invalid")
    return plain
