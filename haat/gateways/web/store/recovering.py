"""Setting a password by a link in a mail, and confirming an address: pages behind those links.

A link's page only shows a form: programs that look at the links of a mail change nothing.
"""

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import Email, Identity, LinkToken, Password
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.links import held, led_on, quiet
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()


class ForgotForm(Body):
    email: Email


class ResetForm(Body):
    token: LinkToken
    password: Password


class VerifyForm(Body):
    token: LinkToken


@router.get("/forgot-password")
async def forgot_page(visit: Shopping) -> Response:
    return visit.page("store/forgot.html", form=Form(), sent=False)


@router.post("/forgot-password")
async def forgot(visit: Shopping, request: Request) -> Response:
    """The same page whether there is such an account or not."""
    values = await form_of(request)
    try:
        wanted = read(ForgotForm, values)
        origin = request.client.host if request.client else None
        await visit.doors[Identity].ask_reset(visit.ctx, email=wanted.email, origin=origin)
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem, {"email_invalid": "email"})
        return visit.page("store/forgot.html", problem.status, form=form, sent=False)
    return visit.page("store/forgot.html", form=Form(), sent=True)


@router.get("/reset-password")
async def reset_page(visit: Shopping, token: str = "") -> Response:
    on = led_on(visit, token, "/reset-password?token={}")
    return on or quiet(visit.page("store/reset.html", form=Form(), token=token))


@router.post("/reset-password")
async def reset(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    token = values.get("token", "")
    try:
        wanted = read(ResetForm, values)
        await visit.doors[Identity].reset_password(
            visit.ctx, token=held(visit, wanted.token), password=wanted.password
        )
    except Problem as problem:
        return _refused(visit, "store/reset.html", values, problem, token)
    visit.forget_session()
    visit.flash("Your new password is set. Sign in with it.")
    return visit.redirect("/sign-in")


@router.get("/verify-email")
async def verify_page(visit: Shopping, token: str = "") -> Response:
    on = led_on(visit, token, "/verify-email?token={}")
    return on or quiet(visit.page("store/verify.html", form=Form(), token=token))


@router.post("/verify-email")
async def verify(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(VerifyForm, values)
        await visit.doors[Identity].verify_email(visit.ctx, token=held(visit, wanted.token))
    except Problem as problem:
        return _refused(visit, "store/verify.html", values, problem, values.get("token", ""))
    visit.flash("Your e-mail address is confirmed.")
    return visit.redirect("/account" if visit.signed_in else "/")


@router.get("/stop-factor-reset")
async def stop_page(visit: Shopping, token: str = "") -> Response:
    on = led_on(visit, token, "/stop-factor-reset?token={}")
    return on or quiet(visit.page("store/stop_factor_reset.html", form=Form(), token=token))


@router.post("/stop-factor-reset")
async def stop(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(VerifyForm, values)
        await visit.doors[Identity].stop_factor_reset(visit.ctx, token=held(visit, wanted.token))
    except Problem as problem:
        token = values.get("token", "")
        return _refused(visit, "store/stop_factor_reset.html", values, problem, token)
    visit.flash("It is stopped: your second step stays as it is.")
    return visit.redirect("/account/security" if visit.signed_in else "/")


def _refused(
    visit: Visit, template: str, values: dict[str, str], problem: Problem, token: str
) -> Response:
    if problem.status >= 500:
        raise problem
    answer = visit.page(template, problem.status, form=Form(values, problem), token=token)
    return quiet(answer)
