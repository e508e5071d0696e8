"""The category tree."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from haat.domains.goods.catalog.api import Attribute, Catalog, Category
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, NotFound, Problem

router = APIRouter()
HERE = "/admin/categories"
AT = {
    "category_slug_taken": "slug",
    "category_unknown": "parent_id",
    "category_cycle": "parent_id",
    "category_too_deep": "parent_id",
}
POSITION_MAX = 100_000
TEMPLATE_MAX = 60  # lines


@router.get("/admin/categories")
async def listed(visit: Staff) -> Response:
    return await _page(visit, None, Form())


@router.post("/admin/categories")
async def add(visit: Staff, request: Request) -> Response:
    return await _save(visit, None, request)


@router.get("/admin/categories/{id}")
async def edit(visit: Staff, id: UUID) -> Response:
    return await _page(visit, id, Form())


@router.post("/admin/categories/{id}")
async def change(visit: Staff, id: UUID, request: Request) -> Response:
    return await _save(visit, id, request)


async def _save(visit: Visit, id: UUID | None, request: Request) -> Response:
    values = await form_of(request)
    try:
        given = given_by(values)
        if id is None:
            id_to_save = given.pop("id")
        else:
            given.pop("id")
            id_to_save = id
        saved = await visit.doors[Catalog].save_category(visit.ctx, id=id_to_save, **given)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem, AT), problem.status)
    visit.flash(f"The category {saved.name} is saved.")
    return visit.redirect(HERE)


def given_by(values: Mapping[str, str]) -> dict[str, Any]:
    """The form read; Invalid with every field that is wrong."""
    reader = Reader(values)
    found = {
        "id": reader.id("id"),
        "name": reader.text("name", longest=80),
        "parent_id": reader.id_or_none("parent_id"),
        "slug": reader.text("slug", longest=80, required=False) or None,
        "position": reader.whole("position", most=POSITION_MAX, empty=0),
        "icon": reader.text("icon", longest=40, required=False) if "icon" in values else None,
        "active": values.get("active") == "on" if "has_active" in values else None,
        "template": template_of(reader, values["template"]) if "template" in values else None,
    }
    reader.done()
    return found


def template_of(reader: Reader, text: str) -> list[Attribute]:
    """A template written as lines: key | name | kind | unit or choices | required, filterable."""
    found = []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines[:TEMPLATE_MAX], 1):
        key, name, kind, more, flags = ([p.strip() for p in line.split("|")] + [""] * 5)[:5]
        several = [one.strip() for one in more.split(",") if one.strip()]
        try:
            found.append(
                Attribute.model_validate(
                    {
                        "key": key,
                        "name": name,
                        "kind": kind or "text",
                        "unit": more if kind == "number" else "",
                        "choices": several if kind in ("choice", "choices") else [],
                        "required": "required" in flags,
                        "filterable": "filterable" in flags,
                    }
                )
            )
        except ValidationError:
            reader.refuse("template", f"Line {number} is not understood.", "template_invalid")
            break
    return found


def lines_of(template: Sequence[Attribute]) -> str:
    """The lines that `template_of` reads the same template from."""
    found = []
    for one in template:
        flags = [w for w, on in (("required", one.required), ("filterable", one.filterable)) if on]
        more = one.unit or ", ".join(one.choices)
        found.append(" | ".join([one.key, one.name, one.kind, more, ", ".join(flags)]).rstrip(" |"))
    return "\n".join(found)


async def _page(visit: Visit, id: UUID | None, form: Form, status: int = 200) -> Response:
    """The tree with the form that adds one, or a category's own page."""
    if not visit.ctx.has("staff:products"):
        raise Forbidden
    categories: list[Category] = await visit.doors[Catalog].categories(visit.ctx)
    tree = Tree(categories)
    category = tree.get(id)
    if id is not None and category is None:
        raise NotFound("There is no such category.")
    inside = set(tree.below(id)) if id else set()
    own = await visit.doors[Catalog].template(visit.ctx, category_id=id) if id else []
    return page(
        visit,
        "categories.html" if category is None else "category.html",
        HERE,
        status,
        rows=list(_walk(tree, None, 0)),
        category=category,
        lines=lines_of(own),
        parents=[
            (one.id, " / ".join(c.name for c in tree.path(one.id)))
            for one, _ in _walk(tree, None, 0)
            if one.id not in inside
        ],
        form=form,
        new_id=visit.ctx.new_id(),
    )


def _walk(tree: Tree, parent_id: UUID | None, depth: int) -> list[tuple[Category, int]]:
    """Every category below its parent, with how deep it stands (a tree has at most 8 levels)."""
    found = []
    for category in tree.children(parent_id):
        found.append((category, depth))
        found += _walk(tree, category.id, depth + 1)
    return found
