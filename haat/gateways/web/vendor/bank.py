"""Bank accounts of a vendor: which there are, which is paid to, and what staff said of them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.banking.api import BankAccount, Banking, KeptAccount
from haat.domains.money.payouts.api import Payouts, VendorBalance
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.vendor.money_words import WAITS
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem

router = APIRouter()
HERE = "/vendor/money/bank"
SECTION = "/vendor/money"


@router.get("/vendor/money/bank")
async def show(visit: Team) -> Response:
    return await _page(visit, Form())


@router.post("/vendor/money/bank")
async def add(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        account = read(BankAccount, values)
        await visit.doors[Banking].add(
            visit.ctx, id=uuid_in(values, "id"), vendor_id=vendor_of(visit), account=account
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status in (401, 403):
            raise
        return await _page(visit, Form(values, problem), problem.status)
    visit.flash("The bank account is saved.")
    return visit.redirect(HERE)


@router.post("/vendor/money/bank/{id}/default")
async def choose(visit: Team, id: UUID) -> Response:
    return await _done(visit, visit.doors[Banking].choose, id, "Payouts go there from now on.")


@router.post("/vendor/money/bank/{id}/remove")
async def remove(visit: Team, id: UUID) -> Response:
    return await _done(visit, visit.doors[Banking].remove, id, "The bank account is removed.")


async def _done(visit: Visit, call: Any, id: UUID, told: str) -> Response:
    try:
        await call(visit.ctx, id=id, vendor_id=vendor_of(visit))
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _page(visit, Form({}, problem), problem.status)
    visit.flash(told)
    return visit.redirect(HERE)


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    vendor_id = vendor_of(visit)
    accounts: list[KeptAccount] = await visit.doors[Banking].accounts(
        visit.ctx, vendor_id=vendor_id
    )
    balance: VendorBalance = await visit.doors[Payouts].balance(visit.ctx, vendor_id=vendor_id)
    return page(
        visit,
        "bank.html",
        SECTION,
        status,
        accounts=accounts,
        cooling=WAITS["cooling_off"] if "cooling_off" in balance.blockers else "",
        countries=countries(),
        form=form,
        new_id=visit.ctx.new_id(),
    )
