"""What the catalogue hears: of vendors, who may sell; of itself, which copies are old.

The clock says which scheduled prices begin and end."""

from haat.domains.goods.catalog.api import (
    CategorySaved,
    ListingChanged,
    PicturesShown,
)
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.people.vendors.api import (
    VendorApproved,
    VendorAway,
    VendorBack,
    VendorClosing,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import every, on

VendorFact = (
    VendorApproved
    | VendorRejected
    | VendorSuspended
    | VendorReinstated
    | VendorAway
    | VendorBack
    | VendorClosing
)


# One subscriber, so that a vendor's facts are heard in the order they happened: one who comes back
# right after leaving must not end as gone.
@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorReinstated)
@on(VendorAway)
@on(VendorBack)
@on(VendorClosing)
async def vendors_moved(
    service: CatalogService, ctx: Context, tx: Tx, events: list[VendorFact]
) -> None:
    await service.set_vendors(tx, {e.vendor_id: _is_listed(e) for e in events})


def _is_listed(event: VendorFact) -> bool:
    """Whether the vendor's listings are shown from then on; whether they are bought, too, is
    inventory's."""
    if isinstance(event, VendorAway):
        return not event.hidden
    return isinstance(event, VendorApproved | VendorReinstated | VendorBack)


# Media removes what nobody shows: in time, but never what stands here.
@on(PicturesShown)
async def pictures_are_shown(
    service: CatalogService, ctx: Context, events: list[PicturesShown]
) -> None:
    await service.claim_pictures(ctx, events)


# Whoever wrote forgot the copies after the commit: this is for the writer that died in between,
# or did not reach the cache. What is on sale never changes without one of these.
@on(ListingChanged, where={"new": False})
@on(CategorySaved)
async def copies_are_old(
    service: CatalogService, ctx: Context, events: list[ListingChanged | CategorySaved]
) -> None:
    await service.forget_copies([e.product_id for e in events if isinstance(e, ListingChanged)])


@every(seconds=2)
async def prices_begin_and_end(service: CatalogService, ctx: Context) -> None:
    """What is charged needs no timer; lists, the index and the history follow by this one."""
    await service.settle_prices(ctx)


@every(seconds=2)
async def counts_follow(service: CatalogService, ctx: Context) -> None:
    """Readers count what was not added yet themselves: this keeps that little."""
    await service.count_up(ctx)
