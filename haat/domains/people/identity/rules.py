"""What an address, a name, a password may be; what a role may do."""

import unicodedata
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from haat.domains.people.identity.api import (
    EmailInvalid,
    Membership,
    PasswordWeak,
    Person,
    StaffRole,
    VendorRole,
)
from haat.kernel.errors import Invalid, NotFound

PASSWORD_MIN_CHARS = 8
PASSWORD_MAX_CHARS = 200
NAME_MAX_CHARS = 120
CLIENT_MAX_CHARS = 200
EMAIL_MAX_CHARS = 254

_VENDOR_ALL = ("products", "stock", "orders", "money", "team", "profile")
_VENDOR: dict[VendorRole, tuple[str, ...]] = {
    "owner": _VENDOR_ALL,
    "admin": _VENDOR_ALL,
    "manager": ("products", "stock", "orders"),
    "staff": ("stock", "orders"),
}
_STAFF: dict[StaffRole, tuple[str, ...]] = {
    "super_admin": ("vendors", "products", "orders", "payouts", "money", "ledger", "settings"),
    "moderator": ("vendors", "products"),
    "support": ("orders",),
    "finance": ("orders", "payouts", "money", "ledger"),
}

# The words people choose first; each is at least as long as a password must be.
COMMON = frozenset(
    """
    12345678 123456789 1234567890 12345678910 0123456789 987654321 9876543210 87654321 11111111
    00000000 22222222 88888888 99999999 12341234 11223344 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx
    qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwe123qwe asdfghjk asdfghjkl
    asdf1234 zxcvbnm1 zxcvbnm123 abcdefgh abcd1234 abc12345 abc123456 a1b2c3d4 aa123456 a1234567
    a12345678 a123456789 password password1 password12 password123 password1234 password! passw0rd
    p@ssword p@ssw0rd pa$$word pa55word mypassword newpassword passpass 1password letmein1
    letmein123 letmein! welcome1 welcome12 welcome123 welcome! iloveyou iloveyou1 iloveyou2
    iloveyou! sunshine sunshine1 princess princess1 football football1 baseball baseball1
    basketball superman superman1 batman123 spiderman pokemon1 starwars starwars1 trustno1
    whatever whatever1 computer computer1 internet internet1 michelle jennifer jessica1 charlie1
    michael1 daniel123 jonathan jordan23 liverpool liverpool1 chelsea1 arsenal1 barcelona
    manchester admin123 admin1234 administrator adminadmin changeme changeme1 changeme123 default1
    secret123 topsecret rootroot toor1234 test1234 testtest testing1 testing123 user1234 guest123
    dragon123 monkey123 shadow123 master123 hello123 helloworld freedom1 blink182 samsung1
    samsung123 google123 facebook facebook1 instagram linkedin summer2024 summer2025 summer2026
    winter2024 winter2025 winter2026 spring2025 spring2026 autumn2025 autumn2026 january1
    december1 chocolate chocolate1 butterfly cupcake1 flower123 bangladesh bangladesh1 dhaka123
    india123 pakistan pakistan1 marketplace shopping shopping1 customer customer1
    """.split()
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
    return any(c.isalnum() for c in text) and not any(
        # Controls, and what turns the direction of the text around it; joiners are spelling.
        unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp") or c in "\u202a\u202b\u202d\u202e"
        for c in text
    )


def client_label(text: str) -> str:
    """What the client says of itself, cut to what is worth keeping."""
    return "".join(c for c in text[:CLIENT_MAX_CHARS] if c.isprintable())


def strong_password(password: str, email: str) -> str:
    """The password itself. Raises PasswordWeak."""
    if len(password) < PASSWORD_MIN_CHARS:
        message = f"Choose a password of at least {PASSWORD_MIN_CHARS} characters."
    elif len(password) > PASSWORD_MAX_CHARS:
        message = f"Choose a password of at most {PASSWORD_MAX_CHARS} characters."
    elif password.casefold() in COMMON or len(set(password)) == 1:
        message = "This password is among the first that others would try; choose another."
    elif password.casefold() in (email, email.partition("@")[0]):
        message = "The password is your e-mail address; choose another."
    else:
        return password
    raise PasswordWeak.at("password", message, "password_weak")


def attempt_key(*parts: str) -> bytes:
    """Under which failures are counted: the parts cannot be read back."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


def token_hash(token: str) -> bytes:
    """What is kept of a refresh token. Its 32 random bytes need no salt and no slow hash."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def chosen(person: Person, vendor_id: UUID | None, *, strict: bool) -> Membership | None:
    """The team the person acts for: the one named, else the first joined; None without a team.

    `strict` raises NotFound for a vendor that is not among them; otherwise the first counts.
    """
    for membership in person.memberships:
        if membership.vendor_id == vendor_id:
            return membership
    if strict and vendor_id is not None:
        raise NotFound("This account is not in that vendor's team.")
    return person.memberships[0] if person.memberships else None


def scopes_of(role: VendorRole | None, staff_roles: list[StaffRole]) -> frozenset[str]:
    """What a signed-in person may do, from the role in the vendor acted for and staff roles."""
    found = {"person"}
    if role is not None:
        found.update(f"vendor:{name}" for name in _VENDOR[role])
    for staff_role in staff_roles:
        found.add("staff")
        found.update(f"staff:{name}" for name in _STAFF[staff_role])
    return frozenset(found)


def instant(text: str) -> datetime:
    """An aware time out of a cursor; ValueError otherwise."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
