"""Asking a commission list: why a sale pays what it pays, and what a list would have earned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from haat.domains.goods.catalog.api import Catalog, Product
from haat.domains.money.commissions.api import Commissions, Explanation, RuleList, Sale
from haat.domains.money.payouts.api import DryRun, Payouts
from haat.gateways.web.admin import commissions_chart as chart
from haat.gateways.web.admin import commissions_form as fields
from haat.gateways.web.admin.commissions import HERE, Keeper, list_of, path_of, refused
from haat.gateways.web.admin.commissions_choosing import Choice, matching, the_one
from haat.gateways.web.admin.commissions_words import names_of, told
from haat.gateways.web.admin.office import page, vendors_by_id
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Invalid, Problem
from haat.kernel.money import MINOR_MAX, Money
from haat.kernel.page import Page

router = APIRouter()
ASKED = ("list", "kind", "product", "vendor", "price", "quantity", "at")
KINDS = (("goods", "Goods"), ("shipping", "Shipping"))
QUANTITY_MAX = 100_000
DAYS = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "365 days"))


@dataclass(frozen=True, slots=True)
class Answer:
    """An explanation with what the page shows beside it."""

    explanation: Explanation
    sale: Sale
    product: str
    vendor: str
    rest: Money


@router.get("/admin/commission/explain")
async def explain(visit: Keeper, request: Request) -> Response:
    """The question stands in the address, so that it can be sent to somebody."""
    values = {name: request.query_params.get(name, "").strip() for name in ASKED}
    asked = any(values[name] for name in ("product", "vendor", "price"))
    choices: dict[str, list[Choice]] = {}
    answer, problem = None, None
    if asked:
        try:
            answer = await _answer(visit, values, choices)
        except Problem as error:
            refused(error)
            problem = fields.at_fields(error, -1)
    return await _page(visit, values if asked else None, choices, answer, problem)


async def _page(
    visit: Visit,
    values: dict[str, str] | None,
    choices: dict[str, list[Choice]],
    answer: Answer | None,
    problem: Problem | None,
) -> Response:
    newest: Page[RuleList] = await visit.doors[Commissions].lists(visit.ctx)
    return page(
        visit,
        "commissions_explain.html",
        HERE,
        problem.status if problem else 200,
        form=Form(values, problem),
        lists=[(one.id, _called(one)) for one in newest.items if one.status != "active"],
        kinds=KINDS,
        choices=choices,
        answer=answer,
        rules=await _rules(visit, answer) if answer else {},
        labels=fields.LABELS,
        now=visit.ctx.now().replace(tzinfo=None).isoformat(timespec="minutes"),
    )


def _called(one: RuleList) -> str:
    name = one.note or f"{len(one.rules)} rules"
    return f"{one.status.capitalize()} of {one.created_at:%Y-%m-%d}: {name}"[:100]


async def _answer(visit: Visit, values: dict[str, str], choices: dict[str, list[Choice]]) -> Answer:
    """Invalid with every field that is wrong; `choices` is filled with what could be meant."""
    reader = Reader(fields.plain(values))
    is_goods = values["kind"] != "shipping"
    product = None
    if is_goods or values["product"]:
        product = await _chosen(visit, reader, values, choices, "product")
    vendor = None
    if values["vendor"] or product is None:
        vendor = await _chosen(visit, reader, values, choices, "vendor")
    list_id = reader.id_or_none("list")
    price = reader.amount("price", visit.market.currency)
    quantity = reader.whole("quantity", least=1, most=QUANTITY_MAX, empty=1)
    if price.minor * quantity > MINOR_MAX:
        reader.refuse("quantity", "That is more than there can be.", "number_range")
    at = fields.moment_of(reader, values, "at") or visit.ctx.now()
    reader.done("This question needs another look.")
    goods: Product | None = None
    if product is not None:
        goods = await visit.doors[Catalog].product(visit.ctx, ref=str(product[0]))
    owner = vendor[0] if vendor else goods.vendor_id if goods else None
    if owner is None:
        raise Invalid.at("vendor", "Whose sale is it?", "missing")
    sale = Sale(
        id=visit.ctx.new_id(),
        kind="goods" if is_goods else "shipping",
        vendor_id=owner,
        product_id=goods.id if goods and is_goods else None,
        category_path=await _path(visit, goods) if goods and is_goods else [],
        unit_price=price,
        quantity=quantity if is_goods else 1,
        base=price * quantity if is_goods else price,
        at=at,
    )
    found: Explanation = await visit.doors[Commissions].explain(
        visit.ctx, sale=sale, list_id=list_id
    )
    known = await vendors_by_id(visit, [owner])
    rest = sale.base - found.assessment.commission - found.assessment.commission_tax
    name = known[owner].name if owner in known else "A vendor"
    return Answer(found, sale, goods.title if goods and is_goods else "", name, rest)


async def _chosen(
    visit: Visit,
    reader: Reader,
    values: Mapping[str, str],
    choices: dict[str, list[Choice]],
    kind: str,
) -> Choice | None:
    words = values[kind]
    if not words:
        reader.refuse(kind, "Fill this in.", "missing")
        return None
    matches = await matching(visit, kind, words)
    one = the_one(matches, words)
    if one is None:
        choices[kind] = matches
        message = "Which of these?" if matches else "Nothing is called that."
        reader.refuse(kind, message, "name_unclear" if matches else "name_unknown")
    return one


async def _path(visit: Visit, product: Product) -> list[UUID]:
    """The product's own category first."""
    categories = await visit.doors[Catalog].categories(visit.ctx)
    return [c.id for c in reversed(Tree(categories).path(product.category_id))]


async def _rules(visit: Visit, answer: Answer) -> dict[UUID, str]:
    """What the tried rules say, by id."""
    list_id = answer.explanation.assessment.terms.list_id
    if list_id is None:
        return {}
    found = await list_of(visit, list_id)
    tried = {one.rule_id for one in answer.explanation.tried}
    some = found.model_copy(update={"rules": [r for r in found.rules if r.id in tried]})
    names = await names_of(visit, some.rules)
    said = told(some, names, visit.market.currency)
    return {one.rule.id: f"{one.takes}, {one.when}" for one in said}


@router.get("/admin/commission/lists/{id}/dry-run")
async def dry_run(
    visit: Keeper, id: UUID, days: Annotated[Literal["7", "30", "90", "365"], Query()] = "30"
) -> Response:
    """What the list would have earned on the sales of the last days, beside what was taken."""
    found = await list_of(visit, id)
    run: DryRun = await visit.doors[Payouts].dry_run(visit.ctx, list_id=id, days=int(days))
    known = await vendors_by_id(visit, (one.vendor_id for one in run.by_vendor))
    names = {id: vendor.name for id, vendor in known.items()}
    largest = sorted(
        run.by_vendor,
        key=lambda one: (-max(one.actual.minor, one.would_be.minor), str(one.vendor_id)),
    )
    return page(
        visit,
        "commissions_dry_run.html",
        HERE,
        found=found,
        run=run,
        change=run.would_be - run.actual,
        rows=[
            (names.get(one.vendor_id, "A vendor"), one, one.would_be - one.actual)
            for one in largest
        ],
        pairs=chart.pairs(largest, names),
        chart=chart,
        path=path_of(id),
        periods=DAYS,
        chosen=days,
    )
