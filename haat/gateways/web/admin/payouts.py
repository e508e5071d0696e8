"""Payouts that vendors asked for: approve, and the provider pays; or reject with a reason."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.payouts.api import Payout, Payouts
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.pages import money, query
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/payouts"
Shown = Literal["requested", "processing", "paid", "failed", "rejected", "all"]
STATUSES: tuple[tuple[str, str], ...] = (
    ("requested", "To decide"),
    ("processing", "Processing"),
    ("paid", "Paid"),
    ("failed", "Failed"),
    ("rejected", "Rejected"),
    ("all", "All"),
)


class DecisionForm(Body):
    decision: Literal["approve", "reject"]
    reason: str = ""


@router.get("/admin/payouts")
async def listed(visit: Staff, status: Shown = "requested", cursor: str | None = None) -> Response:
    return await _page(visit, status, cursor, None, Form())


@router.post("/admin/payouts/{id}")
async def decide(
    visit: Staff, id: UUID, request: Request, status: Shown = "requested", cursor: str | None = None
) -> Response:
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
        return await _page(visit, status, cursor, id, Form(values, problem), problem.status)
    visit.flash(_told(payout))
    return visit.redirect(HERE + query(status=status))


def _told(payout: Payout) -> str:
    amount = money(payout.amount)
    if payout.status == "failed":
        return f"The payout of {amount} failed: {payout.reason or 'the bank refused it'}."
    return {
        "paid": f"{amount} is paid out.",
        "rejected": f"The payout of {amount} is rejected; it is on the vendor's balance again.",
    }.get(payout.status, f"The payout of {amount} is approved and under way.")


async def _page(
    visit: Visit, status: Shown, cursor: str | None, wrong: UUID | None, form: Form, code: int = 200
) -> Response:
    """The queue; `wrong` is the payout whose form was refused."""
    found = await visit.doors[Payouts].queue(
        visit.ctx, status=None if status == "all" else status, cursor=cursor or None
    )
    vendors = await vendors_by_id(visit, (payout.vendor_id for payout in found.items))
    return page(
        visit,
        "payouts.html",
        HERE,
        code,
        payouts=[(payout, vendors.get(payout.vendor_id)) for payout in found.items],
        next=found.next,
        statuses=STATUSES,
        chosen=status,
        again=query(status=status, cursor=cursor),
        form=form,
        wrong=wrong,
    )
