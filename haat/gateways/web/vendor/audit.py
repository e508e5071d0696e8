"""What was changed of the store: by its team, its keys, and by the market's staff."""

from uuid import UUID

from fastapi import APIRouter, Response

from haat.domains.people.identity.api import Identity, Member
from haat.domains.trust.audit.api import Asked, Audit, Entry
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.kernel.page import Page

router = APIRouter()
HERE = "/vendor/team"


@router.get("/vendor/audit")
async def listed(
    visit: Team, subject: str = "", request_id: str = "", cursor: str | None = None
) -> Response:
    audit: Audit = visit.doors[Audit]
    asked = Asked(subject=subject[:200] or None, request_id=request_id[:200] or None)
    found: Page[Entry] = await audit.entries_of_vendor(
        visit.ctx, vendor_id=vendor_of(visit), asked=asked, cursor=cursor or None
    )
    members: list[Member] = await visit.doors[Identity].members(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    names: dict[UUID, str] = {one.person_id: one.name for one in members}
    given = {"subject": subject, "request_id": request_id}
    return page(visit, "audit.html", HERE, found=found, names=names, given=given)
