"""Carts: offer ids and quantities of guests and signed-in people. Prices nothing durable.

A guest's cart is known by its id alone, which cannot be guessed; a person's cart only by the
person. Views with titles, prices and stock are made by the gateways.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

Quantity = Annotated[int, Field(ge=1, le=999)]
ITEMS_MAX = 100


class CartFull(Conflict, code="cart_full"):
    """A cart holds at most 100 different items."""


class NotBuyable(Conflict, code="not_buyable"):
    """This is not on sale. `offers` in the problem lists which."""


class TooMany(Invalid, code="quantity_too_large"):
    """A cart holds at most 999 of one item."""


class Item(Model):
    """`price`: what one cost when it was put in; a cart promises no price."""

    offer_id: UUID
    quantity: int
    price: Money | None = None


class CartState(Model):
    """`id` None: there is no cart yet; adding an item makes one."""

    id: UUID | None
    items: list[Item] = []


class Closing(Model):
    """What a checkout took out of a cart."""

    checkout_id: UUID
    cart_id: UUID
    items: list[Item]


class Action(Model):
    """Something that was done with a cart. `reference`: the checkout that bought it, or the
    guest's cart that was merged into it."""

    cart_id: UUID
    at: datetime
    what: Literal["add", "set", "remove", "merge", "bought", "expire", "remind"]
    person_id: UUID | None = None
    offer_id: UUID | None = None
    quantity: int | None = None
    reference: UUID | None = None


class Recoveries(Model):
    """Of the carts whose owners were reminded in a time, how many became an order since."""

    reminded: int
    recovered: int


class CartLeft(Event, name="cart.abandoned", key="cart_id"):
    """A person who wants to be reminded left a cart behind; told once until something of it is
    bought."""

    cart_id: UUID
    person_id: UUID
    items: list[Item]


class Cart(Contract, name="cart", trail=False):
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

    @command(scope="internal", repeatable=True)
    async def close(self, ctx: Context, *, closings: list[Closing]) -> None:
        """These were bought: takes them out of their carts, keeps what came later. Harmless when
        a checkout is repeated, or when its cart is no more."""

    @query(scope="person")
    async def wants_reminders(self, ctx: Context) -> bool:
        """Whether the person wants one mail when a cart is left behind; not unless they said so."""

    @command(scope="person")
    async def want_reminders(self, ctx: Context, *, wanted: bool) -> None: ...

    @query(scope="staff:orders")
    async def recoveries(self, ctx: Context, *, since: datetime, until: datetime) -> Recoveries: ...

    @query(scope="staff:orders")
    async def actions(
        self, ctx: Context, *, cart_id: UUID, limit: Limit = 100, cursor: str | None = None
    ) -> Page[Action]:
        """What was done with a cart, newest first; kept for some months after the cart itself."""
