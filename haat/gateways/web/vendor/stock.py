"""Stock: how many there are of every offer, in each warehouse, and from when few are few."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory, Kept, Stock, Warehouse
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import query
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem
from haat.kernel.page import Page

router = APIRouter()
HERE = "/vendor/stock"
ON_HAND_MAX = 10_000_000


@router.get("/vendor/stock")
async def listed(
    visit: Team, low: str = "", warehouse: str = "", cursor: str | None = None
) -> Response:
    asked = {"low": low, "warehouse": warehouse, "cursor": cursor or ""}
    return await _page(visit, asked, None, Form())


@router.post("/vendor/stock/{offer_id}")
async def count(visit: Team, offer_id: UUID, request: Request) -> Response:
    """One row: what changed in it is set."""
    values = await form_of(request)
    inventory: Inventory = visit.doors[Inventory]
    try:
        reader = Reader(values)
        id = reader.id("id")
        on_hand = reader.whole("on_hand", most=ON_HAND_MAX, empty=0)
        low_at = reader.whole("low_at", most=ON_HAND_MAX, empty=0)
        at = reader.id_or_none("warehouse_id")
        if "on_hand_was" in values and not reader.has("on_hand"):
            reader.refuse("on_hand", "Fill this in.", "missing")
        reader.done()
        if values.get("on_hand") != values.get("on_hand_was"):
            await inventory.set_on_hand(
                visit.ctx, id=id, offer_id=offer_id, on_hand=on_hand, warehouse_id=at
            )
        if values.get("low_at", "") != values.get("low_at_was"):
            await inventory.set_threshold(visit.ctx, offer_id=offer_id, low_at=low_at)
    except Problem as problem:
        if problem.status >= 500 or isinstance(problem, NotFound):
            raise
        form = Form(values, problem, {"stock_reserved": "on_hand"})
        return await _page(visit, values, offer_id, form, problem.status)
    visit.flash("The stock is saved.")
    return visit.redirect(f"{HERE}{_where(values)}")


async def _page(
    visit: Visit, asked: Any, row: UUID | None, form: Form, status: int = 200
) -> Response:
    """The list; `row` is the one whose form was refused."""
    low, cursor = bool(asked.get("low")), asked.get("cursor") or None
    chosen = uuid_in(asked, "warehouse") if asked.get("warehouse") else None
    inventory: Inventory = visit.doors[Inventory]
    listed: tuple[Page[Stock], list[Warehouse]] = await asyncio.gather(
        inventory.stock(
            visit.ctx,
            vendor_id=vendor_of(visit),
            low_only=low,
            warehouse_id=chosen,
            cursor=cursor,
        ),
        inventory.warehouses(visit.ctx, vendor_id=vendor_of(visit)),
    )
    found, places = listed
    ids = [stock.offer_id for stock in found.items]
    offers = await visit.doors[Catalog].offers(visit.ctx, ids=ids) if ids else []
    names = {offer.offer_id: offer for offer in offers}
    return page(
        visit,
        "stock.html",
        HERE,
        status,
        rows=[
            (stock, names.get(stock.offer_id), visit.ctx.new_id(), _at(stock, chosen))
            for stock in found.items
        ],
        next=found.next,
        low=low,
        cursor=cursor or "",
        form=form,
        wrong=row,
        unsent=Form(),
        filters=(("", "All"), ("on", "Low only")),
        places=places,
        place_names={str(one.id): one.name for one in places},
        chosen="" if chosen is None else str(chosen),
    )


def _at(stock: Stock, chosen: UUID | None) -> Kept | None:
    """What the row's count is about: the chosen warehouse, or the only one it lies in."""
    full = [one for one in stock.kept if one.on_hand] or stock.kept[:1]
    if chosen is not None:
        full = [one for one in stock.kept if one.warehouse_id == chosen]
    return full[0] if len(full) == 1 else None


def _where(values: Any) -> str:
    """The page of the list that the row stood on."""
    found = query(
        low=values.get("low"), warehouse=values.get("warehouse"), cursor=values.get("cursor")
    )
    return "" if found == "?" else found
