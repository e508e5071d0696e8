"""The cart: grouped by vendor, with what has changed since the goods were put in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.trade.cart.api import Cart
from haat.gateways.views import CartView, cart_view
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.shopping import PersonShopping, Shopping, guest_cart, plainly
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.model import FormBody

router = APIRouter()


class ChangeForm(FormBody):
    offer_id: UUID
    quantity: Annotated[int, Field(ge=0, le=999)] = 0


async def cart_of(visit: Visit) -> CartView:
    """The visitor's cart, joined with goods, stock and vendors."""
    state = await visit.doors[Cart].view(visit.ctx, cart_id=guest_cart(visit))
    return await cart_view(visit.doors, visit.ctx, state, visit.viewing)


def has_problem(view: CartView) -> bool:
    return any(line.problem for group in view.groups for line in group.lines)


@router.get("/cart")
async def show(visit: Shopping) -> Response:
    return await _page(visit, Form())


@router.post("/cart")
async def change(visit: Shopping, request: Request) -> Response:
    """Sets a line's quantity; `remove` takes the line out."""
    values = await form_of(request)
    if values.pop("remove", ""):
        values["quantity"] = "0"
    try:
        wanted = read(ChangeForm, values)
        await visit.doors[Cart].put(
            visit.ctx,
            offer_id=wanted.offer_id,
            quantity=wanted.quantity,
            cart_id=guest_cart(visit),
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        at = {"out_of_stock": "quantity", "not_buyable": "quantity"}
        return await _page(visit, Form(values, plainly(problem), at), problem.status)
    visit.flash("Your cart is up to date.")
    return visit.redirect("/cart")


@router.post("/cart/reminders")
async def remind(visit: PersonShopping, request: Request) -> Response:
    """Whether the person is told once of a cart left behind."""
    wanted = (await form_of(request)).get("wanted") == "on"
    await visit.doors[Cart].want_reminders(visit.ctx, wanted=wanted)
    visit.flash("We remind you once of what you leave here." if wanted else "No reminders, then.")
    return visit.redirect("/cart")


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    view = await cart_of(visit)
    cart: Cart = visit.doors[Cart]
    reminds = visit.signed_in and bool(view.groups) and await cart.wants_reminders(visit.ctx)
    visit.cart_count = view.count
    return visit.page(
        "store/cart.html",
        status,
        cart=view,
        form=form,
        blocked=has_problem(view),
        reminds=reminds,
        wrong_offer=form.values.get("offer_id") if form.problem else None,
    )
