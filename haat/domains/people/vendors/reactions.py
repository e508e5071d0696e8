"""What vendors do about their own facts."""

from haat.domains.people.identity.api import TeamChanged
from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorAway,
    VendorBack,
    VendorChanged,
    VendorClosed,
    VendorClosing,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.people.vendors.service import VendorsService
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(VendorApplied)
async def applied(service: VendorsService, ctx: Context, events: list[VendorApplied]) -> None:
    """Finishes an application whose second step was lost; sent twice it changes nothing."""
    for event in events:
        await service.seat_owner(ctx, vendor_id=event.vendor_id, person_id=event.person_id)


@on(VendorChanged)
async def pictures_are_shown(
    service: VendorsService, ctx: Context, events: list[VendorChanged]
) -> None:
    await service.claim_pictures(ctx, sorted({event.vendor_id for event in events}))


@on(VendorApplied)
@on(VendorChanged)
async def names_are_no_passwords(
    service: VendorsService, ctx: Context, events: list[VendorApplied | VendorChanged]
) -> None:
    await service.tell_names(ctx, {event.vendor_id: event.name for event in events})


VendorFact = (
    VendorApproved
    | VendorRejected
    | VendorSuspended
    | VendorReinstated
    | VendorChanged
    | VendorAway
    | VendorBack
    | VendorClosing
    | VendorClosed
)


# Whoever wrote forgot the copies after the commit: this is for the writer that died in between,
# or did not reach the cache.
@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorReinstated)
@on(VendorChanged)
@on(VendorAway)
@on(VendorBack)
@on(VendorClosing)
@on(VendorClosed)
async def copies_are_old(service: VendorsService, ctx: Context, events: list[VendorFact]) -> None:
    await service.forget_copies([event.vendor_id for event in events])


@on(TeamChanged)
async def owner_is_another(
    service: VendorsService, ctx: Context, events: list[TeamChanged]
) -> None:
    await service.follow_owners(ctx, {one.vendor_id: one.owners for one in events})


@every(seconds=15, noted=True)
async def turn_absences(service: VendorsService, ctx: Context) -> None:
    await service.turn_absences(ctx)
