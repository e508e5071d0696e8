"""What an offer costs when: pure.

`Offer.price` as it is stored is the vendor's own (the *base*); scheduled prices lie over it. What
is charged and shown on a product's page follows from the clock (`at`); what lists, the search index
and the price history show follows from how far a timer has come (`settled`), seconds behind.

A reduction is announced by a price before (`compare_at`). Beside it stands the lowest price of the
30 days before it was announced (Directive 98/6/EC, Article 6a; Commission guidance 2021/C 526/02).
So between the clock and the timer no price before is shown: that lowest price is not known yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.goods.catalog.offering import Offer
from haat.domains.goods.catalog.prices import PriceStep, ScheduledPrice
from haat.domains.goods.catalog.product import Product
from haat.kernel.errors import Invalid
from haat.kernel.money import Money

WINDOW = timedelta(days=30)
SPAN_MAX = timedelta(days=366)
_REDUCTION = ("compare_at", "lowest_before")


def settled(offer: Offer) -> Offer:
    """The offer as lists show it now."""
    running = next((s for s in offer.scheduled if s.state == "running"), None)
    return (
        offer.model_copy(update={"scheduled": []}) if running is None else _during(offer, running)
    )


def at(offer: Offer, now: datetime) -> Offer:
    """The offer as it is sold at this moment."""
    if not offer.scheduled:
        return offer
    running = next((s for s in offer.scheduled if s.runs(now)), None)
    if running is not None:
        known = running if running.state == "running" else _unannounced(running)
        return _during(offer, known)
    told = all(s.state == "waiting" and now < s.starts_at for s in offer.scheduled)
    change = dict.fromkeys([] if told else _REDUCTION)
    return offer.model_copy(update={**change, "scheduled": []})


def _unannounced(one: ScheduledPrice) -> ScheduledPrice:
    return one.model_copy(update=dict.fromkeys(_REDUCTION))


def _during(offer: Offer, one: ScheduledPrice) -> Offer:
    return offer.model_copy(
        update={
            "price": one.price,
            "compare_at": one.compare_at,
            "lowest_before": one.lowest_before,
            "price_until": one.ends_at,
            "scheduled": [],
        }
    )


def product_at(product: Product, now: datetime, *, lowest: bool = True) -> Product:
    """The product as everybody may see it at this moment; without lowest prices where the market
    does not show them."""
    if lowest and not any(o.scheduled for v in product.variants for o in v.offers):
        return product
    hidden = {} if lowest else {"lowest_before": None}
    variants = [
        v.model_copy(update={"offers": [at(o, now).model_copy(update=hidden) for o in v.offers]})
        for v in product.variants
    ]
    return product.model_copy(update={"variants": variants})


def is_reduced(offer: Offer | ScheduledPrice) -> bool:
    """Whether a reduction is announced."""
    return offer.compare_at is not None and offer.price < offer.compare_at


def is_due(offer: Offer, now: datetime) -> bool:
    """Whether a scheduled price began or ended, and lists have not followed yet."""
    return any(boundary(s, now) is not None for s in offer.scheduled)


def is_any_due(product: Product, now: datetime) -> bool:
    return any(is_due(o, now) for v in product.variants for o in v.offers)


def boundary(one: ScheduledPrice, now: datetime) -> datetime | None:
    """When the change of state that is due took place."""
    if one.state == "waiting" and one.starts_at <= now:
        return one.starts_at
    return one.ends_at if one.state == "running" and one.ends_at <= now else None


def lowest_before(steps: Iterable[PriceStep], announced: datetime) -> int | None:
    """The lowest price of the 30 days before that moment, in minor units; None when there was no
    price before it. `steps` in any order."""
    begin = announced - WINDOW
    found: list[int] = []
    entering: PriceStep | None = None
    for step in steps:
        if begin <= step.at < announced:
            found.append(step.price.minor)
        elif step.at < begin and (entering is None or entering.at <= step.at):
            entering = step
    if entering is not None:
        found.append(entering.price.minor)
    return min(found, default=None)


def checked_span(
    starts_at: datetime | None, ends_at: datetime, now: datetime
) -> tuple[datetime, datetime]:
    """From when until when; Invalid."""
    for name, moment in (("startsAt", starts_at), ("endsAt", ends_at)):
        if moment is not None and moment.tzinfo is None:
            raise Invalid.at(name, "Say in which time zone.", "time_zone_missing")
    start = max(starts_at or now, now)
    if starts_at is not None and ends_at <= starts_at:
        raise Invalid.at("endsAt", "It ends before it begins.", "span_invalid")
    if ends_at <= now:
        raise Invalid.at("endsAt", "That time is over.", "span_past")
    if ends_at - start > SPAN_MAX:
        raise Invalid.at("endsAt", "At most a year: change the price itself.", "span_too_long")
    if start > now + 2 * SPAN_MAX:
        raise Invalid.at("startsAt", "At most two years ahead.", "span_too_far")
    return start, ends_at


def announced(
    before: Sequence[Offer], after: Sequence[Offer], known: Mapping[UUID, Money]
) -> dict[UUID, Money | None]:
    """What stands beside the reductions of the offers of `after` that are new or announce another
    price; `known`: the lowest prices before, where there was one."""
    cost = {o.id: o.price for o in before}  # for one whose history was never written
    return {
        o.id: known.get(o.id, cost.get(o.id, o.price)) if is_reduced(o) else None
        for o in changed_offers(before, after)
    }


def changed_offers(before: Sequence[Offer], after: Sequence[Offer]) -> list[Offer]:
    """Those of `after` that are new or announce another price, or price before, than they did."""
    was = {o.id: (o.price, o.compare_at) for o in before}
    return [o for o in after if was.get(o.id) != (o.price, o.compare_at)]
