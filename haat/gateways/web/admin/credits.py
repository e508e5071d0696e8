"""Credits for staff: how they flow, wallets that look unusual, rates, and withdrawals to decide."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from haat.domains.money.wallet.api import CREDITS, RATE_UNIT, Wallet, Withdrawal
from haat.gateways.web.admin import credits_chart as chart
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import currencies
from haat.gateways.web.kit.reading import Reader, example
from haat.gateways.web.pages import money, query
from haat.gateways.web.store.credits import HUNDRED, price_of_hundred, rate_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/credits"
PERIODS = ((7, "7 days"), (30, "30 days"), (90, "90 days"))
DAYS = 30
REASON_MAX = 500
GRANT_MAX = 10_000_000
MICRO_MAX = 10**12
NOT_FOUND = "There is no person or vendor with this id."
Shown = Literal["requested", "processing", "paid", "failed", "rejected", "all"]
STATUSES = (
    ("requested", "To decide"),
    ("processing", "Processing"),
    ("paid", "Paid"),
    ("failed", "Failed"),
    ("rejected", "Rejected"),
    ("all", "All"),
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)


class DecisionForm(Body):
    decision: Literal["approve", "reject"]
    reason: str = ""


async def _money(visit: Staff) -> Visit:
    if not visit.ctx.has("staff:money"):
        raise Forbidden
    return visit


Keeper = Annotated[Visit, Depends(_money)]


# -- flow ----------------------------------------------------------------------------------------


@router.get("/admin/credits")
async def flow(visit: Keeper, days: int = DAYS, cursor: str | None = None) -> Response:
    return await _flow(visit, days, cursor, Form())


@router.post("/admin/credits/wallets")
async def change(visit: Keeper, request: Request) -> Response:
    """Gives credits to a wallet, freezes it, or lets it go on."""
    values = await form_of(request)
    reader, wallet = Reader(values), visit.doors[Wallet]
    owner, reason = reader.id("owner_id"), reader.text("reason", longest=REASON_MAX)
    what = values.get("what", "")
    if what not in ("grant", "freeze", "thaw"):
        reader.refuse("what", "Choose one of the list.", "what_unknown")
    try:
        if what == "grant":
            given = reader.amount("credits", CREDITS)
            if not reader.errors and not 1 <= given.minor <= GRANT_MAX:
                reader.refuse("credits", "From 0.01 to 100,000 credits at once.", "amount_range")
            id = reader.id("id")
            reader.done()
            await wallet.grant(
                visit.ctx, id=id, owner_id=owner, credits_minor=given.minor, reason=reason
            )
            told = f"{money(given)} are given."
        else:
            reader.done()
            frozen = what == "freeze"
            await wallet.freeze(visit.ctx, owner_id=owner, frozen=frozen, reason=reason)
            told = "The wallet is frozen." if frozen else "The wallet may go on."
    except NotFound:
        form = Form(values, Invalid.at("owner_id", NOT_FOUND, "owner_unknown"))
        return await _flow(visit, DAYS, None, form, 422)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _flow(visit, DAYS, None, Form(values, problem), problem.status)
    visit.flash(told)
    return visit.redirect(HERE)


async def _flow(
    visit: Visit, days: int, cursor: str | None, form: Form, status: int = 200
) -> Response:
    chosen = days if days in dict(PERIODS) else DAYS
    wallet = visit.doors[Wallet]
    found: Any = await asyncio.gather(
        wallet.flow(visit.ctx, days=chosen), wallet.frozen(visit.ctx, cursor=cursor or None)
    )
    flow, frozen = found
    owners = [one.owner_id for one in (*flow.flags, *frozen.items)]
    return page(
        visit,
        "credits.html",
        HERE,
        status,
        flow=flow,
        frozen=frozen.items,
        next=frozen.next,
        vendors=await vendors_by_id(visit, owners),
        pairs=chart.pairs(flow.days),
        chart=chart,
        sums=chart.sums(flow.days),
        credits=chart.credits,
        periods=PERIODS,
        chosen=chosen,
        form=form,
        example=example(CREDITS),
        new_id=visit.ctx.new_id(),
    )


# -- rates ---------------------------------------------------------------------------------------


@router.get("/admin/credits/rates")
async def rates(visit: Keeper, cursor: str | None = None) -> Response:
    return await _rates(visit, cursor, Form())


@router.post("/admin/credits/rates")
async def set_rate(visit: Keeper, request: Request) -> Response:
    values = await form_of(request)
    reader = Reader(values)
    id, currency = reader.id("id"), values.get("currency", "")
    if currency not in dict(currencies()):
        reader.refuse("currency", "Choose one of the list.", "currency_unknown")
        currency = visit.market.currency
    price = reader.amount("price", currency)
    note = reader.text("note", longest=REASON_MAX, required=False)
    micro = price.minor * RATE_UNIT // HUNDRED
    if not reader.errors and not 1 <= micro <= MICRO_MAX:
        reader.refuse("price", "Give a price that is not nothing.", "amount_range")
    begins = _moment(reader, values.get("valid_from", ""))
    try:
        reader.done()
        await visit.doors[Wallet].set_rate(
            visit.ctx, id=id, currency=currency, micro=micro, valid_from=begins, note=note
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        form = Form(values, problem, {"credit_rate_past": "valid_from"})
        return await _rates(visit, None, form, problem.status)
    visit.flash("The rate is set.")
    return visit.redirect(f"{HERE}/rates")


def _moment(reader: Reader, text: str) -> datetime | None:
    """A moment in UTC, as a browser's field writes it; None when left empty."""
    if not text:
        return None
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    reader.refuse("valid_from", "Give a day and a time.", "moment_invalid")
    return None


async def _rates(visit: Visit, cursor: str | None, form: Form, status: int = 200) -> Response:
    found: Any = await asyncio.gather(
        visit.doors[Wallet].rates(visit.ctx, cursor=cursor or None), rate_of(visit)
    )
    listed, now = found
    return page(
        visit,
        "credit_rates.html",
        HERE,
        status,
        rates=[(one, price_of_hundred(one)) for one in listed.items],
        next=listed.next,
        price=price_of_hundred(now) if now else None,
        at=visit.ctx.now(),
        currencies=currencies(),
        form=form,
        example=example(visit.market.currency),
        new_id=visit.ctx.new_id(),
    )


# -- withdrawals ---------------------------------------------------------------------------------


@router.get("/admin/credits/withdrawals")
async def withdrawals(
    visit: Keeper, status: Shown = "requested", cursor: str | None = None
) -> Response:
    return await _withdrawals(visit, status, cursor, None, Form())


@router.post("/admin/credits/withdrawals/{id}")
async def decide(
    visit: Keeper,
    id: UUID,
    request: Request,
    status: Shown = "requested",
    cursor: str | None = None,
) -> Response:
    values = await form_of(request)
    try:
        wanted = read(DecisionForm, values)
        done = await visit.doors[Wallet].decide_withdrawal(
            visit.ctx, id=id, decision=wanted.decision, reason=wanted.reason
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _withdrawals(visit, status, cursor, id, Form(values, problem), problem.status)
    visit.flash(_told(done))
    return visit.redirect(f"{HERE}/withdrawals" + query(status=status))


def _told(done: Withdrawal) -> str:
    amount = money(done.amount)
    if done.status == "failed":
        return f"The withdrawal of {amount} failed: {done.reason or 'the bank refused it'}."
    return {
        "paid": f"{amount} is paid out.",
        "rejected": f"The withdrawal of {amount} is rejected; the credits are in the wallet again.",
    }.get(done.status, f"The withdrawal of {amount} is approved and under way.")


async def _withdrawals(
    visit: Visit, status: Shown, cursor: str | None, wrong: UUID | None, form: Form, code: int = 200
) -> Response:
    """The queue; `wrong` is the withdrawal whose form was refused."""
    found = await visit.doors[Wallet].withdrawal_queue(
        visit.ctx, status=None if status == "all" else status, cursor=cursor or None
    )
    return page(
        visit,
        "credit_withdrawals.html",
        HERE,
        code,
        withdrawals=found.items,
        vendors=await vendors_by_id(visit, (one.owner_id for one in found.items)),
        next=found.next,
        statuses=STATUSES,
        chosen=status,
        again=query(status=status, cursor=cursor),
        form=form,
        wrong=wrong,
    )
