"""A person's own payments and saved ways to pay."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from haat.domains.money.payments.api import Payments
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/account/payments"


@router.get("/account/payments")
async def listed(visit: PersonShopping, cursor: str | None = None) -> Response:
    return await _page(visit, cursor, Form())


@router.post("/account/payments/forget")
async def forget(visit: PersonShopping, request: Request) -> Response:
    """Removes a saved method, here and at its provider. Pressing twice removes it once."""
    values = await form_of(request)
    try:
        await visit.doors[Payments].forget_method(visit.ctx, id=uuid_in(values, "id"))
    except Problem as problem:
        if problem.code == "payment_provider_away":
            problem.detail = "The payment provider does not answer just now; try again later."
            return await _page(visit, None, Form(values, problem), problem.status)
        if problem.code != "payment_method_unknown":
            raise
    visit.flash("It is removed.")
    return visit.redirect(HERE)


async def _page(visit: Visit, cursor: str | None, form: Form, status: int = 200) -> Response:
    found: Any = await asyncio.gather(
        visit.doors[Payments].own(visit.ctx, cursor=cursor or None),
        visit.doors[Payments].methods(visit.ctx),
        visit.doors[Payments].providers(visit.ctx),
    )
    own, methods, providers = found
    return visit.page(
        "store/payments.html",
        status,
        payments=own.items,
        next=own.next,
        methods=methods,
        labels={one.name: one.label for one in providers},
        saves=any(one.saves_methods for one in providers),
        form=form,
    )
