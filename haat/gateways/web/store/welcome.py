"""The first-run page: the operator's account, the market's name, logo, currency and country.

It exists only while the market is not open.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse

from haat.domains.people.identity.api import Email, Password
from haat.domains.people.market.api import AlreadyOpened, Country, Market, Name
from haat.engines.http import context_of
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries, currencies
from haat.gateways.web.store.sign_in import enter
from haat.gateways.web.visit import Visit, check_origin, drawn, form_of
from haat.kernel.errors import Problem
from haat.kernel.model import Body
from haat.kernel.money import Currency

router = APIRouter()


class FirstRun(Body):
    """What opens a market: `logo` is a picture's bytes, or None."""

    email: Email
    password: Password
    name: Annotated[str, Field(min_length=1, max_length=120)]
    market_name: Name
    currency: Currency
    country: Country
    logo: Annotated[bytes | None, Field(repr=False)] = None


@router.get("/welcome")
async def show(request: Request) -> Response:
    if await request.app.state.doors[Market].is_open(context_of(request)):
        return RedirectResponse("/", 303)
    return _page(Form())


@router.post("/welcome")
async def open_market(request: Request) -> Response:
    """Opens the market and signs its operator in; once."""
    check_origin(request)
    ctx = context_of(request)
    if await request.app.state.doors[Market].is_open(ctx):
        raise AlreadyOpened
    values = await form_of(request)
    try:
        wanted = read(FirstRun, values).model_copy(update={"logo": await _logo(request)})
        await request.app.state.first_run(ctx, wanted)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return _page(Form(values, problem, AT), problem.status)
    visit = Visit(request)
    await visit.begin()
    await enter(visit, wanted.email, wanted.password)
    visit.flash(f"{wanted.market_name} is open.")
    return visit.redirect("/admin")


AT = {
    "email_taken": "email",
    "email_invalid": "email",
    "password_weak": "password",
    "not_a_picture": "logo",
    "picture_too_large": "logo",
}


async def _logo(request: Request) -> bytes | None:
    form: Any = await request.form()  # read once already: Starlette keeps it
    file = form.get("logo")
    return (await file.read() or None) if isinstance(file, UploadFile) else None


def _page(form: Form, status: int = 200) -> Response:
    page = drawn(
        "store/welcome.html", status, form=form, countries=countries(), currencies=currencies()
    )
    page.headers["cache-control"] = "private, no-store"
    return page
