"""A visit to the store: with the numbers the header shows, and the cart that is the visitor's."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from haat.domains.goods.pricing.api import CurrencyUnknown, Pricing
from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.cart.api import Cart
from haat.gateways.web.visit import COUNTRY, CURRENCY, PersonVisit, Visit, Visiting
from haat.kernel.errors import Problem, SecondStepFirst


async def count(visit: Visit) -> Visit:
    """Fills in the header's numbers. A guest who put nothing in a cart costs no call."""
    if "person" in visit.ctx.scopes:
        state, visit.unread = await asyncio.gather(
            visit.doors[Cart].view(visit.ctx), visit.doors[Notifications].unread(visit.ctx)
        )
    elif visit.cart_id is not None:
        state = await visit.doors[Cart].view(visit.ctx, cart_id=visit.cart_id)
    else:
        return visit
    visit.cart_count = sum(item.quantity for item in state.items)
    return visit


async def look(visit: Visit) -> Visit:
    """Fills in how prices are shown: in the currency of the address (`?currency=EUR`, which is
    remembered) or of the last choice, for the chosen country; in the market's where the market
    does not, or no longer, have that currency: an old link still shows its page."""
    pricing: Pricing = visit.doors[Pricing]
    country = _code(visit.request.cookies.get(COUNTRY, ""), 2)
    asked = _code(visit.request.query_params.get("currency", "").strip().upper(), 3)
    chosen = asked or _code(visit.request.cookies.get(CURRENCY, ""), 3)
    try:
        visit.viewing = await pricing.viewing(visit.ctx, country=country, currency=chosen)
    except CurrencyUnknown:
        visit.viewing = await pricing.viewing(visit.ctx, country=country)
    else:
        if asked:
            visit.keep_choice(CURRENCY, asked)
    return visit


def _code(text: str, length: int) -> str | None:
    """A code of capital letters, None for anything else: cookies are the visitor's."""
    right = len(text) == length and text.isascii() and text.isalpha() and text.isupper()
    return text if right else None


async def _shopping(visit: Visiting) -> Visit:
    return await count(await look(visit))


async def _enrolling(visit: PersonVisit) -> Visit:
    """Also somebody who may do nothing else before they have a second step."""
    return await count(await look(visit))


async def _person_shopping(visit: PersonVisit) -> Visit:
    if "person" not in visit.ctx.scopes:
        raise SecondStepFirst
    return await count(await look(visit))


Shopping = Annotated[Visit, Depends(_shopping)]
Enrolling = Annotated[Visit, Depends(_enrolling)]
PersonShopping = Annotated[Visit, Depends(_person_shopping)]


def guest_cart(visit: Visit) -> UUID | None:
    """The guest's cart; None for a person, whose cart is found by the person."""
    return None if visit.signed_in else visit.cart_id


def plainly(problem: Problem) -> Problem:
    """The same problem in a customer's words: the contract's are for programmers."""
    if problem.code == "out_of_stock":
        left = [entry.get("available", 0) for entry in problem.data.get("offers", [])]
        some = left[0] if len(left) == 1 else None
        if some:
            problem.detail = f"Only {some} left: choose at most {some}."
        else:
            problem.detail = "This is sold out." if some == 0 else "Some goods are sold out."
    elif problem.code == "not_buyable":
        problem.detail = "This is not on sale any more."
    return problem
