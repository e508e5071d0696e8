"""REST: one's own wallet or the vendor's, what credits cost, and the desk of staff."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from haat.domains.money.payments.api import Method
from haat.domains.money.wallet.api import (
    FrozenWallet,
    Rate,
    Reason,
    TopUp,
    Wallet,
    WalletBalance,
    WalletEntry,
    WalletFlow,
    Withdrawal,
    WithdrawalDue,
)
from haat.engines.http import Ctx, Door
from haat.engines.http.promises import KEYED
from haat.kernel.exact import WrittenAware
from haat.kernel.model import Body
from haat.kernel.money import Currency
from haat.kernel.page import Limit, Page
from haat.kernel.personal import AccountText, NameText

Service = Annotated[Wallet, Door(Wallet)]
VendorId = Annotated[UUID | None, Query(alias="vendorId")]
CreditsMinor = Annotated[int, Field(ge=100, le=10_000_000, strict=True)]
router = APIRouter(tags=["wallet"])


class Bought(Body):
    """`creditsMinor`: hundredths of a credit."""

    credits_minor: CreditsMinor
    method: Method = Method()
    return_url: Annotated[str, Field(max_length=500, pattern=r"^(https?://[^\s]+)?$")] = ""
    vendor_id: UUID | None = None


class Withdrawn(Body):
    credits_minor: CreditsMinor
    holder: Annotated[NameText, Field(min_length=1, max_length=120)]
    account: Annotated[AccountText, Field(min_length=4, max_length=40)]
    vendor_id: UUID | None = None


class Settled(Body):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    paid: bool
    reason: Annotated[str, Field(max_length=500)] = ""


class Decided(Body):
    decision: Literal["approve", "reject"]
    reason: Annotated[str, Field(max_length=500)] = ""


class RateSet(Body):
    """`micro`: minor units of the currency per hundredth of a credit, × 1,000,000."""

    currency: Currency
    micro: Annotated[int, Field(ge=1, le=10**12)]
    valid_from: AwareDatetime | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class Granted(Body):
    credits_minor: Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
    reason: Reason


class Frozen(Body):
    frozen: bool
    reason: Reason


@router.get("/wallet")
async def balance(ctx: Ctx, wallet: Service, vendor_id: VendorId = None) -> WalletBalance:
    """One's own credits; with `vendorId` those of the vendor one acts for."""
    return await wallet.balance(ctx, vendor_id=vendor_id)


@router.get("/wallet/statement")
async def statement(
    ctx: Ctx,
    wallet: Service,
    vendor_id: VendorId = None,
    as_of: WrittenAware | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[WalletEntry]:
    """Every movement, newest first; `as_of` as it stood at that moment."""
    return await wallet.statement(ctx, vendor_id=vendor_id, as_of=as_of, limit=limit, cursor=cursor)


@router.post("/wallet/topups", status_code=201, openapi_extra=KEYED)
async def top_up(ctx: Ctx, wallet: Service, body: Bought) -> TopUp:
    """Buy credits at the rate of now."""
    return await wallet.top_up(
        ctx,
        id=ctx.new_id(),
        credits_minor=body.credits_minor,
        method=body.method,
        return_url=body.return_url,
        vendor_id=body.vendor_id,
    )


@router.get("/wallet/topups")
async def topups(
    ctx: Ctx,
    wallet: Service,
    vendor_id: VendorId = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[TopUp]:
    """Newest first."""
    return await wallet.topups(ctx, vendor_id=vendor_id, limit=limit, cursor=cursor)


@router.get("/wallet/topups/{id}")
async def topup(id: UUID, ctx: Ctx, wallet: Service) -> TopUp:
    """How it stands: a step for the customer, bank transfer instructions, or its end."""
    return await wallet.topup(ctx, id=id)


@router.post("/wallet/withdrawals", status_code=201, openapi_extra=KEYED)
async def withdraw(ctx: Ctx, wallet: Service, body: Withdrawn) -> Withdrawal:
    """Ask for credits to be paid out as money."""
    return await wallet.withdraw(
        ctx,
        id=ctx.new_id(),
        credits_minor=body.credits_minor,
        holder=body.holder,
        account=body.account,
        vendor_id=body.vendor_id,
    )


@router.get("/wallet/withdrawals")
async def withdrawals(
    ctx: Ctx,
    wallet: Service,
    vendor_id: VendorId = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Withdrawal]:
    """Newest first; bank accounts are masked."""
    return await wallet.withdrawals(ctx, vendor_id=vendor_id, limit=limit, cursor=cursor)


@router.get("/credit-rates")
async def rates(
    ctx: Ctx,
    wallet: Service,
    currency: Currency | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Rate]:
    """What credits cost, with the history and what is coming, newest first."""
    return await wallet.rates(ctx, currency=currency, limit=limit, cursor=cursor)


@router.post("/admin/credit-rates", status_code=201)
async def set_rate(ctx: Ctx, wallet: Service, body: RateSet) -> Rate:
    """What credits cost from now or a later moment on."""
    return await wallet.set_rate(
        ctx,
        id=ctx.new_id(),
        currency=body.currency,
        micro=body.micro,
        valid_from=body.valid_from,
        note=body.note,
    )


@router.get("/admin/withdrawals")
async def queue(
    ctx: Ctx,
    wallet: Service,
    status: str | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Withdrawal]:
    """Withdrawals of every wallet, newest first."""
    return await wallet.withdrawal_queue(ctx, status=status, limit=limit, cursor=cursor)


@router.post("/admin/withdrawals/{id}/decision")
async def decide(id: UUID, ctx: Ctx, wallet: Service, body: Decided) -> Withdrawal:
    """Approve (it is sent to the provider) or reject, saying why (the credits come back)."""
    return await wallet.decide_withdrawal(ctx, id=id, decision=body.decision, reason=body.reason)


@router.get("/admin/withdrawals/due")
async def withdrawals_due(
    ctx: Ctx, wallet: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[WithdrawalDue]:
    """What staff pay from the market's bank account, oldest first, accounts in full."""
    return await wallet.withdrawals_due(ctx, limit=limit, cursor=cursor)


@router.post("/admin/withdrawals/settle", status_code=204)
async def settle_withdrawals(ctx: Ctx, wallet: Service, body: Settled) -> None:
    """They were paid, or came back: then the credits are in the wallet again."""
    await wallet.settle_withdrawals(ctx, ids=body.ids, paid=body.paid, reason=body.reason)


@router.get("/admin/wallets/flow")
async def flow(
    ctx: Ctx, wallet: Service, days: Annotated[int, Field(ge=1, le=366)] = 30
) -> WalletFlow:
    """Credits in circulation, how they moved day by day, and wallets that look unusual."""
    return await wallet.flow(ctx, days=days)


@router.get("/admin/wallets/frozen")
async def frozen(
    ctx: Ctx, wallet: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[FrozenWallet]:
    """Wallets that are stopped, newest first."""
    return await wallet.frozen(ctx, limit=limit, cursor=cursor)


@router.post("/admin/wallets/{owner_id}/grant", status_code=201, openapi_extra=KEYED)
async def grant(owner_id: UUID, ctx: Ctx, wallet: Service, body: Granted) -> WalletEntry:
    """Goodwill: credits without money, to a person or a vendor."""
    return await wallet.grant(
        ctx,
        id=ctx.new_id(),
        owner_id=owner_id,
        credits_minor=body.credits_minor,
        reason=body.reason,
    )


@router.put("/admin/wallets/{owner_id}/frozen", status_code=204)
async def freeze(owner_id: UUID, ctx: Ctx, wallet: Service, body: Frozen) -> None:
    """Stop a wallet from paying and withdrawing, or let it go on."""
    await wallet.freeze(ctx, owner_id=owner_id, frozen=body.frozen, reason=body.reason)
