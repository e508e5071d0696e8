"""What vendors are asked for, and the terms they accept: kept by the operator."""

from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.onboarding.api import (
    BusinessType,
    DocumentType,
    Item,
    ItemKind,
    ListedItem,
    Onboarding,
    TermsDraft,
)
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.vendor.onboarding import FIELDS
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, NotFound, Problem

router = APIRouter()
HERE = "/admin/onboarding"
SECTION = "/admin/vendors"
KINDS: dict[str, str] = {
    "document": "A document",
    "business": "Business data",
    "bank_account": "A bank account",
    "profile": "A store profile",
    "terms": "Terms accepted",
}
assert set(KINDS) == set(get_args(ItemKind))
DOCUMENTS = [(one, one.capitalize()) for one in get_args(DocumentType)]
TYPES = [(one, one.replace("_", " ").capitalize()) for one in get_args(BusinessType)]


@router.get("/admin/onboarding")
async def show(visit: Staff) -> Response:
    items = await visit.doors[Onboarding].checklist(visit.ctx)
    versions = await visit.doors[Onboarding].versions(visit.ctx)
    return page(
        visit, "onboarding.html", SECTION, items=items, kinds=KINDS, versions=versions
    )  # fmt: skip


@router.get("/admin/onboarding/items/new")
async def new(visit: Staff) -> Response:
    return _form(visit, None, Form())


@router.post("/admin/onboarding/items/new")
async def add(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        item = _item(values, values.get("kind", ""))
        await visit.doors[Onboarding].save_item(visit.ctx, id=uuid_in(values, "id"), item=item)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return _form(visit, None, Form(values, problem), problem.status)
    visit.flash("Vendors are asked for it from now on.")
    return visit.redirect(HERE)


@router.get("/admin/onboarding/items/{id}")
async def item(visit: Staff, id: UUID) -> Response:
    return _form(visit, await _known(visit, id), Form())


@router.post("/admin/onboarding/items/{id}")
async def save(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    known = await _known(visit, id)
    try:
        wanted = _item(values, known.kind)
        await visit.doors[Onboarding].save_item(visit.ctx, id=id, item=wanted)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return _form(visit, known, Form(values, problem), problem.status)
    visit.flash("Saved.")
    return visit.redirect(HERE)


@router.post("/admin/onboarding/items/{id}/remove")
async def remove(visit: Staff, id: UUID) -> Response:
    await visit.doors[Onboarding].remove_item(visit.ctx, id=id)
    visit.flash("Vendors are asked for it no more.")
    return visit.redirect(HERE)


@router.get("/admin/onboarding/terms")
async def terms(visit: Staff, cursor: str | None = None, after: str | None = None) -> Response:
    return await _terms(visit, Form(), cursor=cursor, after=after)


@router.post("/admin/onboarding/terms")
async def publish(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        draft = read(TermsDraft, values)
        made = await visit.doors[Onboarding].publish_terms(
            visit.ctx, id=uuid_in(values, "id"), draft=draft
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _terms(visit, Form(values, problem), problem.status)
    visit.flash(f"Version {made.version} is published. Vendors are asked to accept it.")
    return visit.redirect(f"{HERE}/terms")


def _item(values: Mapping[str, str], kind: str) -> Item:
    """The form as an item. Invalid."""
    place = values.get("position", "")
    if place and not (place.isascii() and place.isdecimal() and len(place) < 4):
        raise Invalid.at("position", "Give a whole number up to 999.", "number_invalid")
    given: dict[str, Any] = {
        "kind": kind,
        "title": values.get("title", ""),
        "hint": values.get("hint", ""),
        "required": "yes" if values.get("required") == "on" else "no",
        "position": place or "0",
    }
    if kind == "document":
        given["document_type"] = values.get("document_type", "")
    found = read(Item, given | {"fields": _fields(values)} if kind == "business" else given)
    types = [code for code, _ in TYPES if values.get(f"type_{code}") == "on"]
    return found.model_copy(update={"business_types": types})


def _fields(values: Mapping[str, str]) -> Any:
    found = [name for name in FIELDS if values.get(f"field_{name}") == "on"]
    if not found:
        raise Invalid.at("fields", "Choose at least one.", "missing")
    return found


async def _known(visit: Visit, id: UUID) -> ListedItem:
    items: list[ListedItem] = await visit.doors[Onboarding].checklist(visit.ctx)
    for one in items:
        if one.id == id:
            return one
    raise NotFound


def _form(visit: Visit, known: ListedItem | None, form: Form, status: int = 200) -> Response:
    return page(
        visit,
        "onboarding_item.html",
        SECTION,
        status,
        item=known,
        kinds=list(KINDS.items()),
        kind=KINDS[known.kind] if known else "",
        documents=DOCUMENTS,
        fields=[(name, label) for name, (label, _, _) in FIELDS.items()],
        types=TYPES,
        form=form,
        new_id=visit.ctx.new_id(),
    )


async def _terms(
    visit: Visit,
    form: Form,
    status: int = 200,
    cursor: str | None = None,
    after: str | None = None,
) -> Response:
    onboarding = visit.doors[Onboarding]
    versions = await onboarding.versions(visit.ctx)
    found = await onboarding.acceptances(visit.ctx, cursor=cursor or None)
    missing = await onboarding.not_accepted(visit.ctx, cursor=after or None)
    named = [one.vendor_id for one in (*found.items, *missing.items)]
    return page(
        visit,
        "onboarding_terms.html",
        SECTION,
        status,
        versions=versions,
        acceptances=found.items,
        next=found.next,
        missing=missing.items,
        next_missing=missing.next,
        vendors=await vendors_by_id(visit, named),
        form=form,
        new_id=visit.ctx.new_id(),
    )
