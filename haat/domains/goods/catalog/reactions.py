"""What the catalogue hears: of vendors, who may sell; of itself, which copies are old."""

from haat.domains.goods.catalog.api import CategorySaved, ListingChanged
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.people.vendors.api import (
    VendorApproved,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import on

VendorFact = VendorApproved | VendorRejected | VendorSuspended | VendorReinstated


# One subscriber, so that a vendor's facts are heard in the order they happened: one who comes back
# right after leaving must not end as gone.
@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorReinstated)
async def vendors_moved(
    service: CatalogService, ctx: Context, tx: Tx, events: list[VendorFact]
) -> None:
    may_sell = (VendorApproved, VendorReinstated)
    await service.set_vendors(tx, {e.vendor_id: isinstance(e, may_sell) for e in events})


# Whoever wrote forgot the copies after the commit: this is for the writer that died in between,
# or did not reach the cache. What is on sale never changes without one of these.
@on(ListingChanged)
@on(CategorySaved)
async def copies_are_old(
    service: CatalogService, ctx: Context, events: list[ListingChanged | CategorySaved]
) -> None:
    await service.forget_copies([e.product_id for e in events if isinstance(e, ListingChanged)])
