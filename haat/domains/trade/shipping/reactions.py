"""What shipping does when others tell something."""

from haat.domains.people.vendors.api import VendorApproved
from haat.domains.trade.shipping.service import ShippingService
from haat.kernel.context import Context
from haat.kernel.events import on


@on(VendorApproved)
async def approved(service: ShippingService, ctx: Context, events: list[VendorApproved]) -> None:
    """A new vendor can ship from its first day."""
    await service.open_methods(ctx, [event.vendor_id for event in events])
