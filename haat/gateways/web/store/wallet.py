"""One's own wallet."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.gateways.web.store import credits
from haat.gateways.web.store.credits import Desk
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import Visit

router = APIRouter()


def _desk(visit: Visit) -> Desk:
    return Desk(visit, "/account/wallet", "kit/base.html")


@router.get("/account/wallet")
async def show(visit: PersonShopping) -> Response:
    return await credits.overview(_desk(visit))


@router.get("/account/wallet/statement")
async def statement(visit: PersonShopping, day: str = "", cursor: str | None = None) -> Response:
    return await credits.statement(_desk(visit), day, cursor)


@router.post("/account/wallet/topups")
async def buy(visit: PersonShopping, request: Request) -> Response:
    return await credits.buy(_desk(visit), request)


@router.get("/account/wallet/topups/{id}")
async def topup(visit: PersonShopping, id: UUID, go: str = "", result: str = "") -> Response:
    """Where the provider sends the customer back to, and where a bank transfer is explained."""
    return await credits.topup(_desk(visit), id, go=bool(go), cancelled=result == "cancelled")


@router.post("/account/wallet/withdrawals")
async def withdraw(visit: PersonShopping, request: Request) -> Response:
    return await credits.withdraw(_desk(visit), request)
