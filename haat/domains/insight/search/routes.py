"""Search over REST."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from haat.domains.goods.catalog.api import Catalog, Listing
from haat.domains.insight.search.api import (
    RADIUS_MAX_KM,
    AskedInVain,
    Completion,
    Discovery,
    FoundVendors,
    Hits,
    Narrow,
    Near,
    PastSearch,
    Ranking,
    Search,
    SearchReport,
    Sort,
    SynonymGroup,
    VendorSort,
    Words,
)
from haat.domains.insight.search.naming import (
    Named,
    category_ids_of,
    each,
    only,
    vendor_ids_of,
)
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.model import Body, Model
from haat.kernel.money import MINOR_MAX
from haat.kernel.page import LIMIT_MAX

router = APIRouter(tags=["search"])

Service = Annotated[Search, Door(Search)]
Goods = Annotated[Catalog, Door(Catalog)]
Stores = Annotated[Vendors, Door(Vendors)]
Settings = Annotated[Market, Door(Market)]
Typed = Annotated[str, Query(max_length=200)]
Refs = Annotated[Sequence[Annotated[str, Field(max_length=120)]], Query(max_length=50)]
RatingMin = Annotated[int | None, Query(alias="ratingMin", ge=100, le=500)]
Point = Annotated[str | None, Query(max_length=60)]
Radius = Annotated[int | None, Query(alias="withinKm", ge=1, le=RADIUS_MAX_KM)]
Price = Annotated[int | None, Query(ge=0, le=MINOR_MAX)]
Many = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Few = Annotated[int, Query(ge=1, le=20)]
Text = Annotated[str, Field(max_length=200)]
Some = Annotated[list[Text], Field(max_length=100)]


class NearBody(Body, Near):
    pass


Reference = Annotated[str, Field(max_length=120)]


class SearchBody(Body):
    """Categories and vendors are ids or slugs (`category` and `vendor`: one more of each); prices
    in minor units; `attributes`: name → values of which a hit has one; `rating_min` in hundredths
    of a star; `near` with a distance in kilometres, or none to measure only."""

    query: Words = ""
    category: Reference | None = None
    vendor: Reference | None = None
    categories: Annotated[list[Reference], Field(max_length=50)] = []
    vendors: Annotated[list[Reference], Field(max_length=50)] = []
    rating_min: Annotated[int, Field(ge=100, le=500)] | None = None
    in_stock: bool = False
    verified: bool = False
    near: NearBody | None = None
    price_min: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    price_max: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    brands: Some = []
    attributes: Annotated[dict[Text, Some], Field(max_length=20)] = {}
    sort: Sort = "relevance"
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 24
    cursor: Annotated[str, Field(max_length=1000)] | None = None
    explain: bool = False


class Found(Hits):
    """A member of a customer group is told their own prices, and beside them `usualPrice` and
    `priceNote`; hits are ordered and narrowed by everybody's."""

    prices_include_tax: bool


class Suggestions(Model):
    items: list[str]


class PastSearches(Model):
    items: list[PastSearch]


class SynonymsBody(Body):
    words: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=60)]],
        Field(min_length=2, max_length=20),
    ]
    one_way: bool = False


class SynonymGroups(Model):
    items: list[SynonymGroup]


class InVain(Model):
    items: list[AskedInVain]


class RankingBody(Body, Ranking):
    pass


class Rebuilt(Model):
    """The number of the index that is being made."""

    edition: int


class Trending(Model):
    trending: list[Listing]


@router.get("/search", response_model=Found, summary="Products by words")
async def search(
    ctx: Ctx,
    service: Service,
    goods: Goods,
    stores: Stores,
    market: Settings,
    q: Typed = "",
    category: Refs = (),
    vendor: Refs = (),
    price_min: Annotated[Price, Query(alias="priceMin")] = None,
    price_max: Annotated[Price, Query(alias="priceMax")] = None,
    brand: Annotated[Sequence[Text], Query(max_length=100)] = (),
    attribute: Annotated[Sequence[Text], Query(max_length=100)] = (),
    rating_min: RatingMin = None,
    in_stock: Annotated[bool, Query(alias="inStock")] = False,
    verified: bool = False,
    near: Point = None,
    within_km: Radius = None,
    sort: Sort = "relevance",
    limit: Many = 24,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    explain: bool = False,
) -> Any:
    """Products on sale with all words, else most, else any of them. Category and vendor by id or
    slug; prices in minor units; `attribute` is "Colour:Red"; `near` is "latitude,longitude". What
    is named several times has one of these. The same in a body: POST /marketplace/search."""
    body = SearchBody(
        query=q,
        categories=list(filter(None, category)),
        vendors=list(filter(None, vendor)),
        price_min=price_min,
        price_max=price_max,
        brands=list(filter(None, brand)),
        attributes=_attributes(attribute),
        rating_min=rating_min,
        in_stock=in_stock,
        verified=verified,
        near=_near(near, within_km),
        sort=sort,
        limit=limit,
        cursor=cursor,
        explain=explain,
    )
    named = Named(
        [("category", ref) for ref in body.categories], [("vendor", ref) for ref in body.vendors]
    )
    return await _answer(ctx, service, goods, stores, market, body, named)


@router.post("/marketplace/search", response_model=Found, summary="The same, asked in a body")
async def structured(
    body: SearchBody, ctx: Ctx, service: Service, goods: Goods, stores: Stores, market: Settings
) -> Any:
    named = Named(
        [*only("category", body.category), *each("categories", body.categories)],
        [*only("vendor", body.vendor), *each("vendors", body.vendors)],
    )
    return await _answer(ctx, service, goods, stores, market, body, named)


@router.get("/search/suggest", summary="Titles with a word that begins like this")
async def suggest(ctx: Ctx, service: Service, q: Typed = "", limit: Few = 8) -> Suggestions:
    return Suggestions(items=await service.suggest(ctx, prefix=q, limit=limit))


@router.get("/search/complete", summary="What may be meant by what is typed so far")
async def complete(ctx: Ctx, service: Service, q: Typed = "", limit: Few = 5) -> Completion:
    return await service.complete(ctx, prefix=q, limit=limit)


@router.get("/search/vendors", summary="Vendors by name, category, rating and place")
async def vendors(
    ctx: Ctx,
    service: Service,
    goods: Goods,
    q: Typed = "",
    category: Refs = (),
    rating_min: RatingMin = None,
    verified: bool = False,
    near: Point = None,
    within_km: Radius = None,
    sort: VendorSort = "relevance",
    limit: Many = 24,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> FoundVendors:
    return await service.vendors(
        ctx,
        words=q,
        category_ids=await category_ids_of(
            ctx, goods, [("category", ref) for ref in category if ref]
        ),
        narrow=Narrow(rating_min=rating_min, verified=verified, near=_near(near, within_km)),
        sort=sort,
        limit=limit,
        cursor=cursor,
    )


@router.get("/search/trending")
async def trending(ctx: Ctx, service: Service, limit: Few = 12) -> Trending:
    """Products that were bought most in the last weeks."""
    return Trending(trending=await service.trending(ctx, limit=limit))


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
    return await service.save_synonyms(ctx, id=ctx.new_id(), words=body.words, one_way=body.one_way)


@router.put("/admin/search/synonyms/{id}", summary="Change a group of synonyms")
async def change_synonyms(id: UUID, body: SynonymsBody, ctx: Ctx, service: Service) -> SynonymGroup:
    return await service.save_synonyms(ctx, id=id, words=body.words, one_way=body.one_way)


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


@router.get("/admin/search/report", summary="What people look for, by day, most often, in vain")
async def report(
    ctx: Ctx, service: Service, days: Annotated[int, Query(ge=1, le=90)] = 30, limit: Many = 20
) -> SearchReport:
    return await service.report(ctx, days=days, limit=limit)


@router.post("/admin/search/rebuild", status_code=202, summary="Have the index made anew")
async def rebuild(ctx: Ctx, service: Service) -> Rebuilt:
    return Rebuilt(edition=await service.rebuild(ctx))


async def _answer(
    ctx: Context,
    service: Search,
    goods: Catalog,
    stores: Vendors,
    market: Market,
    body: SearchBody,
    named: Named,
) -> Response:
    hits = await service.products(
        ctx,
        words=body.query,
        category_ids=await category_ids_of(ctx, goods, named.categories),
        price_min=body.price_min,
        price_max=body.price_max,
        brands=body.brands or None,
        attributes=body.attributes or None,
        sort=body.sort,
        limit=body.limit,
        cursor=body.cursor,
        explain=body.explain,
        narrow=Narrow(
            vendor_ids=await vendor_ids_of(ctx, stores, named.vendors),
            rating_min=body.rating_min,
            in_stock=body.in_stock,
            verified=body.verified,
            near=body.near,
        ),
    )
    taxed = (await market.settings(ctx)).prices_include_tax
    found = Found.model_construct(**dict(hits), prices_include_tax=taxed)
    # Serialised once, by Pydantic itself: this is read often.
    return Response(found.model_dump_json(), media_type="application/json")


def _attributes(said: Sequence[str]) -> dict[str, list[str]]:
    """From "Colour:Red" and "Colour:Blue"."""
    found: dict[str, list[str]] = {}
    for one in said:
        name, sign, value = one.partition(":")
        if not sign or not name.strip():
            message = "Say name and value, with a colon between them."
            raise Invalid.at("attribute", message, "attribute_invalid")
        found.setdefault(name.strip(), []).append(value.strip())
    return found


def _near(point: str | None, km: int | None) -> NearBody | None:
    """From "23.8,90.4"."""
    if not point:
        return None
    latitude, _, longitude = point.partition(",")
    try:
        return NearBody(latitude=float(latitude), longitude=float(longitude), km=km)
    except ValueError:
        message = "Say latitude and longitude in degrees, with a comma between them."
        raise Invalid.at("near", message, "point_invalid") from None
