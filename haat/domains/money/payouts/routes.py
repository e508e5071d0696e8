"""REST: what a vendor earned, will get and was paid; payouts, their rules and files for staff."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import (
    BalanceForecast,
    BankFile,
    Charge,
    DryRun,
    Earning,
    Forecast,
    Payout,
    Payouts,
    Policy,
    SalesDay,
    VendorBalance,
    VendorTerms,
)
from haat.engines.http import Ctx, Door
from haat.engines.http.promises import KEYED
from haat.kernel.errors import Invalid
from haat.kernel.exact import WrittenAware
from haat.kernel.model import Body
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page
from haat.kernel.personal import AccountText, NameText

Service = Annotated[Payouts, Door(Payouts)]
Status = Literal["pending", "eligible", "paid", "reversed"]
Why = Annotated[str, Field(min_length=1, max_length=500)]
SALES_SPAN = timedelta(days=366)
router = APIRouter(tags=["payouts"])


class PayoutAsked(Body):
    """Without `amount`: all that is available."""

    amount: Money | None = None


class BankAccount(Body):
    holder: Annotated[NameText, Field(min_length=1, max_length=120)]
    account: Annotated[AccountText, Field(min_length=4, max_length=40)]
    bic: Annotated[str, Field(max_length=11)] = ""


class Decided(Body):
    reason: Annotated[str, Field(max_length=500)] = ""


class RunAsked(Body):
    """Without `vendor_ids`: every vendor whose balance is due."""

    vendor_ids: Annotated[list[UUID], Field(max_length=1000)] | None = None


class FileAsked(Body):
    format: Literal["pain.001", "csv"] = "pain.001"


class BankSaid(Body):
    """The bank executed these payouts, or sent them back."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)]
    paid: bool
    reason: Annotated[str, Field(max_length=500)] = ""


class PolicyChange(Body):
    policy: Policy
    reason: Why


class TermsChange(Body):
    """One vendor's exceptions; what is left out is as the policy says."""

    reserve_bp: Annotated[int, Field(ge=0, le=10_000)] | None = None
    reserve_days: Annotated[int, Field(ge=0, le=366)] | None = None
    schedule: Literal["manual", "daily", "weekly", "monthly"] | None = None
    threshold_minor: Annotated[int, Field(ge=0)] | None = None
    auto_approve_minor: Annotated[int, Field(ge=0)] | None = None
    held: bool = False
    held_reason: Annotated[str, Field(max_length=500)] = ""
    verified_at: AwareDatetime | None = None
    reason: Why


class ChargeAsked(Body):
    """A fee or fine (more than nothing) or a credit note (less)."""

    amount: Money
    tax: Money | None = None
    reason: Why


# For the vendor.


@router.get("/vendors/{id}/sales", summary="What a vendor sold, by day")
async def sales(
    id: UUID, ctx: Ctx, payouts: Service, since: WrittenAware, until: WrittenAware
) -> list[SalesDay]:
    """Days with sales, oldest first; a year at most is asked for at once."""
    if not timedelta() <= until - since <= SALES_SPAN:
        raise Invalid.at("until", "Ask for a year at most.", "span_invalid")
    return await payouts.sales(ctx, vendor_id=id, since=since, until=until)


@router.get("/vendors/{id}/earnings")
async def earnings(
    id: UUID,
    ctx: Ctx,
    payouts: Service,
    status: Status | None = None,
    since: WrittenAware | None = None,
    until: WrittenAware | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Earning]:
    """What each vendor order brings the vendor, newest first."""
    return await payouts.earnings(
        ctx, vendor_id=id, status=status, since=since, until=until, limit=limit, cursor=cursor
    )


@router.post("/vendors/{id}/payout-request", status_code=201, openapi_extra=KEYED)
async def request(id: UUID, ctx: Ctx, payouts: Service, body: PayoutAsked | None = None) -> Payout:
    """Ask to be paid what is available, or part of it."""
    amount = body.amount if body else None
    return await payouts.request(ctx, id=ctx.new_id(), vendor_id=id, amount=amount)


@router.put("/vendors/{id}/bank", status_code=204)
@router.post("/vendors/{id}/bank", status_code=204)
async def set_bank(id: UUID, ctx: Ctx, payouts: Service, body: BankAccount) -> None:
    """Where payouts go from now on."""
    destination = Destination(holder=body.holder, account=body.account, bic=body.bic)
    await payouts.set_destination(ctx, vendor_id=id, destination=destination)


@router.get("/vendors/{id}/bank")
async def bank(id: UUID, ctx: Ctx, payouts: Service) -> Destination | None:
    """The bank account, its number masked; null when there is none."""
    return await payouts.destination(ctx, vendor_id=id)


@router.get("/payments/balance")
async def balance(ctx: Ctx, payouts: Service, as_of: AwareDatetime | None = None) -> VendorBalance:
    """The balance of the vendor one acts for, now or as of a past moment."""
    return await payouts.balance(ctx, vendor_id=ctx.acting_vendor, as_of=as_of)


@router.get("/payments/balance/forecast")
async def balance_forecast(ctx: Ctx, payouts: Service) -> BalanceForecast:
    """When how much will become available, and what waits for what."""
    return await payouts.balance_forecast(ctx, vendor_id=ctx.acting_vendor)


@router.get("/payments/earnings/{id}")
async def earning(id: UUID, ctx: Ctx, payouts: Service) -> Earning:
    """One vendor order's, with its lines."""
    return await payouts.earning(ctx, vendor_order_id=id)


@router.get("/payments/earnings/{id}/forecast")
async def forecast(id: UUID, ctx: Ctx, payouts: Service) -> list[Forecast]:
    """For each line of a vendor order: what will be paid, when, what blocks and lowers it."""
    return await payouts.forecast(ctx, vendor_order_id=id)


@router.get("/payments/earnings/lines/{id}/forecasts")
async def forecast_history(id: UUID, ctx: Ctx, payouts: Service) -> list[Forecast]:
    """Every forecast of a line, oldest first, each with the event that issued it."""
    return await payouts.forecast_history(ctx, line_id=id)


@router.post("/payments/payout", status_code=201, openapi_extra=KEYED)
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


@router.get("/payments/payouts/{id}")
async def one_payout(id: UUID, ctx: Ctx, payouts: Service) -> Payout:
    """One, with what it is made of."""
    return await payouts.payout(ctx, id=id)


@router.get("/payments/charges")
async def charges(
    ctx: Ctx, payouts: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Charge]:
    """Fees, fines and credit notes outside orders, newest first."""
    return await payouts.charges(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.get("/payments/transactions")
async def transactions(
    ctx: Ctx, payouts: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Earning]:
    """Sales of the vendor one acts for: gross, commission, tax, net and status."""
    return await payouts.earnings(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


# For staff.


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


@router.post("/admin/payouts/run", openapi_extra=KEYED)
async def run(ctx: Ctx, payouts: Service, body: RunAsked | None = None) -> list[Payout]:
    """A payout run now: one payout for every vendor whose balance is due."""
    return await payouts.run(ctx, vendor_ids=body.vendor_ids if body else None)


@router.post("/admin/payouts/{id}/approve")
async def approve(id: UUID, ctx: Ctx, payouts: Service, body: Decided | None = None) -> Payout:
    """Pay it: paid, processing, or failed."""
    reason = body.reason if body else ""
    return await payouts.decide(ctx, id=id, decision="approve", reason=reason)


@router.post("/admin/payouts/{id}/reject")
async def reject(id: UUID, ctx: Ctx, payouts: Service, body: Decided) -> Payout:
    """Give the amount back to the vendor's balance, saying why."""
    return await payouts.decide(ctx, id=id, decision="reject", reason=body.reason)


@router.get("/admin/bank-files")
async def bank_files(
    ctx: Ctx, payouts: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[BankFile]:
    """Newest first."""
    return await payouts.bank_files(ctx, limit=limit, cursor=cursor)


@router.post("/admin/bank-files", status_code=201, openapi_extra=KEYED)
async def make_bank_file(ctx: Ctx, payouts: Service, body: FileAsked) -> BankFile:
    """Gather every approved bank payout that is in no file yet."""
    return await payouts.make_bank_file(ctx, id=ctx.new_id(), format=body.format)


@router.get(
    "/admin/bank-files/{id}",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}, "text/csv": {}}}},
)
async def bank_file(id: UUID, ctx: Ctx, payouts: Service) -> Response:
    """The file for the bank: pain.001 or CSV, the same every time."""
    text = await payouts.bank_file(ctx, id=id)
    kind, end = ("application/xml", "xml") if text.startswith("<?xml") else ("text/csv", "csv")
    headers = {"Content-Disposition": f'attachment; filename="payouts-{id}.{end}"'}
    return Response(text.encode(), media_type=kind, headers=headers)


@router.post("/admin/bank-files/settle")
async def settle(ctx: Ctx, payouts: Service, body: BankSaid) -> list[Payout]:
    """Say how bank payouts ended; what was sent back returns to the balance."""
    return await payouts.settle_bank_payouts(ctx, ids=body.ids, paid=body.paid, reason=body.reason)


@router.get("/admin/payout-policy")
async def policy(ctx: Ctx, payouts: Service) -> Policy:
    """The rules for paying out."""
    return await payouts.policy(ctx)


@router.put("/admin/payout-policy")
async def set_policy(ctx: Ctx, payouts: Service, body: PolicyChange) -> Policy:
    """Change them, for what happens from now on."""
    return await payouts.set_policy(ctx, policy=body.policy, reason=body.reason)


@router.get("/admin/vendors/{id}/payout-terms")
async def terms(id: UUID, ctx: Ctx, payouts: Service) -> VendorTerms:
    """One vendor's exceptions from the rules."""
    return await payouts.terms(ctx, vendor_id=id)


@router.put("/admin/vendors/{id}/payout-terms")
async def set_terms(id: UUID, ctx: Ctx, payouts: Service, body: TermsChange) -> VendorTerms:
    """Change them; `held` stops the vendor's payouts."""
    given = VendorTerms(vendor_id=id, **body.model_dump(by_alias=False, exclude={"reason"}))
    return await payouts.set_terms(ctx, terms=given, reason=body.reason)


@router.post("/admin/vendors/{id}/charges", status_code=201, openapi_extra=KEYED)
async def charge(id: UUID, ctx: Ctx, payouts: Service, body: ChargeAsked) -> Charge:
    """Charge a vendor a fee or fine, or give it a credit note."""
    return await payouts.charge(
        ctx, id=ctx.new_id(), vendor_id=id, amount=body.amount, reason=body.reason, tax=body.tax
    )


@router.get("/admin/vendors/{id}/balance")
async def vendors_balance(id: UUID, ctx: Ctx, payouts: Service) -> VendorBalance:
    """What one vendor has."""
    [found] = await payouts.balances_of(ctx, vendor_ids=[id])
    return found


@router.get("/admin/commission-lists/{id}/dry-run")
async def dry_run(
    id: UUID, ctx: Ctx, payouts: Service, days: Annotated[int, Query(ge=1, le=366)] = 30
) -> DryRun:
    """What this list would have earned on the sales of the last days."""
    return await payouts.dry_run(ctx, list_id=id, days=days)
