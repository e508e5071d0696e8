"""Carts: offer ids and quantities of guests and signed-in people. Prices nothing durable.

A guest's cart is known by its id alone, which cannot be guessed; a person's cart only by the
person. Views with titles, prices and stock are made by the gateways.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.model import Model

Quantity = Annotated[int, Field(ge=1, le=999)]
ITEMS_MAX = 100


class CartFull(Conflict, code="cart_full"):
    """A cart holds at most 100 different items."""


class NotBuyable(Conflict, code="not_buyable"):
    """This is not on sale. `offers` in the problem lists which."""


class TooMany(Invalid, code="quantity_too_large"):
    """A cart holds at most 999 of one item."""


class Item(Model):
    offer_id: UUID
    quantity: int


class CartState(Model):
    """`id` None: there is no cart yet; adding an item makes one."""

    id: UUID | None
    items: list[Item] = []


class Cart(Contract, name="cart"):
    @query()
    async def view(self, ctx: Context, *, cart_id: UUID | None = None) -> CartState:
        """The person's open cart, or the guest's cart with that id; empty when there is none."""

    @command()
    async def add(
        self, ctx: Context, *, offer_id: UUID, quantity: Quantity = 1, cart_id: UUID | None = None
    ) -> CartState:
        """Adds to what is there. NotBuyable, CartFull, TooMany; OutOfStock when more than is left
        (a courtesy: nothing is reserved). A guest without a cart, or with the id of none, gets a
        new one."""

    @command()
    async def put(
        self,
        ctx: Context,
        *,
        offer_id: UUID,
        quantity: Annotated[int, Field(ge=0, le=999)],
        cart_id: UUID | None = None,
    ) -> CartState:
        """Sets the quantity, with the same refusals; 0 removes the item."""

    @command(scope="person")
    async def merge(self, ctx: Context, *, guest_cart_id: UUID) -> CartState:
        """At sign-in: the guest's items join the person's (the larger quantity wins), and the
        guest's cart is no more. Harmless when repeated."""

    @command(scope="internal")
    async def close(
        self, ctx: Context, *, id: UUID, items: list[Item], checkout_id: UUID | None = None
    ) -> None:
        """These were bought: takes them out of cart `id`, keeps what came later. Harmless when
        repeated with the same `checkout_id`, or when the cart is no more."""
