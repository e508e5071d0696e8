"""Commission: the list that holds, drafts edited rule by rule, and the switch from one to the next.

Every change of a draft carries the version that was on the screen; when somebody else has changed
it meanwhile, nothing is written and the page says so.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from haat.domains.money.commissions.api import Commissions, ListChanged, Rule, RuleList
from haat.gateways.web.admin import commissions_form as fields
from haat.gateways.web.admin.commissions_choosing import choosing, unclear
from haat.gateways.web.admin.commissions_words import differences, names_of, told
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter()
HERE = "/admin/commission"
NOTE_MAX = 500
VERSION_MAX = 999_999_999
CHANGED = (
    "Somebody else changed this list while you had it open. Nothing of yours was saved; what you"
    " see now is theirs."
)
RULE_CHANGED = (
    "Somebody else changed this list while you wrote. Your rule is not saved yet: look at the list"
    " as it is now, then save again."
)


async def _money(visit: Staff) -> Visit:
    if not visit.ctx.has("staff:money"):
        raise Forbidden
    return visit


Keeper = Annotated[Visit, Depends(_money)]


def path_of(id: UUID) -> str:
    return f"{HERE}/lists/{id}"


# -- reading -------------------------------------------------------------------------------------


@router.get("/admin/commission")
async def overview(visit: Keeper, cursor: str | None = None) -> Response:
    return await _overview(visit, cursor, Form())


async def _overview(visit: Visit, cursor: str | None, form: Form, status: int = 200) -> Response:
    commissions: Commissions = visit.doors[Commissions]
    active = await commissions.rule_list(visit.ctx)
    found: Page[RuleList] = await commissions.lists(visit.ctx, cursor=cursor or None)
    names = await names_of(visit, active.rules if active else [])
    return page(
        visit,
        "commissions.html",
        HERE,
        status,
        active=active,
        rules=told(active, names, visit.market.currency) if active else [],
        drafts=[one for one in found.items if one.status == "draft"],
        history=[one for one in found.items if one.status != "draft"],
        next=found.next,
        form=form,
        new_id=visit.ctx.new_id(),
    )


@router.get("/admin/commission/lists/{id}")
async def show(visit: Keeper, id: UUID) -> Response:
    return await _list_page(visit, id)


async def _list_page(
    visit: Visit, id: UUID, form: Form | None = None, on: Form | None = None, status: int = 200
) -> Response:
    """A list; `form` is the one of its tax and note, `on` the one that switches it on."""
    found = await list_of(visit, id)
    other = await _other(visit, found)
    names = await names_of(visit, [*found.rules, *(other.rules if other else [])])
    currency = visit.market.currency
    return page(
        visit,
        "commissions_list.html",
        HERE,
        status,
        found=found,
        other=other,
        rules=told(found, names, currency),
        differences=differences(other, found, names, currency),
        form=form or Form(),
        on=on or Form(),
        path=path_of(id),
        new_id=visit.ctx.new_id(),
        labels=fields.LABELS,
    )


async def list_of(visit: Visit, id: UUID) -> RuleList:
    found: RuleList | None = await visit.doors[Commissions].rule_list(visit.ctx, id=id)
    if found is None:
        raise NotFound
    return found


async def _other(visit: Visit, found: RuleList) -> RuleList | None:
    """What a list is compared with: a draft with the active list, any other with the one that ended
    when it began, where that is among the newest."""
    commissions: Commissions = visit.doors[Commissions]
    if found.status == "draft":
        return await commissions.rule_list(visit.ctx)
    newest: Page[RuleList] = await commissions.lists(visit.ctx, limit=LIMIT_MAX)
    return next((one for one in newest.items if one.active_to == found.active_from), None)


# -- drafts --------------------------------------------------------------------------------------


@router.post("/admin/commission/drafts")
async def start(visit: Keeper, request: Request) -> Response:
    """A new draft: a copy of the list `copy` names, or an empty one."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        id, copied = reader.id("id"), reader.id_or_none("copy")
        reader.done()
        source = await list_of(visit, copied) if copied else None
        await visit.doors[Commissions].draft(
            visit.ctx,
            id=id,
            rules=source.rules if source else [],
            tax_bp=source.tax_bp if source else 0,
        )
    except ListChanged:
        return visit.redirect(path_of(id))  # it was made, and has been worked on since
    except Problem as problem:
        refused(problem)
        return await _overview(visit, None, Form(values, problem), problem.status)
    return visit.redirect(path_of(id))


@router.post("/admin/commission/lists/{id}")
async def change(visit: Keeper, id: UUID, request: Request) -> Response:
    """Tax and note."""
    values = await form_of(request)
    try:
        reader = Reader(fields.plain(values))
        tax_bp = reader.percent("tax") if reader.has("tax") else 0
        note = reader.text("note", longest=NOTE_MAX, required=False)
        found = await _as_read(visit, id, reader)
        await _save(visit, found, found.rules, tax_bp, note)
    except Problem as problem:
        refused(problem)
        problem = fields.at_fields(_plainly(problem), -1)
        again = Form(None if problem.code == ListChanged.code else values, problem)
        return await _list_page(visit, id, form=again, status=problem.status)
    visit.flash("The draft is saved.")
    return visit.redirect(path_of(id))


@router.post("/admin/commission/lists/{id}/move")
async def move(visit: Keeper, id: UUID, request: Request) -> Response:
    """`do` is 'up ID', 'down ID' or 'remove ID'."""
    values = await form_of(request)
    try:
        found = await _as_read(visit, id, Reader(values))
        rules = moved(found.rules, values.get("do", ""))
        await _save(visit, found, rules, found.tax_bp, found.note)
    except Problem as problem:
        refused(problem)
        return await _list_page(
            visit, id, form=Form(None, _plainly(problem)), status=problem.status
        )
    return visit.redirect(f"{path_of(id)}#rules")


def moved(rules: list[Rule], wish: str) -> list[Rule]:
    """The rules after 'up ID', 'down ID' or 'remove ID'; Invalid for anything else."""
    what, _, id = wish.partition(" ")
    place = next((n for n, rule in enumerate(rules) if str(rule.id) == id), None)
    if place is None or what not in ("up", "down", "remove"):
        raise Invalid("There is no such rule in this list.", code="rule_unknown")
    rest = [*rules[:place], *rules[place + 1 :]]
    if what == "remove":
        return rest
    return _put(rest, rules[place], place if what == "up" else place + 2)


def _put(rest: list[Rule], rule: Rule, place: int) -> list[Rule]:
    """With the rule at that place, counted from 1; too far is the nearest end."""
    n = max(0, min(place - 1, len(rest)))
    return [*rest[:n], rule, *rest[n:]]


@router.get("/admin/commission/lists/{id}/rules/{rule_id}")
async def edit(visit: Keeper, id: UUID, rule_id: UUID) -> Response:
    found = await list_of(visit, id)
    return await _rule_page(visit, found, rule_id, _values(visit, found, rule_id), None)


@router.post("/admin/commission/lists/{id}/rules/{rule_id}")
async def save_rule(visit: Keeper, id: UUID, rule_id: UUID, request: Request) -> Response:
    """Puts the rule into the list, or only looks up the names that were typed."""
    await request.form(max_fields=fields.FIELDS_MAX)  # read here once, with room for all names
    values = await form_of(request)
    found = await list_of(visit, id)
    parts = await choosing(visit, values)
    wrong = unclear(values, parts)
    if values.get("do") == "find":
        problem = Invalid("Some names are not clear yet.", fields=wrong) if wrong else None
        return await _rule_page(visit, found, rule_id, values, problem)
    place = len(found.rules) + 1
    try:
        rule, place = fields.rule_of(values, rule_id, visit.market.currency)
        if wrong:
            raise Invalid("Some names are not clear yet.", fields=wrong)
        found = await _as_read(visit, id, Reader(values))
        rest = [one for one in found.rules if one.id != rule_id]
        rules = _put(rest, rule, place)
        place = rules.index(rule) + 1
        await _save(visit, found, rules, found.tax_bp, found.note)
    except Problem as problem:
        refused(problem)
        problem = fields.at_fields(_plainly(problem, RULE_CHANGED), place - 1)
        found = await list_of(visit, id)
        # Saving again puts the rule into the list as it is now.
        values["version"] = str(found.version)
        problem.fields = (*problem.fields, *(one for one in wrong if one not in problem.fields))
        return await _rule_page(visit, found, rule_id, values, problem)
    visit.flash(f"The rule {rule.name} is saved.")
    return visit.redirect(f"{path_of(id)}#rules")


def _values(visit: Visit, found: RuleList, rule_id: UUID) -> dict[str, str]:
    version = {"version": str(found.version)}
    for place, rule in enumerate(found.rules, 1):
        if rule.id == rule_id:
            return version | fields.values_of(rule, place, visit.market.currency)
    return version | fields.blank(len(found.rules) + 1)


async def _rule_page(
    visit: Visit, found: RuleList, rule_id: UUID, values: dict[str, str], problem: Problem | None
) -> Response:
    parts = await choosing(visit, values)
    return page(
        visit,
        "commissions_rule.html",
        HERE,
        problem.status if problem else 200,
        found=found,
        parts=parts,
        is_new=all(rule.id != rule_id for rule in found.rules),
        form=Form(values, problem),
        path=path_of(found.id),
        rule_id=rule_id,
        applies=fields.APPLIES,
        labels=fields.LABELS,
    )


@router.post("/admin/commission/lists/{id}/activate")
async def activate(visit: Keeper, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        reader = Reader(values)
        version = reader.whole("version", least=1, most=VERSION_MAX)
        reason = reader.text("reason", longest=NOTE_MAX)
        if values.get("sure") != "on":
            reader.refuse("sure", "Tick this: from then on every sale pays by this list.")
        reader.done("The list is not switched on yet.")
        await visit.doors[Commissions].activate(visit.ctx, id=id, version=version, reason=reason)
    except Problem as problem:
        refused(problem)
        return await _list_page(
            visit, id, on=Form(values, _plainly(problem)), status=problem.status
        )
    visit.flash("This list holds from now on. What was sold before keeps its terms.")
    return visit.redirect(HERE)


@router.post("/admin/commission/lists/{id}/discard")
async def discard(visit: Keeper, id: UUID) -> Response:
    try:
        await visit.doors[Commissions].discard(visit.ctx, id=id)
    except Problem as problem:
        refused(problem)
        return await _list_page(
            visit, id, form=Form(None, _plainly(problem)), status=problem.status
        )
    visit.flash("The draft is thrown away.")
    return visit.redirect(HERE)


async def _as_read(visit: Visit, id: UUID, reader: Reader) -> RuleList:
    """The draft, when it is still the one that was on the screen; ListChanged. Also raises what
    the reader has noted."""
    version = reader.whole("version", least=1, most=VERSION_MAX)
    reader.done()
    found = await list_of(visit, id)
    if found.status != "draft" or found.version != version:
        raise ListChanged
    return found


async def _save(visit: Visit, found: RuleList, rules: list[Rule], tax_bp: int, note: str) -> None:
    await visit.doors[Commissions].draft(
        visit.ctx, id=found.id, rules=rules, tax_bp=tax_bp, note=note, version=found.version
    )


def refused(problem: Problem) -> None:
    """Raises again what is not about the form: nobody there, not allowed, or broken."""
    if problem.status >= 500 or problem.status in (403, 404):
        raise problem


def _plainly(problem: Problem, changed: str = CHANGED) -> Problem:
    if problem.code == ListChanged.code:
        problem.detail = changed
    return problem
