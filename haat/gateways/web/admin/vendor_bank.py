"""A vendor's bank accounts for staff: compared with a paper, verified or refused."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.money.banking.api import Banking, KeptAccount
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
SECTION = "/admin/vendors"


class CheckForm(Body):
    account_id: UUID
    verdict: Literal["verified", "refused"]
    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("/admin/vendors/{id}/bank")
async def show(visit: Staff, id: UUID) -> Response:
    return await _page(visit, id, Form())


@router.post("/admin/vendors/{id}/bank")
async def check(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    accounts: list[KeptAccount] = await visit.doors[Banking].accounts_of(visit.ctx, vendor_id=id)
    try:
        wanted = read(CheckForm, values)
        if wanted.account_id not in {one.id for one in accounts}:
            raise NotFound
        await visit.doors[Banking].check(
            visit.ctx,
            id=wanted.account_id,
            verified=wanted.verdict == "verified",
            reason=wanted.reason,
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), problem.status)
    visit.flash("Saved. The vendor is told.")
    return visit.redirect(f"{SECTION}/{id}/bank")


async def _page(visit: Visit, id: UUID, form: Form, status: int = 200) -> Response:
    accounts: list[KeptAccount] = await visit.doors[Banking].accounts_of(visit.ctx, vendor_id=id)
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    return page(
        visit, "vendor_bank.html", SECTION, status, vendor=vendor, accounts=accounts, form=form
    )
