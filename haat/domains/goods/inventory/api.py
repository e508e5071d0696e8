"""Stock per offer and warehouse; reservations held → promised → committed.

`on_hand` is the sum of an offer's movements. Held reservations expire by themselves; promised
ones never do. `available` = on hand − reserved − safety, over all warehouses.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Gone
from haat.kernel.events import Event
from haat.kernel.ids import derive
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

UNLIMITED = 1_000_000  # as many are there of what is not counted

Quantity = Annotated[int, Field(ge=1, le=10_000)]
OnHand = Annotated[int, Field(ge=0, le=10_000_000)]
Delta = Annotated[int, Field(ge=-10_000_000, le=10_000_000)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Counted = Literal["set", "correction", "import", "received", "damaged", "lost"]
Reason = Literal[Counted, "transfer", "sale", "return", "reject", "cancel"]


def reservation_of(order_id: UUID) -> UUID:
    """The reservation of an order's goods (its checkout has the same id)."""
    return derive(order_id, "reservation")


class OutOfStock(Conflict, code="out_of_stock"):
    """Not enough is left. `offers` in the problem lists {offerId, available} of what lacks."""


class ReservationExpired(Gone, code="reservation_expired"):
    """The reservation expired and its goods went back on sale."""


class WarehouseInUse(Conflict, code="warehouse_in_use"):
    """Goods lie there, or it is the vendor's first one: it cannot be closed."""


class WarehousesFull(Conflict, code="warehouses_full"):
    """A vendor has at most 50 warehouses."""


class Line(Model):
    """`warehouse_id`: the buyer collects it there, so it comes from nowhere else."""

    offer_id: UUID
    quantity: Quantity
    warehouse_id: UUID | None = None


class Reservation(Model):
    id: UUID
    state: Literal["held", "promised", "committed", "released"]
    expires_at: datetime | None


class AtPickup(Model):
    """How many of an offer can be collected at a warehouse."""

    warehouse_id: UUID
    available: int


class Available(Model):
    """`pickups`: where it can be collected, with what lies there."""

    offer_id: UUID
    available: int  # 0 for an offer that cannot be sold, UNLIMITED for one that is not counted
    pickups: list[AtPickup] = []


class Site(Model):
    """Where a warehouse is."""

    line1: Annotated[str, Field(min_length=1, max_length=120)]
    line2: Annotated[str, Field(max_length=120)] = ""
    city: Annotated[str, Field(min_length=1, max_length=120)]
    region: Annotated[str, Field(max_length=80)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    country: Country


class WarehouseDraft(Model):
    """What a vendor says of a warehouse. `priority`: the lowest is taken from first. `countries`:
    where it sends to; empty is everywhere. `pickup`: buyers may collect there, so it has an
    address; `pickup_note` says when it is open."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    priority: Annotated[int, Field(ge=1, le=999)] = 100
    countries: Annotated[list[Country], Field(max_length=250)] = []
    address: Site | None = None
    pickup: bool = False
    pickup_note: Annotated[str, Field(max_length=500)] = ""


class Warehouse(WarehouseDraft):
    id: UUID
    vendor_id: UUID
    is_default: bool  # where goods are when nothing else is said; never closed
    closed_at: datetime | None = None


class Kept(Model):
    """What of an offer lies in one warehouse."""

    warehouse_id: UUID
    on_hand: int
    reserved: int


class Stock(Model):
    """An offer's stock over all warehouses, and in each (`kept`). Where it is not `counted`, as
    many are sold as are asked for."""

    offer_id: UUID
    vendor_id: UUID
    sku: str
    on_hand: int
    reserved: int
    available: int
    safety: int = 0  # kept back from sale
    low_at: int  # the low-stock threshold; 0 is none
    counted: bool = True
    is_low: bool
    kept: list[Kept] = []
    updated_at: datetime


class Movement(Model):
    """`delta` on `on_hand` in one warehouse; append-only. `reference`: the reservation of a sale,
    the vendor order or refund of what came back, the transfer that two movements make up."""

    id: UUID
    offer_id: UUID
    warehouse_id: UUID
    delta: int
    reason: Reason
    reference: UUID | None = None
    actor: Literal["person", "guest", "system"] = "system"
    actor_id: UUID | None = None
    at: datetime


class PutCount(Model):
    """How many of an offer there are, as a movement called `id`. `product_id` and `sku` open its
    rows where OfferAdded has not been heard yet."""

    id: UUID
    offer_id: UUID
    product_id: UUID
    sku: str
    on_hand: OnHand


class StockLow(Event, name="inventory.low_stock", key="offer_id"):
    offer_id: UUID
    vendor_id: UUID
    sku: str
    available: int
    low_at: int


class BackInStock(Event, name="inventory.back_in_stock", key="offer_id"):
    """Of an offer that was watched: some can be had again. It is watched no more."""

    offer_id: UUID
    product_id: UUID
    vendor_id: UUID
    available: int


class StockTurned(Event, name="inventory.stock.turned", key="offer_id"):
    """The last one of an offer is gone, or there are some again; said when it turns. Where whoever
    turned it died, or put the counts of very many offers, a timer says it within five minutes.
    Unheard of offers have none."""

    offer_id: UUID
    product_id: UUID
    vendor_id: UUID
    in_stock: bool


class ThereNow(Model):
    offer_id: UUID
    product_id: UUID


class StockOpened(Event, name="inventory.stock.opened", key="vendor_id"):
    """StockTurned of many offers of a vendor's at once: they are new, and there is some of each.
    It is the first that is told of them, though it may be heard later than what followed: who has
    heard of an offer's stock already knows something newer."""

    vendor_id: UUID
    offers: list[ThereNow]


class StockReserved(Event, name="inventory.reserved", key="reservation_id"):
    reservation_id: UUID
    lines: list[Line]


class StockReleased(Event, name="inventory.released", key="reservation_id"):
    reservation_id: UUID


class StockCommitted(Event, name="inventory.committed", key="reservation_id"):
    reservation_id: UUID


class Inventory(Contract, name="inventory"):
    @query()
    async def available(
        self, ctx: Context, *, offers: list[UUID], country: Country | None = None
    ) -> list[Available]:
        """One entry per offer asked for, 0 for unknown ones. `country`: what can be sent there."""

    @command(scope="internal")
    async def reserve(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        ttl_s: Annotated[int, Field(ge=1, le=86_400)],
        country: Country | None = None,
    ) -> Reservation:
        """Holds all lines or none (OutOfStock), from warehouses that send to `country`: a line
        from one of them where that can be, by priority, else from as few as will do. The same id
        again answers the reservation that is there; ReservationExpired when that has ended."""

    @command(scope="internal")
    async def promise(self, ctx: Context, *, id: UUID) -> Reservation:
        """held → promised: it no longer expires. ReservationExpired when it did already."""

    @command(scope="internal")
    async def release(self, ctx: Context, *, id: UUID) -> None:
        """held or promised → released; harmless when it has ended or never was.

        A release that comes before its reserve keeps that reserve from ever holding anything.
        """

    @command(scope="internal", repeatable=True)
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
        sold: UUID | None = None,
    ) -> None:
        """Sold goods come back on sale, into the warehouses that reservation `sold` took them
        from; else into the first one. The same id again changes nothing."""

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

    @command(scope="internal")
    async def watch(self, ctx: Context, *, offers: list[UUID]) -> None:
        """Announces BackInStock of each, once, as soon as there are some. Unknown ones are left
        out; harmless when repeated."""

    @query(scope="vendor:stock")
    async def stock(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        low_only: bool = False,
        warehouse_id: UUID | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Stock]:
        """By SKU; `warehouse_id`: what has a place there."""

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
        reason: Counted = "set",
        warehouse_id: UUID | None = None,
    ) -> Stock:
        """Sets the count in a warehouse (the first one unless named) as a movement called `id`;
        Conflict `stock_reserved` when it would fall below what is reserved there. NotFound for
        another vendor's offer or warehouse; Invalid `warehouse_required` when none is named and
        goods lie elsewhere too."""

    @command(scope="internal", timeout_s=30)
    async def put_on_hand(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        counts: Annotated[list[PutCount], Field(max_length=5_000)],
        reason: Counted = "import",
    ) -> dict[UUID, str]:
        """Sets many counts of one vendor's in its first warehouse, where they differ. Answers, by
        offer, "changed", or the code of why it could not be: "stock_reserved",
        "warehouse_required", "not_found"; nothing of what was so already, or was set under this
        id before."""

    @command(scope="vendor:stock")
    async def adjust(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        delta: Delta,
        reason: Counted = "correction",
        warehouse_id: UUID | None = None,
    ) -> Stock:
        """Like `set_on_hand`, by a difference."""

    @command(scope="vendor:stock")
    async def transfer(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        quantity: OnHand,
        from_id: UUID,
        to_id: UUID,
    ) -> Stock:
        """Moves unreserved goods between a vendor's warehouses: two movements that refer to `id`.
        Conflict `stock_reserved` when fewer are free there."""

    @command(scope="vendor:stock")
    async def set_threshold(self, ctx: Context, *, offer_id: UUID, low_at: OnHand) -> Stock: ...

    @command(scope="vendor:stock")
    async def set_safety(self, ctx: Context, *, offer_id: UUID, safety: OnHand) -> Stock:
        """How many are kept back from sale, over all warehouses."""

    @command(scope="vendor:stock")
    async def set_counted(self, ctx: Context, *, offer_id: UUID, counted: bool) -> Stock:
        """Whether as many are sold as are there, or as many as are asked for. What is reserved
        already stays as it is."""

    @query(scope="vendor:stock")
    async def movements(
        self,
        ctx: Context,
        *,
        offer_id: UUID,
        reason: Reason | None = None,
        warehouse_id: UUID | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Movement]:
        """Newest first."""

    @query(scope="vendor:stock")
    async def warehouses(self, ctx: Context, *, vendor_id: UUID) -> list[Warehouse]:
        """The vendor's, open ones, by priority; the first one is there from the start."""

    @command(scope="vendor:stock")
    async def save_warehouse(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, draft: WarehouseDraft
    ) -> Warehouse:
        """Adds or changes one. NotFound for another vendor's or a closed one; WarehousesFull."""

    @command(scope="vendor:stock")
    async def close_warehouse(self, ctx: Context, *, id: UUID) -> None:
        """WarehouseInUse unless it is empty and not the first; harmless when repeated."""

    @query()
    async def pickup_points(
        self, ctx: Context, *, ids: Annotated[list[UUID], Field(max_length=100)]
    ) -> list[Warehouse]:
        """Those of these that buyers may collect at: for anybody."""
