"""Being told when a sold out product can be had again, and not being told after all."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.reach.notifications.api import EMAIL, Notifications
from haat.gateways.views import product_page
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.product import choices_of
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Invalid, Problem
from haat.kernel.model import Body

router = APIRouter()
GONE = "You are not told about this any more."


class WaitForm(Body):
    offer_id: UUID
    email: Annotated[str, Field(max_length=254, pattern=EMAIL)] | None = None


@router.post("/products/{slug}/tell-me")
async def wait(visit: Shopping, slug: str, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(WaitForm, values)
        email = None if visit.signed_in else wanted.email
        if email is None and not visit.signed_in:
            raise Invalid.at("email", "Say where to write to.", "required")
        await visit.doors[Notifications].wait_for(visit.ctx, offer_id=wanted.offer_id, email=email)
    except Problem as problem:
        if problem.code == "in_stock":
            visit.flash("It can be had just now.")
            return visit.redirect(f"/products/{slug}")
        if problem.status >= 500:
            raise
        return await _page(visit, slug, Form(values, problem), problem.status)
    visit.flash("We tell you once when it is back.")
    return visit.redirect(f"/products/{slug}")


@router.get("/stock-notices/{token}")
async def ask(visit: Shopping, token: str) -> Response:
    """Following a link changes nothing by itself: programs that read mails follow links, too."""
    return visit.page("store/stock_notice_stop.html", token=token)


@router.post("/stock-notices/{token}")
async def stop(visit: Shopping, token: str) -> Response:
    try:
        await visit.doors[Notifications].stop_waiting(visit.ctx, token=token)
    except Problem as problem:
        if problem.status >= 500:
            raise
        visit.flash(problem.detail)
        return visit.redirect("/")
    visit.flash(GONE)
    return visit.redirect("/")


async def _page(visit: Visit, slug: str, form: Form, status: int) -> Response:
    """The form by itself, with what was wrong."""
    found = await product_page(visit.doors, visit.ctx, slug)
    gone = [choice for choice in choices_of(found) if not choice.left]
    return visit.page(
        "store/stock_notice.html", status, product=found.product, gone=gone, form=form
    )
