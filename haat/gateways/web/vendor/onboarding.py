"""What the market asks a new vendor for: one step after the other, each saved by itself."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from haat.domains.people.onboarding.api import (
    DOCUMENT_BYTES_MAX,
    BusinessData,
    Document,
    DocumentTooLarge,
    ItemProgress,
    Onboarding,
    Progress,
    Terms,
)
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.ids import derive

router = APIRouter()
HERE = "/vendor/onboarding"
AT = {
    "document_unreadable": "file", "document_too_large": "file", "documents_full": "file",
    "terms_outdated": "accepted",
}  # fmt: skip
# Where a step is done that has pages of its own.
ELSEWHERE = {"bank_account": "/vendor/money/bank", "profile": "/vendor/profile"}
# (label, autocomplete, kind of field) of what a step of business data may ask for.
FIELDS = {
    "legal_name": ("Legal name of the owner or firm", "organization", "text"),
    "registration_number": ("Registration number", "off", "text"),
    "tax_number": ("Tax or VAT number", "off", "text"),
    "street": ("Street and number", "street-address", "text"),
    "postal_code": ("Postal code", "postal-code", "text"),
    "city": ("City", "address-level2", "text"),
    "country": ("Country", "country", "country"),
    "phone": ("Phone", "tel", "tel"),
}


@router.get("/vendor/onboarding")
async def show(visit: Team) -> Response:
    return await _overview(visit, Form())


@router.post("/vendor/onboarding/submit")
async def submit(visit: Team) -> Response:
    try:
        await visit.doors[Onboarding].submit(visit.ctx, vendor_id=vendor_of(visit))
    except Problem as problem:
        if problem.status >= 500 or problem.status in (401, 403):
            raise
        return await _overview(visit, Form({}, problem), problem.status)
    visit.flash("Your application is with the market now. You get a mail when it is decided.")
    return visit.redirect(HERE)


@router.get("/vendor/terms")
async def terms(visit: Team) -> Response:
    return await _terms(visit, Form())


@router.post("/vendor/terms")
async def accept(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        await _accept(visit, values)
    except Problem as problem:
        if problem.status >= 500 or problem.status in (401, 403):
            raise
        return await _terms(visit, Form(values, problem, AT), problem.status)
    visit.flash("The terms are accepted.")
    return visit.redirect("/vendor")


@router.get("/vendor/onboarding/{id}")
async def step(visit: Team, id: UUID) -> Response:
    return await _step(visit, id, Form())


@router.post("/vendor/onboarding/{id}")
async def save(visit: Team, id: UUID, request: Request) -> Response:
    """Saves the step and goes on to the next that is open."""
    values = await form_of(request)
    progress, here = await _found(visit, id)
    try:
        kind = here.item.kind
        if kind == "business":
            progress = await _save_business(visit, progress, here, values)
        elif kind == "document":
            await _send(visit, request, values, id)
        elif kind == "terms":
            await _accept(visit, values)
        else:
            raise NotFound
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status in (401, 403):
            raise
        return await _step(visit, id, Form(values, problem, AT), problem.status)
    visit.flash("Saved.")
    progress = await visit.doors[Onboarding].progress(visit.ctx, vendor_id=vendor_of(visit))
    return visit.redirect(_next(progress.items, id))


@router.post("/vendor/onboarding/documents/{id}/remove")
async def remove(visit: Team, id: UUID) -> Response:
    await visit.doors[Onboarding].remove_document(visit.ctx, id=id)
    visit.flash("The document is removed.")
    return visit.back(HERE)


async def _save_business(
    visit: Visit, progress: Progress, here: ItemProgress, values: dict[str, str]
) -> Progress:
    """Fields of other steps stay as they are. What is given is kept, also where some is missing;
    then it is said what is."""
    given: dict[str, str] = {name: values.get(name, "") for name in here.item.fields}
    read(BusinessData, given)  # refuses what is too long, at its field
    data = progress.business.model_copy(update=given)
    saved: Progress = await visit.doors[Onboarding].save_business(
        visit.ctx, vendor_id=vendor_of(visit), data=data
    )
    return saved


async def _send(visit: Visit, request: Request, values: dict[str, str], item_id: UUID) -> None:
    form: Any = await request.form()  # read once already: Starlette keeps it
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid.at("file", "Choose a file, or take a photograph.", "missing")
    content = await file.read(DOCUMENT_BYTES_MAX + 1)
    if len(content) > DOCUMENT_BYTES_MAX:
        raise DocumentTooLarge
    # The same file sent twice by the same form is one.
    id = derive(uuid_in(values, "id"), f"document:{sha256(content).hexdigest()}")
    await visit.doors[Onboarding].add_document(
        visit.ctx, id=id, vendor_id=vendor_of(visit), item_id=item_id,
        name=file.filename[:200], content=content,
    )  # fmt: skip


async def _accept(visit: Visit, values: dict[str, str]) -> None:
    version = values.get("version", "")
    if values.get("accepted") != "on":
        raise Invalid.at("accepted", "Tick the box to accept them.", "missing")
    if not (version.isascii() and version.isdecimal() and len(version) < 9):
        raise Invalid.at("version", "This is not a version.", "number_invalid")
    await visit.doors[Onboarding].accept_terms(
        visit.ctx, vendor_id=vendor_of(visit), version=int(version)
    )


def _next(items: Sequence[ItemProgress], id: UUID) -> str:
    """The next step that waits for the vendor behind this one, else the first, else the list."""
    places = [one.item.id for one in items]
    after = places.index(id) + 1 if id in places else 0
    for one in (*items[after:], *items[:after]):
        if one.state in ("open", "refused") and one.item.id != id:
            return ELSEWHERE.get(one.item.kind, f"{HERE}/{one.item.id}")
    return HERE


async def _found(visit: Visit, id: UUID) -> tuple[Progress, ItemProgress]:
    progress: Progress = await visit.doors[Onboarding].progress(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    here = next((one for one in progress.items if one.item.id == id), None)
    if here is None:
        raise NotFound
    return progress, here


async def _overview(visit: Visit, form: Form, status: int = 200) -> Response:
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(vendor_of(visit)))
    progress: Progress = await visit.doors[Onboarding].progress(visit.ctx, vendor_id=vendor.id)
    done = sum(one.state not in ("open", "refused") for one in progress.items)
    return page(
        visit,
        "onboarding.html",
        HERE,
        status,
        vendor=vendor,
        progress=progress,
        done=done,
        elsewhere=ELSEWHERE,
        next=_next(progress.items, UUID(int=0)),
        form=form,
    )


async def _terms(visit: Visit, form: Form, status: int = 200) -> Response:
    """The newest terms, whether or not the checklist asks for them."""
    onboarding = visit.doors[Onboarding]
    newest: Terms | None = await onboarding.terms(visit.ctx)
    progress: Progress = await onboarding.progress(visit.ctx, vendor_id=vendor_of(visit))
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(vendor_of(visit)))
    return page(
        visit,
        "terms.html",
        HERE,
        status,
        terms=newest,
        due=progress.terms_due,
        held=vendor.listings_held,
        form=form,
    )


async def _step(visit: Visit, id: UUID, form: Form, status: int = 200) -> Response:
    progress, here = await _found(visit, id)
    if here.item.kind in ELSEWHERE:
        return visit.redirect(ELSEWHERE[here.item.kind])
    onboarding = visit.doors[Onboarding]
    documents: list[Document] = []
    terms: Terms | None = None
    if here.item.kind == "document":
        known = await onboarding.documents(visit.ctx, vendor_id=vendor_of(visit))
        documents = [one for one in known if one.item_id == id]
    elif here.item.kind == "terms":
        terms = await onboarding.terms(visit.ctx)
    places = [one.item.id for one in progress.items]
    return page(
        visit,
        "onboarding_step.html",
        HERE,
        status,
        progress=progress,
        here_now=here,
        number=places.index(id) + 1,
        fields=FIELDS,
        countries=countries(),
        documents=documents,
        terms=terms,
        form=form,
        new_id=visit.ctx.new_id(),
    )
