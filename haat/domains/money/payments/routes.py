"""REST: the providers' webhook, what the checkout page needs, and the list for staff."""

from typing import Annotated

from fastapi import APIRouter, Request

from haat.domains.money.payments.api import Payment, Payments, SignatureInvalid
from haat.engines.http import Ctx, Door
from haat.kernel.errors import TooLarge
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

Service = Annotated[Payments, Door(Payments)]
router = APIRouter(tags=["payments"])
_BODY_MAX_BYTES = 256 * 1024


class ProviderChoice(Model):
    """`tokenUrl` is where a browser exchanges a card for a token; cards never come to us."""

    name: str
    label: str
    token_url: str


class Providers(Model):
    items: list[ProviderChoice]
    next: None = None


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
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = {name: value for name, value in headers.items() if name.startswith("webhook-")}
    await payments.webhook(ctx, provider=provider, headers=signed, body=bytes(body))


@router.get("/payments/providers")
async def providers(ctx: Ctx, payments: Service) -> Providers:
    """Ways to pay."""
    found = await payments.providers(ctx)
    return Providers(items=[ProviderChoice.model_validate(one) for one in found])


@router.get("/admin/payments")
async def listed(
    ctx: Ctx, payments: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Payment]:
    """Every payment, newest first."""
    return await payments.listed(ctx, limit=limit, cursor=cursor)
