"""Accounts and sessions over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from haat.domains.people.identity.api import Identity, Password, Person, SignedIn
from haat.engines.http import Ctx, Door, from_this_machine
from haat.kernel.model import Body
from haat.kernel.personal import EmailText, NameText, TokenText

router = APIRouter(tags=["identity"])

Service = Annotated[Identity, Door(Identity)]
Address = Annotated[EmailText, Field(min_length=1, max_length=254)]
Token = Annotated[TokenText, Field(min_length=1, max_length=200, repr=False)]


class RegisterBody(Body):
    email: Address
    password: Password
    name: Annotated[NameText, Field(min_length=1, max_length=120)]


class LoginBody(Body):
    email: Address
    password: Password
    vendor_id: UUID | None = None


class RefreshBody(Body):
    refresh_token: Token
    vendor_id: UUID | None = None


class LogoutBody(Body):
    refresh_token: Token


@router.post("/auth/register", status_code=201, summary="Open an account")
async def register(body: RegisterBody, ctx: Ctx, identity: Service) -> Person:
    return await identity.register(
        ctx, id=ctx.new_id(), email=body.email, password=body.password, name=body.name
    )


@router.post("/auth/login", summary="Sign in")
async def login(body: LoginBody, request: Request, ctx: Ctx, identity: Service) -> SignedIn:
    return await identity.sign_in(
        ctx,
        email=body.email,
        password=body.password,
        client=request.headers.get("user-agent", ""),
        local=from_this_machine(request),
        vendor_id=body.vendor_id,
        origin=request.client.host if request.client else "",
    )


@router.post("/auth/refresh", summary="Take a new access token")
async def refresh(body: RefreshBody, ctx: Ctx, identity: Service) -> SignedIn:
    return await identity.refresh(ctx, refresh_token=body.refresh_token, vendor_id=body.vendor_id)


@router.post("/auth/logout", status_code=204, summary="End the session")
async def logout(body: LogoutBody, ctx: Ctx, identity: Service) -> None:
    await identity.sign_out(ctx, refresh_token=body.refresh_token)


@router.get("/auth/me", summary="Who am I")
@router.get("/me", summary="My account")
async def me(ctx: Ctx, identity: Service) -> Person:
    return await identity.me(ctx)
