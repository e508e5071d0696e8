"""Search over REST."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import Hits, Search, Words
from haat.domains.insight.search.rules import below
from haat.domains.people.vendors.api import Vendors
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.model import Body, Model
from haat.kernel.money import MINOR_MAX
from haat.kernel.page import LIMIT_MAX

router = APIRouter(tags=["search"])

Service = Annotated[Search, Door(Search)]
Goods = Annotated[Catalog, Door(Catalog)]
Stores = Annotated[Vendors, Door(Vendors)]
Ref = Annotated[str | None, Query(max_length=120)]
Price = Annotated[int | None, Query(ge=0, le=MINOR_MAX)]
Sort = Literal["relevance", "newest", "price", "-price"]


class SearchBody(Body):
    """`category` and `vendor` are ids or slugs; prices in minor units."""

    query: Words = ""
    category: Annotated[str, Field(max_length=120)] | None = None
    vendor: Annotated[str, Field(max_length=120)] | None = None
    price_min: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    price_max: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    sort: Sort = "relevance"
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 24
    cursor: Annotated[str, Field(max_length=1000)] | None = None


class Suggestions(Model):
    items: list[str]


@router.get("/search", response_model=Hits, summary="Products by words")
@router.get("/buyer/search", response_model=Hits, include_in_schema=False)
async def search(
    ctx: Ctx,
    service: Service,
    goods: Goods,
    stores: Stores,
    q: Annotated[str, Query(max_length=200)] = "",
    category: Ref = None,
    vendor: Ref = None,
    price_min: Annotated[Price, Query(alias="priceMin")] = None,
    price_max: Annotated[Price, Query(alias="priceMax")] = None,
    sort: Sort = "relevance",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 24,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Any:
    """Products on sale with all words, else with any of them. Category and vendor by id or slug;
    prices in minor units."""
    body = SearchBody(
        query=q,
        category=category or None,
        vendor=vendor or None,
        price_min=price_min,
        price_max=price_max,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    return await _answer(ctx, service, goods, stores, body)


@router.post("/marketplace/search", response_model=Hits, summary="The same, asked in a body")
async def structured(
    body: SearchBody, ctx: Ctx, service: Service, goods: Goods, stores: Stores
) -> Any:
    return await _answer(ctx, service, goods, stores, body)


@router.get("/search/suggest", summary="Titles with a word that begins like this")
async def suggest(
    ctx: Ctx,
    service: Service,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=20)] = 8,
) -> Suggestions:
    return Suggestions(items=await service.suggest(ctx, prefix=q, limit=limit))


async def _answer(
    ctx: Context, service: Search, goods: Catalog, stores: Vendors, body: SearchBody
) -> Response:
    categories = None
    if body.category is not None:
        categories = below(await goods.categories(ctx), body.category)
        if not categories:
            raise Invalid.at("category", "There is no such category.", "category_unknown")
    hits = await service.products(
        ctx,
        words=body.query,
        category_ids=categories,
        vendor_id=await _vendor_id(ctx, stores, body.vendor),
        price_min=body.price_min,
        price_max=body.price_max,
        sort=body.sort,
        limit=body.limit,
        cursor=body.cursor,
    )
    # Serialised once, by Pydantic itself: this is read often.
    return Response(hits.model_dump_json(), media_type="application/json")


async def _vendor_id(ctx: Context, stores: Vendors, ref: str | None) -> UUID | None:
    if ref is None:
        return None
    try:
        return UUID(ref)
    except ValueError:
        pass
    try:
        return (await stores.find(ctx, slug=ref)).id
    except NotFound:
        raise Invalid.at("vendor", "There is no such vendor.", "vendor_unknown") from None
