"""The vendor as customers see it: name, description, logo; and where to reach it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from haat.domains.people.media.api import SIZE_MAX, Media, PictureTooLarge
from haat.domains.people.vendors.api import Vendor, VendorChange, Vendors
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.vendor.product_form import picture_id
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/vendor/profile"
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
        wanted = read(VendorChange, {k: v for k, v in values.items() if k != "logo_id"})
        # An empty description is one; left out it would stay what it was.
        update: dict[str, Any] = {"description": values.get("description", "")}
        update["logo_id"] = await _logo(visit, request, values)
        await visit.doors[Vendors].change(
            visit.ctx, id=vendor_of(visit), change=wanted.model_copy(update=update)
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, Form(values, problem, AT), problem.status)
    visit.flash("The profile is saved.")
    return visit.redirect(HERE)


async def _logo(visit: Visit, request: Request, values: dict[str, str]) -> Any:
    """The id of the picture that came with the form; None where none did."""
    form: Any = await request.form()  # read once already: Starlette keeps it
    file = form.get("logo")
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
    )
    return kept.id


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(vendor_of(visit)))
    return page(
        visit,
        "profile.html",
        HERE,
        status,
        vendor=vendor,
        form=form,
        new_id=visit.ctx.new_id(),
    )
