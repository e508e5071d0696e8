"""Products: the queue of those to approve, and a look at each before it goes on sale."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import (
    Catalog,
    Decision,
    Note,
    Objection,
    Product,
    ProductStatus,
)
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Forbidden, NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/products"
HISTORY_SHOWN = 20
DONE: dict[Decision, str] = {
    "approve": "it is on sale",
    "reject": "it is rejected",
    "request_changes": "its vendor is asked to change it",
    "take_down": "it is off sale, and its vendor is told why",
}
STATUSES: tuple[tuple[str, str], ...] = (
    ("pending", "To review"),
    ("active", "On sale"),
    ("changes_requested", "To be changed"),
    ("rejected", "Rejected"),
    ("draft", "Drafts"),
    ("archived", "Archived"),
)


class DecisionForm(Body):
    decision: Decision
    reason: str = ""


@router.get("/admin/products")
async def listed(
    visit: Staff, status: ProductStatus = "pending", cursor: str | None = None
) -> Response:
    found = await visit.doors[Catalog].queue(visit.ctx, status=status, cursor=cursor or None)
    vendors = await vendors_by_id(visit, (one.vendor_id for one in found.items))
    return page(
        visit,
        "products.html",
        HERE,
        products=[(one, vendors.get(one.vendor_id)) for one in found.items],
        next=found.next,
        statuses=STATUSES,
        chosen=status,
    )


@router.get("/admin/duplicates")
async def duplicates(visit: Staff, cursor: str | None = None) -> Response:
    """Barcodes that several products carry: each may be merged into one of the others."""
    found = await visit.doors[Catalog].duplicates(visit.ctx, limit=20, cursor=cursor or None)
    listed = [one.vendor_id for pair in found.items for one in pair.products]
    vendors = await vendors_by_id(visit, listed)
    return page(visit, "duplicates.html", HERE, pairs=found.items, vendors=vendors, next=found.next)


@router.post("/admin/products/{id}/merge")
async def merge(visit: Staff, id: UUID, request: Request) -> Response:
    """The chosen product is this one; this page's address is what stays."""
    _need_scope(visit)
    values = await form_of(request)
    try:
        gone = uuid_in(values, "gone_id")
        product = await visit.doors[Catalog].merge(visit.ctx, kept_id=id, gone_id=gone)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        visit.flash(problem.detail)
        return visit.redirect("/admin/duplicates")
    visit.flash(f"They are one now: {product.title}.")
    return visit.redirect(f"{HERE}/{product.id}")


@router.post("/admin/products/{id}/notes")
async def note(visit: Staff, id: UUID, request: Request) -> Response:
    """For colleagues, or for the vendor as well."""
    _need_scope(visit)
    values = await form_of(request)
    try:
        reader = Reader(values)
        given = {"text": reader.text("text", longest=2000), "id": reader.id("id")}
        reader.done()
        external = values.get("external") == "on"
        await visit.doors[Catalog].add_note(visit.ctx, product_id=id, external=external, **given)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), problem.status)
    return visit.redirect(f"{HERE}/{id}")


@router.get("/admin/products/{id}")
async def show(visit: Staff, id: UUID) -> Response:
    return await _page(visit, id, Form())


@router.post("/admin/products/{id}")
async def decide(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(DecisionForm, values)
        product = await visit.doors[Catalog].decide(
            visit.ctx, id=id, decision=wanted.decision, reason=wanted.reason
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), problem.status)
    visit.flash(f"{product.title}: {DONE[wanted.decision]}.")
    return visit.redirect(HERE)


def _need_scope(visit: Visit) -> None:
    """All staff may look at a product; what is done with it has a scope, whatever was sent."""
    if not visit.ctx.has("staff:products"):
        raise Forbidden


async def _page(visit: Visit, id: UUID, form: Form, status: int = 200) -> Response:
    catalog: Catalog = visit.doors[Catalog]
    product: Product
    product, categories = await asyncio.gather(
        catalog.product(visit.ctx, ref=str(id)), catalog.categories(visit.ctx)
    )
    vendors = await vendors_by_id(
        visit, {product.vendor_id, *(o.vendor_id for v in product.variants for o in v.offers)}
    )
    history = None
    notes: list[Note] = []
    objected: list[Objection] = []
    allowed: list[UUID] | None = None
    if visit.ctx.has("staff:products"):
        notes, objected, allowed = await asyncio.gather(
            catalog.notes(visit.ctx, product_id=id),
            catalog.objections(visit.ctx, product_id=id),
            catalog.allowed(visit.ctx, product_id=id),
        )
        history = await catalog.history(visit.ctx, product_id=id, limit=HISTORY_SHOWN)
    return page(
        visit,
        "product.html",
        HERE,
        status,
        product=product,
        vendor=vendors.get(product.vendor_id),
        vendors=vendors,
        history=history.items if history else [],
        notes=notes,
        objected=objected,
        allowed=allowed,
        new_id=visit.ctx.new_id(),
        path=Tree(categories).path(product.category_id),
        form=form,
    )
