"""The cart over REST. A guest names the cart with `X-Cart-Id`, from the answer to the first item;
a person's cart is the person's."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query
from pydantic import Field

from haat.domains.trade.cart.api import Action, Cart, CartState, Quantity, Recoveries
from haat.engines.http import Ctx, Door
from haat.kernel.exact import Written
from haat.kernel.model import Body, Model
from haat.kernel.page import LIMIT_MAX, Page

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


class Reminders(Model):
    """Whether the person wants one mail when a cart is left behind."""

    wanted: bool


class RemindersBody(Body):
    wanted: Annotated[bool, Field(strict=True)]


@router.get("/cart", summary="The cart")
async def view(ctx: Ctx, cart: CartDoor, cart_id: CartId = None) -> CartAnswer:
    return CartAnswer.of(await cart.view(ctx, cart_id=cart_id))


@router.post("/cart/items", summary="Add an item")
async def add(body: ItemBody, ctx: Ctx, cart: CartDoor, cart_id: CartId = None) -> CartAnswer:
    return CartAnswer.of(
        await cart.add(ctx, offer_id=body.offer_id, quantity=body.quantity, cart_id=cart_id)
    )


@router.patch("/cart/items/{offer_id}", summary="Set an item's quantity; 0 removes it")
async def put(
    offer_id: UUID, body: QuantityBody, ctx: Ctx, cart: CartDoor, cart_id: CartId = None
) -> CartAnswer:
    return CartAnswer.of(
        await cart.put(ctx, offer_id=offer_id, quantity=body.quantity, cart_id=cart_id)
    )


@router.delete("/cart/items/{offer_id}", summary="Remove an item")
async def remove(offer_id: UUID, ctx: Ctx, cart: CartDoor, cart_id: CartId = None) -> CartAnswer:
    return CartAnswer.of(await cart.put(ctx, offer_id=offer_id, quantity=0, cart_id=cart_id))


@router.post("/cart/merge", summary="After sign-in: take over the guest's cart")
async def merge(body: MergeBody, ctx: Ctx, cart: CartDoor) -> CartAnswer:
    return CartAnswer.of(await cart.merge(ctx, guest_cart_id=body.cart_id))


@router.get("/cart/reminders", summary="Whether one is reminded of a cart left behind")
async def reminders(ctx: Ctx, cart: CartDoor) -> Reminders:
    return Reminders(wanted=await cart.wants_reminders(ctx))


@router.put("/cart/reminders", summary="Be reminded of a cart left behind, or not")
async def set_reminders(body: RemindersBody, ctx: Ctx, cart: CartDoor) -> Reminders:
    await cart.want_reminders(ctx, wanted=body.wanted)
    return Reminders(wanted=body.wanted)


@router.get("/admin/carts/recoveries", summary="How many reminded carts became an order")
async def recoveries(
    ctx: Ctx,
    cart: CartDoor,
    since: Annotated[Written | None, Query(description="30 days ago, when not given")] = None,
    until: Annotated[Written | None, Query(description="Now, when not given")] = None,
) -> Recoveries:
    end = until or ctx.now()
    return await cart.recoveries(ctx, since=since or end - timedelta(days=30), until=end)


@router.get("/admin/carts/{cart_id}/actions", summary="What was done with a cart, newest first")
async def actions(
    cart_id: UUID,
    ctx: Ctx,
    cart: CartDoor,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[Action]:
    return await cart.actions(ctx, cart_id=cart_id, limit=limit, cursor=cursor)
