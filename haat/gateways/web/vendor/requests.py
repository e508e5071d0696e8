"""Asking for a product that is missing: the requests there are, and a form for another."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.goods.requests.api import ProductRequest, Requests, RequestState, Wanted
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.kit.uploads import keep_pictures, kept_in
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, NotFound, Problem

router = APIRouter()
HERE = "/vendor/products"
REQUESTS = "/vendor/requests"
STATES: dict[RequestState, str] = {
    "open": "Being looked at",
    "approving": "Being looked at",
    "approved": "In the catalogue",
    "refused": "Refused",
    "withdrawn": "Withdrawn",
}
TONES: dict[RequestState, str] = {
    "open": "pending",
    "approving": "pending",
    "approved": "approved",
    "refused": "refused",
    "withdrawn": "archived",
}
AT = {
    "request_exists": "barcode",
    "not_a_picture": "pictures",
    "picture_too_large": "pictures",
}


@router.get("/vendor/requests")
async def listed(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Requests].own(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    return page(
        visit,
        "requests.html",
        HERE,
        requests=found.items,
        next=found.next,
        states=STATES,
        tones=TONES,
    )


@router.get("/vendor/requests/new")
async def new(visit: Team, q: str = "") -> Response:
    """`q` is what was looked for and not found: a barcode, or a title."""
    code = q if q.replace(" ", "").isdecimal() else ""
    values = {"id": str(visit.ctx.new_id()), "barcode": code, "title": "" if code else q[:200]}
    return await _form_page(visit, Form(values))


@router.post("/vendor/requests/new")
async def ask(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        id = uuid_in(values, "id")
        kept = await keep_pictures(visit, request, values, id, 1)
        reader = Reader(values)
        link = reader.text("link", longest=500, required=False)
        if link and not link.startswith(("https://", "http://")):
            reader.refuse("link", "Give an address with http or https.", "url_invalid")
        given = {
            "title": reader.text("title", longest=200),
            "barcode": reader.text("barcode", longest=40, required=False) or None,
            "brand": reader.text("brand", longest=120, required=False),
            "category_id": reader.id_or_none("category_id"),
            "text": reader.text("text", longest=5000, required=False),
            "link": link,
            "sku": reader.text("sku", longest=80),
            "price": reader.amount("price", visit.market.currency),
        }
        reader.done()
        wanted = _wanted(given, kept)
        made = await visit.doors[Requests].ask(
            visit.ctx, id=id, vendor_id=vendor_of(visit), wanted=wanted
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _form_page(visit, Form(values, problem, AT), problem.status)
    visit.flash("We look at it soon, and tell you by mail.")
    return visit.redirect(f"{REQUESTS}/{made.id}")


def _wanted(given: Mapping[str, object], kept: list[UUID]) -> Wanted:
    try:
        return Wanted.model_validate({**given, "picture_id": kept[0] if kept else None})
    except ValueError:  # what the form's own checks let pass: an address with quotes in it
        raise Invalid.at("link", "Give an address with http or https.", "url_invalid") from None


@router.get("/vendor/requests/{id}")
async def show(visit: Team, id: UUID) -> Response:
    found = await _own(visit, id)
    path: list[Category] = []
    if found.category_id is not None:
        tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
        path = tree.path(found.category_id)
    return page(
        visit,
        "request.html",
        HERE,
        request=found,
        path=path,
        states=STATES,
        tones=TONES,
    )


@router.post("/vendor/requests/{id}/withdraw")
async def withdraw(visit: Team, id: UUID) -> Response:
    await _own(visit, id)
    try:
        await visit.doors[Requests].withdraw(visit.ctx, id=id)
    except Problem as problem:
        if problem.status >= 500:
            raise
        visit.flash("It was decided just now.")
    else:
        visit.flash("You do not ask for it any more.")
    return visit.redirect(f"{REQUESTS}/{id}")


async def _own(visit: Visit, id: UUID) -> ProductRequest:
    """Staff may read any; in the portal they see their own vendor's only."""
    found: ProductRequest = await visit.doors[Requests].request(visit.ctx, id=id)
    if found.vendor_id != vendor_of(visit):
        raise NotFound
    return found


async def _form_page(visit: Visit, form: Form, status: int = 200) -> Response:
    categories = await visit.doors[Catalog].categories(visit.ctx)
    tree = Tree(categories)
    return page(
        visit,
        "request_new.html",
        HERE,
        status,
        form=form,
        kept=kept_in(form.values),
        categories=[(c.id, " / ".join(p.name for p in tree.path(c.id))) for c in categories],
    )
