"""Goods in files: sending one, saying what its columns mean, watching it go in; and taking all
goods away as a file."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from haat.domains.goods.imports.api import (
    FIELDS,
    PART_MAX,
    PARTS_MAX,
    FileTooLarge,
    Imports,
    Mapping,
    Preview,
    Run,
)
from haat.engines.http.streaming import attachment, streamed
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, Problem

router = APIRouter()
PRODUCTS, HERE = "/vendor/products", "/vendor/imports"
REFRESH_S = 2
NAME_MAX = 80  # characters of a mapping's name
CSV = "text/csv; charset=utf-8"
COLUMN = "column."  # + the field's name, in a form
FORMATS = {
    "haat": "Our own format",
    "shopify": "Shopify's product export",
    "woocommerce": "WooCommerce's product export",
    "google": "A Google Merchant feed",
    "custom": "A table with columns of its own",
}
OWN_RULES = ("woocommerce", "google")  # nothing to map
STATES = {
    "receiving": "Arriving",
    "ready": "Ready to look at",
    "waiting": "Waiting",
    "running": "Running",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "Failed",
}
# Fields by what they are for, as the mapping screen shows them.
GROUPS = (
    ("The product", ("handle", "title", "description", "category", "brand", "status", "images",
                     "image_alt", "tax_class", "kind")),
    ("Its variants", ("sku", "price", "compare_at", "currency", "stock", "barcode", "weight_g",
                      "weight", "weight_unit", "variant_image")),
    ("Options", ("option1_name", "option1_value", "option2_name", "option2_value", "option3_name",
                 "option3_value", "option_names", "option_values")),
)  # fmt: skip
NAMES = {
    "handle": "Handle (the same for all rows of a product)",
    "compare_at": "Price before",
    "sku": "SKU",
    "weight_g": "Weight in grams",
    "weight": "Weight in another unit",
    "images": "Pictures (addresses)",
    "image_alt": "What the pictures show",
    "variant_image": "Picture of the variant",
    "option_names": "All option names (Size|Colour)",
    "option_values": "All option values (M|Red)",
}


@router.get("/vendor/imports")
async def listed(visit: Team, cursor: str | None = None) -> Response:
    return await _list(visit, cursor, Form({"id": str(visit.ctx.new_id())}))


async def _list(visit: Visit, cursor: str | None, form: Form, status: int = 200) -> Response:
    imports: Imports = visit.doors[Imports]
    found = await imports.runs(visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None)
    return page(
        visit,
        "imports.html",
        PRODUCTS,
        status,
        runs=found.items,
        next=found.next,
        form=form,
        states=STATES,
        formats=FORMATS,
        most_mb=PART_MAX * PARTS_MAX >> 20,
    )


@router.post("/vendor/imports")
async def send(visit: Team, request: Request) -> Response:
    """The file, handed on in parts: never more than one of them is in memory."""
    values = await form_of(request)
    try:
        id = uuid_in(values, "id")
        form: Any = await request.form()
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid.at("file", "Choose a file.", "missing")
        run = await _receive(visit, id, file)
    except Problem as problem:
        if problem.status >= 500:
            raise
        told = Form(values, problem, {"import_too_large": "file"})
        return await _list(visit, None, told, problem.status)
    return visit.redirect(f"{HERE}/{run.id}")


async def _receive(visit: Visit, id: UUID, file: UploadFile) -> Run:
    imports: Imports = visit.doors[Imports]
    number, content = 0, await file.read(PART_MAX)
    while True:
        following = await file.read(PART_MAX)
        run = await imports.receive(
            visit.ctx,
            id=id,
            vendor_id=vendor_of(visit),
            file_name=str(file.filename)[:200],
            number=number,
            content=content,
            last=not following,
        )
        if not following:
            return run
        number, content = number + 1, following
        if number >= PARTS_MAX:
            raise FileTooLarge


@router.get("/vendor/imports/products.csv")
async def export(visit: Team) -> Response:
    imports: Imports = visit.doors[Imports]
    vendor_id = vendor_of(visit)
    return await streamed(
        lambda cursor: imports.export(visit.ctx, vendor_id=vendor_id, cursor=cursor),
        name="products.csv",
        media_type=CSV,
    )


@router.get("/vendor/imports/products.xlsx")
async def workbook(visit: Team) -> Response:
    file = await visit.doors[Imports].workbook(visit.ctx, vendor_id=vendor_of(visit))
    return Response(file.content, headers=attachment(file.name), media_type=file.media_type)


@router.get("/vendor/imports/{id}/corrections.csv")
async def corrections(visit: Team, id: UUID) -> Response:
    imports: Imports = visit.doors[Imports]
    return await streamed(
        lambda cursor: imports.corrections(visit.ctx, id=id, cursor=cursor),
        name="corrections.csv",
        media_type=CSV,
    )


@router.get("/vendor/imports/{id}")
async def one(visit: Team, id: UUID, cursor: str | None = None, remarks: bool = False) -> Response:
    """Why products were left out; with `remarks`, or where none was, what was left out of them."""
    imports: Imports = visit.doors[Imports]
    run = await imports.run(visit.ctx, id=id)
    if run.state == "ready":
        return await _mapping_page(visit, run, None, Form())
    refused = run.counts.refused > 0 and not remarks
    found = await imports.findings(visit.ctx, id=id, refused=refused, cursor=cursor or None)
    return page(
        visit,
        "import.html",
        PRODUCTS,
        run=run,
        findings=found.items,
        refused=refused,
        next=found.next,
        refresh_s=REFRESH_S if run.state in ("waiting", "running", "receiving") else 0,
        states=STATES,
        formats=FORMATS,
    )


@router.post("/vendor/imports/{id}")
async def sent(visit: Team, id: UUID, request: Request) -> Response:
    """The mapping screen's buttons: look again, try, import."""
    values = await form_of(request)
    imports: Imports = visit.doors[Imports]
    run = await imports.run(visit.ctx, id=id)
    mapping = _mapping_in(values)
    if "look" in values:
        return await _mapping_page(visit, run, mapping, Form(values))
    try:
        reader = Reader(values)
        save_as = reader.text("save_as", longest=NAME_MAX, required=False)
        reader.done()
        await imports.start(
            visit.ctx,
            id=id,
            mapping=mapping,
            dry_run="try" in values,
            save_as=save_as or None,
        )
    except Invalid as problem:
        return await _mapping_page(visit, run, mapping, Form(values, problem))
    return visit.redirect(f"{HERE}/{id}")


@router.post("/vendor/imports/{id}/stop")
async def stop(visit: Team, id: UUID) -> Response:
    run: Run = await visit.doors[Imports].stop(visit.ctx, id=id)
    visit.flash("The import is stopped." if run.state == "stopped" else "It had ended already.")
    return visit.redirect(f"{HERE}/{id}")


@router.post("/vendor/imports/{id}/again")
async def again(visit: Team, id: UUID) -> Response:
    """After a try: now in earnest, with the same mapping."""
    await visit.doors[Imports].start(visit.ctx, id=id)
    return visit.redirect(f"{HERE}/{id}")


async def _mapping_page(visit: Visit, run: Run, mapping: Mapping | None, form: Form) -> Response:
    imports: Imports = visit.doors[Imports]
    found: Preview = await imports.preview(visit.ctx, id=run.id, mapping=mapping)
    chosen = {name: columns[0] for name, columns in found.mapping.columns.items() if columns}
    return page(
        visit,
        "import_mapping.html",
        PRODUCTS,
        form.problem.status if form.problem else 200,
        run=run,
        preview=found,
        chosen=chosen,
        several={n: c for n, c in found.mapping.columns.items() if len(c) > 1},
        groups=GROUPS,
        names=NAMES,
        formats=FORMATS,
        has_own_rules=found.mapping.format in OWN_RULES,
        form=form,
    )


def _mapping_in(values: dict[str, str]) -> Mapping | None:
    """What the form chose; None where there was nothing to choose."""
    kind = values.get("format", "")
    if kind not in FORMATS or kind in OWN_RULES:
        return None
    columns = {
        name: values[COLUMN + name].split("\n") if name == "images" else [values[COLUMN + name]]
        for name in FIELDS
        if values.get(COLUMN + name)
    }
    return Mapping.model_validate({"format": kind, "columns": columns})
