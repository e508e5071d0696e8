"""Stock per offer: on hand, reserved, movements; reservations held → promised → committed.

`on_hand` is the sum of an offer's movements. Held reservations expire by themselves; promised
ones never do. `available` = on hand − reserved.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Gone
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

Quantity = Annotated[int, Field(ge=1, le=10_000)]
OnHand = Annotated[int, Field(ge=0, le=10_000_000)]


class OutOfStock(Conflict, code="out_of_stock"):
    """Not enough is left. `offers` in the problem lists {offerId, available} of what lacks."""


class ReservationExpired(Gone, code="reservation_expired"):
    """The reservation expired and its goods went back on sale."""


class Line(Model):
    offer_id: UUID
    quantity: Quantity


class Reservation(Model):
    id: UUID
    state: Literal["held", "promised", "committed", "released"]
    expires_at: datetime | None


class Available(Model):
    offer_id: UUID
    available: int  # 0 for an offer that cannot be sold


class Stock(Model):
    offer_id: UUID
    vendor_id: UUID
    sku: str
    on_hand: int
    reserved: int
    available: int
    low_at: int  # the low-stock threshold; 0 is none
    is_low: bool
    updated_at: datetime


class Movement(Model):
    """`delta` on `on_hand`; append-only."""

    id: UUID
    offer_id: UUID
    delta: int
    reason: Literal["set", "correction", "import", "sale", "return", "reject", "cancel"]
    reference: UUID | None = None
    at: datetime


class StockLow(Event, name="inventory.low_stock", key="offer_id"):
    offer_id: UUID
    vendor_id: UUID
    sku: str
    available: int
    low_at: int


class StockReserved(Event, name="inventory.reserved", key="reservation_id"):
    reservation_id: UUID
    lines: list[Line]


class StockReleased(Event, name="inventory.released", key="reservation_id"):
    reservation_id: UUID


class StockCommitted(Event, name="inventory.committed", key="reservation_id"):
    reservation_id: UUID


class Inventory(Contract, name="inventory"):
    @query()
    async def available(self, ctx: Context, *, offers: list[UUID]) -> list[Available]:
        """One entry per offer asked for, 0 for unknown ones."""

    @command(scope="internal")
    async def reserve(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        ttl_s: Annotated[int, Field(ge=1, le=86_400)],
    ) -> Reservation:
        """Holds all lines or none (OutOfStock). The same id again answers the reservation that is
        there; ReservationExpired when that one has ended."""

    @command(scope="internal")
    async def promise(self, ctx: Context, *, id: UUID) -> Reservation:
        """held → promised: it no longer expires. ReservationExpired when it did already."""

    @command(scope="internal")
    async def release(self, ctx: Context, *, id: UUID) -> None:
        """held or promised → released; harmless when it has ended or never was.

        A release that comes before its reserve keeps that reserve from ever holding anything.
        """

    @command(scope="internal")
    async def commit(self, ctx: Context, *, ids: list[UUID]) -> None:
        """promised → committed: the goods leave the stock (one `sale` movement a line)."""

    @command(scope="internal")
    async def restock(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        reason: Literal["return", "reject", "cancel"],
        reference: UUID,
    ) -> None:
        """Sold goods come back on sale; the same id again changes nothing."""

    @query(scope="internal")
    async def reservations(self, ctx: Context, *, ids: list[UUID]) -> list[Reservation]:
        """Those of these that were ever made. An expired one is `released`."""

    @query(scope="internal", timeout_s=60)
    async def kept_count(self, ctx: Context) -> int:
        """How many reservations are promised or committed."""

    @query(scope="internal")
    async def kept(
        self, ctx: Context, *, limit: Limit = 100, cursor: str | None = None
    ) -> Page[Reservation]:
        """Promised and committed ones, by id."""

    @query(scope="vendor:stock")
    async def stock(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        low_only: bool = False,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Stock]: ...

    @query(scope="vendor:stock")
    async def stock_of(self, ctx: Context, *, offers: list[UUID]) -> list[Stock]:
        """Of the acting vendor's own offers among these (all, for modules)."""

    @query(scope="vendor:stock")
    async def find(
        self,
        ctx: Context,
        *,
        ref: Annotated[str, Field(min_length=1, max_length=80)],
        vendor_id: UUID | None = None,
    ) -> list[Stock]:
        """By offer id, product id (all its offers) or SKU, of that vendor: the acting one where
        none is named. A SKU needs a vendor. Empty when there is nothing of theirs."""

    @command(scope="vendor:stock")
    async def set_on_hand(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        on_hand: OnHand,
        reason: Literal["set", "correction", "import"] = "set",
    ) -> Stock:
        """Sets the count as a movement called `id`; Conflict `stock_reserved` when it would fall
        below what is reserved. NotFound for another vendor's offer."""

    @command(scope="vendor:stock")
    async def set_threshold(self, ctx: Context, *, offer_id: UUID, low_at: OnHand) -> Stock: ...

    @query(scope="vendor:stock")
    async def movements(
        self, ctx: Context, *, offer_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Movement]: ...
