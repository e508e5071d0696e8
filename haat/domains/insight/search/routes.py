"""Search over REST."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import (
    AskedInVain,
    Completion,
    Discovery,
    FoundVendors,
    Hits,
    PastSearch,
    Ranking,
    Search,
    Sort,
    SynonymGroup,
    Words,
)
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
Typed = Annotated[str, Query(max_length=200)]
Ref = Annotated[str | None, Query(max_length=120)]
Price = Annotated[int | None, Query(ge=0, le=MINOR_MAX)]
Many = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Few = Annotated[int, Query(ge=1, le=20)]
Text = Annotated[str, Field(max_length=200)]
Some = Annotated[list[Text], Field(max_length=100)]


class SearchBody(Body):
    """`category` and `vendor` are ids or slugs; prices in minor units; `attributes`: name → values
    of which a hit has one."""

    query: Words = ""
    category: Annotated[str, Field(max_length=120)] | None = None
    vendor: Annotated[str, Field(max_length=120)] | None = None
    price_min: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    price_max: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    brands: Some = []
    attributes: Annotated[dict[Text, Some], Field(max_length=20)] = {}
    sort: Sort = "relevance"
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 24
    cursor: Annotated[str, Field(max_length=1000)] | None = None
    explain: bool = False


class Suggestions(Model):
    items: list[str]


class PastSearches(Model):
    items: list[PastSearch]


class SynonymsBody(Body):
    words: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=60)]],
        Field(min_length=2, max_length=20),
    ]


class SynonymGroups(Model):
    items: list[SynonymGroup]


class InVain(Model):
    items: list[AskedInVain]


class RankingBody(Body, Ranking):
    pass


class Rebuilt(Model):
    """The number of the index that is being made."""

    edition: int


@router.get("/search", response_model=Hits, summary="Products by words")
@router.get("/buyer/search", response_model=Hits, include_in_schema=False)
async def search(
    ctx: Ctx,
    service: Service,
    goods: Goods,
    stores: Stores,
    q: Typed = "",
    category: Ref = None,
    vendor: Ref = None,
    price_min: Annotated[Price, Query(alias="priceMin")] = None,
    price_max: Annotated[Price, Query(alias="priceMax")] = None,
    brand: Annotated[str | None, Query(max_length=200)] = None,
    sort: Sort = "relevance",
    limit: Many = 24,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    explain: bool = False,
) -> Any:
    """Products on sale with all words, else most, else any of them. Category and vendor by id or
    slug; prices in minor units. More filters in a body: POST /marketplace/search."""
    body = SearchBody(
        query=q,
        category=category or None,
        vendor=vendor or None,
        price_min=price_min,
        price_max=price_max,
        brands=[brand] if brand else [],
        sort=sort,
        limit=limit,
        cursor=cursor,
        explain=explain,
    )
    return await _answer(ctx, service, goods, stores, body)


@router.post("/marketplace/search", response_model=Hits, summary="The same, asked in a body")
async def structured(
    body: SearchBody, ctx: Ctx, service: Service, goods: Goods, stores: Stores
) -> Any:
    return await _answer(ctx, service, goods, stores, body)


@router.get("/search/suggest", summary="Titles with a word that begins like this")
async def suggest(ctx: Ctx, service: Service, q: Typed = "", limit: Few = 8) -> Suggestions:
    return Suggestions(items=await service.suggest(ctx, prefix=q, limit=limit))


@router.get("/search/complete", summary="What may be meant by what is typed so far")
async def complete(ctx: Ctx, service: Service, q: Typed = "", limit: Few = 5) -> Completion:
    return await service.complete(ctx, prefix=q, limit=limit)


@router.get("/search/vendors", summary="Vendors by name or category")
async def vendors(
    ctx: Ctx, service: Service, goods: Goods, q: Typed = "", category: Ref = None, limit: Many = 24
) -> FoundVendors:
    ids = await _category_ids(ctx, goods, category or None)
    return await service.vendors(ctx, words=q, category_ids=ids, limit=limit)


@router.get("/search/trending", response_model=Discovery, response_model_include={"trending"})
async def trending(ctx: Ctx, service: Service, limit: Few = 12) -> Any:
    """Products that were bought most in the last weeks."""
    found = await service.trending(ctx, limit=limit)
    return Discovery(trending=found, newest=[], vendors=[], searches=[])


@router.get("/search/discover", summary="Products, vendors and searches to look around")
async def discover(ctx: Ctx, service: Service, limit: Few = 12) -> Discovery:
    return await service.discover(ctx, limit=limit)


@router.get("/me/searches", summary="What I looked for, the last one first")
async def past(ctx: Ctx, service: Service, limit: Many = 20) -> PastSearches:
    return PastSearches(items=await service.past(ctx, limit=limit))


@router.delete("/me/searches", status_code=204, summary="Clear my searches, or one of them")
async def forget(
    ctx: Ctx, service: Service, q: Annotated[str | None, Query(max_length=200)] = None
) -> None:
    await service.forget(ctx, words=q)


# -- staff ---------------------------------------------------------------------------------------


@router.get("/admin/search/synonyms", summary="Words that find each other")
async def synonyms(ctx: Ctx, service: Service) -> SynonymGroups:
    return SynonymGroups(items=await service.synonyms(ctx))


@router.post("/admin/search/synonyms", status_code=201, summary="Add a group of synonyms")
async def add_synonyms(body: SynonymsBody, ctx: Ctx, service: Service) -> SynonymGroup:
    return await service.save_synonyms(ctx, id=ctx.new_id(), words=body.words)


@router.put("/admin/search/synonyms/{id}", summary="Change a group of synonyms")
async def change_synonyms(id: UUID, body: SynonymsBody, ctx: Ctx, service: Service) -> SynonymGroup:
    return await service.save_synonyms(ctx, id=id, words=body.words)


@router.delete("/admin/search/synonyms/{id}", status_code=204, summary="Drop a group of synonyms")
async def drop_synonyms(id: UUID, ctx: Ctx, service: Service) -> None:
    await service.drop_synonyms(ctx, id=id)


@router.get("/admin/search/ranking", summary="What signals weigh beside the words")
async def ranking(ctx: Ctx, service: Service) -> Ranking:
    return await service.ranking(ctx)


@router.put("/admin/search/ranking", summary="Set what signals weigh beside the words")
async def set_ranking(body: RankingBody, ctx: Ctx, service: Service) -> Ranking:
    return await service.set_ranking(ctx, ranking=Ranking(**body.model_dump()))


@router.get("/admin/search/in-vain", summary="What was looked for and not found")
async def in_vain(
    ctx: Ctx,
    service: Service,
    days: Annotated[int, Query(ge=1, le=90)] = 30,
    limit: Many = 50,
) -> InVain:
    return InVain(items=await service.in_vain(ctx, days=days, limit=limit))


@router.post("/admin/search/rebuild", status_code=202, summary="Have the index made anew")
async def rebuild(ctx: Ctx, service: Service) -> Rebuilt:
    return Rebuilt(edition=await service.rebuild(ctx))


async def _answer(
    ctx: Context, service: Search, goods: Catalog, stores: Vendors, body: SearchBody
) -> Response:
    hits = await service.products(
        ctx,
        words=body.query,
        category_ids=await _category_ids(ctx, goods, body.category),
        vendor_id=await _vendor_id(ctx, stores, body.vendor),
        price_min=body.price_min,
        price_max=body.price_max,
        brands=body.brands or None,
        attributes=body.attributes or None,
        sort=body.sort,
        limit=body.limit,
        cursor=body.cursor,
        explain=body.explain,
    )
    # Serialised once, by Pydantic itself: this is read often.
    return Response(hits.model_dump_json(), media_type="application/json")


async def _category_ids(ctx: Context, goods: Catalog, ref: str | None) -> list[UUID] | None:
    """The category and all below it; None for none asked for."""
    if ref is None:
        return None
    found = below(await goods.categories(ctx), ref)
    if not found:
        raise Invalid.at("category", "There is no such category.", "category_unknown")
    return found


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
