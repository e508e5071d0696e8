"""Returns for staff: what they have to decide first, and each one with what may be done."""

from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from haat.domains.trade.returns.api import Return, Returns, State
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.returns import PICTURES_MAX, STATES, plainly, shown
from haat.gateways.web.kit.uploads import kept_in
from haat.gateways.web.store.returns import speak
from haat.gateways.web.vendor.returns import decide, forms_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, NotFound, Problem

router = APIRouter()
HERE = "/admin/returns"
TO_DECIDE = "to_decide"
FILTERS = (STATES[0], (TO_DECIDE, "To decide"), ("requested", "With the vendor"), *STATES[2:])
Move = Literal["approve", "refuse", "receive", "say"]
TOLD: dict[Move, str] = {
    "approve": "It is approved. Customer and vendor are told.",
    "refuse": "It is refused for good. Customer and vendor are told.",
    "receive": "The refund is on its way.",
    "say": "Your message is sent.",
}


async def _orders(visit: Staff) -> Visit:
    if not visit.ctx.has("staff:orders"):
        raise Forbidden
    return visit


Clerk = Annotated[Visit, Depends(_orders)]


@router.get("/admin/returns")
async def listed(
    visit: Clerk, state: State | Literal["", "to_decide"] = "", cursor: str | None = None
) -> Response:
    found = await visit.doors[Returns].queue(
        visit.ctx,
        state=cast(State, state) if state not in ("", TO_DECIDE) else None,
        escalated=True if state == TO_DECIDE else None,
        cursor=cursor or None,
    )
    return page(
        visit,
        "returns.html",
        HERE,
        returns=found.items,
        next=found.next,
        filters=FILTERS,
        state=state,
        vendors=await vendors_by_id(visit, [one.vendor_id for one in found.items]),
    )


@router.get("/admin/returns/{id}")
async def show(visit: Clerk, id: UUID) -> Response:
    return await _page(visit, id, "", Form())


@router.post("/admin/returns/{id}/{move}")
async def move(visit: Clerk, id: UUID, move: Move, request: Request) -> Response:
    values = await form_of(request)
    try:
        if move == "say":
            await speak(visit, request, values, id)
        else:
            found: Return = await visit.doors[Returns].one(visit.ctx, id=id)
            await decide(visit, found, move, values)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        at = {"not_a_picture": "pictures", "picture_too_large": "pictures"}
        return await _page(visit, id, move, Form(values, plainly(problem), at), problem.status)
    visit.flash(TOLD[move])
    return visit.redirect(f"{HERE}/{id}")


async def _page(visit: Visit, id: UUID, moved: str, form: Form, status: int = 200) -> Response:
    found: Return = await visit.doors[Returns].one(visit.ctx, id=id)
    vendors = await vendors_by_id(visit, [found.vendor_id])
    open_ = not found.final and found.state not in ("refunded", "withdrawn")
    refunding = found.state == "received" or (found.state == "approved" and not found.send_back)
    return page(
        visit,
        "return.html",
        HERE,
        status,
        **shown(found),
        **forms_of(moved, form),
        form=form,
        moved=moved,
        vendor=vendors.get(found.vendor_id),
        may_write=open_,
        may_approve=open_ and found.state in ("requested", "refused"),
        may_retry=found.refund_failed and open_,
        may_refuse=open_ and (found.refund_failed or not refunding),
        may_receive=found.state in ("approved", "sent_back") and found.send_back,
        names={"customer": "The customer", "vendor": "The vendor", "staff": "Staff"},
        kept=kept_in(form.values),
        most=PICTURES_MAX,
        new_id=visit.ctx.new_id(),
    )
