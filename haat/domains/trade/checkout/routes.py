"""Checkout over REST: quote, place, ask how it stands."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from haat.domains.goods.catalog.api import ProductKind
from haat.domains.money.payments.api import Method
from haat.domains.people.media.api import Picture
from haat.domains.people.profiles.api import Address
from haat.domains.trade.checkout.api import (
    BuyLine,
    Checkout,
    OneClick,
    PaymentDeclined,
    Placement,
    Quote,
)
from haat.domains.trade.orders.api import Totals
from haat.domains.trade.shipping.api import Option
from haat.engines.http import Ctx, Door
from haat.engines.http.promises import KEYED
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.model import OF_MODELS, Body, Model
from haat.kernel.money import Money
from haat.kernel.personal import EmailText

router = APIRouter(tags=["checkout"])

TheCheckout = Annotated[Checkout, Door(Checkout)]
ReturnUrl = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s]+$")]
Email = Annotated[EmailText, Field(max_length=254)]


class PricedLine(Model):
    """A quote's line as its buyer sees it: without what the platform earns."""

    id: UUID
    offer_id: UUID
    product_id: UUID
    product_slug: str
    variant_id: UUID
    sku: str
    title: str
    variant_title: str
    picture: Picture | None
    quantity: int
    unit_price: Money
    usual_price: Money | None  # everybody's, where a price list makes it cheaper
    price_note: str  # by which list; '' for none
    amount: Money
    tax_bp: int
    tax: Money
    kind: ProductKind


class PricedGroup(Model):
    """One vendor's part of a quote as its buyer sees it."""

    vendor_id: UUID
    vendor_name: str
    lines: list[PricedLine]
    shipping: Option
    shipping_options: list[Option]
    shipping_tax_bp: int
    shipping_tax: Money
    totals: Totals


class PricedQuote(Model):
    """A quote as its buyer sees it. `cashOnDelivery`: whether every part of it is met by somebody
    who could take cash; a payment on delivery is refused otherwise."""

    id: UUID
    cart_id: UUID | None
    person_id: UUID | None
    email: str
    ship_to: Address
    bill_to: Address
    prices_include_tax: bool
    cash_on_delivery: bool
    groups: list[PricedGroup]
    totals: Totals
    created_at: datetime
    expires_at: datetime


class ItemBody(Body):
    offer_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999, strict=True)]


class AddressBody(Address, Body):
    """An address; unknown fields are refused."""


class SummaryBody(Body):
    """What to price: `items`, or the cart (`cartId` for a guest's, nothing for the person's own).
    `shipping` chooses a shipping method per vendor. Where nothing is shipped `billTo` is enough."""

    cart_id: UUID | None = None
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=100)] | None = None
    email: Email | None = None
    ship_to: AddressBody | None = None
    bill_to: AddressBody | None = None
    shipping: Annotated[dict[UUID, UUID], Field(max_length=100)] | None = None


class MethodBody(Body):
    """Without `token` or `savedId` the customer enters the card at the provider's page. `credits`:
    how much of the total, in the order's currency, is paid from one's own wallet."""

    provider: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")] = "test"
    token: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    saved_id: UUID | None = None
    save: Annotated[bool, Field(strict=True)] = False
    credits: Money | None = None


class OrderBody(Body):
    """Either `quoteId`, or everything a quote needs: then it is made and placed in one go."""

    quote_id: UUID | None = None
    cart_id: UUID | None = None
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=100)] | None = None
    email: Email | None = None
    ship_to: AddressBody | None = None
    bill_to: AddressBody | None = None
    shipping: Annotated[dict[UUID, UUID], Field(max_length=100)] | None = None
    payment: MethodBody = MethodBody()
    return_url: ReturnUrl | None = None


class OneClickBody(Body):
    """`unitPrice`, and `total` where it was shown, are what the buyer agrees to pay."""

    offer_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999, strict=True)] = 1
    unit_price: Money
    total: Money | None = None
    return_url: ReturnUrl | None = None


class IntentBody(Body):
    quote_id: UUID
    provider: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")] = "test"
    return_url: ReturnUrl | None = None


_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"model": Placement, "description": "There is an order."},
    202: {"model": Placement, "description": "Needs the customer, or is not known yet."},
    402: {"description": "Declined; `declineCode` says why. Nothing was charged."},
}


@router.post("/checkout/summary", status_code=201, summary="Price the cart: a quote")
async def quote(body: SummaryBody, ctx: Ctx, checkout: TheCheckout) -> PricedQuote:
    return _priced(await _quote(ctx, checkout, body))


@router.get("/checkout/{id}", summary="A quote again")
async def read(id: UUID, ctx: Ctx, checkout: TheCheckout) -> PricedQuote:
    return _priced(await checkout.read_quote(ctx, id=id))


@router.get("/checkout/{id}/status", summary="How a checkout stands; goes on with one that waited")
async def status(id: UUID, ctx: Ctx, checkout: TheCheckout) -> Placement:
    return await checkout.resume(ctx, id=id)


@router.post("/orders", status_code=201, responses=_ANSWERS, summary="Buy")
async def place(body: OrderBody, ctx: Ctx, checkout: TheCheckout, response: Response) -> Placement:
    quote_id = body.quote_id
    if quote_id is None:
        if body.ship_to is None and body.bill_to is None:
            raise Invalid.at("shipTo", "Give a quoteId, or an address to ship to.", "required")
        quote_id = (await _quote(ctx, checkout, body)).id
    given = body.payment
    return _answer(
        response,
        await checkout.place(
            ctx,
            quote_id=quote_id,
            method=Method(
                provider=given.provider,
                token=given.token,
                saved_id=given.saved_id,
                save=given.save,
            ),
            return_url=body.return_url or "",
            credits=given.credits,
        ),
    )


@router.get("/me/one-click", summary="Whether one press may buy, and with what")
async def one_click(ctx: Ctx, checkout: TheCheckout) -> OneClick:
    return await checkout.one_click(ctx)


@router.post(
    "/orders/one-click",
    status_code=201,
    responses=_ANSWERS,
    summary="Buy one thing at once",
    openapi_extra=KEYED,
)
async def buy_now(
    body: OneClickBody,
    ctx: Ctx,
    checkout: TheCheckout,
    response: Response,
) -> Placement:
    """One `Idempotency-Key` for each press: the same again buys nothing again."""
    return _answer(
        response,
        await checkout.buy_now(
            ctx,
            id=ctx.new_id(),
            offer_id=body.offer_id,
            quantity=body.quantity,
            unit_price=body.unit_price,
            total=body.total,
            return_url=body.return_url or "",
        ),
    )


@router.post(
    "/payments/intent",
    status_code=201,
    responses=_ANSWERS,
    summary="Place a quote, to be paid at the provider's page",
)
async def intent(
    body: IntentBody, ctx: Ctx, checkout: TheCheckout, response: Response
) -> Placement:
    return _answer(
        response,
        await checkout.place(
            ctx,
            quote_id=body.quote_id,
            method=Method(provider=body.provider),
            return_url=body.return_url or "",
        ),
    )


def _priced(quote: Quote) -> PricedQuote:
    return PricedQuote.model_validate(quote, **OF_MODELS)


async def _quote(ctx: Context, checkout: Checkout, body: SummaryBody | OrderBody) -> Quote:
    items = None
    if body.items is not None:
        items = [BuyLine(offer_id=item.offer_id, quantity=item.quantity) for item in body.items]
    return await checkout.quote(
        ctx,
        id=ctx.new_id(),
        email=body.email,
        ship_to=_address(body.ship_to) if body.ship_to else None,
        bill_to=_address(body.bill_to) if body.bill_to else None,
        cart_id=body.cart_id,
        items=items,
        shipping=body.shipping,
    )


def _address(body: AddressBody) -> Address:
    return Address(**dict(body))


def _answer(response: Response, placement: Placement) -> Placement:
    """201 with an order, 202 while there is none yet, 402 when the payment was declined; what
    ended otherwise is answered as it stands."""
    if placement.status == "declined":
        known = placement.model_dump(mode="json", by_alias=True)
        raise PaymentDeclined(**{k: v for k, v in known.items() if k != "status"})
    if placement.status in ("needs_action", "processing"):
        response.status_code = 202
    elif placement.status != "placed":
        response.status_code = 200
    return placement
