"""What can be changed. A refusal that is to be expected is an answer (`Refused`), by field where a
field is to blame; who may not ask at all, and what is broken, stands in `errors`."""

from collections.abc import Awaitable
from enum import Enum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from haat.domains.goods.catalog import api as catalog
from haat.domains.goods.inventory import api as inventory
from haat.domains.trade.cart import api as cart
from haat.gateways.graphql.carts import Cart, cart_seen
from haat.gateways.graphql.checking import check
from haat.gateways.graphql.ids import uuid_of
from haat.gateways.graphql.node import Info
from haat.gateways.graphql.offers import Condition, Offer, OfferStatus
from haat.gateways.graphql.scalars import MoneyInput, SafeInt
from haat.kernel.errors import Problem

T = TypeVar("T")
EXPECTED = frozenset({404, 409, 410, 422})


@strawberry.type(description="What is wrong with one field of the input.")
class InputError:
    path: str
    code: str
    message: str


@strawberry.type(description="It was not done, and nothing has changed.")
class Refused:
    code: str
    http_status: int = strawberry.field(description="What REST would answer.")
    message: str
    fields: list[InputError]

    @classmethod
    def of(cls, problem: Problem) -> "Refused":
        fields = [
            InputError(path=_below_input(f.path), code=f.code, message=f.message)
            for f in problem.fields
        ]
        return cls(
            code=problem.code, http_status=problem.status, message=problem.detail, fields=fields
        )


@strawberry.type(description="Stock of one of the acting vendor's offers.")
class Stock:
    offer_uuid: UUID
    sku: str
    on_hand: SafeInt
    reserved: SafeInt
    available: SafeInt
    safety: SafeInt

    @classmethod
    def of(cls, row: inventory.Stock) -> "Stock":
        return cls(
            offer_uuid=row.offer_id,
            sku=row.sku,
            on_hand=SafeInt(row.on_hand),
            reserved=SafeInt(row.reserved),
            available=SafeInt(row.available),
            safety=SafeInt(row.safety),
        )


CartResult = Annotated[Cart | Refused, strawberry.union("CartResult")]
OfferResult = Annotated[Offer | Refused, strawberry.union("OfferResult")]
StockResult = Annotated[Stock | Refused, strawberry.union("StockResult")]


@strawberry.input(description="`cart`: a guest's, from the answer to the first item.")
class CartItemInput:
    offer: strawberry.ID
    quantity: int
    cart: UUID | None = None


@strawberry.input(description="What is given changes; `compareAt: null` takes that price away.")
class OfferInput:
    offer: strawberry.ID
    sku: str | None = None
    price: MoneyInput | None = None
    compare_at: MoneyInput | None = strawberry.UNSET
    condition: Condition | None = None
    handling_days: int | None = None
    status: OfferStatus | None = None


@strawberry.enum(description="Why a count is another one now.")
class CountReason(Enum):
    SET = "set"
    CORRECTION = "correction"
    RECEIVED = "received"
    DAMAGED = "damaged"
    LOST = "lost"


@strawberry.input(description="The count found. In the first warehouse unless one is named.")
class StockInput:
    offer: strawberry.ID
    on_hand: SafeInt
    reason: CountReason = CountReason.SET
    warehouse: UUID | None = None


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Adds to what is in the cart.")
    async def cart_add(self, info: Info, input: CartItemInput) -> CartResult:
        return await _answered(_put_in(info, input, "add"))

    @strawberry.mutation(description="Sets an item's quantity; 0 removes it.")
    async def cart_put(self, info: Info, input: CartItemInput) -> CartResult:
        return await _answered(_put_in(info, input, "put"))

    @strawberry.mutation(description="Changes, pauses or resumes one of the vendor's own offers.")
    async def offer_change(self, info: Info, input: OfferInput) -> OfferResult:
        return await _answered(_change(info, input))

    @strawberry.mutation(description="Sets the count of one of the vendor's own offers.")
    async def stock_set(self, info: Info, input: StockInput) -> StockResult:
        return await _answered(_count(info, input))


async def _answered(work: Awaitable[T]) -> T | Refused:
    try:
        return await work
    except Problem as problem:
        if problem.status in EXPECTED:
            return Refused.of(problem)
        raise


async def _put_in(info: Info, input: CartItemInput, how: str) -> Cart:
    inquiry = info.context
    given: dict[str, Any] = {
        "offer_id": uuid_of(input.offer, "Offer", "input.offer"),
        "quantity": input.quantity,
        "cart_id": input.cart,
    }
    check(cart.Cart, how, given, below="input", offerId="offer", cartId="cart")
    door = inquiry.doors[cart.Cart]
    state: cart.CartState = await (door.add if how == "add" else door.put)(inquiry.ctx, **given)
    return await cart_seen(inquiry, state)


async def _change(info: Info, input: OfferInput) -> Offer:
    inquiry = info.context
    id = uuid_of(input.offer, "Offer", "input.offer")
    change = {
        "sku": input.sku,
        "price": _amount(input.price),
        "compare_at": _amount(input.compare_at or None),
        "no_compare_at": input.compare_at is None,
        "condition": input.condition.value if input.condition else None,
        "handling_days": input.handling_days,
        "status": input.status.value if input.status else None,
    }
    given = {"id": id, "change": change}
    check(catalog.Catalog, "change_offer", given, below="input", change="")
    changed = await inquiry.doors[catalog.Catalog].change_offer(
        inquiry.ctx, id=id, change=catalog.OfferChange.model_validate(change)
    )
    own = await inquiry.doors[catalog.Catalog].own_offer(inquiry.ctx, id=id)
    return Offer.of(changed, own.product_id)


async def _count(info: Info, input: StockInput) -> Stock:
    inquiry = info.context
    given = {
        "id": inquiry.ctx.new_id(),
        "offer_id": uuid_of(input.offer, "Offer", "input.offer"),
        "on_hand": input.on_hand,
        "reason": input.reason.value,
        "warehouse_id": input.warehouse,
    }
    names = {"offerId": "offer", "warehouseId": "warehouse"}
    check(inventory.Inventory, "set_on_hand", given, below="input", **names)
    return Stock.of(await inquiry.doors[inventory.Inventory].set_on_hand(inquiry.ctx, **given))


def _below_input(path: str) -> str:
    return path if path.startswith("input") else f"input.{path}"


def _amount(given: MoneyInput | None) -> dict[str, Any] | None:
    return None if given is None else {"minor": given.minor, "currency": given.currency}
