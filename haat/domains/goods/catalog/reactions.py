"""What the catalogue hears of vendors: who may sell."""

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


@on(VendorApproved)
async def approved(
    service: CatalogService, ctx: Context, tx: Tx, events: list[VendorApproved]
) -> None:
    await service.set_vendors(tx, {e.vendor_id: True for e in events})


@on(VendorReinstated)
async def reinstated(
    service: CatalogService, ctx: Context, tx: Tx, events: list[VendorReinstated]
) -> None:
    await service.set_vendors(tx, {e.vendor_id: True for e in events})


@on(VendorSuspended)
async def suspended(
    service: CatalogService, ctx: Context, tx: Tx, events: list[VendorSuspended]
) -> None:
    await service.set_vendors(tx, {e.vendor_id: False for e in events})


@on(VendorRejected)
async def rejected(
    service: CatalogService, ctx: Context, tx: Tx, events: list[VendorRejected]
) -> None:
    await service.set_vendors(tx, {e.vendor_id: False for e in events})
