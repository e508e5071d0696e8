"""Warehouses: where goods lie, where they are sent to, and where buyers may collect them."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from haat.domains.goods.inventory.api import Inventory, Site, Warehouse, WarehouseDraft
from haat.gateways.web.kit.forms import Form, invalid
from haat.gateways.web.kit.places import countries
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.vendor.shipping import codes_in
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem

router = APIRouter()
HERE = "/vendor/stock"
LIST = "/vendor/warehouses"
SITE = ("line1", "line2", "city", "region", "postal_code", "country")
LONGEST = {"line1": 120, "line2": 120, "city": 120, "region": 80, "postal_code": 20}


@router.get("/vendor/warehouses")
async def listed(visit: Team) -> Response:
    return page(visit, "warehouses.html", HERE, warehouses=await _all(visit))


@router.get("/vendor/warehouses/{ref}")
async def edit(visit: Team, ref: str) -> Response:
    """The form of a warehouse; "new" is one that is not there yet."""
    found = await _warehouse(visit, ref)
    values = values_of(found) if found else {"id": str(visit.ctx.new_id()), "priority": "100"}
    return _page(visit, ref, found, Form(values))


@router.post("/vendor/warehouses/{ref}")
async def save(visit: Team, ref: str, request: Request) -> Response:
    values = await form_of(request)
    found = await _warehouse(visit, ref)
    try:
        id = found.id if found else uuid_in(values, "id")
        await visit.doors[Inventory].save_warehouse(
            visit.ctx, id=id, vendor_id=vendor_of(visit), draft=draft_of(values)
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem, {"address_required": "line1"})
        return _page(visit, ref, found, form, problem.status)
    visit.flash("The warehouse is saved.")
    return visit.redirect(LIST)


@router.post("/vendor/warehouses/{id}/close")
async def close(visit: Team, id: UUID) -> Response:
    try:
        await visit.doors[Inventory].close_warehouse(visit.ctx, id=id)
    except Problem as problem:
        if problem.code != "warehouse_in_use":
            raise
        visit.flash("Goods lie there: move or count them out first.")
    else:
        visit.flash("The warehouse is closed.")
    return visit.redirect(LIST)


def values_of(found: Warehouse) -> dict[str, str]:
    """The form of a warehouse as it is."""
    values = {
        "id": str(found.id),
        "name": found.name,
        "priority": str(found.priority),
        "countries": " ".join(found.countries),
        "pickup": "on" if found.pickup else "",
        "pickup_note": found.pickup_note,
    }
    if found.address is not None:
        values |= {name: str(getattr(found.address, name)) for name in SITE}
    return values


def draft_of(values: Mapping[str, str]) -> WarehouseDraft:
    """The form read; Invalid with every field that is wrong."""
    reader = Reader(values)
    name = reader.text("name", longest=80)
    priority = reader.whole("priority", least=1, most=999, empty=100)
    reach = codes_in(reader, values.get("countries", ""))
    pickup = values.get("pickup") == "on"
    note = reader.text("pickup_note", longest=500, required=False)
    address = None
    if pickup or any(reader.has(field) for field in SITE):
        needed = ("line1", "city")
        given = {
            field: reader.text(field, longest=most, required=field in needed)
            for field, most in LONGEST.items()
        }
        country = values.get("country", "")
        if country not in dict(countries()):
            reader.refuse("country", "Choose one of the list.", "literal_error")
        reader.done()
        address = Site(**given, country=country)
    reader.done()
    try:
        return WarehouseDraft(
            name=name,
            priority=priority,
            countries=reach,
            address=address,
            pickup=pickup,
            pickup_note=note,
        )
    except ValidationError as error:
        raise invalid(error) from None


async def _all(visit: Visit) -> list[Warehouse]:
    found: list[Warehouse] = await visit.doors[Inventory].warehouses(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    return found


async def _warehouse(visit: Visit, ref: str) -> Warehouse | None:
    """One of the vendor's; None for "new"."""
    if ref == "new":
        return None
    for one in await _all(visit):
        if str(one.id) == ref:
            return one
    raise NotFound


def _page(
    visit: Visit, ref: str, found: Warehouse | None, form: Form, status: int = 200
) -> Response:
    return page(
        visit,
        "warehouse.html",
        HERE,
        status,
        ref=ref,
        warehouse=found,
        form=form,
        countries=countries(),
    )
