"""Vendors: by name, or those that fit what was asked for."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import Narrow, Search
from haat.domains.people.vendors.api import Vendors
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.store.tree import Tree

router = APIRouter()
RATINGS = (("400", "4 stars and up"), ("300", "3 stars and up"), ("200", "2 stars and up"))
SORTS = (("relevance", "Best match"), ("rating", "Best rated first"))
Text = Annotated[str, Query(max_length=200)]


@router.get("/vendors")
async def vendors(
    visit: Shopping,
    q: Text = "",
    category: Text = "",
    rating: Literal["", "400", "300", "200"] = "",
    verified: Text = "",
    sort: Literal["", "relevance", "rating"] = "",
    cursor: str | None = None,
) -> Response:
    values = {
        "q": q.strip(), "category": category, "rating": rating, "verified": verified, "sort": sort,
    }  # fmt: skip
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    meant = None
    if any(values.values()):
        found = await visit.doors[Search].vendors(
            visit.ctx,
            words=values["q"],
            category_ids=tree.below(tree.find(category).id) if category else None,
            narrow=Narrow(rating_min=int(rating) if rating else None, verified=bool(verified)),
            sort=sort or "relevance",
            cursor=cursor or None,
        )
        known = {
            one.id: one
            for one in await visit.doors[Vendors].by_ids(
                visit.ctx, ids=[one.id for one in found.items]
            )
        }
        items = [known[one.id] for one in found.items if one.id in known]
        following, total, meant = found.next, found.total, found.did_you_mean
    else:
        page = await visit.doors[Vendors].listed(visit.ctx, cursor=cursor or None)
        items, following, total = page.items, page.next, None
    return visit.page(
        "store/vendors.html",
        vendors=items,
        next=following,
        total=total,
        meant=meant,
        form=Form(values),
        values=values,
        categories=[(one.slug, one.name) for one in tree.roots],
        ratings=RATINGS,
        sorts=SORTS,
    )
