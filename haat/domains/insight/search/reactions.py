"""What search hears: what is on sale, whose, where, and what was sold."""

from haat.domains.goods.catalog.api import CategorySaved, ListingChanged
from haat.domains.insight.search.service import SearchService
from haat.domains.people.vendors.api import (
    VendorApproved,
    VendorChanged,
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
    await service.vendors_renamed(ctx, [(one.vendor_id, one.slug, one.name) for one in events])


@on(VendorReinstated)
async def vendors_reinstated(
    service: SearchService, ctx: Context, events: list[VendorReinstated]
) -> None:
    await service.vendors_changed(ctx, [(one.vendor_id, "", "", "", True) for one in events])


@on(VendorSuspended)
async def vendors_suspended(
    service: SearchService, ctx: Context, events: list[VendorSuspended]
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
