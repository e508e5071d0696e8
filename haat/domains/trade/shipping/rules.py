"""Which ways to ship a parcel there are and what they cost. Pure."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

from haat.domains.trade.shipping.api import Band, Option, Parcel, ShippingMethod
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.ids import derive
from haat.kernel.money import Money, money_of

STANDARD_MINOR = 490  # 4.90 where a currency has two digits
# Carriers' pages about a parcel, by what stands in the carrier's name.
TRACKING_PAGES: Mapping[str, str] = {
    "dhl": "https://www.dhl.com/global-en/home/tracking.html?tracking-id={}",
    "dpd": "https://tracking.dpd.de/status/en_US/parcel/{}",
    "evri": "https://www.evri.com/track/parcel/{}",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={}",
    "gls": "https://gls-group.com/track/{}",
    "postnl": "https://jouw.postnl.nl/track-and-trace/{}",
    "royal mail": "https://www.royalmail.com/track-your-item#/tracking-results/{}",
    "ups": "https://www.ups.com/track?tracknum={}",
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
}
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TRACKING_DIGITS = 13  # 65 bits


def standard(vendor_id: UUID, currency: str) -> ShippingMethod:
    """The method every vendor starts with; the same id whoever makes it."""
    return ShippingMethod(
        id=derive(vendor_id, "standard"),
        vendor_id=vendor_id,
        name="Standard",
        bands=[Band(price=Money(minor=STANDARD_MINOR, currency=currency))],
    )


def price_of(method: ShippingMethod, parcel: Parcel) -> Money | None:
    """What the method costs for the parcel; None when it cannot be sent that way."""
    if not method.active or (method.countries and parcel.country not in method.countries):
        return None
    for band in method.bands:
        if band.weight_g_max is None or parcel.weight_g <= band.weight_g_max:
            free = method.free_from is not None and method.free_from <= parcel.goods
            return money_of(0, band.price.currency) if free else band.price
    return None


def options_of(methods: Sequence[ShippingMethod], parcel: Parcel) -> list[Option]:
    """Every way to send the parcel, cheapest first, then quickest."""
    found = []
    for method in methods:
        price = price_of(method, parcel)
        if price is not None and price.currency == parcel.goods.currency:
            found.append(
                Option(
                    method_id=method.id,
                    name=method.name,
                    price=price,
                    days_min=method.days_min,
                    days_max=method.days_max,
                    free_from=method.free_from,
                )
            )
    return sorted(found, key=lambda o: (o.price.minor, o.days_max, o.name, o.method_id))


def check(method: ShippingMethod, currency: str) -> None:
    """Invalid, with every field that is wrong: bands ascend and only the last has no limit, no
    price is negative, all are in the market's currency, the days are in order."""
    wrong: list[FieldError] = []

    def refuse(path: str, code: str, message: str) -> None:
        wrong.append(FieldError(path=path, code=code, message=message))

    below = 0
    for n, band in enumerate(method.bands):
        place = f"bands.{n}"
        if band.weight_g_max is None:
            if n != len(method.bands) - 1:
                refuse(f"{place}.weightGMax", "missing", "Only the last band has no limit.")
        elif band.weight_g_max <= below:
            refuse(f"{place}.weightGMax", "order", "Bands go from light to heavy.")
        else:
            below = band.weight_g_max
        if band.price.minor < 0:
            refuse(f"{place}.price", "negative", "A price cannot be negative.")
        if band.price.currency != currency:
            refuse(f"{place}.price", "currency_wrong", f"Prices are in {currency}.")
    if method.free_from is not None:
        if method.free_from.minor < 0:
            refuse("freeFrom", "negative", "An amount cannot be negative.")
        if method.free_from.currency != currency:
            refuse("freeFrom", "currency_wrong", f"Prices are in {currency}.")
    if method.days_min > method.days_max:
        refuse("daysMax", "order", "The longest time is not shorter than the shortest.")
    if wrong:
        raise Invalid("This shipping method is not valid.", fields=wrong)


def tracking_url(carrier: str, number: str) -> str:
    """The carrier's page about that parcel; "" for a carrier we do not know."""
    name = f" {carrier.lower()} "
    page = next((url for word, url in TRACKING_PAGES.items() if f" {word} " in name), None)
    return page.format(quote(number, safe="")) if page else ""


def tracking_number_of(shipment_id: UUID) -> str:
    """ "HT" and 13 characters (Crockford's base 32) that follow from the shipment's id."""
    rest = shipment_id.int
    digits = []
    for _ in range(_TRACKING_DIGITS):
        rest, digit = divmod(rest, 32)
        digits.append(_CROCKFORD[digit])
    return "HT" + "".join(digits)
