"""What vendors ask for: the queue, and a request beside what may be the same."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.goods.requests.api import Mended, ProductRequest, Requests, RequestState
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, NotFound, Problem

router = APIRouter()
HERE = "/admin/products"
REQUESTS = "/admin/requests"
STATES: tuple[tuple[RequestState, str], ...] = (
    ("open", "To decide"),
    ("approved", "Added"),
    ("refused", "Refused"),
    ("withdrawn", "Withdrawn"),
)


@router.get("/admin/requests")
async def listed(visit: Staff, state: RequestState = "open", cursor: str | None = None) -> Response:
    found = await visit.doors[Requests].queue(visit.ctx, state=state, cursor=cursor or None)
    vendors = await vendors_by_id(visit, (one.vendor_id for one in found.items))
    return page(
        visit,
        "requests.html",
        HERE,
        requests=[(one, vendors.get(one.vendor_id)) for one in found.items],
        next=found.next,
        states=STATES,
        chosen=state,
    )


@router.get("/admin/requests/{id}")
async def show(visit: Staff, id: UUID) -> Response:
    return await _page(visit, id, Form())


@router.post("/admin/requests/{id}/approve")
async def approve(visit: Staff, id: UUID, request: Request) -> Response:
    """As the form has it; or attached to the product that was chosen."""
    _need_scope(visit)
    values = await form_of(request)
    try:
        reader = Reader(values)
        product_id, mended = reader.id_or_none("product_id"), None
        if product_id is None:
            given = {
                "title": reader.text("title", longest=200),
                "barcode": reader.text("barcode", longest=40, required=False),
                "brand": reader.text("brand", longest=120, required=False),
                "text": reader.text("text", longest=5000, required=False),
                "category_id": reader.id_or_none("category_id"),
            }
            reader.done()
            mended = Mended.model_validate(given)
        reader.done()
        done = await visit.doors[Requests].approve(
            visit.ctx, id=id, mended=mended, product_id=product_id
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.code == "forbidden":
            raise
        return await _page(visit, id, Form(values, problem), problem.status)
    visit.flash(f"{done.title} is in the catalogue, and its vendor is told.")
    return visit.redirect(REQUESTS)


@router.post("/admin/requests/{id}/refuse")
async def refuse(visit: Staff, id: UUID, request: Request) -> Response:
    _need_scope(visit)
    values = await form_of(request)
    try:
        reader = Reader(values)
        reason = reader.text("reason", longest=1000)
        reader.done()
        done = await visit.doors[Requests].refuse(visit.ctx, id=id, reason=reason)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, id, Form(values, problem), problem.status)
    visit.flash(f"{done.title}: its vendor is told why it is refused.")
    return visit.redirect(REQUESTS)


def _need_scope(visit: Visit) -> None:
    if not visit.ctx.has("staff:products"):
        raise Forbidden


async def _page(visit: Visit, id: UUID, form: Form, status: int = 200) -> Response:
    _need_scope(visit)
    found: tuple[ProductRequest, list[Category]] = await asyncio.gather(
        visit.doors[Requests].request(visit.ctx, id=id),
        visit.doors[Catalog].categories(visit.ctx),
    )
    request, categories = found
    ids = [request.vendor_id, *(one.vendor_id for one in request.twins)]
    vendors = await vendors_by_id(visit, ids)
    tree = Tree(categories)
    return page(
        visit,
        "request.html",
        HERE,
        status,
        request=request,
        vendor=vendors.get(request.vendor_id),
        vendors=vendors,
        form=form,
        refusing="reason" in form.values,
        blank=Form(),
        categories=[(c.id, " / ".join(p.name for p in tree.path(c.id))) for c in categories],
    )
