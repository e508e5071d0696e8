"""Payouts: decide on them one by one or many at once, and run them for all who are due."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.payouts.api import Payout, Payouts, VendorBalance
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.pages import money, query
from haat.gateways.web.vendor.money_words import ITEMS, WAITS, item_title
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import FieldError, Invalid, NotFound, Problem
from haat.kernel.model import Body
from haat.kernel.money import total
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter()
HERE = "/admin/payouts"
PICK = "pick_"  # and a payout's id: it is chosen for a decision on many
AT_ONCE = 5  # decisions under way at the same time
RUN_PAGES = 20  # of the queue, read to find a run's payouts
Shown = Literal["requested", "approved", "processing", "paid", "failed", "rejected", "all"]
STATUSES: tuple[tuple[str, str], ...] = (
    ("requested", "To decide"),
    ("approved", "Approved"),
    ("processing", "Processing"),
    ("paid", "Paid"),
    ("failed", "Failed"),
    ("rejected", "Rejected"),
    ("all", "All"),
)
TABS: tuple[tuple[str, str, str], ...] = (
    (HERE, "Payouts", "staff:payouts"),
    ("/admin/bank-files", "Bank files", "staff:payouts"),
    ("/admin/payout-policy", "Rules", "staff:money"),
    ("/admin/income", "Income", "staff:money"),
)


class DecisionForm(Body):
    decision: Literal["approve", "reject"]
    reason: str = ""


def tabs_of(visit: Visit) -> list[tuple[str, str]]:
    """The pages around payouts that this person may see."""
    return [(href, name) for href, name, scope in TABS if visit.ctx.has(scope)]


@router.get("/admin/payouts")
async def listed(visit: Staff, status: Shown = "requested", cursor: str | None = None) -> Response:
    return await _page(visit, status, cursor, None, Form())


@router.post("/admin/payouts/run")
async def run(visit: Staff) -> Response:
    """Pays everybody who is due; a second press finds nobody left."""
    made: list[Payout] = await visit.doors[Payouts].run(visit.ctx)
    if not made:
        visit.flash("Nobody is due: no vendor has enough on the balance and nothing against it.")
        return visit.redirect(HERE)
    times = sorted(payout.requested_at for payout in made)
    return visit.redirect(
        f"{HERE}/run" + query(since=times[0].isoformat(), until=times[-1].isoformat())
    )


@router.get("/admin/payouts/run")
async def ran(
    visit: Staff, since: datetime | None = None, until: datetime | None = None
) -> Response:
    """What a run made: the payouts without a request that were written between those moments."""
    if since is None or until is None or since.tzinfo is None or until.tzinfo is None:
        raise NotFound
    found = await _written(visit, since, until)
    return page(
        visit,
        "payouts_run.html",
        HERE,
        tabs=tabs_of(visit),
        at=since,
        payouts=await _with_vendors(visit, found),
        sums=[
            (status, text, len(some), total((p.amount for p in some), visit.market.currency))
            for status, text in STATUSES
            if (some := [payout for payout in found if payout.status == status])
        ],
    )


async def _written(visit: Visit, since: datetime, until: datetime) -> list[Payout]:
    found: list[Payout] = []
    cursor: str | None = None
    for _ in range(RUN_PAGES):
        some: Page[Payout] = await visit.doors[Payouts].queue(
            visit.ctx, limit=LIMIT_MAX, cursor=cursor
        )
        found += [
            one
            for one in some.items
            if one.trigger == "schedule" and since <= one.requested_at <= until
        ]
        cursor = some.next
        if cursor is None or some.items[-1].requested_at < since:
            break
    return found


@router.post("/admin/payouts/decide")
async def decide_many(
    visit: Staff, request: Request, status: Shown = "requested", cursor: str | None = None
) -> Response:
    """Those that were chosen, all with one reason. What could not be decided is told by name."""
    values = await form_of(request)
    try:
        wanted, ids = read(DecisionForm, unpicked(values)), picked(values)
        if wanted.decision == "reject" and not wanted.reason:
            raise Invalid.at("reason", "Say why; the vendors read it.", "reason_missing")
    except Problem as problem:
        return await _page(visit, status, cursor, None, Form(values, problem), problem.status)
    answers = await _decide_all(visit, ids, wanted)
    failed = {id: answer for id, answer in answers.items() if isinstance(answer, Problem)}
    done = [answer for answer in answers.values() if isinstance(answer, Payout)]
    if failed:
        errors = [
            FieldError(path=PICK + str(id), code=problem.code, message=problem.detail)
            for id, problem in failed.items()
        ]
        told = f"{_summed(done)} {len(failed)} could not be decided."
        refused = Invalid(told.strip(), fields=errors)
        return await _page(visit, status, cursor, None, Form(values, refused), 409)
    visit.flash(_summed(done))
    return visit.redirect(HERE + query(status=status))


async def _decide_all(
    visit: Visit, ids: Sequence[UUID], wanted: DecisionForm
) -> dict[UUID, Payout | Problem]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(id: UUID) -> Payout | Problem:
        async with places:
            try:
                found: Payout = await visit.doors[Payouts].decide(
                    visit.ctx, id=id, decision=wanted.decision, reason=wanted.reason
                )
            except Problem as problem:
                if problem.status == 403:
                    raise
                return problem
            return found

    return dict(zip(ids, await asyncio.gather(*(one(id) for id in ids)), strict=True))


def picked(values: Mapping[str, str]) -> list[UUID]:
    """The payouts chosen in a form. Invalid when none is."""
    names = [name.removeprefix(PICK) for name in values if name.startswith(PICK)][:LIMIT_MAX]
    try:
        found = [UUID(name) for name in names]
    except ValueError:
        raise Invalid("This form cannot be read.", code="form_malformed") from None
    if not found:
        raise Invalid("Choose payouts first.", code="none_chosen")
    return found


def unpicked(values: Mapping[str, str]) -> dict[str, str]:
    """What a form says beside the payouts chosen."""
    return {name: text for name, text in values.items() if not name.startswith(PICK)}


def _summed(done: Iterable[Payout]) -> str:
    """'3 paid ($120.00). 1 rejected ($4.00).'"""
    said = []
    by_status: dict[str, list[Payout]] = {}
    for payout in done:
        by_status.setdefault(payout.status, []).append(payout)
    for status, some in by_status.items():
        whole = total((one.amount for one in some), some[0].amount.currency)
        said.append(f"{len(some)} {status} ({money(whole)}).")
    return " ".join(said)


@router.get("/admin/payouts/{id}")
async def show(visit: Staff, id: UUID) -> Response:
    return await _one(visit, id, Form())


@router.post("/admin/payouts/{id}")
async def decide(
    visit: Staff,
    id: UUID,
    request: Request,
    status: Shown | Literal["one"] = "requested",
    cursor: str | None = None,
) -> Response:
    """`status` says where the form stood: in that list, or on the payout's own page ("one")."""
    values = await form_of(request)
    try:
        wanted = read(DecisionForm, values)
        payout = await visit.doors[Payouts].decide(
            visit.ctx, id=id, decision=wanted.decision, reason=wanted.reason
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        form = Form(values, problem)
        if status == "one":
            return await _one(visit, id, form, problem.status)
        return await _page(visit, status, cursor, id, form, problem.status)
    visit.flash(_told(payout))
    return visit.redirect(f"{HERE}/{id}" if status == "one" else HERE + query(status=status))


def _told(payout: Payout) -> str:
    amount = money(payout.amount)
    if payout.status == "failed":
        return f"The payout of {amount} failed: {payout.reason or 'the bank refused it'}."
    return {
        "paid": f"{amount} is paid out.",
        "rejected": f"The payout of {amount} is rejected; it is on the vendor's balance again.",
    }.get(payout.status, f"The payout of {amount} is approved and under way.")


async def _one(visit: Visit, id: UUID, form: Form, code: int = 200) -> Response:
    found: Payout = await visit.doors[Payouts].payout_of(visit.ctx, id=id)
    vendors, balances = await asyncio.gather(
        vendors_by_id(visit, [found.vendor_id]), balances_by_id(visit, [found.vendor_id])
    )
    return page(
        visit,
        "payout.html",
        HERE,
        code,
        payout=found,
        vendor=vendors.get(found.vendor_id),
        balance=balances[found.vendor_id],
        waits=WAITS,
        kinds=ITEMS,
        title_of=item_title,
        whole=total((item.amount for item in found.items), found.amount.currency),
        form=form,
        may_rule=visit.ctx.has("staff:money"),
    )


async def balances_by_id(visit: Visit, ids: Iterable[UUID]) -> dict[UUID, VendorBalance]:
    """The balances of the vendors that a list names, in one call."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    found = await visit.doors[Payouts].balances_of(visit.ctx, vendor_ids=wanted)
    return {one.vendor_id: one for one in found}


async def _with_vendors(visit: Visit, found: Sequence[Payout]) -> list[tuple[Payout, str]]:
    vendors = await vendors_by_id(visit, (payout.vendor_id for payout in found))
    names = {id: vendor.name for id, vendor in vendors.items()}
    return [(payout, names.get(payout.vendor_id, "a vendor")) for payout in found]


async def _page(
    visit: Visit, status: Shown, cursor: str | None, wrong: UUID | None, form: Form, code: int = 200
) -> Response:
    """The queue; `wrong` is the payout whose form was refused, None the form for many."""
    found: Page[Payout] = await visit.doors[Payouts].queue(
        visit.ctx, status=None if status == "all" else status, cursor=cursor or None
    )
    rows, balances = await asyncio.gather(
        _with_vendors(visit, found.items),
        balances_by_id(visit, (payout.vendor_id for payout in found.items)),
    )
    return page(
        visit,
        "payouts.html",
        HERE,
        code,
        payouts=[(payout, name, balances.get(payout.vendor_id)) for payout, name in rows],
        labels={PICK + str(payout.id): name for payout, name in rows},
        next=found.next,
        statuses=STATUSES,
        chosen=status,
        again=query(status=status, cursor=cursor),
        form=form,
        wrong=wrong,
        waits=WAITS,
        tabs=tabs_of(visit),
        may_rule=visit.ctx.has("staff:money"),
    )
