"""One offer's stock: what lies where, what is to be kept, and how the counts moved."""

import asyncio
from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import (
    Counted,
    Inventory,
    Movement,
    Reason,
    Stock,
    Warehouse,
)
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.vendor.stock import HERE, ON_HAND_MAX
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem
from haat.kernel.page import Page

router = APIRouter()
# What may have happened → its reason, and whether goods came or went.
HAPPENED: dict[str, tuple[Counted, int]] = {
    "received": ("received", 1),
    "found": ("correction", 1),
    "missing": ("correction", -1),
    "damaged": ("damaged", -1),
    "lost": ("lost", -1),
}
HAPPENED_WORDS = (
    ("received", "They arrived: add"),
    ("found", "There are more: add"),
    ("missing", "There are fewer: take away"),
    ("damaged", "They are damaged: take away"),
    ("lost", "They are lost: take away"),
)
KNOWN: tuple[Reason, ...] = get_args(Reason)
REASONS = {
    "set": "Counted",
    "correction": "Corrected",
    "import": "Imported",
    "received": "Arrived",
    "damaged": "Damaged",
    "lost": "Lost",
    "transfer": "Moved",
    "sale": "Sold",
    "return": "Came back",
    "reject": "Order rejected",
    "cancel": "Order cancelled",
}


@router.get("/vendor/stock/{offer_id}")
async def show(
    visit: Team, offer_id: UUID, reason: str = "", warehouse: str = "", cursor: str | None = None
) -> Response:
    asked = {"reason": reason, "warehouse": warehouse, "cursor": cursor or ""}
    return await _page(visit, offer_id, asked, "", Form())


@router.post("/vendor/stock/{offer_id}/change")
async def change(visit: Team, offer_id: UUID, request: Request) -> Response:
    """Goods came or went."""
    values = await form_of(request)

    async def act(reader: Reader, id: UUID) -> str:
        number = reader.whole("number", least=1, most=ON_HAND_MAX)
        at = reader.id_or_none("at")
        happened = HAPPENED.get(values.get("happened", ""))
        if happened is None:
            reader.refuse("happened", "Choose one of the list.", "literal_error")
        reader.done()
        reason, sign = happened or ("correction", 1)
        await visit.doors[Inventory].adjust(
            visit.ctx,
            id=id,
            offer_id=offer_id,
            delta=sign * number,
            reason=reason,
            warehouse_id=at,
        )
        return "The stock is saved."

    return await _tried(visit, offer_id, "change", values, act)


@router.post("/vendor/stock/{offer_id}/move")
async def move(visit: Team, offer_id: UUID, request: Request) -> Response:
    """Goods go from one warehouse to another."""
    values = await form_of(request)

    async def act(reader: Reader, id: UUID) -> str:
        quantity = reader.whole("quantity", least=1, most=ON_HAND_MAX)
        source, target = reader.id("from_id"), reader.id("to_id")
        reader.done()
        await visit.doors[Inventory].transfer(
            visit.ctx,
            id=id,
            offer_id=offer_id,
            quantity=quantity,
            from_id=source,
            to_id=target,
        )
        return "The goods are moved."

    return await _tried(visit, offer_id, "move", values, act)


@router.post("/vendor/stock/{offer_id}/marks")
async def marks(visit: Team, offer_id: UUID, request: Request) -> Response:
    """From when few are few, and how many are not sold."""
    values = await form_of(request)

    async def act(reader: Reader, id: UUID) -> str:
        low_at = reader.whole("low_at", most=ON_HAND_MAX, empty=0)
        safety = reader.whole("safety", most=ON_HAND_MAX, empty=0)
        reader.done()
        inventory: Inventory = visit.doors[Inventory]
        await inventory.set_threshold(visit.ctx, offer_id=offer_id, low_at=low_at)
        await inventory.set_safety(visit.ctx, offer_id=offer_id, safety=safety)
        return "The marks are saved."

    return await _tried(visit, offer_id, "marks", values, act)


@router.post("/vendor/stock/{offer_id}/counting")
async def counting(visit: Team, offer_id: UUID, request: Request) -> Response:
    """Whether only what is there is sold, or any number."""
    values = await form_of(request)
    counted = values.get("counted") == "on"
    await visit.doors[Inventory].set_counted(visit.ctx, offer_id=offer_id, counted=counted)
    visit.flash("Only what is there is sold." if counted else "Any number is sold.")
    return visit.redirect(f"{HERE}/{offer_id}")


async def _tried(
    visit: Visit, offer_id: UUID, name: str, values: Mapping[str, str], act: Any
) -> Response:
    """Back to the page with what was done, or with the form called `name` as it was sent."""
    try:
        reader = Reader(values)
        visit.flash(await act(reader, reader.id("id")))
    except Problem as problem:
        if problem.status >= 500 or isinstance(problem, NotFound):
            raise
        fields = {"stock_reserved": "number" if name == "change" else "quantity"}
        form = Form(values, problem, fields)
        return await _page(visit, offer_id, {}, name, form, problem.status)
    return visit.redirect(f"{HERE}/{offer_id}")


async def _page(
    visit: Visit,
    offer_id: UUID,
    asked: Mapping[str, str],
    name: str,
    form: Form,
    status: int = 200,
) -> Response:
    inventory: Inventory = visit.doors[Inventory]
    reason = next((one for one in KNOWN if one == asked.get("reason")), None)
    chosen = uuid_in(asked, "warehouse") if asked.get("warehouse") else None
    found: tuple[list[Stock], Page[Movement], list[Any], list[Warehouse]] = await asyncio.gather(
        inventory.stock_of(visit.ctx, offers=[offer_id]),
        inventory.movements(
            visit.ctx,
            offer_id=offer_id,
            reason=reason,
            warehouse_id=chosen,
            cursor=asked.get("cursor") or None,
        ),
        visit.doors[Catalog].offers(visit.ctx, ids=[offer_id]),
        inventory.warehouses(visit.ctx, vendor_id=vendor_of(visit)),
    )
    stock, moved, offers, places = found
    if not stock:
        raise NotFound
    unsent = Form()
    return page(
        visit,
        "stock_item.html",
        HERE,
        status,
        stock=stock[0],
        offer=offers[0] if offers else None,
        movements=moved.items,
        next=moved.next,
        places=[(str(one.id), one.name) for one in places],
        names={str(one.id): one.name for one in places},
        forms={one: form if one == name else unsent for one in ("change", "move", "marks")},
        wrong=form if name else None,
        new_id=visit.ctx.new_id(),
        happened=HAPPENED_WORDS,
        reasons=REASONS,
        reason=reason or "",
        chosen="" if chosen is None else str(chosen),
    )
