"""Which goods can be sent and which collected, and where. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from haat.domains.goods.inventory.api import Available, OutOfStock, Warehouse
from haat.domains.trade.checkout.rules import Part
from haat.domains.trade.shipping.api import NoShipping, Option, VendorOptions
from haat.kernel.ids import derive
from haat.kernel.money import Money

NAME = "Collect at {}"
DIGITAL = "Nothing is shipped"
SERVICE = "By arrangement"


def sites_of(parts: Iterable[Part], stock: Iterable[Available]) -> dict[UUID, list[UUID]]:
    """Vendor → warehouses where all of its part can be collected; those without are left out."""
    known = {one.offer_id: {p.warehouse_id: p.available for p in one.pickups} for one in stock}
    if not any(known.values()):
        return {}
    found = {}
    for part in parts:
        places = [
            {id for id, left in known[one.offer.offer_id].items() if left >= one.quantity}
            for one in part.physical
        ]
        if places and (everywhere := set.intersection(*places)):
            found[part.vendor_id] = sorted(everywhere)
    return found


def without_parcel(part: Part, free: Money) -> Option:
    """How what is not sent reaches its buyer."""
    services = all(one.offer.kind == "service" for one in part.goods)
    return Option(
        method_id=derive(part.vendor_id, "nothing"),
        name=SERVICE if services else DIGITAL,
        price=free,
        days_min=0,
        days_max=0,
        nothing=True,
    )


def ways(
    parts: Sequence[Part],
    stock: Sequence[Available],
    shipping: Iterable[VendorOptions],
    sites: Mapping[UUID, Sequence[UUID]],
    places: Iterable[Warehouse],
    currency: str,
) -> list[VendorOptions]:
    """Every part's ways: those of shipping, as far as the goods can be sent, then those of
    collecting. OutOfStock or NoShipping, naming offers or vendors, where there is none."""
    left = {one.offer_id: one.available for one in stock}
    by_vendor = {one.vendor_id: one.options for one in shipping}
    by_id = {one.id: one for one in places}
    free = Money.zero(currency)
    found, lacking, unreached = [], [], []
    for part in parts:
        short = [one for one in part.goods if left.get(one.offer.offer_id, 0) < one.quantity]
        intangible = [one for one in short if one.offer.kind != "physical"]
        if not part.physical:
            options = [] if short else [without_parcel(part, free)]
        else:
            options = [] if short else list(by_vendor[part.vendor_id])
        options += (
            []
            if intangible
            else [
                Option(
                    method_id=id,
                    name=NAME.format(by_id[id].name),
                    price=free,
                    days_min=0,
                    days_max=0,
                    pickup=True,
                )
                for id in sites.get(part.vendor_id, ())
                if id in by_id
            ]
        )
        if not options:
            lacking += short
            unreached += [] if short else [str(part.vendor_id)]
        found.append(VendorOptions(vendor_id=part.vendor_id, options=options))
    if lacking:
        raise OutOfStock(
            offers=[
                {"offerId": str(one.offer.offer_id), "available": left.get(one.offer.offer_id, 0)}
                for one in lacking
            ]
        )
    if unreached:
        raise NoShipping(vendors=unreached)
    return found
