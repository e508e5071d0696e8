"""A customer's returns and complaints; guests reach theirs from their order's link."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.trade.orders.api import Order, Orders, VendorOrder
from haat.domains.trade.returns.api import (
    Kind,
    Return,
    ReturnItem,
    ReturnLine,
    ReturnReason,
    Returns,
)
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.links import held
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.kit.returns import PICTURES_MAX, REASONS, plainly, shown
from haat.gateways.web.kit.uploads import keep_pictures, kept_in
from haat.gateways.web.store.paying import labels
from haat.gateways.web.store.shopping import PersonShopping, Shopping
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem

router = APIRouter()
Move = Literal["withdraw", "sent-back", "escalate", "say"]
TEXT_MAX = 2000
TOLD: dict[Move, str] = {
    "withdraw": "It is withdrawn.",
    "sent-back": "Thank you. The vendor tells us when it is here.",
    "escalate": "The market's staff look at it.",
    "say": "Your message is sent.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer's pages of an order stand; guests have the link's token."""

    order: str
    token: str | None = None

    def form(self, part: VendorOrder) -> str:
        return f"{self.order}/return/{part.id}"

    def page(self, id: UUID) -> str:
        return f"{self.order}/returns/{id}" if self.token else f"/returns/{id}"


@router.get("/returns")
async def own(visit: PersonShopping, cursor: str | None = None) -> Response:
    found = await visit.doors[Returns].own(visit.ctx, cursor=cursor or None)
    return visit.page("store/returns.html", returns=found.items, next=found.next)


@router.get("/orders/{ref}/return/{vendor_order_id}")
async def ask(visit: PersonShopping, ref: str, vendor_order_id: UUID) -> Response:
    order: Order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    return await _form(visit, Place(f"/orders/{order.number}"), order, vendor_order_id, Form())


@router.post("/orders/{ref}/return/{vendor_order_id}")
async def asked(
    visit: PersonShopping, ref: str, vendor_order_id: UUID, request: Request
) -> Response:
    order: Order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    return await _ask(visit, Place(f"/orders/{order.number}"), order, vendor_order_id, request)


@router.get("/orders/link/{token}/return/{vendor_order_id}")
async def ask_as_guest(visit: Shopping, token: str, vendor_order_id: UUID) -> Response:
    order: Order = await visit.doors[Orders].order_by_link(visit.ctx, token=held(visit, token))
    place = Place(f"/orders/link/{token}", held(visit, token))
    return await _form(visit, place, order, vendor_order_id, Form())


@router.post("/orders/link/{token}/return/{vendor_order_id}")
async def asked_as_guest(
    visit: Shopping, token: str, vendor_order_id: UUID, request: Request
) -> Response:
    order: Order = await visit.doors[Orders].order_by_link(visit.ctx, token=held(visit, token))
    place = Place(f"/orders/link/{token}", held(visit, token))
    return await _ask(visit, place, order, vendor_order_id, request)


@router.get("/returns/{id}")
async def show(visit: PersonShopping, id: UUID) -> Response:
    return await _page(visit, Place(""), id, "", Form())


@router.post("/returns/{id}/{move}")
async def move(visit: PersonShopping, id: UUID, move: Move, request: Request) -> Response:
    return await _move(visit, Place(""), id, move, request)


@router.get("/orders/link/{token}/returns/{id}")
async def show_to_guest(visit: Shopping, token: str, id: UUID) -> Response:
    return await _page(visit, Place(f"/orders/link/{token}", held(visit, token)), id, "", Form())


@router.post("/orders/link/{token}/returns/{id}/{move}")
async def move_as_guest(
    visit: Shopping, token: str, id: UUID, move: Move, request: Request
) -> Response:
    return await _move(visit, Place(f"/orders/link/{token}", held(visit, token)), id, move, request)


async def _ask(
    visit: Visit, place: Place, order: Order, vendor_order_id: UUID, request: Request
) -> Response:
    """First shows what comes back; the second time, confirmed, asks for it. Pressing twice asks
    once."""
    values = await form_of(request)
    step = values.get("step")
    if step == "change":
        return await _form(visit, place, order, vendor_order_id, Form(values))
    returns: Returns = visit.doors[Returns]
    try:
        reader = Reader(values)
        id = reader.id("id")
        pictures: list[UUID] = []
        if visit.signed_in:
            pictures = await keep_pictures(visit, request, values, id, PICTURES_MAX)
        part = _part(order, vendor_order_id)
        wanted = _wanted(reader, part)
        preview = await returns.preview(
            visit.ctx, vendor_order_id=part.id, items=wanted["items"], token=place.token
        )
        agreed = values.get("agreed") == str(preview.amount.minor)
        if step != "confirm" or not agreed:
            form = Form(values)
            return await _form(visit, place, order, vendor_order_id, form, preview=preview)
        made = await returns.request(
            visit.ctx,
            id=id,
            vendor_order_id=part.id,
            picture_ids=pictures,
            token=place.token,
            **wanted,
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 404:
            raise
        known = await _known(visit, values, place)
        if known is not None:  # a double click: what is left has changed by the first one
            return visit.redirect(place.page(known.id))
        at = {"not_a_picture": "pictures", "picture_too_large": "pictures"}
        if problem.data.get("why") in ("not_delivered", "window_closed"):
            at["not_returnable"] = "kind"
        form = Form(values, plainly(problem), at)
        return await _form(visit, place, order, vendor_order_id, form, status=problem.status)
    visit.flash(f"{made.number} is sent to the vendor.")
    return visit.redirect(place.page(made.id))


async def _known(visit: Visit, values: Mapping[str, str], place: Place) -> Return | None:
    """The return of this form, where it was made already."""
    if values.get("step") != "confirm":
        return None
    try:
        id = UUID(values.get("id", ""))
        found: Return = await visit.doors[Returns].one(visit.ctx, id=id, token=place.token)
    except (ValueError, NotFound):
        return None
    return found


def _wanted(reader: Reader, part: VendorOrder) -> dict[str, Any]:
    """Kind, items, reason and text of the form; Invalid with all that is wrong."""
    kind = reader.text("kind", longest=20)
    if kind not in ("return", "complaint"):
        reader.refuse("kind", "Choose one of the list.")
    reason = reader.text("reason", longest=30)
    if reason and reason not in dict(REASONS):
        reader.refuse("reason", "Choose one of the list.")
    text = reader.text("text", longest=TEXT_MAX, required=False)
    items = []
    for line in part.lines:
        left = line.quantity - line.refunded_quantity
        count = reader.whole(f"q-{line.id}", most=max(left, 0), empty=0)
        if count:
            items.append(ReturnItem(line_id=line.id, quantity=count))
    if not items and not reader.errors:
        reader.refuse("items", "Choose what it is about: say how many of it.", "missing")
    if reason == "not_received" and kind == "return":
        reader.refuse("kind", "What has not arrived cannot be sent back: complain about it.")
    reader.done()
    return {
        "kind": cast(Kind, kind),
        "reason": cast(ReturnReason, reason),
        "text": text,
        "items": items,
    }


def _part(order: Order, vendor_order_id: UUID) -> VendorOrder:
    for part in order.vendor_orders:
        if part.id == vendor_order_id:
            return part
    raise NotFound("This is not part of this order.")


async def _form(
    visit: Visit,
    place: Place,
    order: Order,
    vendor_order_id: UUID,
    form: Form,
    *,
    preview: Any = None,
    status: int = 200,
) -> Response:
    part = _part(order, vendor_order_id)
    returns: Returns = visit.doors[Returns]
    lines: list[ReturnLine] = await returns.returnable(
        visit.ctx, vendor_order_id=part.id, token=place.token
    )
    return visit.page(
        "store/return_form.html",
        status,
        order=order,
        part=part,
        place=place,
        lines=lines,
        asked=await returns.of_order(visit.ctx, vendor_order_id=part.id, token=place.token),
        form=form,
        preview=preview,
        kept=kept_in(form.values),
        most=PICTURES_MAX,
        reasons=REASONS,
        labels=await labels(visit) if preview else {},
        new_id=visit.ctx.new_id(),
    )


async def _move(visit: Visit, place: Place, id: UUID, move: Move, request: Request) -> Response:
    values = await form_of(request)
    returns: Returns = visit.doors[Returns]
    token = place.token
    try:
        reader = Reader(values)
        if move == "withdraw":
            await returns.withdraw(visit.ctx, id=id, token=token)
        elif move == "sent-back":
            number = reader.text("tracking_number", longest=80, required=False)
            reader.done()
            await returns.sent_back(visit.ctx, id=id, tracking_number=number, token=token)
        else:
            await speak(visit, request, values, id, token, escalate=move == "escalate")
    except Problem as problem:
        if problem.status >= 500 or problem.status == 404:
            raise
        at = {"not_a_picture": "pictures", "picture_too_large": "pictures"}
        form = Form(values, plainly(problem), at)
        return await _page(visit, place, id, move, form, problem.status)
    visit.flash(TOLD[move])
    return visit.redirect(place.page(id))


async def speak(
    visit: Visit,
    request: Request,
    values: dict[str, str],
    id: UUID,
    token: str | None = None,
    *,
    escalate: bool = False,
) -> None:
    """A message about a return, for whoever may write one; escalating says why. Invalid."""
    returns: Returns = visit.doors[Returns]
    reader = Reader(values)
    text = reader.text("escalate_text" if escalate else "text", longest=TEXT_MAX)
    if escalate:
        reader.done()
        await returns.escalate(visit.ctx, id=id, text=text, token=token)
        return
    message_id = reader.id("id")
    reader.done()
    pictures: list[UUID] = []
    if visit.signed_in:
        pictures = await keep_pictures(visit, request, values, message_id, PICTURES_MAX)
    await returns.say(
        visit.ctx, id=id, message_id=message_id, text=text, picture_ids=pictures, token=token
    )


async def _page(
    visit: Visit, place: Place, id: UUID, moved: str, form: Form, status: int = 200
) -> Response:
    found: Return = await visit.doors[Returns].one(visit.ctx, id=id, token=place.token)
    if place.token is None and found.person_id != visit.ctx.person_id:
        raise NotFound  # vendors and staff have pages of their own for it
    order = place.order or f"/orders/{found.order_number}"
    open_ = not found.final and found.state not in ("refunded", "withdrawn")
    still = open_ and found.state != "received" and not found.refund_failed
    return visit.page(
        "store/return_page.html",
        status,
        **shown(found),
        order_at=order,
        here=place.page(id),
        form=form,
        sending=form if moved == "sent-back" else Form(),
        escalating=form if moved == "escalate" else Form(),
        saying=form if moved == "say" else Form(),
        moved=moved,
        may_write=open_,
        may_withdraw=still and (found.send_back or found.state != "approved"),
        may_send=found.state == "approved" and found.send_back,
        may_escalate=still and not found.escalated,
        names={"customer": "You", "vendor": "The vendor", "staff": "The market's staff"},
        kept=kept_in(form.values),
        most=PICTURES_MAX,
        new_id=visit.ctx.new_id(),
    )
