"""Stock: how many there are of every offer, from when few are few, and how counts moved."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory, Movement, Stock
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import query
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.page import Page

router = APIRouter()
HERE = "/vendor/stock"
ON_HAND_MAX = 10_000_000


@router.get("/vendor/stock")
async def listed(visit: Team, low: str = "", cursor: str | None = None) -> Response:
    return await _page(visit, {"low": low, "cursor": cursor or ""}, None, Form())


@router.post("/vendor/stock/{offer_id}")
async def count(visit: Team, offer_id: UUID, request: Request) -> Response:
    """One row: what changed in it is set."""
    values = await form_of(request)
    inventory: Inventory = visit.doors[Inventory]
    try:
        reader = Reader(values)
        id = reader.id("id")
        on_hand = reader.whole("on_hand", most=ON_HAND_MAX)
        low_at = reader.whole("low_at", most=ON_HAND_MAX, empty=0)
        reader.done()
        if values["on_hand"] != values.get("on_hand_was"):
            await inventory.set_on_hand(visit.ctx, id=id, offer_id=offer_id, on_hand=on_hand)
        if values.get("low_at", "") != values.get("low_at_was"):
            await inventory.set_threshold(visit.ctx, offer_id=offer_id, low_at=low_at)
    except Problem as problem:
        if problem.status >= 500 or isinstance(problem, NotFound):
            raise
        form = Form(values, problem, {"stock_reserved": "on_hand"})
        return await _page(visit, values, offer_id, form, problem.status)
    visit.flash("The stock is saved.")
    return visit.redirect(f"{HERE}{_where(values)}")


@router.get("/vendor/stock/{offer_id}")
async def movements(visit: Team, offer_id: UUID, cursor: str | None = None) -> Response:
    inventory: Inventory = visit.doors[Inventory]
    found: tuple[list[Stock], Page[Movement], list[Any]] = await asyncio.gather(
        inventory.stock_of(visit.ctx, offers=[offer_id]),
        inventory.movements(visit.ctx, offer_id=offer_id, cursor=cursor or None),
        visit.doors[Catalog].offers(visit.ctx, ids=[offer_id]),
    )
    stock, moved, offers = found
    if not stock:
        raise NotFound
    return page(
        visit,
        "movements.html",
        HERE,
        stock=stock[0],
        offer=offers[0] if offers else None,
        movements=moved.items,
        next=moved.next,
    )


async def _page(
    visit: Visit, asked: Any, row: UUID | None, form: Form, status: int = 200
) -> Response:
    """The list; `row` is the one whose form was refused."""
    low, cursor = bool(asked.get("low")), asked.get("cursor") or None
    found: Page[Stock] = await visit.doors[Inventory].stock(
        visit.ctx, vendor_id=vendor_of(visit), low_only=low, cursor=cursor
    )
    ids = [stock.offer_id for stock in found.items]
    offers = await visit.doors[Catalog].offers(visit.ctx, ids=ids) if ids else []
    names = {offer.offer_id: offer for offer in offers}
    return page(
        visit,
        "stock.html",
        HERE,
        status,
        rows=[(stock, names.get(stock.offer_id), visit.ctx.new_id()) for stock in found.items],
        next=found.next,
        low=low,
        cursor=cursor or "",
        form=form,
        wrong=row,
        unsent=Form(),
        filters=(("", "All"), ("on", "Low only")),
    )


def _where(values: Any) -> str:
    """The page of the list that the row stood on."""
    found = query(low=values.get("low"), cursor=values.get("cursor"))
    return "" if found == "?" else found
