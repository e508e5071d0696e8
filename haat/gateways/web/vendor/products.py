"""The vendor's products: the list, and the form that makes and changes one."""

import asyncio
from typing import Literal
from uuid import UUID, uuid5

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import (
    Attribute,
    Catalog,
    Note,
    Objection,
    Product,
    ProductStatus,
    generating,
)
from haat.domains.goods.inventory.api import UNLIMITED, Inventory
from haat.domains.people.media.api import Media
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.vendor import product_files, product_specs, variant_making
from haat.gateways.web.vendor import product_form as fields
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Conflict, NotFound, Problem

router = APIRouter()
HERE = "/vendor/products"
STATUSES: tuple[tuple[str, str], ...] = (
    ("", "All"),
    ("draft", "Drafts"),
    ("pending", "Waiting"),
    ("active", "On sale"),
    ("changes_requested", "To be changed"),
    ("rejected", "Rejected"),
    ("archived", "Archived"),
)
KINDS = (("physical", "Goods"), ("digital", "Digital"), ("service", "A service"))
NOTE_MAX = 2000
COUNTS_AT_ONCE = 8


@router.get("/vendor/products")
async def listed(
    visit: Team, status: ProductStatus | Literal[""] = "", cursor: str | None = None
) -> Response:
    found = await visit.doors[Catalog].own_products(
        visit.ctx, vendor_id=vendor_of(visit), status=status or None, cursor=cursor or None
    )
    offers = [offer for listing in found.items for offer in listing.offer_ids]
    left = await visit.doors[Inventory].available(visit.ctx, offers=offers) if offers else []
    stock = {entry.offer_id: entry.available for entry in left}
    return page(
        visit,
        "products.html",
        HERE,
        products=[(one, sum(stock.get(o, 0) for o in one.offer_ids)) for one in found.items],
        unlimited=UNLIMITED,
        next=found.next,
        statuses=STATUSES,
        chosen=status,
        is_start=not cursor,
    )


@router.get("/vendor/products/new")
async def new(visit: Team) -> Response:
    return await _form_page(visit, None, Form(fields.blank(visit.ctx.new_id())))


@router.post("/vendor/products/new")
async def create(visit: Team, request: Request) -> Response:
    return await _sent(visit, request, None)


@router.get("/vendor/products/{id}")
async def edit(visit: Team, id: UUID) -> Response:
    product = await own_product(visit, id)
    stock, asked = await asyncio.gather(_on_hand(visit, product), _asked(visit, product))
    values = fields.values_of(product, stock, visit.ctx.new_id())
    return await _form_page(
        visit, product, Form({**values, **product_specs.values_of(product, asked)})
    )


@router.post("/vendor/products/{id}")
async def change(visit: Team, id: UUID, request: Request) -> Response:
    return await _sent(visit, request, await own_product(visit, id))


@router.post("/vendor/products/{id}/notes")
async def note(visit: Team, id: UUID, request: Request) -> Response:
    """An answer to the market's staff."""
    product = await own_product(visit, id)
    values = await form_of(request)
    text = values.get("text", "").strip()
    if not text or len(text) > NOTE_MAX:
        visit.flash(f"Write something, at most {NOTE_MAX} characters.")
    else:
        await visit.doors[Catalog].add_note(
            visit.ctx, id=uuid_in(values, "id"), product_id=product.id, text=text
        )
        visit.flash("The market's staff read it.")
    return visit.redirect(f"{HERE}/{id}#notes")


@router.post("/vendor/products/{id}/{move}")
async def move(visit: Team, id: UUID, move: Literal["submit", "archive", "restore"]) -> Response:
    """What needs no form: one button."""
    told = {
        "submit": "The product is submitted. We look at it soon.",
        "archive": "The product is archived: it is not on sale any more.",
        "restore": "The product is a draft again.",
    }
    moved: Product = await getattr(visit.doors[Catalog], move)(visit.ctx, id=id)
    if move == "archive" and moved.status != "archived":
        told[move] = "You do not sell it any more. Others do, so the product stays."
    visit.flash(told[move])
    return visit.redirect(f"{HERE}/{id}")


async def own_product(visit: Visit, id: UUID) -> Product:
    """One of the acting vendor's; NotFound for another's, on sale or not."""
    product: Product = await visit.doors[Catalog].product(visit.ctx, ref=str(id))
    if product.vendor_id != vendor_of(visit):
        raise NotFound
    return product


async def _asked(visit: Visit, product: Product | None) -> list[Attribute]:
    """What the product's category asks for."""
    if product is None or product.category_id is None:
        return []
    found: list[Attribute] = await visit.doors[Catalog].attributes(
        visit.ctx, category_id=product.category_id
    )
    return found


async def _on_hand(visit: Visit, product: Product) -> dict[UUID, int]:
    if not visit.ctx.has("vendor:stock"):
        return {}
    offers = [offer.id for _, offer in fields.offered(product)]
    found = await visit.doors[Inventory].stock_of(visit.ctx, offers=offers)
    return {stock.offer_id: stock.on_hand for stock in found}


async def _sent(visit: Visit, request: Request, product: Product | None) -> Response:
    """Every button of the form: saving, submitting, and rows added or taken away."""
    await request.form(max_fields=fields.FIELDS_MAX)  # read here once, with room for all rows
    values = await form_of(request)
    rows: list[int] = []
    try:
        form_id = uuid_in(values, "id")
        await product_files.keep_files(visit, request, values, form_id)
        if "add_variant" in values or "remove_variant" in values:
            _change_rows(values)
            return await _form_page(visit, product, Form(values))
        if "make_variants" in values or "fill_all" in values:
            if "make_variants" in values:
                variant_making.make(values, product)
            else:
                variant_making.fill(values)
            return await _form_page(visit, product, Form(values))
        asked = await _asked(visit, product)
        read = fields.filled(values, visit.market.currency, product, asked)
        rows = read.rows
        saved = await _save(visit, product, read, values, form_id)
    except Problem as problem:
        if problem.status >= 500:
            raise
        told = fields.at_fields(problem, rows, values)
        form = Form(values, told, product_files.AT)
        return await _form_page(visit, product, form, problem.status)
    visit.flash(await _after(visit, saved, read, values, form_id))
    return visit.redirect(f"{HERE}/{saved.id}")


async def _save(
    visit: Visit,
    product: Product | None,
    read: fields.Filled,
    values: fields.Values,
    form_id: UUID,
) -> Product:
    catalog: Catalog = visit.doors[Catalog]
    if product is None:
        return await catalog.create(
            visit.ctx, id=form_id, vendor_id=vendor_of(visit), draft=read.draft
        )
    text = values.get("version", "")
    version = int(text) if text.isdecimal() and len(text) < 10 else None
    return await catalog.change(visit.ctx, id=product.id, draft=read.draft, version=version)


async def _after(
    visit: Visit, saved: Product, read: fields.Filled, values: fields.Values, form_id: UUID
) -> str:
    """Counts and submitting, once the product itself is kept; answers what to tell."""
    told = [await _count(visit, saved, read.counts, form_id)]
    if "submit" in values:
        try:
            await visit.doors[Catalog].submit(visit.ctx, id=saved.id)
        except Problem as problem:
            if problem.status >= 500:
                raise
            why = " ".join(error.message for error in problem.fields) or problem.detail
            return f"The product is saved, but not submitted: {why}"
        told.insert(0, "The product is submitted. We look at it soon.")
    else:
        told.insert(0, "The product is saved.")
    return " ".join(filter(None, told))


async def _count(visit: Visit, saved: Product, counts: list[fields.Count], form_id: UUID) -> str:
    """Sets the counts that were typed over, a few at a time; answers which were refused."""
    offers = {offer.sku: offer.id for _, offer in fields.offered(saved)}
    gate = asyncio.Semaphore(COUNTS_AT_ONCE)

    async def one(count: fields.Count) -> str:
        offer_id = offers[count.sku]
        async with gate:
            try:
                await visit.doors[Inventory].set_on_hand(
                    visit.ctx,
                    id=uuid5(form_id, f"{offer_id}:{count.on_hand}"),
                    offer_id=offer_id,
                    on_hand=count.on_hand,
                )
            except Conflict as problem:
                return f"The stock of {count.sku} is not changed: {problem.detail}"
        return ""

    known = [count for count in counts if count.sku in offers]
    return " ".join(filter(None, await asyncio.gather(*(one(count) for count in known))))


def _change_rows(values: fields.Values) -> None:
    rows = fields.variant_rows(values)
    taken = values.pop("remove_variant", "")
    if taken.isdecimal() and len(taken) < 5 and int(taken) < len(rows):
        rows.pop(int(taken))
    if values.pop("add_variant", None) is not None and len(rows) < generating.VARIANTS_MAX:
        last = rows[-1] if rows else {}
        kept = {name: last.get(name, "") for name in ("price", "compare_at", "weight_g")}
        rows.append({**dict.fromkeys(fields.VARIANT, ""), **kept})
    fields.put_rows(values, "variants", rows)


async def _form_page(
    visit: Visit, product: Product | None, form: Form, status: int = 200
) -> Response:
    categories, classes, asked, usage = await asyncio.gather(
        visit.doors[Catalog].categories(visit.ctx),
        visit.doors[Catalog].tax_classes(visit.ctx),
        _asked(visit, product),
        visit.doors[Media].usage(visit.ctx, vendor_id=vendor_of(visit)),
    )
    notes: list[Note] = []
    objected: list[Objection] = []
    if product:
        notes, objected = await asyncio.gather(
            visit.doors[Catalog].notes(visit.ctx, product_id=product.id),
            visit.doors[Catalog].objections(visit.ctx, product_id=product.id),
        )
    tree = Tree(categories)
    has = product.tax_class if product else ""
    names = {option: form.values.get(option, "") for option in fields.OPTIONS}
    rows = fields.variant_rows(form.values)
    return page(
        visit,
        "product.html",
        HERE,
        status,
        product=product,
        form=form,
        variants=rows,
        filling=variant_making.filling(form, rows),
        values_field=variant_making.values_field,
        pictures=[(row, fields.picture_of(row)) for row in fields.picture_rows(form.values)],
        off_sale=fields.off_sale(product) if product else [],
        contested=fields.contested(product) if product else [],
        priced=fields.priced(product) if product else [],
        options=[(option, name) for option, name in names.items() if name],
        categories=[
            (category.id, " / ".join(c.name for c in tree.path(category.id)))
            for category in categories
        ],
        tax_classes=[(c.code, c.name) for c in classes if c.active or c.code == has],
        kinds=KINDS,
        label_of=lambda name: fields.label_of(name, names),
        may_count=visit.ctx.has("vendor:stock"),
        variants_max=generating.VARIANTS_MAX,
        asked=asked,
        usage=usage,
        notes=notes,
        note_id=visit.ctx.new_id(),
        objected=objected,
        field_of=product_specs.field_of,
        pairs=lambda choices: [(one, one) for one in choices],
    )
