"""A person's telephone number, proved by a code."""

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import Identity, PhoneCode, PhoneNumber
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.security import HERE, security_page
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import form_of
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()
PLACE = f"{HERE}#phone"


class NumberForm(Body):
    number: PhoneNumber


class CodeForm(Body):
    code: PhoneCode


@router.post("/account/security/phone")
async def ask(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(NumberForm, values)
        await visit.doors[Identity].ask_phone_code(
            visit.ctx,
            number=wanted.number,
            origin=request.client.host if request.client else None,
        )
    except Problem as problem:
        if problem.status >= 500 and problem.code != "texts_away":
            raise
        form = Form(values, problem)
        return await security_page(visit, problem.status, phone_form=form)
    visit.flash("A code is on its way to your telephone.")
    return visit.redirect(PLACE)


@router.post("/account/security/phone/code")
async def verify(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(CodeForm, values)
        await visit.doors[Identity].verify_phone(visit.ctx, code=wanted.code)
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form({"code": ""}, problem)
        return await security_page(visit, problem.status, phone_form=form)
    visit.flash("Your telephone number is confirmed.")
    return visit.redirect(PLACE)


@router.post("/account/security/phone/remove")
async def remove(visit: PersonShopping) -> Response:
    await visit.doors[Identity].forget_phone(visit.ctx)
    visit.flash("Your telephone number is removed.")
    return visit.redirect(PLACE)
