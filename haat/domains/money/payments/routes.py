"""REST: the providers' webhook, what the checkout page needs, own payments, and staff's tools."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from haat.domains.money.payments.api import (
    Dispute,
    FundsMatch,
    FundsReceived,
    Payment,
    Payments,
    ProviderInfo,
    RefundDue,
    SavedMethod,
    SignatureInvalid,
    Status,
    VendorAccount,
)
from haat.engines.http import Ctx, Door
from haat.engines.http.promises import KEYED
from haat.kernel.errors import TooLarge
from haat.kernel.model import Body, Model
from haat.kernel.page import Limit, Page

Service = Annotated[Payments, Door(Payments)]
router = APIRouter(tags=["payments"])
_BODY_MAX_BYTES = 256 * 1024
_SIGNED = (b"webhook-", b"stripe-", b"paypal-")  # how the names of signed messages' headers begin


class Providers(Model):
    """In the order in which checkout offers them."""

    items: list[ProviderInfo]
    next: None = None


class Methods(Model):
    items: list[SavedMethod]
    next: None = None


class Accounts(Model):
    items: list[VendorAccount]
    next: None = None


class RawMessages(Model):
    """`{type, receivedAt, payload}`, secrets replaced."""

    items: list[dict[str, Any]]
    next: None = None


class Matches(Model):
    items: list[FundsMatch]
    next: None = None


class Onboarding(Body):
    provider: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]
    return_url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s]+$")]


class Onward(Model):
    """Where the browser goes on."""

    url: str


class Confirmed(Body):
    note: Annotated[str, Field(max_length=500)] = ""


class Received(Body):
    funds: Annotated[list[FundsReceived], Field(min_length=1, max_length=1000)]


class Settled(Body):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)]
    done: bool
    reason: Annotated[str, Field(max_length=500)] = ""


@router.post("/payments/webhook/{provider}", status_code=204)
async def webhook(provider: str, request: Request, ctx: Ctx, payments: Service) -> None:
    """A payment provider's signed message."""
    await _hear(provider, request, ctx, payments)


@router.post("/payments/webhook", status_code=204)
async def test_webhook(request: Request, ctx: Ctx, payments: Service) -> None:
    """The same, from the test card network."""
    await _hear("test", request, ctx, payments)


async def _hear(provider: str, request: Request, ctx: Ctx, payments: Payments) -> None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX_BYTES:
            raise TooLarge
    try:
        body.decode()
    except UnicodeDecodeError:
        # Signed messages are JSON, and only text travels between services.
        raise SignatureInvalid from None
    signed = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in request.scope["headers"]
        if name.lower().startswith(_SIGNED)
    }
    await payments.webhook(ctx, provider=provider, headers=signed, body=bytes(body))


@router.get("/payments/providers")
async def providers(ctx: Ctx, payments: Service) -> Providers:
    """Ways to pay."""
    return Providers(items=await payments.providers(ctx))


@router.get("/me/payments")
async def own(
    ctx: Ctx, payments: Service, limit: Limit = 20, cursor: str | None = None
) -> Page[Payment]:
    """One's own payments, newest first."""
    return await payments.own(ctx, limit=limit, cursor=cursor)


@router.get("/payments/methods")
async def methods(ctx: Ctx, payments: Service) -> Methods:
    """One's saved payment methods: what the provider shows of them, no numbers."""
    return Methods(items=await payments.methods(ctx))


@router.delete("/payments/methods/{id}", status_code=204)
async def forget_method(id: UUID, ctx: Ctx, payments: Service) -> None:
    """Remove a saved payment method, here and at the provider."""
    await payments.forget_method(ctx, id=id)


@router.post("/payments/onboarding")
async def onboard(ctx: Ctx, payments: Service, body: Onboarding) -> Onward:
    """Open the account at a provider for the vendor one acts for."""
    vendor_id = ctx.acting_vendor
    url = await payments.onboard(
        ctx, vendor_id=vendor_id, provider=body.provider, return_url=body.return_url
    )
    return Onward(url=url)


@router.get("/payments/onboarding")
async def accounts(ctx: Ctx, payments: Service) -> Accounts:
    """Accounts at providers of the vendor one acts for."""
    return Accounts(items=await payments.accounts(ctx, vendor_id=ctx.acting_vendor))


@router.get("/admin/payments")
async def listed(
    ctx: Ctx,
    payments: Service,
    status: Status | None = None,
    provider: str | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Payment]:
    """Every payment, newest first."""
    return await payments.listed(ctx, status=status, provider=provider, limit=limit, cursor=cursor)


@router.get("/admin/payments/disputes")
async def disputes(
    ctx: Ctx,
    payments: Service,
    status: Literal["open", "won", "lost"] | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Dispute]:
    """Chargebacks, newest first."""
    return await payments.disputes(ctx, status=status, limit=limit, cursor=cursor)


@router.get("/admin/payments/refunds")
async def refunds_due(
    ctx: Ctx, payments: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[RefundDue]:
    """Refunds of bank transfers that wait to be paid, oldest first."""
    return await payments.refunds_due(ctx, limit=limit, cursor=cursor)


@router.post("/admin/payments/refunds/settle", status_code=204)
async def settle_refunds(ctx: Ctx, payments: Service, body: Settled) -> None:
    """They were paid, or came back."""
    await payments.settle_refunds(ctx, ids=body.ids, done=body.done, reason=body.reason)


@router.post("/admin/payments/funds", openapi_extra=KEYED)
async def receive_funds(ctx: Ctx, payments: Service, body: Received) -> Matches:
    """Credits on our bank account, to be matched with awaiting transfers; each counts once."""
    return Matches(items=await payments.receive_funds(ctx, funds=body.funds))


@router.get("/admin/payments/{id}/raw")
async def raw(id: UUID, ctx: Ctx, payments: Service) -> RawMessages:
    """What the provider told us about a payment, oldest first."""
    return RawMessages(items=await payments.raw(ctx, payment_id=id))


@router.post("/admin/payments/{id}/confirm")
async def confirm(id: UUID, ctx: Ctx, payments: Service, body: Confirmed | None = None) -> Payment:
    """The money of this transfer is on our account."""
    note = body.note if body else ""
    return await payments.confirm_transfer(ctx, payment_id=id, note=note)
