"""What the back office's pages have in common: whose visit it is, and the sections it may see."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.kit.reading import percent
from haat.gateways.web.store.shopping import count
from haat.gateways.web.visit import StaffVisit, Visit

# (address, name, the scope without which the section is hidden)
SECTIONS = (
    ("/admin", "Overview", "staff"),
    ("/admin/vendors", "Vendors", "staff:vendors"),
    ("/admin/products", "Products", "staff:products"),
    ("/admin/orders", "Orders", "staff:orders"),
    ("/admin/returns", "Returns", "staff:orders"),
    ("/admin/payouts", "Payouts", "staff:payouts"),
    ("/admin/commission", "Commission", "staff:money"),
    ("/admin/credits", "Credits", "staff:money"),
    ("/admin/payments", "Payments", "staff"),
    ("/admin/reconciliation", "Reconciliation", "staff:money"),
    ("/admin/categories", "Categories", "staff:products"),
    ("/admin/prices", "Prices", "staff:settings"),
    ("/admin/search", "Search", "staff:products"),
    ("/admin/people", "People", "staff"),
    ("/admin/staff", "Staff", "staff:people"),
    ("/admin/audit", "Audit", "staff:audit"),
    ("/admin/support", "Support sessions", "staff"),
    ("/admin/settings", "Settings", "staff:settings"),
    ("/admin/webhooks", "Webhooks", "staff:settings"),
    ("/admin/dead-letters", "Dead letters", "staff:settings"),
    ("/admin/doctor", "Doctor", "staff:settings"),
)


async def _staff(visit: StaffVisit) -> Visit:
    return await count(visit)


Staff = Annotated[Visit, Depends(_staff)]


def page(visit: Visit, template: str, here: str, status: int = 200, **values: Any) -> Response:
    """A page of the back office; `here` is the address of the section it belongs to."""
    sections = [(href, name) for href, name, scope in SECTIONS if visit.ctx.has(scope)]
    return visit.page(
        f"admin/{template}", status, sections=sections, here=here, percent=percent, **values
    )


async def vendors_by_id(visit: Visit, ids: Iterable[UUID]) -> dict[UUID, Vendor]:
    """The vendors that a list names, in one call."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    found = await visit.doors[Vendors].by_ids(visit.ctx, ids=wanted)
    return {vendor.id: vendor for vendor in found}
