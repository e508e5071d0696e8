"""Vendors' bank accounts over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from haat.domains.money.banking.api import BankAccount, Banking, KeptAccount
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body

router = APIRouter(tags=["bank-accounts"])
Service = Annotated[Banking, Door(Banking)]


class AccountBody(Body, BankAccount):
    pass


class CheckBody(Body):
    """`reason` is needed to refuse; the vendor reads it."""

    verified: bool
    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("/vendors/{id}/bank-accounts", summary="A vendor's bank accounts, numbers masked")
async def accounts(id: UUID, ctx: Ctx, banking: Service) -> list[KeptAccount]:
    return await banking.accounts(ctx, vendor_id=id)


@router.post("/vendors/{id}/bank-accounts", status_code=201, summary="Add a bank account")
async def add(id: UUID, body: AccountBody, ctx: Ctx, banking: Service) -> KeptAccount:
    account = BankAccount(**dict(body))
    return await banking.add(ctx, id=ctx.new_id(), vendor_id=id, account=account)


@router.put(
    "/vendors/{id}/bank-accounts/{account_id}/default", summary="Be paid to this bank account"
)
async def choose(id: UUID, account_id: UUID, ctx: Ctx, banking: Service) -> KeptAccount:
    return await banking.choose(ctx, id=account_id, vendor_id=id)


@router.delete(
    "/vendors/{id}/bank-accounts/{account_id}", status_code=204, summary="Remove a bank account"
)
async def remove(id: UUID, account_id: UUID, ctx: Ctx, banking: Service) -> None:
    await banking.remove(ctx, id=account_id, vendor_id=id)


@router.get("/admin/vendors/{id}/bank-accounts", summary="A vendor's bank accounts, for staff")
async def accounts_of(id: UUID, ctx: Ctx, banking: Service) -> list[KeptAccount]:
    return await banking.accounts_of(ctx, vendor_id=id)


@router.put(
    "/admin/bank-accounts/{id}", summary="Say that a bank account was checked, or refuse it"
)
async def check(id: UUID, body: CheckBody, ctx: Ctx, banking: Service) -> KeptAccount:
    return await banking.check(ctx, id=id, verified=body.verified, reason=body.reason)
