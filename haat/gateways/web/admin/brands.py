"""Brands: how they are written, their logos, whether customers see them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from haat.domains.goods.catalog.api import Brand, Catalog
from haat.domains.people.media.api import SIZE_MAX, Media, PictureTooLarge
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.product_form import picture_id
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem

router = APIRouter()
HERE = "/admin/products"
BRANDS = "/admin/brands"
AT = {"not_a_picture": "logo", "picture_too_large": "logo"}


@router.get("/admin/brands")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    return await _list(visit, Form(), cursor=cursor)


@router.post("/admin/brands")
async def add(visit: Staff, request: Request) -> Response:
    """A brand by its name; another spelling of one that is there opens that one."""
    _need_scope(visit)
    values = await form_of(request)
    try:
        reader = Reader(values)
        name = reader.text("name", longest=120)
        reader.done()
        saved = await visit.doors[Catalog].save_brand(visit.ctx, name=name)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _list(visit, Form(values, problem), problem.status)
    return visit.redirect(f"{BRANDS}/{saved.slug}")


@router.get("/admin/brands/{slug}")
async def edit(visit: Staff, slug: str) -> Response:
    return await _page(visit, await _known(visit, slug), Form())


@router.post("/admin/brands/{slug}")
async def change(visit: Staff, slug: str, request: Request) -> Response:
    _need_scope(visit)
    brand = await _known(visit, slug)
    values = await form_of(request)
    try:
        reader = Reader(values)
        name = reader.text("name", longest=120)
        reader.done()
        await _need_same(visit, brand, name)
        logo = await _logo(visit, request, values)
        await visit.doors[Catalog].save_brand(
            visit.ctx, name=name, logo_id=logo, active=values.get("active") == "on"
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, brand, Form(values, problem, AT), problem.status)
    visit.flash("The brand is saved.")
    return visit.redirect(f"{BRANDS}/{brand.slug}")


async def _need_same(visit: Visit, brand: Brand, name: str) -> None:
    """A brand is known by its name: another name would be another brand."""
    try:
        found = await visit.doors[Catalog].brand(visit.ctx, ref=name)
    except NotFound:
        found = None
    if found is None or found.id != brand.id:
        message = f"Only how it is written can change: it has to stay “{brand.slug}”."
        raise Invalid.at("name", message, "name_invalid")


async def _logo(visit: Visit, request: Request, values: dict[str, str]) -> UUID | None:
    form: Any = await request.form()  # read once already: Starlette keeps it
    file = form.get("logo")
    if not isinstance(file, UploadFile) or not file.filename:
        return None
    content = await file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise PictureTooLarge
    kept = await visit.doors[Media].upload(
        visit.ctx, id=picture_id(uuid_in(values, "id"), content), content=content
    )
    found: UUID = kept.id
    return found


async def _known(visit: Visit, slug: str) -> Brand:
    found: Brand = await visit.doors[Catalog].brand(visit.ctx, ref=slug)
    return found


def _need_scope(visit: Visit) -> None:
    if not visit.ctx.has("staff:products"):
        raise Forbidden


async def _list(visit: Visit, form: Form, status: int = 200, cursor: str | None = None) -> Response:
    found = await visit.doors[Catalog].brands(visit.ctx, cursor=cursor or None)
    return page(visit, "brands.html", HERE, status, brands=found.items, next=found.next, form=form)


async def _page(visit: Visit, brand: Brand, form: Form, status: int = 200) -> Response:
    allowed = None
    if visit.ctx.has("staff:products"):
        allowed = await visit.doors[Catalog].allowed(visit.ctx, brand=brand.slug)
    return page(
        visit,
        "brand.html",
        HERE,
        status,
        brand=brand,
        allowed=allowed,
        form=form,
        new_id=visit.ctx.new_id(),
    )
