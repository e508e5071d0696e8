"""What listings keep to before they are on sale, and what is on sale without a look."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from haat.domains.goods.catalog.api import (
    ApprovalRule,
    Catalog,
    Category,
    ListingRule,
    ListingRuleKind,
)
from haat.domains.people.vendors.api import Vendors
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, invalid
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, NotFound, Problem
from haat.kernel.money import Money

router = APIRouter()
HERE = "/admin/products"
RULES = "/admin/listing-rules"
KINDS: tuple[tuple[ListingRuleKind, str], ...] = (
    ("words", "Words that may not stand there"),
    ("pictures", "At least so many pictures"),
    ("text", "A description of so many characters"),
    ("barcode", "A barcode"),
    ("brand", "A brand"),
    ("spec", "A specification filled in"),
)


@router.get("/admin/listing-rules")
async def show(visit: Staff, rule: UUID | None = None) -> Response:
    """`rule` is the one to change."""
    return await _page(visit, rule)


@router.post("/admin/listing-rules")
async def save(visit: Staff, request: Request) -> Response:
    _need_scope(visit)
    values = await form_of(request)
    try:
        wanted = _listing_rule(values)
        await visit.doors[Catalog].save_listing_rule(visit.ctx, rule=wanted)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, None, listing=Form(values, problem), status=problem.status)
    visit.flash("The rule counts from now on.")
    return visit.redirect(RULES)


@router.post("/admin/listing-rules/{id}/drop")
async def drop(visit: Staff, id: UUID) -> Response:
    _need_scope(visit)
    await visit.doors[Catalog].drop_listing_rule(visit.ctx, id=id)
    visit.flash("The rule is gone.")
    return visit.redirect(RULES)


@router.post("/admin/approval-rules")
async def approve_these(visit: Staff, request: Request) -> Response:
    _need_scope(visit)
    values = await form_of(request)
    try:
        wanted = await _approval_rule(visit, values)
        await visit.doors[Catalog].save_approval_rule(visit.ctx, rule=wanted)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, None, approval=Form(values, problem), status=problem.status)
    visit.flash("What is submitted from now on is on sale at once.")
    return visit.redirect(f"{RULES}#approval")


@router.post("/admin/approval-rules/{id}/drop")
async def look_at_these(visit: Staff, id: UUID) -> Response:
    _need_scope(visit)
    await visit.doors[Catalog].drop_approval_rule(visit.ctx, id=id)
    visit.flash("These are looked at again before they are on sale.")
    return visit.redirect(f"{RULES}#approval")


def _listing_rule(values: Mapping[str, str]) -> ListingRule:
    reader = Reader(values)
    given = {
        "id": reader.id("id"),
        "name": reader.text("name", longest=120),
        "kind": reader.text("kind", longest=20),
        "category_id": reader.id_or_none("category_id"),
        "words": _lines(reader.text("words", longest=20_000, required=False)),
        "key": reader.text("key", longest=40, required=False) or None,
        "least": reader.whole("least", least=1, most=100_000) if reader.has("least") else None,
        "message": reader.text("message", longest=300, required=False),
        "blocking": values.get("effect") != "warn",
    }
    reader.done()
    try:
        return ListingRule.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from None


def _lines(text: str) -> list[str]:
    return [one.strip() for one in text.splitlines() if one.strip()]


async def _approval_rule(visit: Visit, values: Mapping[str, str]) -> ApprovalRule:
    """A vendor is named by its address in the store."""
    reader = Reader(values)
    id, category = reader.id("id"), reader.id_or_none("in_category")
    low = reader.amount_or_none("price_min", visit.market.currency)
    high = reader.amount_or_none("price_max", visit.market.currency)
    vendor_id: UUID | None = None
    if reader.has("vendor"):
        try:
            vendor_id = (await visit.doors[Vendors].find(visit.ctx, slug=values["vendor"])).id
        except NotFound:
            reader.refuse("vendor", "No vendor has that address.", "vendor_unknown")
    reader.done()
    return ApprovalRule(
        id=id,
        vendor_id=vendor_id,
        category_id=category,
        price_min=low.minor if low else None,
        price_max=high.minor if high else None,
    )


def _need_scope(visit: Visit) -> None:
    if not visit.ctx.has("staff:products"):
        raise Forbidden


async def _page(
    visit: Visit,
    chosen: UUID | None,
    *,
    listing: Form | None = None,
    approval: Form | None = None,
    status: int = 200,
) -> Response:
    catalog: Catalog = visit.doors[Catalog]
    found: tuple[list[ListingRule], list[ApprovalRule], list[Category]] = await asyncio.gather(
        catalog.listing_rules(visit.ctx),
        catalog.approval_rules(visit.ctx),
        catalog.categories(visit.ctx),
    )
    rules, approvals, categories = found
    tree = Tree(categories)
    paths = {c.id: " / ".join(p.name for p in tree.path(c.id)) for c in categories}
    vendors = await vendors_by_id(visit, (r.vendor_id for r in approvals if r.vendor_id))
    return page(
        visit,
        "listing_rules.html",
        HERE,
        status,
        rules=rules,
        changed=next((one for one in rules if one.id == chosen), None),
        approvals=approvals,
        kinds=KINDS,
        priced=lambda minor: Money(minor=minor, currency=visit.market.currency),
        kind_words=dict(KINDS),
        paths=paths,
        categories=list(paths.items()),
        vendors=vendors,
        listing=listing or Form(),
        approval=approval or Form(),
        new_id=visit.ctx.new_id(),
    )
