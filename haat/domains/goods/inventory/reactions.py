"""What inventory hears, and what it does by the clock."""

from haat.domains.goods.catalog.api import (
    OfferAdded,
    OfferMoved,
    OfferRenamed,
    OffersAdded,
    ProductKindChanged,
)
from haat.domains.goods.inventory.service import InventoryService
from haat.domains.people.vendors.api import (
    VendorAway,
    VendorBack,
    VendorClosing,
    VendorReinstated,
    VendorSuspended,
)
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(OfferAdded, batch=500)
@on(OffersAdded, batch=20)
async def offers_added(
    service: InventoryService, ctx: Context, tx: Tx, events: list[OfferAdded | OffersAdded]
) -> None:
    await service.open_rows(tx, events)


@on(OfferRenamed)
async def offers_renamed(
    service: InventoryService, ctx: Context, tx: Tx, events: list[OfferRenamed]
) -> None:
    await service.rename(tx, events)


@on(OfferMoved)
async def offers_moved(
    service: InventoryService, ctx: Context, tx: Tx, events: list[OfferMoved]
) -> None:
    await service.move(tx, {e.offer_id: e.product_id for e in events})


@on(ProductKindChanged)
async def kinds_changed(
    service: InventoryService, ctx: Context, tx: Tx, events: list[ProductKindChanged]
) -> None:
    await service.turn(tx, {e.product_id: e.kind == "physical" for e in events})


# One subscriber, so that who comes back right after leaving does not end as gone.
@on(VendorSuspended)
@on(VendorReinstated)
@on(VendorAway)
@on(VendorBack)
@on(VendorClosing)
async def vendors_moved(
    service: InventoryService,
    ctx: Context,
    tx: Tx,
    events: list[VendorSuspended | VendorReinstated | VendorAway | VendorBack | VendorClosing],
) -> None:
    last = {e.vendor_id: isinstance(e, VendorReinstated | VendorBack) for e in events}
    await service.suspend(tx, {id for id, is_back in last.items() if not is_back})
    await service.reinstate(tx, {id for id, is_back in last.items() if is_back})


@every(seconds=5)
async def expire_held(service: InventoryService, ctx: Context) -> None:
    await service.expire(ctx)


@every(seconds=5)
async def tell_low(service: InventoryService, ctx: Context) -> None:
    await service.tell_low(ctx)


@every(seconds=5)
async def tell_back(service: InventoryService, ctx: Context) -> None:
    await service.tell_back(ctx)


@every(seconds=300)
async def tell_turned(service: InventoryService, ctx: Context) -> None:
    await service.tell_turned(ctx)
