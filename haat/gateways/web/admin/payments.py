"""Payments as the providers know them, newest first, and all that is known of one."""

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from haat.domains.money.payments.api import Payment, Payments, Status
from haat.domains.trade.settlement.api import Settlement
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import money
from haat.gateways.web.store.paying import labels
from haat.gateways.web.visit import Visit, form_of, safe_path
from haat.kernel.errors import Forbidden, NotFound, Problem

router = APIRouter()
HERE = "/admin/payments"
STATUSES: tuple[tuple[Status, str], ...] = (
    ("awaiting", "Transfer awaited"),
    ("captured", "Captured"),
    ("authorized", "Authorized"),
    ("needs_action", "Needs action"),
    ("created", "Not known yet"),
    ("declined", "Declined"),
    ("voided", "Voided"),
    ("capture_failed", "Capture failed"),
)


@router.get("/admin/payments")
async def listed(
    visit: Staff,
    status: Status | Literal[""] = "",
    provider: Annotated[str, Query(pattern=r"^[a-z_]{0,30}$")] = "",
    cursor: str | None = None,
) -> Response:
    payments = visit.doors[Payments]
    found: Any = await asyncio.gather(
        payments.listed(
            visit.ctx, status=status or None, provider=provider or None, cursor=cursor or None
        ),
        payments.spikes(visit.ctx),
        labels(visit),
    )
    listing, spikes, names = found
    return page(
        visit,
        "payments.html",
        HERE,
        payments=listing.items,
        next=listing.next,
        may_open=visit.ctx.has("staff:orders"),
        spikes=spikes,
        statuses=STATUSES,
        labels=names,
        providers=[(name, label) for name, label in names.items() if name],
        form=Form({"status": status, "provider": provider}),
        chosen=(status, provider),
    )


@router.get("/admin/payments/{reference}")
async def show(visit: Staff, reference: UUID) -> Response:
    """All payments of an order or a top-up; as a rule there is one."""
    return await _page(visit, reference, None, Form())


@router.post("/admin/payments/{reference}/confirm/{id}")
async def confirm(visit: Staff, reference: UUID, id: UUID, request: Request) -> Response:
    """Staff saw the money of a transfer on the account."""
    if not visit.ctx.has("staff:money"):
        raise Forbidden
    values = await form_of(request)
    reader = Reader(values)
    note = reader.text("note", longest=500, required=False)
    try:
        reader.done()
        done: Payment = await visit.doors[Payments].confirm_transfer(
            visit.ctx, payment_id=id, note=note
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status in (403, 404):
            raise
        if problem.code == "payment_state":
            problem.detail = "This transfer is not awaited any more."
        return await _page(visit, reference, id, Form(values, problem), problem.status)
    visit.flash(f"{money(done.captured)} has arrived; the order goes on.")
    return visit.redirect(safe_path(values.get("back", ""), f"{HERE}/{reference}"))


async def _page(
    visit: Visit, reference: UUID, wrong: UUID | None, form: Form, status: int = 200
) -> Response:
    """The payments; `wrong` is the one whose form was refused."""
    payments = visit.doors[Payments]
    found: list[Payment] = await payments.payments(visit.ctx, references=[reference])
    if not found:
        raise NotFound
    messages: list[list[dict[str, Any]]] = [[] for _ in found]
    if visit.ctx.has("staff:money"):
        messages = list(
            await asyncio.gather(*(payments.raw(visit.ctx, payment_id=one.id) for one in found))
        )
    disputes = await visit.doors[Settlement].disputes(visit.ctx, order_ids=[reference])
    return page(
        visit,
        "payment.html",
        HERE,
        status,
        payments=[
            (one, [_shown(message) for message in told], form if one.id == wrong else None)
            for one, told in zip(found, messages, strict=True)
        ],
        reference=reference,
        is_order=all(one.purpose == "order" for one in found),
        disputes=disputes.items,
        labels=await labels(visit),
        names=dict(STATUSES),
        may_confirm=visit.ctx.has("staff:money"),
    )


def _shown(message: dict[str, Any]) -> tuple[dict[str, Any], datetime, str]:
    """A provider's message, when it came, and what it said."""
    said = json.dumps(message.get("payload"), indent=1, ensure_ascii=False)
    return message, datetime.fromisoformat(message["receivedAt"]), said
