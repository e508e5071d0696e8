"""Who may sell one product, or what has one brand: everybody, or the vendors of a list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, Product
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.pages import query
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Forbidden, NotFound

router = APIRouter()
HERE = "/admin/products"
LISTS = "/admin/sale-lists"
LISTED_MAX = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """What the list is about: `asked` names it to the catalogue, `fields` to this page."""

    title: str
    back: str
    asked: dict[str, Any]
    fields: dict[str, str]
    own: UUID | None = None  # whose product it is: never shut out


@router.get("/admin/sale-lists")
async def show(visit: Staff, product: UUID | None = None, brand: str = "", q: str = "") -> Response:
    subject = await _subject(visit, product, brand)
    allowed: list[UUID] | None = await visit.doors[Catalog].allowed(visit.ctx, **subject.asked)
    words = " ".join(q.replace("\0", " ").split())[:80]
    found: list[Vendor] = []
    if words:
        found = await visit.doors[Vendors].named(visit.ctx, words=words)
    own = [subject.own] if subject.own else []
    vendors = await vendors_by_id(visit, [*(allowed or []), *own])
    return page(
        visit,
        "sale_list.html",
        HERE,
        subject=subject,
        allowed=allowed,
        was=_written(allowed),
        vendors=vendors,
        q=words,
        found=[one for one in found if one.id not in (allowed or ())],
    )


@router.post("/admin/sale-lists")
async def change(visit: Staff, request: Request) -> Response:
    """One press: open to everybody, closed to a list, a vendor put on it or taken off."""
    values = await form_of(request)
    product = uuid_in(values, "product") if values.get("product") else None
    subject = await _subject(visit, product, values.get("brand", ""))
    catalog: Catalog = visit.doors[Catalog]
    allowed: list[UUID] | None = await catalog.allowed(visit.ctx, **subject.asked)
    back = LISTS + query(**subject.fields)
    if _written(allowed) != values.get("was", ""):
        visit.flash("Somebody changed this list just now. Look at it again.")
        return visit.redirect(back)
    wanted = _changed(allowed, values)
    if wanted is not None and len(wanted) > LISTED_MAX:
        visit.flash(f"At most {LISTED_MAX} vendors.")
        return visit.redirect(back)
    await catalog.allow(visit.ctx, vendor_ids=wanted, **subject.asked)
    visit.flash("Everybody may sell it." if wanted is None else "The list is saved.")
    return visit.redirect(back)


def _changed(allowed: list[UUID] | None, values: Mapping[str, str]) -> list[UUID] | None:
    if values.get("everybody"):
        return None
    listed = list(allowed or [])
    if values.get("add"):
        listed.append(uuid_in(values, "add"))
    if values.get("remove"):
        gone = uuid_in(values, "remove")
        listed = [one for one in listed if one != gone]
    return list(dict.fromkeys(listed))


def _written(allowed: list[UUID] | None) -> str:
    """A list as a form's field says what it was."""
    return "everybody" if allowed is None else " ".join(map(str, allowed))


async def _subject(visit: Visit, product: UUID | None, brand: str) -> Subject:
    if not visit.ctx.has("staff:products"):
        raise Forbidden
    if product is not None:
        one: Product = await visit.doors[Catalog].product(visit.ctx, ref=str(product))
        fields = {"product": str(one.id)}
        back = f"{HERE}/{one.id}"
        return Subject(one.title, back, {"product_id": one.id}, fields, one.vendor_id)
    if not brand:
        raise NotFound
    found = await visit.doors[Catalog].brand(visit.ctx, ref=brand)
    fields = {"brand": found.slug}
    return Subject(found.name, f"/admin/brands/{found.slug}", {"brand": found.slug}, fields)
