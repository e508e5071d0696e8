"""What search hears: what is on sale, whose, where, what there is of it, and what was sold."""

from haat.domains.goods.catalog.api import CategorySaved, ListingChanged, ListingsAdded
from haat.domains.goods.inventory.api import StockOpened, StockTurned
from haat.domains.insight.search.service import SearchService
from haat.domains.people.vendors.api import (
    VendorApproved,
    VendorChanged,
    VendorClosing,
    VendorReinstated,
    VendorSuspended,
)
from haat.domains.trade.orders.api import OrderDelivered
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(ListingChanged, batch=500)
async def listings_changed(
    service: SearchService, ctx: Context, events: list[ListingChanged]
) -> None:
    await service.show(ctx, events)


@on(ListingsAdded, batch=10)
async def listings_added(service: SearchService, ctx: Context, events: list[ListingsAdded]) -> None:
    await service.show_added(ctx, events)


@on(StockOpened, batch=10)
async def stock_opened(service: SearchService, ctx: Context, events: list[StockOpened]) -> None:
    await service.stock_opened(ctx, events)


@on(CategorySaved)
async def categories_changed(
    service: SearchService, ctx: Context, events: list[CategorySaved]
) -> None:
    await service.categories_changed(ctx, events)


@on(VendorApproved)
async def vendors_approved(
    service: SearchService, ctx: Context, events: list[VendorApproved]
) -> None:
    await service.vendors_changed(
        ctx, [(one.vendor_id, one.slug, one.name, one.country, True) for one in events]
    )


@on(VendorChanged)
async def vendors_changed(
    service: SearchService, ctx: Context, events: list[VendorChanged]
) -> None:
    await service.vendors_renamed(ctx, events)


@on(StockTurned, batch=500)
async def stock_turned(service: SearchService, ctx: Context, events: list[StockTurned]) -> None:
    await service.stock_turned(ctx, events)


@on(VendorReinstated)
async def vendors_reinstated(
    service: SearchService, ctx: Context, events: list[VendorReinstated]
) -> None:
    await service.vendors_changed(ctx, [(one.vendor_id, "", "", "", True) for one in events])


@on(VendorSuspended)
@on(VendorClosing)
async def vendors_suspended(
    service: SearchService, ctx: Context, events: list[VendorSuspended | VendorClosing]
) -> None:
    await service.vendors_changed(ctx, [(one.vendor_id, "", "", "", False) for one in events])


@on(OrderDelivered)
async def orders_delivered(
    service: SearchService, ctx: Context, events: list[OrderDelivered]
) -> None:
    await service.sold(ctx, events)


@every(seconds=3600)
async def forget_old(service: SearchService, ctx: Context) -> None:
    await service.forget_old(ctx)
