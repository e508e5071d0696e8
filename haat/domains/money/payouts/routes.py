"""REST: what a vendor earned and is paid, and the queue of payouts for staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Earning, Payout, Payouts, VendorBalance
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

Service = Annotated[Payouts, Door(Payouts)]
router = APIRouter(tags=["payouts"])


class PayoutAsked(Body):
    """Without `amount`: all that is available."""

    amount: Money | None = None


class BankAccount(Body):
    holder: Annotated[str, Field(min_length=1, max_length=120)]
    account: Annotated[str, Field(min_length=4, max_length=40)]


class Decided(Body):
    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("/vendors/{id}/earnings")
async def earnings(
    id: UUID, ctx: Ctx, payouts: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Earning]:
    """What each vendor order brings the vendor, newest first."""
    return await payouts.earnings(ctx, vendor_id=id, limit=limit, cursor=cursor)


@router.post("/vendors/{id}/payout-request", status_code=201)
async def request(id: UUID, ctx: Ctx, payouts: Service, body: PayoutAsked | None = None) -> Payout:
    """Ask to be paid what is available, or part of it."""
    amount = body.amount if body else None
    return await payouts.request(ctx, id=ctx.new_id(), vendor_id=id, amount=amount)


@router.put("/vendors/{id}/bank", status_code=204)
@router.post("/vendors/{id}/bank", status_code=204)
async def set_bank(id: UUID, ctx: Ctx, payouts: Service, body: BankAccount) -> None:
    """Where payouts go from now on."""
    destination = Destination(holder=body.holder, account=body.account)
    await payouts.set_destination(ctx, vendor_id=id, destination=destination)


@router.get("/vendors/{id}/bank")
async def bank(id: UUID, ctx: Ctx, payouts: Service) -> Destination | None:
    """The bank account, its number masked; null when there is none."""
    return await payouts.destination(ctx, vendor_id=id)


@router.get("/payments/balance")
async def balance(ctx: Ctx, payouts: Service) -> VendorBalance:
    """The balance of the vendor one acts for."""
    return await payouts.balance(ctx, vendor_id=ctx.acting_vendor)


@router.post("/payments/payout", status_code=201)
async def payout(ctx: Ctx, payouts: Service, body: PayoutAsked | None = None) -> Payout:
    """Ask to be paid, for the vendor one acts for."""
    vendor_id, amount = ctx.acting_vendor, body.amount if body else None
    return await payouts.request(ctx, id=ctx.new_id(), vendor_id=vendor_id, amount=amount)


@router.get("/payments/payouts")
async def listed(
    ctx: Ctx, payouts: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Payout]:
    """Payouts of the vendor one acts for, newest first."""
    return await payouts.payouts(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.get("/payments/transactions")
async def transactions(
    ctx: Ctx, payouts: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Earning]:
    """Sales of the vendor one acts for: gross, commission, tax, net and status."""
    return await payouts.earnings(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.get("/admin/payouts")
async def queue(
    ctx: Ctx,
    payouts: Service,
    status: str | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Payout]:
    """Payouts of every vendor, newest first."""
    return await payouts.queue(ctx, status=status, limit=limit, cursor=cursor)


@router.post("/admin/payouts/{id}/approve")
async def approve(id: UUID, ctx: Ctx, payouts: Service, body: Decided | None = None) -> Payout:
    """Pay it: paid, processing, or failed."""
    reason = body.reason if body else ""
    return await payouts.decide(ctx, id=id, decision="approve", reason=reason)


@router.post("/admin/payouts/{id}/reject")
async def reject(id: UUID, ctx: Ctx, payouts: Service, body: Decided) -> Payout:
    """Give the amount back to the vendor's balance, saying why."""
    return await payouts.decide(ctx, id=id, decision="reject", reason=body.reason)
