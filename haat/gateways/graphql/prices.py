"""Amounts as they are told to who asks: a customer group's own, in any currency the market shows.

A guest who names no currency is answered from what is there: those fields cost no call, and no
turn of the loop.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry

from haat.domains.goods.pricing.api import ShownPrice
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.scalars import Money
from haat.kernel.money import Money as Amount

Currency = Annotated[
    str | None,
    strawberry.argument(
        description="One of the market's `currencies`; what is charged stays in its own."
    ),
]


def told(inquiry: Inquiry, amount: Amount | None, currency: str | None) -> Any:
    """The amount, or what is awaited for it."""
    return Money.maybe(amount) if currency is None else _about(inquiry, amount, currency)


def own(
    inquiry: Inquiry,
    everybodys: Amount | None,
    currency: str | None,
    find: Callable[[], Awaitable[Amount | None]],
) -> Any:
    """The same of what may be another amount for a member of a customer group: `find` asks."""
    if not inquiry.is_person:
        return told(inquiry, everybodys, currency)

    async def ask() -> Money | None:
        amount = await find() if await inquiry.is_member() else everybodys
        return await _about(inquiry, amount, currency)

    return ask()


def is_listed(price: ShownPrice | None) -> bool:
    """Whether a price list makes it cheaper."""
    return price is not None and bool(price.note)


async def _about(inquiry: Inquiry, amount: Amount | None, currency: str | None) -> Money | None:
    if amount is None or currency is None:
        return Money.maybe(amount)
    return Money.of((await inquiry.viewing(currency)).about(amount))
