"""The vendor as customers see it: name, description, logo; and where to reach it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from haat.domains.people.media.api import SIZE_MAX, Media, PictureTooLarge
from haat.domains.people.vendors.api import Location, Vendor, VendorChange, Vendors
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.vendor.apply import TYPES
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.vendor.product_form import picture_id
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/vendor/profile"
FIELDS = ("name", "description", "contact_email")
AT = {
    "vendor_name_taken": "name",
    "name_invalid": "name",
    "email_invalid": "contact_email",
    "not_a_picture": "logo",
    "picture_too_large": "logo",
}


@router.get("/vendor/profile")
async def show(visit: Team) -> Response:
    return await _page(visit, Form())


@router.post("/vendor/profile")
async def change(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(VendorChange, {k: v for k, v in values.items() if k in FIELDS})
        # An empty description is one; left out it would stay what it was.
        update: dict[str, Any] = {"description": values.get("description", "")}
        update["location"] = _location(values)
        update["leaves_location"] = update["location"] is None
        for name in ("support_email", "support_phone"):
            update[name] = values.get(name, "")
        if values.get("business_type"):
            update["business_type"] = values["business_type"][:80]
        update["logo_id"] = await _picture(visit, request, values, "logo")
        update["banner_id"] = await _picture(visit, request, values, "banner")
        await visit.doors[Vendors].change(
            visit.ctx, id=vendor_of(visit), change=wanted.model_copy(update=update)
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, Form(values, problem, AT), problem.status)
    visit.flash("The profile is saved.")
    return visit.redirect(HERE)


def _location(values: dict[str, str]) -> Location | None:
    """None where the form says nothing; Invalid at what is missing or no number of degrees."""
    given = {name: values.get(name, "").strip() for name in ("latitude", "longitude", "place")}
    if not any(given.values()):
        return None
    # Decimal commas are what half of the world types.
    degrees = {name: given[name].replace(",", ".") for name in ("latitude", "longitude")}
    return read(Location, {**degrees, "place": given["place"]})


async def _picture(visit: Visit, request: Request, values: dict[str, str], name: str) -> Any:
    """The id of the picture that came with the form; None where none did."""
    form: Any = await request.form()  # read once already: Starlette keeps it
    file = form.get(name)
    if not isinstance(file, UploadFile) or not file.filename:
        return None
    content = await file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise PictureTooLarge
    kept = await visit.doors[Media].upload(
        visit.ctx,
        id=picture_id(uuid_in(values, "id"), content),
        content=content,
        vendor_id=vendor_of(visit),
        kind="vendor",
    )
    return kept.id


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(vendor_of(visit)))
    # What it said in words of its own stays a choice.
    own = vendor.business_type
    types = [*TYPES, *([(own, own)] if own and own not in dict(TYPES) else [])]
    return page(
        visit,
        "profile.html",
        HERE,
        status,
        vendor=vendor,
        form=form,
        types=types,
        new_id=visit.ctx.new_id(),
    )
