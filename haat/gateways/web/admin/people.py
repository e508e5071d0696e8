"""Who has an account, and what it may do."""

from fastapi import APIRouter, Response

from haat.domains.people.identity.api import Identity
from haat.gateways.web.admin.office import Staff, page, vendors_by_id

router = APIRouter()
HERE = "/admin/people"


@router.get("/admin/people")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    found = await visit.doors[Identity].people(visit.ctx, cursor=cursor or None)
    vendors = await vendors_by_id(
        visit, (one.vendor_id for person in found.items for one in person.memberships)
    )
    return page(visit, "people.html", HERE, people=found.items, vendors=vendors, next=found.next)
