"""A visit to the store: with the numbers the header shows, and the cart that is the visitor's."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.cart.api import Cart
from haat.gateways.web.visit import PersonVisit, Visit, Visiting
from haat.kernel.errors import Problem


async def count(visit: Visit) -> Visit:
    """Fills in the header's numbers. A guest who put nothing in a cart costs no call."""
    if visit.signed_in:
        state, visit.unread = await asyncio.gather(
            visit.doors[Cart].view(visit.ctx), visit.doors[Notifications].unread(visit.ctx)
        )
    elif visit.cart_id is not None:
        state = await visit.doors[Cart].view(visit.ctx, cart_id=visit.cart_id)
    else:
        return visit
    visit.cart_count = sum(item.quantity for item in state.items)
    return visit


async def _shopping(visit: Visiting) -> Visit:
    return await count(visit)


async def _person_shopping(visit: PersonVisit) -> Visit:
    return await count(visit)


Shopping = Annotated[Visit, Depends(_shopping)]
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
