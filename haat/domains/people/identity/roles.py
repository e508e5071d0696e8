"""Permission keys and the roles they are attached to. `api` hands these names on.

A key is a scope of a contract's methods ("vendor:orders"); what holds it may call them. The words
beside a key are what people read where a role is put together.
"""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.model import Model

VendorRole = Literal["owner", "admin", "manager", "staff", "custom"]
StaffRole = Literal["super_admin", "moderator", "support", "finance"]
RoleName = Annotated[str, Field(min_length=1, max_length=60)]
Scopes = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=40)]

VENDOR_SCOPES: Mapping[str, str] = {
    "vendor:products:view": "See products and offers",
    "vendor:products": "Change products, offers and prices",
    "vendor:stock": "Change stock and warehouses",
    "vendor:orders": "Work on orders and returns",
    "vendor:analytics": "See what was sold",
    "vendor:team": "Change the team, below one's own rights",
    "vendor:profile": "Change the store's profile and its shipping",
    "vendor:money": "See the money, ask for payouts",
    "vendor:keys": "Make API keys",
    "vendor:webhooks": "Keep webhooks",
}
STAFF_SCOPES: Mapping[str, str] = {
    "staff:vendors": "Decide on vendors",
    "staff:products": "Decide on products, keep categories",
    "staff:orders": "Work on orders, refunds and returns",
    "staff:payouts": "Decide on payouts",
    "staff:money": "Work on the market's money",
    "staff:ledger": "Read the ledger",
    "staff:settings": "Change the market's settings",
    "staff:audit": "Read the audit",
    "staff:people": "Say who is staff and what staff may do",
}
# What goes along: who changes products sees them.
IMPLIED: Mapping[str, tuple[str, ...]] = {"vendor:products": ("vendor:products:view",)}
# Who says what staff may do is a super admin: no role that somebody puts together holds this.
SUPER_ADMINS_ALONE = "staff:people"

VENDOR_ROLES: Mapping[VendorRole, tuple[str, ...]] = {
    "owner": tuple(VENDOR_SCOPES),
    "admin": (
        "vendor:products",
        "vendor:stock",
        "vendor:orders",
        "vendor:analytics",
        "vendor:team",
        "vendor:webhooks",
    ),
    "manager": (
        "vendor:products",
        "vendor:stock",
        "vendor:orders",
        "vendor:analytics",
        "vendor:webhooks",
    ),
    "staff": ("vendor:products:view", "vendor:orders"),
}
STAFF_ROLES: Mapping[StaffRole, tuple[str, ...]] = {
    "super_admin": tuple(STAFF_SCOPES),
    "moderator": ("staff:vendors", "staff:products"),
    "support": ("staff:orders",),
    "finance": ("staff:orders", "staff:payouts", "staff:money", "staff:ledger"),
}


class Membership(Model):
    """A person's place in a vendor's team. `role_id` and `role_name` are of a custom role, whose
    scopes stand in `scopes`."""

    vendor_id: UUID
    role: VendorRole
    role_id: UUID | None = None
    role_name: str = ""
    scopes: list[str] = []


class CustomRole(Model):
    """A role put together by a vendor's owner, or by the market for its staff (no vendor)."""

    id: UUID
    vendor_id: UUID | None = None
    name: str
    scopes: list[str]


def with_implied(scopes: frozenset[str]) -> frozenset[str]:
    """These and what goes along with them."""
    return scopes.union(*(IMPLIED.get(scope, ()) for scope in scopes))


def scopes_in_team(role: VendorRole, custom: list[str]) -> frozenset[str]:
    """What a place in a team gives; `custom` counts for a custom role alone."""
    given = custom if role == "custom" else VENDOR_ROLES[role]
    return with_implied(frozenset(given).intersection(VENDOR_SCOPES))
