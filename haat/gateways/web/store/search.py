"""Search: words, filters with how many hits each would leave, a sort order, help without hits."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import Completion, Hits, Search, Value
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.views import cards
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.pages import query
from haat.gateways.web.store import search_asking as asking
from haat.gateways.web.store.search_asking import Asked
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Problem

router = APIRouter()
SORTS = (
    ("relevance", "Best match"),
    ("newest", "Newest first"),
    ("price", "Price, low to high"),
    ("-price", "Price, high to low"),
    ("rating", "Best rated first"),
)
NEAREST = ("distance", "Nearest first")
Sort = Literal["relevance", "newest", "price", "-price", "rating", "distance"]
SHOWN, ATTRIBUTES, COMPLETED = 12, 8, 5  # choices of a group, groups of attributes, completions


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a group: its box, and how many hits have it."""

    name: str
    value: str
    label: str
    count: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    choices: list[Choice]

    @property
    def is_open(self) -> bool:
        return any(one.is_on for one in self.choices)


@router.get("/search")
async def search(
    visit: Shopping, request: Request, sort: Sort = "relevance", cursor: str | None = None
) -> Response:
    asked = asking.read(request.query_params, sort)
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    chosen = [tree.find(one) for one in asked.lists["category"]]
    owners = [await _owner(visit, slug) for slug in asked.lists["vendor"]]
    try:
        low, high = asking.prices(asked, visit.market.currency)
        narrow = asking.narrow(asked, [one.id for one in owners] or None)
        if sort == "distance" and narrow.near is None:
            sort = "relevance"
        hits: Hits = await visit.doors[Search].products(
            visit.ctx,
            words=asked.words,
            category_ids=[id for one in chosen for id in tree.below(one.id)] or None,
            price_min=low,
            price_max=high,
            brands=asked.lists["brand"] or None,
            attributes=asked.attributes or None,
            narrow=narrow,
            sort=sort,
            cursor=cursor or None,
        )
    except Problem as problem:
        if problem.status != 422:
            raise
        hits, form = Hits(items=[], total=0), Form(asked.single, problem)
    else:
        form = Form({**asked.single, "sort": sort})
    products, vendors, suggestions = await asyncio.gather(
        cards(visit.doors, visit.ctx, hits.items, visit.viewing),
        _vendors(visit, [facet.id for facet in hits.vendors]),
        _suggestions(visit, asked.words, hits, form),
    )
    known = {one.id: one for one in [*vendors, *owners]}
    is_rated = bool(asked.single["rating"]) or any(one.count for one in hits.ratings)
    return visit.page(
        "store/search.html",
        form.problem.status if form.problem else 200,
        words=asked.words,
        asked=asked,
        form=form,
        hits=hits,
        products=products,
        suggestions=suggestions,
        is_start=not cursor,
        roots=tree.roots,
        sorts=(*SORTS, NEAREST) if asking.near(asked) else SORTS,
        groups=_groups(asked, hits, tree, known),
        told=lambda count: told(count, hits.counted),
        ratings=[
            (str(one.least), f"{one.least // 100} stars and up ({told(one.count, hits.counted)})")
            for one in (hits.ratings if is_rated else ())
            if one.least in asking.RATINGS
        ],
        places=_places(known, asked),
        kilometres=_kilometres(hits),
        applied=_applied(asked, tree, known),
        far={one.id: one.km for one in hits.distances},
    )


async def _owner(visit: Visit, slug: str) -> Vendor:
    found: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=slug)
    return found


async def _vendors(visit: Visit, ids: list[UUID]) -> list[Vendor]:
    return await visit.doors[Vendors].by_ids(visit.ctx, ids=ids) if ids else []


async def _suggestions(visit: Visit, words: str, hits: Hits, form: Form) -> list[str]:
    """Titles that begin like one of the words, where nothing was found."""
    if hits.total or not words or form.problem:
        return []
    prefix = max(words.split(), key=len)[:4]
    found: list[str] = await visit.doors[Search].suggest(visit.ctx, prefix=prefix)
    return found


# -- what can be chosen ----------------------------------------------------------------------------


def _groups(asked: Asked, hits: Hits, tree: Tree, vendors: dict[UUID, Vendor]) -> list[Group]:
    shelves = [(tree.get(one.id), one.count) for one in hits.categories]
    owners = [(vendors.get(one.id), one.count) for one in hits.vendors]
    found = [
        _group(asked, "Category", "category", [(c.slug, c.name, n) for c, n in shelves if c]),
        _group(asked, "Brand", "brand", _values(hits.facets.get("brand", []))),
        _group(asked, "Vendor", "vendor", [(v.slug, v.name, n) for v, n in owners if v]),
    ]
    attributes = [name for name in hits.facets if name.startswith("attribute:")]
    for name in sorted(attributes, key=lambda name: -_weight(asked, hits, name))[:ATTRIBUTES]:
        title = name.removeprefix("attribute:")
        values = [(f"{title}:{v}", label, n) for v, label, n in _values(hits.facets[name])]
        found.append(_group(asked, title.replace("_", " ").capitalize(), "attr", values))
    return [group for group in found if len(group.choices) > 1 or group.is_open]


def _values(values: list[Value]) -> list[tuple[str, str, int]]:
    return [(one.value, one.value, one.count) for one in values]


def _weight(asked: Asked, hits: Hits, name: str) -> int:
    """What was chosen among comes first, then what most hits say something of."""
    chosen = name.removeprefix("attribute:") in asked.attributes
    return sum(one.count for one in hits.facets[name]) + chosen * 10**9


def _group(asked: Asked, title: str, name: str, values: list[tuple[str, str, int]]) -> Group:
    """The most frequent ones; what is chosen stays in its group, even without a hit."""
    on = asked.lists[name]
    choices = [Choice(name, value, label, n, value in on) for value, label, n in values]
    first = choices[:SHOWN] + [one for one in choices[SHOWN:] if one.is_on]
    if name != "attr":
        known = {one.value for one in first}
        first += [Choice(name, value, value, 0, True) for value in on if value not in known]
    return Group(title, first)


def told(count: int, share: float) -> str:
    """How many there are: about so many where only a share of the hits was counted."""
    if share == 1.0:
        return f"{count:,}"
    step: int = 10 ** max(0, len(str(count)) - 2)
    return f"about {round(count / step) * step:,}"


def _places(vendors: dict[UUID, Vendor], asked: Asked) -> list[tuple[str, str]]:
    """Where these vendors are, by name, to look near; and where was looked near already."""
    named = {
        one.location.place: f"{one.location.latitude:.4f},{one.location.longitude:.4f}"
        for one in vendors.values()
        if one.location and one.location.place
    }
    found = [(point, place) for place, point in sorted(named.items())]
    here = asked.single["near"]
    if here and here not in dict(found):
        found.insert(0, (here, "The place you chose"))
    return found


def _kilometres(hits: Hits) -> list[tuple[str, str]]:
    counts = {ring.km: f" ({told(ring.count, hits.counted)})" for ring in hits.rings}
    return [(str(km), f"{km} km{counts.get(km, '')}") for km in asking.KILOMETRES]


def _applied(asked: Asked, tree: Tree, vendors: dict[UUID, Vendor]) -> list[tuple[str, str]]:
    """What is chosen, each with the address without it."""
    names = {one.slug: one.name for one in vendors.values()}
    found = [
        (tree.find(one).name, asked.without("category", one)) for one in asked.lists["category"]
    ]
    found += [(one, asked.without("brand", one)) for one in asked.lists["brand"]]
    found += [(names.get(one, one), asked.without("vendor", one)) for one in asked.lists["vendor"]]
    found += [(one.replace(":", ": "), asked.without("attr", one)) for one in asked.lists["attr"]]
    for name, label in (
        ("price_min", "From {}"), ("price_max", "Up to {}"), ("stock", "In stock"),
        ("verified", "Verified vendors"), ("near", "Nearby"),
    ):  # fmt: skip
        if asked.single[name]:
            found.append((label.format(asked.single[name]), asked.without(name)))
    if asked.single["rating"]:
        stars = asked.single["rating"][:1]
        found.append((f"{stars} stars and up", asked.without("rating")))
    return found


# -- while typing --------------------------------------------------------------------------------


@router.get("/search/complete")
async def complete(
    visit: Shopping, q: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, list[dict[str, str]]]:
    """What may be meant by what is typed so far, with where each leads; for the search box."""
    found: Completion = await visit.doors[Search].complete(visit.ctx, prefix=q, limit=COMPLETED)
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx)) if found.categories else Tree([])
    shelves = [one for id in found.categories if (one := tree.get(id)) is not None]
    rows = [
        *(("Search", words, f"/search{query(q=words)}") for words in found.searches),
        *(("Category", one.name, f"/categories/{one.slug}") for one in shelves),
        *(("Product", one.title, f"/products/{one.slug}") for one in found.products),
        *(("Vendor", one.name, f"/vendors/{one.slug}") for one in found.vendors),
    ]
    return {"items": [{"kind": kind, "text": text, "href": href} for kind, text, href in rows]}
