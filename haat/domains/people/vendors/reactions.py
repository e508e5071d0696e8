"""What vendors do about their own facts."""

from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorChanged,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.people.vendors.service import VendorsService
from haat.kernel.context import Context
from haat.kernel.events import on


@on(VendorApplied)
async def applied(service: VendorsService, ctx: Context, events: list[VendorApplied]) -> None:
    """Finishes an application whose second step was lost; sent twice it changes nothing."""
    for event in events:
        await service.seat_owner(ctx, vendor_id=event.vendor_id, person_id=event.person_id)


VendorFact = VendorApproved | VendorRejected | VendorSuspended | VendorReinstated | VendorChanged


# Whoever wrote forgot the copies after the commit: this is for the writer that died in between,
# or did not reach the cache.
@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorReinstated)
@on(VendorChanged)
async def copies_are_old(service: VendorsService, ctx: Context, events: list[VendorFact]) -> None:
    await service.forget_copies([event.vendor_id for event in events])
