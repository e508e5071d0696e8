"""Withdrawals of credits that staff pay by bank transfer, from the market's own account."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.wallet.api import Wallet
from haat.gateways.web.admin.credits import HERE, REASON_MAX, Keeper
from haat.gateways.web.admin.office import page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.pages import query
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Invalid, Problem

router = APIRouter()
DUE = f"{HERE}/to-pay"
CHOSEN = "withdrawal-"


@router.get("/admin/credits/to-pay")
async def due(visit: Keeper, cursor: str | None = None) -> Response:
    return await _due(visit, cursor, Form())


@router.post("/admin/credits/to-pay")
async def settle(visit: Keeper, request: Request, cursor: str | None = None) -> Response:
    """Those that were ticked were paid, or came back."""
    values = await form_of(request)
    ids = [name.removeprefix(CHOSEN) for name in values if name.startswith(CHOSEN)]
    paid, reason = values.get("outcome") == "paid", values.get("reason", "").strip()
    try:
        if not paid and values.get("outcome") != "failed":
            raise Invalid.at("outcome", "Say whether they were paid.", "missing")
        if not ids:
            raise Invalid.at("withdrawals", "Tick the withdrawals it is about.", "missing")
        if not paid and not reason:
            raise Invalid.at("reason", "Say why the money came back; the owner reads it.")
        if len(reason) > REASON_MAX:
            raise Invalid.at("reason", f"At most {REASON_MAX} letters.", "string_too_long")
        await visit.doors[Wallet].settle_withdrawals(
            visit.ctx, ids=[_uuid(id) for id in ids], paid=paid, reason="" if paid else reason
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _due(visit, cursor, Form(values, problem), problem.status)
    count = f"{len(ids)} withdrawal{'s are' if len(ids) > 1 else ' is'}"
    back = "not paid: the credits are in the wallet again."
    visit.flash(f"{count} paid." if paid else f"{count} {back}")
    return visit.redirect(DUE)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid.at("withdrawals", "This is not an id.", "id_invalid") from None


async def _due(visit: Visit, cursor: str | None, form: Form, status: int = 200) -> Response:
    found = await visit.doors[Wallet].withdrawals_due(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "credit_paying.html",
        HERE,
        status,
        withdrawals=found.items,
        next=found.next,
        again=query(cursor=cursor),
        form=form,
        chosen=CHOSEN,
    )
