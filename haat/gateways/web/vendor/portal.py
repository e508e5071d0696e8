"""What the portal's pages have in common: whose visit it is, and the sections it may see."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from haat.gateways.web.kit.reading import percent
from haat.gateways.web.store.shopping import count
from haat.gateways.web.visit import TeamVisit, Visit

# (address, name, the scope without which the section is hidden)
SECTIONS = (
    ("/vendor", "Overview", None),
    ("/vendor/orders", "Orders", "vendor:orders"),
    ("/vendor/returns", "Returns", "vendor:orders"),
    ("/vendor/products", "Products", "vendor:products"),
    ("/vendor/stock", "Stock", "vendor:stock"),
    ("/vendor/shipping", "Shipping", "vendor:profile"),
    ("/vendor/money", "Money", "vendor:money"),
    ("/vendor/wallet", "Wallet", "vendor:money"),
    ("/vendor/profile", "Profile", "vendor:profile"),
)


async def _team(visit: TeamVisit) -> Visit:
    return await count(visit)


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
