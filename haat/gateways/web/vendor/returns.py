"""The vendor's returns: answer them, say what came back."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.trade.returns.api import Return, ReturnItem, Returns, State
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.kit.returns import PICTURES_MAX, STATES, plainly, shown
from haat.gateways.web.kit.uploads import kept_in
from haat.gateways.web.store.returns import TEXT_MAX, speak
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem

router = APIRouter()
HERE = "/vendor/returns"
Move = Literal["approve", "refuse", "receive", "escalate", "say"]
TOLD: dict[Move, str] = {
    "approve": "It is approved. The customer is told.",
    "refuse": "It is refused. The customer may ask the market to decide.",
    "receive": "Thank you. The refund is on its way.",
    "escalate": "The market's staff look at it.",
    "say": "Your message is sent.",
}


@router.get("/vendor/returns")
async def listed(
    visit: Team, state: State | Literal[""] = "", cursor: str | None = None
) -> Response:
    found = await visit.doors[Returns].of_vendor(
        visit.ctx, vendor_id=vendor_of(visit), state=state or None, cursor=cursor or None
    )
    return page(
        visit,
        "returns.html",
        HERE,
        returns=found.items,
        next=found.next,
        states=STATES,
        state=state,
        now=visit.ctx.now(),
    )


@router.get("/vendor/returns/{id}")
async def show(visit: Team, id: UUID) -> Response:
    return await _page(visit, await _own(visit, id), "", Form())


@router.post("/vendor/returns/{id}/{move}")
async def move(visit: Team, id: UUID, move: Move, request: Request) -> Response:
    """One step on; harmless when the button is pressed twice."""
    values = await form_of(request)
    found = await _own(visit, id)
    try:
        if move in ("escalate", "say"):
            await speak(visit, request, values, id, escalate=move == "escalate")
        else:
            await decide(visit, found, move, values)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        at = {"not_a_picture": "pictures", "picture_too_large": "pictures"}
        form = Form(values, plainly(problem), at)
        return await _page(visit, await _own(visit, id), move, form, problem.status)
    visit.flash(TOLD[move])
    return visit.redirect(f"{HERE}/{id}")


async def decide(visit: Visit, found: Return, move: str, values: dict[str, str]) -> None:
    """Approves, refuses or receives as the form says. Invalid."""
    returns: Returns = visit.doors[Returns]
    reader = Reader(values)
    if move == "refuse":
        text = reader.text("refuse_text", longest=TEXT_MAX)
        reader.done()
        await returns.refuse(visit.ctx, id=found.id, text=text)
        return
    text = reader.text(f"{move}_text", longest=TEXT_MAX, required=False)
    if move == "approve":
        reader.done()
        await returns.approve(
            visit.ctx,
            id=found.id,
            refund_shipping=values.get("refund_shipping") == "on",
            send_back=values.get("send_back") == "on",
            text=text,
        )
        return
    items = _counted(reader, found)
    if sum(item.quantity for item in items) < sum(line.quantity for line in found.lines):
        reader.text("receive_text", longest=TEXT_MAX)
    reader.done()
    restock = values.get("restock") == "on"
    await returns.receive(visit.ctx, id=found.id, items=items, restock=restock, text=text)


def _counted(reader: Reader, found: Return) -> list[ReturnItem]:
    items = []
    for line in found.lines:
        count = reader.whole(f"q-{line.line_id}", most=line.quantity)
        if count:
            items.append(ReturnItem(line_id=line.line_id, quantity=count))
    if not items and not reader.errors:
        reader.refuse("items", "Nothing came back? Then ask the market to decide.", "missing")
    return items


async def _own(visit: Visit, id: UUID) -> Return:
    found: Return = await visit.doors[Returns].one(visit.ctx, id=id)
    if found.vendor_id != vendor_of(visit) or not visit.ctx.has("vendor:orders"):
        raise NotFound
    return found


def forms_of(moved: str, form: Form) -> dict[str, Any]:
    """A form for each move; the one that was refused shows what was sent."""
    names = {"approve": "approving", "refuse": "refusing", "receive": "receiving",
             "escalate": "escalating", "say": "saying"}  # fmt: skip
    return {name: form if moved == move else Form() for move, name in names.items()}


async def _page(visit: Visit, found: Return, moved: str, form: Form, status: int = 200) -> Response:
    open_ = not found.final and found.state not in ("refunded", "withdrawn")
    back = found.state in ("approved", "sent_back") and found.send_back and not found.refund_failed
    return page(
        visit,
        "return.html",
        HERE,
        status,
        **shown(found),
        **forms_of(moved, form),
        form=form,
        moved=moved,
        may_write=open_,
        may_approve=found.state in ("requested", "refused") and open_,
        may_refuse=found.state == "requested" and not found.escalated,
        may_receive=back,
        may_escalate=not found.escalated and (found.state == "requested" or back),
        names={"customer": "The customer", "vendor": "You", "staff": "The market's staff"},
        kept=kept_in(form.values),
        most=PICTURES_MAX,
        new_id=visit.ctx.new_id(),
    )
