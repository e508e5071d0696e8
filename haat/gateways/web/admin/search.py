"""Search as staff look after it: what people look for and do not find, synonyms, what ranks."""

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from haat.domains.insight.search.api import Ranking, Search, SearchReport
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.bars import bars
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, Problem

router = APIRouter()
HERE = "/admin/search"
DAYS, WORDS = 30, 20
SYNONYMS_AT = {"synonyms_invalid": "words"}


@router.get(HERE)
async def show(visit: Staff) -> Response:
    return await _page(visit, Form(), Form())


@router.post(f"{HERE}/synonyms")
async def add_synonyms(visit: Staff, request: Request) -> Response:
    """One word or phrase a line."""
    values = await form_of(request)
    words = [one.strip() for one in values.get("words", "").splitlines() if one.strip()]
    try:
        if len(words) > 20 or any(len(one) > 60 for one in words):
            message = "At most 20 words, none longer than 60 letters."
            raise Invalid.at("words", message, "synonyms_invalid")
        await visit.doors[Search].save_synonyms(
            visit.ctx, id=uuid_in(values, "id"), words=words, one_way=bool(values.get("one_way"))
        )
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(visit, Form(values, problem, SYNONYMS_AT), Form(), 422)
    visit.flash("These find each other now, two seconds from now at the latest.")
    return visit.redirect(HERE)


@router.post(f"{HERE}/synonyms/drop")
async def drop_synonyms(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    await visit.doors[Search].drop_synonyms(visit.ctx, id=uuid_in(values, "id"))
    visit.flash("The synonyms are gone.")
    return visit.redirect(HERE)


@router.post(f"{HERE}/ranking")
async def set_ranking(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        ranking = read(Ranking, values)
        await visit.doors[Search].set_ranking(visit.ctx, ranking=ranking)
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(visit, Form(), Form(values, problem), 422)
    visit.flash("The ranking is saved.")
    return visit.redirect(HERE)


@router.post(f"{HERE}/rebuild")
async def rebuild(visit: Staff) -> Response:
    edition = await visit.doors[Search].rebuild(visit.ctx)
    visit.flash(f"Edition {edition} is being made; until it is ready the one before answers.")
    return visit.redirect(HERE)


async def _page(visit: Visit, synonyms: Form, ranking: Form, status: int = 200) -> Response:
    search = visit.doors[Search]
    report: SearchReport = await search.report(visit.ctx, days=DAYS, limit=WORDS)
    today = visit.ctx.now().date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return page(
        visit,
        "search.html",
        HERE,
        status,
        report=report,
        searches=sum(one.searches for one in report.days),
        empty=sum(one.empty for one in report.days),
        bars=bars(_told(report, days)),
        first=str(days[0]),
        last=str(days[-1]),
        groups=await search.synonyms(visit.ctx),
        ranking=await search.ranking(visit.ctx),
        synonyms_form=synonyms,
        ranking_form=ranking,
        new_id=visit.ctx.new_id(),
    )


def _told(report: SearchReport, days: list[date]) -> list[tuple[int, str]]:
    known: dict[date, Any] = {one.day: one for one in report.days}
    found = []
    for day in days:
        one = known.get(day)
        count, empty = (one.searches, one.empty) if one else (0, 0)
        found.append((count, f"{day}: {count} searches, {empty} of them in vain"))
    return found
