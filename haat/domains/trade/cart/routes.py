"""The cart over REST. A guest names the cart with `X-Cart-Id`, from the answer to the first item;
a person's cart is the person's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header
from pydantic import Field

from haat.domains.trade.cart.api import Cart, CartState, Quantity
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body

router = APIRouter(tags=["cart"])
CartDoor = Annotated[Cart, Door(Cart)]
CartId = Annotated[UUID | None, Header(alias="X-Cart-Id")]


class CartAnswer(CartState):
    """`cartId` is what a guest sends as `X-Cart-Id`."""

    cart_id: UUID | None

    @classmethod
    def of(cls, state: CartState) -> "CartAnswer":
        return cls(id=state.id, items=state.items, cart_id=state.id)


class ItemBody(Body):
    offer_id: UUID
    quantity: Annotated[Quantity, Field(strict=True)] = 1


class QuantityBody(Body):
    quantity: Annotated[int, Field(ge=0, le=999, strict=True)]


class MergeBody(Body):
    cart_id: UUID


@router.get("/cart", summary="The cart")
@router.get("/buyer/cart", summary="The cart")
async def view(ctx: Ctx, cart: CartDoor, cart_id: CartId = None) -> CartAnswer:
    return CartAnswer.of(await cart.view(ctx, cart_id=cart_id))


@router.post("/cart/items", summary="Add an item")
@router.post("/buyer/cart", summary="Add an item")
async def add(body: ItemBody, ctx: Ctx, cart: CartDoor, cart_id: CartId = None) -> CartAnswer:
    return CartAnswer.of(
        await cart.add(ctx, offer_id=body.offer_id, quantity=body.quantity, cart_id=cart_id)
    )


@router.patch("/cart/items/{offer_id}", summary="Set an item's quantity; 0 removes it")
@router.put("/buyer/cart/{offer_id}", summary="Set an item's quantity; 0 removes it")
async def put(
    offer_id: UUID, body: QuantityBody, ctx: Ctx, cart: CartDoor, cart_id: CartId = None
) -> CartAnswer:
    return CartAnswer.of(
        await cart.put(ctx, offer_id=offer_id, quantity=body.quantity, cart_id=cart_id)
    )


@router.delete("/cart/items/{offer_id}", summary="Remove an item")
@router.delete("/buyer/cart/{offer_id}", summary="Remove an item")
async def remove(offer_id: UUID, ctx: Ctx, cart: CartDoor, cart_id: CartId = None) -> CartAnswer:
    return CartAnswer.of(await cart.put(ctx, offer_id=offer_id, quantity=0, cart_id=cart_id))


@router.post("/cart/merge", summary="After sign-in: take over the guest's cart")
async def merge(body: MergeBody, ctx: Ctx, cart: CartDoor) -> CartAnswer:
    return CartAnswer.of(await cart.merge(ctx, guest_cart_id=body.cart_id))
