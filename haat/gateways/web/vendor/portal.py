"""What the portal's pages have in common: whose visit it is, and the sections it may see."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from haat.domains.people.identity.api import Identity, Person
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.kit.reading import percent
from haat.gateways.web.store.shopping import count
from haat.gateways.web.visit import SAFE, TeamVisit, Visit

# (address, name, the scope without which the section is hidden)
SECTIONS = (
    ("/vendor", "Overview", None),
    ("/vendor/orders", "Orders", "vendor:orders"),
    ("/vendor/returns", "Returns", "vendor:orders"),
    ("/vendor/products", "Products", "vendor:products:view"),
    ("/vendor/stock", "Stock", "vendor:stock"),
    ("/vendor/shipping", "Shipping", "vendor:profile"),
    ("/vendor/performance", "Performance", "vendor:analytics"),
    ("/vendor/money", "Money", "vendor:money"),
    ("/vendor/wallet", "Wallet", "vendor:money"),
    ("/vendor/profile", "Profile", "vendor:profile"),
    ("/vendor/onboarding", "Checklist", "vendor:profile"),
    ("/vendor/team", "Team", "vendor:team"),
    ("/vendor/keys", "API keys", "vendor:keys"),
    ("/vendor/webhooks", "Webhooks", "vendor:webhooks"),
)


async def _team(visit: TeamVisit) -> Visit:
    counted, visit.stores = await asyncio.gather(count(visit), stores_of(visit))
    return counted


async def stores_of(visit: Visit) -> list[Vendor]:
    """The stores the person may act for, by name, where there are several: the header's switcher
    shows them. Only for pages: a form's answer leads to one."""
    if visit.request.method not in SAFE or Identity not in visit.doors:
        return []
    person: Person = await visit.doors[Identity].me(visit.ctx)
    ids = [membership.vendor_id for membership in person.memberships]
    if len(ids) < 2:
        return []
    found: list[Vendor] = await visit.doors[Vendors].by_ids(visit.ctx, ids=ids)
    return sorted(found, key=lambda vendor: vendor.name.casefold())


Team = Annotated[Visit, Depends(_team)]


def may(visit: Visit, scope: str | None) -> bool:
    return scope is None or visit.ctx.has(scope)


def page(visit: Visit, template: str, here: str, status: int = 200, **values: Any) -> Response:
    """A page of the portal; `here` is the address of the section it belongs to."""
    known: dict[str, Any] = {"sections": sections_of(visit), "here": here, "percent": percent}
    return visit.page(f"vendor/{template}", status, **known, **values)


def sections_of(visit: Visit) -> list[tuple[str, str]]:
    """(address, name) of those the person may see."""
    return [(href, name) for href, name, scope in SECTIONS if may(visit, scope)]


def vendor_of(visit: Visit) -> UUID:
    """The vendor the person acts for; Forbidden without one."""
    return visit.ctx.acting_vendor
