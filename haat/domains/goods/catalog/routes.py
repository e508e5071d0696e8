"""The catalogue over REST."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from haat.domains.goods.catalog.api import (
    Catalog,
    Category,
    Listing,
    Product,
    ProductStatus,
    Sort,
)
from haat.domains.goods.catalog.bodies import (
    CategoryBody,
    CategoryPage,
    CategoryPatch,
    DecisionBody,
    ProductAnswer,
    ProductBody,
    ProductPatch,
    Shelf,
    draft_of,
)
from haat.domains.people.market.api import Market
from haat.domains.people.media.api import SIZE_MAX, Media, Picture, PictureTooLarge
from haat.domains.people.vendors.api import Vendors
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.model import Model
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter(tags=["catalog"])
Goods = Annotated[Catalog, Door(Catalog)]
Stores = Annotated[Vendors, Door(Vendors)]
Pictures = Annotated[Media, Door(Media)]
Settings = Annotated[Market, Door(Market)]
PageLimit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=1000)]
Ref = Annotated[str | None, Query(max_length=120)]
TRIES = 4


# --- for customers ---------------------------------------------------------------------------


@router.get("/products", response_model=Shelf)
async def listed(
    ctx: Ctx,
    goods: Goods,
    vendors: Stores,
    market: Settings,
    category: Ref = None,
    vendor: Ref = None,
    brand: Ref = None,
    sort: Sort = "newest",
    limit: PageLimit = 24,
    cursor: Cursor = None,
) -> Any:
    """Products on sale. `category`, `vendor` and `brand` are ids or slugs."""
    page = await goods.listings(
        ctx,
        category_id=await _category_id(ctx, goods, category) if category else None,
        vendor_id=await _vendor_id(ctx, vendors, vendor) if vendor else None,
        brand_id=(await goods.brand(ctx, ref=brand)).id if brand else None,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    return _json(await _shelf(ctx, market, page))


@router.get("/products/{ref}", response_model=ProductAnswer)
async def read(ref: str, request: Request, ctx: Ctx, goods: Goods, market: Settings) -> Any:
    """By id or slug. An address it had before leads to the one it has (301)."""
    try:
        found = await goods.product(ctx, ref=ref)
        taxed = (await market.settings(ctx)).prices_include_tax
        return _json(ProductAnswer.model_construct(**dict(found), prices_include_tax=taxed))
    except NotFound:
        slug = await goods.moved(ctx, ref=ref)
        there = f"{request.url.path.rpartition('/')[0]}/{quote(slug)}"
        return JSONResponse({"location": there}, 301, {"location": there})


# Before /vendors/{vendor}/products, which would take "me" for a vendor.
@router.get("/vendors/me/products")
async def own(
    ctx: Ctx,
    goods: Goods,
    status: ProductStatus | None = None,
    limit: PageLimit = 50,
    cursor: Cursor = None,
) -> Page[Listing]:
    """The acting vendor's own products, in any state."""
    return await goods.own_products(
        ctx, vendor_id=ctx.acting_vendor, status=status, limit=limit, cursor=cursor
    )


@router.get("/vendors/{vendor}/products", response_model=Shelf)
async def of_vendor(
    vendor: str,
    ctx: Ctx,
    goods: Goods,
    vendors: Stores,
    market: Settings,
    sort: Sort = "newest",
    limit: PageLimit = 24,
    cursor: Cursor = None,
) -> Any:
    """A vendor's products on sale; the vendor by id or slug."""
    vendor_id = await _vendor_id(ctx, vendors, vendor)
    page = await goods.listings(ctx, vendor_id=vendor_id, sort=sort, limit=limit, cursor=cursor)
    return _json(await _shelf(ctx, market, page))


@router.get("/categories")
async def categories(ctx: Ctx, goods: Goods) -> Page[Category]:
    """The whole tree, parents before children."""
    return Page[Category](items=await goods.categories(ctx))


@router.get("/categories/{ref}", response_model=CategoryPage)
async def category(ref: str, request: Request, ctx: Ctx, goods: Goods, market: Settings) -> Any:
    """By id or slug, with its newest products. An address it had before leads to the one it has
    (301)."""
    try:
        found = await goods.category(ctx, ref=ref)
    except NotFound:
        slug = await goods.category_moved(ctx, ref=ref)
        there = f"{request.url.path.rpartition('/')[0]}/{quote(slug)}"
        return JSONResponse({"location": there}, 301, {"location": there})
    tree = await goods.categories(ctx)
    by_id = {c.id: c for c in tree}
    path: list[Category] = []
    above = found.parent_id
    while above in by_id and len(path) < len(tree):
        path.insert(0, by_id[above])
        above = by_id[above].parent_id
    return CategoryPage(
        **dict(found),
        path=path,
        children=[c for c in tree if c.parent_id == found.id],
        products=await _shelf(ctx, market, await goods.listings(ctx, category_id=found.id)),
    )


# --- for vendors -----------------------------------------------------------------------------


@router.post("/products", status_code=201)
async def create(body: ProductBody, ctx: Ctx, goods: Goods) -> Product:
    """A draft of the acting vendor's."""
    return await goods.create(ctx, id=ctx.new_id(), vendor_id=ctx.acting_vendor, draft=body.draft())


@router.post("/vendors/{vendor_id}/products", status_code=201)
async def create_for(vendor_id: UUID, body: ProductBody, ctx: Ctx, goods: Goods) -> Product:
    return await goods.create(ctx, id=ctx.new_id(), vendor_id=vendor_id, draft=body.draft())


@router.put("/products/{id}")
async def replace(id: UUID, body: ProductBody, ctx: Ctx, goods: Goods) -> Product:
    """Variants that are missing are paused, not deleted."""
    return await goods.change(ctx, id=id, draft=body.draft(), version=body.version)


@router.patch("/products/{id}")
async def patch(id: UUID, body: ProductPatch, ctx: Ctx, goods: Goods) -> Product:
    product = await goods.product(ctx, ref=str(id))
    version = body.version or product.version
    return await goods.change(ctx, id=id, draft=body.applied(product), version=version)


@router.patch("/vendors/{vendor_id}/products/{id}")
async def patch_for(
    vendor_id: UUID, id: UUID, body: ProductPatch, ctx: Ctx, goods: Goods
) -> Product:
    ctx.need_vendor(vendor_id)
    return await patch(id, body, ctx, goods)


@router.delete("/products/{id}")
async def archive(id: UUID, ctx: Ctx, goods: Goods) -> Product:
    """Gone from sale, kept for the orders it is in."""
    return await goods.archive(ctx, id=id)


@router.post("/products/{id}/restore")
async def restore(id: UUID, ctx: Ctx, goods: Goods) -> Product:
    """An archived product becomes a draft again."""
    return await goods.restore(ctx, id=id)


@router.post("/products/{id}/submit")
async def submit(id: UUID, ctx: Ctx, goods: Goods) -> Product:
    """Sends a draft to the approval queue."""
    return await goods.submit(ctx, id=id)


@router.post("/products/{id}/images", status_code=201)
async def add_picture(
    id: UUID,
    file: UploadFile,
    ctx: Ctx,
    goods: Goods,
    media: Pictures,
    market: Settings,
    alt: str = "",
) -> Product:
    """Uploads a picture and puts it behind the others."""
    product = await goods.product(ctx, ref=str(id))
    ctx.need_vendor(product.vendor_id)
    most = (await market.settings(ctx)).pictures_max
    if len(product.pictures) >= most:
        raise Conflict(f"A product has at most {most} pictures.", code="pictures_full")
    content = await file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise PictureTooLarge
    kept = await media.upload(
        ctx, id=ctx.new_id(), content=content, vendor_id=product.vendor_id, kind="product"
    )
    picture = Picture(media_id=kept.id, alt=alt[:300].strip(), width=kept.width, height=kept.height)
    return await _shown(ctx, goods, product, picture)


async def _shown(ctx: Context, goods: Catalog, product: Product, picture: Picture) -> Product:
    """The product with this picture, even when others change it at the same moment."""
    for attempt in range(TRIES):
        draft = draft_of(product)
        pictures = [p for p in draft.pictures if p.media_id != picture.media_id]
        draft = draft.model_copy(update={"pictures": [*pictures, picture]})
        try:
            return await goods.change(ctx, id=product.id, draft=draft, version=product.version)
        except Conflict as problem:
            if problem.code != "version_conflict" or attempt == TRIES - 1:
                raise
            product = await goods.product(ctx, ref=str(product.id))
    raise AssertionError


# --- for staff -------------------------------------------------------------------------------


@router.get("/admin/products")
async def queue(
    ctx: Ctx,
    goods: Goods,
    status: ProductStatus = "pending",
    limit: PageLimit = 50,
    cursor: Cursor = None,
) -> Page[Listing]:
    """Products of all vendors in one state, the oldest first."""
    return await goods.queue(ctx, status=status, limit=limit, cursor=cursor)


@router.patch("/admin/products/{id}/approve")
async def decide(id: UUID, body: DecisionBody, ctx: Ctx, goods: Goods) -> Product:
    """Approves; or rejects, asks for changes or takes down at once, with a reason."""
    return await goods.decide(ctx, id=id, decision=body.decision, reason=body.reason)


@router.post("/admin/categories", status_code=201)
async def add_category(body: CategoryBody, ctx: Ctx, goods: Goods) -> Category:
    return await goods.save_category(
        ctx,
        id=ctx.new_id(),
        name=body.name,
        parent_id=body.parent_id,
        slug=body.slug,
        position=body.position,
        icon=body.icon,
        active=body.active,
        template=body.template,
    )


@router.patch("/admin/categories/{id}")
async def change_category(id: UUID, body: CategoryPatch, ctx: Ctx, goods: Goods) -> Category:
    present = await goods.category(ctx, ref=str(id))
    moved = "parent_id" in body.model_fields_set
    return await goods.save_category(
        ctx,
        id=present.id,
        name=body.name or present.name,
        parent_id=body.parent_id if moved else present.parent_id,
        slug=body.slug,
        position=present.position if body.position is None else body.position,
        icon=body.icon,
        active=body.active,
        template=body.template,
    )


async def _category_id(ctx: Context, goods: Catalog, ref: str) -> UUID:
    try:
        return UUID(ref)
    except ValueError:
        return (await goods.category(ctx, ref=ref)).id


async def _vendor_id(ctx: Context, vendors: Vendors, ref: str) -> UUID:
    try:
        return UUID(ref)
    except ValueError:
        return (await vendors.find(ctx, slug=ref)).id


async def _shelf(ctx: Context, market: Market, page: Page[Listing]) -> Shelf:
    taxed = (await market.settings(ctx)).prices_include_tax
    return Shelf.model_construct(items=page.items, next=page.next, prices_include_tax=taxed)


def _json(value: Model) -> Response:
    """Serialised once, by Pydantic itself: these are the resources read most."""
    return Response(value.model_dump_json(), media_type="application/json")
