"""The arithmetic of tax, of price lists and of currencies: pure, exact, no floats."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from uuid import UUID

from haat.domains.goods.pricing.api import (
    BestPrice,
    CurrencyRate,
    PriceAsk,
    PriceEntry,
    PriceList,
    ShownPrice,
    Tier,
    Viewing,
)
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.money import Money, digits_of, money_of, share
from haat.kernel.text import is_plain_line

PRICE_MAX = 10_000_000_000  # minor units, as of an offer's own price
RATE_MAX = 10**9
VAT = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
    " GB NO CH BD AE SA ZA KE NG EG TR UA PH TH VN ID KR MX AR CL CO PE".split()
)
GST = frozenset("AU NZ IN SG CA MY".split())


def tax_on(amount: Money, rate_bp: int, *, included: bool) -> Money:
    """Tax at `rate_bp` basis points, inside `amount` when `included`, else on top of it.

    Rounded half up to a minor unit, away from zero for negative amounts.
    """
    if not included:
        return money_of(share(amount.minor, rate_bp), amount.currency)
    exact = Decimal(amount.minor) * rate_bp / (10_000 + rate_bp)
    minor = int(exact.to_integral_value(rounding=ROUND_HALF_UP))
    return money_of(minor, amount.currency)


def tax_word(country: str) -> str:
    """What people there call it."""
    return "VAT" if country in VAT else "GST" if country in GST else "tax"


# --- price lists -----------------------------------------------------------------------------


def applies(entry: PriceEntry, ask: PriceAsk) -> bool:
    """Whether the entry is about this offer, whatever the quantity."""
    if entry.offer_id is not None:
        return entry.offer_id == ask.offer_id
    if entry.vendor_id is not None and entry.vendor_id != ask.vendor_id:
        return False
    return entry.category_id is None or entry.category_id in ask.category_path


def price_by(entry: PriceEntry, ask: PriceAsk) -> Money:
    """What one costs by an entry that applies; never nothing."""
    if entry.price is not None:
        return entry.price
    off = share(ask.price.minor, entry.off_bp or 0)
    return Money(minor=max(ask.price.minor - off, 1), currency=ask.price.currency)


def is_in_force(one: PriceList, now: datetime) -> bool:
    begun = one.starts_at is None or one.starts_at <= now
    return one.active and begun and (one.ends_at is None or now < one.ends_at)


def note_of(name: str, entry: PriceEntry) -> str:
    """'Wholesale −10 %', 'Wholesale price, from 5'."""
    what = f"{name} price"
    if entry.off_bp is not None:
        percent = f"{Decimal(entry.off_bp) / 100:f}".rstrip("0").rstrip(".")
        percent = percent if entry.off_bp % 100 else str(entry.off_bp // 100)
        what = f"{name} −{percent} %"
    return what if entry.min_quantity == 1 else f"{what}, from {entry.min_quantity}"


Applied = tuple[str, PriceEntry]  # the list's name, and its entry


def best(ask: PriceAsk, entries: Iterable[Applied]) -> BestPrice:
    """The lowest price among everybody's and those of the entries that apply to so many; of equal
    ones everybody's, then the first."""
    found = BestPrice(offer_id=ask.offer_id, price=ask.price)
    for name, entry in entries:
        if ask.quantity < entry.min_quantity or not applies(entry, ask):
            continue
        price = price_by(entry, ask)
        if price.currency == ask.price.currency and price < found.price:
            found = BestPrice(offer_id=ask.offer_id, price=price, note=note_of(name, entry))
    return found


def tiers(ask: PriceAsk, entries: Sequence[Applied]) -> list[Tier]:
    """From how many on one costs less than for `ask.quantity`, step by step."""
    steps = sorted({e.min_quantity for _, e in entries if e.min_quantity > ask.quantity})
    found: list[Tier] = []
    last = best(ask, entries).price
    for count in steps:
        price = best(ask.model_copy(update={"quantity": count}), entries).price
        if price < last:
            found.append(Tier(min_quantity=count, price=price))
            last = price
    return found


def checked_list(one: PriceList, currency: str) -> PriceList:
    """The list, tidied. Invalid with the path of everything that is wrong."""
    wrong: list[FieldError] = []
    name = " ".join(one.name.split())
    if not name or not is_plain_line(name):
        wrong.append(FieldError(path="name", code="name_invalid", message="Give it a name."))
    for path, moment in (("startsAt", one.starts_at), ("endsAt", one.ends_at)):
        if moment is not None and moment.tzinfo is None:
            message = "Say in which time zone."
            wrong.append(FieldError(path=path, code="time_zone_missing", message=message))
    if not wrong and one.starts_at and one.ends_at and one.ends_at <= one.starts_at:
        message = "It ends before it begins."
        wrong.append(FieldError(path="endsAt", code="span_invalid", message=message))
    for place, entry in enumerate(one.entries):
        refused = _wrong_entry(entry, currency)
        if refused is not None:
            path, code, message = refused
            path = f"entries.{place}{path and f'.{path}'}"
            wrong.append(FieldError(path=path, code=code, message=message))
    if wrong:
        raise Invalid(wrong[0].message, code=wrong[0].code, fields=wrong[:50])
    return one.model_copy(update={"name": name})


def _wrong_entry(entry: PriceEntry, currency: str) -> tuple[str, str, str] | None:
    """Where it is wrong, the code and the words; None for one that is right."""
    fixed = entry.offer_id is not None and entry.price is not None
    percent = entry.off_bp is not None and entry.offer_id is None
    if fixed == percent or (fixed and (entry.vendor_id or entry.category_id or entry.off_bp)):
        return "", "entry_invalid", "An entry is an offer with a price, or a part that is off."
    if percent and entry.price is not None:
        return "price", "entry_invalid", "A price is for one offer."
    if entry.price is not None and entry.price.currency != currency:
        return "price", "currency_wrong", f"Prices are in {currency}."
    if entry.price is not None and not 0 < entry.price.minor <= PRICE_MAX:
        return "price", "price_invalid", "That is not a price."
    return None


# --- currencies ------------------------------------------------------------------------------


def exact_rate(text: str) -> Fraction:
    """A rate as it was written, exactly. Invalid at "rate"."""
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise Invalid.at("rate", "Write a number like 0.9215.", "rate_invalid") from None
    if found <= 0:
        raise Invalid.at("rate", "A rate is more than nothing.", "rate_zero")
    if found > RATE_MAX:
        raise Invalid.at("rate", "That rate is too large.", "rate_invalid")
    return found


def checked_currency(one: CurrencyRate, market: str) -> CurrencyRate:
    """Invalid at what is wrong."""
    exact_rate(one.rate)
    if one.code == market:
        raise Invalid.at("code", "That is the market's own currency.", "currency_own")
    if one.code == "XCR":
        raise Invalid.at("code", "Credits are no currency to show prices in.", "currency_unknown")
    if one.rounding in ("five", "ninety_nine") and digits_of(one.code) < 2:
        message = f"{one.code} has no smaller units: round to whole ones."
        raise Invalid.at("rounding", message, "rounding_invalid")
    if one.rated_at is not None and one.rated_at.tzinfo is None:
        raise Invalid.at("ratedAt", "Say in which time zone.", "time_zone_missing")
    source = " ".join(one.source.split())
    if source and not is_plain_line(source):
        raise Invalid.at("source", "Use plain characters.", "text_invalid")
    return one.model_copy(update={"source": source})


def as_text(rate: Decimal) -> str:
    """A stored rate without needless zeros."""
    with localcontext() as exactly:
        exactly.prec = 40
        return f"{rate.normalize():f}"


# --- as it is shown --------------------------------------------------------------------------


def shown_amount(amount: Money, tax_class: str, viewing: Viewing) -> Money:
    """An amount in the market's currency, as it is shown: without tax where that is asked for,
    then in the chosen currency."""
    if viewing.strip_tax:
        rate_bp = viewing.rates.get(tax_class, 0)
        amount = amount - tax_on(amount, rate_bp, included=True)
    return viewing.about(amount)


def shown(ask: PriceAsk, entries: Sequence[Applied], viewing: Viewing) -> ShownPrice:
    """What an offer costs somebody, as it is shown. A list's price is no announced reduction: the
    price before belongs to everybody's."""

    def as_shown(amount: Money | None) -> Money | None:
        return None if amount is None else shown_amount(amount, ask.tax_class, viewing)

    found = best(ask, entries)
    listed = bool(found.note)
    steps = [
        tier.model_copy(update={"price": shown_amount(tier.price, ask.tax_class, viewing)})
        for tier in tiers(ask, entries)
    ]
    return ShownPrice(
        offer_id=ask.offer_id,
        charged=found.price,
        price=shown_amount(found.price, ask.tax_class, viewing),
        usual=as_shown(ask.price) if listed else None,
        compare_at=None if listed else as_shown(ask.compare_at),
        lowest_before=None if listed else as_shown(ask.lowest_before),
        note=found.note,
        tiers=steps,
    )


def entries_for(
    lists: Mapping[UUID, Sequence[PriceList]], groups: Iterable[UUID], now: datetime
) -> list[Applied]:
    """What these groups' lists say now, by the lists' names."""
    in_force = [one for id in groups for one in lists.get(id, ()) if is_in_force(one, now)]
    in_force.sort(key=lambda one: (one.name, one.id))
    return [(one.name, entry) for one in in_force for entry in one.entries]
