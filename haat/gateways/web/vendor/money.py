"""The vendor's money: balance, earnings, the bank account, payouts."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Payouts
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.reading import Reader, example, minutes_in_words
from haat.gateways.web.pages import money
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.money import Money

router = APIRouter()
HERE = "/vendor/money"
SHOWN = 8


@router.get("/vendor/money")
async def show(visit: Team) -> Response:
    return await _page(visit, Form(), Form())


@router.get("/vendor/money/earnings")
async def earnings(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Payouts].earnings(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    return page(visit, "earnings.html", HERE, earnings=found.items, next=found.next)


@router.get("/vendor/money/payouts")
async def payouts(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Payouts].payouts(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    return page(visit, "payouts.html", HERE, payouts=found.items, next=found.next)


@router.post("/vendor/money/account")
async def set_account(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        destination = read(Destination, values)
        await visit.doors[Payouts].set_destination(
            visit.ctx, vendor_id=vendor_of(visit), destination=destination
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, Form(values, problem), Form(), problem.status)
    visit.flash("The bank account is saved.")
    return visit.redirect(HERE)


@router.post("/vendor/money/payouts")
async def request_payout(visit: Team, request: Request) -> Response:
    """Asks for the amount, or for all there is when the field is left empty."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        id = reader.id("id")
        amount = reader.amount_or_none("amount", visit.market.currency)
        reader.done("This payout cannot be asked for like that.")
        payout = await visit.doors[Payouts].request(
            visit.ctx, id=id, vendor_id=vendor_of(visit), amount=amount
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        if problem.code == "balance_too_low":
            problem.detail = _too_low(problem)
            # The refused request keeps its id: another amount is another request.
            values["id"] = str(visit.ctx.new_id())
        at = {"balance_too_low": "amount", "payout_destination_missing": "holder"}
        return await _page(visit, Form(), Form(values, problem, at), problem.status)
    visit.flash(f"A payout of {money(payout.amount)} is requested.")
    return visit.redirect(HERE)


def _too_low(problem: Problem) -> str:
    free = Money.model_validate(problem.data["available"])
    if free.minor < 1:
        return "There is nothing to pay out just now."
    return f"At most {money(free)} can be paid out just now."


async def _page(visit: Visit, account: Form, asking: Form, status: int = 200) -> Response:
    vendor_id, payouts = vendor_of(visit), visit.doors[Payouts]
    found: Any = await asyncio.gather(
        payouts.balance(visit.ctx, vendor_id=vendor_id),
        payouts.destination(visit.ctx, vendor_id=vendor_id),
        payouts.earnings(visit.ctx, vendor_id=vendor_id, limit=SHOWN),
        payouts.payouts(visit.ctx, vendor_id=vendor_id, limit=SHOWN),
    )
    balance, destination, earned, paid = found
    return page(
        visit,
        "money.html",
        HERE,
        status,
        balance=balance,
        destination=destination,
        earnings=earned.items,
        payouts=paid.items,
        more_earnings=earned.next is not None,
        more_payouts=paid.next is not None,
        account=account,
        asking=asking,
        new_id=visit.ctx.new_id(),
        example=example(visit.market.currency),
        window=minutes_in_words(visit.market.return_window_minutes),
    )
