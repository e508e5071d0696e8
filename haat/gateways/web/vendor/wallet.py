"""The vendor's wallet, for those of its team who keep its money."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.gateways.web.store import credits
from haat.gateways.web.store.credits import Desk
from haat.gateways.web.vendor.portal import Team, sections_of, vendor_of
from haat.gateways.web.visit import Visit

router = APIRouter()
HERE = "/vendor/wallet"


def _desk(visit: Visit) -> Desk:
    known = {"sections": sections_of(visit), "here": HERE}
    return Desk(visit, HERE, "vendor/frame.html", vendor_of(visit), known)


@router.get("/vendor/wallet")
async def show(visit: Team) -> Response:
    return await credits.overview(_desk(visit))


@router.get("/vendor/wallet/statement")
async def statement(visit: Team, day: str = "", cursor: str | None = None) -> Response:
    return await credits.statement(_desk(visit), day, cursor)


@router.post("/vendor/wallet/topups")
async def buy(visit: Team, request: Request) -> Response:
    return await credits.buy(_desk(visit), request)


@router.get("/vendor/wallet/topups/{id}")
async def topup(visit: Team, id: UUID, go: str = "", result: str = "") -> Response:
    """Where the provider sends the vendor back to, and where a bank transfer is explained."""
    return await credits.topup(_desk(visit), id, go=bool(go), cancelled=result == "cancelled")


@router.post("/vendor/wallet/withdrawals")
async def withdraw(visit: Team, request: Request) -> Response:
    return await credits.withdraw(_desk(visit), request)
