"""What the market earns: commission and fees, less what was given back and what providers took."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Response

from haat.domains.money.statements.api import Statements
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.admin.payouts import HERE as SECTION
from haat.gateways.web.admin.payouts import tabs_of
from haat.gateways.web.kit.bars import bars
from haat.gateways.web.pages import money
from haat.gateways.web.visit import Visit
from haat.kernel.money import Money, total

router = APIRouter()
MONTHS, LEAST = 12, 6
COMMISSION = ("commission", "commission_reversal")
NAMES: Mapping[str, str] = {
    "commission": "Commission",
    "commission_reversal": "Commission given back",
    "fee": "Fees from vendors",
    "credit_note": "Credit notes",
    "provider_fee": "Fees of payment providers",
    "dispute_fee": "Fees for disputes",
    "correction": "Corrections",
}


@dataclass(frozen=True, slots=True)
class Month:
    """`by_name` as the ledger tells it, in minor units' money; `commission` is net of what was
    given back, `whole` all of it together."""

    first: datetime
    name: str
    by_name: Mapping[str, Money]
    commission: Money
    whole: Money


async def months_of(visit: Visit, count: int) -> list[Month]:
    """The last months, this one (so far) last."""
    first = (
        visit.ctx.now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    )
    begins = [first]
    while len(begins) < count:
        begins.append((begins[-1] - timedelta(days=1)).replace(day=1))
    begins.reverse()
    sums: list[dict[str, Money]] = await asyncio.gather(
        *(
            visit.doors[Statements].income(
                visit.ctx, since=begin, until=(begin + timedelta(days=32)).replace(day=1)
            )
            for begin in begins
        )
    )
    currency = visit.market.currency
    return [month(begin, found, currency) for begin, found in zip(begins, sums, strict=True)]


def month(first: datetime, found: Mapping[str, Money], currency: str) -> Month:
    commission = total((found[name] for name in COMMISSION if name in found), currency)
    return Month(first, f"{first:%B %Y}", found, commission, total(found.values(), currency))


def begun(months: Sequence[Month]) -> list[Month]:
    """Without the empty ones at the beginning, from before the market opened; at least LEAST."""
    first = next((n for n, one in enumerate(months) if one.by_name), len(months))
    return list(months[min(first, len(months) - LEAST) :])


def columns(months: Sequence[Month]) -> list[tuple[str, str]]:
    """(name, heading) of what any month has; known names first."""
    there = {name for one in months for name in one.by_name}
    known = [name for name in NAMES if name in there]
    return [
        (name, NAMES.get(name, name.replace("_", " ").capitalize()))
        for name in (*known, *sorted(there - set(known)))
    ]


@router.get("/admin/income")
async def show(visit: Staff) -> Response:
    months = begun(await months_of(visit, MONTHS))
    shown = columns(months)
    nothing = Money.zero(visit.market.currency)
    return page(
        visit,
        "income.html",
        SECTION,
        tabs=tabs_of(visit),
        months=months,
        columns=shown,
        rows=[(one, [one.by_name.get(name, nothing) for name, _ in shown]) for one in months[::-1]],
        bars=bars([(one.whole.minor, f"{one.name}: {money(one.whole)}") for one in months]),
        whole=total((one.whole for one in months), visit.market.currency),
        commission=total((one.commission for one in months), visit.market.currency),
    )
