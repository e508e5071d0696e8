"""Vendors, categories and products chosen by typing their names, without a script.

What is chosen stands in the form as ticked boxes `vendor_<id>`; names typed into `vendor_words`
are looked up when the form is sent. One that is clear is taken; of several the form shows boxes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import Hits, Search
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.admin.commissions_words import category_names, named
from haat.gateways.web.visit import Visit
from haat.kernel.errors import FieldError, NotFound

KINDS = ("vendor", "category", "product")
SHOWN = 8  # of several that have such a name
NAME_MAX = 80

Choice = tuple[UUID, str]


@dataclass(slots=True)
class Choosing:
    """One kind's part of the form: what is chosen, and what else it could be."""

    kind: str
    chosen: list[Choice]
    offered: list[Choice] = field(default_factory=list)


async def choosing(visit: Visit, values: dict[str, str]) -> dict[str, Choosing]:
    """Every kind's part, by kind. Names that are clear are taken: they become ticked boxes in
    `values`, and their words leave it."""
    found = {}
    for kind in KINDS:
        words = values.get(f"{kind}_words", "")
        matches = await matching(visit, kind, words) if words else []
        clear = the_one(matches, words)
        if clear is not None:
            values[f"{kind}_{clear[0]}"] = "on"
            values[f"{kind}_words"] = ""
            matches = []
        ids = ids_in(values, kind)
        found[kind] = Choosing(kind, [], [one for one in matches if one[0] not in ids])
    labels = await _labels(visit, values)
    for kind, part in found.items():
        part.chosen = [
            (id, labels.get(id, "Something that is gone")) for id in ids_in(values, kind)
        ]
    return found


def unclear(values: Mapping[str, str], parts: Mapping[str, Choosing]) -> list[FieldError]:
    """What was typed and could not be taken."""
    return [
        FieldError(
            path=f"{kind}_words",
            code="name_unclear" if part.offered else "name_unknown",
            message="Tick which of these you mean." if part.offered else "Nothing is called that.",
        )
        for kind, part in parts.items()
        if values.get(f"{kind}_words")
    ]


def ids_in(values: Mapping[str, str], kind: str) -> list[UUID]:
    """The ids of this kind whose boxes are ticked, in the order of the form."""
    found = []
    for name in values:
        if name.startswith(f"{kind}_"):
            try:
                found.append(UUID(name.removeprefix(f"{kind}_")))
            except ValueError:
                continue  # another field of this kind
    return list(dict.fromkeys(found))


def ticked(kind: str, ids: Iterable[UUID]) -> dict[str, str]:
    return {f"{kind}_{id}": "on" for id in ids}


async def matching(visit: Visit, kind: str, words: str) -> list[Choice]:
    """Up to SHOWN of this kind with such a name, or the one with this id; the best first."""
    words = "".join(c for c in words if c.isprintable())[:NAME_MAX].strip()
    if not words:
        return []
    if kind == "vendor":
        return await _vendors(visit, words)
    if kind == "category":
        return await _categories(visit, words)
    return await _products(visit, words)


def the_one(matches: list[Choice], words: str) -> Choice | None:
    """The only match, or the only one that is called exactly so."""
    if len(matches) == 1:
        return matches[0]
    same = [one for one in matches if _key(one[1]) == _key(words)]
    return same[0] if len(same) == 1 else None


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _id(words: str) -> UUID | None:
    try:
        return UUID(words)
    except ValueError:
        return None


async def _vendors(visit: Visit, words: str) -> list[Choice]:
    id = _id(words)
    found: list[Vendor]
    if id is not None:
        found = await visit.doors[Vendors].by_ids(visit.ctx, ids=[id])
    else:
        found = await visit.doors[Vendors].named(visit.ctx, words=words, limit=SHOWN)
    return [(vendor.id, vendor.name) for vendor in found]


async def _categories(visit: Visit, words: str) -> list[Choice]:
    """By the name of the category itself, else by a part of its path."""
    categories = await visit.doors[Catalog].categories(visit.ctx)
    key, id = _key(words), _id(words)
    own = [c.id for c in categories if c.id == id or _key(c.name) == key or c.slug == key]
    paths = category_names(categories)
    some = own or [id for id, path in paths.items() if key in _key(path)]
    return [(id, paths[id]) for id in some[:SHOWN]]


async def _products(visit: Visit, words: str) -> list[Choice]:
    """By id in any status, else by words among those on sale, else by the last part of a
    product's address."""
    id = _id(words)
    if id is not None:
        titles: dict[UUID, str] = await visit.doors[Catalog].titles(visit.ctx, ids=[id])
        return list(titles.items())
    hits: Hits = await visit.doors[Search].products(visit.ctx, words=words, limit=SHOWN)
    if hits.items:
        return [(one.id, one.title) for one in hits.items]
    try:
        product = await visit.doors[Catalog].product(visit.ctx, ref=words)
    except NotFound:
        return []
    return [(product.id, product.title)]


async def _labels(visit: Visit, values: Mapping[str, str]) -> dict[UUID, str]:
    names = await named(visit, *(ids_in(values, kind) for kind in KINDS))
    return {**names.vendors, **names.categories, **names.products}
