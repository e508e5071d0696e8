"""What onboarding hears of vendors, and what it does by itself."""

from collections.abc import Mapping

from haat.domains.people.onboarding.api import Stage
from haat.domains.people.onboarding.service import OnboardingService
from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorClosed,
    VendorRejected,
)
from haat.kernel.context import Context
from haat.kernel.events import Event, every, on

VendorFact = VendorApplied | VendorApproved | VendorRejected | VendorClosed
STAGES: Mapping[type[Event], Stage] = {
    VendorApproved: "approved",
    VendorRejected: "rejected",
    VendorClosed: "closed",
}


# One subscriber, so that a vendor's facts are heard in the order they happened.
@on(VendorApplied)
@on(VendorApproved)
@on(VendorRejected)
@on(VendorClosed)
async def vendors_moved(service: OnboardingService, ctx: Context, events: list[VendorFact]) -> None:
    for event in events:
        if isinstance(event, VendorApplied):
            await service.began(ctx, event.vendor_id)
        else:
            await service.follow(ctx, event.vendor_id, STAGES[type(event)])


@every(seconds=30)
async def tell_rest(service: OnboardingService, ctx: Context) -> None:
    await service.tell_rest(ctx)


@every(seconds=30)
async def follow_terms(service: OnboardingService, ctx: Context) -> None:
    """Time runs out without an event."""
    await service.follow_terms(ctx)


@every(seconds=600, noted=True)
async def delete_due(service: OnboardingService, ctx: Context) -> None:
    await service.delete_due(ctx)
