"""What keeps a person's account theirs: its password, its proved address, its sessions."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import (
    Identity,
    Passkey,
    Password,
    Person,
    Phone,
    SecondFactors,
    Session,
    Way,
    WaysIn,
)
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import SignInFirst, Visit, form_of, uuid_in
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/account/security"


class PasswordForm(Body):
    old: Password
    new: Password


@router.get("/account/security")
async def show(visit: PersonShopping) -> Response:
    return await security_page(visit)


@router.post("/account/security/password")
async def change_password(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(PasswordForm, values)
        await visit.doors[Identity].change_password(
            visit.ctx,
            old=wanted.old,
            new=wanted.new,
            session_id=here(visit),
            origin=request.client.host if request.client else None,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem)
        return await security_page(visit, problem.status, password_form=form)
    visit.flash("Your password is changed, and your other sessions are ended.")
    return visit.redirect(HERE)


@router.post("/account/security/verification")
async def ask_verification(visit: PersonShopping) -> Response:
    try:
        await visit.doors[Identity].ask_verification(visit.ctx)
    except Problem as problem:
        if problem.status >= 500:
            raise
        visit.flash(problem.detail)
        return visit.redirect(HERE)
    visit.flash("A mail with a link is on its way.")
    return visit.redirect(HERE)


@router.post("/account/security/sessions/end")
async def end_session(visit: PersonShopping, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    await visit.doors[Identity].end_session(visit.ctx, id=id)
    if id == here(visit):
        visit.forget_session()
        return visit.redirect("/")
    visit.flash("That session is ended.")
    return visit.redirect(f"{HERE}#sessions")


@router.post("/account/security/sessions/end-others")
async def end_others(visit: PersonShopping) -> Response:
    await visit.doors[Identity].end_other_sessions(visit.ctx, but=here(visit))
    visit.flash("You are signed out everywhere else.")
    return visit.redirect(f"{HERE}#sessions")


@router.get("/account/security/sign-ins")
async def sign_ins(visit: PersonShopping, cursor: str | None = None) -> Response:
    found = await visit.doors[Identity].sign_ins(visit.ctx, cursor=cursor or None)
    return visit.page("store/sign_ins.html", tries=found.items, next=found.next)


def here(visit: Visit) -> UUID:
    """The session of this visit, which is somebody's."""
    if visit.claims is None:
        raise SignInFirst
    return visit.claims.session_id


async def security_page(
    visit: Visit,
    status: int = 200,
    *,
    password_form: Form | None = None,
    phone_form: Form | None = None,
) -> Response:
    """The page, with what was wrong with one of its forms."""
    identity: Identity = visit.doors[Identity]
    person: Person
    sessions: list[Session]
    factors: SecondFactors
    passkeys: list[Passkey]
    person, sessions, factors, passkeys = await asyncio.gather(
        identity.me(visit.ctx),
        identity.sessions(visit.ctx),
        identity.factors(visit.ctx),
        identity.passkeys(visit.ctx),
    )
    providers: list[Way]
    ways: WaysIn
    phone: Phone
    providers, ways, phone = await asyncio.gather(
        identity.ways(visit.ctx), identity.ways_in(visit.ctx), identity.phone(visit.ctx)
    )
    return visit.page(
        "store/security.html",
        status,
        person=person,
        sessions=sessions,
        factors=factors,
        passkeys=passkeys,
        providers=providers,
        ways=ways,
        phone=phone,
        here=here(visit),
        password_form=password_form or Form(),
        phone_form=phone_form or Form(),
    )
