"""What vendors do about their own facts."""

from haat.domains.people.vendors.api import VendorApplied
from haat.domains.people.vendors.service import VendorsService
from haat.kernel.context import Context
from haat.kernel.events import on


@on(VendorApplied)
async def applied(service: VendorsService, ctx: Context, events: list[VendorApplied]) -> None:
    """Finishes an application whose second step was lost; sent twice it changes nothing."""
    for event in events:
        await service.seat_owner(ctx, vendor_id=event.vendor_id, person_id=event.person_id)
