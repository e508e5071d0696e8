"""Payouts: the list, one with what it is made of, and its files."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from haat.domains.money.payouts.api import Payout, Payouts
from haat.domains.money.statements.api import Document, Statements
from haat.gateways.web.vendor.money_words import ITEMS, item_title
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.kernel.money import total

router = APIRouter()
HERE = "/vendor/money"


@router.get("/vendor/money/payouts")
async def listed(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Payouts].payouts(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    return page(visit, "payouts.html", HERE, payouts=found.items, next=found.next)


@router.get("/vendor/money/payouts/{id}")
async def show(visit: Team, id: UUID) -> Response:
    found: Payout = await visit.doors[Payouts].payout(visit.ctx, id=id)
    return page(
        visit,
        "payout.html",
        HERE,
        payout=found,
        kinds=ITEMS,
        title_of=item_title,
        whole=total((item.amount for item in found.items), found.amount.currency),
    )


@router.get("/vendor/files/payouts/{id}.{format}")
async def file(visit: Team, id: UUID, format: Literal["pdf", "csv"]) -> Response:
    found: Document = await visit.doors[Statements].document(
        visit.ctx, vendor_id=vendor_of(visit), kind="payout", ref=str(id), format=format
    )
    return visit.file(found.name, found.media_type, found.content)
